from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from helpers.identified import SECRETS, encoded, patient, stored
from helpers.instances import EXPLICIT

from dicomgui.network.tracing import NoteRecord, PduRecord, Record
from dicomgui.trace.file import read_trace
from dicomgui.trace.marks import Mark, Marks
from dicomgui.trace.redaction.leftover import FieldSpan, Leftover, Verdict, keep_all, mask_all
from dicomgui.trace.redaction.redact import Redaction, RedactOptions
from dicomgui.trace.redaction.wording import place_text
from dicomgui.trace.reports import saving as report
from dicomgui.trace.reports.saving import (
    Format,
    SaveCancelled,
    SaveError,
    SaveOptions,
    UndecidedError,
    format_of,
    preview,
    save,
)
from dicomgui.trace.store import TraceStore

WHOLE = SaveOptions(redaction=None)


@pytest.fixture
def store() -> Iterator[TraceStore]:
    kept = TraceStore()
    for number in (1, 2):
        for record in stored(encoded(patient(), EXPLICIT), EXPLICIT, fragment=200, number=number):
            kept(record)
    yield kept
    kept.close()


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_whole_trace_is_saved_when_it_is_asked_for(store: TraceStore, tmp_path: Path) -> None:
    path = tmp_path / "a.dgtrace"
    marks = Marks()
    marks.set(4, color="red", comment="see Erika")
    saved = save(store, path, WHOLE, marks=marks)
    reader = read_trace(path)
    assert list(reader) == list(store.records())
    assert list(reader.marks.items()) == [(4, Mark(False, "red", "see Erika"))]
    assert (saved.rows, saved.preview, saved.size_bytes) == (len(store), None, path.stat().st_size)
    assert reader.info["redacted"] is False
    assert left_in(tmp_path) == ["a.dgtrace"]


@pytest.mark.parametrize("wanted", Format)
def test_a_redacted_copy_is_the_default_in_every_format(store: TraceStore, tmp_path: Path, wanted: Format) -> None:
    path = tmp_path / f"a{wanted.value}"
    saved = save(store, path, SaveOptions(wanted))
    data = path.read_bytes()
    assert not [secret for secret in SECRETS if secret.encode() in data]
    assert not [secret for secret in SECRETS if secret.encode().hex().encode() in data]
    assert saved.preview is not None
    assert saved.preview == preview(store, SaveOptions(wanted))
    assert saved.rows == len(store)
    assert left_in(tmp_path) == [path.name]
    if os.name != "nt":
        assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("wanted", [Format.TRACE, Format.PCAPNG, Format.JSON_LINES])
def test_formats_with_bytes_have_them(store: TraceStore, tmp_path: Path, wanted: Format) -> None:
    path = tmp_path / "a"
    save(store, path, SaveOptions(wanted, redaction=None))
    data = path.read_bytes()
    name = b"Musterfrau"
    assert (name.hex().encode() if wanted is Format.JSON_LINES else name) in data


def test_a_redacted_trace_says_so_and_its_comments_lose_what_was_found(store: TraceStore, tmp_path: Path) -> None:
    path = tmp_path / "a.dgtrace"
    marks = Marks()
    marks.set(12, marked=True, comment="the arm of Musterfrau^Erika")
    save(store, path, SaveOptions(associations=frozenset({2})), marks=marks)
    reader = read_trace(path)
    assert {record.association for record in reader} == {2}
    assert reader.info["redacted"] is True
    assert len(reader.marks) == 0
    first = next(seq for seq, record in enumerate(store.records(), 1) if record.association == 2)
    marks.set(first + 2, comment="the arm of Musterfrau^Erika")
    save(store, path, SaveOptions(associations=frozenset({2})), marks=marks)
    list(reader)
    assert list(reader.marks.items()) == [(3, Mark(False, "", "the arm of XXXXXXXXXXXXXXXX"))]


def test_a_file_is_continued(store: TraceStore, tmp_path: Path) -> None:
    path = tmp_path / "a.dgtrace"
    marks = Marks()
    marks.set(2, color="blue")
    for _ in range(2):
        save(store, path, SaveOptions(redaction=None, append=True), marks=marks)
    reader = read_trace(path)
    assert [record.association for record in reader] == [r.association for r in store.records()] + [
        r.association + 2 for r in store.records()
    ]
    assert reader.marks.seqs() == [2, 2 + len(store)]
    assert left_in(tmp_path) == ["a.dgtrace"]


def test_what_is_no_trace_is_not_continued(store: TraceStore, tmp_path: Path) -> None:
    path = tmp_path / "a.dgtrace"
    path.write_bytes(b"a letter")
    with pytest.raises(SaveError, match=r"a\.dgtrace is no trace file"):
        save(store, path, SaveOptions(append=True))
    assert path.read_bytes() == b"a letter"
    assert left_in(tmp_path) == ["a.dgtrace"]


@pytest.mark.parametrize("redaction", [None, RedactOptions()])
@pytest.mark.parametrize("wanted", Format)
def test_a_cancel_leaves_the_old_file(tmp_path: Path, wanted: Format, redaction: RedactOptions | None) -> None:
    store = TraceStore()
    for number in range(5000):
        store(NoteRecord(1, 0.0, 0.0, 20, str(number)))
    path = tmp_path / "a"
    path.write_bytes(b"old")
    for allowed in range(5 if redaction is None else 20):
        left = iter([False] * allowed)
        with pytest.raises(SaveCancelled):
            save(store, path, SaveOptions(wanted, redaction), cancelled=partial(next, left, True))
        assert path.read_bytes() == b"old"
        assert left_in(tmp_path) == ["a"]
    with pytest.raises(SaveCancelled):
        preview(store, SaveOptions(wanted), cancelled=lambda: True)
    assert preview(store, WHOLE) is None
    store.close()


def test_a_folder_that_is_not_there_is_told(store: TraceStore, tmp_path: Path) -> None:
    for wanted in Format:
        path = tmp_path / "missing" / f"a{wanted.value}"
        with pytest.raises(SaveError) as caught:
            save(store, path, SaveOptions(wanted))
        assert str(path) in str(caught.value)
        assert ".part" not in str(caught.value)


def named_after_the_patient() -> TraceStore:
    """A patient called PACS is sent to the AE title that the recordings call PACS."""
    data = patient()
    data.PatientName = "PACS^Erika"
    kept = TraceStore()
    for record in stored(encoded(data, EXPLICIT), EXPLICIT, fragment=200):
        kept(record)
    return kept


def test_nothing_is_saved_before_somebody_decided(tmp_path: Path) -> None:
    store = named_after_the_patient()
    with pytest.raises(UndecidedError, match=r"^nothing was saved: 1 value may") as caught:
        save(store, tmp_path / "a.dgtrace", SaveOptions())
    (left,) = caught.value.undecided
    assert caught.value.leftovers == (left,)
    assert (left.number, left.element, left.text.strip()) == (1, "PatientName (0010,0010)", "PACS")
    assert {place.field for place in left.places} == {"called"}
    assert "PACS" not in str(caught.value)
    assert left_in(tmp_path) == []
    store.close()


def test_each_value_is_replaced_or_kept_as_is_decided(tmp_path: Path) -> None:
    store = named_after_the_patient()
    asked: list[tuple[Leftover, ...]] = []

    def decide(left: tuple[Leftover, ...]) -> dict[int, Verdict]:
        asked.append(left)
        return dict(keep_all(left))

    kept = save(store, tmp_path / "kept.dgtrace", SaveOptions(), decide=decide)
    assert [one.text for one in kept.kept] == [one.text for one in asked[0]] == ["PACS"]
    assert b"PACS  " in (tmp_path / "kept.dgtrace").read_bytes()
    masked = save(store, tmp_path / "masked.dgtrace", SaveOptions(), decide=mask_all)
    assert masked.kept == ()
    assert b"PACS" not in (tmp_path / "masked.dgtrace").read_bytes()
    assert len(asked) == 1
    store.close()


def test_what_is_demanded_to_go_is_not_asked_about(tmp_path: Path) -> None:
    store = named_after_the_patient()
    options = SaveOptions(redaction=RedactOptions(also=(" pacs ", "ct", "XXXX", "xxx", "")))
    saved = save(store, tmp_path / "a.dgtrace", options)
    assert saved.kept == ()
    assert b"PACS" not in (tmp_path / "a.dgtrace").read_bytes()
    store.close()


def test_values_that_come_again_and_again_end(
    store: TraceStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = (Leftover(1, 0x00100010, b"Erika", (FieldSpan(4, "pdu", "segments", 20, 25),)),)
    monkeypatch.setattr(Redaction, "leftovers", lambda self, records: left)
    with pytest.raises(SaveError, match=r"^nothing was saved: after 4 rounds"):
        save(store, tmp_path / "a.dgtrace", SaveOptions(), decide=mask_all)
    assert left_in(tmp_path) == []


def test_a_place_in_a_data_set_is_told_with_its_element(
    store: TraceStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = list(store.records())
    row = next(
        n for n, one in enumerate(rows, 1) if isinstance(one, PduRecord) and b"\x08\0\x60\0CS" in one.segments[0].data
    )
    pdu = rows[row - 1]
    assert isinstance(pdu, PduRecord)
    start = pdu.segments[0].data.index(b"\x08\0\x60\0CS") + 8
    left = (Leftover(1, 0x00100010, b"CT", (FieldSpan(row, "pdu", "segments", start, start + 2),)),)
    monkeypatch.setattr(Redaction, "leftovers", lambda self, records: left)
    with pytest.raises(UndecidedError) as caught:
        save(store, tmp_path / "a.dgtrace", SaveOptions())
    assert caught.value.leftovers[0].places[0].element == 0x00080060
    assert place_text(caught.value.leftovers[0].places[0]) == f"row {row}, PDU, Modality (0008,0060), offset {start}"


def test_progress_goes_through_its_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "_STEP", 10)
    store = TraceStore()
    for number in range(2500):
        store(NoteRecord(1, 0.0, 0.0, 20, str(number)))
    told: list[tuple[str, float]] = []
    save(store, tmp_path / "a.txt", SaveOptions(Format.TEXT), progress=lambda text, part: told.append((text, part)))
    texts = list(dict.fromkeys(text for text, _ in told))
    assert texts == ["looking for patient data", "replacing it", "checking that it is gone", "writing"]
    assert all(0 <= part <= 1 for _, part in told)
    store.close()


def test_rows_that_go_meanwhile_are_no_silent_gap(tmp_path: Path) -> None:
    store = TraceStore(max_rows=3000)
    records: list[Record] = [NoteRecord(1, 0.0, 0.0, 20, "x")] * 3000
    for record in records:
        store(record)

    def crowd_out() -> bool:
        for record in records:
            store(record)
        return False

    with pytest.raises(SaveError, match="dropped its oldest rows"):
        save(store, tmp_path / "a.dgtrace", WHOLE, cancelled=crowd_out)
    assert left_in(tmp_path) == []
    store.close()


def test_the_name_of_a_file_names_its_format() -> None:
    assert format_of(Path("x/a.PCAPNG")) is Format.PCAPNG
    assert format_of(Path("a.jsonl")) is Format.JSON_LINES
    assert format_of(Path("a.doc")) is None
    assert format_of(Path("a")) is None


def test_json_lines_are_json(store: TraceStore, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    save(store, path, SaveOptions(Format.JSON_LINES))
    rows = [json.loads(line) for line in path.read_text(encoding="ascii").splitlines()]
    assert sum("row" in row for row in rows) == len(store)
