"""The peers of a soak: good ones of every service, and rude ones."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from helpers import bad_peer
from pydicom.dataset import Dataset
from soak.ledger import CT, EXPLICIT, STUDY_SIZE, Ledger, data_set, digest, file_bytes

from dicomgui.network import Association, Handlers, ProposedContext, Status, StoreRequest, connect, presets
from dicomgui.network.service_classes import commitment, mpps, print_management

PRINTER_CONTEXT = print_management.PRINTER
CONTEXTS = (
    *presets.VERIFICATION, *presets.QUERY, ProposedContext(CT, (EXPLICIT,)), *mpps.CONTEXTS, *commitment.CONTEXTS,
    ProposedContext(PRINTER_CONTEXT, (EXPLICIT,)),
)  # fmt: skip
GET_CONTEXTS = presets.for_get((CT,), (EXPLICIT,))
PAUSE_S = 0.8
"""A peer waits so long after each request, more or less."""

RUDE_S = 5.0


class Sink:
    """The destination of every C-MOVE."""

    def __init__(self) -> None:
        self.arrived: dict[str, str] = {}

    def on_store(self, request: StoreRequest, data: object) -> Status:
        assert isinstance(data, bytes)
        self.arrived[request.command.affected_sop_instance_uid] = digest(data)
        return Status(0)


class Clients:
    """Peers of one listener.

    :param files: a folder for what is being sent.
    :param stopped: set when it is enough.
    """

    def __init__(self, port: int, ledger: Ledger, files: Path, sink: Sink, stopped: asyncio.Event) -> None:
        self._address = f"SOAK@127.0.0.1:{port}"
        self._port = port
        self._ledger = ledger
        self._files = files
        self._sink = sink
        self._stopped = stopped
        self._commitments = commitment.CommitmentRequests()

    async def good(self, number: int) -> None:
        """One peer after the other that keeps to the rules, each with some requests on its association."""
        dice = random.Random(number)
        study, count = self._ledger.new_uid(), 0
        services = {
            self._echo: 15, self._store: 45, self._find: 12, self._move: 4, self._step: 6, self._commit: 4,
            self._printer: 4,
        }  # fmt: skip
        while not self._stopped.is_set():
            try:
                if dice.random() < 0.08:
                    await self._get()
                handlers = self._commitments.handlers()
                async with connect(
                    self._address, calling_ae=f"GOOD{number}", contexts=CONTEXTS, handlers=handlers
                ) as assoc:
                    for _ in range(dice.randrange(1, 20)):
                        chosen = dice.choices(list(services), list(services.values()))[0]
                        if chosen == self._store:
                            await self._store(assoc, study, number)
                            count += 1
                        else:
                            await chosen(assoc)  # type: ignore[operator]
                        if count >= STUDY_SIZE:
                            study, count = self._ledger.new_uid(), 0
                        if await self._pause(dice):
                            break
                    if dice.random() < 0.1:
                        await assoc.abort()
            except Exception as error:
                self._ledger.faults.append(f"GOOD{number}: {type(error).__name__}: {error}")

    async def _pause(self, dice: random.Random) -> bool:
        """Wait a while; whether it is enough."""
        with suppress(TimeoutError):
            async with asyncio.timeout(dice.uniform(0, 2 * PAUSE_S)):
                await self._stopped.wait()
        return self._stopped.is_set()

    # the services

    async def _echo(self, assoc: Association) -> None:
        with self._ledger.timed("C-ECHO"):
            (await assoc.echo()).raise_for_status()

    async def _store(self, assoc: Association, study: str, number: int) -> None:
        uid = self._ledger.new_uid()
        data = data_set(uid, study, f"P{number}", self._ledger.pixels())
        path = self._files / uid
        path.write_bytes(file_bytes(uid, data))
        try:
            with self._ledger.timed("C-STORE"):
                (await assoc.store(path)).raise_for_status()
        finally:
            path.unlink()
        self._ledger.acknowledged(study, uid, data)

    async def _find(self, assoc: Association) -> None:
        known = self._ledger.a_study()
        if known is None:
            return
        keys = Dataset()
        keys.StudyInstanceUID, keys.NumberOfStudyRelatedInstances, keys.PatientName = known[0], None, None
        with self._ledger.timed("C-FIND"):
            async with assoc.find(keys, level="STUDY") as op:
                matches = [match async for match in op]
                result = await op.result()
            assert result.status.is_success, result.status
        assert len(matches) == 1, f"{known[0]}: {len(matches)} matches"

    async def _get(self) -> None:
        known = self._ledger.a_study()
        if known is None:
            return
        received = Sink()
        async with connect(self._address, calling_ae="GETTER", contexts=GET_CONTEXTS) as assoc:
            with self._ledger.timed("C-GET"):
                async with assoc.get(_of(known[0]), into=Handlers(on_store=received.on_store), level="STUDY") as op:
                    async for _ in op:
                        pass
                    result = await op.result()
                assert result.status.is_success, result.status
        assert received.arrived == known[1], f"{known[0]}: C-GET brought something else"

    async def _move(self, assoc: Association) -> None:
        known = self._ledger.a_study()
        if known is None:
            return
        with self._ledger.timed("C-MOVE"):
            async with assoc.move(_of(known[0]), destination="SINK", level="STUDY") as op:
                async for _ in op:
                    pass
                result = await op.result()
            assert result.status.is_success, result.status
        arrived = {uid: self._sink.arrived.get(uid) for uid in known[1]}
        assert arrived == known[1], f"{known[0]}: C-MOVE brought something else"

    async def _step(self, assoc: Association) -> None:
        with self._ledger.timed("MPPS"):
            uid = await mpps.start(assoc, mpps.in_progress(station_ae="SOAK", modality="CT"))
            series = mpps.PerformedSeries(self._ledger.new_uid(), protocol_name="soak")
            await mpps.finish(assoc, uid, mpps.completed([series]))

    async def _commit(self, assoc: Association) -> None:
        known = self._ledger.a_study()
        if known is None:
            return
        with self._ledger.timed("commitment"):
            transaction = await self._commitments.send(assoc, [(CT, uid) for uid in known[1]])
            result = await self._commitments.wait(transaction, timeout_s=30)
        assert not result.failed, f"{known[0]}: {len(result.failed)} were not committed"

    async def _printer(self, assoc: Association) -> None:
        with self._ledger.timed("N-GET"):
            response = await assoc.n_get(PRINTER_CONTEXT, print_management.PRINTER_INSTANCE)
            response.raise_for_status()

    # the others

    async def rude(self, number: int) -> None:
        """One peer after the other that does not keep to the rules; how it fares is its own affair."""
        dice = random.Random(1000 + number)
        ways = (
            self._talks_nonsense, self._hangs_up_early, self._aborts, self._breaks_off, self._does_not_wait,
            self._is_silent, self._uses_a_wrong_context, self._never_reads,
        )  # fmt: skip
        while not self._stopped.is_set():
            way = dice.choice(ways)
            with suppress(OSError, TimeoutError, AssertionError):
                async with asyncio.timeout(RUDE_S), await bad_peer.dial(self._port) as peer:
                    await way(peer, dice)
            self._ledger.counts[way.__name__.strip("_").replace("_", " ")] += 1
            await self._pause(dice)

    async def _talks_nonsense(self, peer: bad_peer.Peer, dice: random.Random) -> None:
        await peer.send(dice.randbytes(dice.randrange(1, 3000)))
        await peer.drop()

    async def _hangs_up_early(self, peer: bad_peer.Peer, dice: random.Random) -> None:
        await peer.send(bad_peer.GOOD_RQ[: dice.randrange(len(bad_peer.GOOD_RQ))])
        await peer.reset()

    async def _aborts(self, peer: bad_peer.Peer, dice: random.Random) -> None:
        await peer.associate()
        await peer.send(bad_peer.echo_rq(), bad_peer.pdu(7, bytes(4)))
        await peer.drop()

    async def _breaks_off(self, peer: bad_peer.Peer, dice: random.Random) -> None:
        uid = self._ledger.new_uid()
        self._ledger.broken.add(uid)
        whole = bad_peer.store_rq(uid, dice.randbytes(300_000))
        await peer.associate()
        await peer.send(whole[: dice.randrange(100, len(whole) - 10)])
        await (peer.reset() if dice.random() < 0.5 else peer.close())

    async def _does_not_wait(self, peer: bad_peer.Peer, dice: random.Random) -> None:
        uid = self._ledger.new_uid()
        data = data_set(uid, f"{uid}.1", "RUDE", dice.randbytes(2 * dice.randrange(50_000)))
        self._ledger.unanswered[uid] = digest(data)
        await peer.associate()
        await peer.send(bad_peer.store_rq(uid, data))
        await (peer.reset() if dice.random() < 0.5 else peer.close())

    async def _is_silent(self, peer: bad_peer.Peer, dice: random.Random) -> None:
        if dice.random() < 0.5:
            await peer.associate()
        await self._pause(dice)

    async def _uses_a_wrong_context(self, peer: bad_peer.Peer, dice: random.Random) -> None:
        await peer.associate()
        await peer.send(bad_peer.echo_rq(context_id=dice.choice((0, 2, 5, 255))))
        await peer.drop()

    async def _never_reads(self, peer: bad_peer.Peer, dice: random.Random) -> None:
        await peer.associate()
        peer.pause()
        await peer.send(*(bad_peer.echo_rq(number) for number in range(1, 500)))
        await self._pause(dice)


def _of(study: str) -> Dataset:
    keys = Dataset()
    keys.StudyInstanceUID = study
    return keys


Worker = Callable[[int], Awaitable[None]]
