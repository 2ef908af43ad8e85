"""Each kind of matching of PS3.4 C.2.2.2, value against value."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dicomgui.network.service_classes.values import (
    Kind,
    fold,
    literal_of,
    matcher_of,
    moment_span,
    pair_span,
    pair_test,
)


def hits(vr: str, key: str, *values: str) -> bool:
    return matcher_of(vr, key.split("\\")).matches(values)


@pytest.mark.parametrize(
    ("vr", "key", "kind"),
    [
        ("LO", "", Kind.UNIVERSAL),
        ("LO", "  ", Kind.UNIVERSAL),
        ("LO", "*", Kind.UNIVERSAL),
        ("PN", "**", Kind.UNIVERSAL),
        ("DA", "*", Kind.UNIVERSAL),
        ("UI", "*", Kind.UNIVERSAL),
        ("LO", "A\\*", Kind.UNIVERSAL),
        ("LO", "A", Kind.SINGLE),
        ("LO", "A*", Kind.WILDCARD),
        ("CS", "?", Kind.WILDCARD),
        ("UI", "1.2*", Kind.SINGLE),
        ("IS", "1*", Kind.SINGLE),
        ("AS", "0*", Kind.SINGLE),
        ("UI", "1.2\\1.3", Kind.LIST),
        ("CS", "CT\\M*", Kind.WILDCARD),
        ("DA", "20240101", Kind.SINGLE),
        ("DA", "20240101-", Kind.RANGE),
        ("DA", "-", Kind.SINGLE),
        ("DA", "2024-01-01", Kind.SINGLE),
        ("TM", "10-12", Kind.RANGE),
        ("DT", "2020-2021", Kind.RANGE),
        ("DT", "1950-1100", Kind.SINGLE),  # the offset -1100
        ("DT", "1950-1300", Kind.RANGE),  # there is no offset -1300
        ("DT", "20240101-0500-20240201-0500", Kind.RANGE),
        ("LO", '""', Kind.EMPTY),
        ("DA", '""', Kind.EMPTY),
        ("SH", "1-2", Kind.SINGLE),
    ],
)
def test_kinds(vr: str, key: str, kind: Kind) -> None:
    assert matcher_of(vr, key.split("\\")).kind is kind


def test_no_value_at_all_is_universal() -> None:
    matcher = matcher_of("LO", [])
    assert matcher.kind is Kind.UNIVERSAL
    assert matcher.matches([])
    assert matcher.test("anything")


@pytest.mark.parametrize(
    ("vr", "key", "value", "expected"),
    [
        # C.2.2.2.1 single value: case counts in all VRs but PN, padding never.
        ("LO", "Head", "Head", True),
        ("LO", "Head ", " Head", True),
        ("LO", "Head", "head", False),
        ("LO", "Head", "Head and neck", False),
        ("LO", "Hé", "He", False),
        ("UI", "1.2\0", "1.2", True),
        ("IS", "7", "007", True),
        ("IS", "7", "+7", True),
        ("IS", "7", "8", False),
        ("IS", "x", "x", True),
        ("IS", "7", "x", False),
        ("DS", "1.50", "1.5", True),
        ("US", "512", "512", True),
        ("AS", "030Y", "030Y", True),
        # C.2.2.2.2 list of UID
        ("UI", "1.2\\1.3", "1.3", True),
        ("UI", "1.2\\1.3", "1.33", False),
        ("CS", "CT\\MR", "MR", True),
        # C.2.2.2.4 wildcard
        ("LO", "He*", "Head", True),
        ("LO", "*a*", "Head", True),
        ("LO", "H??d", "Head", True),
        ("LO", "H?d", "Head", False),
        ("LO", "he*", "Head", False),
        ("LO", "H*d*", "Head", True),
        ("LO", "H*e*x", "Head", False),
        ("LO", "*.*", "Head", False),
        ("LO", "[H]*", "Head", False),
        ("LO", "[H]*", "[H]ead", True),
        ("LT", "a*b", "a\nb", True),
        ("UI", "1.2*", "1.2.3", False),
        ("CS", "CT\\M*", "MG", True),
        # C.2.2.2.5 ranges
        ("DA", "20240101-20240131", "20240131", True),
        ("DA", "20240101 - 20240131", "20240101", True),
        ("DA", "20240101-20240131", "20240201", False),
        ("DA", "-20240131", "19000101", True),
        ("DA", "20240131-", "20240130", False),
        ("DA", "20240131-20240101", "20240115", False),
        ("DA", "20240101-20240131", "unknown", False),
        ("DA", "20240101", "2024.01.01", True),
        ("DA", "2024.01.01", "20240101", True),
        ("DA", "junk", "junk", True),
        ("TM", "100000-120000", "113000.5", True),
        ("TM", "1000-1200", "120030", True),
        ("TM", "1000-1200", "120100", False),
        ("TM", "-10", "105959.999999", True),
        ("TM", "1030", "103000", True),
        ("TM", "103000", "1030", True),
        ("TM", "103001", "1030", False),
        ("TM", "10:30:00", "103000.000", True),
        ("TM", "10-", "095959", False),
        ("DT", "2024", "20240506", True),
        ("DT", "2023-2024", "20241231235959.999999", True),
        ("DT", "202402-202402", "20240229", True),
        ("DT", "202402-202402", "20240301", False),
        ("DT", "20240101120000+0100", "20240101110000+0000", True),
        ("DT", "20240101120000+0100", "20240101120000+0000", False),
        ("DT", "20240101120000+0100", "20240101120000", True),
        ("DT", "20240101-0500-", "20240101045959+0000", False),
        ("DT", "20240101-0500-", "20240101050000+0000", True),
        ("DT", "20240101.5", "20240101", False),
        ("DT", "20240230+0100", "20240230+0100", True),  # no day of the calendar: compared as text
        ("DT", "00010101+1400", "00010101", False),  # before the first day of the calendar
        ("DT", "202413", "202413", True),
        # C.2.2.2.7 empty value
        ("LO", '""', "x", False),
    ],
)
def test_matching(vr: str, key: str, value: str, expected: bool) -> None:
    assert hits(vr, key, value) is expected


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("doe^john", "DOE^John", True),
        ("Doe^John", "Doe^John^^Dr", False),
        ("Doe^John^^", "Doe^John", True),
        ("Doe^John", "Doe^John^^^^", True),
        ("Doe ^John", "Doe^ John", True),
        ("Doe", "Doe^John", False),
        ("Doe*", "Doe^John", True),
        ("Doe^*", "Doe", True),
        ("*^John", "Doe^John^^^", True),
        ("D?e^J*", "Doe^Jane", True),
        # a letter without accent stands for all of its kind, one with an accent for itself
        ("muller*", "Müller^Jörg", True),
        ("Müller*", "Müller^Jörg", True),
        ("Müller*", "Muller^Jörg", False),
        ("Müller*", "Mu\u0308ller^Jörg", True),
        ("MÜLLER^JORG", "Müller^Jörg", True),
        ("M?ller^J*", "Mu\u0308ller^Jörg", True),
        ("M\u00fc*", "Mu\u0308\u0301ller", False),
        ("strasse*", "Straße^A", True),
        ("Иванов*", "ИВАНОВ^Пётр", True),
        ("*Петр", "Иванов^Пётр", True),
        # component groups
        ("山田*", "Yamada^Tarou=山田^太郎=やまだ^たろう", True),
        ("やまた*", "Yamada^Tarou=山田^太郎=やまだ^たろう", False),
        ("=山田^太郎", "Yamada^Tarou=山田^太郎", True),
        ("=Yamada*", "Yamada^Tarou=山田^太郎", False),
        ("Yamada^Tarou=山田^太郎=", "YAMADA^TAROU=山田^太郎=やまだ^たろう", True),
        ("Yamada*=鈴木*", "Yamada^Tarou=山田^太郎", False),
        ("Yamada*==やま*", "Yamada^Tarou", False),
        ("ﾔﾏﾀﾞ*", "ヤマダ^タロウ", True),
        ("홍*", "Hong^Gildong=洪^吉洞=홍^길동", True),
        ("호*", "Hong^Gildong=洪^吉洞=홍^길동", False),
        ("^", "anyone", True),
        ("Doe*", "", False),
        ("Doe\\Roe*", "ROE^R", True),
    ],
)
def test_person_names(key: str, value: str, expected: bool) -> None:
    assert hits("PN", key, value) is expected


def test_several_values_of_an_attribute() -> None:
    assert hits("LO", "B", "A", "B")
    assert not hits("LO", "C", "A", "B")
    assert not hits("LO", "A*")


def test_empty_value() -> None:
    matcher = matcher_of("LO", ['""'])
    assert matcher.matches([])
    assert matcher.matches(["", " "])
    assert not matcher.matches(["", "x"])
    assert not matcher.test("x")


def test_wildcards_that_would_take_for_ever() -> None:
    """Ten thousand steps, not two to the power of thirty."""
    assert not hits("LO", "*a" * 30 + "*b", "a" * 5000)
    assert hits("LO", "*a" * 30 + "*b", "a" * 5000 + "b")
    assert not hits("PN", "*a" * 30 + "*b", "a" * 5000)


def naive(key: str, value: str) -> bool:
    """Wildcards as the standard words them, without any cleverness."""
    if not key:
        return not value
    if key[0] == "*":
        return any(naive(key[1:], value[n:]) for n in range(len(value) + 1))
    return bool(value) and key[0] in ("?", value[0]) and naive(key[1:], value[1:])


@settings(max_examples=300, deadline=None)
@given(st.text("ab*?.[", max_size=7), st.text("ab.[", min_size=1, max_size=7))
def test_wildcards_as_the_standard_words_them(key: str, value: str) -> None:
    expected = not key.strip("*") or naive(key, value)
    assert hits("LO", key, value) is expected
    assert hits("PN", key, value) is expected


@settings(max_examples=300, deadline=None)
@given(st.text("aÄäßé^=*? 山か\u3099\u0308", max_size=8), st.text("aÄäßé^= 山か\u3099\u0308", min_size=1, max_size=8))
def test_what_a_name_key_matches_has_its_literal_in_its_fold(key: str, value: str) -> None:
    """Else the index would leave out what matches."""
    if matcher_of("PN", [key]).kind not in (Kind.UNIVERSAL, Kind.EMPTY) and hits("PN", key, value):
        assert literal_of(unicodedata.normalize("NFC", key)) in fold(value) or literal_of(key) in fold(value)


def test_fold() -> None:
    assert fold("MÜLLER^Jörg") == "muller^jorg"
    assert fold("DOE") == "doe"
    assert fold("がぎ") == "がぎ"
    assert literal_of("*Mü?ler^J*") == "ler"
    assert literal_of("?*^") == ""


def test_moments() -> None:
    span = moment_span("TM", "1030")
    assert span is not None
    assert span.first[8:] == "103000000000"
    assert span.last[8:] == "103059999999"
    assert moment_span("TM", "1:") is None
    assert moment_span("DT", "2024+1500") is None
    assert moment_span("DT", "20240101.1") is None


def test_a_date_and_a_time_are_one_moment() -> None:
    span = pair_span("20240102", "1030")
    assert span is not None
    assert span.first == "20240102103000000000"
    day = pair_span("20240102", "")
    assert day == pair_span("20240102", "junk") == moment_span("DA", "20240102")
    assert pair_span("junk", "1030") is None


@pytest.mark.parametrize(
    ("dates", "times", "day", "clock", "fits"),
    [
        ("20240101-20240103", "1000-1100", "20240102", "2300", True),  # in between: at any time
        ("20240101-20240103", "1000-1100", "20240101", "0959", False),
        ("20240101-20240103", "1000-1100", "20240101", "1000", True),
        ("20240101-20240103", "1000-1100", "20240103", "110059", True),
        ("20240101-20240103", "1000-1100", "20240103", "1101", False),
        ("20240101-", "1000-", "20240101", "09", False),
        ("-20240103", "-1100", "20240103", "12", False),
        ("-20240103", "-1100", "", "12", False),
    ],
)
def test_from_one_moment_to_another(dates: str, times: str, day: str, clock: str, fits: bool) -> None:
    test = pair_test(matcher_of("DA", [dates]), matcher_of("TM", [times]))
    assert test is not None
    assert test(day, clock) is fits


def test_ranges_of_another_form_are_no_pair() -> None:
    assert pair_test(matcher_of("DA", ["20240101-20240103"]), matcher_of("TM", ["1000-"])) is None


@pytest.mark.parametrize(
    ("dates", "times", "day", "clock", "fits"),
    [
        ("20240705-20240707", "100000-180000", "20240706", "030000", True),
        ("20240705-20240706", "220000-060000", "20240706", "055900", True),
        ("20240705-20240706", "220000-060000", "20240705", "215900", False),
        ("20240705-20240707", "100000-", "20240707", "235959.5", True),
        ("20240705-20240707", "100000-", "20240705", "095959", False),
        ("20240705-20240707", "-180000", "20240705", "000000", True),
        ("20240705-20240707", "-180000", "20240707", "180001", False),
        ("20240705-20240707", "100000-180000", "20240705", "", False),
    ],
)
def test_a_period_needs_no_time_at_its_ends(dates: str, times: str, day: str, clock: str, fits: bool) -> None:
    test = pair_test(matcher_of("DA", [dates]), matcher_of("TM", [times]), is_period=True)
    assert test is not None
    assert test(day, clock) is fits


@pytest.mark.parametrize(("dates", "times"), [("20240705-", "100000-180000"), ("-20240707", "100000-")])
def test_a_time_without_a_date_is_no_end_of_a_period(dates: str, times: str) -> None:
    assert pair_test(matcher_of("DA", [dates]), matcher_of("TM", [times]), is_period=True) is None
