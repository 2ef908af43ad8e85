"""The printer: sessions of each association, and what it refuses (PS3.4 H.4)."""

from __future__ import annotations

import pytest
from helpers.asking import ScriptedUser, act, change, create, delete, read, status_of
from helpers.pictures import picture
from pydicom.dataset import Dataset

from dicomgui.network.service import Response
from dicomgui.network.service_classes.attributes import dataset_of
from dicomgui.network.service_classes.print_attributes import (
    ANNOTATION_BOX,
    FILM_BOX,
    FILM_SESSION,
    GRAYSCALE_IMAGE_BOX,
    GRAYSCALE_META,
    PRESENTATION_LUT,
    PRINT_JOB,
    PRINTER,
    PRINTER_INSTANCE,
    film_box,
    film_session,
    image_box,
)
from dicomgui.network.service_classes.print_session import memory_of
from dicomgui.network.service_classes.printer import Printer, PrintJob
from dicomgui.network.status import Status

META = {"abstract_syntax": GRAYSCALE_META}
SESSION, FILM = "1.2.3", "1.2.4"


class Desk:
    """A printer with a session and a film, and what it has printed."""

    def __init__(self, display_format: str = "STANDARD\\1,1", **options: object) -> None:
        self.jobs: list[PrintJob] = []
        self.printer = Printer(self.jobs.append, **options)
        assert status_of(self.printer.on_n_create(create(FILM_SESSION, SESSION, film_session(), **META))) == 0
        answer = self.printer.on_n_create(create(FILM_BOX, FILM, film_box(SESSION, display_format), **META))
        assert status_of(answer) == 0
        self.boxes = [item.ReferencedSOPInstanceUID for item in answer.dataset.ReferencedImageBoxSequence]

    def fill(self) -> None:
        answer = self.printer.on_n_set(change(GRAYSCALE_IMAGE_BOX, self.boxes[0], image_box(1, picture()), **META))
        assert status_of(answer) == 0


def test_an_association_has_one_session_at_a_time() -> None:
    desk = Desk()
    asked = create(FILM_SESSION, "1.2.9", film_session(), **META)
    assert status_of(desk.printer.on_n_create(asked)) == 0x0111
    other = create(FILM_SESSION, "", film_session(), association=2, **META)
    assert status_of(desk.printer.on_n_create(other)) == 0
    assert desk.printer.sessions == 2
    desk.printer.on_closed(2)
    desk.printer.on_closed(3)
    assert desk.printer.sessions == 1


@pytest.mark.parametrize(("instance", "status"), [((FILM_SESSION, SESSION), 0xC601), ((FILM_BOX, FILM), 0xC602)])
async def test_a_queue_that_is_full_takes_no_more(instance: tuple[str, str], status: int) -> None:
    desk, user = Desk(), ScriptedUser()
    asked = act(*instance, 1, accepted=(GRAYSCALE_META, PRINT_JOB), user=user, **META)
    answers = [status_of(desk.printer.on_n_action(asked)) for _ in range(17)]
    assert answers[-1] == status
    assert status not in answers[:-1]
    await desk.printer.close()
    assert status_of(desk.printer.on_n_action(asked)) != status
    await desk.printer.close()


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (create(FILM_BOX, "", film_box("1.2.9"), **META), 0x0112),
        (create(PRINTER, "", Dataset(), **META), 0x0118),
    ],
)
def test_what_cannot_be_created_is_refused(asked: object, status: int) -> None:
    assert status_of(Printer(lambda job: None).on_n_create(asked)) == status


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (act(FILM_BOX, FILM, 1, **META), 0xB603),
        (act(FILM_SESSION, SESSION, 1, **META), 0xB602),
        (act(FILM_BOX, "1.2.9", 1, **META), 0x0112),
        (act(FILM_SESSION, "1.2.9", 1, **META), 0x0112),
        (act(FILM_BOX, FILM, 2, **META), 0x0123),
        (act(PRINTER, PRINTER_INSTANCE, 1, **META), 0x0118),
        (act(FILM_BOX, FILM, 1, association=2, **META), 0x0112),
    ],
)
def test_an_action_is_judged(asked: object, status: int) -> None:
    assert status_of(Desk().printer.on_n_action(asked)) == status


def test_memory_is_limited_for_all_associations_together() -> None:
    session, lut = film_session(), dataset_of({"PresentationLUTShape": "IDENTITY"})
    film = film_box(SESSION, "STANDARD\\1,1")
    one = memory_of(film)
    printer = Printer(lambda job: None, max_bytes=2 * one + memory_of(lut))
    for association in (1, 2):
        assert (
            status_of(printer.on_n_create(create(FILM_SESSION, SESSION, session, association=association, **META))) == 0
        )
        assert status_of(printer.on_n_create(create(FILM_BOX, FILM, film, association=association, **META))) == 0
    another = create(FILM_BOX, "1.2.77", film, association=1, **META)
    assert status_of(printer.on_n_create(another)) == 0xC605
    a_lut = create(PRESENTATION_LUT, "1.2.78", lut, association=1, **META)
    assert status_of(printer.on_n_create(a_lut)) == 0
    assert status_of(printer.on_n_create(create(PRESENTATION_LUT, "1.2.79", lut, association=1, **META))) == 0x0213
    assert status_of(printer.on_n_delete(delete(PRESENTATION_LUT, "1.2.78", **META))) == 0
    assert status_of(printer.on_n_create(a_lut)) == 0
    printer.on_closed(2)
    assert status_of(printer.on_n_create(another)) == 0
    assert status_of(printer.on_n_delete(delete(FILM_SESSION, SESSION, **META))) == 0
    printer.on_closed(1)
    assert printer._memory.used_bytes == 0


def test_a_session_without_films_cannot_be_printed() -> None:
    desk = Desk()
    assert status_of(desk.printer.on_n_delete(delete(FILM_BOX, FILM, **META))) == 0
    assert status_of(desk.printer.on_n_action(act(FILM_SESSION, SESSION, 1, **META))) == 0xC600
    assert not desk.jobs


def test_a_film_with_a_picture_is_printed_without_a_warning() -> None:
    desk = Desk()
    desk.fill()
    answer = desk.printer.on_n_action(act(FILM_BOX, FILM, 1, **META))
    assert status_of(answer) == 0
    assert answer.dataset is None
    assert len(desk.jobs[0].pages[0].images) == 1
    assert not desk.jobs[0].is_color


async def test_a_job_is_named_and_told_of_where_its_class_was_negotiated() -> None:
    """A job is kept for an N-GET where the SCU did not confirm its end (PS3.4 H.4.5.2.1.2)."""
    desk, user = Desk(), ScriptedUser(*[Response(Status(code)) for code in (0, 0, 0x0110)])
    desk.fill()
    accepted = (GRAYSCALE_META, PRINT_JOB)
    answer = desk.printer.on_n_action(act(FILM_SESSION, SESSION, 1, accepted=accepted, user=user, **META))
    assert not desk.jobs  # it is printed when the answer is on its way
    job = answer.dataset[0x21000500].value[0]
    await user.wait_asked(3)
    assert (job.ReferencedSOPClassUID, job.ReferencedSOPInstanceUID) == (PRINT_JOB, desk.jobs[0].sop_instance_uid)
    state = desk.printer.on_n_get(read(PRINT_JOB, desk.jobs[0].sop_instance_uid, 0x21000020))
    assert state.dataset.ExecutionStatus == "DONE"
    assert [arguments[:3] for _, arguments, _ in user.asked] == [
        (PRINT_JOB, desk.jobs[0].sop_instance_uid, event) for event in (1, 2, 3)
    ]
    await desk.printer.close()
    desk.printer.on_closed(1)
    assert status_of(desk.printer.on_n_get(read(PRINT_JOB, desk.jobs[0].sop_instance_uid))) == 0x0112


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (read(PRINTER, PRINTER_INSTANCE), 0),
        (read(PRINTER, PRINTER_INSTANCE, 0x21100010, 0x00100010), 0x0107),
        (read(PRINTER, "1.2.3"), 0x0112),
        (read(PRINT_JOB, "1.2.3"), 0x0112),
        (read(FILM_BOX, FILM), 0x0118),
    ],
)
def test_reading_is_judged(asked: object, status: int) -> None:
    assert status_of(Desk().printer.on_n_get(asked)) == status


def test_the_printer_says_what_it_is_told_to() -> None:
    printer = Printer(lambda job: None, name="LASER")
    printer.set_status("FAILURE", "NO SUPPLY MGZ")
    state = printer.on_n_get(read(PRINTER, PRINTER_INSTANCE)).dataset
    assert (state.PrinterStatus, state.PrinterStatusInfo, state.PrinterName) == ("FAILURE", "NO SUPPLY MGZ", "LASER")


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (delete(FILM_BOX, FILM), 0),
        (delete(FILM_BOX, "1.2.9"), 0x0112),
        (delete(FILM_SESSION, SESSION), 0),
        (delete(FILM_SESSION, "1.2.9"), 0x0112),
        (delete(FILM_SESSION, SESSION, association=2), 0x0112),
        (delete(GRAYSCALE_IMAGE_BOX, "1.2.9"), 0x0118),
    ],
)
def test_deleting_is_judged(asked: object, status: int) -> None:
    assert status_of(Desk().printer.on_n_delete(asked)) == status


def test_nothing_can_be_set_without_a_session() -> None:
    asked = change(ANNOTATION_BOX, "1.2.9", Dataset(), association=2)
    assert status_of(Desk().printer.on_n_set(asked)) == 0x0112


def test_an_exception_of_the_callback_goes_to_the_provider() -> None:
    def jam(job: PrintJob) -> None:
        raise OSError("paper jam")

    printer = Printer(jam)
    printer.on_n_create(create(FILM_SESSION, SESSION, film_session(), **META))
    printer.on_n_create(create(FILM_BOX, FILM, film_box(SESSION), **META))
    with pytest.raises(OSError, match="jam"):
        printer.on_n_action(act(FILM_BOX, FILM, 1, **META))
    assert printer.handlers().on_n_action == printer.on_n_action


def test_presentation_luts_are_kept_for_the_jobs_of_their_association() -> None:
    desk = Desk(max_films=1)
    lut = dataset_of({"PresentationLUTShape": "IDENTITY"})
    answer = desk.printer.on_n_create(create(PRESENTATION_LUT, "1.2.7", lut))
    assert (status_of(answer), answer.sop_instance_uid) == (0, "1.2.7")
    assert status_of(desk.printer.on_n_create(create(PRESENTATION_LUT, "1.2.8", lut))) == 0x0213
    desk.printer.on_n_action(act(FILM_BOX, FILM, 1, **META))
    assert {uid: one.PresentationLUTShape for uid, one in desk.jobs[0].luts.items()} == {"1.2.7": "IDENTITY"}
    assert status_of(desk.printer.on_n_delete(delete(PRESENTATION_LUT, "1.2.7"))) == 0
    assert status_of(desk.printer.on_n_delete(delete(PRESENTATION_LUT, "1.2.7"))) == 0x0112
    assert list(desk.jobs[0].luts) == ["1.2.7"]


def test_presentation_luts_have_different_uids() -> None:
    printer = Printer(lambda job: None)
    asked = create(PRESENTATION_LUT, "1.2.7", Dataset())
    assert [status_of(printer.on_n_create(asked)) for _ in range(2)] == [0, 0x0111]
