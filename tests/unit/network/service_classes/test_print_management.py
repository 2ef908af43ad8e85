"""The verbs of print management: where they go, and what they make of the answers."""

from __future__ import annotations

import pytest
from helpers.asking import ScriptedUser
from helpers.pictures import picture

from dicomgui.network import ConfigurationError, ConnectionLost, DimseFailure, Response, Status
from dicomgui.network.dimse.dataset import encode_dataset
from dicomgui.network.service_classes.attributes import dataset_of
from dicomgui.network.service_classes.print_attributes import (
    ANNOTATION_BOX,
    COLOR_META,
    FILM_BOX,
    FILM_SESSION,
    GRAYSCALE_IMAGE_BOX,
    GRAYSCALE_META,
    PRINT_JOB,
    film_session,
)
from dicomgui.network.service_classes.print_management import contexts, printer_status, session
from dicomgui.network.service_classes.references import reference_items
from dicomgui.network.uids import EXPLICIT_VR_LITTLE_ENDIAN

CREATED = Response(Status(0), sop_instance_uid="1.2.3")


def film_answer(*images: str) -> Response:
    boxes = dataset_of({"ReferencedImageBoxSequence": reference_items((GRAYSCALE_IMAGE_BOX, one) for one in images)})
    data = encode_dataset(boxes, EXPLICIT_VR_LITTLE_ENDIAN)
    return Response(Status(0), sop_instance_uid="1.2.4", data=data, transfer_syntax_uid=EXPLICIT_VR_LITTLE_ENDIAN)


def test_only_what_is_wanted_is_proposed() -> None:
    assert [one.abstract_syntax for one in contexts()] == [GRAYSCALE_META]
    assert [one.abstract_syntax for one in contexts(color=True, annotations=True, jobs=True)] == [
        COLOR_META,
        ANNOTATION_BOX,
        PRINT_JOB,
    ]


async def test_all_goes_over_the_meta_class_and_the_session_is_deleted() -> None:
    user = ScriptedUser(CREATED, film_answer("1.2.5", "1.2.6"))
    async with session(user, film_session(label="X")) as open_session:
        film = await open_session.add_film("STANDARD\\2,1")
        await film.set_image(2, picture())
        await film.print()
        await film.delete()
        await open_session.print()
    assert [(name, arguments[:2] if name != "n_create" else arguments[:1]) for name, arguments, _ in user.asked] == [
        ("n_create", (FILM_SESSION,)),
        ("n_create", (FILM_BOX,)),
        ("n_set", (GRAYSCALE_IMAGE_BOX, "1.2.6")),
        ("n_action", (FILM_BOX, "1.2.4")),
        ("n_delete", (FILM_BOX, "1.2.4")),
        ("n_action", (FILM_SESSION, "1.2.3")),
        ("n_delete", (FILM_SESSION, "1.2.3")),
    ]
    assert {more["context"] for _, _, more in user.asked} == {GRAYSCALE_META}


async def test_a_box_that_is_not_there_is_an_error() -> None:
    async with session(ScriptedUser(CREATED, film_answer("1.2.5"))) as open_session:
        film = await open_session.add_film()
        for position in (0, 2):
            with pytest.raises(ConfigurationError, match="no box"):
                await film.set_image(position, None)
        with pytest.raises(ConfigurationError, match="no box 1 but 0"):
            await film.set_text(1, "text")


async def test_a_film_without_an_answer_has_no_boxes() -> None:
    async with session(ScriptedUser(CREATED, CREATED)) as open_session:
        assert (await open_session.add_film()).image_boxes == ()


async def test_refusals_are_raised_and_the_session_is_deleted_all_the_same() -> None:
    user = ScriptedUser(CREATED, Response(Status(0xC616)))
    with pytest.raises(DimseFailure):
        async with session(user) as open_session:
            await open_session.add_film()
    assert user.asked[-1][0] == "n_delete"


async def test_an_association_that_has_ended_is_not_asked_to_delete() -> None:
    user = ScriptedUser(CREATED)
    async with session(user):
        user.is_connected = False
    assert len(user.asked) == 1


async def test_a_session_that_cannot_be_deleted_is_left() -> None:
    user = ScriptedUser(CREATED, ConnectionLost("gone"))
    async with session(user):
        pass
    assert user.asked[-1][0] == "n_delete"


async def test_a_printer_that_says_nothing_has_no_state() -> None:
    user = ScriptedUser()
    assert await printer_status(user, color=True) == ("", "")
    assert user.asked[0][2]["context"] == COLOR_META
