"""Print jobs that our listener took, the newest few of them, and their films as files."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dicomgui.app.listening.print_pages import Picture, film_picture, png
from dicomgui.network.service_classes.attributes import da, dataset_of, derived_uid, new_uid, text_of, tm
from dicomgui.network.service_classes.printer import PrintJob

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["MAX_JOBS", "PrintedJob", "PrintedJobs"]

MAX_JOBS: Final = 100
SECONDARY_CAPTURE: Final = "1.2.840.10008.5.1.4.1.1.7"
MAX_BYTES: Final = 512 * 2**20
"""Memory of the jobs that are kept, with their presentation LUTs; beyond it the oldest go, but never the newest."""


@dataclass(frozen=True, slots=True)
class PrintedJob:
    """A job.

    :ivar number: from 1 on, since the desk was made.
    :ivar utc: when it came; seconds since 1970-01-01 UTC.
    :ivar study_instance_uid: of its films as secondary captures.
    """

    number: int
    utc: float
    job: PrintJob
    study_instance_uid: str = field(default_factory=new_uid)

    @property
    def size_bytes(self) -> int:
        """Of its pixel data."""
        return sum(len(image.dataset.PixelData) for page in self.job.pages for image in page.images)

    @property
    def copies(self) -> str:
        """Number of Copies, as it was said."""
        return text_of(self.job.session, "NumberOfCopies") or "1"

    def picture(self, page: int) -> Picture:
        """One film, drawn anew at each call; takes as long as there are pixels.

        :param page: from 0 on.
        """
        return film_picture(self.job.pages[page], self.job.luts)

    def dataset(self, page: int) -> Dataset:
        """One film as a Secondary Capture image (PS3.3 A.8.1): its picture, drawn like :meth:`picture`, and the
        attributes of its film box. It is of no known patient; all films of a job are one series.

        :param page: from 0 on.
        """
        from pydicom import Dataset

        picture, dataset = self.picture(page), Dataset()
        dataset.update(self.job.pages[page].attributes)
        dataset.update(self._identity(page))
        dataset.SamplesPerPixel = picture.samples
        if picture.samples == 3:
            dataset.PhotometricInterpretation, dataset.PlanarConfiguration = "RGB", 0
        else:
            dataset.PhotometricInterpretation = "MONOCHROME2"
            dataset.WindowCenter, dataset.WindowWidth = 128, 256  # every gray as it is
        dataset.Rows, dataset.Columns = picture.height, picture.width
        dataset.BitsAllocated = dataset.BitsStored = 8
        dataset.HighBit, dataset.PixelRepresentation = 7, 0
        dataset.add_new(0x7FE00010, "OB", picture.data + b"\0" * (len(picture.data) % 2))
        return dataset

    def _identity(self, page: int) -> Dataset:
        """The modules of a Secondary Capture image but its pixels; what a print job does not tell is empty."""
        made = datetime.fromtimestamp(self.utc).astimezone()
        unknown = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "AccessionNumber",
                   "ReferringPhysicianName", "StudyID", "Laterality", "PatientOrientation")  # fmt: skip
        return dataset_of({
            **dict.fromkeys(unknown, ""), "SOPClassUID": SECONDARY_CAPTURE,
            "SOPInstanceUID": derived_uid(self.study_instance_uid, "film", page),
            "StudyInstanceUID": self.study_instance_uid, "StudyDate": da(made), "StudyTime": tm(made),
            "SeriesInstanceUID": derived_uid(self.study_instance_uid, "series"), "SeriesNumber": self.number,
            "SeriesDescription": f"Print job {self.number}", "Modality": "HC", "ConversionType": "WSD",
            "InstanceNumber": page + 1, "ContentDate": da(made), "ContentTime": tm(made),
            "ImageType": ["DERIVED", "SECONDARY"], "BurnedInAnnotation": "YES",
        })  # fmt: skip

    def save(self, folder: Path) -> tuple[Path, ...]:
        """Write every film as PNG; nothing that is there is overwritten.

        :raises OSError: it cannot be written.
        """
        folder.mkdir(0o700, parents=True, exist_ok=True)
        return tuple(
            _write_new(folder, f"print-{self.number:04d}-film-{page + 1:02d}", png(self.picture(page)))
            for page in range(len(self.job.pages))
        )


class PrintedJobs:
    """The jobs, the oldest first."""

    def __init__(self) -> None:
        self._jobs: deque[PrintedJob] = deque()
        self._sizes: deque[int] = deque()
        self._count = 0

    def __len__(self) -> int:
        return len(self._jobs)

    def __iter__(self) -> Iterator[PrintedJob]:
        return iter(self._jobs)

    def add(self, job: PrintJob, utc: float) -> PrintedJob:
        """Keep a job."""
        self._count += 1
        printed = PrintedJob(self._count, utc, job)
        self._jobs.append(printed)
        self._sizes.append(job.size_bytes)
        while len(self._jobs) > 1 and (len(self._jobs) > MAX_JOBS or sum(self._sizes) > MAX_BYTES):
            self._jobs.popleft()
            self._sizes.popleft()
        return printed

    def clear(self) -> None:
        """Forget all."""
        self._jobs.clear()
        self._sizes.clear()


def _write_new(folder: Path, name: str, data: bytes) -> Path:
    number = 1
    while True:
        path = folder / f"{name}{f'-{number}' if number > 1 else ''}.png"
        with suppress(FileExistsError):
            with path.open("xb") as file:
                file.write(data)
            return path
        number += 1
