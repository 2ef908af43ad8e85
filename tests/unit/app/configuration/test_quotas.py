from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomgui.app.configuration.quotas import MAX_QUOTA, Quotas, parse_size, written_size
from dicomgui.network import ConfigurationError
from dicomgui.storage import Ceiling


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("1000", 1000),
        ("500 MB", 500_000_000),
        ("500mb", 500_000_000),
        (" 2G ", 2_000_000_000),
        ("1.5 TB", 1_500_000_000_000),
        ("1 KiB", 1024),
        ("2gib", 2 * 2**30),
        ("12 bytes", 12),
    ],
)
def test_sizes_are_read_as_people_write_them(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "x", "-1", "1.5.2 GB", "1 XB", "1 iB", "5 GB MB", "9" * 19, "9999999 TB", "٣ GB"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_size(text)
    assert caught.value.hint


@given(st.integers(0, MAX_QUOTA) | st.integers(0, 10**6).map(lambda number: number * 10**6))
def test_what_is_written_is_read_back(size: int) -> None:
    assert parse_size(written_size(size)) == size


def test_round_numbers_are_written_short() -> None:
    assert [written_size(size) for size in (0, 999, 500 * 10**6, 1_500_000_000, 20 * 10**9)] == [
        "0", "999", "500 MB", "1.5 GB", "20 GB",
    ]  # fmt: skip


@pytest.mark.parametrize("name", [entry.name for entry in fields(Quotas)])
def test_a_limit_is_not_negative(name: str) -> None:
    with pytest.raises(ConfigurationError):
        Quotas(**{name: -1})


def test_the_last_two_are_the_ceiling_of_the_archive() -> None:
    assert Quotas(max_bytes=5, min_free_bytes=7).ceiling == Ceiling(5, 7)
