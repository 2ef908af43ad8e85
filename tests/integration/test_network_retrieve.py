"""C-MOVE and C-GET between our client and our server: sub-operations, their counts, and what goes wrong with them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from helpers.bad_peer import Peer, bad_server, reached
from helpers.certificates import Authority, client_config, server_config
from helpers.services import CT, EXPLICIT, MR, ends, file, instance, instances, keys
from pydicom import dcmread
from pydicom.dataset import Dataset

from dicomgui.network import (
    AcceptPolicy,
    AETitle,
    ConfigurationError,
    ConnectOptions,
    Destination,
    GetRequest,
    Handlers,
    InstanceFile,
    MoveRequest,
    PeerAddress,
    Progress,
    Reply,
    Response,
    Retrieval,
    Server,
    ServerOptions,
    Status,
    StoreRequest,
    SyncClient,
    SyncServer,
    Timeouts,
    presets,
    read_head,
    serve,
)

pytestmark = pytest.mark.any_loop

SOON_S = 1.5
ASKED = keys(StudyInstanceUID="1.2")
STORED = Status(0)


def numbers(progress: Progress | None) -> tuple[int | None, ...]:
    assert progress is not None
    return progress.remaining, progress.completed, progress.failed, progress.warning


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


class Kept:
    """A store handler that keeps who asked for what, and answers by the number that ends the instance UID."""

    def __init__(self, answers: dict[int, int] | None = None) -> None:
        self.answers = answers or {}
        self.uids: list[str] = []
        self.requests: list[StoreRequest] = []

    def __call__(self, request: StoreRequest, data: object) -> Status:
        self.requests.append(request)
        self.uids.append(request.command.affected_sop_instance_uid)
        return Status(self.answers.get(int(self.uids[-1].rpartition(".")[2]), 0))


# C-GET


@pytest.mark.parametrize("secure", [False, True], ids=["tcp", "tls"])
async def test_c_get_into_a_folder(tmp_path: Path, secure: bool) -> None:
    sources = [file(tmp_path, n, pixels=200_000) for n in (1, 2)] + [file(tmp_path, 3, sop_class=MR)]
    known = InstanceFile(sources[1], read_head(sources[1]))
    handlers = Handlers(on_get=lambda request: [sources[0], known, sources[2]])
    authority = Authority(tmp_path) if secure else None
    tls = None if authority is None else (server_config(authority.issue()), client_config(authority))
    into = tmp_path / "new" / "folder"
    async with ends(handlers, tls=tls) as both:
        async with both.assoc.get(ASKED, into=into) as op:
            progress = [numbers(item) async for item in op]
        response = await op.result()
        assert (await both.assoc.echo()).status.is_success
    assert progress == [(2, 1, 0, 0), (1, 2, 0, 0), (0, 3, 0, 0)]
    assert response.status.is_success
    assert numbers(response.progress) == (None, 3, 0, 0)
    assert response.failed_sop_instance_uids == ()
    assert names_in(into) == ["1.2.3.1.dcm", "1.2.3.2.dcm", "1.2.3.3.dcm"]
    got = dcmread(into / "1.2.3.2.dcm")
    assert got.file_meta.TransferSyntaxUID == EXPLICIT
    assert got.file_meta.MediaStorageSOPInstanceUID == "1.2.3.2"
    assert got == dcmread(sources[1])


async def test_c_get_into_handlers_and_data_sets_made_as_they_are_sent() -> None:
    kept = Kept()

    async def get(request: GetRequest) -> AsyncIterator[Dataset]:
        for dataset in instances(3):
            del dataset.file_meta
            yield dataset

    async with ends(Handlers(on_get=get)) as both:
        response = await both.assoc.get(ASKED, into=Handlers(on_store=kept))
        assert both.assoc.is_connected
        again = await both.assoc.get(ASKED, into=Handlers(on_store=kept))
    assert numbers(response.progress) == numbers(again.progress) == (None, 3, 0, 0)
    assert kept.uids == 2 * ["1.2.3.1", "1.2.3.2", "1.2.3.3"]
    assert kept.requests[0].command.move_originator_ae_title == ""


async def test_another_data_set_of_a_uid_becomes_another_file_and_the_same_one_is_kept_once(tmp_path: Path) -> None:
    other = instance(1)
    other.InstanceNumber = 99
    async with ends(Handlers(on_get=lambda request: [instance(1), other, instance(1), other])) as both:
        assert (await both.assoc.get(ASKED, into=tmp_path)).status.is_success
    assert names_in(tmp_path) == ["1.2.3.1.dcm", "1.2.3.1~2.dcm"]


class _Full:
    """A file on a disk that is full."""

    def __init__(self) -> None:
        self.closed = False

    def write(self, data: object) -> int:
        raise OSError(28, "No space left on device")

    def close(self) -> None:
        self.closed = True


async def test_a_full_disk_is_told_and_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with ends(Handlers(on_get=lambda request: [instance(1), instance(2)])) as both:
        with monkeypatch.context() as patched:
            patched.setattr(Path, "open", lambda path, mode, buffering: _Full())
            response = await both.assoc.get(ASKED, into=tmp_path)
    assert response.status == 0xA702
    assert numbers(response.progress) == (None, 0, 2, 0)
    assert response.failed_sop_instance_uids == ("1.2.3.1", "1.2.3.2")
    assert names_in(tmp_path) == []


async def test_what_fails_is_named_and_the_rest_comes() -> None:
    kept = Kept({2: 0xA700, 3: 0xB000, 5: 0x0110})
    async with ends(Handlers(on_get=lambda request: list(instances(5)))) as both:
        response = await both.assoc.get(ASKED, into=Handlers(on_store=kept))
    assert response.status == 0xB000
    assert response.status.is_warning  # B19: no error
    assert numbers(response.progress) == (None, 2, 2, 1)
    assert response.failed_sop_instance_uids == ("1.2.3.2", "1.2.3.5")
    assert response.raise_for_status() is response


async def test_one_failure_is_a_list_of_one() -> None:
    async with ends(Handlers(on_get=lambda request: list(instances(2)))) as both:
        response = await both.assoc.get(ASKED, into=Handlers(on_store=Kept({2: 0xA700})))
    assert response.failed_sop_instance_uids == ("1.2.3.2",)


async def test_without_the_role_or_a_context_sub_operations_fail_and_nothing_else() -> None:
    kept = Kept()
    contexts = (*presets.QUERY, *presets.for_classes(CT))  # CT without the role, MR not at all
    handlers = Handlers(on_get=lambda request: [instance(1), instance(2, sop_class=MR)])
    async with ends(handlers, contexts=contexts) as both:
        response = await both.assoc.get(ASKED, into=Handlers(on_store=kept))
        assert both.assoc.is_connected
    assert response.status == 0xA702
    assert response.failed_sop_instance_uids == ("1.2.3.1", "1.2.3.2")
    assert kept.uids == []


async def test_what_cannot_be_read_or_is_no_instance_fails_alone(tmp_path: Path) -> None:
    (tmp_path / "text.dcm").write_text("no DICOM at all")
    things = [tmp_path / "missing.dcm", tmp_path / "text.dcm", keys(PatientID="no UIDs"), 17, file(tmp_path, 1)]
    kept = Kept()
    async with ends(Handlers(on_get=lambda request: things)) as both:
        response = await both.assoc.get(ASKED, into=Handlers(on_store=kept))
    assert response.status == 0xB000
    assert numbers(response.progress) == (None, 1, 4, 0)
    assert response.failed_sop_instance_uids == ()  # nobody knows their UIDs
    assert kept.uids == ["1.2.3.1"]


@pytest.mark.parametrize("verb", ["get", "move"])
@pytest.mark.parametrize(
    ("answer", "status", "counts"),
    [
        (Status(0xA701), 0xA701, (None, None, None, None)),
        (Reply(Status(0xA900), "why"), 0xA900, (None, None, None, None)),
        ([], 0, (None, 0, 0, 0)),
        (Retrieval([]), 0, (None, 0, 0, 0)),
        (None, 0x0110, (None, None, None, None)),
        ([instance(1), Status(0xA701)], 0xA701, (None, 1, 0, 0)),
        ([instance(1), Reply(Status(0xC001), "why")], 0xC001, (None, 1, 0, 0)),
    ],
    ids=["status", "reply", "nothing", "an empty retrieval", "none", "a status later", "a reply later"],
)
async def test_a_handler_may_end_it(verb: str, answer: object, status: int, counts: object) -> None:
    async def later(request: object) -> object:
        return answer

    async with moving(Handlers(on_get=later, on_move=lambda request: answer)) as (both, _):
        op = both.assoc.move(ASKED, destination="DEST") if verb == "move" else both.assoc.get(ASKED, into=ANYWHERE)
        response = await op
        assert response.status == status
        assert numbers(response.progress) == counts
        assert (response.comment == "why") == (status in (0xA900, 0xC001))


ANYWHERE = Handlers(on_store=lambda request, data: STORED)


async def test_a_total_may_be_said_or_left_out() -> None:
    async with ends(Handlers(on_get=lambda request: Retrieval(instances(2), total=7))) as both:
        said = [numbers(item) async for item in both.assoc.get(ASKED, into=ANYWHERE)]
    async with ends(Handlers(on_get=lambda request: Retrieval(instances(2)))) as both:
        left_out = [numbers(item) async for item in both.assoc.get(ASKED, into=ANYWHERE)]
    assert said == [(6, 1, 0, 0), (5, 2, 0, 0)]
    assert left_out == [(None, 1, 0, 0), (None, 2, 0, 0)]


async def test_c_gets_of_one_association_take_turns() -> None:
    one, other = Kept(), Kept()
    async with (
        ends(Handlers(on_get=lambda request: list(instances(3))), async_ops=(0, 0)) as both,
        asyncio.TaskGroup() as group,
    ):
        group.create_task(both.assoc.get(ASKED, into=Handlers(on_store=one)).result())
        group.create_task(both.assoc.get(ASKED, into=Handlers(on_store=other)).result())
    assert one.uids == other.uids == ["1.2.3.1", "1.2.3.2", "1.2.3.3"]


async def test_a_store_that_nobody_asked_for_is_refused_by_the_client() -> None:
    answers: list[Status] = []

    async def n_action(request: object) -> Status:
        answers.append((await request.user.store(instance(1))).status)
        return Status(0)

    async with ends(Handlers(on_n_action=n_action)) as both:
        assert (await both.assoc.n_action("1.2.840.10008.1.20.1", "1.2", 1)).status.is_success
    assert answers == [0x0122]


async def test_a_target_that_cannot_be_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    async with ends(Handlers()) as both:
        with pytest.raises(ConfigurationError):
            await both.assoc.get(ASKED, into=tmp_path / "file" / "below")
        with pytest.raises(ConfigurationError, match="on_store"):
            await both.assoc.get(ASKED, into=Handlers())
        assert (await both.assoc.echo()).status.is_success


async def test_a_peer_that_goes_during_a_c_get_leaves_nothing(tmp_path: Path) -> None:
    ended = asyncio.Event()

    async def get(request: GetRequest) -> AsyncIterator[Dataset]:
        try:
            yield instance(1)
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with ends(Handlers(on_get=get)) as both:
        async with both.assoc.get(ASKED, into=tmp_path) as op:
            await anext(op)
            await both.assoc.abort()
        await ended.wait()
    assert names_in(tmp_path) == ["1.2.3.1.dcm"]


# C-MOVE


@contextlib.asynccontextmanager
async def moving(
    handlers: Handlers,
    kept: Callable[..., object] | None = None,
    *,
    policy: AcceptPolicy | None = None,
    more: dict[str, PeerAddress | Destination] | None = None,
    timeouts: Timeouts | None = None,
    destination_handlers: Handlers | None = None,
) -> AsyncIterator[tuple[object, Server]]:
    """A C-MOVE provider, an association with it, and its destination DEST."""
    async with await serve(
        port=0,
        ae_title="DEST",
        handlers=destination_handlers or Handlers(on_store=kept or ANYWHERE.on_store),
        options=ServerOptions(policy=policy or AcceptPolicy()),
    ) as destination:
        places = {"DEST": PeerAddress(AETitle("DEST"), "127.0.0.1", destination.port), **(more or {})}
        async with ends(handlers, serving={"destinations": places, "timeouts": timeouts or Timeouts()}) as both:
            yield both, destination


async def test_c_move_counts_and_says_who_asked(tmp_path: Path) -> None:
    kept = Kept({2: 0xB007, 4: 0xA700})
    sources = [file(tmp_path, n) for n in range(1, 5)]
    async with moving(Handlers(on_move=lambda request: sources), kept) as (both, destination):
        async with both.assoc.move(ASKED, destination="DEST") as op:
            progress = [numbers(item) async for item in op]
        response = await op.result()
        async with asyncio.timeout(5):
            await destination.wait_empty()  # its association was released
    assert progress == [(3, 1, 0, 0), (2, 1, 0, 1), (1, 2, 0, 1), (0, 2, 1, 1)]
    assert response.status == 0xB000
    assert numbers(response.progress) == (None, 2, 1, 1)
    assert response.failed_sop_instance_uids == ("1.2.3.4",)
    assert {(r.command.move_originator_ae_title, r.command.move_originator_message_id) for r in kept.requests} == {
        ("SCU", 1)
    }
    assert {(r.facts.calling_ae_title, r.facts.called_ae_title) for r in kept.requests} == {("SCP", "DEST")}
    assert len({r.facts.association for r in kept.requests}) == 1


async def test_an_unknown_destination_is_answered_a801_and_the_handler_is_not_asked() -> None:
    asked: list[MoveRequest] = []
    async with moving(Handlers(on_move=lambda request: asked.append(request) or [])) as (both, _):
        response = await both.assoc.move(ASKED, destination="NOBODY")
        assert response.status == 0xA801
        assert response.offending == (0x00000600,)
        assert (await both.assoc.echo()).status.is_success
    assert asked == []


@pytest.mark.parametrize("title", ["", "SEVENTEEN_LETTERS", "Ü", "A\\B"])
async def test_a_destination_that_is_no_title_is_refused_before_anything_is_sent(title: str) -> None:
    async with ends(Handlers()) as both:
        with pytest.raises(ConfigurationError, match="AE title"):
            both.assoc.move(ASKED, destination=title)
        assert (await both.assoc.echo()).status.is_success


async def test_destinations_may_be_a_function_that_changes_its_mind() -> None:
    answers: list[object] = []

    def find(request: MoveRequest) -> PeerAddress | None:
        return answers.pop(0)

    handlers = Handlers(on_move=lambda request: [instance(1)])
    kept = Kept()
    async with (
        await serve(port=0, handlers=Handlers(on_store=kept)) as destination,
        ends(handlers, serving={"destinations": find}) as both,
    ):
        place = PeerAddress(AETitle("D"), "127.0.0.1", destination.port)
        answers[:] = [place, place]
        assert (await both.assoc.move(ASKED, destination="ANY")).status.is_success
        answers[:] = [None]
        assert (await both.assoc.move(ASKED, destination="ANY")).status == 0xA801
        answers[:] = [place, None]
        response = await both.assoc.move(ASKED, destination="ANY")
        assert (response.status, numbers(response.progress)) == (0xA702, (None, 0, 1, 0))
    assert kept.uids == ["1.2.3.1"]


async def test_an_unreachable_destination_is_answered_a702_and_is_tried_once() -> None:
    async with await serve(port=0) as gone:
        port = gone.port
    nowhere = {"GONE": PeerAddress(AETitle("GONE"), "127.0.0.1", port)}
    async with moving(Handlers(on_move=lambda request: list(instances(3))), more=nowhere) as (both, _):
        response = await both.assoc.move(ASKED, destination="GONE")
    assert response.status == 0xA702
    assert numbers(response.progress) == (None, 0, 3, 0)
    assert response.failed_sop_instance_uids == ("1.2.3.1", "1.2.3.2", "1.2.3.3")
    assert response.comment.startswith("no association with the destination")


async def test_a_destination_that_rejects_is_answered_a702() -> None:
    policy = AcceptPolicy(ae_title="OTHER", check_called=True)
    async with moving(Handlers(on_move=lambda request: [instance(1)]), policy=policy) as (both, _):
        assert (await both.assoc.move(ASKED, destination="DEST")).status == 0xA702


async def test_a_context_that_the_destination_refuses_fails_alone() -> None:
    kept = Kept()
    policy = AcceptPolicy(abstract_syntaxes=frozenset({CT}))
    sources = [instance(1), instance(2, sop_class=MR), instance(3)]
    async with moving(Handlers(on_move=lambda request: sources), kept, policy=policy) as (both, _):
        response = await both.assoc.move(ASKED, destination="DEST")
    assert response.status == 0xB000
    assert response.failed_sop_instance_uids == ("1.2.3.2",)
    assert kept.uids == ["1.2.3.1", "1.2.3.3"]
    assert len({r.facts.association for r in kept.requests}) == 1


async def test_a_uid_that_is_none_spoils_nothing_but_its_own_sub_operation(tmp_path: Path) -> None:
    kept = Kept()
    path = file(tmp_path, 2)
    bad = InstanceFile(path, read_head(path)._replace(sop_class_uid="no UID"))
    async with moving(Handlers(on_move=lambda request: [instance(1), bad, instance(3)]), kept) as (both, _):
        response = await both.assoc.move(ASKED, destination="DEST")
    assert kept.uids == ["1.2.3.1", "1.2.3.3"]
    assert response.failed_sop_instance_uids == ("1.2.3.2",)


async def test_a_destination_that_breaks_off_costs_one_instance() -> None:
    class Breaking(Kept):
        def __call__(self, request: StoreRequest, data: object) -> Status:
            status = super().__call__(request, data)
            if request.command.affected_sop_instance_uid == "1.2.3.2":
                destination.abort(request.facts.association)
            return status

    kept = Breaking()
    async with moving(Handlers(on_move=lambda request: list(instances(4))), kept) as (both, destination):
        response = await both.assoc.move(ASKED, destination="DEST")
    assert response.status == 0xB000
    assert numbers(response.progress) == (None, 3, 1, 0)
    assert response.failed_sop_instance_uids == ("1.2.3.2",)
    assert len({r.facts.association for r in kept.requests}) == 2


@pytest.mark.parametrize("known", [False, True], ids=["met one by one", "known beforehand"])
async def test_more_than_128_kinds_need_more_than_one_association(known: bool) -> None:
    kept = Kept()
    sources = [instance(n, sop_class=f"1.2.826.0.1.3680043.2.1.{n}") for n in range(1, 201)]
    answer = sources if known else iter(sources)
    async with moving(Handlers(on_move=lambda request: answer), kept) as (both, _):
        response = await both.assoc.move(ASKED, destination="DEST")
    assert response.status.is_success, response
    assert len(kept.uids) == 200
    used = len({r.facts.association for r in kept.requests})
    assert (2 <= used <= 100) if known else used == 200


async def test_a_destination_has_options_of_its_own_but_our_title(tmp_path: Path) -> None:
    kept = Kept()
    authority = Authority(tmp_path)
    async with await serve(
        port=0,
        handlers=Handlers(on_store=kept),
        options=ServerOptions(policy=AcceptPolicy(), tls=server_config(authority.issue())),
    ) as secure:
        place = PeerAddress(AETitle("TLS"), "127.0.0.1", secure.port)
        more = {"TLS": Destination(place, ConnectOptions(tls=client_config(authority)))}
        async with moving(Handlers(on_move=lambda request: [instance(1)]), more=more) as (both, _):
            assert (await both.assoc.move(ASKED, destination="TLS")).status.is_success
    assert kept.requests[0].facts.calling_ae_title == "SCP"


# cancelling


async def hang(request: object) -> Status:
    await asyncio.Event().wait()
    return STORED


@pytest.mark.parametrize(
    ("verb", "where"),
    [
        ("get", "generator"),
        ("get", "handler"),
        ("move", "generator"),
        ("move", "handler"),
        ("move", "destination"),
        ("move", "connecting"),
    ],
)
async def test_a_cancel_ends_it_within_a_second_wherever_it_hangs(verb: str, where: str) -> None:
    ended, answering = asyncio.Event(), asyncio.Event()

    async def retrieve(request: object) -> AsyncIterator[Dataset]:
        try:
            yield instance(1)
            if where == "generator":
                await asyncio.Event().wait()
            yield instance(2)
        finally:
            ended.set()

    async def slow(request: StoreRequest, data: object) -> Status:
        if where == "destination" and request.command.affected_sop_instance_uid == "1.2.3.2":
            await answering.wait()
        return STORED

    async def never(request: object) -> Status:
        try:
            return await hang(request)
        finally:
            ended.set()

    handler = never if where == "handler" else retrieve
    handlers = Handlers(on_get=handler, on_move=handler)

    async def silent(peer: Peer) -> None:
        await peer.drop()

    async with (
        bad_server(silent) as dumb,
        moving(handlers, slow, more={"DUMB": PeerAddress(AETitle("DUMB"), "127.0.0.1", dumb.port)}) as (
            both,
            destination,
        ),
    ):
        to = "DUMB" if where == "connecting" else "DEST"
        op = both.assoc.move(ASKED, destination=to) if verb == "move" else both.assoc.get(ASKED, into=ANYWHERE)
        async with op:
            if where in ("generator", "destination"):
                await anext(op)
            elif where == "connecting":
                await reached(lambda: dumb.served > 0, "it connects")
            if (verb, where) == ("move", "destination"):  # a C-STORE that has begun there is not broken off
                asyncio.get_running_loop().call_soon(answering.set)
            async with asyncio.timeout(SOON_S):
                response = await op.cancel()
        assert response.status == 0xFE00
        if where == "generator":
            assert numbers(response.progress) == (None, 1, 0, 0)
        await ended.wait()
        assert (await both.assoc.echo()).status.is_success
        async with asyncio.timeout(5):
            await destination.wait_empty()


async def test_what_remains_is_told_when_it_was_cancelled() -> None:
    gate = asyncio.Event()

    async def slow(request: StoreRequest, data: object) -> Status:
        if request.command.affected_sop_instance_uid == "1.2.3.2":
            await gate.wait()
        return STORED

    async with moving(Handlers(on_move=lambda request: list(instances(5))), slow) as (both, _):
        async with both.assoc.move(ASKED, destination="DEST") as op:
            await anext(op)
            async with asyncio.TaskGroup() as group:
                cancelling = group.create_task(op.cancel())
                await asyncio.sleep(0)
                gate.set()
        response = cancelling.result()
    assert response.status == 0xFE00
    assert numbers(response.progress) == (3, 2, 0, 0)


async def test_a_client_that_goes_ends_the_association_with_the_destination() -> None:
    stored = asyncio.Event()

    async def slow(request: StoreRequest, data: object) -> Status:
        stored.set()
        return await hang(request)

    async with moving(Handlers(on_move=lambda request: list(instances(5))), slow) as (both, destination):
        async with both.assoc.move(ASKED, destination="DEST"):
            await stored.wait()
            await both.assoc.abort()
        async with asyncio.timeout(5):
            await destination.wait_empty()


def test_the_blocking_twin_moves_and_gets(tmp_path: Path) -> None:
    kept = Kept()
    with SyncServer.serve(port=0, ae_title="DEST", handlers=Handlers(on_store=kept)) as destination:
        place = PeerAddress(AETitle("DEST"), "127.0.0.1", destination.port)
        options = ServerOptions(policy=AcceptPolicy(requestor_scp=None), destinations={"DEST": place})
        handlers = Handlers(on_move=lambda request: [instance(1)], on_get=lambda request: [instance(2)])
        with (
            SyncServer.serve(port=0, handlers=handlers, options=options) as server,
            SyncClient.connect(
                f"X@127.0.0.1:{server.port}", contexts=(*presets.QUERY, *presets.for_get([CT], models=()))
            ) as assoc,
        ):
            with assoc.move(ASKED, destination="DEST") as op:
                assert [numbers(item) for item in op] == [(0, 1, 0, 0)]
            assert op.result().status.is_success
            response: Response = assoc.get(ASKED, into=tmp_path).result()
            assert response.status.is_success
    assert kept.uids == ["1.2.3.1"]
    assert names_in(tmp_path) == ["1.2.3.2.dcm"]
