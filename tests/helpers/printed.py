"""Films that our printer gets by the templates of a print."""

from __future__ import annotations

from pydicom.dataset import Dataset

from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.context import AppContext
from dicomgui.app.nservices.session import NSession
from dicomgui.app.nservices.templates import TEMPLATES, Known, learned
from dicomgui.network import PeerAddress, serve
from dicomgui.network.service.combining import combine
from dicomgui.network.service_classes.printer import Printer, PrintJob

__all__ = ["image_of", "printed"]


def image_of(samples: int) -> Dataset:
    """A black image of 4 x 6 pixels: gray with one sample, RGB with three."""
    image = Dataset()
    image.SamplesPerPixel, image.PhotometricInterpretation = samples, "MONOCHROME2" if samples == 1 else "RGB"
    image.Rows, image.Columns, image.BitsAllocated, image.BitsStored, image.HighBit = 4, 6, 8, 8, 7
    image.PixelRepresentation = 0
    if samples == 3:
        image.PlanarConfiguration = 0
    image.add_new("PixelData", "OB", bytes(24 * samples))
    return image


async def printed(context: AppContext, image: Dataset) -> list[PrintJob]:
    """The job that our printer gets by the templates of a print."""
    known, jobs = Known(image=image), list[PrintJob]()
    by_key = {template.key: template for template in TEMPLATES}
    async with await serve(port=0, ae_title="PEER", handlers=combine(Printer(jobs.append))) as server:
        session = NSession(context, PeerAddress("PEER", "127.0.0.1", server.port), ConnectionOptions())
        for key in ("film-session", "film-box", "image-box", "print"):
            draft = by_key[key].make(known)
            known = learned(known, await session.send(draft.request(), keep=True))
        await session.release()
    return jobs
