from __future__ import annotations

from dicomgui.trace.redaction.leftover import MAX_PLACES, FieldSpan, Leftover, Verdict, grouped, keep_all, mask_all

NAME, IDENTIFIER = 0x00100010, 0x00100020


def place(row: int) -> FieldSpan:
    return FieldSpan(row, "file", "path", 0, 5)


def test_the_places_of_a_value_are_put_together_whatever_its_case() -> None:
    found = [(place(1), NAME, b"Erika"), (place(2), IDENTIFIER, b"PAT-1"), (place(3), NAME, b"ERIKA")]
    assert grouped(found) == (
        Leftover(1, NAME, b"Erika", (place(1), place(3))),
        Leftover(2, IDENTIFIER, b"PAT-1", (place(2),)),
    )
    assert grouped([]) == ()


def test_all_places_count_and_the_first_are_listed() -> None:
    (left,) = grouped((place(row), NAME, b"Erika") for row in range(1, 200))
    assert len(left.places) == 199
    assert left.listed == left.places[:MAX_PLACES]
    assert "Erika" not in repr(left)
    assert (left.text, left.element) == ("Erika", "PatientName (0010,0010)")


def test_one_verdict_for_all() -> None:
    left = grouped([(place(1), NAME, b"Erika"), (place(2), IDENTIFIER, b"PAT-1")])
    assert mask_all(left) == {1: Verdict.MASK, 2: Verdict.MASK}
    assert keep_all(left) == {1: Verdict.KEEP, 2: Verdict.KEEP}
