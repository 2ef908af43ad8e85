"""What a send came to, counted."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.instances import EXPLICIT, IMPLICIT, write_instance

from dicomgui.app.files.sources import SendItem, Skipped, scan
from dicomgui.app.transfers.send_results import Cause, ItemResult, ItemState, SendReport
from dicomgui.network.errors import ConnectionRefused


@pytest.fixture
def item(tmp_path: Path) -> SendItem:
    [found] = scan([write_instance(tmp_path, 1, syntax=EXPLICIT)]).items
    return found


@pytest.mark.parametrize(
    ("state", "is_sent"),
    [
        (ItemState.SENT, True),
        (ItemState.WARNING, True),
        (ItemState.FAILED, False),
        (ItemState.CANCELLED, False),
        (ItemState.QUEUED, False),
    ],
)
def test_only_what_was_sent_counts_as_converted(item: SendItem, state: ItemState, is_sent: bool) -> None:
    result = ItemResult(item, state, sent_as=IMPLICIT)
    assert result.is_sent is is_sent
    words = "converted from Explicit VR Little Endian to Implicit VR Little Endian"
    assert result.converted == (words if is_sent else "")
    report = SendReport((result, ItemResult(item, state)), (), (), 0, 1.0)
    assert (report.sent, report.converted) == ((2, 1) if is_sent else (0, 0))


def test_rates_and_causes(item: SendItem) -> None:
    sent = ItemResult(item, ItemState.SENT)
    failed = ItemResult(item, ItemState.FAILED, cause=Cause.STATUS)
    report = SendReport((sent, failed), (Skipped("x", "text", is_fault=False),), (1,), 500, 2.0)
    assert report.bytes_per_second == 250
    assert report.causes == {Cause.STATUS}
    assert not report.ok
    assert SendReport((sent,), (), (1,), 500, 2.0).ok
    assert not SendReport((sent, ItemResult(item, ItemState.CANCELLED)), (), (), 0, 1.0).ok
    assert SendReport((sent,), (), (), 0, 0.0, ConnectionRefused("no")).causes == {Cause.NETWORK}
