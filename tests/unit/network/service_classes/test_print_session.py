"""A film session: films, boxes, and what they take."""

from __future__ import annotations

import pytest
from helpers.asking import status_of
from helpers.pictures import picture
from pydicom.dataset import Dataset

from dicomgui.network.dimse.memory import MemoryBudget
from dicomgui.network.service_classes.attributes import dataset_of
from dicomgui.network.service_classes.print_attributes import (
    ANNOTATION_BOX,
    COLOR_IMAGE_BOX,
    FILM_BOX,
    FILM_SESSION,
    GRAYSCALE_IMAGE_BOX,
    PRINTER,
    annotation,
    film_box,
    film_session,
    image_box,
)
from dicomgui.network.service_classes.print_session import PrintSession, memory_of

UID, FILM = "1.2.3", "1.2.4"


def session(*, max_bytes: int = 1_000_000, max_films: int = 2) -> PrintSession:
    return PrintSession(UID, film_session(), MemoryBudget(max_bytes), max_films)


def with_film(image_class: str = GRAYSCALE_IMAGE_BOX, **limits: int) -> tuple[PrintSession, list[str], list[str]]:
    made = session(**limits)
    answer = made.add_film(FILM, film_box(UID, "STANDARD\\2,1", annotation_format="LABEL"), image_class)
    assert status_of(answer) == 0

    def uids(keyword: str) -> list[str]:
        return [item.ReferencedSOPInstanceUID for item in answer.dataset[keyword].value]

    return made, uids("ReferencedImageBoxSequence"), uids("ReferencedBasicAnnotationBoxSequence")


@pytest.mark.parametrize(
    ("attributes", "status"),
    [
        (film_box(UID), 0),
        (film_box("1.2.9"), 0x0106),
        (film_box(UID, "CUSTOM\\1"), 0x0106),
        (film_box(UID, "STANDARD\\30,30"), 0x0106),
        (film_box(UID, ""), 0x0121),
        (Dataset(), 0x0120),
    ],
)
def test_a_film_is_judged(attributes: Dataset, status: int) -> None:
    made = session()
    answer = made.add_film(FILM, attributes, GRAYSCALE_IMAGE_BOX)
    assert status_of(answer) == status
    assert len(made.pages()) == (status == 0)
    if status == 0:
        assert len(answer.dataset.ReferencedImageBoxSequence) == 1
        assert "ReferencedBasicAnnotationBoxSequence" not in answer.dataset
        assert "ReferencedImageBoxSequence" not in attributes


def test_films_have_different_uids_and_a_limit() -> None:
    made = session()
    assert [status_of(made.add_film(uid, film_box(UID), GRAYSCALE_IMAGE_BOX)) for uid in ("1", "1", "2", "3")] == [
        0,
        0x0111,
        0,
        0x0213,
    ]


def test_pictures_and_texts_come_to_their_places() -> None:
    made, images, texts = with_film()
    assert made.change(GRAYSCALE_IMAGE_BOX, images[1], image_box(2, picture(), polarity="REVERSE")) == 0
    assert made.change(ANNOTATION_BOX, texts[2], annotation(3, "text")) == 0
    assert made.change(FILM_BOX, FILM, dataset_of({"FilmOrientation": "LANDSCAPE"})) == 0
    assert made.change(FILM_SESSION, UID, dataset_of({"NumberOfCopies": 5})) == 0
    page = made.page(FILM)
    assert page is not None
    assert [(image.position, image.attributes.Polarity) for image in page.images] == [(2, "REVERSE")]
    assert "BasicGrayscaleImageSequence" not in page.images[0].attributes
    assert page.texts == {3: "text"}
    assert page.attributes.FilmOrientation == "LANDSCAPE"
    assert page.display_format == "STANDARD\\2,1"
    assert made.attributes.NumberOfCopies == 5


def test_a_box_can_be_emptied_again() -> None:
    made, images, _ = with_film()
    made.change(GRAYSCALE_IMAGE_BOX, images[0], image_box(1, picture()))
    made.change(GRAYSCALE_IMAGE_BOX, images[0], image_box(1, None))
    page = made.page(FILM)
    assert page is not None
    assert page.images == ()


def with_color(content: Dataset) -> Dataset:
    content.update(dataset_of({"BasicColorImageSequence": [picture(samples=3)]}))
    return content


def broken(**values: object) -> Dataset:
    image = picture()
    image.update(dataset_of(values))
    return dataset_of({"ImageBoxPosition": 1, "BasicGrayscaleImageSequence": [image]})


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (image_box(1, picture()), 0),
        (image_box(2, picture()), 0x0106),
        (Dataset(), 0x0120),
        (dataset_of({"ImageBoxPosition": 1}), 0x0120),
        (dataset_of({"ImageBoxPosition": 1, "BasicGrayscaleImageSequence": [Dataset()]}), 0x0120),
        (broken(Rows=[1, 2]), 0x0106),
        (broken(SamplesPerPixel=3), 0x0106),
        (broken(Rows=100), 0x0106),
        (broken(BitsAllocated=1), 0x0106),
        (broken(BitsAllocated=16), 0x0106),
        (broken(PhotometricInterpretation=""), 0x0121),
        (broken(Rows=0), 0x0106),
        (broken(Columns=0), 0x0106),
        (broken(PhotometricInterpretation="RGB"), 0x0106),
        (broken(PhotometricInterpretation="PALETTE COLOR"), 0x0106),
        (broken(PhotometricInterpretation="MONOCHROME1"), 0),
        (broken(PixelRepresentation=1), 0x0106),
        (broken(HighBit=6), 0x0106),
        (with_color(image_box(1, picture())), 0x0105),
    ],
)
def test_a_picture_is_judged(content: Dataset, status: int) -> None:
    made, images, _ = with_film()
    assert status_of(made.change(GRAYSCALE_IMAGE_BOX, images[0], content)) == status
    page = made.page(FILM)
    assert page is not None
    assert bool(page.images) is (status == 0)


@pytest.mark.parametrize(
    ("sop_class", "uid", "status"),
    [
        (COLOR_IMAGE_BOX, None, 0x0119),
        (GRAYSCALE_IMAGE_BOX, "1.9", 0x0112),
        (FILM_BOX, "1.9", 0x0112),
        (FILM_SESSION, "1.9", 0x0112),
        (PRINTER, "1.9", 0x0118),
    ],
)
def test_what_is_not_there_cannot_be_changed(sop_class: str, uid: str | None, status: int) -> None:
    made, images, _ = with_film()
    assert status_of(made.change(sop_class, uid or images[0], image_box(1, picture()))) == status


@pytest.mark.parametrize(("content", "status"), [(annotation(2, "x"), 0x0106), (Dataset(), 0x0120)])
def test_a_text_is_judged(content: Dataset, status: int) -> None:
    made, _, texts = with_film()
    assert status_of(made.change(ANNOTATION_BOX, texts[0], content)) == status


def test_memory_is_limited_for_the_whole_session() -> None:
    film = film_box(UID, "STANDARD\\2,1", annotation_format="LABEL")
    box, larger = image_box(1, picture()), image_box(1, picture(1, 250))
    made, images, _ = with_film(max_bytes=memory_of(film) + memory_of(larger))
    assert memory_of(larger) - memory_of(box) > 200
    assert status_of(made.change(GRAYSCALE_IMAGE_BOX, images[0], box)) == 0
    assert status_of(made.change(GRAYSCALE_IMAGE_BOX, images[1], image_box(2, picture(1, 250)))) == 0xC605
    assert status_of(made.change(GRAYSCALE_IMAGE_BOX, images[0], larger)) == 0
    assert status_of(made.change(FILM_BOX, FILM, film)) == 0xC605
    assert made.remove_film(FILM)
    assert not made.remove_film(FILM)
    assert made.page(FILM) is None
    assert status_of(made.add_film(FILM, film, GRAYSCALE_IMAGE_BOX)) == 0


def test_what_is_no_pixel_data_is_charged_too() -> None:
    made, images, _ = with_film(max_bytes=100_000)
    content = image_box(1, picture())
    content.add_new(0x00091010, "OB", bytes(100_000))
    assert status_of(made.change(GRAYSCALE_IMAGE_BOX, images[0], content)) == 0xC605
    changes = Dataset()
    for element in range(0x1010, 0x10FF):
        changes.add_new(0x00090000 | element, "LO", "")
    assert status_of(made.change(FILM_SESSION, UID, changes)) == 0xC605


def test_color_boxes_take_color() -> None:
    made, images, _ = with_film(COLOR_IMAGE_BOX)
    assert status_of(made.change(COLOR_IMAGE_BOX, images[0], image_box(1, picture(samples=3), color=True))) == 0
    gray = dataset_of({"ImageBoxPosition": 1, "BasicColorImageSequence": [picture()]})
    assert status_of(made.change(COLOR_IMAGE_BOX, images[0], gray)) == 0x0106
    wrong = dataset_of({"ImageBoxPosition": 1, "BasicColorImageSequence": [picture(samples=3)]})
    wrong.BasicColorImageSequence[0].PhotometricInterpretation = "MONOCHROME2"
    assert status_of(made.change(COLOR_IMAGE_BOX, images[0], wrong)) == 0x0106


def test_a_refusal_names_the_attribute() -> None:
    made, images, _ = with_film()
    for keyword, value in (("Rows", 0), ("Columns", [1, 2]), ("PhotometricInterpretation", "RGB")):
        content = broken(**{keyword: value})
        answer = made.change(GRAYSCALE_IMAGE_BOX, images[0], content)
        assert answer.offending == (content.BasicGrayscaleImageSequence[0][keyword].tag,)
