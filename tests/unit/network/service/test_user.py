"""Responses as results."""

from __future__ import annotations

import pytest

from dicomgui.network import DimseFailure, Response, Status


@pytest.mark.parametrize("code", [0x0000, 0xB000, 0x0001])
def test_what_is_no_failure_is_handed_on(code: int) -> None:
    response = Response(Status(code))
    assert response.raise_for_status() is response


@pytest.mark.parametrize("code", [0xA700, 0xC000, 0x0110, 0xFE00])
def test_a_failure_is_raised_only_when_asked_for(code: int) -> None:
    response = Response(Status(code), "why", (0x00100010,))
    with pytest.raises(DimseFailure, match=f"0x{code:04X}") as caught:
        response.raise_for_status()
    assert (caught.value.status, caught.value.comment, caught.value.offending) == (code, "why", (0x00100010,))
