"""Sending with conversion: what is proposed, what is converted, what is told, and that nothing is left behind."""

from __future__ import annotations

import asyncio
import stat
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pydicom
import pytest
from helpers.bad_peer import reached
from helpers.instances import BIG_ENDIAN, CT, DEFLATED, EXPLICIT, IMPLICIT, MR, shipped_folder, write_instance

from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.context import AppContext
from dicomgui.app.files import conversion as module
from dicomgui.app.files.conversion import Conversion, SyntaxChoice, converted, groups_of, propose
from dicomgui.app.files.sources import Selection, scan
from dicomgui.app.transfers.send import Cause, ItemState, SendJob, SendReport, send
from dicomgui.network import AcceptPolicy, Handlers, PeerAddress, ServerOptions, Status, StoreRequest, Timeouts, serve
from dicomgui.network.dimse.convert import ConversionError, Converted
from dicomgui.network.part10 import read_head
from dicomgui.network.tracing import FileRecord

OPTIONS = ConnectionOptions(timeouts=Timeouts(associate_s=20.0, response_s=20.0))
RLE, J2K, J2K_LOSSY, MPEG = (
    "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91", "1.2.840.10008.1.2.4.102"
)  # fmt: skip
BOTH = (EXPLICIT, IMPLICIT)


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def in_folder(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def kinds(folder: Path, *pairs: tuple[str, str]) -> Selection:
    """A file of each SOP class and transfer syntax; what the syntax does to the data set is not done."""
    paths = []
    for number, (sop_class, syntax) in enumerate(pairs):
        path = write_instance(folder, number, sop_class=sop_class)
        wanted = syntax.encode() + b"\0" * (len(syntax) % 2)
        data = path.read_bytes()
        start = data.index(b"\x02\0\x10\0UI")
        old_length = int.from_bytes(data[start + 6 : start + 8], "little")
        new = data[start : start + 6] + len(wanted).to_bytes(2, "little") + wanted
        path.write_bytes(data[:start] + new + data[start + 8 + old_length :])
        paths.append(path)
    return scan(paths)


# --------------------------------------------------------------------------------------------------------- proposing


@pytest.mark.parametrize(
    ("conversion", "syntax", "behind"),
    [
        (Conversion.NEVER, EXPLICIT, ()),
        (Conversion.NEVER, RLE, ()),
        (Conversion.UNCOMPRESSED, EXPLICIT, (IMPLICIT,)),
        (Conversion.UNCOMPRESSED, IMPLICIT, (EXPLICIT,)),
        (Conversion.UNCOMPRESSED, BIG_ENDIAN, BOTH),
        (Conversion.UNCOMPRESSED, DEFLATED, BOTH),
        (Conversion.UNCOMPRESSED, RLE, ()),
        (Conversion.LOSSLESS, RLE, BOTH),
        (Conversion.LOSSLESS, J2K, BOTH),
        (Conversion.LOSSLESS, J2K_LOSSY, ()),
        (Conversion.LOSSLESS, EXPLICIT, (IMPLICIT,)),
        (Conversion.ALL, J2K_LOSSY, BOTH),
        (Conversion.ALL, MPEG, ()),
        (Conversion.ALL, "1.2.3.4", ()),
    ],
)
def test_the_own_syntax_stands_alone_and_first(
    tmp_path: Path, conversion: Conversion, syntax: str, behind: tuple[str, ...]
) -> None:
    contexts = propose(kinds(tmp_path, (CT, syntax)).items, conversion)
    assert [one.transfer_syntaxes for one in contexts] == [(syntax,)] + ([behind] if behind else [])
    assert {one.abstract_syntax for one in contexts} == {CT}


def test_one_context_behind_for_each_sop_class_and_without_what_is_there(tmp_path: Path) -> None:
    items = kinds(tmp_path, (CT, RLE), (MR, J2K_LOSSY), (CT, EXPLICIT), (CT, J2K)).items
    contexts = propose(items, Conversion.LOSSLESS)
    assert [(one.abstract_syntax, one.transfer_syntaxes) for one in contexts] == [
        (CT, (RLE,)), (MR, (J2K_LOSSY,)), (CT, (EXPLICIT,)), (CT, (J2K,)), (CT, (IMPLICIT,)),
    ]  # fmt: skip
    both = kinds(tmp_path / "both", (CT, EXPLICIT), (CT, IMPLICIT)).items
    assert len(propose(both, Conversion.ALL)) == 2


def test_what_a_kind_falls_back_on_is_on_its_association(tmp_path: Path) -> None:
    classes = [f"{CT}.{number}" for number in range(5)]
    items = kinds(tmp_path, *((one, BIG_ENDIAN) for one in classes), (classes[0], RLE)).items
    groups = groups_of(items, Conversion.UNCOMPRESSED, most=4)
    assert [len(group) for group in groups] == [2, 2, 2]
    assert [len(propose(group, Conversion.UNCOMPRESSED)) for group in groups] == [4, 4, 3]
    assert [len(group) for group in groups_of(items, Conversion.NEVER, most=4)] == [4, 2]
    assert groups_of((), Conversion.ALL) == []


# ----------------------------------------------------------------------------------------------------------- sending


class Keeper:
    """Keeps what arrives, by SOP instance."""

    def __init__(self) -> None:
        self.syntaxes: list[str] = []
        self.data: list[bytes] = []

    def __call__(self, request: StoreRequest, data: object) -> Status:
        self.syntaxes.append(request.transfer_syntax_uid)
        self.data.append(bytes(data) if isinstance(data, bytes | bytearray | memoryview) else b"")
        return Status(0)


async def send_to(
    context: AppContext, selection: Selection, conversion: Conversion, *accepted: str
) -> tuple[SendReport, Keeper]:
    """To a peer that takes these transfer syntaxes only."""
    keeper = Keeper()
    options = ServerOptions(policy=AcceptPolicy(transfer_syntaxes=accepted))
    async with await serve(port=0, handlers=Handlers(on_store=keeper), options=options) as server:
        peer = PeerAddress.parse(f"SCP@127.0.0.1:{server.port}")
        return await send(context, peer, OPTIONS, selection, conversion=conversion), keeper


async def test_what_the_peer_takes_goes_as_it_is(context: AppContext, tmp_path: Path, scratch: Path) -> None:
    selection = scan([write_instance(tmp_path, number, syntax=syntax) for number, syntax in enumerate(BOTH)])
    report, keeper = await send_to(context, selection, Conversion.ALL, IMPLICIT, EXPLICIT)
    assert report.ok
    assert keeper.syntaxes == list(BOTH)
    assert report.converted == 0
    assert [result.converted for result in report.results] == ["", ""]


async def test_what_it_does_not_take_is_converted_and_said_so(
    context: AppContext, tmp_path: Path, scratch: Path
) -> None:
    paths = [write_instance(tmp_path, number, syntax=uid) for number, uid in enumerate((EXPLICIT, IMPLICIT, DEFLATED))]
    report, keeper = await send_to(context, scan(paths), Conversion.UNCOMPRESSED, IMPLICIT)
    assert report.ok
    assert report.findings == ()
    assert report.converted == 2
    assert [result.sent_as for result in report.results] == [IMPLICIT, "", IMPLICIT]
    assert report.results[2].converted == (
        "converted from Deflated Explicit VR Little Endian to Implicit VR Little Endian"
    )
    assert keeper.syntaxes == [IMPLICIT] * 3
    opened = [one.path for one in context.trace.records() if isinstance(one, FileRecord) and one.event == "opened"]
    assert opened == [str(path) for path in paths]
    assert in_folder(scratch) == []


async def test_explicit_comes_before_implicit(context: AppContext, tmp_path: Path) -> None:
    selection = scan([write_instance(tmp_path, 1, syntax=BIG_ENDIAN)])
    report, _ = await send_to(context, selection, Conversion.UNCOMPRESSED, IMPLICIT, EXPLICIT)
    assert report.results[0].sent_as == EXPLICIT


async def test_compressed_images_are_decompressed_as_far_as_allowed(
    context: AppContext, tmp_path: Path, scratch: Path
) -> None:
    folder = shipped_folder() / "test_files"
    selection = scan([folder / "SC_rgb_rle.dcm", folder / "SC_rgb_jpeg_dcmtk.dcm"])
    for conversion, count in ((Conversion.UNCOMPRESSED, 0), (Conversion.LOSSLESS, 1), (Conversion.ALL, 2)):
        report, keeper = await send_to(context, selection, conversion, IMPLICIT)
        assert report.converted == report.sent == count, conversion
        assert all(len(data) > 30_000 for data in keeper.data)
    assert in_folder(scratch) == []


@pytest.mark.parametrize(
    ("name", "used", "wanted"),
    [
        ("CT_small.dcm", Conversion.NEVER, "uncompressed"),
        ("SC_rgb_rle.dcm", Conversion.NEVER, "lossless"),
        ("SC_rgb_rle.dcm", Conversion.UNCOMPRESSED, "lossless"),
        ("JPEG2000.dcm", Conversion.LOSSLESS, "all"),
    ],
)
async def test_a_refusal_suggests_the_conversion_that_helps(
    context: AppContext, name: str, used: Conversion, wanted: str
) -> None:
    selection = scan([shipped_folder() / "test_files" / name])
    report, _ = await send_to(context, selection, used, IMPLICIT)
    assert report.causes == {Cause.CONTEXT}
    [finding] = report.findings
    assert f"--convert {wanted}" in finding.tries[0]
    assert f"“{wanted}”" in finding.tries[0]


async def test_the_strongest_that_is_needed_is_suggested_beside_what_was_sent(
    context: AppContext, tmp_path: Path
) -> None:
    folder = shipped_folder() / "test_files"
    paths = [write_instance(tmp_path, 1, syntax=IMPLICIT), folder / "SC_rgb_rle.dcm", folder / "CT_small.dcm"]
    report, _ = await send_to(context, scan(paths), Conversion.NEVER, IMPLICIT)
    assert report.sent == 1
    assert {finding.code for finding in report.findings} == {"no-context"}
    assert all("--convert lossless" in finding.tries[0] for finding in report.findings)


async def test_where_no_conversion_helps_none_is_suggested(context: AppContext, tmp_path: Path) -> None:
    """The SOP class itself is refused, or the syntax is one that stays as it is."""
    options = ServerOptions(policy=AcceptPolicy(abstract_syntaxes=frozenset({MR})))
    selection = scan([write_instance(tmp_path, 1)])
    async with await serve(port=0, handlers=Handlers(on_store=Keeper()), options=options) as server:
        peer = PeerAddress.parse(f"SCP@127.0.0.1:{server.port}")
        report = await send(context, peer, OPTIONS, selection)
    video, _ = await send_to(context, kinds(tmp_path, (CT, MPEG)), Conversion.ALL, IMPLICIT)
    covered, _ = await send_to(context, selection, Conversion.ALL, BIG_ENDIAN)
    for one in (report, video, covered):
        assert one.causes == {Cause.CONTEXT}
        assert not any("--convert" in text for finding in one.findings for text in finding.tries)


async def test_what_cannot_be_converted_fails_alone_and_says_what_would_help(
    context: AppContext, tmp_path: Path, scratch: Path
) -> None:
    folder = shipped_folder() / "test_files"
    paths = [folder / "JPEG-lossy.dcm", folder / "JPGExtended.dcm", write_instance(tmp_path, 1)]
    report, _ = await send_to(context, scan(paths), Conversion.ALL, IMPLICIT)
    assert [result.state for result in report.results] == [ItemState.FAILED, ItemState.FAILED, ItemState.SENT]
    assert report.causes == {Cause.FILE}
    assert report.results[0].reason.startswith("not converted: ")
    assert "pylibjpeg-libjpeg" in report.results[0].reason
    assert report.results[0].converted == ""
    [finding] = [one for one in report.findings if one.code == "not-converted"]
    assert "JPEG-lossy.dcm could not be converted, and the peer" in finding.what
    assert "pylibjpeg-libjpeg" in finding.tries[0]
    assert in_folder(scratch) == []


async def test_many_that_cannot_be_converted_are_not_all_explained(
    context: AppContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path, *_: object, **__: object) -> Converted:
        raise ConversionError(f"no {path.name}.")

    monkeypatch.setattr(module, "convert_file", fail)
    selection = scan([write_instance(tmp_path, number) for number in range(20)])
    report, _ = await send_to(context, selection, Conversion.ALL, IMPLICIT)
    assert report.count(ItemState.FAILED) == 20
    assert len([one for one in report.findings if one.code == "not-converted"]) == 8
    assert report.results[0].reason == "not converted: no 0.dcm."


# -------------------------------------------------------------------------------------------------- the temporary file


async def test_the_file_is_private_and_gone_afterwards(tmp_path: Path, scratch: Path) -> None:
    [item] = scan([write_instance(tmp_path, 1)]).items
    with ThreadPoolExecutor(1) as pool:
        async with converted(pool, item, IMPLICIT) as (instance, remarks):
            assert remarks == ()
            assert instance.head.transfer_syntax_uid == read_head(instance.path).transfer_syntax_uid == IMPLICIT
            assert pydicom.dcmread(instance.path).PatientID == "INTEROP"
            [folder] = in_folder(scratch)
            assert instance.path.parent == folder
            assert sys.platform == "win32" or stat.S_IMODE(folder.stat().st_mode) == 0o700
            assert in_folder(folder) == [instance.path]
        assert in_folder(scratch) == []
        with pytest.raises(LookupError):
            async with converted(pool, item, IMPLICIT):
                raise LookupError
    assert in_folder(scratch) == []


class Gate:
    """Stands in for the conversion: waits until it may go on."""

    def __init__(self) -> None:
        self.begun, self.go = threading.Event(), threading.Event()
        self.was_stopped = False
        self._convert = module.convert_file

    def __call__(self, *arguments: object, should_stop: Callable[[], bool], **more: object) -> Converted:
        self.begun.set()
        self.go.wait(60)
        self.was_stopped = should_stop()
        return self._convert(*arguments, **more)  # type: ignore[arg-type]


async def test_a_cancel_while_converting_stops_it_and_leaves_nothing(
    context: AppContext, tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the conversion ends all the same, and with several files left."""
    gate = Gate()
    monkeypatch.setattr(module, "convert_file", gate)
    selection = scan([write_instance(tmp_path, number) for number in range(2)])
    options = ServerOptions(policy=AcceptPolicy(transfer_syntaxes=(IMPLICIT,)))
    async with await serve(port=0, handlers=Handlers(on_store=Keeper()), options=options) as server:
        peer = PeerAddress.parse(f"SCP@127.0.0.1:{server.port}")
        job = SendJob(context, peer, OPTIONS, selection, conversion=Conversion.ALL)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(job.run())
            await reached(gate.begun.is_set, "it converts")
            task.cancel()
            await asyncio.wait((task,))
            assert task.cancelled()
            gate.go.set()
    await reached(lambda: not in_folder(scratch), "nothing is left")
    assert gate.was_stopped
    assert [result.state for result in job.report().results] == [ItemState.CANCELLED] * 2


async def test_a_conversion_that_never_had_its_turn_leaves_nothing(tmp_path: Path, scratch: Path) -> None:
    [item] = scan([write_instance(tmp_path, 1)]).items
    go = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(go.wait, 60)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(_enter(pool, item))
            await asyncio.sleep(0)
            task.cancel()
        go.set()
    assert in_folder(scratch) == []


async def _enter(pool: ThreadPoolExecutor, item: object) -> None:
    async with converted(pool, item, IMPLICIT):  # type: ignore[arg-type]
        raise AssertionError


def test_chosen_syntaxes_are_proposed_alone_and_in_their_order(tmp_path: Path) -> None:
    items = kinds(tmp_path, (CT, EXPLICIT)).items
    both = SyntaxChoice((IMPLICIT, BIG_ENDIAN))
    assert [one.transfer_syntaxes for one in propose(items, syntaxes=both)] == [(IMPLICIT, BIG_ENDIAN)]
    apart = both._replace(separate=True)
    assert [one.transfer_syntaxes for one in propose(items, syntaxes=apart)] == [(IMPLICIT,), (BIG_ENDIAN,)]
    assert propose(items, Conversion.NEVER, both) == ()
    own = SyntaxChoice((EXPLICIT,), separate=True)
    assert [one.transfer_syntaxes for one in propose(items, syntaxes=own)] == [(EXPLICIT,)]
