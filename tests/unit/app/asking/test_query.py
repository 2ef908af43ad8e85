"""Queries: matches as they come, limits, cancels, roots, and what is said when they fail."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import aclosing
from typing import Any

import pytest
from helpers.answering import answering
from helpers.bad_peer import Peer, bad_server, reached, response
from helpers.retrieval import CR_STUDY, DOE, ENDLESS, UNSUPPORTED, elements
from pydicom.dataset import Dataset

from dicomgui.app.asking import query as query_module
from dicomgui.app.asking import values
from dicomgui.app.asking.keys import Key, parse_key, parse_return_key
from dicomgui.app.asking.levels import Level
from dicomgui.app.asking.query import FindJob, Found, Query, find, relaxed, return_keys_of
from dicomgui.app.asking.values import Answer
from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.context import AppContext
from dicomgui.network import (
    ConfigurationError,
    ConnectionRefused,
    FindRequest,
    Handlers,
    Match,
    NoAcceptedContext,
    PeerAddress,
    Reply,
    Status,
    serve,
)
from dicomgui.network.dimse.dataset import decode_answer, encode_dataset, syntax_of_answer
from dicomgui.network.tracing import DimseRecord
from dicomgui.network.uids import DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN as DEFLATED

OPTIONS = ConnectionOptions()
PATIENT_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.1.1"


def keys(*texts: str) -> tuple[Key, ...]:
    return tuple(map(parse_key, texts))


def commands(context: AppContext, association: int) -> list[int]:
    return [record.command_field for record in context.trace.records(association) if type(record) is DimseRecord]


async def test_matches_come_one_by_one_with_what_was_asked_for(context: AppContext) -> None:
    found: list[Found] = []
    async with answering() as scp:
        query = Query(keys("PatientName=Doe^A*"))
        result = await find(context, scp.address, OPTIONS, query, on_match=found.append)
    assert [match.number for match in found] == [1, 2]
    assert {match.dataset.PatientID for match in found} == {DOE}
    assert found[0].peer == scp.address
    assert not found[0].has_unsupported_keys
    assert (result.ok, result.count, result.root, result.status) == (True, 2, "study", 0)
    assert (result.has_more, result.is_cancelled, result.error, result.findings) == (False, False, None, ())
    assert result.association > 0
    assert scp.asked() == [{"QueryRetrieveLevel": "STUDY", "PatientName": "Doe^A*"}]
    asked = scp.archive.finds[0].dataset
    assert "SpecificCharacterSet" in asked
    assert all(key.attribute.tag in asked for key in return_keys_of(Level.STUDY))


async def test_return_keys_can_be_chosen_and_the_unique_key_is_always_there(context: AppContext) -> None:
    async with answering() as scp:
        await find(context, scp.address, OPTIONS, Query(keys("Modality=CR"), keys("StudyID")))
    asked = {element.keyword for element in scp.archive.finds[0].dataset}
    assert asked == {"SpecificCharacterSet", "QueryRetrieveLevel", "Modality", "StudyID", "StudyInstanceUID"}


async def test_the_limit_ends_the_query_by_c_cancel_and_says_that_there_is_more(context: AppContext) -> None:
    found: list[Found] = []
    async with answering() as scp:
        query = Query(keys(f"PatientID={ENDLESS}"), limit=5)
        result = await find(context, scp.address, OPTIONS, query, on_match=found.append)
    assert (len(found), result.count, result.has_more) == (5, 5, True)
    assert (result.status, result.ok, result.is_cancelled) == (0xFE00, True, False)
    assert result.findings == ()
    fields = commands(context, result.association)
    assert fields.count(0x0FFF) == 1


async def test_who_keeps_all_matches_gets_no_more_than_there_is_memory_for(
    context: AppContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(query_module, "MAX_KEPT_BYTES", 20_000)
    kept: list[Answer] = []
    async with answering() as scp:
        job = FindJob(context, scp.address, OPTIONS, Query(keys(f"PatientID={ENDLESS}"), limit=None))
        result = await job.run_undecoded(kept.extend)
    assert (result.count, result.has_more, result.ok, result.is_cancelled) == (len(kept), True, True, False)
    assert result.status == 0xFE00
    assert "the query was stopped" in result.notes[-1]


async def test_large_matches_are_decoded_beside_the_loop(context: AppContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of 60,000 elements takes a second, in which nobody else would get a turn."""
    threads: list[bool] = []

    def decode(data: bytes, syntax: str) -> Dataset:
        threads.append(threading.current_thread() is threading.main_thread())
        return decode_answer(data, syntax)

    monkeypatch.setattr(values, "decode_answer", decode)
    small = elements(StudyInstanceUID="1.2")
    large = elements(StudyInstanceUID="1.3", PatientComments="x" * 8192)
    async with answering(Handlers(on_find=lambda request: [Match(small), Match(large)])) as scp:
        result = await find(context, scp.address, OPTIONS, Query(limit=None))
    assert (result.count, threads) == (2, [True, False])


async def test_exactly_as_many_as_the_limit_is_all_there_is(context: AppContext) -> None:
    async with answering() as scp:
        result = await find(context, scp.address, OPTIONS, Query(keys(f"PatientID={DOE}"), limit=2))
    assert (result.count, result.has_more, result.status) == (2, False, 0)


async def test_a_peer_that_ignores_the_cancel_is_aborted_and_the_matches_count(context: AppContext) -> None:
    async def deaf(peer: Peer) -> None:
        await peer.accept()
        request = await peer.read()
        assert request is not None
        await peer.send(*(response(0x8020, 1, 0xFF00) for _ in range(3)))
        await peer.drop()

    async with bad_server(deaf) as server:
        result = await find(context, PeerAddress.parse(server.address), OPTIONS, Query(limit=1))
    assert (result.count, result.has_more, result.ok, result.error) == (1, True, True, None)
    assert "aborted" in result.notes[-1]


async def test_a_callback_that_returns_false_stops_the_query(context: AppContext) -> None:
    async def enough(match: Found) -> bool:
        return match.number < 3

    async with answering() as scp:
        query = Query(keys(f"PatientID={ENDLESS}"), limit=None)
        result = await find(context, scp.address, OPTIONS, query, on_match=enough)
    assert (result.count, result.is_cancelled, result.has_more, result.ok) == (3, True, False, False)
    assert result.findings == ()


async def test_matches_can_be_iterated_and_left(context: AppContext) -> None:
    async with answering() as scp:
        job = FindJob(context, scp.address, OPTIONS, Query(keys(f"PatientID={ENDLESS}"), limit=None))
        async with aclosing(job.matches()) as matches:
            async for match in matches:
                if match.number == 2:
                    break
        assert (job.result().count, job.result().is_cancelled) == (2, True)


async def test_a_cancelled_task_ends_the_query_and_the_result_is_still_there(context: AppContext) -> None:
    arrived = asyncio.Event()

    def seen(_match: Found) -> None:
        arrived.set()

    async with answering() as scp:
        job = FindJob(context, scp.address, OPTIONS, Query(keys(f"PatientID={ENDLESS}"), limit=None))
        async with asyncio.TaskGroup() as group:
            task = group.create_task(job.run(seen))
            await arrived.wait()
            task.cancel()
        assert task.cancelled()
        await reached(lambda: not scp.server.associations, "the association has ended")
    result = job.result()
    assert result.is_cancelled
    assert result.count >= 1
    fields = commands(context, result.association)
    assert 0x0FFF in fields


async def test_unsupported_keys_are_marked(context: AppContext) -> None:
    found: list[Found] = []
    async with answering() as scp:
        await find(context, scp.address, OPTIONS, Query(keys(f"PatientID={UNSUPPORTED}")), on_match=found.append)
    assert [match.has_unsupported_keys for match in found] == [True]


async def test_what_is_never_returned_is_told(context: AppContext) -> None:
    answers = Handlers(on_find=lambda request: iter([elements(PatientID="1"), elements(StudyDate="20240101")]))
    async with answering(answers) as scp:
        query = Query((), tuple(map(parse_return_key, ("PatientID", "StudyDate", "Occupation", "(0009,1001)"))))
        result = await find(context, scp.address, OPTIONS, query)
    assert result.never_returned == ("(0009,1001)", "Occupation", "StudyInstanceUID")


async def test_a_match_that_cannot_be_read_is_counted_and_the_others_come(context: AppContext) -> None:
    found: list[Found] = []
    answers: list[Any] = [b"\x28\x00\x10\x00US\x03\x00abc\x28\x00\x11\x00US\x01\x00a", elements(PatientID="2")]
    async with answering(Handlers(on_find=lambda request: iter(answers))) as scp:
        result = await find(context, scp.address, OPTIONS, Query(), on_match=found.append)
    assert [match.dataset.PatientID for match in found] == ["2"]
    assert (result.count, result.unreadable) == (1, 1)
    assert "could not be read" in result.notes[-1]


async def test_the_root_is_the_first_that_the_peer_accepts(context: AppContext) -> None:
    async with answering(sop_classes=frozenset({PATIENT_ROOT_FIND})) as scp:
        result = await find(context, scp.address, OPTIONS, Query(keys(f"PatientID={DOE}")))
    assert (result.ok, result.root, result.count) == (True, "patient", 2)
    assert result.notes == ()
    assert result.findings == ()
    assert scp.archive.finds[0].command.affected_sop_class_uid == PATIENT_ROOT_FIND


async def test_a_root_that_is_chosen_is_the_only_one_proposed(context: AppContext) -> None:
    async with answering(sop_classes=frozenset({PATIENT_ROOT_FIND})) as scp:
        result = await find(context, scp.address, OPTIONS, Query(root="study"))
    assert isinstance(result.error, NoAcceptedContext)
    assert not result.ok
    assert [finding.code for finding in result.findings] == ["no-context-abstract"]


@pytest.mark.parametrize(
    ("level", "texts", "missing"),
    [
        (Level.SERIES, (), "StudyInstanceUID"),
        (Level.SERIES, (f"StudyInstanceUID={CR_STUDY}",), ""),
        (Level.IMAGE, (f"StudyInstanceUID={CR_STUDY}",), "SeriesInstanceUID"),
        (Level.STUDY, (), ""),
    ],
)
async def test_missing_unique_keys_are_remarked_on(
    context: AppContext, level: Level, texts: tuple[str, ...], missing: str
) -> None:
    async with answering() as scp:
        result = await find(context, scp.address, OPTIONS, Query(keys(*texts), level=level))
    assert result.ok
    assert [missing in note for note in result.notes] == ([True] if missing else [])


async def test_a_failure_status_is_a_result_with_a_finding(context: AppContext) -> None:
    answers = Handlers(on_find=lambda request: Reply(Status(0xA900), "no such key"))
    async with answering(answers) as scp:
        result = await find(context, scp.address, OPTIONS, Query())
    assert (result.ok, result.status, result.comment, result.error) == (False, 0xA900, "no such key", None)
    assert [finding.code for finding in result.findings] == ["find-identifier"]


async def test_nothing_found_is_no_failure(context: AppContext) -> None:
    async with answering() as scp:
        result = await find(context, scp.address, OPTIONS, Query(keys("PatientID=nobody")))
    assert (result.ok, result.count, result.never_returned) == (True, 0, ())
    assert [finding.code for finding in result.findings] == ["find-empty"]


async def test_a_closed_port_is_a_result_too(context: AppContext) -> None:
    async with await serve(port=0) as server:
        port = server.port
    numbers: list[int] = []
    peer = PeerAddress("X", "127.0.0.1", port)
    result = await find(context, peer, OPTIONS, Query(), on_association=numbers.append)
    assert isinstance(result.error, ConnectionRefused)
    assert [finding.code for finding in result.findings] == ["closed-port"]
    assert numbers == [result.association]
    assert not result.ok


async def test_the_character_set_guard_speaks(context: AppContext) -> None:
    async with answering() as scp:
        result = await find(context, scp.address, OPTIONS, Query(keys("PatientName=山田*")))
    assert result.character_set == "ISO_IR 192"
    assert "ISO_IR 192" in result.notes[0]
    assert str(scp.archive.finds[0].dataset.PatientName) == "山田*"


async def test_a_query_that_makes_no_sense_is_refused_before_anything_is_sent(context: AppContext) -> None:
    with pytest.raises(ConfigurationError, match="needs a level or a root"):
        await find(context, PeerAddress("X", "127.0.0.1", 1), OPTIONS, Query(level=None))
    with pytest.raises(ConfigurationError, match="no information model"):
        await find(context, PeerAddress("X", "127.0.0.1", 1), OPTIONS, Query(root="nonsense"))


def test_a_result_before_the_start_is_empty(context: AppContext) -> None:
    result = FindJob(context, PeerAddress("X", "127.0.0.1", 1), OPTIONS, Query()).result()
    assert (result.count, result.seconds, result.association, result.ok) == (0, 0.0, 0, False)


def test_relaxing_leaves_out_one_key_after_the_other() -> None:
    query = Query(keys("PatientName=A*", "StudyDate", "Modality=CT"))
    tried = [(str(key), [str(one) for one in other.keys]) for key, other in relaxed(query)]
    assert tried == [
        ("PatientName=A*", ["PatientName", "StudyDate", "Modality=CT"]),
        ("Modality=CT", ["PatientName=A*", "StudyDate", "Modality"]),
    ]


async def test_matches_are_handed_on_undecoded_in_batches(context: AppContext) -> None:
    """What was never returned is found out all the same, and one that cannot be read is counted."""

    def answers(_request: FindRequest) -> Iterator[Match | bytes]:
        yield Match(elements(PatientID="1", StudyInstanceUID="1.2"), Status(0xFF01))
        yield b"\x40\x00\x75\x02SQ\x00\x00\xff\xff\xff\xff" + bytes(8)

    found: list[Answer] = []
    async with answering(Handlers(on_find=answers)) as scp:
        job = FindJob(context, scp.address, OPTIONS, Query(keys("PatientID=1"), keys("StudyID")))
        result = await job.run_undecoded(found.extend)
    assert (result.count, result.unreadable, result.never_returned) == (1, 1, ("StudyID",))
    [match] = found
    assert match.has_unsupported_keys
    assert match.dataset().PatientID == "1"


async def test_undecoded_matches_of_another_encoding_are_left_out_and_counted(context: AppContext) -> None:
    answers: list[Any] = [encode_dataset(elements(PatientID="1"), DEFLATED), elements(PatientID="2"), bytes(range(90))]
    found: list[Answer] = []
    async with answering(Handlers(on_find=lambda request: iter(answers))) as scp:
        result = await FindJob(context, scp.address, OPTIONS, Query()).run_undecoded(found.extend)
    assert [match.dataset().PatientID for match in found] == ["2"]
    assert (result.count, result.unreadable) == (1, 2)
    assert "Deflated" in result.notes[-1]


async def test_a_large_match_of_another_encoding_is_walked_in_a_thread(
    context: AppContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have millions of elements, and is no reason for a window to stand still."""
    threads: list[int] = []

    def look(data: bytes, syntax: str) -> str:
        threads.append(threading.get_ident())
        return syntax_of_answer(data, syntax)

    monkeypatch.setattr(query_module, "syntax_of_answer", look)
    odd = bytes(range(90))
    answers: list[Any] = [odd * 100, odd]
    async with answering(Handlers(on_find=lambda request: iter(answers))) as scp:
        result = await FindJob(context, scp.address, OPTIONS, Query()).run_undecoded(lambda found: None)
    assert (result.count, result.unreadable) == (0, 2)
    assert [one == threading.get_ident() for one in threads] == [False, True]


async def test_a_query_is_cancelled_when_its_time_is_over(context: AppContext) -> None:
    async with answering() as scp:
        query = Query(keys(f"PatientID={ENDLESS}"), limit=None, cancel_after_s=0.05)
        result = await find(context, scp.address, OPTIONS, query)
    assert (result.status, result.ok, result.has_more) == (0xFE00, True, False)
    assert result.notes == ("A C-CANCEL was sent after 50 ms.",)
    assert commands(context, result.association).count(0x0FFF) == 1


async def test_a_query_that_ends_in_time_is_not_cancelled(context: AppContext) -> None:
    async with answering() as scp:
        query = Query(keys(f"PatientID={DOE}"), cancel_after_s=60.0)
        result = await find(context, scp.address, OPTIONS, query)
    assert (result.count, result.status, result.notes) == (2, 0, ())
    assert commands(context, result.association).count(0x0FFF) == 0
