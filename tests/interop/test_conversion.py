"""Sending with conversion to a peer that takes little: what it keeps is what DCMTK's own programs make of the files."""

from __future__ import annotations

import json
from pathlib import Path

import pydicom
import pytest
from helpers import peers
from helpers.instances import BIG_ENDIAN, DEFLATED, EXPLICIT, IMPLICIT, instance_of, shipped_folder, write_instance

from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.context import AppContext
from dicomgui.app.files.conversion import Conversion
from dicomgui.app.transfers.send import prepare, send
from dicomgui.network import PeerAddress
from dicomgui.network.part10 import read_head

COMPRESSED = {
    "SC_rgb_rle.dcm": "dcmdrle",
    "SC_rgb_rle_16bit_2frame.dcm": "dcmdrle",
    "MR_small_RLE.dcm": "dcmdrle",
    "rtdose_rle_1frame.dcm": "dcmdrle",
    "SC_rgb_jpeg_gdcm.dcm": "dcmdjpeg",
    "SC_rgb_jpeg_dcmtk.dcm": "dcmdjpeg",
    "SC_rgb_dcmtk_+eb+cy+s2.dcm": "dcmdjpeg",
    "examples_ybr_color.dcm": "dcmdjpeg",
    "MR_small_jpeg_ls_lossless.dcm": "dcmdjpls",
}
NATIVE = (
    "CT_small.dcm", "MR_small_bigendian.dcm", "rtdose_expb.dcm", "image_dfl.dcm", "reportsi.dcm", "rtplan.dcm",
    "waveform_ecg.dcm", "examples_overlay.dcm", "examples_palette.dcm", "SC_rgb_small_odd_big_endian.dcm",
)  # fmt: skip


async def reference(program: str, file: Path, folder: Path) -> pydicom.Dataset:
    """What DCMTK makes of the file, as implicit VR little endian."""
    target = folder / f"{file.name}.reference"
    done = await peers.run(program, "+ti", file, target)
    assert done.code == 0, str(done)
    return pydicom.dcmread(target)


def kept_by(peer: peers.Peer) -> dict[str, pydicom.Dataset]:
    return {instance_of(path): pydicom.dcmread(path) for path in peer.folder.rglob("*.dcm")}


def file_of(name: str) -> Path:
    return shipped_folder() / "test_files" / name


@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")  # which some of the files have
@pytest.mark.interop("storescp", "dcmconv")
async def test_uncompressed_files_arrive_as_dcmconv_makes_them(context: AppContext, tmp_path: Path) -> None:
    files = [file_of(name) for name in NATIVE]
    with peers.storescp(tmp_path / "storescp", "+xi") as peer:
        with await prepare(context, files) as selection:
            address = PeerAddress.parse(peer.address)
            report = await send(context, address, ConnectionOptions(), selection, conversion=Conversion.UNCOMPRESSED)
        assert report.ok, report
        kept = kept_by(peer)
    for file, result in zip(files, report.results, strict=True):
        assert bool(result.converted) is (read_head(file).transfer_syntax_uid != IMPLICIT), file
        made = kept[result.item.head.sop_instance_uid]
        expected = await reference("dcmconv", file, tmp_path)
        assert made.file_meta.TransferSyntaxUID == IMPLICIT
        for element in expected:
            if element.tag.element:  # lengths of groups are those that DCMTK writes
                assert made[element.tag] == element, file
        assert {one.tag for one in made} == {one.tag for one in expected}, file


@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
@pytest.mark.interop("storescp", "dcmdrle", "dcmdjpeg", "dcmdjpls")
@pytest.mark.parametrize("name", COMPRESSED)
async def test_compressed_files_arrive_as_dcmtk_decompresses_them(
    context: AppContext, tmp_path: Path, name: str
) -> None:
    file = file_of(name)
    with peers.storescp(tmp_path / "storescp", "+xi") as peer:
        with await prepare(context, [file]) as selection:
            report = await send(
                context, PeerAddress.parse(peer.address), ConnectionOptions(), selection, conversion=Conversion.ALL
            )
        [made] = kept_by(peer).values()
    assert report.ok, report
    assert report.results[0].sent_as == made.file_meta.TransferSyntaxUID == IMPLICIT
    expected, before = await reference(COMPRESSED[name], file, tmp_path), pydicom.dcmread(file)
    assert made.PixelData == expected.PixelData
    for keyword in ("PhotometricInterpretation", "PlanarConfiguration", "BitsAllocated", "Rows", "NumberOfFrames"):
        assert made.get(keyword) == expected.get(keyword), keyword
    assert made.get("LossyImageCompression") == before.get("LossyImageCompression")
    assert made.SOPInstanceUID == before.SOPInstanceUID


@pytest.mark.interop("storescp")
async def test_the_default_syntax_is_proposed_unless_nothing_may_be_converted(
    context: AppContext, tmp_path: Path
) -> None:
    """PS3.5 10.1: a peer must take implicit VR little endian, and need not take anything else."""
    syntaxes = (EXPLICIT, DEFLATED, BIG_ENDIAN)
    files = [write_instance(tmp_path, number, syntax=uid) for number, uid in enumerate(syntaxes)]
    with peers.storescp(tmp_path / "storescp", "+xi") as peer, await prepare(context, files) as selection:
        address = PeerAddress.parse(peer.address)
        report = await send(context, address, ConnectionOptions(), selection, conversion=Conversion.NEVER)
        assert kept_by(peer) == {}
        again = await send(context, address, ConnectionOptions(), selection)
        assert len(kept_by(peer)) == len(files)
    assert (again.ok, again.converted) == (True, len(files))
    assert report.sent == 0
    assert "--convert uncompressed" in report.findings[0].tries[0]


@pytest.mark.interop("storescp")
async def test_the_command_line_converts(tmp_path: Path) -> None:
    files = [file_of("SC_rgb_rle.dcm"), file_of("SC_rgb_jpeg_dcmtk.dcm"), write_instance(tmp_path, 1, syntax=IMPLICIT)]
    with peers.storescp(tmp_path / "storescp", "+xi") as peer:
        command = ("python", "-m", "dicomgui", "send", peer.address, *files)
        told = await peers.run(*command, "--convert", "lossless", "--json", cwd=peers.SOURCE)
        shown = await peers.run(*command, "--convert", "all", "-v", cwd=peers.SOURCE)
        assert len(kept_by(peer)) == 3
    events = [json.loads(line) for line in told.output.splitlines()]
    assert told.code == 1, str(told)
    assert [event["converted"] for event in events if event["event"] == "file"] == [
        "converted from RLE Lossless to Implicit VR Little Endian", "", "",
    ]  # fmt: skip
    assert events[-1]["converted"] == 1
    [finding] = [event for event in events if event["event"] == "finding"]
    assert "--convert all" in finding["try"][0]
    assert shown.code == 0, str(shown)
    assert "converted from JPEG Baseline (Process 1) to Implicit VR Little Endian" in shown.output
    assert "; 2 converted" in shown.output
