"""Which key emptied the answer: each is left out once, in an order, within bounds."""

from __future__ import annotations

from contextlib import aclosing

from helpers import peers
from helpers.worklist import ris

from dicomgui.app.asking.keys import Key, parse_key
from dicomgui.app.asking.worklist import step_keys, worklist_query
from dicomgui.app.asking.worklist_relaxing import MAX_KEYS, Relaxed, relaxations, relaxing_order
from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.context import AppContext
from dicomgui.network import PeerAddress

OPTIONS = ConnectionOptions()


async def relax(address: PeerAddress, *keys: str, times: int = 1) -> list[Relaxed]:
    with AppContext() as context:
        query = worklist_query(tuple(map(parse_key, keys)))
        answers = relaxations(context, query, [(address, OPTIONS)] * times)
        return [answer async for answer in answers]


STEP = "ScheduledProcedureStepSequence[0]."


async def test_the_key_that_emptied_the_answer_is_found() -> None:
    async with ris() as scp:
        answers = await relax(
            scp.address, "PatientName=*", f"{STEP}ScheduledProcedureStepStartDate=20240229", f"{STEP}Modality=XA"
        )
    assert [answer.text for answer in answers] == [
        "Without Modality = XA there are 3",
        "Without ScheduledProcedureStepStartDate = 20240229 there is nothing either",
        "Without PatientName = * there is nothing either",
        "Without any key there are 3",
    ]
    [first, *_] = scp.asked
    step = first.ScheduledProcedureStepSequence[0]
    assert (step.Modality, step.ScheduledProcedureStepStartDate, first.PatientName) == ("", "20240229", "*")
    assert len(scp.asked) == 4
    assert all(answer.associations for answer in answers)


async def test_a_single_key_is_left_out_once() -> None:
    async with ris() as scp:
        [answer] = await relax(scp.address, f"{STEP}ScheduledStationAETitle=CT_1", times=2)
    assert (answer.count, len(answer.associations)) == (6, 2)
    assert answer.key is not None
    assert not answer.has_more


async def test_it_ends_where_the_peer_cannot_be_asked() -> None:
    nobody = PeerAddress("X", "127.0.0.1", peers.free_port())
    [answer] = await relax(nobody, "PatientID=1", "PatientName=A")
    assert answer.failure
    assert answer.text == f"Without PatientName = A: {answer.failure}"


async def test_who_stops_asks_no_more() -> None:
    with AppContext() as context:
        async with ris() as scp:
            query = worklist_query(step_keys(date="20240301", modality="XA", station_ae="X"))
            async with aclosing(relaxations(context, query, [(scp.address, OPTIONS)])) as answers:
                async for _ in answers:
                    break
            assert len(scp.asked) == 1


def test_the_usual_suspects_come_first_and_there_is_a_bound() -> None:
    keys = [parse_key("PatientID=1"), parse_key("SpecificCharacterSet=ISO_IR 100"), parse_key("PatientComments=x"),
            parse_key("PatientSex"), *step_keys(modality="CT", station_ae="A")]  # fmt: skip
    labels = [key.attribute.keyword for key in relaxing_order(keys)]
    assert labels == ["ScheduledStationAETitle", "Modality", "PatientID", "PatientComments"]
    assert len(relaxing_order([Key(keys[0].path, str(number)) for number in range(50)])) == MAX_KEYS
