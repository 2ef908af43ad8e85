"""Operations as commands of OFFIS DCMTK (3.6.7 or newer)."""

from __future__ import annotations

from typing import Final

from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.credentials import Identity, IdentityKind
from dicomgui.app.files.conversion import Conversion
from dicomgui.app.recipes.recipe import Recipe, Verb, keys_in
from dicomgui.app.recipes.shells import Shell
from dicomgui.app.recipes.written import CannotSayError, Line, Written
from dicomgui.network.association.params import DEFAULT_MAX_PDU_LENGTH
from dicomgui.network.dimse.commands import Priority

__all__ = ["write"]

_MODELS: Final = {"study": "-S", "patient": "-P", "patient-study-only": "-O", "worklist": "-W"}
_PROFILES: Final = {
    "modified-bcp195": "+pm", "bcp195-rfc7525": "+px", "non-downgrading": "+py", "extended": "+pz", "aes": "+pa",
}  # fmt: skip
"""Options for TLS profiles; bcp195 is DCMTK's own choice."""

_CONVERSIONS: Final = {
    Conversion.NEVER: "-dn", Conversion.UNCOMPRESSED: "-dn", Conversion.LOSSLESS: "+dls", Conversion.ALL: "+dly",
}  # fmt: skip
_MIN_PDU, _MAX_PDU = 4096, 131_072
_CHARACTER_SET = 0x00080005
_TOKEN_OPTIONS: Final = {IdentityKind.KERBEROS: "-kt", IdentityKind.SAML: "--saml", IdentityKind.JWT: "--jwt"}


def write(recipe: Recipe, shell: Shell) -> Written:
    """The command.

    :raises CannotSayError: DCMTK has no command for the operation.
    """
    program = _program_of(recipe)
    line = Line(program, shell)
    _add_connection(line, recipe, program)
    if recipe.verb is Verb.SEND:
        _add_send(line, recipe, program)
    elif recipe.verb is not Verb.ECHO:
        _add_query(line, recipe)
    elif recipe.repeat > 1:
        line.add("--repeat", recipe.repeat)
    line.add(recipe.peer.host, recipe.peer.port, *map(_path, recipe.paths))
    if program != "dcmsend":
        line.note(f"dcm4che and pynetdicom bring programs that are called {program}, too; this is for DCMTK's.")
    return line.written()


def _program_of(recipe: Recipe) -> str:
    options = recipe.options
    for name, text in (
        ("host", recipe.peer.host), ("AE title", recipe.peer.ae_title), ("AE title", options.calling_ae),
        ("AE title", recipe.destination),
    ):  # fmt: skip
        if text[:1] and text[0] in "-+@":
            raise CannotSayError(f"DCMTK takes the {name} {text} for an option")
    if recipe.verb is Verb.NORMALIZED:
        raise CannotSayError("DCMTK has no program for single requests on normalized instances")
    if recipe.verb is Verb.SEND:
        if not recipe.paths:
            raise CannotSayError("no file is chosen")
        return "storescu" if options.tls is not None or options.identity is not None else "dcmsend"
    if recipe.verb is Verb.MOVE:
        if options.tls is not None:
            raise CannotSayError("DCMTK's movescu does not speak TLS")
        return "movescu"
    return {Verb.ECHO: "echoscu", Verb.GET: "getscu"}.get(recipe.verb, "findscu")


# ---------------------------------------------------------------------------------------------------------- connection


def _add_connection(line: Line, recipe: Recipe, program: str) -> None:
    options = recipe.options
    line.add("-v", "-aet", options.calling_ae, "-aec", recipe.peer.ae_title)
    if ":" in recipe.peer.host and program not in ("movescu",):
        line.add("-i6")
    timeouts = options.timeouts
    answer_s = timeouts.retrieve_s if recipe.verb in (Verb.MOVE, Verb.GET) else timeouts.response_s
    for name, seconds in (("-to", timeouts.connect_s), ("-ta", timeouts.associate_s), ("-td", answer_s)):
        if seconds is not None:
            line.add(name, max(1, round(seconds)))
    if options.max_pdu_length != DEFAULT_MAX_PDU_LENGTH:
        if _MIN_PDU <= options.max_pdu_length <= _MAX_PDU:
            line.add("-pdu", options.max_pdu_length)
        else:
            line.note(f"DCMTK takes a maximum PDU length of {_MIN_PDU:,} to {_MAX_PDU:,} bytes only; its own is used.")
    _add_tls(line, options)
    if options.identity is not None:
        if program == "storescu":
            _add_identity(line, options.identity)
        else:
            line.note(f"DCMTK's {program} cannot send a user identity.")
    if options.sockets.proxy is not None:
        line.note("DCMTK's programs know no proxies.")
    if options.priority != Priority.MEDIUM:
        line.note("DCMTK's programs ask with a priority of their own.")
    if options.async_ops != (1, 1):
        line.note("DCMTK asks for no asynchronous operations.")
    if any(getattr(options.extended, name) for name in ("relational", "date_time", "fuzzy", "timezone")):
        line.note("DCMTK's programs ask for no extended negotiation.")


def _add_tls(line: Line, options: ConnectionOptions) -> None:
    tls = options.tls
    if tls is None:
        return
    if tls.cert_file is not None:
        line.add("+tls", _path(str(tls.key_file or tls.cert_file)), _path(str(tls.cert_file)))
        line.note("An encrypted key is asked for its password. DCMTK reads PEM, not PKCS#12.")
    else:
        line.add("+tla")
    if tls.ca_file is not None:
        line.add("+cf", _path(str(tls.ca_file)))
    if tls.crl_file is not None:
        line.add("+crl", _path(str(tls.crl_file)), "+crv")
    if tls.verify == "none":
        line.add("-ic")
    elif tls.ca_file is None:
        line.note("DCMTK does not know what the system trusts: name the issuers' certificates with +cf, or trust "
                  "any by -ic.")  # fmt: skip
    if tls.profile in _PROFILES:
        line.add(_PROFILES[tls.profile])
    elif tls.profile != "bcp195":
        line.note(f"DCMTK has no TLS profile like {tls.profile}.")
    if tls.ciphers:
        line.note(f"DCMTK takes ciphers of one's own by +cs, each by its name in TLS: {tls.ciphers}.")
    if tls.server_name is not None:
        line.add("--request-sni", tls.server_name)
        line.note("DCMTK asks for this server name, but does not compare it with the certificate.")


def _add_identity(line: Line, identity: Identity) -> None:
    if identity.kind.has_name:
        if identity.name[:1] in "-+@":
            raise CannotSayError("DCMTK takes the user name for an option")
        line.add("-usr", identity.name)
        if identity.kind is IdentityKind.PASSCODE:
            line.add("-pwd", "PASSCODE")
            line.note("Write the passcode in the place of PASSCODE; others on this computer may see it.")
    else:
        line.add(_TOKEN_OPTIONS[identity.kind], "TOKEN_FILE")
        line.note(f"Put the {identity.kind.secret_name} into a file, and its name in the place of TOKEN_FILE.")
    if identity.want_response:
        line.add("-rsp")


# ----------------------------------------------------------------------------------------------------------- operation


def _add_send(line: Line, recipe: Recipe, program: str) -> None:
    if recipe.unsaid:
        line.note(recipe.unsaid)
    line.add("+sd", "+r")
    if program == "dcmsend":
        line.add(_CONVERSIONS[recipe.conversion])
        line.note("dcmsend does not look into ZIP archives; for a DICOMDIR replace +sd +r by +rd.")
    else:
        line.add("-R")
        line.note("storescu proposes only uncompressed transfer syntaxes: for others add e.g. -xs (JPEG lossless) or "
                  "-xv (JPEG 2000 lossless).")  # fmt: skip


def _add_query(line: Line, recipe: Recipe) -> None:
    model = _MODELS.get(recipe.model)
    if model is None:
        raise CannotSayError(f"DCMTK's programs do not know the information model {recipe.model}")
    line.add(model)
    if recipe.verb is Verb.MOVE:
        line.add("-aem", recipe.destination)
        _add_reception(line, recipe)
    elif recipe.verb is Verb.GET:
        line.add("+B", "-od", _path(recipe.folder))
        line.note(f"The folder {recipe.folder} must be there.")
    elif recipe.limit is not None:
        line.add("--cancel", recipe.limit)
    _add_keys(line, recipe)


def _add_reception(line: Line, recipe: Recipe) -> None:
    if recipe.listen_port:
        line.add("+P", recipe.listen_port, "+B", "+xa", "-od", _path(recipe.folder))
        line.note(f"The folder {recipe.folder} must be there.")
    elif recipe.listen_port == 0:
        line.note("Write +P and the port that the peer knows for this destination, so that movescu receives.")


def _add_keys(line: Line, recipe: Recipe) -> None:
    keys = list(keys_in(recipe.identifier()))
    is_plain = all(text.isascii() for _, text in keys)
    for path, text in keys:
        if path == (_CHARACTER_SET,) and not is_plain:
            text = "ISO_IR 192"
        if len(path) > 1 and recipe.verb is Verb.MOVE:
            line.note("DCMTK's movescu takes no keys inside of sequences; they are left out.")
            continue
        line.add("-k", f"{_written(path)}={text}" if text else _written(path))
    if not is_plain:
        line.note("DCMTK sends the text in the encoding of the terminal: this is right where that is UTF-8.")


def _written(path: tuple[int, ...]) -> str:
    """``0010,0010``; in a sequence ``(0040,0100)[0].(0008,0060)``."""
    tags = [f"{tag >> 16:04x},{tag & 0xFFFF:04x}" for tag in path]
    return tags[0] if len(tags) == 1 else ".".join([*(f"({tag})[0]" for tag in tags[:-1]), f"({tags[-1]})"])


def _path(path: str) -> str:
    """A file name that is no option and no name of a file of arguments."""
    return f"./{path}" if path[:1] and path[0] in "-+@" else path
