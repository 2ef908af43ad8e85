"""Which files are traces and captures, by their names."""

from __future__ import annotations

from pathlib import Path

__all__ = ["CAPTURE_SUFFIXES", "TRACE_SUFFIXES", "is_capture_file", "is_trace_file"]

CAPTURE_SUFFIXES = (".pcap", ".pcapng", ".cap")
TRACE_SUFFIXES = (".dgtrace", *CAPTURE_SUFFIXES)
"""What a trace or capture is called."""


def is_trace_file(path: Path) -> bool:
    """Whether a file is a trace or a capture, by its name."""
    return path.suffix.lower() in TRACE_SUFFIXES or is_capture_file(path)


def is_capture_file(path: Path) -> bool:
    """True for a file that is a capture by its name: ``a.pcapng``, or compressed ``a.pcapng.gz``."""
    name = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    return name.suffix.lower() in CAPTURE_SUFFIXES
