"""Which process listens on a port of this computer, where the system tells: on Linux, by ``/proc``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

__all__ = ["port_owner"]

_PROC = Path("/proc")
_LISTEN = "0A"  # the state in /proc/net/tcp, proc(5)
_MAX_NAME = 64


def port_owner(port: int, proc: Path = _PROC) -> str:
    """``storescp (process 4711)``; empty where it is not known, because nobody listens, or the process is not ours.

    It blocks for some milliseconds: call it in a thread.

    :param proc: where the system tells of its processes.
    """
    inodes = {f"socket:[{inode}]" for inode in _listening(port, proc)}
    if not inodes:
        return ""
    for process in sorted(_processes(proc), key=lambda path: int(path.name)):
        if any(link in inodes for link in _links(process / "fd")):
            return f"{_name(process)} (process {process.name})"
    return ""


def _listening(port: int, proc: Path) -> Iterator[str]:
    """Inodes of the sockets that listen on the port."""
    for table in ("tcp", "tcp6"):
        try:
            lines = (proc / "net" / table).read_text(encoding="ascii", errors="replace").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            cells = line.split()
            if len(cells) > 9 and cells[3] == _LISTEN and cells[1].rpartition(":")[2] == f"{port:04X}":
                yield cells[9]


def _processes(proc: Path) -> Iterator[Path]:
    try:
        yield from (path for path in proc.iterdir() if path.name.isascii() and path.name.isdigit())
    except OSError:
        return


def _links(folder: Path) -> Iterator[str]:
    try:
        paths = list(folder.iterdir())
    except OSError:  # another user's process, or one that has just ended
        return
    for path in paths:
        try:
            yield str(path.readlink())
        except OSError:
            continue


def _name(process: Path) -> str:
    try:
        return (process / "comm").read_text(encoding="utf-8", errors="replace").strip()[:_MAX_NAME] or "a process"
    except OSError:
        return "a process"
