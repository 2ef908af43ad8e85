"""``trace import``: a capture file as a trace; ``trace add-keys``: a capture with its TLS keys."""

from __future__ import annotations

import argparse
from contextlib import suppress
from pathlib import Path

import dicomgui
from dicomgui.cli.exits import Exit
from dicomgui.cli.output import Output, size_text
from dicomgui.trace.capture import CaptureError, CaptureReader, ImportResult, import_capture
from dicomgui.trace.capture.secrets import add_keylog
from dicomgui.trace.file import TraceFileError, TraceWriter
from dicomgui.trace.pcap import PcapExportError

__all__ = ["add_keys", "import_file"]


def import_file(options: argparse.Namespace) -> int:
    """``dicomgui trace import CAPTURE -o OUT.dgtrace``."""
    output = Output(as_json=options.json, verbose=options.verbose)
    source, target = Path(options.file), Path(options.output)
    part = target.with_name(f"{target.name}.part")
    try:
        CaptureReader(source)  # before anything is written
        if target.exists() and target.samefile(source):
            return _fail(output, f"{target} is the capture itself; choose another file", Exit.USAGE)
        result = _import(options, source, part)
        _note(output, source, result)
        if not result.associations:
            return _fail(output, f"there is no DICOM association in {source}{_others(result)}")
        part.replace(target)
    except (CaptureError, TraceFileError, OSError) as error:
        return _fail(output, error)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    _tell(output, target, result)
    return output.finish(Exit.OK)


def add_keys(options: argparse.Namespace) -> int:
    """``dicomgui trace add-keys CAPTURE --keylog FILE -o OUT.pcapng``."""
    output = Output(as_json=options.json, verbose=options.verbose)
    source, target = Path(options.file), Path(options.output)
    try:
        if target.exists() and target.samefile(source):
            return _fail(output, f"{target} is the capture itself; choose another file", Exit.USAGE)
        add_keylog(source, Path(options.keylog), target)
    except (CaptureError, PcapExportError, OSError) as error:
        return _fail(output, error)
    output.event("summary", ok=True, exit_code=0, path=str(target))
    output.line(f"{target} written; Wireshark decrypts its TLS connections")
    output.note(f"who has {target} can read everything that was said; it can hold patient data")
    return output.finish(Exit.OK)


def _import(options: argparse.Namespace, source: Path, part: Path) -> ImportResult:
    info = {"program": f"dicomgui {dicomgui.__version__}", "imported_from": source.name}
    with TraceWriter(part, info=dict(info)) as writer:
        return import_capture(
            source, writer, contexts=dict(options.contexts), we=options.we, ports=frozenset(options.ports)
        )


def _note(output: Output, source: Path, result: ImportResult) -> None:
    """Say what is worth knowing of the capture, also where nothing comes of it."""
    for note in result.notes:
        output.note(f"{source}: {note}")


def _tell(output: Output, target: Path, result: ImportResult) -> None:
    output.event(
        "summary",
        ok=True,
        exit_code=0,
        associations=len(result.associations),
        packets=result.packets,
        records=result.records,
        others=dict(result.others),
        notes=list(result.notes),
        path=str(target),
    )
    count = len(result.associations)
    output.line(
        f"{count} connection{'' if count == 1 else 's'} imported from {result.packets} packets to {target}"
        f" ({size_text(target.stat().st_size)}){_others(result)}"
    )
    output.note(f"{target} can hold patient data")


def _others(result: ImportResult) -> str:
    """What else was in the capture."""
    others = ", ".join(f"{count} {kind}" for kind, count in sorted(result.others.items()))
    return f"; other connections: {others}" if others else ""


def _fail(output: Output, error: object, code: Exit = Exit.FILES) -> int:
    output.note(f"error: {error}")
    output.event("summary", ok=False, exit_code=int(code), error=str(error))
    return code
