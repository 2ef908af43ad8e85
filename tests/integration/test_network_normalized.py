"""The six N-services between our client and our server, each in both roles."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from helpers.bad_peer import reached
from helpers.instances import IMPLICIT
from helpers.services import COMMITMENT, MPPS, ends, keys
from pydicom.dataset import Dataset

from dicomgui.network import (
    EVERYTHING_PERMITTED,
    AcceptPolicy,
    Handlers,
    LocalProtocolError,
    NoAcceptedContext,
    ProposedContext,
    RemoteProtocolError,
    Reply,
    Response,
    ServerOptions,
    ServiceUser,
    Status,
    SyncClient,
    SyncServer,
    presets,
)

pytestmark = pytest.mark.any_loop

FILM_SESSION = "1.2.840.10008.5.1.1.1"
PRINT_META = "1.2.840.10008.5.1.1.9"
INSTANCE = "1.2.3"
NAMES = ("n_create", "n_set", "n_get", "n_action", "n_delete", "n_event_report")
GIVEN = keys(PatientName="Given")
ANSWERED = keys(PatientName="Answered", PatientID="7")

Ask = Callable[[ServiceUser], Awaitable[Response]]
ASK: dict[str, Ask] = {
    "n_create": lambda user: user.n_create(MPPS, GIVEN, sop_instance_uid=INSTANCE),
    "n_set": lambda user: user.n_set(MPPS, INSTANCE, GIVEN),
    "n_get": lambda user: user.n_get(MPPS, INSTANCE, [0x00100010, 0x00100020]),
    "n_action": lambda user: user.n_action(MPPS, INSTANCE, 5, GIVEN),
    "n_delete": lambda user: user.n_delete(MPPS, INSTANCE),
    "n_event_report": lambda user: user.n_event_report(MPPS, INSTANCE, 3, GIVEN),
}


class Seen:
    """Handlers for all six that keep the requests and give one answer."""

    def __init__(self, answer: object, *, later: bool = False) -> None:
        self.requests: list[Any] = []
        self.answer = answer
        self.handlers = Handlers(**{f"on_{name}": self._later if later else self._now for name in NAMES})

    def _now(self, request: object) -> Any:
        self.requests.append(request)
        return self.answer

    async def _later(self, request: object) -> Any:
        await asyncio.sleep(0)
        return self._now(request)


@pytest.mark.parametrize("later", [False, True], ids=["plain", "coroutine"])
@pytest.mark.parametrize("name", NAMES)
async def test_the_request_arrives_and_the_answer_comes_back(name: str, later: bool) -> None:
    seen = Seen(ANSWERED, later=later)
    async with ends(seen.handlers) as both:
        response = await ASK[name](both.assoc)
        assert response.status.is_success
        assert response.dataset == (None if name == "n_delete" else ANSWERED)  # PS3.7 10.3.6.2: it has none
        assert response.sop_instance_uid == INSTANCE
        assert response.type_id == {"n_action": 5, "n_event_report": 3}.get(name)
        assert response.progress is None
        [request] = seen.requests
        assert request.dataset == (Dataset() if name in ("n_get", "n_delete") else GIVEN)
        assert (request.data is None) == (name in ("n_get", "n_delete"))
        assert request.command.sop_class_uid == MPPS
        assert request.command.sop_instance_uid == INSTANCE
        assert not request.is_cancelled
    if name == "n_get":
        assert request.command.attribute_identifiers == (0x00100010, 0x00100020)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (Status(0x0000), 0),
        (Reply(Status(0x0112), "no such thing", (0x00001000,), error_id=9), 0x0112),
        (Reply(Status(0x0107), dataset=ANSWERED, attribute_identifiers=(0x00100010,)), 0x0107),
        (Reply(Status(0x0116), dataset=b"", attribute_identifiers=(0x00100010,)), 0x0116),
    ],
    ids=lambda value: f"{value:04X}H" if isinstance(value, int) else "",
)
async def test_b19_statuses_warnings_with_data_and_what_explains_them(name: str, answer: object, status: int) -> None:
    async with ends(Seen(answer).handlers) as both:
        response = await ASK[name](both.assoc)
        assert response.status == status
        assert response.status.is_warning == (status in (0x0107, 0x0116))
        assert (response.dataset is not None) == (name != "n_delete" and status in (0x0107, 0x0116))
        if status == 0x0112:
            assert (response.comment, response.offending, response.error_id) == ("no such thing", (0x1000,), 9)
        if status == 0x0107:
            assert response.dataset == (None if name == "n_delete" else ANSWERED)
            has_list = name in ("n_create", "n_set", "n_get")  # the others' responses have no such element
            assert response.attribute_identifiers == ((0x00100010,) if has_list else ())
        assert (await both.assoc.echo()).status.is_success


@pytest.mark.parametrize("name", NAMES)
async def test_without_a_handler_the_answer_is_0211(name: str) -> None:
    async with ends(Handlers()) as both:
        assert (await ASK[name](both.assoc)).status == 0x0211
        assert (await both.assoc.echo()).status.is_success


@pytest.mark.parametrize("answer", [None, 7, "text"], ids=str)
@pytest.mark.parametrize("later", [False, True], ids=["plain", "coroutine"])
async def test_b17_an_answer_that_is_none_becomes_0110(answer: object, later: bool) -> None:
    async with ends(Seen(answer, later=later).handlers) as both:
        response = await both.assoc.n_get(MPPS, INSTANCE)
        assert response.status == 0x0110
        assert response.comment.startswith("internal fault")
        assert (await both.assoc.echo()).status.is_success


async def test_a_data_set_that_cannot_be_read_is_answered_0110_and_a_bad_answer_is_an_error() -> None:
    def n_set(request: Any) -> Status:
        return Status(len(request.dataset))

    async with ends(Handlers(on_n_set=n_set, on_n_get=lambda r: Reply(Status(0), dataset=b"\x01\0garbage"))) as both:
        assert (await both.assoc.n_set(MPPS, INSTANCE, b"\x10\0\x10\0ZZ\xff\xffgarbage!")).status == 0x0110
        response = await both.assoc.n_get(MPPS, INSTANCE)
        with pytest.raises(RemoteProtocolError):
            _ = response.dataset


async def test_the_server_makes_the_instance_uid() -> None:
    seen = Seen(Reply(Status(0), sop_instance_uid="1.2.826.1", dataset=ANSWERED))
    async with ends(seen.handlers) as both:
        response = await both.assoc.n_create(MPPS, None)
        assert response.sop_instance_uid == "1.2.826.1"
    [request] = seen.requests
    assert request.command.affected_sop_instance_uid == ""
    assert request.data is None


@pytest.mark.parametrize("number", [0, 1, 65_535])
async def test_event_and_action_type_ids_at_their_edges(number: int) -> None:
    seen = Seen(Status(0))
    async with ends(seen.handlers) as both:
        action = await both.assoc.n_action(COMMITMENT, INSTANCE, number)
        event = await both.assoc.n_event_report(COMMITMENT, INSTANCE, number)
    assert (action.type_id, event.type_id) == (number, number)
    assert (seen.requests[0].command.action_type_id, seen.requests[1].command.event_type_id) == (number, number)


async def test_a_request_that_cannot_be_encoded_is_refused_and_the_association_lives() -> None:
    async with ends(Seen(Status(0)).handlers) as both:
        for asked in (both.assoc.n_action(MPPS, INSTANCE, 70_000), both.assoc.n_action(MPPS, INSTANCE, 70_000, GIVEN)):
            with pytest.raises(LocalProtocolError, match="cannot be encoded"):
                await asked
        assert (await both.assoc.n_action(MPPS, INSTANCE, 1)).status.is_success


async def test_print_goes_on_the_context_of_the_meta_sop_class() -> None:
    seen = Seen(Status(0))
    async with ends(seen.handlers, contexts=presets.for_classes(PRINT_META)) as both:
        with pytest.raises(NoAcceptedContext):
            await both.assoc.n_create(FILM_SESSION, GIVEN)
        assert (await both.assoc.n_create(FILM_SESSION, GIVEN, context=PRINT_META)).status.is_success
    [request] = seen.requests
    assert (request.context.abstract_syntax, request.command.sop_class_uid) == (PRINT_META, FILM_SESSION)


async def test_the_data_sets_go_in_the_transfer_syntax_of_the_context() -> None:
    seen = Seen(ANSWERED)
    async with ends(seen.handlers, contexts=presets.for_classes(MPPS, transfer_syntaxes=(IMPLICIT,))) as both:
        response = await both.assoc.n_set(MPPS, INSTANCE, GIVEN)
        assert response.transfer_syntax_uid == IMPLICIT
        assert response.dataset == ANSWERED
    assert seen.requests[0].dataset == GIVEN
    assert seen.requests[0].data.startswith(bytes.fromhex("10001000 06000000"))


# storage commitment: N-EVENT-REPORT in the other direction


async def test_an_event_report_from_inside_of_a_handler_comes_before_its_answer() -> None:
    events: list[tuple[int, Dataset]] = []

    async def commit(request: Any) -> Status:
        told = await request.user.n_event_report(COMMITMENT, INSTANCE, 1, ANSWERED)
        events.append((-1, told.status))
        return Status(0)

    def on_event(request: Any) -> Status:
        events.append((request.command.event_type_id, request.dataset))
        return Status(0x0110)

    async with ends(Handlers(on_n_action=commit), handlers=Handlers(on_n_event_report=on_event)) as both:
        assert (await both.assoc.n_action(COMMITMENT, INSTANCE, 1, GIVEN)).status.is_success
    assert events == [(1, ANSWERED), (-1, 0x0110)]


async def test_an_event_report_later_on_the_same_association() -> None:
    events: list[int] = []

    def on_event(request: Any) -> Status:
        events.append(request.command.event_type_id)
        return Status(0)

    async with ends(Handlers(), handlers=Handlers(on_n_event_report=on_event)) as both:
        [facts] = both.server.associations
        user = both.server.user(facts.association)
        assert user is not None
        assert (await user.n_event_report(COMMITMENT, INSTANCE, 2)).status.is_success
        assert both.server.user(-1) is None
    assert events == [2]
    assert not user.is_connected
    assert both.server.user(facts.association) is None


async def test_an_event_report_on_a_new_association_needs_no_role_and_may_have_it() -> None:
    """The other way of storage commitment: the archive calls the modality (PS3.4 J.3.3)."""
    seen = Seen(Status(0))
    for contexts in (
        presets.for_classes(COMMITMENT),
        (ProposedContext(COMMITMENT, (IMPLICIT,), scu_role=False, scp_role=True),),
    ):
        async with ends(seen.handlers, contexts=contexts) as both:
            assert (await both.assoc.n_event_report(COMMITMENT, INSTANCE, 1, GIVEN)).status.is_success
    assert len(seen.requests) == 2


async def test_requests_against_the_role_are_refused_on_both_sides() -> None:
    contexts = (ProposedContext(MPPS, (IMPLICIT,), scu_role=False, scp_role=True),)
    async with ends(Handlers(on_n_get=lambda r: Status(0)), contexts=contexts) as both:
        with pytest.raises(NoAcceptedContext):
            await both.assoc.n_get(MPPS, INSTANCE)
        user = both.server.user(both.server.associations[0].association)
        assert user is not None
        assert (await user.n_get(MPPS, INSTANCE)).status == 0x0211  # the client is the SCP, without a handler


async def test_a_release_waits_for_nobody_but_the_requests_of_its_own_side() -> None:
    gate = asyncio.Event()

    async def slow(request: Any) -> Status:
        await gate.wait()
        return Status(0)

    async with ends(Handlers(on_n_get=slow)) as both:
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(both.assoc.n_get(MPPS, INSTANCE))
            await reached(lambda: not both.assoc._connection.is_idle, "the request is under way")
            gate.set()
        assert asking.result().status.is_success


def test_the_blocking_twin_has_all_six() -> None:
    seen = Seen(ANSWERED)
    with (
        SyncServer.serve(
            port=0,
            handlers=seen.handlers,
            options=ServerOptions(AcceptPolicy(requestor_scp=None), permitted=EVERYTHING_PERMITTED),
        ) as server,
        SyncClient.connect(
            f"X@127.0.0.1:{server.port}", contexts=presets.for_classes(MPPS), permitted=EVERYTHING_PERMITTED
        ) as assoc,
    ):
        responses = (
            assoc.n_create(MPPS, GIVEN, sop_instance_uid=INSTANCE),
            assoc.n_set(MPPS, INSTANCE, GIVEN),
            assoc.n_get(MPPS, INSTANCE, [0x00100010]),
            assoc.n_action(MPPS, INSTANCE, 1, GIVEN),
            assoc.n_delete(MPPS, INSTANCE),
            assoc.n_event_report(MPPS, INSTANCE, 1, GIVEN),
        )
        assert all(response.status.is_success for response in responses)
        assert [response.dataset for response in responses] == [ANSWERED] * 4 + [None, ANSWERED]
    assert len(seen.requests) == 6
