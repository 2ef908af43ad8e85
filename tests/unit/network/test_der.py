"""The walk over DER: what it gives, and what it refuses."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomgui.network.der import INTEGER, SEQUENCE, DerElement, DerError, elements, encodings, inner


def test_short_and_long_lengths() -> None:
    assert list(elements(b"\x02\x01\x05\x04\x00")) == [DerElement(2, b"\x05"), DerElement(4, b"")]
    assert list(elements(b"\x04\x82\x01\x00" + bytes(256))) == [DerElement(4, bytes(256))]
    assert inner(b"\x30\x03\x02\x01\x07", SEQUENCE) == b"\x02\x01\x07"


def test_elements_as_they_stand_there() -> None:
    short, long = b"\x02\x01\x05", b"\x04\x82\x01\x00" + bytes(256)
    assert list(encodings(short + long + b"\x04\x00")) == [short, long, b"\x04\x00"]
    with pytest.raises(DerError, match="past its end"):
        list(encodings(short + long[:-1]))


@pytest.mark.parametrize("data", [b"\x02", b"\x02\x05\x01", b"\x1f\x01\x00", b"\x30\x84\xff\xff\xff\xff"])
def test_what_goes_past_the_end(data: bytes) -> None:
    with pytest.raises(DerError, match="past its end"):
        list(elements(data))


@pytest.mark.parametrize("data", [b"", b"\x04\x00"])
def test_another_element(data: bytes) -> None:
    with pytest.raises(DerError, match="another element"):
        inner(data, INTEGER)


@given(st.binary(max_size=200))
def test_any_bytes_end_in_elements_or_in_one_error(data: bytes) -> None:
    with contextlib.suppress(DerError):
        assert sum(len(one.content) for one in elements(data)) <= len(data)
