"""Basic grayscale print management (PS3.4 H) with DCMTK's print server, and its print client with our provider."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydicom
import pytest
from helpers import peers, print_peers
from helpers.instances import shipped_folder
from helpers.retrieval import elements
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from dicomgui.network import (
    AcceptPolicy,
    Handlers,
    Lifecycle,
    NActionRequest,
    NCreateRequest,
    NDeleteRequest,
    NGetRequest,
    NSetRequest,
    Reply,
    ServerOptions,
    Status,
    connect,
    presets,
    serve,
)
from dicomgui.network.service_classes import printer as provider

META = "1.2.840.10008.5.1.1.9"
SESSION, FILM, IMAGE = "1.2.840.10008.5.1.1.1", "1.2.840.10008.5.1.1.2", "1.2.840.10008.5.1.1.4"
PRINTER, PRINTER_INSTANCE = "1.2.840.10008.5.1.1.16", "1.2.840.10008.5.1.1.17"
PRINT_JOB = "1.2.840.10008.5.1.1.14"
PRESENTATION_LUT = "1.2.840.10008.5.1.1.23"


@pytest.fixture(scope="module")
def dcmprscp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[peers.Peer]:
    with print_peers.dcmprscp(tmp_path_factory.mktemp("dcmprscp") / "printer") as peer:
        yield peer


@pytest.mark.interop("dcmprscp")
async def test_printer_status_of_dcmprscp(dcmprscp: peers.Peer) -> None:
    async with connect(dcmprscp.address, contexts=presets.for_classes(META)) as assoc:
        got = await assoc.n_get(PRINTER, PRINTER_INSTANCE, (0x21100010, 0x21100020), context=META)
    assert got.status == 0, got
    assert got.dataset is not None
    assert got.dataset.PrinterStatus == "NORMAL"


@pytest.mark.interop("dcmprscp")
async def test_print_of_dcmprscp(dcmprscp: peers.Peer) -> None:
    """Session, film box, its one image box, and the film printed: N-CREATE, N-SET, N-ACTION, N-DELETE."""
    async with connect(dcmprscp.address, contexts=presets.for_classes(META)) as assoc:
        session = await assoc.n_create(SESSION, elements(NumberOfCopies="1"), context=META)
        assert session.status == 0, session
        parent = elements(ReferencedSOPClassUID=SESSION, ReferencedSOPInstanceUID=session.sop_instance_uid)
        layout = elements(ImageDisplayFormat=r"STANDARD\1,1", FilmOrientation="PORTRAIT")
        layout.ReferencedFilmSessionSequence = Items([parent])
        film = await assoc.n_create(FILM, layout, context=META)
        assert film.status == 0, film
        assert film.dataset is not None
        [box] = film.dataset.ReferencedImageBoxSequence
        assert box.ReferencedSOPClassUID == IMAGE
        filled = await assoc.n_set(IMAGE, box.ReferencedSOPInstanceUID, picture(), context=META)
        assert not filled.status.is_failure, filled
        printed = await assoc.n_action(FILM, film.sop_instance_uid, 1, context=META)
        assert not printed.status.is_failure, printed
        assert printed.type_id == 1
        assert (await assoc.n_delete(FILM, film.sop_instance_uid, context=META)).status == 0
        assert (await assoc.n_delete(SESSION, session.sop_instance_uid, context=META)).status == 0
        gone = await assoc.n_delete(SESSION, session.sop_instance_uid, context=META)
        assert gone.status == 0x0112
    [stored] = dcmprscp.folder.glob("SP_*.dcm")
    assert pydicom.dcmread(stored).SOPClassUID == "1.2.840.10008.5.1.1.27"  # Stored Print Storage
    [image] = dcmprscp.folder.glob("HG_*.dcm")
    assert pydicom.dcmread(image).PixelData == bytes(range(256)) * 16


def picture() -> Dataset:
    """What is put into an image box."""
    image = elements(SamplesPerPixel=1, PhotometricInterpretation="MONOCHROME2", Rows=64, Columns=64)
    image.PixelAspectRatio = ["1", "1"]
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 8, 8, 7, 0
    image.add_new(0x7FE00010, "OB", bytes(range(256)) * 16)
    return elements(ImageBoxPosition=1, BasicGrayscaleImageSequence=Items([image]))


def boxed(**values: object) -> Dataset:
    content = picture()
    for keyword, value in values.items():
        setattr(content.BasicGrayscaleImageSequence[0], keyword, value)
    return content


def with_color() -> Dataset:
    content = picture()
    content.BasicColorImageSequence = Items([Dataset()])
    return content


BOXES = {
    "gray": picture(),
    "inverted": boxed(PhotometricInterpretation="MONOCHROME1"),
    "no rows": boxed(Rows=0),
    "no columns": boxed(Columns=0),
    "color": boxed(PhotometricInterpretation="RGB"),
    "three": boxed(SamplesPerPixel=3),
    "palette": boxed(PhotometricInterpretation="PALETTE COLOR"),
    "signed": boxed(PixelRepresentation=1),
    "7 of 8 bits": boxed(BitsStored=7, HighBit=6),
    "high bit 6": boxed(HighBit=6),
    "12 of 16 bits": boxed(Rows=32, BitsAllocated=16, BitsStored=12, HighBit=11),
    "16 of 16 bits": boxed(Rows=32, BitsAllocated=16, BitsStored=16, HighBit=15),
    "both kinds": with_color(),
}


async def statuses_of(address: str, contexts: Any) -> dict[str, int]:
    """What a printer answers to each of :data:`BOXES` in an image box for grayscale."""
    async with connect(address, contexts=contexts) as assoc:
        session = await assoc.n_create(SESSION, elements(NumberOfCopies="1"), context=META)
        parent = elements(ReferencedSOPClassUID=SESSION, ReferencedSOPInstanceUID=session.sop_instance_uid)
        layout = elements(ImageDisplayFormat=r"STANDARD\1,1", FilmOrientation="PORTRAIT")
        layout.ReferencedFilmSessionSequence = Items([parent])
        film = await assoc.n_create(FILM, layout, context=META)
        assert film.dataset is not None
        [box] = film.dataset.ReferencedImageBoxSequence
        found = {}
        for name, content in BOXES.items():
            response = await assoc.n_set(IMAGE, box.ReferencedSOPInstanceUID, content, context=META)
            found[name] = int(response.status)
        return found


@pytest.mark.interop("dcmprscp")
async def test_an_image_box_takes_and_refuses_what_dcmprscp_does(dcmprscp: peers.Peer) -> None:
    ours = provider.Printer(lambda job: None)
    options = ServerOptions(policy=AcceptPolicy(ae_title="PAPER", abstract_syntaxes=frozenset({META})))
    async with await serve(port=0, ae_title="PAPER", handlers=ours.handlers(), options=options) as server:
        found = await statuses_of(f"PAPER@127.0.0.1:{server.port}", presets.for_classes(META))
    expected = await statuses_of(dcmprscp.address, presets.for_classes(META))
    assert found == expected
    assert {name for name, status in found.items() if status == 0} == {"gray", "inverted", "12 of 16 bits"}


class Printer:
    """Our provider of print management, as far as DCMTK's client asks.

    :ivar asked: service and SOP class of each request.
    :ivar pixels: what was put into image boxes.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.pixels: list[bytes] = []
        self._next = 0

    def handlers(self) -> Handlers:
        return Handlers(
            on_n_get=self.get,
            on_n_create=self.create,
            on_n_set=self.set,
            on_n_action=self.print,
            on_n_delete=self.delete,
        )

    def _note(self, service: str, request: Any) -> str:
        sop_class: str = request.command.sop_class_uid
        self.asked.append((service, sop_class))
        return sop_class

    def get(self, request: NGetRequest) -> Dataset:
        self._note("get", request)
        return elements(PrinterStatus="NORMAL", PrinterStatusInfo="NORMAL", PrinterName="PAPER")

    def create(self, request: NCreateRequest) -> Reply:
        sop_class = self._note("create", request)
        self._next += 1
        answer = request.dataset
        if sop_class == FILM:
            box = elements(ReferencedSOPClassUID=IMAGE, ReferencedSOPInstanceUID=f"2.25.6.{self._next}")
            answer.ReferencedImageBoxSequence = Items([box])
        uid = request.command.affected_sop_instance_uid or f"2.25.5.{self._next}"
        return Reply(Status(0), dataset=answer, sop_instance_uid=uid)

    def set(self, request: NSetRequest) -> Reply:
        self._note("set", request)
        for image in request.dataset.get("BasicGrayscaleImageSequence", ()):
            self.pixels.append(image.PixelData)
        return Reply(Status(0), dataset=request.dataset)

    def print(self, request: NActionRequest) -> Status:
        self._note("action", request)
        return Status(0)

    def delete(self, request: NDeleteRequest) -> Status:
        self._note("delete", request)
        return Status(0)


@pytest.mark.interop("pynetdicom")
@pytest.mark.parametrize("problem", [None, OSError("the disk is full")], ids=["done", "failure"])
async def test_pynetdicom_is_told_of_its_print_job(problem: Exception | None) -> None:
    """Each status by N-EVENT-REPORT over the association of the job (PS3.4 H.4.5.2.1), and by N-GET."""

    def on_print(job: provider.PrintJob) -> None:
        if problem is not None:
            raise problem

    printer = provider.Printer(on_print, name="LASER")
    parent = {"ReferencedSOPClassUID": SESSION, "ReferencedSOPInstanceUID": "2.25.1"}
    layout = {"ImageDisplayFormat": "STANDARD\\1,1", "ReferencedFilmSessionSequence": [parent]}
    options = ServerOptions(policy=AcceptPolicy(ae_title="PRINTER"), lifecycle=Lifecycle(on_closed=printer.on_closed))
    async with await serve(port=0, handlers=printer.handlers(), options=options) as server:
        said = await peers.pynetdicom_user(
            server.port, "PRINTER", classes=[META, PRINT_JOB],
            steps=[["n_create", SESSION, "2.25.1", {"FilmSessionLabel": "Head"}, META],
                   ["n_create", FILM, "2.25.2", layout, META], ["n_action", FILM, "2.25.2", 1, None, META],
                   *[["wait_for_report"]] * 3, ["n_delete", SESSION, "2.25.1", META]],
        )  # fmt: skip
    await printer.close()
    reports = [one for one in said if one["what"] == "report"]
    assert [one["type"] for one in reports] == [1, 2, 3 if problem is None else 4]
    assert reports[0]["content"]["ExecutionStatusInfo"] == "QUEUED"
    info = "NORMAL" if problem is None else "UNKNOWN"
    last = {"ExecutionStatusInfo": info, "PrinterName": "LASER", "FilmSessionLabel": "Head"}
    assert reports[-1]["content"] == last
    assert [one["status"] for one in said if "status" in one] == ["0000", "0000", "B603", "0000"]


@pytest.mark.interop("dcmprscu", "dcmpsprt")
async def test_print_from_dcmprscu(tmp_path: Path) -> None:
    printer = Printer()
    file = shipped_folder() / "test_files" / "CT_small.dcm"
    async with await serve(port=0, ae_title="PAPER", handlers=printer.handlers()) as server:
        config = print_peers.print_config(tmp_path, server.port, ae_title="PAPER", kind="PRINTER")
        spooled = await peers.run("dcmpsprt", "-c", config, "-p", "PRINTER", file)
        assert spooled.code == 0, str(spooled)
        [job] = sorted((tmp_path / "database").glob("SP_*.dcm"))
        done = await peers.run("dcmprscu", "-v", "-c", config, "-p", "PRINTER", job)
    assert done.code == 0, str(done)
    assert "F: " not in done.output, str(done)
    services = [service for service, sop_class in printer.asked if sop_class != PRESENTATION_LUT]
    assert ("get", PRINTER) in printer.asked, str(done)
    assert ("create", SESSION) in printer.asked
    assert ("create", FILM) in printer.asked
    assert ("set", IMAGE) in printer.asked
    assert ("action", FILM) in printer.asked
    assert services.index("set") < services.index("action")
    assert ("delete", SESSION) in printer.asked
    assert len(printer.pixels[0]) > 10_000
