"""Which instances are answered for, and what is said of the others."""

from __future__ import annotations

from typing import Any

import pytest

from dicomgui.app.listening.commitment_answers import CommitmentAnswers, Verdict, result_of
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.service import AssociationFacts
from dicomgui.network.service_classes.commitment_provider import CommitmentRequest
from dicomgui.network.service_classes.references import Reference
from dicomgui.network.status import Status

ASKED = tuple(Reference("1.2", f"2.25.{number}") for number in range(1, 5))
REQUEST = CommitmentRequest("2.25.9", ASKED, AssociationFacts(1, "peer:1", "CT", "US", "", ""))


@pytest.mark.parametrize(
    ("answers", "failed"),
    [
        (CommitmentAnswers(), {"2.25.3": 0x0112, "2.25.4": 0x0112}),
        (CommitmentAnswers(Verdict.ALL), {}),
        (CommitmentAnswers(Verdict.NONE, fail_reason=0x0213), dict.fromkeys((one[1] for one in ASKED), 0x0213)),
        (CommitmentAnswers(Verdict.ALL, fail_every=2), {"2.25.2": 0x0112, "2.25.4": 0x0112}),
        (CommitmentAnswers(fail_uids=("2.25.1",), fail_reason=0x0119),
         {"2.25.1": 0x0119, "2.25.3": 0x0112, "2.25.4": 0x0112}),
    ],
)  # fmt: skip
def test_verdicts(answers: CommitmentAnswers, failed: dict[str, int]) -> None:
    result = result_of(answers, REQUEST, dict.fromkeys(ASKED[2:], Status(0x0112)))
    assert {one.reference.sop_instance_uid: int(one.reason) for one in result.failed} == failed
    assert len(result.committed) == len(ASKED) - len(failed)
    assert result.transaction_uid == "2.25.9"


@pytest.mark.parametrize("wrong", [{"delay_ms": -1}, {"fail_every": -1}, {"fail_uids": ("1.x",)}, {"fail_reason": 0}])
def test_what_cannot_be_answered_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        CommitmentAnswers(**wrong)
