"""How our listener answers requests for storage commitment: what it answers for, when, and over which association."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from dicomgui.network.errors import ConfigurationError
from dicomgui.network.service_classes.commitment import CommitmentResult, FailedReference
from dicomgui.network.service_classes.commitment_provider import CommitmentRequest
from dicomgui.network.service_classes.references import Reference
from dicomgui.network.status import Status
from dicomgui.network.uids import is_valid_uid

__all__ = ["CommitmentAnswers", "CommitmentEntry", "Delivery", "Verdict", "result_of"]

MAX_UIDS: Final = 1_000
MAX_DELAY_MS: Final = 3_600_000
NO_SUCH_INSTANCE: Final = 0x0112


class Delivery(StrEnum):
    """Over which association a result is reported."""

    AUTO = "auto"
    """That of the request; a new one if it has ended."""
    SAME = "same"
    """That of the request; the result is lost if it has ended."""
    NEW = "new"
    """One that we open to who asked."""


class Verdict(StrEnum):
    """What is answered for."""

    ARCHIVE = "archive"
    """What is in the archive."""
    ALL = "all"
    """Everything that is asked for."""
    NONE = "none"
    """Nothing."""


@dataclass(frozen=True, slots=True)
class CommitmentAnswers:
    """What the user has set.

    :ivar delay_ms: after the confirmation, before the result; at most an hour.
    :ivar fail_every: every nth instance of a request fails; 0 for none.
    :ivar fail_uids: SOP instances that always fail; at most 1,000.
    :ivar fail_reason: Failure Reason (0008,1197), e.g. 0112 (no such object instance).
    :raises ConfigurationError: a value is unusable.
    """

    verdict: Verdict = Verdict.ARCHIVE
    delivery: Delivery = Delivery.AUTO
    delay_ms: int = 0
    fail_every: int = 0
    fail_uids: tuple[str, ...] = ()
    fail_reason: int = NO_SUCH_INSTANCE

    def __post_init__(self) -> None:
        if not 0 <= self.delay_ms <= MAX_DELAY_MS:
            raise _wrong(f"a delay is from 0 to {MAX_DELAY_MS:,} ms")
        if not 0 <= self.fail_every <= 1_000_000:
            raise _wrong("every nth instance fails: n is from 0 (none) to 1,000,000")
        if not 0 < self.fail_reason <= 0xFFFF:
            raise _wrong("a failure reason has four hexadecimal digits")
        wrong = [uid for uid in self.fail_uids if not is_valid_uid(uid)]
        if wrong or len(self.fail_uids) > MAX_UIDS:
            raise _wrong(f"{wrong[0]!r} is no UID" if wrong else f"there can be {MAX_UIDS:,} UIDs")


@dataclass(frozen=True, slots=True)
class CommitmentEntry:
    """A request for commitment, as far as it has come.

    :ivar utc: when it came; seconds since 1970-01-01 UTC.
    :ivar failed: how many instances are not answered for; ``None`` until that is known.
    :ivar outcome: ``waiting``, ``reported``, or why the report failed.
    """

    utc: float
    transaction_uid: str
    calling_ae_title: str
    association: int
    instances: int
    failed: int | None = None
    outcome: str = "waiting"


def result_of(answers: CommitmentAnswers, asked: CommitmentRequest, stored: Collection[Reference]) -> CommitmentResult:
    """What is answered.

    :param stored: which of the instances are in the archive.
    """
    committed: list[Reference] = []
    failed: list[FailedReference] = []
    for number, reference in enumerate(asked.references, start=1):
        is_safe = answers.verdict is Verdict.ALL or (answers.verdict is Verdict.ARCHIVE and reference in stored)
        is_set = reference.sop_instance_uid in answers.fail_uids or (
            answers.fail_every > 0 and number % answers.fail_every == 0
        )
        if is_safe and not is_set:
            committed.append(reference)
        else:
            natural = answers.verdict is Verdict.ARCHIVE and not is_safe
            reason = NO_SUCH_INSTANCE if natural else answers.fail_reason
            failed.append(FailedReference(reference, Status(reason)))
    return CommitmentResult(asked.transaction_uid, tuple(committed), tuple(failed))


def _wrong(reason: str) -> ConfigurationError:
    return ConfigurationError(reason, phase="configure")
