"""No valid data set is refused by the strict listener: what this program makes, what is rare, and real files as DCMTK
encodes them anew. Each is sent as it lies on disk by our client, and by ``dcmsend``, which writes it in its own way.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import pytest
from helpers import peers
from helpers.instances import BIG_ENDIAN, CT, DEFLATED, EXPLICIT, IMPLICIT, shipped
from helpers.printed import image_of, printed
from pydicom import dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import HTJ2KLossless, JPEG2000Lossless

from dicomgui.app.archive.files import ExportForm, export, import_paths
from dicomgui.app.archive.local_archive import LocalArchive
from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.context import AppContext
from dicomgui.app.files.conversion import Conversion
from dicomgui.app.files.sources import scan
from dicomgui.app.listening.listener import Listener, ListenerOptions
from dicomgui.app.listening.print_jobs import PrintedJobs
from dicomgui.app.nservices.templates import TEMPLATES, Known
from dicomgui.app.practice.data import practice_instances
from dicomgui.app.transfers.send import send
from dicomgui.app.viewing.dataset_save import save_dataset
from dicomgui.app.viewing.editing import EditedCopy, Finish, UidMap, parse_tag
from dicomgui.app.viewing.viewed import open_file
from dicomgui.network import PeerAddress
from dicomgui.network.dimse.dataset import encode_dataset
from dicomgui.network.part10 import write_head
from dicomgui.network.service_classes.references import Reference
from dicomgui.network.structure import read_structure
from dicomgui.storage import Selection

TODAY = date(2026, 7, 5)
JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
NATIVE = (IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED)
BROKEN = {"MR_truncated.dcm", "rtplan_truncated.dcm", "SC_rgb_jpeg.dcm"}
"""Files of pydicom that are broken on purpose: two are cut off, of one an item has no end."""
NO_UIDS = {
    "UN_sequence.dcm", "chrSQEncoding.dcm", "chrSQEncoding1.dcm", "no_meta_group_length.dcm", "priv_SQ.dcm",
    "rtdose_rle.dcm", "rtdose_rle_1frame.dcm",
}  # fmt: skip
"""Files of pydicom whose data sets have no SOP class or instance UID, or have them with the VR UN."""


async def refused_of(files: Sequence[Path], folder: Path) -> tuple[int, list[tuple[str, str]]]:
    """Send files to a strict listener; gives the number sent, and those not answered 0000."""
    with AppContext(keep_trace=False) as context:
        listener = Listener(context, ListenerOptions(folder, port=0, any_sop_class=True, fsync=False))
        await listener.start()
        peer = PeerAddress.parse(f"DICOMGUI@{listener.address}")
        with scan(files) as selection:
            report = await send(
                context, peer, ConnectionOptions(), selection, conversion=Conversion.NEVER, sends_broken=True
            )
        await listener.stop()
    return report.sent, [(one.item.name, one.reason) for one in report.results if one.status != 0]


async def refused_of_dcmsend(files: Sequence[Path], folder: Path) -> tuple[int, list[str]]:
    """The same with dcmsend: those that were taken, and the statuses of others."""
    with AppContext(keep_trace=False) as context:
        listener = Listener(context, ListenerOptions(folder, port=0, any_sop_class=True, fsync=False))
        await listener.start()
        options = ("-v", "--no-halt", "--no-uid-checks", "--decompress-never", "+sd", "+r")
        parents = sorted({path.parent for path in files})
        done = await peers.run("dcmsend", *options, peers.LOOPBACK, listener.port, *parents)
        counts = listener.counts
        told = [f"{one.sop_instance_uid} {one.reason}" for one in listener.drain() if hasattr(one, "reason")]
        await listener.stop()
    assert "Status Summary" in done.output, str(done)
    return counts.stored + counts.duplicates, told


def written(path: Path, sop_class: str, uid: str, syntax: str, data: bytes) -> Path:
    head = write_head(sop_class_uid=sop_class, sop_instance_uid=uid, transfer_syntax_uid=syntax)
    path.write_bytes(head + data)
    return path


# -- what this program makes -----------------------------------------------------------------------------------------


def practice_files(folder: Path) -> list[Path]:
    made = enumerate(practice_instances(TODAY))
    return [written(folder / f"practice {number}.dcm", *one) for number, one in made]


def edited(paths: Sequence[Path], folder: Path) -> Iterator[Path]:
    uids = UidMap()
    for path in paths:
        viewed = open_file(path)
        try:
            copy = EditedCopy.of(viewed)
        finally:
            viewed.close()
        copy.set_value((parse_tag("PatientID"),), "TEST-@@@@")
        copy.add(parse_tag("PatientWeight"), "71.5")
        target = folder / f"edited {path.name}"
        copy.save(target, Finish(marks_comments=True), uids)
        yield target


async def exported(paths: Sequence[Path], folder: Path) -> list[Path]:
    with AppContext(keep_trace=False) as context:
        archive = LocalArchive(context, folder / "archive")
        async with archive.opened():
            await import_paths(archive, paths, context.file_pool)
            for form in (ExportForm.FOLDERS, ExportForm.DICOMDIR):
                await export(archive, Selection(), folder / form.value, context.file_pool, form=form)
    found = [path for form in ("folders", "dicomdir") for path in (folder / form).rglob("*") if path.is_file()]
    return [path for path in found if path.name != "DICOMDIR"]


async def films(context: AppContext, folder: Path) -> list[Path]:
    """Films that our printer got by the templates of a print, gray and in colour, kept as instances."""
    jobs, made = PrintedJobs(), []
    for samples in (1, 3):
        for job in await printed(context, image_of(samples)):
            made.append(folder / f"film {samples}.dcm")
            save_dataset(jobs.add(job, 1_780_000_000.0).dataset(0), made[-1])
    return made


@pytest.mark.interop("dcmsend")
async def test_what_this_program_makes_is_taken(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    files = practice_files(folder)
    with AppContext(keep_trace=False) as context:
        files += await films(context, folder)
    copies = list(edited(files, folder))
    out = await exported(files[::5], tmp_path)
    every = [*files, *copies, *out]
    assert await refused_of(every, tmp_path / "in") == (len(every), [])
    taken, refused = await refused_of_dcmsend([*files, *copies], tmp_path / "theirs")
    assert (taken, refused) == (len(files) + len(copies), [])


@pytest.mark.parametrize("syntax", NATIVE)
def test_the_data_sets_of_requests_are_whole_and_without_anomaly(syntax: str) -> None:
    references = tuple(Reference(f"1.2.840.10008.5.1.4.1.1.{end}", f"2.25.{end}") for end in ("2", "88.11"))
    seen = 0
    for known in (Known(), Known(references=references, transaction_uid="2.25.7")):
        for template in TEMPLATES:
            dataset = template.make(known).dataset
            if dataset:
                report = read_structure(encode_dataset(dataset, syntax), syntax)
                assert (report.fault, report.anomalies) == (None, ()), template.key
                seen += 1
    assert seen > 20


# -- what is rare ----------------------------------------------------------------------------------------------------

ITEM, ITEM_END, SEQUENCE_END = (0xFFFE, 0xE000), (0xFFFE, 0xE00D), (0xFFFE, 0xE0DD)
UNDEFINED = 0xFFFFFFFF


class Writer:
    """Elements as bytes, in one of the three native encodings."""

    def __init__(self, syntax: str) -> None:
        self.order = ">" if syntax == BIG_ENDIAN else "<"
        self.has_vr = syntax != IMPLICIT

    def mark(self, tag: tuple[int, int], length: int = 0) -> bytes:
        return struct.pack(f"{self.order}HHI", *tag, length)

    def head(self, tag: tuple[int, int], vr: str, length: int) -> bytes:
        if not self.has_vr:
            return self.mark(tag, length)
        start = struct.pack(f"{self.order}HH", *tag) + vr.encode()
        if vr in ("OB", "OW", "SQ", "UN"):
            return start + struct.pack(f"{self.order}HI", 0, length)
        return start + struct.pack(f"{self.order}H", length)

    def text(self, tag: tuple[int, int], vr: str, value: str) -> bytes:
        data = value.encode() + (b"\0" if vr == "UI" else b" ") * (len(value) % 2)
        return self.head(tag, vr, len(data)) + data

    def group_length(self, group: int, body: bytes) -> bytes:
        return self.head((group, 0), "UL", 4) + struct.pack(f"{self.order}I", len(body)) + body


def rare(syntax: str, uid: str) -> bytes:
    """Retired group lengths, a private sequence and a UN element of undefined length, and trailing padding."""
    one = Writer(syntax)
    unique = one.text((8, 0x16), "UI", CT) + one.text((8, 0x18), "UI", uid)
    patient = one.text((0x10, 0x10), "PN", "RARE^ONE") + one.text((0x10, 0x20), "LO", "ID")
    inner = one.text((0x11, 0x10), "LO", "INNER") + one.text((0x11, 0x1001), "LO", "A")
    nested = one.head((0x11, 0x1002), "SQ", UNDEFINED) + one.mark(ITEM, UNDEFINED) + inner + one.mark(ITEM_END)
    nested += one.mark(ITEM, len(inner)) + inner + one.mark(SEQUENCE_END)
    implicit = Writer(IMPLICIT)
    hidden = implicit.text((0x11, 0x1001), "LO", "B")
    unknown = one.head((0x11, 0x1003), "UN", UNDEFINED) + implicit.mark(ITEM, UNDEFINED) + hidden
    unknown += implicit.mark(ITEM_END) + implicit.mark(SEQUENCE_END)
    private = one.text((0x11, 0x10), "LO", "OURS") + nested + (unknown if syntax == EXPLICIT else b"")
    study = one.text((0x20, 0x0D), "UI", "1.2.3") + one.text((0x20, 0x0E), "UI", "1.2.3.4")
    padding = one.head((0xFFFC, 0xFFFC), "OB", 128) + bytes(128)
    groups = ((8, unique), (0x10, patient), (0x11, private), (0x20, study))
    return b"".join(one.group_length(group, body) for group, body in groups) + padding


def encapsulated(uid: str, frames: Sequence[bytes], *, has_table: bool) -> bytes:
    one = Writer(EXPLICIT)
    data = one.text((8, 0x16), "UI", CT) + one.text((8, 0x18), "UI", uid)
    data += one.text((0x20, 0x0D), "UI", "1.2.3") + one.text((0x20, 0x0E), "UI", "1.2.3.4")
    data += one.text((0x28, 8), "IS", str(len(frames)))
    pixels = encapsulate(list(frames), fragments_per_frame=2, has_bot=has_table) + one.mark(SEQUENCE_END)
    return data + one.head((0x7FE0, 0x10), "OB", UNDEFINED) + pixels + one.head((0xFFFC, 0xFFFC), "OB", 2) + bytes(2)


@pytest.mark.interop("dcmsend")
async def test_what_is_rare_is_taken(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    files = [
        written(folder / f"{number}.dcm", CT, f"1.2.9.{number}", syntax, rare(syntax, f"1.2.9.{number}"))
        for number, syntax in enumerate((IMPLICIT, EXPLICIT, BIG_ENDIAN))
    ]
    for number, has_table in enumerate((False, True), start=10):
        data = encapsulated(f"1.2.9.{number}", [b"\xff\xd8" * 9, b"\xff\xd8" * 400], has_table=has_table)
        files.append(written(folder / f"{number}.dcm", CT, f"1.2.9.{number}", JPEG_BASELINE, data))
    assert await refused_of(files, tmp_path / "in") == (len(files), [])
    assert await refused_of_dcmsend(files, tmp_path / "theirs") == (len(files), [])


# -- pictures that DCMTK cannot compress -----------------------------------------------------------------------------

HTJ2K_FRAME = Path(__file__).parents[1] / "vectors" / "frames" / "openjph_16x16.hex"
"""A picture of 16 columns and rows of 8 bits, as OpenJPH's ``ojph_compress`` writes it."""
PICTURES = ("CT_small.dcm", "MR_small.dcm", "MR_small_implicit.dcm", "MR_small_padded.dcm")


def compressed(folder: Path, kind: str) -> Iterator[Path]:
    """Real pictures as OpenJPEG compresses them, or one picture in High-Throughput JPEG 2000 in their place."""
    folder.mkdir()
    for path in (path for path in shipped() if path.name in PICTURES):
        dataset = dcmread(path)
        if kind == "jpeg 2000":
            dataset.compress(JPEG2000Lossless, encoding_plugin="pylibjpeg", generate_instance_uid=False)
        else:
            dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = 16, 16, 1
            dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 8, 8, 7, 0
            dataset.PhotometricInterpretation = "MONOCHROME2"
            dataset.PixelData = encapsulate([bytes.fromhex(HTJ2K_FRAME.read_text())])
            dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
            dataset.file_meta.TransferSyntaxUID = HTJ2KLossless
        dataset.save_as(folder / path.name)
        yield folder / path.name


@pytest.mark.interop("dcmsend")
@pytest.mark.parametrize("kind", ["jpeg 2000", "high-throughput jpeg 2000"])
async def test_pictures_in_each_jpeg_2000_are_taken(tmp_path: Path, kind: str) -> None:
    files = list(compressed(tmp_path / "files", kind))
    assert len(files) > 3
    assert await refused_of(files, tmp_path / "in") == (len(files), [])
    assert await refused_of_dcmsend(files, tmp_path / "theirs") == (len(files), [])


# -- real files, encoded anew by DCMTK -------------------------------------------------------------------------------

RECODINGS = {
    "implicit": ("dcmconv", "+ti"), "explicit": ("dcmconv", "+te"), "big": ("dcmconv", "+tb"),
    "deflated": ("dcmconv", "+td"), "undefined lengths": ("dcmconv", "+te", "-e"),
    "group lengths": ("dcmconv", "+te", "+g"), "padding": ("dcmconv", "+te", "+p", "256", "32"),
    "no private VRs": ("dcmconv", "+te", "-u"), "rle": ("dcmcrle",), "jpeg ls": ("dcmcjpls",), "jpeg": ("dcmcjpeg",),
    "jpeg lossy": ("dcmcjpeg", "+eb"),
}  # fmt: skip
SAMPLE = ("CT_small.dcm", "rtplan.dcm", "reportsi.dcm", "SC_rgb.dcm")


def recoded(names: Sequence[str] | None, folder: Path, tool: Sequence[str]) -> list[Path]:
    """The files that the tool could encode anew."""
    folder.mkdir()
    made = []
    for number, path in enumerate(shipped()):
        if (names is not None and path.name not in names) or path.name in BROKEN | NO_UIDS or "DICOMDIR" in str(path):
            continue
        target = folder / f"{number}.dcm"
        name, *options = tool
        if peers.run_here(name, *options, path, target).code == 0 and target.exists():
            made.append(target)
        else:
            target.unlink(missing_ok=True)
    return made


@pytest.mark.interop("dcmsend", "dcmconv")
@pytest.mark.parametrize(
    ("kind", "names"),
    [
        *(pytest.param(kind, SAMPLE, id=kind) for kind in ("undefined lengths", "group lengths", "padding", "rle")),
        *(pytest.param(kind, None, id=f"all {kind}", marks=pytest.mark.long) for kind in RECODINGS),
    ],
)
async def test_real_files_encoded_anew_are_taken(tmp_path: Path, kind: str, names: Sequence[str] | None) -> None:
    files = recoded(names, tmp_path / "files", RECODINGS[kind])
    assert files
    assert await refused_of(files, tmp_path / "in") == (len(files), [])
    taken, refused = await refused_of_dcmsend(files, tmp_path / "theirs")
    assert refused == []
    assert taken == len(files)
