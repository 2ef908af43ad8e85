"""Operations as Python scripts for pynetdicom (2.1 or newer), whole ones that run as they are.

Every text is written as a Python literal, so that nothing that came from a peer can be more than text.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableSequence
from typing import TYPE_CHECKING, Final

from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.credentials import Identity, IdentityKind
from dicomgui.app.files.conversion import Conversion
from dicomgui.app.nservices.requests import NOperation, NRequest
from dicomgui.app.recipes.recipe import Recipe, Verb
from dicomgui.app.recipes.shells import Shell
from dicomgui.app.recipes.written import CannotSayError, Written
from dicomgui.network.dimse.commands import Priority
from dicomgui.network.service import query_class
from dicomgui.network.service.models import QueryOperation
from dicomgui.network.uids import VERIFICATION, name_of

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset

__all__ = ["write"]

_IDENTITY_TYPES: Final = {
    IdentityKind.USERNAME: 1, IdentityKind.PASSCODE: 2, IdentityKind.KERBEROS: 3, IdentityKind.SAML: 4,
    IdentityKind.JWT: 5,
}  # fmt: skip
_QUERIES: Final[dict[Verb, QueryOperation]] = {
    Verb.FIND: "find", Verb.WORKLIST: "find", Verb.MOVE: "move", Verb.GET: "get",
}  # fmt: skip
_STORE: Final = """\
FOLDER = Path({folder})
FOLDER.mkdir(parents=True, exist_ok=True)


def on_store(event):
    uid = str(event.request.AffectedSOPInstanceUID)
    name = uid if re.fullmatch(r"[0-9.]+", uid) else "unnamed"
    (FOLDER / f"{{name}}.dcm").write_bytes(event.encoded_dataset())
    print("received", name)
    return 0x0000
"""
_FILES: Final = """\
FILES = []
for path in map(Path, {paths}):
    FILES += sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
INSTANCES = {{}}
for file in FILES:
    try:
        head = dcmread(file, stop_before_pixels=True)
        INSTANCES[file] = (head.SOPClassUID, head.file_meta.TransferSyntaxUID)
    except (InvalidDicomError, AttributeError):
        print("left out:", file)
"""


def write(recipe: Recipe, _shell: Shell) -> Written:
    """The script, which is the same for every shell.

    :raises CannotSayError: it cannot be written.
    """
    return _Script(recipe).written()


class _Script:
    """A script in the making, part by part."""

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self._imports: set[str] = {"import sys"}
        self._from: dict[str, set[str]] = {"pynetdicom": {"AE"}}
        self._notes: list[str] = []
        self._ext_neg: list[str] = []

    def written(self) -> Written:
        """All of it."""
        body = "\n".join([*self._before(), *self._entity(), *self._contexts(), *self._negotiation(), *self._call()])
        names = [f"from {module} import {', '.join(sorted(what))}" for module, what in sorted(self._from.items())]
        own = [line for line in names if line.startswith(("from pathlib", "from getpass"))]
        head = [*sorted(self._imports), *own, "", *(line for line in names if line not in own)]
        text = "\n".join(["# Needs pynetdicom: pip install pynetdicom", *head, "", body, ""])
        return Written(text, tuple(dict.fromkeys(self._notes)))

    # parts

    def _before(self) -> Iterator[str]:
        recipe = self._recipe
        if recipe.verb is Verb.SEND:
            if not recipe.paths:
                raise CannotSayError("no file is chosen")
            self._need("pathlib", "Path")
            self._need("pydicom", "dcmread")
            self._need("pydicom.errors", "InvalidDicomError")
            yield _FILES.format(paths=repr(list(recipe.paths)))
            if recipe.conversion in (Conversion.LOSSLESS, Conversion.ALL):
                self._notes.append("The script converts nothing.")
            if recipe.unsaid:
                self._notes.append(recipe.unsaid)
        elif recipe.verb is Verb.GET or (recipe.verb is Verb.MOVE and recipe.listen_port is not None):
            self._imports.add("import re")
            self._need("pathlib", "Path")
            yield "\n" + _STORE.format(folder=repr(recipe.folder)) + "\n"

    def _entity(self) -> Iterator[str]:
        options = self._recipe.options
        timeouts = options.timeouts
        is_retrieval = self._recipe.verb in (Verb.MOVE, Verb.GET)
        yield f"ae = AE(ae_title={str(options.calling_ae)!r})"
        yield f"ae.connection_timeout = {timeouts.connect_s!r}  # seconds"
        yield f"ae.acse_timeout = {timeouts.associate_s!r}"
        yield f"ae.dimse_timeout = {timeouts.retrieve_s if is_retrieval else timeouts.response_s!r}"
        yield f"ae.maximum_pdu_size = {options.max_pdu_length}"

    def _contexts(self) -> Iterator[str]:
        verb = self._recipe.verb
        if verb is Verb.ECHO:
            yield _context(VERIFICATION)
        elif verb is Verb.SEND:
            yield "for sop_class, transfer_syntax in sorted(set(INSTANCES.values()))[:128]:"
            yield "    ae.add_requested_context(sop_class, transfer_syntax)"
        elif verb is Verb.NORMALIZED:
            yield from self._normalized_context(self._request)
        else:
            yield _context(query_class(self._recipe.model, _QUERIES[verb]))
            if verb is Verb.GET:
                self._need("pynetdicom", "ALL_TRANSFER_SYNTAXES", "StoragePresentationContexts", "build_role")
                yield "roles = []"
                yield "for storage in StoragePresentationContexts[:127]:"
                yield "    ae.add_requested_context(storage.abstract_syntax, ALL_TRANSFER_SYNTAXES)"
                yield "    roles.append(build_role(storage.abstract_syntax, scp_role=True))"
                self._ext_neg.append("*roles")

    def _normalized_context(self, request: NRequest) -> Iterator[str]:
        uid = request.context or request.sop_class_uid
        yield _context(uid)
        if request.operation is NOperation.EVENT_REPORT:
            self._need("pynetdicom", "build_role")
            self._ext_neg.append(f"build_role({uid!r}, scp_role=True)")

    def _negotiation(self) -> Iterator[str]:
        options = self._recipe.options
        if options.identity is not None:
            yield from self._identity(options.identity)
        flags = options.extended
        if self._recipe.verb in _QUERIES and any(flags.encode()):
            self._need("pynetdicom.pdu_primitives", "SOPClassExtendedNegotiation")
            uid = query_class(self._recipe.model, _QUERIES[self._recipe.verb])
            yield "extended = SOPClassExtendedNegotiation()"
            yield f"extended.sop_class_uid = {uid!r}"
            yield f"extended.service_class_application_information = {flags.encode()!r}"
            self._ext_neg.append("extended")
        if options.async_ops != (1, 1):
            self._notes.append("pynetdicom has no asynchronous operations.")
        if options.sockets.proxy is not None:
            self._notes.append("pynetdicom knows no proxies.")
        if options.tls is not None:
            yield from self._tls(options)

    def _identity(self, identity: Identity) -> Iterator[str]:
        self._need("pynetdicom.pdu_primitives", "UserIdentityNegotiation")
        yield "identity = UserIdentityNegotiation()"
        yield f"identity.user_identity_type = {_IDENTITY_TYPES[identity.kind]}"
        yield f"identity.positive_response_requested = {identity.want_response}"
        if identity.kind.has_name:
            yield f"identity.primary_field = {identity.name.encode()!r}"
            if identity.kind is IdentityKind.PASSCODE:
                self._need("getpass", "getpass")
                yield 'identity.secondary_field = getpass("Passcode: ").encode()'
        else:
            self._need("pathlib", "Path")
            yield 'identity.primary_field = Path("TOKEN_FILE").read_bytes().strip()'
            self._notes.append(f"Put the {identity.kind.secret_name} into a file, and its name in TOKEN_FILE's place.")
        self._ext_neg.append("identity")

    def _tls(self, options: ConnectionOptions) -> Iterator[str]:
        tls = options.tls
        assert tls is not None
        self._imports.add("import ssl")
        ca = "" if tls.ca_file is None else f"cafile={str(tls.ca_file)!r}"
        yield f"tls = ssl.create_default_context({ca})"
        yield "tls.minimum_version = ssl.TLSVersion.TLSv1_2"
        if tls.verify == "none":
            yield "tls.check_hostname = False"
            yield "tls.verify_mode = ssl.CERT_NONE"
        if tls.cert_file is not None:
            key = "" if tls.key_file is None else f", {str(tls.key_file)!r}"
            yield f"tls.load_cert_chain({str(tls.cert_file)!r}{key})"
        if tls.crl_file is not None:
            yield f"tls.load_verify_locations(cafile={str(tls.crl_file)!r})"
            yield "tls.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF"
        if tls.ciphers:
            yield f"tls.set_ciphers({tls.ciphers!r})"
        elif tls.profile != "bcp195":
            self._notes.append(f"The script uses Python's usual ciphers, not those of the TLS profile {tls.profile}.")

    def _call(self) -> Iterator[str]:
        recipe, peer = self._recipe, self._recipe.peer
        if recipe.verb is Verb.MOVE and recipe.listen_port is not None:
            yield from self._reception(recipe.listen_port)
        arguments = [repr(peer.host), str(peer.port), f"ae_title={str(peer.ae_title)!r}"]
        if self._ext_neg:
            arguments.append(f"ext_neg=[{', '.join(self._ext_neg)}]")
        if recipe.verb is Verb.GET:
            self._need("pynetdicom", "evt")
            arguments.append("evt_handlers=[(evt.EVT_C_STORE, on_store)]")
        if recipe.options.tls is not None:
            arguments.append(f"tls_args=(tls, {recipe.options.tls.server_name or peer.host!r})")
        yield ""
        yield f"assoc = ae.associate({', '.join(arguments)})"
        yield "if not assoc.is_established:"
        yield '    sys.exit("There is no association: refused, aborted, or no connection.")'
        yield "failed = False"
        yield "try:"
        yield from (f"    {line}" if line else "" for line in self._operation())
        yield "finally:"
        yield "    assoc.release()"
        if recipe.verb is Verb.MOVE and recipe.listen_port is not None:
            yield "    receiver.shutdown()"
        yield "sys.exit(1 if failed else 0)"

    def _reception(self, port: int) -> Iterator[str]:
        self._need("pynetdicom", "ALL_TRANSFER_SYNTAXES", "StoragePresentationContexts", "evt")
        peer = self._recipe.peer
        place = "127.0.0.1" if peer.host in ("127.0.0.1", "localhost", "::1") else ""
        yield ""
        yield f"destination = AE(ae_title={self._recipe.destination!r})"
        self._need("pydicom.uid", "ExplicitVRLittleEndian")
        yield "SYNTAXES = [ExplicitVRLittleEndian, *ALL_TRANSFER_SYNTAXES]  # the first one is preferred"
        yield "for storage in StoragePresentationContexts:"
        yield "    destination.add_supported_context(storage.abstract_syntax, SYNTAXES)"
        yield "handlers = [(evt.EVT_C_STORE, on_store)]"
        yield f"receiver = destination.start_server(({place!r}, {port}), block=False, evt_handlers=handlers)"

    # the operation itself

    def _operation(self) -> Iterator[str]:
        verb = self._recipe.verb
        if verb is Verb.ECHO:
            yield f"for _ in range({self._recipe.repeat}):"
            yield "    status = assoc.send_c_echo()"
            yield from _indented(_STATUS)
        elif verb is Verb.SEND:
            yield "for file in INSTANCES:"
            yield "    try:"
            yield f"        status = assoc.send_c_store(file{self._priority})"
            yield "    except ValueError as error:  # no context for it"
            yield "        failed = True"
            yield "        print(file, error)"
            yield "        continue"
            yield "    print(file)"
            yield from _indented(_STATUS)
        elif verb is Verb.NORMALIZED:
            yield from self._normalized(self._request)
        else:
            yield from self._query()

    def _query(self) -> Iterator[str]:
        recipe = self._recipe
        self._need("pydicom.dataset", "Dataset")
        operation = _QUERIES[recipe.verb]
        uid = query_class(recipe.model, operation)
        yield from _dataset_lines(recipe.identifier(), "identifier")
        destination = f"{recipe.destination!r}, " if operation == "move" else ""
        yield f"responses = assoc.send_c_{operation}(identifier, {destination}{uid!r}{self._priority})"
        yield "count = 0"
        yield "for status, answer in responses:"
        yield "    if status and status.Status in (0xFF00, 0xFF01):"
        if operation == "find":
            yield "        count += 1"
            yield "        print(answer)"
            yield "        print()"
            if recipe.limit is not None:
                yield f"        if count == {recipe.limit}:"
                yield f"            assoc.send_c_cancel(1, query_model={uid!r})"
        else:
            yield "        print(status.get('NumberOfCompletedSuboperations'), 'done')"
        yield "        continue"
        yield from _indented(_STATUS)
        if operation == "find":
            yield "print(count, 'matches')"
            if recipe.limit is not None:
                yield f"failed = failed and count < {recipe.limit}  # what ends a cancelled query is no failure"

    @property
    def _priority(self) -> str:
        priority = self._recipe.options.priority
        return "" if priority == Priority.MEDIUM else f", priority={int(priority)}"

    @property
    def _request(self) -> NRequest:
        if self._recipe.request is None:
            raise CannotSayError("the operation is not known")
        return self._recipe.request

    def _normalized(self, request: NRequest) -> Iterator[str]:
        has_dataset = request.operation not in (NOperation.GET, NOperation.DELETE)
        if has_dataset and request.dataset is not None:
            self._need("pydicom.dataset", "Dataset")
            yield from _dataset_lines(request.dataset, "dataset")
        name = request.operation.value.replace("-", "_")
        first = {
            NOperation.GET: [repr([_tag(tag) for tag in request.attributes])],
            NOperation.DELETE: [],
        }.get(request.operation, ["dataset" if request.dataset is not None else "None"])
        if request.type_id is not None:
            first.append(str(request.type_id))
        instance = repr(request.sop_instance_uid) if request.sop_instance_uid else "None"
        arguments = [*first, repr(request.sop_class_uid), instance]
        if request.context:
            arguments.append(f"meta_uid={request.context!r}")
        answer = "status" if request.operation is NOperation.DELETE else "status, answer"
        yield f"{answer} = assoc.send_{name}({', '.join(arguments)})"
        yield from _STATUS
        if request.operation is not NOperation.DELETE:
            yield "print(answer)"

    def _need(self, module: str, *names: str) -> None:
        self._from.setdefault(module, set()).update(names)


_STATUS: Final = (
    "code = status.Status if status else None  # without one: time-out, abort or an unreadable answer",
    'print("no answer" if code is None else f"status 0x{code:04X}", status.get("ErrorComment", ""))',
    "failed = failed or not (code == 0 or (code is not None and 0xB000 <= code <= 0xBFFF))",
)


def _indented(lines: tuple[str, ...]) -> Iterator[str]:
    return (f"    {line}" for line in lines)


def _context(uid: str) -> str:
    name = name_of(uid)
    comment = f"  # {name}" if name != uid and name.isprintable() else ""
    return f"ae.add_requested_context({uid!r}){comment}"


def _tag(tag: int) -> tuple[int, int]:
    return (tag >> 16, tag & 0xFFFF)


# ------------------------------------------------------------------------------------------------------------ data sets


def _dataset_lines(dataset: Dataset, name: str, depth: int = 0) -> Iterator[str]:
    """What makes the data set again, under this name."""
    yield f"{name} = Dataset()"
    for element in dataset:
        if element.VR != "SQ":
            yield _assignment(element, name, _literal(element.value))
            continue
        items = []
        for number, item in enumerate(element.value or ()):
            items.append(f"item{depth}_{number}")
            yield from _dataset_lines(item, items[-1], depth + 1)
        yield _assignment(element, name, f"[{', '.join(items)}]")


def _assignment(element: DataElement, name: str, value: str) -> str:
    from pydicom import datadict

    tag, keyword = int(element.tag), element.keyword
    try:
        is_usual = bool(keyword) and datadict.dictionary_VR(tag) == element.VR
    except KeyError:
        is_usual = False
    return f"{name}.{keyword} = {value}" if is_usual else f"{name}.add_new(0x{tag:08X}, {element.VR!r}, {value})"


def _literal(value: object) -> str:
    if value is None:
        return "None"
    if isinstance(value, bytes):
        return repr(value)
    if type(value) in (int, float):
        return repr(value)
    if isinstance(value, MutableSequence):
        return f"[{', '.join(map(_literal, value))}]" if value else "''"
    return repr(str(value))
