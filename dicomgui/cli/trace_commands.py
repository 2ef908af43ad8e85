"""The ``trace`` commands: look into saved traces and single PDUs."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from dicomgui.cli.certificate_text import chain_fields, show_chain
from dicomgui.cli.exits import Exit
from dicomgui.cli.finding_text import evidence_lines, records_shown
from dicomgui.cli.output import Output, size_text
from dicomgui.network.dimse import CommandField
from dicomgui.network.pdu import pdu_name
from dicomgui.network.status import Status
from dicomgui.network.tracing import BytesRecord, DimseRecord, Direction, PduRecord, Role, TlsRecord
from dicomgui.trace.certificate import read_chain
from dicomgui.trace.describe import Node, describe_bytes, describe_command, node_json
from dicomgui.trace.diagnosis.diagnose import diagnose
from dicomgui.trace.file import TraceFileError, TraceReader, read_trace
from dicomgui.trace.finding import Severity
from dicomgui.trace.open_trace import open_trace
from dicomgui.trace.redaction.leftover import Decide, Leftover, Verdict
from dicomgui.trace.redaction.redact import Preview, RedactOptions
from dicomgui.trace.redaction.wording import left_text, masked_text, place_text
from dicomgui.trace.reports.saving import (
    Format,
    Saved,
    SaveError,
    SaveOptions,
    UndecidedError,
    format_of,
    preview,
    save,
)
from dicomgui.trace.summary import AssociationSummary, summarize

__all__ = ["decode", "explain", "export", "redact", "show"]

MAX_DECODE_BYTES = 64 * 2**20
"""Input of ``decode``; no PDU of the field comes near it."""

_ALL = 0
_NUMBER = re.compile(r"[1-9][0-9]{0,8}")


def show(options: argparse.Namespace) -> int:
    """``dicomgui trace show FILE``."""
    output = Output(as_json=options.json, verbose=options.verbose)
    try:
        reader = read_trace(Path(options.file))
        associations = summarize(reader)
        pdus = _show_all(output, reader, associations)
    except TraceFileError as error:
        return _fail(output, error)
    if not output.is_lost:  # else the file was not read to its end
        _tell_damage(output, reader)
    output.event("summary", ok=True, exit_code=0, associations=len(associations), pdus=pdus)
    return output.finish(Exit.OK)


def _show_all(output: Output, reader: TraceReader, associations: list[AssociationSummary]) -> int:
    width = max((len(_names(association)) for association in associations), default=0)
    for association in associations:
        _show_association(output, association, width)
    if associations:
        output.line()
    started = {association.association: association.started_utc for association in associations}
    pdus = 0
    for record in reader:
        if output.is_lost:
            break
        if isinstance(record, PduRecord):
            pdus += 1
            _show_pdu(output, record, record.utc - started.get(record.association, record.utc))
        elif isinstance(record, DimseRecord | BytesRecord):
            _show_row(output, record, record.utc - started.get(record.association, record.utc))
        elif isinstance(record, TlsRecord):
            _show_tls(output, record, record.utc - started.get(record.association, record.utc))
    return pdus


def _names(association: AssociationSummary) -> str:
    return f"{association.calling_ae or '?'} -> {association.called_ae or '?'}"


def _show_association(output: Output, association: AssociationSummary, width: int) -> None:
    role = {Role.REQUESTOR: "to", Role.ACCEPTOR: "from", None: "with"}[association.role]
    requests = ", ".join(f"{count} {_command_name(field)}" for field, count in association.requests)
    output.line(
        f"association {association.association:<4}{_names(association):<{width}}  {role} {association.peer or '?'}"
        f"  {association.outcome.value}  {association.duration_s:.3f} s"
        f"  {association.pdus_sent} PDUs out, {association.pdus_received} in"
        f"{'  ' if requests else ''}{requests}"
    )


def _command_name(field: int) -> str:
    try:
        return CommandField(field).name.replace("_", "-")
    except ValueError:
        return f"command {field:04X}H"


def _iso(utc: float) -> str:
    try:
        return datetime.fromtimestamp(utc, UTC).isoformat(timespec="microseconds")
    except (ValueError, OverflowError, OSError):  # of a file that is damaged
        return ""


def _direction(direction: Direction) -> str:
    return "sent" if direction is Direction.SENT else "received"


def _show_pdu(output: Output, record: PduRecord, since: float) -> None:
    output.event(
        "pdu",
        association=record.association,
        direction=_direction(record.direction),
        type=pdu_name(record.pdu_type),
        time=_iso(record.utc),
        length=record.length,
        error=record.error or None,
    )
    fault = f"  {record.error}" if record.error else ""
    _line(output, record, since, pdu_name(record.pdu_type), record.length, fault)


def _show_row(output: Output, record: DimseRecord | BytesRecord, since: float) -> None:
    """A message beside the PDUs that carried it, or bytes that are part of none."""
    if isinstance(record, BytesRecord):
        _line(output, record, since, "no PDU", record.length, f"  {record.error}")
        return
    status = "" if record.status < 0 else f"  {Status(record.status & 0xFFFF)}"
    detail = f"  id {record.message_id}{status}  {record.sop_instance_uid or record.sop_class_uid}"
    _line(output, record, since, f"  {_command_name(record.command_field)}", record.dataset_length, detail)


def _show_tls(output: Output, record: TlsRecord, since: float) -> None:
    """The end of a TLS handshake, and the certificates that the peer sent."""
    chain = read_chain(record.peer_certificate + record.peer_chain)
    output.event(
        "tls",
        association=record.association,
        time=_iso(record.utc),
        version=record.version,
        cipher=record.cipher,
        certificates=chain_fields(chain),
        error=record.error or None,
    )
    words = record.error or f"{record.version}, {record.cipher}"
    output.line(f"{record.association:>5} {since:10.6f}    {'TLS':<17}{'':>11}  {words}")
    show_chain(output, chain, record.utc)


def _line(
    output: Output, record: PduRecord | DimseRecord | BytesRecord, since: float, kind: str, length: int, detail: str
) -> None:
    size = "" if length < 0 else str(length)
    arrow = "->" if record.direction is Direction.SENT else "<-"
    output.line(f"{record.association:>5} {since:10.6f} {arrow} {kind:<17}{size:>11}{detail}")


def explain(options: argparse.Namespace) -> int:
    """``dicomgui trace explain FILE``."""
    output = Output(as_json=options.json, verbose=options.verbose, err=sys.stdout)
    try:
        reader = read_trace(Path(options.file))
        findings = diagnose(reader)
        shown = records_shown(findings, reader)
    except TraceFileError as error:
        return _fail(Output(as_json=options.json), error)
    output.findings(findings, lambda finding: evidence_lines(finding, shown))
    if not any(finding.severity is Severity.ERROR for finding in findings):
        output.line("nothing failed, as far as the trace shows")
    _tell_damage(Output(as_json=options.json), reader)
    output.event("summary", ok=True, exit_code=0, findings=len(findings))
    return output.finish(Exit.OK)


def export(options: argparse.Namespace) -> int:
    """``dicomgui trace export FILE -o OUT``: as the name of OUT says, or ``--format``."""
    output = Output(as_json=options.json, verbose=options.verbose)
    wanted = Format(f".{options.format}") if options.format else format_of(Path(options.output))
    if wanted is None:
        known = ", ".join(one.value for one in Format)
        return _fail(output, f"{options.output}: give --format, or a name that ends in {known}", Exit.USAGE)
    # A report goes into tickets and mails; what is exported for another program is wanted whole.
    is_redacted = options.redact or (wanted is Format.MARKDOWN and not options.whole)
    return _save(output, options, wanted, RedactOptions(also=tuple(options.also)) if is_redacted else None)


def redact(options: argparse.Namespace) -> int:
    """``dicomgui trace redact FILE -o OUT``, or ``--preview``."""
    output = Output(as_json=options.json, verbose=options.verbose)
    keeps = RedactOptions(
        not options.mask_ae, not options.mask_addresses, not options.mask_certificates, tuple(options.also)
    )
    if options.output is None:
        if options.preview:
            return _save(output, options, Format.TRACE, keeps)
        return _fail(output, "give -o OUT, or --preview to see what would be replaced", Exit.USAGE)
    return _save(output, options, format_of(Path(options.output)) or Format.TRACE, keeps)


def _save(output: Output, options: argparse.Namespace, wanted: Format, keeps: RedactOptions | None) -> int:
    """Open the trace and write it; without an output only tell what would be replaced."""
    source, target = Path(options.file), options.output and Path(options.output)
    try:
        decide = _decisions(options)
    except ValueError as error:
        return _fail(output, error, Exit.USAGE)
    try:
        if target and target.exists() and target.samefile(source):
            return _fail(output, f"{target} is the trace itself; choose another file", Exit.USAGE)
        opened = open_trace(source)
    except (TraceFileError, OSError) as error:
        return _fail(output, error)
    try:
        for text in opened.damage:
            output.note(f"{source}: {text}")
        was_redacted = opened.reader.info.get("redacted") is True
        how = SaveOptions(wanted, keeps, keylog=_keylog(options, wanted), was_redacted=was_redacted)
        if not target:
            _tell_preview(output, preview(opened.store, how))
            output.event("summary", ok=True, exit_code=0)
            return output.finish(Exit.OK)
        saved = save(opened.store, target, how, marks=opened.marks, decide=decide)
    except UndecidedError as error:
        _tell_undecided(output, error.undecided)
        return _fail(output, error)
    except SaveError as error:
        return _fail(output, error)
    finally:
        opened.store.close()
    _tell_saved(output, target, saved, was_redacted=was_redacted)
    return output.finish(Exit.OK)


def _keylog(options: argparse.Namespace, wanted: Format) -> Path | None:
    """The TLS key log to put into a capture.

    :raises SaveError: it was given for another format.
    """
    name = getattr(options, "keylog", None)
    if name is not None and wanted is not Format.PCAPNG:
        raise SaveError(f"a key log has a place in a {Format.PCAPNG.value} only")
    return None if name is None else Path(name)


def _decisions(options: argparse.Namespace) -> Decide:
    """The verdicts that the user gave on leftovers; a number counts before ``all``.

    :raises ValueError: what was given is no list of numbers, or both have the same.
    """
    masked, kept = _numbers("--replace-left", options.replace_left), _numbers("--keep-left", options.keep_left)
    if masked & kept:
        raise ValueError("--replace-left and --keep-left name the same values")

    def verdict(number: int) -> Verdict | None:
        for wanted in (number, _ALL):
            if wanted in masked:
                return Verdict.MASK
            if wanted in kept:
                return Verdict.KEEP
        return None

    def decide(left: tuple[Leftover, ...]) -> Mapping[int, Verdict]:
        given = ((one.number, verdict(one.number)) for one in left)
        return {number: one for number, one in given if one is not None}

    return decide


def _numbers(name: str, text: str) -> frozenset[int]:
    """The numbers of a list, from 1 on; :data:`_ALL` for all."""
    if text.strip().lower() == "all":
        return frozenset({_ALL})
    parts = [part.strip() for part in text.split(",")] if text.strip() else []
    if not all(_NUMBER.fullmatch(part) for part in parts):
        raise ValueError(f"{name}: give numbers with commas between them, or all")
    return frozenset(map(int, parts))


def _tell_undecided(output: Output, left: tuple[Leftover, ...]) -> None:
    """Each value with its places, for who decides. The value itself is for eyes alone, and not in the JSON."""
    for one in left:
        places = [place_text(place) for place in one.listed]
        output.event("left", number=one.number, element=one.element, size=len(one.value), places=places)
        output.line(f"{one.number:>4}  {one.text!r}: {left_text(one)}")
        for place in places:
            output.line(f"      {place}")
        if len(one.places) > len(places):
            output.line(f"      and {len(one.places) - len(places)} more places")
    output.note("replace values with --replace-left 1,2 (or all), or leave them with --keep-left 1,2 (or all)")


def _tell_saved(output: Output, target: Path, saved: Saved, *, was_redacted: bool) -> None:
    found = saved.preview
    if found is not None and output.is_verbose:
        _tell_preview(output, found)
    output.event(
        "summary", ok=True, exit_code=0, rows=saved.rows, path=str(target), redacted=found is not None or was_redacted,
        replaced=None if found is None else found.count, kept=len(saved.kept),
    )  # fmt: skip
    output.line(f"{saved.rows} rows written to {target} ({size_text(saved.size_bytes)})")
    if found is None:
        if not was_redacted:
            output.note(f"{target} can hold patient data")
    elif saved.kept:
        output.line(f"{found.count} values were replaced; {len(saved.kept)} stay in the copy by your choice")
    elif found.can_check_all:
        output.line(f"{found.count} values were replaced; none of them is in the copy")
    else:
        output.line(f"{found.count} values were replaced, too many to look for each of them again")


def _tell_preview(output: Output, found: Preview | None) -> None:
    """What is replaced: names and numbers, never a value."""
    if found is None:
        return
    for name, count in found.elements:
        output.event("replaced", element=name, count=count)
        output.line(f"{count:>8}  {name}")
    for what, count in found.others:
        output.event("masked", what=what.value, text=masked_text(what), count=count)
        output.line(f"{count:>8}  {masked_text(what)}")


def _tell_damage(output: Output, reader: TraceReader) -> None:
    for text in reader.damage:
        output.note(f"{reader.path}: {text}")
    if not reader.is_complete and not reader.damage:
        output.note(f"{reader.path}: the program that wrote it did not close it; its last records may be missing")


def _fail(output: Output, error: object, code: Exit = Exit.FILES) -> int:
    output.note(f"error: {error}")
    output.event("summary", ok=False, exit_code=int(code), error=str(error))
    return code


# ------------------------------------------------------------------------------------------------------------ decode


def decode(options: argparse.Namespace) -> int:
    """``dicomgui trace decode [FILE|-]``: one JSON object for each PDU, or one for the command set."""
    output = Output(as_json=options.json, verbose=options.verbose)
    try:
        data = _read(options.file)
        if options.hex:
            data = _from_hex(data)
        if not data:
            raise ValueError("there is nothing to decode")
    except OSError as error:
        return _fail(output, f"cannot read {options.file}: {error.strerror or error}")
    except ValueError as error:
        return _fail(output, error)
    kind = options.kind or ("command" if data.startswith(b"\0\0") else "pdu")
    nodes = describe_bytes(data) if kind == "pdu" else [describe_command(data)]
    for node in nodes:
        output.json(_decoded(kind, node))
    is_sound = not any(part.error for node in nodes for part in node.walk())
    return output.finish(Exit.OK if is_sound else Exit.FILES)


def _decoded(kind: str, node: Node) -> dict[str, object]:
    described = node_json(node)
    result: dict[str, object] = {
        "kind": kind,
        "type": node.value if kind == "command" else node.label,
        "fields": described["children"],
    }
    if node.error:
        result["error"] = node.error
    return result


def _read(name: str) -> bytes:
    if name == "-":
        data = sys.stdin.buffer.read(MAX_DECODE_BYTES + 1)
    else:
        with Path(name).open("rb") as file:
            data = file.read(MAX_DECODE_BYTES + 1)
    if len(data) > MAX_DECODE_BYTES:
        raise ValueError(f"the input has more than {MAX_DECODE_BYTES} bytes")
    return data


def _from_hex(text: bytes) -> bytes:
    """Bytes from digits as people copy them: with spaces, line ends, colons, commas, ``0x`` or ``\\x``."""
    digits = re.sub(rb"0[xX]|\\x|[\s:,;\-]", b"", text).decode("latin-1")
    try:
        return bytes.fromhex(digits)
    except ValueError:
        raise ValueError("the input is no text of hexadecimal digits in pairs") from None
