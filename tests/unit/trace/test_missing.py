from __future__ import annotations

from dicomgui.network.tracing import NoteRecord
from dicomgui.trace.missing import missing_text, tells_of_missing


def test_notes_about_gaps_are_known_again() -> None:
    text = missing_text(17, "the peer")
    assert text == "17 bytes that the peer sent are not in the capture."
    assert tells_of_missing(NoteRecord(1, 0.0, 0.0, 30, text))
    assert not tells_of_missing(NoteRecord(1, 0.0, 0.0, 30, "The capture does not show the end of this connection."))
