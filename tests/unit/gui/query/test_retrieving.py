from __future__ import annotations

from dicomgui.app.asking.keys import parse_key
from dicomgui.app.asking.levels import Level
from dicomgui.app.transfers.retrieve import Counts, Wanted, WantedResult, WantedState
from dicomgui.app.transfers.retrieve_results import RetrieveReport
from dicomgui.gui.query.retrieving import _text_of
from dicomgui.network import PeerAddress, Status


def result(number: int, reason: str) -> WantedResult:
    wanted = Wanted(Level.STUDY, (parse_key(f"StudyInstanceUID=1.2.{number}"),))
    if reason:
        return WantedResult(wanted, WantedState.FAILED, reason=reason)
    return WantedResult(wanted, WantedState.DONE, Status(0), told=Counts(3))


def test_each_reason_is_told_once_with_what_failed_for_it() -> None:
    results = (result(1, ""), result(2, "aborted"), result(3, "aborted"), result(4, "timed out"))
    report = RetrieveReport(PeerAddress.parse("PACS@a:1"), (1, 2), "study", "", results, Counts(3), 3, 100, 1.0)
    text = _text_of(report)
    assert text.startswith("3 arrived")
    assert "study 1.2.2 and 1 more not retrieved: aborted · study 1.2.4 not retrieved: timed out" in text
