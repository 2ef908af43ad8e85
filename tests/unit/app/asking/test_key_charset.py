"""The character set of a query: the smallest that holds its keys."""

from __future__ import annotations

import pytest

from dicomgui.app.asking.key_charset import CharacterSet, character_set_for
from dicomgui.network import ConfigurationError


@pytest.mark.parametrize(
    ("texts", "term"),
    [
        ([], ""),
        (["DOE^JOHN*", ""], ""),
        (["Müller"], "ISO_IR 100"),
        (["Łódź"], "ISO_IR 101"),
        (["Люкceмбypг"], "ISO_IR 144"),
        (["Διονυσιος"], "ISO_IR 126"),
        (["Şık"], "ISO_IR 148"),
        (["שרון"], "ISO_IR 138"),
        (["قباني"], "ISO_IR 127"),
        (["สมชาย"], "ISO_IR 166"),
        (["Müller", "Люкceмбypг"], "ISO_IR 192"),
        (["山田^太郎"], "ISO_IR 192"),
        (["王^小东"], "ISO_IR 192"),
    ],
)
def test_the_smallest_set_is_chosen(texts: list[str], term: str) -> None:
    chosen = character_set_for(texts)
    assert chosen.term == term
    assert bool(chosen.note) == bool(term)
    assert not term or term in chosen.note


def test_a_set_that_is_asked_for_is_used_without_a_remark() -> None:
    assert character_set_for(["Müller"], "ISO_IR 192") == CharacterSet("ISO_IR 192")
    assert character_set_for([], "ISO_IR 100") == CharacterSet("ISO_IR 100")
    several = r"ISO 2022 IR 6\ISO 2022 IR 87"
    assert character_set_for(["山田^太郎"], several) == CharacterSet(several)


def test_a_set_that_does_not_hold_the_keys_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="does not hold the text '山田'"):
        character_set_for(["plain", "山田"], "ISO_IR 100")


def test_an_unknown_set_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="no character set 'LATIN1'"):
        character_set_for([], "LATIN1")
