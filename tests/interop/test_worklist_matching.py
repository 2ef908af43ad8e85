"""Start date and time of a worklist step as one period (PS3.4 K.6.1.2.2): what we answer, and what wlmscpfs does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from helpers import peers
from helpers.worklist import item
from pydicom.dataset import Dataset

from dicomgui.network import connect, serve
from dicomgui.network.service_classes import worklist
from dicomgui.network.service_classes.keys import set_key

pytestmark = pytest.mark.interop("wlmscpfs")

START = "ScheduledProcedureStepSequence[0].ScheduledProcedureStepStart"
DAYS = ("20240704", "20240705", "20240706", "20240707", "20240708")
TIMES = ("000000", "030000", "060000", "095959", "100000", "120000", "180000", "180001", "220000", "235959")


def steps() -> list[Dataset]:
    """One at each of the times of each of the days; its description says which."""
    made = []
    for number, (day, clock) in enumerate((day, clock) for day in DAYS for clock in TIMES):
        made.append(item(number, f"P^{number}", "CT", "CT1"))
        [step] = made[-1].ScheduledProcedureStepSequence
        step.ScheduledProcedureStepStartDate, step.ScheduledProcedureStepStartTime = day, clock
        step.ScheduledProcedureStepDescription = f"{day[-1]} {clock[:2]}:{clock[2:4]}:{clock[4:]}"
    return made


@pytest.fixture(scope="module")
def wlmscpfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[peers.Peer]:
    with peers.wlmscpfs(tmp_path_factory.mktemp("worklist"), steps()) as peer:
        yield peer


async def asked(address: str, dates: str, times: str) -> set[str]:
    keys = worklist.identifier()
    set_key(keys, f"{START}Date", dates)
    set_key(keys, f"{START}Time", times)
    async with connect(address, contexts=worklist.CONTEXTS) as assoc:
        return {found.description for found in await worklist.fetch(assoc, keys)}


async def answers(peer: peers.Peer, dates: str, times: str) -> tuple[set[str], set[str]]:
    """What wlmscpfs and what our provider answers."""
    provider = worklist.WorklistProvider(steps())
    async with await serve(ae_title="OURS", handlers=provider.handlers()) as server:
        ours = await asked(f"OURS@127.0.0.1:{server.port}", dates, times)
    return await asked(peer.address, dates, times), ours


@pytest.mark.parametrize(
    ("dates", "times", "count"),
    [
        ("20240706", "", 10),
        ("", "120000", 5),
        ("20240706", "120000", 1),
        ("20240705-20240707", "", 30),
        ("", "100000-180000", 15),
        ("20240706", "100000-180000", 3),
        ("20240705-20240707", "120000", 3),
        ("20240705-20240707", "100000-180000", 23),  # from the 5th, 10 h, to the 7th, 18 h
        ("20240705-20240706", "220000-060000", 5),  # a night
        ("20240706-20240706", "220000-060000", 0),
        ("20240706-", "100000-", 26),
        ("-20240706", "-180000", 27),
        ("20240705-20240707", "-180000", 27),
        ("20240705-", "100000-180000", 12),  # no moment at which it ends: each by itself
        ("-20240707", "100000-", 24),
    ],
)
async def test_dates_and_times_of_a_worklist(wlmscpfs: peers.Peer, dates: str, times: str, count: int) -> None:
    theirs, ours = await answers(wlmscpfs, dates, times)
    assert sorted(ours) == sorted(theirs)
    assert len(ours) == count


async def test_a_last_day_without_a_time_ends_at_midnight(wlmscpfs: peers.Peer) -> None:
    """The clause does not say it; wlmscpfs takes no more of the last day than its first moment."""
    theirs, ours = await answers(wlmscpfs, "20240705-20240707", "100000-")
    assert {"7 00:00:00", "6 00:00:00", "5 10:00:00"} < theirs < ours
    assert len(ours) == 26
    assert {step[0] for step in ours - theirs} == {"7"}
