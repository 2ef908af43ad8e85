"""What the listener gives and takes: services, callers by AE title, SOP classes, transfer syntaxes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from enum import StrEnum
from functools import cache
from types import MappingProxyType
from typing import Final, TypeVar

from PySide6.QtWidgets import QHBoxLayout, QWidget

from dicomgui.app.configuration.move_rules import parse_move_rule
from dicomgui.app.configuration.provided import STORAGE, USUAL, Provided, check_networks, pattern_of
from dicomgui.app.configuration.settings import ListenerSettings
from dicomgui.gui.widgets.buttons import Choice
from dicomgui.gui.widgets.fields import YES, FieldSet, check_box, line_edit
from dicomgui.gui.widgets.text import PlainLabel, count_text
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.service import Strictness
from dicomgui.network.uids import (
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    TRANSFER_SYNTAXES,
    name_of,
)
from dicomgui.storage import DuplicatePolicy, FolderLayout, FolderPatterns, IdentifierRule
from dicomgui.storage.placeholders import ElementPath

__all__ = ["ServiceFields"]

_SERVICES: Final = {
    Provided.STORE: ("Store", "Keep what is sent by C-STORE"),
    Provided.QUERY: ("Query", "Answer C-FIND from the archive"),
    Provided.MOVE: ("Move", "C-MOVE: send from the archive to saved nodes"),
    Provided.GET: ("Get", "C-GET: send from the archive to who asks"),
}
_ANY, _NATIVE, _ONLY = "", "native", "only"
_UNCOMPRESSED: Final = (EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN)
_LAYOUTS: Final = {
    FolderLayout.UID: "by UID",
    FolderLayout.PATIENT: "by UID, and by patient, study, series",
    FolderLayout.DATE: "by UID, and by date, study, series",
    FolderLayout.PATTERN: "by UID, and by own pattern",
}
_DUPLICATES: Final = {
    DuplicatePolicy.KEEP_BOTH: "keep both",
    DuplicatePolicy.REFUSE: "refuse the new one",
    DuplicatePolicy.REPLACE: "replace the old one",
}
_STRICTNESS: Final = {
    Strictness.STRICT: "refuse them",
    Strictness.WARN: "keep them, answer with a warning (B007)",
    Strictness.ANY: "keep them, answer Success (to test senders)",
}
_IDENTIFIERS: Final = {
    IdentifierRule.STRICT: "strict: refuse what PS3.4 forbids (A900)",
    IdentifierRule.USUAL: "usual: refuse without the keys of higher levels",
    IdentifierRule.LENIENT: "lenient: answer them, and mark them",
}
_Member = TypeVar("_Member", bound=StrEnum)
_EXAMPLE: Final[Mapping[ElementPath, str]] = {
    0x0008_0018: "1.2.3.4.7",
    0x0008_0020: "20240131",
    0x0008_0030: "101500",
    0x0008_0050: "A1001",
    0x0008_0060: "CT",
    0x0008_1030: "Head",
    0x0008_103E: "Axial",
    0x0010_0010: "Doe^Jane",
    0x0010_0020: "P1001",
    0x0020_000D: "1.2.3.4",
    0x0020_000E: "1.2.3.4.1",
    0x0020_0011: "1",
    0x0020_0013: "7",
}
_SEPARATOR: Final = ";"  # names of transfer syntaxes have commas


@cache
def _names(uids: tuple[str, ...]) -> Mapping[str, str]:
    """UIDs by name; made when the first is read, since what knows the names takes a third of a second to load."""
    return MappingProxyType({name_of(uid).casefold(): uid for uid in uids})


class ServiceFields(FieldSet):
    """A row of services, and below it whom and what they are for."""

    def __init__(self) -> None:
        super().__init__()
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(18)
        for service, (title, tip) in _SERVICES.items():
            box = check_box(f"listener_service_{service.value}", title, tip=tip)
            self.register(service.value, box)
            row.addWidget(box)
        row.addStretch(1)
        holder = QWidget()
        holder.setLayout(row)
        self.add_wide(holder)
        tip = "AE titles of callers, with * and ?, between semicolons; who is not on the list is refused, and shown"
        titles = line_edit("listener_calling_titles", "Callers that are let in", hint="everybody; or CT1; MR*", tip=tip)
        tip = "Addresses or ranges of them, between semicolons; connections from elsewhere are closed, and shown"
        hint = "everywhere; or 192.0.2.0/24; 2001:db8::/32"
        networks = line_edit("listener_calling_networks", "Addresses that callers come from", hint=hint, tip=tip)
        self.add_row(
            ("titles", "Callers by AE title", titles, None), ("networks", "Callers by address", networks, None)
        )
        classes = Choice("listener_classes", "SOP classes")
        classes.addItem("every standard storage class", _ANY)
        classes.addItem("only these", _ONLY)
        syntaxes = Choice("listener_syntaxes", "Transfer syntaxes")
        for text, data in (("any", _ANY), ("uncompressed only", _NATIVE), ("only these, the best first", _ONLY)):
            syntaxes.addItem(text, data)
        self.add_row(("classes", "SOP classes", classes, None), ("syntaxes", "Transfer syntaxes", syntaxes, None))
        tip = "Names or UIDs, between semicolons"
        for name, label, hint in (
            ("class_names", "SOP classes by name or UID", "CT Image Storage; MR Image Storage"),
            ("syntax_names", "Transfer syntaxes by name or UID", "RLE Lossless; Explicit VR Little Endian"),
        ):
            self.add_row((name, label, line_edit(f"listener_{name}", label, hint=hint, tip=tip), None))
        tip = "The folders for people are links: nothing is stored twice"
        layout = _choice("listener_layout", "Folder layout", _LAYOUTS, tip)
        tip = "An equal data set is kept once, whatever is chosen"
        duplicates = _choice("listener_duplicates", "Another data set with a UID that is here", _DUPLICATES, tip)
        self.add_row(
            ("layout", "Folder layout", layout, None), ("duplicates", "Same UID, other data set", duplicates, None)
        )
        tip = (
            "Attributes by keyword or tag: {PatientID|none}, {StudyDate:%Y}, {InstanceNumber:05}, "
            "{ConceptNameCodeSequence[0].CodeMeaning}; / between folders"
        )
        folders = line_edit("listener_folder_pattern", "Pattern of the folders", tip=tip)
        files = line_edit("listener_file_pattern", "Pattern of the file name", tip=tip)
        self.add_row(
            ("folders", "Pattern of the folders", folders, None), ("files", "Pattern of the file name", files, None)
        )
        self.preview = PlainLabel(tone="muted", scale=0.9, wrap=True)
        self.preview.setObjectName("listener_pattern_preview")
        self.add_wide(self.preview)
        tip = "Callers and destinations by AE title with * and ?, between semicolons; {caller} is the caller itself"
        moves = line_edit("listener_moves", "Moves, caller=destination", hint="all; or CT*=WS1; *={caller}", tip=tip)
        self.add_row(("moves", "Moves, caller=destination", moves, None))
        self._add_treatment()
        tip = "For load tests: no folder and no index, and queries and retrievals are not answered"
        discards = check_box("listener_discards", "Receive and discard: answer Success, keep nothing", tip=tip)
        self.add_row(("discards", "", discards, None))
        self.note = PlainLabel(tone="warning", scale=0.9, wrap=True)
        self.note.setObjectName("listener_services_note")
        self.add_wide(self.note)
        self.changed.connect(self._show)

    def _add_treatment(self) -> None:
        """The treatment of what is against the standard."""
        tip = "Data sets that no reader can read, or that are another instance than their command says"
        strictness = _choice("listener_strictness", "Broken instances", _STRICTNESS, tip)
        tip = "Keys of other levels, unique keys that are missing, wildcards in them"
        identifiers = _choice("listener_identifiers", "Queries and retrievals with odd keys", _IDENTIFIERS, tip)
        self.add_row(
            ("strictness", "Broken instances", strictness, None), ("identifiers", "Odd queries", identifiers, None)
        )

    def show_settings(self, settings: ListenerSettings) -> None:
        """Fill in."""
        syntaxes = settings.transfer_syntaxes
        is_native = syntaxes == _UNCOMPRESSED
        texts = {service.value: YES if service in settings.services else "" for service in _SERVICES}
        texts |= {
            "titles": f"{_SEPARATOR} ".join(settings.calling_ae_titles),
            "networks": f"{_SEPARATOR} ".join(settings.calling_networks),
            "classes": _ONLY if settings.sop_classes else _ANY,
            "class_names": _written(settings.sop_classes),
            "syntaxes": _NATIVE if is_native else _ONLY if syntaxes else _ANY,
            "syntax_names": "" if is_native else _written(syntaxes),
            "layout": settings.layout.value,
            "folders": settings.patterns.folder,
            "files": settings.patterns.file,
            "moves": f"{_SEPARATOR} ".join("=".join(rule) for rule in settings.move_rules),
            "duplicates": settings.on_duplicate.value,
            "strictness": settings.strictness.value,
            "identifiers": settings.identifiers.value,
            "discards": YES if settings.discards else "",
        }
        self.set_texts(texts)
        self._show()

    def over(self, settings: ListenerSettings) -> ListenerSettings:
        """``settings`` with what the fields say.

        :raises ConfigurationError: a UID, an AE title or a range of addresses is none.
        """
        texts = self.texts()
        chosen = {service for service in _SERVICES if texts[service.value] == YES}
        classes = _read(texts["class_names"], _names(tuple(STORAGE))) if texts["classes"] == _ONLY else ()
        syntaxes = _read(texts["syntax_names"], _names(tuple(TRANSFER_SYNTAXES))) if texts["syntaxes"] == _ONLY else ()
        return replace(
            settings,
            services=frozenset(chosen | (settings.services - USUAL)),
            calling_ae_titles=_parts(texts["titles"]),
            calling_networks=check_networks(_parts(texts["networks"])),
            sop_classes=classes,
            transfer_syntaxes=_UNCOMPRESSED if texts["syntaxes"] == _NATIVE else syntaxes,
            layout=FolderLayout(texts["layout"]),
            patterns=self._patterns() if texts["layout"] == FolderLayout.PATTERN else settings.patterns,
            move_rules=tuple(map(parse_move_rule, _parts(texts["moves"]))),
            on_duplicate=DuplicatePolicy(texts["duplicates"]),
            strictness=Strictness(texts["strictness"]),
            identifiers=IdentifierRule(texts["identifiers"]),
            discards=texts["discards"] == YES,
        )

    @property
    def discards(self) -> bool:
        """True where nothing is kept."""
        return self.texts()["discards"] == YES

    def allow(self, calling_ae_title: str) -> None:
        """Put a caller on the list, if there is one."""
        titles, pattern = _parts(self.texts()["titles"]), pattern_of(calling_ae_title.strip())
        if titles and pattern not in titles:
            self.set_texts(self.texts() | {"titles": f"{_SEPARATOR} ".join((*titles, pattern))})

    def summary(self) -> str:
        """The services that are on, and whom and what they are limited to."""
        texts = self.texts()
        parts = [", ".join(title.lower() for one, (title, _) in _SERVICES.items() if texts[one.value]) or "echo alone"]
        if titles := _parts(texts["titles"]):
            parts.append(count_text(len(titles), "caller"))
        if networks := _parts(texts["networks"]):
            parts.append(f"from {count_text(len(networks), 'range')} of addresses")
        if texts["classes"] == _ONLY:
            parts.append(count_text(len(_parts(texts["class_names"])), "SOP class", "SOP classes"))
        if texts["syntaxes"] == _NATIVE:
            parts.append("uncompressed only")
        elif texts["syntaxes"] == _ONLY:
            parts.append(count_text(len(_parts(texts["syntax_names"])), "transfer syntax", "transfer syntaxes"))
        if texts["discards"] == YES:
            parts.append("nothing is kept")
        if texts["layout"] == FolderLayout.PATIENT:
            parts.append("folders by patient")
        elif texts["layout"] == FolderLayout.DATE:
            parts.append("folders by date")
        elif texts["layout"] == FolderLayout.PATTERN:
            parts.append("folders by own pattern")
        return " · ".join(parts)

    def _show(self) -> None:
        texts = self.texts()
        self.show_fields(("class_names",), texts["classes"] == _ONLY)
        self.show_fields(("syntax_names",), texts["syntaxes"] == _ONLY)
        self._show_pattern(texts["layout"] == FolderLayout.PATTERN)
        missing = [
            word for which, names, word in (
                ("classes", "class_names", "SOP classes"), ("syntaxes", "syntax_names", "transfer syntaxes"),
            ) if texts[which] == _ONLY and not _parts(texts[names])
        ]  # fmt: skip
        self.note.setText(f"No {' and no '.join(missing)} are named: all are taken." if missing else "")
        self.note.setVisible(bool(missing))

    def _patterns(self) -> FolderPatterns:
        texts = self.texts()
        return FolderPatterns(texts["folders"].strip(), texts["files"].strip())

    def _show_pattern(self, is_chosen: bool) -> None:
        """Show the path of an example, or why there is none."""
        self.show_fields(("folders", "files"), is_chosen)
        self.preview.setVisible(is_chosen)
        if is_chosen:
            try:
                self.preview.setText(f"Example: by pattern/{'/'.join(self._patterns().path(_EXAMPLE))}")
            except ConfigurationError as error:
                self.preview.setText(f"Not used: {error}. {error.hint}")


def _parts(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in text.split(_SEPARATOR) if part.strip()))


def _written(uids: Iterable[str]) -> str:
    return f"{_SEPARATOR} ".join(map(name_of, uids))


def _read(text: str, names: Mapping[str, str]) -> tuple[str, ...]:
    """UIDs of names; what is neither stays as it is, and is found to be no UID."""
    return tuple(names.get(part.casefold()) or names.get(f"{part.casefold()} storage") or part for part in _parts(text))


def _choice(name: str, accessible: str, texts: Mapping[_Member, str], tip: str) -> Choice:
    """A choice between the members of an enumeration, each with its text."""
    choice = Choice(name, accessible)
    choice.setToolTip(tip)
    for member, text in texts.items():
        choice.addItem(text, member.value)
    return choice
