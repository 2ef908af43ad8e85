"""The rule of chance, each line of its table beside its opposite."""

from __future__ import annotations

import pytest
from helpers.identified import encoded, patient, stored
from helpers.instances import EXPLICIT
from hypothesis import given
from hypothesis import strategies as st

from dicomgui.network.tracing import FileRecord, NoteRecord, Record
from dicomgui.trace.redaction.chance import Reach, counts_at, reach_of
from dicomgui.trace.redaction.leftover import mask_all
from dicomgui.trace.redaction.redact import Redaction
from dicomgui.trace.redaction.rules import Kind
from dicomgui.trace.redaction.secrets import Secrets

OWN, WORD, NUMBER, ANYWHERE = Reach.OWN, Reach.WORD, Reach.NUMBER, Reach.ANYWHERE
NAME, INSTITUTION = 0x00100010, 0x00080080


@pytest.mark.parametrize(
    ("kind", "value", "reach"),
    [
        (Kind.TEXT, b"C", OWN), (Kind.TEXT, b"CT", OWN), (Kind.TEXT, b"a-b", OWN), (Kind.TEXT, b"aaaaaa", OWN),
        (Kind.TEXT, b"Li", OWN), (Kind.TEXT, b"Lim", WORD), (Kind.TEXT, b"Li m", OWN), (Kind.TEXT, b"Lima", ANYWHERE),
        (Kind.TEXT, b"Patient", OWN), (Kind.TEXT, b"Patienta", ANYWHERE), (Kind.TEXT, b"XXXXX", OWN),
        (Kind.TEXT, b"J\xf6rg", ANYWHERE), (Kind.TEXT, b"ISO_IR 100", OWN),
        (Kind.TEXT, b"123", OWN), (Kind.TEXT, b"1111111111", OWN), (Kind.TEXT, b"1200", OWN),
        (Kind.TEXT, b"120000", OWN),
        (Kind.TEXT, b"1234", WORD), (Kind.TEXT, b"12345", NUMBER), (Kind.TEXT, b"0012345", NUMBER),
        (Kind.TEXT, b"1234567", NUMBER), (Kind.TEXT, b"12345678", ANYWHERE), (Kind.TEXT, b"12-34.5678", ANYWHERE),
        (Kind.TIME, b"000000", OWN), (Kind.TIME, b"120000", OWN), (Kind.TIME, b"134501", OWN),
        (Kind.TIME, b"134501.000000", OWN), (Kind.TIME, b"134501.25", NUMBER),
        (Kind.DATE, b"1967", OWN), (Kind.DATE, b"196712", OWN), (Kind.DATE, b"19671231", ANYWHERE),
        (Kind.DATE, b"19000101", OWN), (Kind.DATE_TIME, b"20240301120000.123", ANYWHERE),
        (Kind.UID, b"1.2.3", OWN), (Kind.UID, b"1.2.840.10008.1.2", OWN), (Kind.UID, b"1.2.826.0.1.77", NUMBER),
        (Kind.UID, b"2.25.1234567890", NUMBER),
    ],
)  # fmt: skip
def test_how_far_a_value_of_a_person_counts(kind: Kind, value: bytes, reach: Reach) -> None:
    assert reach_of(kind, value, is_personal=True) is reach
    assert reach_of(kind, value.upper(), is_personal=True) is reach


@pytest.mark.parametrize("value", [b"Lim", b"1234"])
def test_what_is_of_nobody_counts_as_a_word_nowhere(value: bytes) -> None:
    assert reach_of(Kind.TEXT, value) is Reach.OWN


@pytest.mark.parametrize(
    ("reach", "before", "after", "counts"),
    [
        (NUMBER, b"-", b"", True), (NUMBER, b"id=", b"/", True), (NUMBER, b"a", b"b", True), (NUMBER, b"", b". ", True),
        (NUMBER, b"1", b"", False), (NUMBER, b"", b"0", False), (NUMBER, b"7.", b"", False),
        (NUMBER, b"", b".7", False),
        (WORD, b" ", b",", True), (WORD, b"_", b"", True), (WORD, b"a", b"", False), (WORD, b"", b"\xc3", False),
        (ANYWHERE, b"a", b"b", True), (OWN, b" ", b" ", False),
    ],
)  # fmt: skip
def test_what_stands_beside_it(reach: Reach, before: bytes, after: bytes, counts: bool) -> None:
    data = before + b"4711" + after
    assert counts_at(reach, data, len(before), len(before) + 4) is counts


@given(st.sampled_from([Kind.TEXT, Kind.UID, Kind.DATE, Kind.TIME, Kind.DATE_TIME]), st.binary(max_size=12))
def test_no_value_of_two_characters_counts_elsewhere(kind: Kind, value: bytes) -> None:
    reach = reach_of(kind, value, is_personal=True)
    if len(value) < 3 or not value.strip(b"0"):
        assert reach is Reach.OWN


def noted(kind: Kind, tag: int, value: bytes) -> Secrets:
    secrets = Secrets()
    secrets.add(kind, tag, value)
    return secrets


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (Kind.TEXT, b"Musterfrau^Erika", "/data/MUSTERFRAU/1.dcm"),
        (Kind.TEXT, b"M\xc3\xbcller^A", "/data/m\xfcller"),
        (Kind.TEXT, b"Lim^A", "cannot open lim.dcm"),
        (Kind.TEXT, b"PAT-4711-Z", "scan_pat-4711-z_2"),
        (Kind.TEXT, b"4711", "the folder 4711"),
        (Kind.UID, b"1.2.826.0.1.3680043.77.1001", "CT.1.2.826.0.1.3680043.77.1001.dcm"),
    ],
)
def test_what_tells_of_somebody_is_found_in_texts(kind: Kind, value: bytes, text: str) -> None:
    (place, *_) = noted(kind, NAME, value).places_in_text(text)
    assert place.tag == NAME


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (Kind.TIME, b"120000", "120000 bytes"),
        (Kind.TEXT, b"CT", "CT of 5"),
        (Kind.TEXT, b"Lim^A", "the limit is 5"),
        (Kind.TEXT, b"4711", "14711 bytes"),
        (Kind.TEXT, b"47115", "port 147115, 1.47115"),
        (Kind.UID, b"1.2.826.0.1.3", "1.2.826.0.1.3680043"),
    ],
)
def test_what_is_there_by_chance_is_not(kind: Kind, value: bytes, text: str) -> None:
    assert list(noted(kind, NAME, value).places_in_text(text)) == []


def test_an_identifier_in_the_text_of_pixel_data_would_be_found() -> None:
    secrets = noted(Kind.TEXT, 0x00100020, b"PAT-4711-Z")
    assert secrets.has_any(bytes(range(256)) + b"PAT-4711-Z" + bytes(range(256)))
    assert not noted(Kind.TIME, 0x00080030, b"120000").has_any(b"\1\2\0120000\3")


def test_values_of_chance_are_masked_in_their_own_element_and_the_others_everywhere() -> None:
    """The three refusals of real files: a time in numbers, an address in a path, and a name in a comment."""
    data = patient()
    data.StudyTime = "120000"
    data.PatientAddress = "data"
    data.StudyDescription = "CT"
    data.Exposure = "120000"
    data.TableHeight = "-1200000000"
    data.ImageComments = "CT of data"
    head = (1, 0.0, 0.0)
    before: list[Record] = [
        *stored(encoded(data, EXPLICIT), EXPLICIT, fragment=100),
        FileRecord(*head, "stored", "/data/PAT-4711-Z/1.2.826.0.1.3680043.77.1001.dcm", 1, ""),
        FileRecord(*head, "failed", "", 0, "no room in data for Musterfrau"),
        NoteRecord(*head, 20, "took /data/x.dcm"),
    ]
    redaction = Redaction(before)
    after = list(redaction.records())
    assert redaction.leftovers(after) == ()
    everything = repr(after).encode().lower()
    assert b"musterfrau" not in everything
    assert b"4711" not in everything
    assert b"3680043" not in everything
    assert b"data'" not in everything
    assert b"-1200000000" in everything  # a number that only contains the time stays
    assert mask_all(()) == {}
