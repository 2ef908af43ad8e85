"""Words for failures that reach a face as an exception, whatever room they come from."""

from __future__ import annotations

from dicomgui.app.port_owner import port_owner
from dicomgui.network.errors import ListenError
from dicomgui.storage import StorageError
from dicomgui.trace.diagnosis.diagnose import explain_error
from dicomgui.trace.diagnosis.facts import Facts
from dicomgui.trace.diagnosis.words import compose, file_code, split_place
from dicomgui.trace.finding import Finding

__all__ = ["explain_failure", "explain_no_listener", "facts_of_port"]


def explain_failure(error: BaseException) -> Finding:
    """The finding for any exception; what the archive says is a fault of files."""
    if isinstance(error, StorageError):
        path = str(error.path) if error.path else ""
        detail = str(error).removeprefix(f"{path}: ").rstrip(".")
        values = {"path": path or "(no path)", "detail": detail, "hint": error.hint}
        return compose(file_code(error.code), values)
    return explain_error(error)


def explain_no_listener(error: ListenError) -> Finding:
    """The finding for a listener that did not start, with who has its port. It blocks."""
    place = str(error).removeprefix("cannot listen on ").partition(": ")[0]
    port = split_place(place)[1]
    return explain_error(error, facts_of_port(int(port)) if port.isascii() and port.isdigit() else Facts())


def facts_of_port(port: int) -> Facts:
    """Who holds the port that a listener could not get. It blocks: call it in a thread."""
    owner = port_owner(port)
    return Facts(port_owners={port: owner}) if owner else Facts()
