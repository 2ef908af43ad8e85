"""The exit codes of all commands."""

from __future__ import annotations

from enum import IntEnum

from dicomgui.network.errors import DicomNetworkError, NoAcceptedContext

__all__ = ["Exit", "exit_of_error"]


class Exit(IntEnum):
    """What the command tells the shell."""

    OK = 0
    """Done; warnings count as done, and are shown."""
    REFUSED = 1
    """A DICOM failure status, or a refused presentation context."""
    USAGE = 2
    NETWORK = 3
    """Network, association or time-out."""
    FILES = 4
    """Local files."""
    CANCELLED = 130


def exit_of_error(error: DicomNetworkError) -> Exit:
    """The exit code for what ended an operation."""
    return Exit.REFUSED if isinstance(error, NoAcceptedContext) else Exit.NETWORK
