"""Operations as commands of dcm4che (5.x)."""

from __future__ import annotations

from typing import Final

from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.credentials import IdentityKind
from dicomgui.app.files.conversion import Conversion
from dicomgui.app.recipes.recipe import Recipe, Verb, keys_in
from dicomgui.app.recipes.shells import Shell
from dicomgui.app.recipes.written import CannotSayError, Line, Written
from dicomgui.network.association.params import DEFAULT_MAX_PDU_LENGTH
from dicomgui.network.dimse.commands import Priority
from dicomgui.network.transport import HttpProxy

__all__ = ["write"]

_MODELS: Final = {
    "study": "StudyRoot", "patient": "PatientRoot", "patient-study-only": "PatientStudyOnly", "worklist": "MWL",
    "ups": "UPSPull", "ups-watch": "UPSWatch", "hanging-protocol": "HangingProtocol", "color-palette": "ColorPalette",
}  # fmt: skip
_RETRIEVE_MODELS: Final = frozenset(_MODELS) - {"worklist", "ups", "ups-watch"}
_FLAGS: Final = {
    "relational": "--relational", "date_time": "--datetime", "fuzzy": "--fuzzy", "timezone": "--timezone",
}  # fmt: skip
_CIPHERS: Final = ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384")
_CHARACTER_SET, _LEVEL = 0x00080005, 0x00080052


def write(recipe: Recipe, shell: Shell) -> Written:
    """The command.

    :raises CannotSayError: dcm4che has no command for the operation.
    """
    if recipe.verb is Verb.NORMALIZED:
        raise CannotSayError("dcm4che has no program for any request on normalized instances, only for some services")
    names = (recipe.peer.ae_title, recipe.options.calling_ae, recipe.destination)
    if any(name.startswith("-") for name in names):
        raise CannotSayError("dcm4che takes an AE title that begins with - for an option")
    if any("@" in name or ":" in name for name in names):
        raise CannotSayError("dcm4che cuts an AE title at @ and :")
    programs = {Verb.FIND: "findscu", Verb.WORKLIST: "findscu", Verb.MOVE: "movescu", Verb.GET: "getscu"}
    line = Line(programs.get(recipe.verb, "storescu"), shell, is_batch=True)
    _add_connection(line, recipe)
    if recipe.verb is Verb.ECHO:
        line.note("Without files storescu of dcm4che does a C-ECHO.")
        if recipe.repeat > 1:
            line.note("It sends one C-ECHO.")
    elif recipe.verb is Verb.SEND:
        _add_send(line, recipe)
    else:
        _add_query(line, recipe)
    return line.written()


def _add_connection(line: Line, recipe: Recipe) -> None:
    options = recipe.options
    # An AE of our own with a port makes movescu listen; there is no such option for what it receives.
    line.add("-c", recipe.peer, "-b", options.calling_ae)
    timeouts = options.timeouts
    is_retrieval = recipe.verb in (Verb.MOVE, Verb.GET)
    for name, seconds in (
        ("--connect-timeout", timeouts.connect_s), ("--accept-timeout", timeouts.associate_s),
        ("--retrieve-timeout", timeouts.retrieve_s) if is_retrieval else ("--response-timeout", timeouts.response_s),
    ):  # fmt: skip
        if seconds is not None:
            line.add(name, round(seconds * 1000))
    if options.max_pdu_length != DEFAULT_MAX_PDU_LENGTH:
        line.add("--max-pdulen-rcv", options.max_pdu_length)
    proxy = options.sockets.proxy
    if isinstance(proxy, HttpProxy):
        user = f"{proxy.user}:PASSWORD@" if proxy.user else ""
        line.add("--proxy", f"{user}{proxy.host}:{proxy.port}")
    elif proxy is not None:
        line.note("dcm4che's programs know HTTP proxies only.")
    _add_tls(line, options)
    _add_identity(line, options)
    if options.priority != Priority.MEDIUM and recipe.verb is not Verb.ECHO:
        line.add("--prior-high" if options.priority == Priority.HIGH else "--prior-low")
    if options.async_ops == (1, 1):
        line.add("--not-async")
    else:
        line.add("--max-ops-invoked", options.async_ops[0], "--max-ops-performed", options.async_ops[1])


def _add_tls(line: Line, options: ConnectionOptions) -> None:
    tls = options.tls
    if tls is None:
        return
    line.add("--tls-protocol", "TLSv1.2")
    for cipher in _CIPHERS:
        line.add("--tls-cipher", cipher)
    if tls.cert_file is not None:
        line.add("--key-store", "KEY.p12", "--key-store-type", "PKCS12", "--key-store-pass", "PASSWORD")
        line.note("dcm4che reads key stores, not PEM: openssl pkcs12 -export makes KEY.p12 of certificate and key.")
    line.add("--trust-store", "TRUST.p12", "--trust-store-type", "PKCS12", "--trust-store-pass", "PASSWORD")
    line.note("keytool -importcert makes TRUST.p12 of the issuers' certificates; write your PASSWORD.")
    if tls.ciphers:
        line.note(f"dcm4che takes ciphers of one's own by --tls-cipher, each by its name in TLS: {tls.ciphers}.")
    if tls.crl_file is not None:
        line.note("dcm4che's programs look into no lists of revoked certificates.")
    if tls.verify == "none":
        line.note("dcm4che cannot be told to trust any certificate.")


def _add_identity(line: Line, options: ConnectionOptions) -> None:
    identity = options.identity
    if identity is None:
        return
    if not identity.kind.has_name:
        line.note(f"dcm4che's programs send no {identity.kind.secret_name}.")
        return
    line.add("--user", identity.name)
    if identity.kind is IdentityKind.PASSCODE:
        line.add("--user-pass", "PASSCODE")
        line.note("Write the passcode in the place of PASSCODE; others on this computer may see it.")
    if identity.want_response:
        line.add("--user-rsp")


def _add_send(line: Line, recipe: Recipe) -> None:
    if not recipe.paths:
        raise CannotSayError("no file is chosen")
    line.add(*(f"./{path}" if path.startswith("-") else path for path in recipe.paths))
    if recipe.unsaid:
        line.note(recipe.unsaid)
    line.note("storescu of dcm4che does not look into ZIP archives.")
    if recipe.conversion in (Conversion.LOSSLESS, Conversion.ALL):
        line.note("It converts nothing.")


def _add_query(line: Line, recipe: Recipe) -> None:
    is_retrieval = recipe.verb in (Verb.MOVE, Verb.GET)
    model = _MODELS.get(recipe.model) if not is_retrieval or recipe.model in _RETRIEVE_MODELS else None
    if model is None:
        raise CannotSayError(f"dcm4che's programs do not know the information model {recipe.model}")
    line.add("-M", model)
    if recipe.verb is not Verb.WORKLIST:
        line.add("-L", recipe.level.value)
    if recipe.verb is Verb.MOVE:
        line.add("--dest", recipe.destination)
        if recipe.listen_port is not None:
            line.note(f"Start storescp -b {recipe.destination}:PORT beside it, to receive.")
    elif recipe.verb is Verb.GET:
        line.add("--directory", recipe.folder)
    elif recipe.limit is not None:
        line.add("--cancel", recipe.limit)
    _add_flags(line, recipe)
    _add_keys(line, recipe, is_retrieval=is_retrieval)


def _add_flags(line: Line, recipe: Recipe) -> None:
    for name, flag in _FLAGS.items():
        if getattr(recipe.options.extended, name) and (recipe.verb is Verb.FIND or name == "relational"):
            line.add(flag)


def _add_keys(line: Line, recipe: Recipe, *, is_retrieval: bool) -> None:
    for path, text in keys_in(recipe.identifier()):
        if path == (_LEVEL,) or (path == (_CHARACTER_SET,) and not text):
            continue
        if is_retrieval and len(path) > 1:
            line.note("Keys inside of sequences are left out: these programs take none.")
            continue
        name = "/".join(f"{tag:08X}" if _keyword(tag) == "" else _keyword(tag) for tag in path)
        if text:
            line.add("-m", f"{name}={text}")
        else:
            line.add("-r" if not is_retrieval else "-m", name)


def _keyword(tag: int) -> str:
    from pydicom import datadict

    return datadict.keyword_for_tag(tag)
