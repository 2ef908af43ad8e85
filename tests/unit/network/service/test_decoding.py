"""Matches are decoded where that holds nobody up."""

from __future__ import annotations

import asyncio
import threading

from pydicom.dataset import Dataset

from dicomgui.network.service.decoding import MatchDecoder, is_large
from dicomgui.network.uids import DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN


def test_which_are_large() -> None:
    assert not is_large(bytes(4096), EXPLICIT_VR_LITTLE_ENDIAN)
    assert is_large(bytes(4097), EXPLICIT_VR_LITTLE_ENDIAN)
    assert is_large(b"", DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN)


async def test_a_large_one_is_decoded_in_a_thread_and_small_ones_let_the_loop_go() -> None:
    threads: list[int] = []

    def read() -> Dataset:
        threads.append(threading.get_ident())
        return Dataset()

    decoder, here = MatchDecoder(), threading.get_ident()
    assert await decoder.decode(bytes(10_000), EXPLICIT_VR_LITTLE_ENDIAN, read) == Dataset()
    assert threads.pop() != here
    went_on = asyncio.Event()
    asyncio.get_running_loop().call_soon(went_on.set)
    await decoder.decode(b"", EXPLICIT_VR_LITTLE_ENDIAN, read)
    assert went_on.is_set()
    assert threads == [here]
