from __future__ import annotations

import pytest
from helpers.recordings import CT

from dicomgui.network.dimse import CEchoRQ, CStoreRQ, encode
from dicomgui.network.pdu import PDV, PDataTF
from dicomgui.network.tracing import Segment
from dicomgui.trace.capture.messages import CapturedMessages, Found

ECHO = encode(CEchoRQ(7))
STORE = encode(CStoreRQ(8, CT, "1.2.3"))


def read(messages: CapturedMessages, *pdvs: PDV) -> Found:
    data = PDataTF(pdvs).encode()
    return messages.read(len(data), (Segment(0, data),))


def test_a_command_in_one_pdu() -> None:
    found = read(CapturedMessages(), PDV(1, 3, ECHO))
    (message,) = found.messages
    assert (message.context_id, message.command, message.dataset_length) == (1, CEchoRQ(7), -1)
    assert (found.error, found.remarks) == ("", ())


def test_a_message_in_many_pdus_is_counted() -> None:
    messages = CapturedMessages()
    assert not read(messages, PDV(1, 1, STORE[:50])).messages
    assert not read(messages, PDV(1, 3, STORE[50:]), PDV(1, 0, bytes(100))).messages
    (message,) = read(messages, PDV(1, 2, bytes(50))).messages
    assert message.dataset_length == 150


def test_bytes_that_were_not_kept_count_as_well() -> None:
    messages = CapturedMessages()
    read(messages, PDV(1, 3, STORE))
    data = PDataTF((PDV(1, 2, bytes(3_000_000)),)).encode()
    (message,) = messages.read(len(data), (Segment(0, data[:12]), Segment(500, data[500:600]))).messages
    assert message.dataset_length == 3_000_000


def test_a_direction_that_begins_in_the_middle_of_a_message() -> None:
    messages = CapturedMessages(is_whole=False)
    assert read(messages, PDV(1, 0, b"abc"), PDV(1, 2, b"def")) == Found((), "", ())
    assert len(read(messages, PDV(1, 3, ECHO)).messages) == 1


def test_after_a_loss_the_next_command_counts() -> None:
    messages = CapturedMessages()
    read(messages, PDV(1, 3, STORE), PDV(1, 0, b"abc"))
    messages.lose()
    assert read(messages, PDV(1, 2, b"def")) == Found((), "", ())
    assert len(read(messages, PDV(1, 3, ECHO)).messages) == 1


def test_a_data_set_without_a_command_is_remarked_once() -> None:
    messages = CapturedMessages()
    found = read(messages, PDV(1, 0, b"abc"), PDV(1, 2, b"def"))
    assert len(found.remarks) == 1
    assert "a data-set fragment where a command is due" in found.remarks[0]


def test_a_command_that_cannot_be_read_is_remarked() -> None:
    messages = CapturedMessages()
    found = read(messages, PDV(1, 3, b"\0\0\0\1"))
    assert found.remarks
    assert len(read(messages, PDV(1, 3, ECHO)).messages) == 1


def test_a_context_that_was_not_accepted_is_remarked_once() -> None:
    messages = CapturedMessages()
    messages.accepted = frozenset({1})
    first = read(messages, PDV(1, 3, ECHO), PDV(5, 3, ECHO))
    assert first.remarks == ("presentation context 5 was not accepted",)
    assert len(first.messages) == 2
    assert read(messages, PDV(5, 3, ECHO)).remarks == ()


def test_remarks_are_bounded() -> None:
    messages = CapturedMessages()
    remarks = sum(len(read(messages, PDV(1, 3, b"junk")).remarks) for _ in range(1000))
    assert remarks == 20


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\4\0\0\0\0\0", "at least 6 are needed"),
        (b"\4\0\0\0\0\2ab", "at least 6 are needed"),
        (b"\4\0\0\0\0\6\0\0\0\1\1\3", "Item length at offset 6: 1"),
        (b"\4\0\0\0\0\6\0\0\0\3\1\3", "Item length at offset 6: 3 with 2 bytes left"),
        (b"\4\0\0\0\0\x09\0\0\0\2\1\3abc", "3 bytes are left over at offset 12"),
    ],
)
def test_a_malformed_pdu_says_what_is_wrong(data: bytes, text: str) -> None:
    assert text in CapturedMessages().read(len(data), (Segment(0, data),)).error


def test_the_rest_of_a_pdu_without_its_heads_is_left_out() -> None:
    data = PDataTF((PDV(1, 3, ECHO), PDV(1, 3, ECHO))).encode()
    found = CapturedMessages().read(len(data), (Segment(0, data[: 12 + len(ECHO)]),))
    assert len(found.messages) == 1
    assert found.error == ""
