"""What one caller may take of the real listener, and how far its archive grows: the answer, and the line that tells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.bad_peer import reached
from helpers.command_line import Listening, events
from helpers.instances import CT, EXPLICIT, write_instance
from helpers.listening import listens_in

from dicomgui.app.configuration.quotas import Quotas
from dicomgui.app.context import AppContext
from dicomgui.app.listening.listener import Listener, ReceivedInstance, Refusal, StoreFailed
from dicomgui.network import AssociationRejected, connect, presets
from dicomgui.network.tracing import FileRecord, RefuseRecord
from dicomgui.storage import Selection

CONTEXTS = presets.VERIFICATION + presets.for_instances([(CT, EXPLICIT)])
SIZE = 50_000


def files(folder: Path, count: int) -> list[Path]:
    return [write_instance(folder / "files", number, pixel_bytes=SIZE) for number in range(1, count + 1)]


def of_kind(listener: Listener, kind: type) -> list[Any]:
    return [event for event in listener.drain() if isinstance(event, kind)]


async def stored(listener: Listener, paths: list[Path], title: str = "CT1") -> list[int]:
    """What each is answered, all on one association, over which an echo comes through in the end."""
    async with connect(f"OURS@{listener.address}", calling_ae=title, contexts=CONTEXTS) as assoc:
        statuses = [int((await assoc.store(path)).status) for path in paths]
        assert (await assoc.echo()).status.is_success
    return statuses


@pytest.mark.parametrize(
    ("quotas", "why"),
    [
        (Quotas(instances_per_hour=2), "127.0.0.1 has stored 2 instances within an hour, which is the limit"),
        (
            Quotas(bytes_per_hour=3 * SIZE),
            "127.0.0.1 would have stored more than 150,000 bytes within an hour, which is the limit",
        ),
        (Quotas(max_bytes=3 * SIZE), "the archive has reached its limit of 150,000 bytes"),
        (Quotas(min_free_bytes=10**18), "the disk has no more than the"),
    ],
    ids=["instances", "bytes", "size of the archive", "free space"],
)
async def test_what_goes_over_a_limit_is_answered_a700_and_told_in_one_line(
    context: AppContext, tmp_path: Path, quotas: Quotas, why: str
) -> None:
    room = 0 if quotas.min_free_bytes else 2
    async with listens_in(context, tmp_path / "archive")(quotas=quotas) as listener:
        assert await stored(listener, files(tmp_path, 4)) == [0] * room + [0xA700] * (4 - room)
        await reached(lambda: not listener.associations, "the association has ended")
        happened = listener.drain()
        counts = listener.counts
    failed = [event for event in happened if isinstance(event, StoreFailed)]
    assert (counts.stored, counts.failed) == (room, 4 - room)
    assert len([event for event in happened if isinstance(event, ReceivedInstance)]) == room
    assert why in failed[0].reason
    assert all(event.hint and "\n" not in event.reason for event in failed)
    assert len(list((tmp_path / "archive").rglob("*.dcm"))) == room
    assert not list((tmp_path / "archive").rglob("*.part"))
    traced = [one for one in context.trace.records() if isinstance(one, FileRecord) and one.has_failed]
    assert [record.detail for record in traced] == [event.reason for event in failed]


async def test_another_association_of_a_caller_is_rejected_and_told(context: AppContext, tmp_path: Path) -> None:
    async with listens_in(context, tmp_path)(quotas=Quotas(associations=1)) as listener:
        address = f"OURS@{listener.address}"
        async with connect(address, contexts=CONTEXTS):
            with pytest.raises(AssociationRejected) as caught:
                await connect(address, contexts=CONTEXTS)
        assert (caught.value.result, caught.value.source, caught.value.reason) == (2, 3, 2)
        [refusal] = of_kind(listener, Refusal)
    assert refusal.reason.endswith("; 127.0.0.1 may have 1 at a time")
    assert [one.reason for one in context.trace.records() if isinstance(one, RefuseRecord)] == [refusal.reason]


async def test_what_is_deleted_makes_room_and_undoing_takes_it_back(context: AppContext, tmp_path: Path) -> None:
    paths = files(tmp_path, 4)
    async with listens_in(context, tmp_path / "archive")(quotas=Quotas(max_bytes=3 * SIZE)) as listener:
        assert await stored(listener, paths[:3]) == [0, 0, 0xA700]
        discarded = await listener.archive.delete(Selection())
        assert await stored(listener, paths[2:3]) == [0]
        await listener.archive.undelete(discarded.token)
        assert await stored(listener, paths[3:]) == [0xA700]


async def test_what_was_there_before_counts(context: AppContext, tmp_path: Path) -> None:
    paths = files(tmp_path, 3)
    listens = listens_in(context, tmp_path / "archive")
    async with listens() as listener:
        assert await stored(listener, paths[:2]) == [0, 0]
    async with listens(quotas=Quotas(max_bytes=2 * SIZE)) as listener:
        assert await stored(listener, paths[2:]) == [0xA700]


async def test_the_command_line_takes_limits_and_tells_what_they_refuse(tmp_path: Path) -> None:
    paths = files(tmp_path, 2)
    limits = ("--caller-instances", 1, "--caller-associations", 1, "--caller-bytes", "1GB", "--max-size", "1GB")
    with Listening(tmp_path / "archive", "--json", *limits, "--min-free", "1MB") as listening:
        address = f"DICOMGUI@127.0.0.1:{listening.port}"
        async with connect(address, contexts=CONTEXTS) as assoc:
            statuses = [int((await assoc.store(path)).status) for path in paths]
            with pytest.raises(AssociationRejected):
                await connect(address, contexts=CONTEXTS)
        code, out, _ = listening.stop()
    assert (code, statuses) == (0, [0, 0xA700])
    told = {event["event"]: event for event in events(out)}
    assert told["failed"]["reason"] == "127.0.0.1 has stored 1 instance within an hour, which is the limit"
    assert told["refused"]["reason"].endswith("127.0.0.1 may have 1 at a time")
