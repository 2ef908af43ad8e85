"""Print management (PS3.4 annex H): images on film, or on paper.

::

    async with connect("PRINTER@127.0.0.1:104", contexts=print_management.contexts()) as assoc:
        async with print_management.session(assoc, copies=2) as session:
            film = await session.add_film("STANDARD\\\\2,1", orientation="PORTRAIT")
            await film.set_image(1, left)          # data sets with uncompressed pixel data
            await film.set_image(2, right)
            await film.print()

All goes over the one presentation context of a meta SOP class, for grayscale or for color. A session lives no longer
than its association. The SCP is :class:`~dicomgui.network.service_classes.printer.Printer`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dicomgui.network.association.contexts import ProposedContext
from dicomgui.network.errors import ConfigurationError, DicomNetworkError
from dicomgui.network.service import Response, ServiceUser
from dicomgui.network.service_classes.attributes import dataset_of, text_of
from dicomgui.network.service_classes.print_attributes import (
    ANNOTATION_BOX,
    COLOR_IMAGE_BOX,
    COLOR_META,
    FILM_BOX,
    FILM_SESSION,
    GRAYSCALE_IMAGE_BOX,
    GRAYSCALE_META,
    PRINT,
    PRINT_JOB,
    PRINTER,
    PRINTER_INSTANCE,
    annotation,
    film_box,
    film_session,
    image_box,
)
from dicomgui.network.service_classes.references import Reference, references_in
from dicomgui.network.uids import DEFAULT_TRANSFER_SYNTAXES

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = [
    "ANNOTATION_BOX",
    "COLOR_IMAGE_BOX",
    "COLOR_META",
    "FILM_BOX",
    "FILM_SESSION",
    "GRAYSCALE_IMAGE_BOX",
    "GRAYSCALE_META",
    "PRINTER",
    "PRINTER_INSTANCE",
    "PRINT_JOB",
    "Film",
    "FilmSession",
    "annotation",
    "contexts",
    "film_box",
    "film_session",
    "image_box",
    "printer_status",
    "session",
]


def contexts(*, color: bool = False, annotations: bool = False, jobs: bool = False) -> tuple[ProposedContext, ...]:
    """What to propose.

    :param color: the color meta SOP class instead of the grayscale one.
    :param annotations: also text boxes.
    :param jobs: also print jobs, whose state can be asked for.
    """
    classes = [COLOR_META if color else GRAYSCALE_META]
    classes += [ANNOTATION_BOX] if annotations else []
    classes += [PRINT_JOB] if jobs else []
    return tuple(ProposedContext(uid, DEFAULT_TRANSFER_SYNTAXES) for uid in classes)


@dataclass(frozen=True, slots=True)
class Film:
    """A film of a session.

    :ivar session: the session that it belongs to.
    :ivar image_boxes: its image boxes, the first one for position 1.
    :ivar annotation_boxes: its text boxes.
    """

    session: FilmSession
    sop_instance_uid: str
    image_boxes: tuple[Reference, ...]
    annotation_boxes: tuple[Reference, ...]

    async def set_image(self, position: int, image: Dataset | None, *, polarity: str = "") -> Response:
        """Put an image into an image box; see :func:`image_box`.

        :raises ConfigurationError: there is no such box, or the image does not fit.
        :raises DimseFailure: the printer refused; C603 says that the image is too large.
        """
        box = self._box(self.image_boxes, position)
        attributes = image_box(position, image, polarity=polarity, color=self.session.is_color)
        response = await self.session.user.n_set(*box, attributes, context=self.session.context)
        return response.raise_for_status()

    async def set_text(self, position: int, text: str) -> Response:
        """Put a text into an annotation box.

        :raises ConfigurationError: there is no such box.
        :raises DimseFailure: the printer refused.
        """
        box = self._box(self.annotation_boxes, position)
        response = await self.session.user.n_set(*box, annotation(position, text), context=ANNOTATION_BOX)
        return response.raise_for_status()

    async def print(self) -> Response:
        """Print this film; the warnings of B603 to B60A are results.

        :raises DimseFailure: the printer refused.
        """
        response = await self.session.user.n_action(
            FILM_BOX, self.sop_instance_uid, PRINT, context=self.session.context
        )
        return response.raise_for_status()

    async def delete(self) -> Response:
        """Delete this film with its boxes.

        :raises DimseFailure: the printer refused.
        """
        response = await self.session.user.n_delete(FILM_BOX, self.sop_instance_uid, context=self.session.context)
        return response.raise_for_status()

    @staticmethod
    def _box(boxes: tuple[Reference, ...], position: int) -> Reference:
        if not 1 <= position <= len(boxes):
            raise ConfigurationError(f"the film has no box {position} but {len(boxes)}", phase="configure")
        return boxes[position - 1]


@dataclass(frozen=True, slots=True)
class FilmSession:
    """A film session under way; made by :func:`session`."""

    user: ServiceUser
    sop_instance_uid: str
    context: str

    @property
    def is_color(self) -> bool:
        """Whether it takes images in color, or in gray."""
        return self.context == COLOR_META

    async def add_film(
        self,
        display_format: str = "STANDARD\\1,1",
        *,
        orientation: str = "PORTRAIT",
        size: str = "",
        magnification: str = "",
        annotation_format: str = "",
    ) -> Film:
        """Begin a film; the parameters are those of :func:`film_box`.

        :raises DimseFailure: the printer refused; C616 says that the film before it must be printed first.
        """
        attributes = film_box(
            self.sop_instance_uid,
            display_format,
            orientation=orientation,
            size=size,
            magnification=magnification,
            annotation_format=annotation_format,
        )
        response = await self.user.n_create(FILM_BOX, attributes, context=self.context)
        dataset = response.raise_for_status().dataset or dataset_of({})
        return Film(
            self,
            response.sop_instance_uid,
            references_in(dataset, "ReferencedImageBoxSequence"),
            references_in(dataset, "ReferencedBasicAnnotationBoxSequence"),
        )

    async def print(self) -> Response:
        """Print all films of the session, which not every printer can.

        :raises DimseFailure: the printer refused; C600 says that there is no film.
        """
        response = await self.user.n_action(FILM_SESSION, self.sop_instance_uid, PRINT, context=self.context)
        return response.raise_for_status()


@asynccontextmanager
async def session(
    user: ServiceUser, attributes: Dataset | None = None, *, color: bool = False, copies: int = 1
) -> AsyncIterator[FilmSession]:
    """A film session, deleted at the end as far as the association still stands.

    :param attributes: see :func:`film_session`, whose other defaults are taken otherwise.
    :param color: images in color, over the color meta SOP class.
    :raises DimseFailure: the printer refused.
    """
    context = COLOR_META if color else GRAYSCALE_META
    attributes = film_session(copies=copies) if attributes is None else attributes
    response = await user.n_create(FILM_SESSION, attributes, context=context)
    uid = response.raise_for_status().sop_instance_uid
    try:
        yield FilmSession(user, uid, context)
    finally:
        if user.is_connected:
            with suppress(DicomNetworkError):
                await user.n_delete(FILM_SESSION, uid, context=context)


async def printer_status(user: ServiceUser, *, color: bool = False) -> tuple[str, str]:
    """The printer's state, ``NORMAL``, ``WARNING`` or ``FAILURE``, and what it says about it (PS3.3 C.13.9).

    :raises DimseFailure: the printer refused.
    """
    wanted = (0x21100010, 0x21100020)
    context = COLOR_META if color else GRAYSCALE_META
    response = await user.n_get(PRINTER, PRINTER_INSTANCE, wanted, context=context)
    dataset = response.raise_for_status().dataset or dataset_of({})
    return text_of(dataset, wanted[0]), text_of(dataset, wanted[1])
