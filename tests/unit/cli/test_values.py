"""The values of options."""

from __future__ import annotations

import argparse
from collections.abc import Callable

import pytest

from dicomgui.cli import values
from dicomgui.network import AETitle


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (values.whole, "0", 0),
        (values.count, "1", 1),
        (values.port, "65535", 65535),
        (values.type_number, "65535", 65535),
        (values.seconds, "2.5", 2.5),
        (values.max_pdu, "0", 0),
        (values.operations, "4", (4, 1)),
        (values.operations, "4,8", (4, 8)),
        (values.flags, "fuzzy,relational", "fuzzy,relational"),
        (values.checked(AETitle), "ME", "ME"),
    ],
)
def test_values_are_read(parse: Callable[[str], object], text: str, value: object) -> None:
    assert parse(text) == value


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (values.whole, "x"),
        (values.whole, "-1"),
        (values.whole, "123456789012"),
        (values.count, "0"),
        (values.port, "65536"),
        (values.type_number, "65536"),
        (values.seconds, "0"),
        (values.seconds, "nan"),
        (values.seconds, "soon"),
        (values.max_pdu, "7"),
        (values.operations, "1,2,3"),
        (values.operations, "65536"),
        (values.flags, "nonsense"),
        (values.checked(AETitle), "SEVENTEEN_LETTERS"),
    ],
)
def test_others_are_refused_in_words(parse: Callable[[str], object], text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError) as caught:
        parse(text)
    assert " " in str(caught.value)
