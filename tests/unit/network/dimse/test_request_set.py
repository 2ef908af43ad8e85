"""Command sets of usual requests are those that the codec makes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomgui.network import LocalProtocolError
from dicomgui.network.dimse.command_set import decode, encode
from dicomgui.network.dimse.commands import CEchoRQ, CFindRQ, Command, CStoreRQ
from dicomgui.network.dimse.request_set import encode_request

UIDS = st.text("0123456789.", max_size=70)
IDS = st.integers(0, 65_535)


@given(IDS, UIDS, UIDS, st.integers(0, 65_535), st.sampled_from(["", "ME", "ODD"]), st.none() | IDS, st.booleans())
def test_a_store_is_encoded_as_ever(
    number: int, sop_class: str, uid: str, priority: int, title: str, originator: int | None, has_dataset: bool
) -> None:
    command = CStoreRQ(number, sop_class, uid, priority, title, originator, has_dataset=has_dataset)
    assert encode_request(command) == encode(command)


@pytest.mark.parametrize("command", [
    CEchoRQ(1), CEchoRQ(65_535, "1.2.3"), CEchoRQ(1, has_dataset=True), CFindRQ(2, "1.2"),
    CStoreRQ(1, "1.2", "1.\xe4"), CStoreRQ(1, "\0\0\x10\x01\x02\0\0\0", "1.2", 0x10),
])  # fmt: skip
def test_others_too(command: Command) -> None:
    assert encode_request(command) == encode(command)
    assert decode(encode_request(command)).message_id == command.message_id


@pytest.mark.parametrize("command", [CEchoRQ(65_536), CEchoRQ(-1), CStoreRQ(1, "1.2", "1.3", 65_536)])
def test_what_cannot_be_encoded_is_said(command: Command) -> None:
    with pytest.raises(LocalProtocolError, match="cannot be encoded"):
        encode_request(command)
