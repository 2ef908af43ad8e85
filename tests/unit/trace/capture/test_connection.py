from __future__ import annotations

import pytest

from dicomgui.trace.capture.connection import Clock, ImportOptions, place_text
from dicomgui.trace.capture.packets import Place


@pytest.mark.parametrize(
    ("address", "text"),
    [
        (b"\x0a\0\0\1", "10.0.0.1:104"),
        (bytes(15) + b"\1", "[::1]:104"),
        (b"\x20\1\x0d\xb8" + bytes(12), "[2001:db8::]:104"),
    ],
)
def test_places_are_written_as_in_our_own_records(address: bytes, text: str) -> None:
    assert place_text(Place(address, 104)) == text


def test_where_dicom_is_expected() -> None:
    options = ImportOptions(ports=frozenset({4242}))
    assert [port for port in (80, 104, 2761, 2762, 4242, 11112, 50_000) if options.expects_dicom(port)] == [
        104, 2761, 2762, 4242, 11112,
    ]  # fmt: skip


def test_the_clock_never_goes_back() -> None:
    clock = Clock(10_000_000_000)
    assert clock.stamp(10_000_000_000) == (0.0, 10.0)
    assert clock.stamp(12_500_000_000) == (2.5, 12.5)
    assert clock.stamp(11_000_000_000) == (2.5, 11.0)  # packets of two interfaces, out of order
    assert clock.stamp(0) == (2.5, 11.0)  # a packet without a time stamp
