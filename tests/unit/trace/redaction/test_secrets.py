from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomgui.trace.redaction import secrets as redact_secrets
from dicomgui.trace.redaction.rules import Kind
from dicomgui.trace.redaction.secrets import Place, Secrets, UidMap


def secrets_of(*values: bytes, kind: Kind = Kind.TEXT) -> Secrets:
    secrets = Secrets()
    for tag, value in enumerate(values):
        secrets.add(kind, tag, value)
    return secrets


def test_each_value_and_each_part_of_a_name_is_found() -> None:
    secrets = secrets_of(b"Doe^Johnny \\Roe*", b"abcdef")
    assert list(secrets.places(b"xxDoe^Johnnyyabcdefg")) == [Place(2, 12, 0), Place(13, 19, 1)]
    assert list(secrets.places(b"Johnny")) == [Place(0, 6, 0)]
    assert not secrets.has_any(b"Doe Roe abcde")


def test_the_longest_counts() -> None:
    secrets = secrets_of(b"Anna", b"Annabell")
    assert list(secrets.places(b"Annabella, Anna")) == [Place(0, 8, 1), Place(11, 15, 0)]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Kind.TEXT, b"Doe"),
        (Kind.TEXT, b"XXXXXX"),
        (Kind.TEXT, b"STUDY"),
        (Kind.DATE, b"19000101"),
        (Kind.TIME, b"1200"),
        (Kind.TIME, b"000000"),
        (Kind.UID, b"1.2.840.10008.1.2"),
        (Kind.NUMBER, b"1234"),
        (Kind.BYTES, b"\0\x01\x02\x03\x04"),
        (Kind.BYTES, b"x" * 65),
    ],
)
def test_what_says_nothing_is_no_secret(kind: Kind, value: bytes) -> None:
    assert len(secrets_of(value, kind=kind)) == 0


def test_what_is_shown_by_choice_is_no_secret() -> None:
    secrets = secrets_of(b"PACS1")
    secrets.show(b"PACS1   ")
    secrets.add(Kind.TEXT, 1, b"PACS1")
    assert len(secrets) == 0
    assert not secrets.has_any(b"PACS1")


def test_uids_of_classes_are_no_place_to_look() -> None:
    secrets = secrets_of(b"10008", b"36800439")
    assert not secrets.has_any(b"1.2.840.10008.1.2")
    assert secrets.has_any(b"1.2.826.0.1.36800439.9")
    secrets.show(b"1.2.826.0.1.36800439.9")
    assert not secrets.has_any(b"1.2.826.0.1.36800439.9")
    assert secrets.has_any(b"(36800439)")


def test_there_is_an_end_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redact_secrets, "MAX_SECRETS", 2)
    secrets = secrets_of(b"one one", b"two two", b"three")
    assert not secrets.is_complete
    assert len(secrets) == 2


@given(st.lists(st.integers(0, 10**12), min_size=2, max_size=9))
def test_uids_keep_length_and_form(arcs: list[int]) -> None:
    uid = ".".join(map(str, arcs)).encode()
    made = UidMap(Secrets(), b"k").mask(uid + b"\0")
    assert len(made) == len(uid) + 1
    assert made.endswith(b"\0")
    assert [len(part) for part in made.rstrip(b"\0").split(b".")] == [len(part) for part in uid.split(b".")]
    assert re.fullmatch(rb"(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))*", made.rstrip(b"\0"))


def test_uids_differ_and_come_again() -> None:
    secrets = Secrets()
    uids = [f"1.2.3.{number}".encode() for number in range(10, 60)]
    for uid in uids:
        secrets.add(Kind.UID, 0, uid)
    one = UidMap(secrets, b"k")
    made = [one.mask(uid) for uid in uids]
    assert len(set(made)) == len(uids)
    assert not set(made) & set(uids)
    assert [one.mask(uid) for uid in uids] == made
    again = UidMap(secrets, b"k")
    assert [again.mask(uid) for uid in uids] == made
    assert UidMap(secrets).mask(uids[0] + b"." + b"9" * 20) != UidMap(secrets).mask(uids[0] + b"." + b"9" * 20)


def test_registered_uids_stay_and_what_is_none_is_masked() -> None:
    uids = UidMap(Secrets(), b"k")
    assert uids.mask(b"1.2.840.10008.1.2") == b"1.2.840.10008.1.2"
    assert uids.mask(b"") == b""
    assert uids.mask(b"Doe.Jane*") == b"XXX.XXXX*"
    first, second = uids.mask(b"1.2.840.10008.1.2\\1.2.777777777.5").split(b"\\")
    assert first == b"1.2.840.10008.1.2"
    assert second != b"1.2.777777777.5"


def test_what_is_remembered_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(UidMap, "_MAX_CACHED", 3)
    uids = UidMap(Secrets(), b"k")
    made = [uids.mask(f"1.2.999999999999.{number}.888888".encode()) for number in range(10, 30)]
    assert [uids.mask(f"1.2.999999999999.{number}.888888".encode()) for number in range(10, 30)] == made


def four_digits(*numbers: int) -> Secrets:
    """Identifiers of patients, of four digits: each counts in texts, as a word."""
    secrets = Secrets()
    for number in numbers:
        secrets.add(Kind.TEXT, 0x00100020, str(number).encode())
    return secrets


@pytest.mark.parametrize("key", [bytes((number,)) for number in range(10)])
def test_no_new_uid_has_the_identifier_of_a_patient_between_its_points(key: bytes) -> None:
    """It stands in texts as well: one copy in some hundreds could not be saved, as its keys wanted it."""
    secrets = four_digits(*range(1000, 10_000, 8))
    uid = b"1.2" + b".1001" * 8
    assert not secrets.has_any_in_text(uid.decode())
    made = UidMap(secrets, key).mask(uid)
    assert made != uid
    assert not secrets.has_any_in_text(made.decode())


def test_a_word_in_the_uid_of_a_class_is_no_place_either() -> None:
    secrets = four_digits(9116)
    uid = "1.2.392.200036.9116.7.8.1"
    assert secrets.has_any_in_text(uid)
    secrets.show(uid.encode())
    assert not secrets.has_any_in_text(uid)
    assert [place[:2] for place in secrets.places_in_text(f"9116 stores {uid}")] == [(0, 4)]
