"""Operations as commands of our own command line."""

from __future__ import annotations

import json
from typing import Final

from dicomgui.app.asking.dicom_json import dataset_json
from dicomgui.app.asking.information_models import WITH_LEVELS, is_without_levels
from dicomgui.app.asking.levels import Root
from dicomgui.app.configuration.negotiation_file import NegotiationFile
from dicomgui.app.configuration.values import written_proxy
from dicomgui.app.connection import ConnectionOptions, RoleWish
from dicomgui.app.credentials import IdentityKind
from dicomgui.app.files.conversion import Conversion
from dicomgui.app.nservices.requests import NOperation, NRequest
from dicomgui.app.recipes.recipe import Recipe, Verb
from dicomgui.app.recipes.shells import Shell
from dicomgui.app.recipes.written import CannotSayError, Line, Written, seconds_text
from dicomgui.app.transfers.send_manner import SendManner
from dicomgui.network.association.params import DEFAULT_MAX_PDU_LENGTH, Timeouts

__all__ = ["write"]

_DEFAULTS: Final = ConnectionOptions()
_FLAGS: Final = {
    "relational": "relational", "date_time": "date-time", "fuzzy": "fuzzy", "timezone": "timezone",
    "enhanced_multi_frame": "enhanced-multi-frame",
}  # fmt: skip
_HURRYING: Final = frozenset({Verb.SEND, Verb.FIND, Verb.WORKLIST, Verb.MOVE, Verb.GET})
DATASET_FILE: Final = "dataset.json"


def write(recipe: Recipe, shell: Shell) -> Written:
    """The command.

    :raises CannotSayError: the information model is none of those that the command line has.
    """
    line = Line("dicomgui", shell)
    operation = recipe.operation
    line.add(recipe.verb.value if operation is None else operation.value)
    _add_connection(line, recipe)
    after = _ADD[recipe.verb](line, recipe) or ""
    peer = str(recipe.peer)
    paths = [f"./{path}" if path.startswith("-") else path for path in recipe.paths]
    line.add(*(["--"] if peer.startswith("-") else []), peer, *paths)
    return line.written(after)


def _add_echo(line: Line, recipe: Recipe) -> str:
    if recipe.repeat > 1:
        line.option("--repeat", recipe.repeat)
    return ""


def _add_send(line: Line, recipe: Recipe) -> str:
    if not recipe.paths and not recipe.invention:
        raise CannotSayError("no file is chosen")
    if recipe.conversion is not Conversion.UNCOMPRESSED:
        line.option("--convert", recipe.conversion.value)
    if recipe.sends_broken:
        line.add("--send-broken")
    _add_manner(line, recipe.manner)
    for setting in recipe.settings:
        line.option("--set", setting)
    if recipe.invention:
        line.option("--invent", recipe.invention)
    return ""


def _add_manner(line: Line, manner: SendManner) -> None:
    if manner.associations > 1:
        line.option("--associations", manner.associations)
    if manner.per_association:
        line.option("--per-association", manner.per_association)
    for uid in manner.syntaxes.preferred:
        line.option("--transfer-syntax", uid)
    if manner.syntaxes.separate:
        line.add("--context-per-syntax")
    if manner.renames:
        line.add("--rename")


def _add_query(line: Line, recipe: Recipe) -> str:
    if recipe.verb is Verb.FIND:
        _add_level(line, recipe)
    _add_keys(line, recipe)
    for key in recipe.returned or ():
        line.option("-r", key.name)
    for path in recipe.files.queries:
        line.option("--query", path)
    for path in recipe.files.ids_from:
        line.option("--ids-from", path)
    if recipe.limit is not None:
        line.option("--limit", recipe.limit)
    _add_time(line, recipe)
    return ""


def _add_time(line: Line, recipe: Recipe) -> None:
    if recipe.cancel_after_s is not None:
        line.option("--cancel-after-ms", round(recipe.cancel_after_s * 1000))


def _add_retrieval(line: Line, recipe: Recipe) -> str:
    if recipe.verb is Verb.MOVE:
        line.option("--to", recipe.destination)
    _add_level(line, recipe)
    _add_keys(line, recipe)
    if recipe.verb is Verb.GET:
        line.option("--out", recipe.folder)
    elif recipe.listen_port is not None:
        line.option("--listen", recipe.listen_port)
        line.option("--out", recipe.folder)
    if recipe.limit is not None:
        line.option("--cancel-after", recipe.limit)
    _add_time(line, recipe)
    return ""


def _add_level(line: Line, recipe: Recipe) -> None:
    if is_without_levels(recipe.root):
        line.option("--model", recipe.root)
        return
    line.option("--level", recipe.level.value.lower())
    if recipe.root is not None:
        if recipe.root not in {*Root, *WITH_LEVELS}:
            raise CannotSayError(f"the command line does not know the information model {recipe.root}")
        line.option("--root", recipe.root)


def _add_keys(line: Line, recipe: Recipe) -> None:
    for key in recipe.keys:
        line.option("-k", f"{key.name}={key.value}")


def _add_normalized(line: Line, recipe: Recipe) -> str:
    request = recipe.request
    if request is None:
        raise CannotSayError("the operation is not known")
    line.option("--class", request.sop_class_uid)
    if request.sop_instance_uid:
        line.option("--instance", request.sop_instance_uid)
    if request.context:
        line.option("--context", request.context)
    if request.type_id is not None:
        line.option("--action" if request.operation is NOperation.ACTION else "--event", request.type_id)
    for tag in request.attributes:
        line.option("--attribute", f"{tag >> 16:04X},{tag & 0xFFFF:04X}")
    return _add_dataset(line, request)


def _add_dataset(line: Line, request: NRequest) -> str:
    if request.dataset is None:
        return ""
    if line.shell is Shell.CMD:
        line.option("--dataset", DATASET_FILE)
        line.note(f"Save the data set as DICOM JSON in {DATASET_FILE} first.")
        return ""
    line.option("--dataset", "-")
    # One line without control characters: it cannot be taken for the end of itself.
    return f" <<'END'\n{json.dumps(dataset_json(request.dataset), ensure_ascii=True)}\nEND"


_ADD: Final = {
    Verb.ECHO: _add_echo,
    Verb.SEND: _add_send,
    Verb.FIND: _add_query,
    Verb.WORKLIST: _add_query,
    Verb.MOVE: _add_retrieval,
    Verb.GET: _add_retrieval,
    Verb.NORMALIZED: _add_normalized,
}


# ---------------------------------------------------------------------------------------------------------- connection


def _add_connection(line: Line, recipe: Recipe) -> None:
    options = recipe.options
    if options.calling_ae != _DEFAULTS.calling_ae:
        line.option("--calling", options.calling_ae)
    _add_timeout(line, recipe)
    if options.max_pdu_length != DEFAULT_MAX_PDU_LENGTH:
        line.option("--max-pdu", options.max_pdu_length)
    if options.max_sent_pdu_length:
        line.option("--max-send-pdu", options.max_sent_pdu_length)
    if options.sockets.proxy is not None:
        line.option("--proxy", written_proxy(options.sockets.proxy))  # without its password, which is asked for
    _add_tls(line, options)
    _add_identity(line, options)
    _add_tcp(line, options)
    if recipe.verb in _HURRYING and options.priority != _DEFAULTS.priority:
        line.option("--priority", options.priority.name.lower())
    if options.async_ops != _DEFAULTS.async_ops:
        line.option("--async-ops", ",".join(map(str, options.async_ops)))
    flags = [word for name, word in _FLAGS.items() if getattr(options.extended, name)]
    if flags:
        line.option("--ext-neg", ",".join(flags))
    if options.role is not RoleWish.USUAL:
        line.option("--role", options.role.value)
    if isinstance(options.negotiation, NegotiationFile):
        line.option("--negotiation", options.negotiation.path)
        if options.negotiation.name:
            line.option("--negotiation-profile", options.negotiation.name)


def _add_timeout(line: Line, recipe: Recipe) -> None:
    timeouts = recipe.options.timeouts
    usual = Timeouts()
    cancel_s = timeouts.cancel_s
    if cancel_s is not None and cancel_s != usual.cancel_s and recipe.verb in (Verb.FIND, Verb.MOVE, Verb.GET):
        line.option("--cancel-timeout", seconds_text(cancel_s))
    is_retrieval = recipe.verb in (Verb.MOVE, Verb.GET)
    own = timeouts.retrieve_s if is_retrieval else timeouts.response_s
    if own == (usual.retrieve_s if is_retrieval else usual.response_s) and (
        (timeouts.connect_s, timeouts.associate_s) == (usual.connect_s, usual.associate_s)
    ):
        return
    if own is None:
        line.note("The command line has no endless time-out; the usual ones hold.")
        return
    line.option("--timeout", seconds_text(own))
    if {timeouts.connect_s, timeouts.tls_s, timeouts.associate_s, timeouts.response_s} != {own}:
        line.note("The command line has one time-out for everything; that for responses is taken.")


def _add_tls(line: Line, options: ConnectionOptions) -> None:
    tls = options.tls
    if tls is None:
        return
    line.add("--tls")
    for name, value in (
        ("--tls-ca", tls.ca_file), ("--tls-cert", tls.cert_file), ("--tls-key", tls.key_file),
        ("--tls-profile", tls.profile if tls.profile != "bcp195" else None), ("--tls-server-name", tls.server_name),
        ("--tls-crl", tls.crl_file), ("--tls-min-version", tls.minimum_version), ("--tls-ciphers", tls.ciphers or None),
    ):  # fmt: skip
        if value is not None:
            line.option(name, value)
    if tls.verify == "none":
        line.add("--tls-insecure")


def _add_identity(line: Line, options: ConnectionOptions) -> None:
    identity = options.identity
    if identity is None:
        return
    if identity.kind.has_name:
        line.option("--user", identity.name)
        if identity.kind is IdentityKind.PASSCODE:
            line.add("--ask-password")
            line.note("The passcode is asked for, or taken from the keyring.")
    else:
        line.option("--user-token", f"{identity.kind.value}:TOKEN_FILE")
        line.note(f"Put the {identity.kind.secret_name} into a file, and its name in the place of TOKEN_FILE.")
    if identity.want_response:
        line.add("--user-confirm")
    if options.require_identity:
        line.add("--user-required")


def _add_tcp(line: Line, options: ConnectionOptions) -> None:
    if options.local_host:
        line.option("--local", options.local_host)
    if options.sockets.family != _DEFAULTS.sockets.family:
        line.option("--family", options.sockets.family)
    if options.sockets.keepalive_s != _DEFAULTS.sockets.keepalive_s:
        line.option("--keepalive", seconds_text(options.sockets.keepalive_s or 0))
