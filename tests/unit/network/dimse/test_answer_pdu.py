"""Answers made from a template are what the codec of all messages makes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomgui.network.dimse.answer_pdu import Plain, answer_pdu, answer_runs, most_together
from dicomgui.network.dimse.command_set import decode, encode
from dicomgui.network.dimse.commands import CEchoRQ, CEchoRSP, CFindRSP, CStoreRQ, CStoreRSP, answer
from dicomgui.network.dimse.fragment import BytesSource, fragments
from dicomgui.network.status import Status

CT = "1.2.840.10008.5.1.4.1.1.2"

texts = st.text(st.characters(max_codepoint=255), max_size=70)
requests = st.one_of(
    st.builds(CStoreRQ, st.integers(0, 0xFFFF), texts, texts),
    st.builds(CEchoRQ, st.integers(0, 0xFFFF), texts),
)


@given(st.integers(0, 255), requests, st.integers(0, 0xFFFF).map(Status))
def test_it_is_the_same_as_the_long_way(context_id: int, request: Plain, status: Status) -> None:
    (chunk,) = fragments(context_id, encode(answer(request, status)), None, 0)
    assert answer_pdu(context_id, request, status) == chunk.data


@pytest.mark.parametrize("uid", ["", "1", "1.2", "1.2.3", "9" * 64])
def test_a_store_is_answered_with_its_own_ids(uid: str) -> None:
    for number in (1, 2, 0x0120, 0xFFFF):
        pdu = answer_pdu(5, CStoreRQ(number, CT, uid), Status(0))
        assert decode(pdu[12:]) == CStoreRSP(number, Status(0), CT, uid)


def test_an_echo_is_answered_with_its_own_id() -> None:
    for number in (1, 2, 0xFFFF):
        assert decode(answer_pdu(1, CEchoRQ(number), Status(0x0122))[12:]) == CEchoRSP(
            number, Status(0x0122), CEchoRQ(0).affected_sop_class_uid
        )


MATCH = encode(CFindRSP(7, Status(0xFF00), "1.2.840.10008.5.1.4.1.2.2.1", has_dataset=True))


@given(st.integers(0, 255), st.lists(st.binary(max_size=300), max_size=20), st.sampled_from((0, 518, 1024, 16_384)))
def test_matches_together_are_what_each_is_alone(context_id: int, data: list[bytes], max_pdu: int) -> None:
    alone = [chunk for one in data for chunk in fragments(context_id, MATCH, BytesSource(one), max_pdu)]
    together = [chunk for run in answer_runs(context_id, MATCH, data) for chunk in run]
    assert [bytes(chunk.data) for chunk in together] == [bytes(chunk.data) for chunk in alone]
    assert [list(chunk.pdus) for chunk in together] == [list(chunk.pdus) for chunk in alone]


def test_a_run_ends_when_it_is_large_and_none_is_empty() -> None:
    runs = list(answer_runs(1, MATCH, [bytes(30_000)] * 7))
    assert [len(run) for run in runs] == [3, 3, 1]
    assert list(answer_runs(1, MATCH, [])) == []


@pytest.mark.parametrize(("max_pdu", "most"), [(0, 65_536), (16_384, 16_378), (519, 512), (300, 0), (10, 0)])
def test_what_may_go_together_fits_into_one_pdu(max_pdu: int, most: int) -> None:
    assert most_together(max_pdu) == most
