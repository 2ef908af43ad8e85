"""Every instance that ships inside pydicom goes to Orthanc and to our listener, over one association and over many.

What a peer refuses is listed here by name with the reason; anything else that is refused, and anything listed that is
taken, is a failure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

import pytest
from helpers import peers
from helpers.instances import (
    BIG_ENDIAN,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    data_set,
    instance_of,
    shipped,
    shipped_folder,
    shipped_name,
    syntax_of,
    write_instance,
)
from helpers.listening import Listen
from helpers.tap import Message, Tap

from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.context import AppContext
from dicomgui.app.files.sources import Selection, SendItem
from dicomgui.app.listening.listener import Listener, ReceivedInstance
from dicomgui.app.transfers.send import Cause, ItemResult, ItemState, SendReport, prepare, send
from dicomgui.network import PeerAddress
from dicomgui.network.uids import STORAGE_CLASSES
from dicomgui.storage.writer import Outcome

OPTIONS = ConnectionOptions()

# -- the tables ------------------------------------------------------------------------------------------------------


class Refusal(NamedTuple):
    """Why a file is not taken, and what our report says then."""

    reason: str
    cause: Cause
    status: int | None = None


MEDIA_DIRECTORIES = {
    "test_files/dicomdirtests/DICOMDIR",
    "test_files/dicomdirtests/DICOMDIR-bigEnd",
    "test_files/dicomdirtests/DICOMDIR-empty.dcm",
    "test_files/dicomdirtests/DICOMDIR-implicit",
    "test_files/dicomdirtests/DICOMDIR-nooffset",
    "test_files/dicomdirtests/DICOMDIR-nopatient",
    "test_files/dicomdirtests/DICOMDIR-reordered",
    "test_files/dicomdirtests/TINY_ALPHA/DICOMDIR",
}
"""Not sent to anybody: a media directory lists instances and is none (PS3.4 B.5 has no such class)."""

_NO_STORAGE_CLASS = Refusal("Color Palette Storage is no class that it negotiates", Cause.CONTEXT)
_NO_UID_IN_DATA_SET = Refusal("the data set has no SOP class or instance UID; DCMTK refuses it", Cause.STATUS, 0xC000)
_UIDS_OF_VR_UN = Refusal("the data set's UIDs have the VR UN; DCMTK does not see them", Cause.STATUS, 0xC000)
_NO_STUDY = Refusal("the data set has no Study Instance UID, by which Orthanc files it", Cause.STATUS, 0xA700)
_CUT_OFF = Refusal("the data set ends within an element; DCMTK stops reading and aborts", Cause.NETWORK)
_NO_DELIMITER = Refusal("an item of the data set has no end; DCMTK stops reading and aborts", Cause.NETWORK)

REFUSED_BY_ORTHANC = {
    "palettes/fall.dcm": _NO_STORAGE_CLASS,
    "palettes/hotiron.dcm": _NO_STORAGE_CLASS,
    "palettes/hotmetalblue.dcm": _NO_STORAGE_CLASS,
    "palettes/pet.dcm": _NO_STORAGE_CLASS,
    "palettes/pet20step.dcm": _NO_STORAGE_CLASS,
    "palettes/spring.dcm": _NO_STORAGE_CLASS,
    "palettes/summer.dcm": _NO_STORAGE_CLASS,
    "palettes/winter.dcm": _NO_STORAGE_CLASS,
    "charset_files/chrSQEncoding.dcm": _NO_UID_IN_DATA_SET,
    "charset_files/chrSQEncoding1.dcm": _NO_UID_IN_DATA_SET,
    "test_files/UN_sequence.dcm": _NO_UID_IN_DATA_SET,
    "test_files/no_meta_group_length.dcm": _NO_UID_IN_DATA_SET,
    "test_files/priv_SQ.dcm": _NO_UID_IN_DATA_SET,
    "test_files/rtdose_rle.dcm": _UIDS_OF_VR_UN,
    "test_files/rtdose_rle_1frame.dcm": _UIDS_OF_VR_UN,
    "test_files/JPEGLSNearLossless_08.dcm": _NO_STUDY,
    "test_files/JPEGLSNearLossless_16.dcm": _NO_STUDY,
    "test_files/SC_rgb_jls_lossy_line.dcm": _NO_STUDY,
    "test_files/SC_rgb_jls_lossy_sample.dcm": _NO_STUDY,
}
ABORTED_BY_ORTHANC = {
    "test_files/MR_truncated.dcm": _CUT_OFF,
    "test_files/rtplan_truncated.dcm": _CUT_OFF,
    "test_files/SC_rgb_jpeg.dcm": _NO_DELIMITER,
}

OF_ODD_LENGTH = {"test_files/image_dfl.dcm", "test_files/rtplan_truncated.dcm"}
"""A deflated data set that lacks the NUL which makes its length even (PS3.5 A.5), and one that is cut off: each gets a
NUL on its way, since fragments are of even length (PS3.8 annex E).
"""

MADE_WRONG_BY_DCMSEND = "31"
"""What it takes for SOP class and instance UID of rtdose_rle.dcm and rtdose_rle_1frame.dcm, whose data sets give them
the VR UN: the hex digits of their first byte. We refuse that, since it is not the SOP class of the context.
"""

# -- what is sent ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def found() -> Iterator[Selection]:
    """What our own scan makes of pydicom's folder."""
    from dicomgui.app.files.sources import scan

    with scan([shipped_folder()]) as selection:
        yield selection


def items_of(selection: Selection, *, aborted: bool) -> tuple[SendItem, ...]:
    """The items that make Orthanc abort the association, or all the others."""
    return tuple(item for item in selection.items if (shipped_name(item.path) in ABORTED_BY_ORTHANC) is aborted)


async def send_over(context: AppContext, port: int, items: Sequence[SendItem]) -> SendReport:
    return await send(
        context, PeerAddress.parse(f"PEER@{peers.LOOPBACK}:{port}"), OPTIONS, Selection(items), sends_broken=True
    )


def check_results(results: Sequence[ItemResult], expected: dict[str, Refusal]) -> None:
    """Refused is what is in the table, for the cause and with the status that stand there; all else is sent."""
    refused = {
        shipped_name(result.item.path): (result.cause, None if result.status is None else int(result.status))
        for result in results
        if result.state is not ItemState.SENT
    }
    assert refused == {name: (refusal.cause, refusal.status) for name, refusal in expected.items()}
    assert all(result.reason for result in results if result.state is not ItemState.SENT)


def check_wire(tap: Tap, results: Sequence[ItemResult]) -> None:
    """On the wire was what is in the files, each in the one syntax that it has and under the name that it has."""
    sent = iter(_stores(tap))
    for result in results:
        if result.cause is not Cause.CONTEXT:
            store, syntaxes, _ = next(sent)
            padding = b"\0" * (str(result.item.path).endswith(tuple(OF_ODD_LENGTH)))
            assert store.dataset == data_set(result.item.path) + padding, result.item.path
            assert store.sop_instance_uid == result.item.head.sop_instance_uid
            assert syntaxes == (result.item.head.transfer_syntax_uid,)
    assert next(sent, None) is None


def _stores(tap: Tap) -> Iterator[tuple[Message, tuple[str, ...], int]]:
    """Each C-STORE with the transfer syntaxes of its context and the status of the answer; -1 where there was none."""
    for conversation in tap.conversations:
        offered = {context.context_id: context.transfer_syntaxes for context in conversation.proposed}
        for store, status in zip_longest(conversation.stores, conversation.store_statuses, fillvalue=-1):
            assert isinstance(store, Message)
            yield store, offered[store.context_id], status


def test_the_scan_finds_every_instance(found: Selection) -> None:
    """pydicom, which reads files in another way, sees the same ones; only the media directories are left out."""
    assert len(shipped()) >= 188
    names = {shipped_name(path) for path in shipped()}
    assert {shipped_name(item.path) for item in found.items} == names - MEDIA_DIRECTORIES
    assert names >= MEDIA_DIRECTORIES | REFUSED_BY_ORTHANC.keys() | ABORTED_BY_ORTHANC.keys()
    reasons = {shipped_name(Path(skipped.name)): skipped.reason for skipped in found.skipped}
    assert all("DICOMDIR" in reasons[name] for name in MEDIA_DIRECTORIES)


# -- to Orthanc ------------------------------------------------------------------------------------------------------


def check_orthanc_has(file: bytes, sent: Path, folder: Path) -> None:
    """It keeps the bytes that it got, or exactly those that DCMTK, of which it is made, would write instead.

    DCMTK writes lengths where they were undefined, makes group lengths right, and corrects the VR of compressed pixels
    and the padding of text.
    """
    assert syntax_of(file) == syntax_of(sent), sent
    if data_set(file) != data_set(sent):
        converted = folder / "converted.dcm"
        done = peers.run_here("dcmconv", "+t=", sent, converted)
        assert done.code == 0, str(done)
        assert data_set(file) == data_set(converted), sent


@pytest.mark.interop("Orthanc", "dcmconv")
async def test_orthanc_over_one_association(
    context: AppContext, orthanc: peers.Orthanc, found: Selection, tmp_path: Path
) -> None:
    orthanc.clear()
    items = items_of(found, aborted=False)
    async with Tap(orthanc.peer.port) as tap:
        report = await send_over(context, tap.port, items)
    assert len(report.associations) == 1
    assert len(report.results) == len(items)
    check_results(report.results, REFUSED_BY_ORTHANC)
    check_wire(tap, report.results)
    last = {result.item.head.sop_instance_uid: result.item.path for result in report.results if result.is_sent}
    has = orthanc.instances()
    assert has.keys() == last.keys()
    for uid, path in last.items():
        check_orthanc_has(orthanc.file(has[uid]), path, tmp_path)


@pytest.mark.interop("Orthanc", "dcmconv")
async def test_orthanc_over_an_association_each(
    context: AppContext, orthanc: peers.Orthanc, found: Selection, tmp_path: Path
) -> None:
    results = []
    async with Tap(orthanc.peer.port) as tap:
        for item in items_of(found, aborted=False):
            orthanc.clear()
            [result] = (await send_over(context, tap.port, [item])).results
            results.append(result)
            has = orthanc.instances()
            assert list(has) == ([item.head.sop_instance_uid] if result.is_sent else [])
            for identifier in has.values():
                check_orthanc_has(orthanc.file(identifier), item.path, tmp_path)
    assert len(tap.conversations) == len(results)
    check_results(results, REFUSED_BY_ORTHANC)
    check_wire(tap, results)


@pytest.mark.interop("Orthanc")
async def test_orthanc_aborts_and_the_rest_goes_over_another_association(
    context: AppContext, found: Selection, tmp_path: Path
) -> None:
    """What it cannot read makes it abort, at the latest when its own time-out is over; what follows is sent all the
    same, since the association had got something through.
    """
    sound = [item for item in found.items if item.path.name in ("CT_small.dcm", "MR_small.dcm", "test-SR.dcm")]
    damaged = items_of(found, aborted=True)
    assert (len(sound), len(damaged)) == (3, len(ABORTED_BY_ORTHANC))
    mixed = [item for pair in zip(sound, damaged, strict=True) for item in pair]
    with peers.orthanc(tmp_path / "orthanc", dicom_timeout_s=1) as server:
        report = await send_over(context, server.peer.port, mixed)
        assert server.instances().keys() == {item.head.sop_instance_uid for item in sound}
    check_results(report.results, ABORTED_BY_ORTHANC)


# -- to our listener -------------------------------------------------------------------------------------------------


def check_received(listener: Listener, tap: Tap) -> int:
    """Every data set on the wire is in a file as it was, in its syntax; one that was there already is kept once.

    :returns: how many were answered with Success.
    """
    events = [event for event in listener.drain() if isinstance(event, ReceivedInstance)]
    kept: set[tuple[str, str, bytes]] = set()
    taken = [(store, syntaxes) for store, syntaxes, status in _stores(tap) if status == 0]
    for event, (store, syntaxes) in zip(events, taken, strict=True):
        assert event.sop_instance_uid == store.sop_instance_uid == instance_of(event.path)
        assert event.transfer_syntax_uid == syntax_of(event.path)
        assert event.transfer_syntax_uid in syntaxes
        assert data_set(event.path) == store.dataset
        known = (store.sop_instance_uid, event.transfer_syntax_uid, store.dataset)
        assert (event.outcome is Outcome.DUPLICATE) == (known in kept), event
        kept.add(known)
    assert listener.counts.stored == len(kept)
    assert listener.counts.failed == sum(status != 0 for _, _, status in _stores(tap))
    assert len(list(listener.options.folder.glob("??/*.dcm"))) == len(kept)
    return len(taken)


@pytest.mark.parametrize("each", [False, True], ids=["one association", "an association each"])
async def test_our_listener_takes_everything(context: AppContext, listen: Listen, found: Selection, each: bool) -> None:
    parts = [[item] for item in found.items] if each else [found.items]
    async with listen() as listener, Tap(listener.port) as tap:
        results: list[ItemResult] = []
        for part in parts:
            report = await send_over(context, tap.port, part)
            assert report.ok, report
            results += report.results
        check_results(results, {})
        check_wire(tap, results)
        assert check_received(listener, tap) == len(found.items)
        assert listener.counts.associations == len(parts)


@pytest.mark.interop("dcmsend")
async def test_dcmsend_sends_what_it_can_read(listen: Listen) -> None:
    """It leaves out what DCMTK cannot read; of the rest, what is stored is what it made of the file on the wire."""
    async with listen() as listener, Tap(listener.port) as tap:
        options = ("-v", "--no-halt", "--no-uid-checks", "--decompress-never", "+sd", "+r")
        done = await peers.run("dcmsend", *options, peers.LOOPBACK, tap.port, shipped_folder())
        assert "Status Summary" in done.output, str(done)
        refused = [(store.sop_instance_uid, status) for store, _, status in _stores(tap) if status != 0]
        assert refused == [(MADE_WRONG_BY_DCMSEND, 0x0122)] * 2
        assert check_received(listener, tap) == len(tap.stores) - 2 >= 150


# -- more kinds than one association has contexts --------------------------------------------------------------------


@pytest.fixture(scope="module")
def many_kinds(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Path]:
    """140 files of as many pairs of SOP class and transfer syntax, of which 128 fit into an association."""
    folder = tmp_path_factory.mktemp("kinds")
    classes = list(STORAGE_CLASSES)[:35]
    pairs = [(sop_class, syntax) for sop_class in classes for syntax in (EXPLICIT, IMPLICIT, BIG_ENDIAN, DEFLATED)]
    return [
        write_instance(folder, 10_000 + number, sop_class=sop_class, syntax=syntax)
        for number, (sop_class, syntax) in enumerate(pairs)
    ]


def check_split(tap: Tap, files: Sequence[Path]) -> None:
    assert [len(conversation.proposed) for conversation in tap.conversations] == [128, 12]
    kinds = {(one.abstract_syntax, one.transfer_syntaxes) for conv in tap.conversations for one in conv.proposed}
    assert len(kinds) == len(files)


@pytest.mark.interop("Orthanc", "dcmconv")
async def test_orthanc_gets_140_kinds_over_two_associations(
    context: AppContext, orthanc: peers.Orthanc, many_kinds: Sequence[Path], tmp_path: Path
) -> None:
    orthanc.clear()
    async with Tap(orthanc.peer.port) as tap:
        report = await send_over(context, tap.port, (await prepare(context, many_kinds)).items)
    assert report.ok, report
    check_split(tap, many_kinds)
    check_wire(tap, report.results)
    has = orthanc.instances()
    assert len(has) == len(many_kinds)
    for path in many_kinds:
        check_orthanc_has(orthanc.file(has[instance_of(path)]), path, tmp_path)


async def test_our_listener_gets_140_kinds_over_two_associations(
    context: AppContext, listen: Listen, many_kinds: Sequence[Path]
) -> None:
    async with listen() as listener, Tap(listener.port) as tap:
        report = await send_over(context, tap.port, (await prepare(context, many_kinds)).items)
        assert report.ok, report
        check_split(tap, many_kinds)
        check_wire(tap, report.results)
        assert check_received(listener, tap) == len(many_kinds)
