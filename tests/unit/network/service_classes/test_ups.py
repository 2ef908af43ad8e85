"""The verbs of unified procedure steps: which action on which context, with what."""

from __future__ import annotations

import pytest
from helpers.asking import ScriptedUser
from pydicom.dataset import Dataset

from dicomgui.network import DimseFailure, Response, Status
from dicomgui.network.service_classes import ups
from dicomgui.network.service_classes.attributes import Code, dataset_of

CLAIM = ups.Claim("1.2.3", "1.2.9")
REFUSED = Response(Status(0xC301))


async def test_a_step_is_created_with_the_uid_of_either_side() -> None:
    user = ScriptedUser(Response(Status(0xB300), sop_instance_uid="1.2.4"), Response(Status(0)))
    assert await ups.create(user, Dataset()) == "1.2.4"
    assert await ups.create(user, Dataset(), sop_instance_uid="1.2.5") == "1.2.5"


async def test_changes_of_state_carry_the_transaction_uid() -> None:
    user = ScriptedUser()
    claim = await ups.claim(user, "1.2.3")
    assert claim.sop_instance_uid == "1.2.3"
    await ups.complete(user, claim)
    await ups.cancel(user, claim)
    sent = [arguments[3] for _, arguments, _ in user.asked]
    assert [one.ProcedureStepState for one in sent] == ["IN PROGRESS", "COMPLETED", "CANCELED"]
    assert {one.TransactionUID for one in sent} == {claim.transaction_uid}
    assert {arguments[:3] for _, arguments, _ in user.asked} == {(ups.PUSH, "1.2.3", 1)}
    assert {more["context"] for _, _, more in user.asked} == {ups.PULL}
    assert (await ups.claim(user, "1.2.3", transaction_uid="1.2.8")).transaction_uid == "1.2.8"


async def test_an_update_has_the_transaction_uid_of_a_claim_only() -> None:
    user, changes = ScriptedUser(), dataset_of({"ProcedureStepLabel": "x"})
    await ups.update(user, CLAIM, changes)
    await ups.update(user, "1.2.3", changes)
    await ups.progress(user, CLAIM, 12.5, "text")
    claimed, plain, progress = (arguments[2] for _, arguments, _ in user.asked)
    assert claimed.TransactionUID == "1.2.9"
    assert "TransactionUID" not in plain
    assert "TransactionUID" not in changes
    item = progress.ProcedureStepProgressInformationSequence[0]
    assert (float(item.ProcedureStepProgress), item.ProcedureStepProgressDescription) == (12.5, "text")


async def test_a_cancel_is_asked_for_with_or_without_reasons() -> None:
    user = ScriptedUser()
    await ups.request_cancel(user, "1.2.3")
    await ups.request_cancel(user, "1.2.3", "why", code=Code("1", "X", "x"), contact="DOE", context=ups.WATCH)
    (_, bare, first), (_, full, second) = user.asked
    assert bare == (ups.PUSH, "1.2.3", 2, None)
    assert (first["context"], second["context"]) == (ups.PUSH, ups.WATCH)
    assert (full[3].ReasonForCancellation, full[3].ContactDisplayName) == ("why", "DOE")
    assert full[3].ProcedureStepDiscontinuationReasonCodeSequence[0].CodeValue == "1"


async def test_a_step_without_attributes_is_read_as_empty() -> None:
    user = ScriptedUser()
    assert await ups.get(user, "1.2.3", [0x00741000], context=ups.WATCH) == Dataset()
    assert user.asked[0][1] == (ups.PUSH, "1.2.3", [0x00741000])


@pytest.mark.parametrize(
    "verb",
    [
        lambda user: ups.create(user, Dataset()),
        lambda user: ups.claim(user, "1.2.3"),
        lambda user: ups.complete(user, CLAIM),
        lambda user: ups.update(user, CLAIM, Dataset()),
        lambda user: ups.get(user, "1.2.3"),
        lambda user: ups.request_cancel(user, "1.2.3"),
    ],
)
async def test_refusals_are_raised(verb: object) -> None:
    with pytest.raises(DimseFailure):
        await verb(ScriptedUser(REFUSED))
