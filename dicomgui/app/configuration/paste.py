"""Finds a peer in whatever was pasted: an address, a command line, a configuration, or the text of an e-mail."""

from __future__ import annotations

import ipaddress
import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from typing import Any

from dicomgui.network.association.params import DEFAULT_PORT, AETitle, PeerAddress
from dicomgui.network.errors import ConfigurationError

__all__ = ["Pasted", "parse_paste"]

AE_TITLE_MAX = 16
MAX_TEXT = 32_768
"""Longer texts are looked at up to here, in characters."""

MAX_VALUES = 1000
"""So many brackets of a text are tried as the beginning of JSON."""

# None of the patterns here may start over within what it has looked at: a pasted text can be anything.
HOST = r"(?:[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}|\[[0-9A-Fa-f:.]{2,45}(?:%\w{1,15})?\])"
PORT = r"\d{1,5}(?!\w)"
IPV6 = r"(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}"

_LABELS = frozenset(
    (
        "ae", "aet", "aets", "title", "titles", "ip", "host", "hostname", "address", "server", "port", "tcp", "called",
        "calling", "name", "and", "the", "for", "is", "to",
    )
)  # fmt: skip
"""Words that are no values."""


@dataclass(frozen=True, slots=True)
class Pasted:
    """The peer that a text seems to name. What it does not name is empty, and 104 for the port.

    :ivar form: what the text was taken for, e.g. ``DCMTK command line``.
    :ivar called_ae: AE title of the peer; checked by :meth:`address`, not before.
    :ivar calling_ae: our own AE title, where the text says it.
    :ivar name: what the text calls the peer, or an empty string.
    :ivar remarks: what was assumed or left out, one line each.
    """

    form: str
    called_ae: str = ""
    host: str = ""
    port: int = DEFAULT_PORT
    calling_ae: str = ""
    name: str = ""
    remarks: tuple[str, ...] = ()

    @property
    def missing(self) -> tuple[str, ...]:
        """What is still to be given by hand."""
        parts = (("called AE title", self.called_ae), ("host", self.host))
        return tuple(part for part, value in parts if not value)

    @property
    def recognised(self) -> tuple[tuple[str, str], ...]:
        """What was found, as pairs of a label and a value."""
        parts = (
            ("called AE title", self.called_ae),
            ("host", self.host),
            ("port", str(self.port)),
            ("calling AE title", self.calling_ae),
            ("name", self.name),
        )
        return tuple((label, value) for label, value in parts if value)

    def address(self) -> PeerAddress:
        """The peer.

        :raises ConfigurationError: a part is missing or unusable.
        """
        return PeerAddress(AETitle(self.called_ae), self.host, self.port)


def parse_paste(text: str) -> Pasted:
    """The best guess at the peer that ``text`` names: a host at least, or its AE title; see :attr:`Pasted.missing`.

    :raises ConfigurationError: no peer can be found in it.
    """
    text = _cleaned(text[:MAX_TEXT])
    if not text:
        raise ConfigurationError("there is nothing to paste", phase="configure")
    for read in (_json, _command, _address, _fields, _rows, _prose):
        found = read(text)
        if found is not None:
            return found
    excerpt = text if len(text) <= 60 else f"{text[:59]}…"
    raise ConfigurationError(
        f"no peer was found in {excerpt!r}", phase="configure", hint="Give AET@host:port, or the three one by one."
    )


_SIMPLER = str.maketrans(
    {"\u00a0": " ", "\u2007": " ", "\u202f": " ", "\u200b": None, "\u200c": None, "\u200d": None, "\u2060": None,
     "\ufeff": None, "\u201c": '"', "\u201d": '"', "\u201e": '"', "\u2018": "'", "\u2019": "'", "\r": "\n", "\0": " "}
)  # fmt: skip


def _cleaned(text: str) -> str:
    """Without what mail programs and text processors put between and instead of plain characters."""
    return text.replace("\r\n", "\n").translate(_SIMPLER).strip()


def _port(text: object) -> int | None:
    digits = str(text).strip()
    return int(digits) if digits.isascii() and digits.isdigit() and 0 < int(digits[:6]) <= 65535 else None


def _bare(host: str) -> str:
    return host.removeprefix("[").removesuffix("]")


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(_bare(text))
    except ValueError:
        return False
    return True


def _no_port(found: Pasted) -> Pasted:
    return replace(found, remarks=(*found.remarks, f"No port is named: {DEFAULT_PORT} is assumed."))


# ------------------------------------------------------------------------------------------------------------ address


def _address(text: str) -> Pasted | None:
    """``AET@host:port`` alone, or with its port within other words (without, it would be an e-mail address)."""
    alone = re.sub(r"^dicoms?://", "", text.lstrip("\"'<>` ")).rstrip("\"'<>`/.,; ")
    if "\n" not in alone:
        try:
            peer = PeerAddress.parse(alone)
        except ConfigurationError:
            pass
        else:
            found = Pasted("AET@host:port", peer.ae_title, peer.host, peer.port)
            return found if alone.endswith(f":{peer.port}") else _no_port(found)
    within = re.search(rf"(?<!\S)[\"'(<]*([^\s@:\"'(<]{{1,16}})@({HOST}):({PORT})", text)
    port = within and _port(within[3])
    if within and port:
        return Pasted("AET@host:port within a text", within[1], _bare(within[2]), port)
    return None


# --------------------------------------------------------------------------------------------------------------- JSON

_KEYS: dict[str, tuple[str, ...]] = {
    "called_ae": ("aet", "aetitle", "ae_title", "calledaet", "called_ae_title"),
    "host": ("host", "hostname", "ip", "address", "ipaddress"),
    "port": ("port", "dicomport"),
    "calling_ae": ("localaet", "callingaet", "calling_ae_title"),
    "name": ("name", "id"),
}


def _json(text: str) -> Pasted | None:
    """Orthanc's ``"name" : ["AET", "host", 104]`` or its form with braces, whole or cut out of a configuration."""
    head, *commented = text.split("/*")
    plain = head + "".join(part.partition("*/")[2] for part in commented)
    plain = re.sub(r"(?:^|(?<=\s))//[^\n]*", "", plain)
    found = list(_json_peers(re.sub(r",(?=\s{0,100}[}\]])", "", plain)))
    if not found:
        return None
    if len(found) > 1:
        others = ", ".join(peer.name or peer.called_ae for peer in found[1:6])
        return replace(found[0], remarks=(*found[0].remarks, f"More peers are in it: {others}."))
    return found[0]


def _json_peers(text: str) -> Iterator[Pasted]:
    decoder = json.JSONDecoder()
    end = 0
    starts = re.finditer(r'(?:"([^"\n]{0,64})"\s{0,20}:\s{0,20})?(?=[\[{])', text)
    for start in islice(starts, MAX_VALUES):
        if start.end() < end:
            continue  # inside of one that was understood
        try:
            value, stop = decoder.raw_decode(text, start.end())
        except (ValueError, RecursionError):
            continue  # a comment, or a comma too many: what is inside may still be understood
        peer = _json_peer(value, start[1] or "")
        if peer is not None:
            end = stop
            yield peer


def _json_peer(value: Any, name: str) -> Pasted | None:
    parts: dict[str, Any] = {}
    if isinstance(value, list) and len(value) >= 3:
        parts = dict(zip(("called_ae", "host", "port"), value, strict=False))
    elif isinstance(value, dict):
        known = {str(key).lower(): inner for key, inner in value.items()}
        parts = {part: known[key] for part, keys in _KEYS.items() for key in keys if key in known}
    title, host, port = parts.get("called_ae"), parts.get("host"), _port(parts.get("port", ""))
    if not (isinstance(title, str) and isinstance(host, str) and host) or ("port" in parts and port is None):
        return None
    calling, inner_name = (str(parts.get(part) or "") for part in ("calling_ae", "name"))
    found = Pasted("JSON as Orthanc has it", title, _bare(host), port or DEFAULT_PORT, calling, name or inner_name)
    return found if port else _no_port(found)


# ------------------------------------------------------------------------------------------------------ command lines

_PROGRAM = re.compile(
    r"(?:^|[\s/\\'\"])(?:dicom-)?(echoscu|storescu|findscu|movescu|getscu|dcmsend|mwlscu|stgcmtscu|gdcmscu|dcmecho|"
    r"dcmsnd|dcmqr|dicomgui)(?:\.exe|\.bat)?['\"]?\s+(.*)"
)
_OPTIONS: dict[str, str] = {
    **dict.fromkeys(("-aec", "--call", "--called-ae-title"), "called"),
    **dict.fromkeys(("-aet", "--aetitle", "--calling", "--calling-ae-title"), "calling"),
    **dict.fromkeys(("-c", "--connect"), "connect"),
    **dict.fromkeys(("-b", "--bind", "-L"), "bind"),
    **dict.fromkeys(("-H", "--hostname"), "host"),
    **dict.fromkeys(("-p", "--port"), "port"),
}
ANY_SCP = "ANY-SCP"
"""Whom DCMTK calls when no title is given."""


def _command(text: str) -> Pasted | None:
    """A command of DCMTK, dcm4che, GDCM, pynetdicom or ours; the first one in the text that names a peer."""
    for line in re.sub(r"[\\^`]\n\s*", " ", text).split("\n"):
        call = _PROGRAM.search(line)
        found = _called(_words(call[2])) if call else None
        if call and found:
            return replace(found, form=f"{call[1]} command line")
    return None


def _words(line: str) -> list[str]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|;&<>")
    lexer.whitespace_split = True
    lexer.escape = ""  # a backslash is part of a Windows path here
    lexer.commenters = ""
    words = []
    try:
        for word in lexer:
            if set(word) <= set("|;&<>"):
                break
            words.append(word)
    except ValueError:  # a quote without its end
        return line.split()
    return words


def _called(words: list[str]) -> Pasted | None:
    values: dict[str, str] = {}
    others: list[str] = []
    pending = iter(words)
    for word in pending:
        option, equals, value = word.partition("=")
        if option in _OPTIONS and (value := value if equals else next(pending, "")):
            values[_OPTIONS[option]] = value
        elif option not in _OPTIONS:
            others.append(word)
    return _connected(values, others) or _placed(values, others)


def _connected(values: dict[str, str], others: list[str]) -> Pasted | None:
    """The way of dcm4che: ``-c AET@host:port -b ME``, and of ours: ``AET@host:port --calling ME``."""
    for word in [values.get("connect", ""), *others]:
        if "@" not in word or word.startswith("-"):
            continue
        try:
            peer = PeerAddress.parse(word)
        except ConfigurationError:
            continue
        calling = values.get("calling") or re.split("[@:]", values.get("bind", ""))[0]
        found = Pasted("command line", peer.ae_title, peer.host, peer.port, calling)
        return found if word.endswith(f":{peer.port}") else _no_port(found)
    return None


def _placed(values: dict[str, str], others: list[str]) -> Pasted | None:
    """The way of DCMTK, GDCM and pynetdicom: ``-aec AET -aet ME host port``."""
    host, port = values.get("host", ""), _port(values.get("port", ""))
    if not host:
        host, port = _place_in(others)
    if not host:
        return None
    found = Pasted("command line", ANY_SCP, _bare(host), port or DEFAULT_PORT, values.get("calling", ""))
    if called := values.get("called", ""):
        found = replace(found, called_ae=called)
    else:
        found = replace(found, remarks=(f"The command names no called AE title; {ANY_SCP} is what is called then.",))
    return found if port else _no_port(found)


def _place_in(words: list[str]) -> tuple[str, int | None]:
    """``host port`` or ``host:port`` among the words of a command."""
    for one, two in pairwise([*words, ""]):
        place = re.fullmatch(rf"({HOST}):({PORT})", one)
        if place and _port(place[2]):
            return place[1], _port(place[2])
        if _port(two) and re.fullmatch(HOST, one) and not one.isdigit():
            return one, _port(two)
    return "", None


# ------------------------------------------------------------------------------------------------------------- fields


def _fields(text: str) -> Pasted | None:
    """Three or four values: ``AET host port``, ``host:port AET``, ``AET:host:port``, ``name AET host port``."""
    if "\n" in text:
        return None
    flat = _values_in(text)
    at = next((at for at in range(len(flat) - 1, 0, -1) if _port(flat[at])), 0)
    port = _port(flat[at]) if at else None
    if not 3 <= len(flat) <= 4 or port is None or any(_is_label(part) for part in flat):
        return None
    # The host stands before the port, unless another one looks like an address.
    names = [*flat[:at], *flat[at + 1 :]]
    host = next((part for part in names if _looks_like_host(part)), flat[at - 1])
    if _looks_like_host(flat[at - 1]):
        host = flat[at - 1]
    if not re.fullmatch(HOST, host) and not _is_ip(host):
        return None
    names.remove(host)
    return Pasted("AE title, host and port", names[-1], _bare(host), port, name=names[0] if len(names) > 1 else "")


def _values_in(line: str) -> list[str]:
    separated = [part for piece in re.split(r"[\t,;|]+", line) if (part := piece.strip(" \"'"))]
    parts = separated if len(separated) > 1 else line.split()
    if len(parts) == 1 and not _is_ip(line):
        parts = re.split(r"(?<!:):(?!:)", line)
    flat = []
    for part in parts[:5]:
        place = re.fullmatch(rf"({HOST}):({PORT})", part)
        flat += [place[1], place[2]] if place else [part]
    return flat


def _rows(text: str) -> Pasted | None:
    """A row of a table, or a line of a letter, that has the three values and nothing else."""
    for line in text.split("\n"):
        found = _fields(line)
        if found and _looks_like_host(found.host):
            return replace(found, form="AE title, host and port within a text")
    return None


def _is_label(text: str) -> bool:
    return text.endswith((":", "=")) or text.lower() in _LABELS


def _looks_like_host(text: str) -> bool:
    return _is_ip(text) or text.lower() == "localhost" or re.fullmatch(r"[\w-]+(\.[\w-]+)+", text) is not None


# -------------------------------------------------------------------------------------------------------------- prose

# White space comes as single characters here: see _prose.
_IS = r"\s?(?:is\b|should be\b|[:=]|[\u2013\u2014-](?=\s)|->|of\b)?\s?"
_TITLE = re.compile(
    r"(?:\b(?P<whose>calling|called|your|our|local|remote|client|server|source|destination|scu|scp|peer|pacs)\b[\s-]?)?"
    r"\b(?:AE(?:[\s_-]?(?:titel|title|titre))?|AETs?|application entity(?: title)?)\b"
    rf"(?P<is>{_IS})(?P<value>\"[^\"\n]{{1,32}}\"|'[^'\n]{{1,32}}'|"
    r"[^\s,;\"']+(?:(?: [^\s,;\"'.:]+){0,3}(?=[,;]|\.?(?:\s|$)))?)",
    re.IGNORECASE,
)
_OURS = frozenset({"calling", "your", "local", "client", "source", "scu"})
_PORT = re.compile(rf"\bport\b(?: (?:number|no\.?|nr\.?))?(?: ?\([^)\n]{{0,40}}\))?{_IS}({PORT})", re.IGNORECASE)
_IP = re.compile(
    r"(?<![\w.])(\d{1,3}(?:\.\d{1,3}){3})(?!\.?\d)(?:\s?[:/]\s?(\d{1,5})\b)?|(\[[0-9A-Fa-f:.]{2,45}\]):(\d{1,5})\b"
)
_HOST = re.compile(
    r"\b(?:host(?:[ _-]?name)?|ip(?:[ _-]?addr(?:ess)?)?|server|address|node|machine)\b"
    rf"(?P<is>{_IS})(?P<host>{IPV6}|{HOST})(?::(?P<port>{PORT}))?",
    re.IGNORECASE,
)
_PLACE = re.compile(rf"(?<![\w@.-])(?P<is>)(?P<host>[A-Za-z0-9][\w-]*(?:\.[\w-]+)+|localhost):(?P<port>{PORT})")


def _prose(text: str) -> Pasted | None:
    """Words around the values: ``The AE title is PACS1, IP 10.0.0.5, port 104``."""
    text = re.sub(r"\s+", lambda gap: "\n" if "\n" in gap[0] else " ", text)
    host, port, others = _host_in(text)
    if port is None and (named := _PORT.search(text)):
        port = _port(named[1])
    called, calling = _titles_in(text)
    if not host and not called:
        return None
    found = Pasted("text", called, host, port or DEFAULT_PORT, calling)
    if others:
        found = replace(found, remarks=(f"Other addresses are there as well: {', '.join(others[:3])}.",))
    return found if port else _no_port(found)


def _host_in(text: str) -> tuple[str, int | None, list[str]]:
    """The host, its port where that stands beside it, and the other IP addresses of the text."""
    literals = [(_bare(hit[1] or hit[3]), _port(hit[2] or hit[4] or "")) for hit in _IP.finditer(text)]
    literals = [(host, port) for host, port in literals if _is_ip(host)]
    if literals:
        host, port = next((literal for literal in literals if literal[1]), literals[0])
        return host, port, list(dict.fromkeys(other for other, _ in literals if other != host))
    for pattern in (_PLACE, _HOST):
        for hit in pattern.finditer(text):
            host = hit["host"].rstrip(".")
            # `the host is slow` names none: a plain word counts only after a sign.
            if _looks_like_host(host) or hit["is"].strip() in tuple(":=-"):
                return _bare(host), _port(hit["port"] or ""), []
    return "", None, []


def _titles_in(text: str) -> tuple[str, str]:
    """Called and calling AE title; what is written with neither word is the called one."""
    called = calling = ""
    for hit in _TITLE.finditer(text):
        value = _title_of(hit)
        if (hit["whose"] or "").lower() in _OURS:
            calling = calling or value
        else:
            called = called or value
    return called, calling


def _title_of(hit: re.Match[str]) -> str:
    value = hit["value"]
    if value[0] in "\"'":
        value = value.strip("\"' ")
        return value if len(value) <= AE_TITLE_MAX and any(map(str.isalnum, value)) else ""
    words = value.rstrip(".)!?:").split(" ")
    if len(words) > 1 and not (_is_capitals(value) and len(value) <= AE_TITLE_MAX and not any(map(_is_other, words))):
        words = words[:1]
    value = " ".join(words).rstrip(".)!?:")
    # `AE titles must be agreed` names none: without a sign between them only capitals are taken for a title.
    is_title = hit["is"].strip() in tuple(":=-") or _is_capitals(value)
    is_place = _is_ip(value) or re.fullmatch(rf"{HOST}:{PORT}", value)
    return value if 0 < len(value) <= AE_TITLE_MAX and is_title and not is_place and not _is_label(value) else ""


def _is_capitals(text: str) -> bool:
    return text.upper() == text


def _is_other(word: str) -> bool:
    return _is_label(word) or _looks_like_host(word) or (word.isdigit() and len(word) > 2)
