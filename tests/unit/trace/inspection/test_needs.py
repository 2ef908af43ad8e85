from __future__ import annotations

import pytest
from helpers.recordings import CT, EXPLICIT, JPEG_2000, Recording

from dicomgui.network.dimse import CCancelRQ, CEchoRQ, CEchoRSP, CStoreRQ, CStoreRSP
from dicomgui.network.status import Status
from dicomgui.network.tracing import Direction, FileRecord, NoteRecord, unmet_need
from dicomgui.trace.inspection import needs as needs_module
from dicomgui.trace.inspection.needs import Need, Needs, command_name, needs_of
from dicomgui.trace.store import TraceStore

SENT, RECEIVED = Direction.SENT, Direction.RECEIVED


def file(recording: Recording, event: str, path: str) -> Recording:
    return recording.add(FileRecord(*recording.head, event, path, 10, ""))


def unmet(recording: Recording, *syntaxes: str) -> Recording:
    return recording.add(NoteRecord(*recording.head, 30, unmet_need(CT, syntaxes)))


def gathered(recording: Recording) -> Needs:
    store = TraceStore()
    for record in recording.records:
        store(record)
    needs = needs_of(store, recording.association)
    store.close()
    return needs


def test_operations_are_counted_for_their_contexts() -> None:
    recording = Recording()
    for number in range(3):
        recording.dimse(SENT, CEchoRQ(number), 1).dimse(RECEIVED, CEchoRSP(number, Status(0)), 1)
    recording.dimse(SENT, CCancelRQ(1), 1).dimse(RECEIVED, CStoreRQ(1, CT, "1.2"), 3)
    needs = gathered(recording)
    assert needs.on_context(1) == (Need("C-ECHO", 3),)
    assert needs.on_context(3) == (Need("C-STORE", 1),)
    assert needs.on_context(5) == ()
    assert needs.on_context(1)[0].text == "3 × C-ECHO"
    assert not needs.is_partial


def test_files_are_named_where_it_is_certain_which() -> None:
    recording = Recording()
    for number, name in enumerate(("/a/one.dcm", "C:\\b\\two.dcm")):
        file(recording, "opened", name).dimse(SENT, CStoreRQ(number, CT, f"1.{number}"), 3)
    for name in ("three", "four"):
        file(recording, "opened", name)
    recording.dimse(SENT, CStoreRQ(5, CT, "1.5"), 3)
    recording.dimse(RECEIVED, CStoreRQ(1, CT, "1.2"), 5)
    file(recording, "stored", "/archive/1.2.dcm").dimse(SENT, CStoreRSP(1, Status(0)), 5)
    file(recording, "failed", "/archive/none.dcm")
    needs = gathered(recording)
    assert needs.on_context(3) == (Need("C-STORE", 3, ("one.dcm", "two.dcm")),)
    assert needs.on_context(5) == (Need("C-STORE", 1, ("1.2.dcm",)),)


def test_what_had_no_context() -> None:
    recording = file(Recording(), "opened", "/a/one.dcm")
    unmet(unmet(file(unmet(recording, JPEG_2000), "opened", "/a/two.dcm"), JPEG_2000))
    needs = gathered(recording)
    first = Need("C-STORE", 2, ("one.dcm", "two.dcm"), CT, (JPEG_2000,))
    second = Need("operation", 1, (), CT, ())
    assert needs.unmet == (first, second)
    assert needs.refused(CT, (EXPLICIT, JPEG_2000)) == (first, second)
    assert needs.refused(CT, (EXPLICIT,)) == (second,)
    assert needs.refused("1.2", (JPEG_2000,)) == ()


def test_what_a_peer_can_make_grow_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(needs_module, "MAX_RECORDS", 1000)
    monkeypatch.setattr(needs_module, "MAX_UNMET", 2)
    recording = Recording()
    for number in range(1500):
        recording.add(NoteRecord(*recording.head, 30, unmet_need(f"1.2.{number}", ())))
    needs = gathered(recording)
    assert needs.is_partial
    assert len(needs.unmet) == 2


def test_commands_have_names() -> None:
    assert command_name(0x8020) == "C-FIND-RSP"
    assert command_name(0x7777) == "command 7777H"
