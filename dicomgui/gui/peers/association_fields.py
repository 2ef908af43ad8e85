"""What an association is to be agreed on beyond its contexts: operations at a time, roles, extended negotiation."""

from __future__ import annotations

from PySide6.QtCore import Signal

from dicomgui.app.configuration import values as checks
from dicomgui.app.configuration.listener_options import PERFORMED
from dicomgui.app.configuration.negotiation_file import NegotiationFile
from dicomgui.app.configuration.settings import ListenerSettings
from dicomgui.app.configuration.values import QUERY_FLAGS
from dicomgui.app.connection import MAX_OPERATIONS, RoleWish, check_operations
from dicomgui.app.viewing.charset_lens import CANDIDATES
from dicomgui.gui.peers.connection_fields import parse_max_pdu
from dicomgui.gui.widgets.buttons import Choice, push_button
from dicomgui.gui.widgets.fields import YES, FieldSet, check_box, line_edit
from dicomgui.gui.widgets.text import PlainLabel
from dicomgui.network.association.extended import QueryFlags
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.transport import Proxy

__all__ = ["AssociationFields", "operations_text", "parse_operations"]

USUAL_ASSOCIATIONS = ListenerSettings().max_associations

_UNLIMITED = "no limit"
_ROLES = {
    RoleWish.USUAL: "as the operation needs",
    RoleWish.USER: "user (SCU)",
    RoleWish.PROVIDER: "provider (SCP)",
    RoleWish.BOTH: "both (SCU, SCP)",
}
_FLAGS = {
    "relational": ("Relational", "Keys of any level at once"),
    "date-time": ("Date with time", "Date and time matched as one"),
    "fuzzy": ("Fuzzy names", "Fuzzy semantic matching of person names"),
    "timezone": ("Time zones", "Times converted to the time zone of the query"),
    "enhanced-multi-frame": ("Enhanced view", "Images as classic or as enhanced multi-frame ones"),
}


def parse_operations(text: str) -> int:
    """A number of operations from text: 1 for nothing typed, 0 for no limit.

    :raises ConfigurationError: it is none.
    """
    text = text.strip().lower()
    if text == _UNLIMITED:
        return 0
    if not text:
        return 1
    if not (text.isascii() and text.isdigit() and len(text) < 12):
        raise ConfigurationError(
            f"{text!r} is no number of operations", phase="configure",
            hint=f"Give 1 to {MAX_OPERATIONS}, or 0 for no limit.",
        )  # fmt: skip
    check_operations(int(text), 1)
    return int(text)


def operations_text(number: int) -> str:
    """A number of operations for people."""
    return str(number) if number else _UNLIMITED


class AssociationFields(FieldSet):
    """The fields of one node, or with ``is_server`` what the listener grants.

    :param prefix: begins the object names: ``node_operations_invoked``, ``node_role``, ``node_ext_relational`` …
    """

    file_wanted = Signal(str)
    """The user wants to choose the file of the field with this name."""

    def __init__(self, prefix: str, *, is_server: bool = False) -> None:
        super().__init__()
        whose = ("Callers' requests at once", "Ours to them at once") if is_server else (
            "Our requests at once", "Its requests at once")  # fmt: skip
        tip = f"Asynchronous operations window: 1 to {MAX_OPERATIONS}, 0 for no limit"
        self.invoked = line_edit(f"{prefix}_operations_invoked", whose[0], hint="1", tip=tip)
        self.performed = line_edit(f"{prefix}_operations_performed", whose[1], hint="1", tip=tip)
        self.add_row(("operations_invoked", whose[0], self.invoked, None),
                     ("operations_performed", whose[1], self.performed, None))  # fmt: skip
        if is_server:
            tip = "Needed by callers that get images over their own association (C-GET)"
            self.add_row(("grant_scp_role", "", check_box(f"{prefix}_grant_scp_role", "Grant the provider's role (SCP)",
                                                          tip=tip), None))  # fmt: skip
        else:
            role = Choice(f"{prefix}_role", "Roles to ask for")
            for wish, text in _ROLES.items():
                role.addItem(text, wish.value)
            self.add_row(("role", "Roles to ask for", role, None))
        self._add_limits(prefix, is_server=is_server)
        self._add_negotiation(prefix)
        heading = PlainLabel("Extended negotiation: grant" if is_server else "Extended negotiation: ask for",
                             tone="muted", scale=0.9)  # fmt: skip
        heading.setContentsMargins(0, 6, 0, 0)
        self.add_wide(heading)
        performed = checks.written_flags(PERFORMED) if is_server else _FLAGS
        boxes = [
            (
                f"ext_{name}",
                "",
                check_box(
                    f"{prefix}_ext_{name.replace('-', '_')}",
                    text if name in performed else f"{text} (not performed)",
                    tip=tip,
                ),
                None,
            )
            for name, (text, tip) in _FLAGS.items()
        ]
        if is_server:
            tip = "Only keys of any level and date with time are performed; the rest is granted without it"
            text = "Grant what is not performed, for tests"
            boxes.append(("grants_unperformed", "", check_box(f"{prefix}_grants_unperformed", text, tip=tip), None))
        for at in range(0, len(boxes), 2):
            pair = boxes[at : at + 2]
            self.add_row(*pair)

    def _add_negotiation(self, prefix: str) -> None:
        label = "Negotiation profiles"
        tip = "File of presentation contexts, roles and the rest, in TOML or as DCMTK's -xf; goes before what is here"
        edit = line_edit(f"{prefix}_negotiation_file", label, hint="none", tip=tip)
        button = push_button(f"{prefix}_negotiation_file_browse", "", "folder", tip="Choose the file")
        button.setAccessibleName(f"Choose: {label}")
        button.clicked.connect(lambda: self.file_wanted.emit("negotiation_file"))
        name = line_edit(f"{prefix}_negotiation_profile", "Profile of the file", hint="its only one", tip="By its name")
        self.add_row(("negotiation_file", label, edit, button))
        self.add_row(("negotiation_profile", "Profile of the file", name, None))

    def _add_limits(self, prefix: str, *, is_server: bool) -> None:
        tip = "In bytes, even if longer ones are taken; 0 or nothing for what is taken"
        sent = line_edit(f"{prefix}_max_sent_pdu", "Longest PDU that we send, in bytes", hint="what is taken", tip=tip)
        row = ("max_sent_pdu", "Longest PDU we send", sent, None)
        if is_server:
            tip = "One more is rejected for the moment (2/3/2: local limit exceeded)"
            most = line_edit(
                f"{prefix}_max_associations", "Associations at once", hint=f"{USUAL_ASSOCIATIONS}", tip=tip
            )
            self.add_row(row, ("max_associations", "Associations at once", most, None))
            return
        charset = Choice(f"{prefix}_charset", "Character set of texts that name none")
        charset.addItem("guessed", "")
        for term, title in CANDIDATES.items():
            charset.addItem(f"{title} ({term})", term)
        charset.setToolTip("For answers without Specific Character Set (0008,0005); what names its set is read in that")
        self.add_row(row, ("charset", "Texts that name no set", charset, None))
        tip = "http://host:port (CONNECT) or socks5h://host:port, also with user@; its password is asked for"
        proxy = line_edit(f"{prefix}_proxy", "Proxy", hint="none: straight to the peer", tip=tip)
        self.add_row(("proxy", "Proxy", proxy, None))
        tip = "What the check box beside Send says when this node is chosen"
        commit = check_box(f"{prefix}_ask_commitment", "Ask for storage commitment after a send", tip=tip)
        self.add_row(("ask_commitment", "", commit, None))

    def max_sent_pdu_length(self) -> int:
        """Longest PDU that we send, in bytes; 0 for what the peer takes.

        :raises ConfigurationError: the field holds no length.
        """
        return parse_max_pdu(self.texts()["max_sent_pdu"]) or 0

    def max_associations(self) -> int:
        """Associations at one time.

        :raises ConfigurationError: the field holds no such number.
        """
        text = self.texts()["max_associations"].strip()
        if not text:
            return USUAL_ASSOCIATIONS
        if not (text.isascii() and text.isdigit() and len(text) < 12):
            raise checks.wrong(f"{text[:40]!r} is no number of associations")
        return checks.associations(int(text))

    def negotiation(self) -> NegotiationFile | None:
        """The negotiation profile that is named; not read here.

        :raises ConfigurationError: a profile is named without its file.
        """
        texts = self.texts()
        path, name = texts["negotiation_file"].strip(), texts["negotiation_profile"].strip()
        if name and not path:
            raise checks.wrong("there is a negotiation profile without its file")
        return NegotiationFile(path, name) if path else None

    def proxy(self) -> Proxy | None:
        """The proxy that leads to the peer.

        :raises ConfigurationError: the field holds none.
        """
        text = self.texts()["proxy"].strip()
        return checks.proxy(text) if text else None

    def charset(self) -> str:
        """Term of the character set of texts that name none; empty where it is guessed."""
        return self.texts()["charset"]

    def asks_commitment(self) -> bool:
        """Whether storage commitment is asked for after a send."""
        return self.texts()["ask_commitment"] == YES

    def operations(self) -> tuple[int, int]:
        """The window: what we invoke, what the peer may (for a server: what the peer invokes, what we may).

        :raises ConfigurationError: a field holds no number.
        """
        return parse_operations(self.invoked.text()), parse_operations(self.performed.text())

    def role(self) -> RoleWish:
        """The roles to ask for."""
        return RoleWish(self.texts()["role"])

    def grants_scp(self) -> bool:
        """Whether callers get the provider's role."""
        return self.texts()["grant_scp_role"] == YES

    def grants_unperformed(self) -> bool:
        """Returns whether what is not performed is granted all the same."""
        return self.texts()["grants_unperformed"] == YES

    def extended(self) -> QueryFlags:
        """What to ask for, or to grant, by extended negotiation."""
        texts = self.texts()
        return QueryFlags(**{entry: texts[f"ext_{name}"] == YES for name, entry in QUERY_FLAGS.items()})

    @staticmethod
    def texts_of(
        async_ops: tuple[int, int], extended: QueryFlags, role: RoleWish = RoleWish.USUAL, *, grants_scp: bool = False,
        max_sent_pdu_length: int = 0, max_associations: int = USUAL_ASSOCIATIONS, proxy: Proxy | None = None,
        charset: str = "", ask_commitment: bool = False, grants_unperformed: bool = False,
        negotiation: NegotiationFile | None = None,
    ) -> dict[str, str]:  # fmt: skip
        """What the fields hold for these values."""
        invoked, performed = ("" if number == 1 else str(number) for number in async_ops)
        flags = {f"ext_{name}": YES if getattr(extended, entry) else "" for name, entry in QUERY_FLAGS.items()}
        return {
            "operations_invoked": invoked,
            "operations_performed": performed,
            "role": role.value,
            "grant_scp_role": YES if grants_scp else "",
            "max_sent_pdu": str(max_sent_pdu_length or ""),
            "max_associations": "" if max_associations == USUAL_ASSOCIATIONS else str(max_associations),
            "proxy": checks.written_proxy(proxy),
            "negotiation_file": "" if negotiation is None else negotiation.path,
            "negotiation_profile": "" if negotiation is None else negotiation.name,
            "charset": charset,
            "ask_commitment": YES if ask_commitment else "",
            "grants_unperformed": YES if grants_unperformed else "",
            **flags,
        }

    def summary(self) -> str:
        """In a few words; nothing where all is usual."""
        texts = self.texts()
        parts = []
        invoked, performed = texts["operations_invoked"] or "1", texts["operations_performed"] or "1"
        if (invoked, performed) != ("1", "1"):
            parts.append(f"{invoked} and {performed} at once")
        if texts.get("role", RoleWish.USUAL) != RoleWish.USUAL:
            parts.append(f"role {texts['role']}")
        if texts.get("grant_scp_role"):
            parts.append("SCP role")
        if texts["max_sent_pdu"].strip():
            parts.append(f"PDUs up to {texts['max_sent_pdu'].strip()}")
        if texts.get("max_associations", "").strip():
            most = texts["max_associations"].strip()
            parts.append(f"{most} association{'' if most == '1' else 's'} at once")
        if texts.get("proxy", "").strip():
            parts.append("proxy")
        if texts["negotiation_file"].strip():
            parts.append("negotiation profile")
        if texts.get("ask_commitment"):
            parts.append("storage commitment")
        if texts.get("charset"):
            parts.append(texts["charset"])
        if count := sum(texts[f"ext_{name}"] == YES for name in QUERY_FLAGS):
            parts.append(f"{count} extended")
        return ", ".join(parts)
