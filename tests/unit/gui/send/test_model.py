"""The table of files filters itself, also while results come in."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from dicomgui.app.files.sources import SendItem, Skipped
from dicomgui.app.transfers.send import ItemResult, ItemState
from dicomgui.gui.send.model import Filter, SendColumn, SendModel
from dicomgui.network.part10 import Part10Head
from dicomgui.network.status import Status

CT = "1.2.840.10008.5.1.4.1.1.2"
HEAD = Part10Head(0, "1.2.840.10008.1.2", CT, "1.2.3", has_preamble=True, lacks=(), meta=())


def items(count: int) -> list[SendItem]:
    return [SendItem(Path(f"{number}.dcm"), 1000, HEAD, f"{number}.dcm") for number in range(count)]


def names(model: SendModel) -> list[str]:
    return [model.index(row, SendColumn.FILE).data() for row in range(model.rowCount())]


def failed(item: SendItem) -> ItemResult:
    return ItemResult(item, ItemState.FAILED, Status(0xA700), "", "out of resources", None, 3)


@pytest.mark.parametrize("count", [6, 200])
def test_only_what_failed_is_shown_while_results_come(qtbot: QtBot, qtmodeltester: ModelTester, count: int) -> None:
    model, files = SendModel(), items(count)
    model.add(files, [Skipped("x.txt", "no DICOM", is_fault=False)])
    model.set_filter(Filter.FAILED)
    qtmodeltester.check(model, force_py=True)
    assert names(model) == []
    model.show_results([failed(files[4]), failed(files[1])])
    assert names(model) == ["1.dcm", "4.dcm"]
    assert model.row_of_item(files[4]) == 1
    assert model.row_of_item(files[0]) == -1
    assert model.association_at(0) == 3
    model.show_results(failed(item) for item in files)
    assert names(model) == [item.name for item in files]
    model.queue([files[0]], "PEER")
    assert names(model) == [item.name for item in files[1:]]
    assert model.unsent == tuple(files[1:])
    model.remove([0])
    assert names(model) == [item.name for item in files[2:]]
    model.set_filter(Filter.SKIPPED)
    assert names(model) == ["x.txt"]
    model.add(items(count + 1), [Skipped("y.txt", "no DICOM", is_fault=False)])
    assert names(model) == ["x.txt", "y.txt"]
    model.set_filter(Filter.ALL)
    assert model.rowCount() == model.count == count + 3


def test_items_that_were_found_anew_are_taken_for_the_same(qtbot: QtBot) -> None:
    model, old = SendModel(), items(2)
    model.add(items(1), ())
    taken = model.adopt(old)
    assert taken[0] is not old[0]
    assert taken[1] is old[1]
    model.show_results([failed(one) for one in taken])
    assert model.has_unsent
    assert [line.state for line in model.lines()] == ["failed", "failed"]
    model.clear()
    assert not model.has_unsent


def test_a_result_says_what_was_converted_and_is_not_cut_off(qtbot: QtBot) -> None:
    model, files = SendModel(), items(3)
    model.add(files, ())
    explicit = "1.2.840.10008.1.2.1"
    reason = "not converted: " + "x" * 300
    model.show_results(
        [
            ItemResult(files[0], ItemState.SENT, Status(0), sent_as=explicit),
            ItemResult(files[1], ItemState.WARNING, Status(0xB000), "hm", sent_as=explicit),
            ItemResult(files[2], ItemState.FAILED, None, reason=reason, sent_as=explicit),
        ]
    )
    words = "converted from Implicit VR Little Endian to Explicit VR Little Endian"
    texts = [model.index(row, SendColumn.RESULT).data() for row in range(3)]
    assert texts[0].endswith(f" · {words}")
    assert texts[1].endswith(f" · hm · {words}")
    assert texts[2] == reason
