"""The report of a structure, and the limits of what is walked."""

from __future__ import annotations

from dicomgui.network import structure
from dicomgui.network.structure_report import OVER_LIMITS, UNLIMITED, StructureCode, StructureFault


def test_a_limit_says_nothing_of_whether_a_data_set_is_whole() -> None:
    assert {StructureCode.TOO_MANY, StructureCode.TOO_DEEP, StructureCode.TOO_LARGE} == OVER_LIMITS


def test_instances_may_have_as_many_elements_as_come_but_deflated_ones_not() -> None:
    assert UNLIMITED.max_elements > 2**32
    assert UNLIMITED.max_packed == 4


def test_a_fault_tells_of_no_bytes_where_there_are_none() -> None:
    assert StructureFault(StructureCode.EMPTY) == (StructureCode.EMPTY, 0, 0, -1, -1, "", "")


def test_every_fault_has_words_that_fit_into_an_error_comment() -> None:
    """PS3.7 C: Error Comment (0000,0902) is an LO of 64 characters at most (PS3.5 6.2)."""
    for code in StructureCode:
        text = StructureFault(code, 0x00080005, 999_999).text
        assert len(text) <= 64
        assert code.value not in text or " " in text
        assert text.endswith(" at byte 999,999")


def test_the_reader_has_the_same_names() -> None:
    for name in ("Anomaly", "StructureCode", "StructureLimits", "StructureReport", "UNLIMITED"):
        assert name in structure.__all__
