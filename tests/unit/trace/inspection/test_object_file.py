from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.recordings import CT, EXPLICIT, Recording, associate_ac, associate_rq
from pydicom import dcmread
from pydicom.dataset import Dataset

from dicomgui.network.dimse import CEchoRQ, CStoreRQ, encode
from dicomgui.network.dimse.dataset import encode_dataset
from dicomgui.network.pdu import PDV, PDataTF, PresentationContextAC, PresentationContextRQ
from dicomgui.network.tracing import Direction, PduRecord, Segment
from dicomgui.trace.inspection import messages
from dicomgui.trace.inspection.messages import Message, message_at
from dicomgui.trace.inspection.object_file import ObjectError, default_name, refusal_of, save_part10
from dicomgui.trace.store import TraceStore

DEFLATED = "1.2.840.10008.1.2.1.99"


def image() -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = CT, "1.2.3"
    dataset.Modality = "CT"
    dataset.PatientName = "Doe"
    dataset.add_new(0x7FE00010, "OW", bytes(range(250)) * 40)
    return dataset


DATA = encode_dataset(image(), EXPLICIT)


@pytest.fixture
def store() -> Iterator[TraceStore]:
    made = TraceStore()
    yield made
    made.close()


def sent(store: TraceStore, *, uid: str = "1.2.3", kept: int = 10**6, syntax: str = EXPLICIT, last: int = 2) -> Message:
    """A C-STORE in the trace, of whose fragments ``kept`` bytes each were kept."""
    recording = Recording().sent(associate_rq(PresentationContextRQ(1, CT, (EXPLICIT, DEFLATED))))
    recording.received(associate_ac(PresentationContextAC(1, 0 if syntax else 3, syntax)))
    recording.sent(PDataTF((PDV(1, 3, encode(CStoreRQ(1, CT, uid, has_dataset=True))),)))
    for start in range(0, len(DATA), 3000):
        control = last if start + 3000 >= len(DATA) else 0
        pdu = PDataTF((PDV(1, control, DATA[start : start + 3000]),)).encode()
        segments = (Segment(0, pdu[: 12 + kept]),)
        recording.add(PduRecord(*recording.head, Direction.SENT, 4, len(pdu), segments, ""))
    for record in recording.records:
        store(record)
    found = message_at(store, store.last_seq)
    assert found is not None
    return found


def test_an_object_is_saved_as_it_went_over_the_network(store: TraceStore, tmp_path: Path) -> None:
    message = sent(store)
    assert default_name(message) == "CT_1.2.3.dcm"
    saved = save_part10(store, message, tmp_path / default_name(message))
    content = saved.path.read_bytes()
    assert content.endswith(DATA)
    assert (saved.size_bytes, saved.missing_bytes) == (len(content), 0)
    read = dcmread(saved.path)
    assert (read.PatientName, read.file_meta.TransferSyntaxUID) == ("Doe", EXPLICIT)
    assert [path.name for path in tmp_path.iterdir()] == ["CT_1.2.3.dcm"]


def test_a_file_that_is_there_is_replaced_only_when_that_is_wanted(store: TraceStore, tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(b"mine")
    message = sent(store)
    with pytest.raises(FileExistsError):
        save_part10(store, message, path)
    assert path.read_bytes() == b"mine"
    save_part10(store, message, path, overwrite=True)
    assert path.read_bytes().endswith(DATA)
    assert len(list(tmp_path.iterdir())) == 1


def test_what_was_not_kept_is_filled_with_zeros_only_when_that_is_wanted(store: TraceStore, tmp_path: Path) -> None:
    message = sent(store, kept=1000)
    path = tmp_path / "a.dcm"
    with pytest.raises(ObjectError, match=f"of {len(DATA):,} bytes of the data set were not kept"):
        save_part10(store, message, path)
    saved = save_part10(store, message, path, fill=True)
    assert saved.missing_bytes == message.missing_bytes > 0
    assert path.read_bytes()[-len(DATA) :][:1000] == DATA[:1000]
    assert dcmread(path).PatientName == "Doe"


def test_more_than_is_shown_is_saved(store: TraceStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "MAX_SHOWN", 2000)
    message = sent(store)
    assert len(message.dataset) == 2000
    assert save_part10(store, message, tmp_path / "a.dcm").path.read_bytes().endswith(DATA)


def test_bytes_that_are_missing_behind_what_is_shown_count(
    store: TraceStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "MAX_SHOWN", 2000)
    message = sent(store, kept=2999)
    assert not message.gaps
    with pytest.raises(ObjectError, match=r"^3 of"):
        save_part10(store, message, tmp_path / "b.dcm")


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (lambda store: sent(store, uid=""), "UID"),
        (lambda store: sent(store, syntax=""), "transfer syntax"),
        (lambda store: sent(store, last=0), "not whole"),
    ],
)
def test_what_cannot_be_saved(store: TraceStore, tmp_path: Path, message: object, words: str) -> None:
    assert callable(message)
    found = message(store)
    assert words in refusal_of(found)
    with pytest.raises(ObjectError, match=words):
        save_part10(store, found, tmp_path / "a.dcm")
    assert not list(tmp_path.iterdir())


def test_other_messages_have_no_object(store: TraceStore) -> None:
    for record in Recording().message(Direction.SENT, CEchoRQ(1)).records:
        store(record)
    found = message_at(store, 1)
    assert found is not None
    assert refusal_of(found) == "Only the object of a C-STORE-RQ can be saved."
    assert default_name(found) == "object_unnamed.dcm"


def test_a_uid_that_is_none_is_no_file_name(store: TraceStore, tmp_path: Path) -> None:
    message = sent(store, uid="../../x")
    assert default_name(message) == "CT_unnamed.dcm"


def test_a_deflated_object_with_gaps_is_refused(store: TraceStore, tmp_path: Path) -> None:
    message = sent(store, kept=1000, syntax=DEFLATED)
    with pytest.raises(ObjectError, match="not kept"):
        save_part10(store, message, tmp_path / "a.dcm", fill=True)


def test_where_files_cannot_be_linked_a_name_is_taken_all_the_same(
    store: TraceStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object) -> None:
        raise OSError("not on this file system")

    monkeypatch.setattr("dicomgui.trace.inspection.object_file.os.link", no_links)
    message = sent(store)
    assert save_part10(store, message, tmp_path / "a.dcm").path.read_bytes().endswith(DATA)
    with pytest.raises(FileExistsError):
        save_part10(store, message, tmp_path / "a.dcm")
    assert len(list(tmp_path.iterdir())) == 1


def test_a_uid_that_is_too_long_for_a_file_is_refused(store: TraceStore, tmp_path: Path) -> None:
    with pytest.raises(ObjectError, match="UID"):
        save_part10(store, sent(store, uid="1." * 40 + "1"), tmp_path / "a.dcm")
