"""How our listener answers requests for storage commitment: what it answers for, when, and over which association."""

from __future__ import annotations

from collections.abc import Mapping
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
MAX_REPORT_H: Final = 1_000
MAX_RETRY_S: Final = 3_600
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
    :ivar report_for_h: hours, from the request, in which a report that could not be delivered is tried again, at most
        1,000; 0 tries it once. Only where it may go over a new association.
    :ivar retry_s: seconds from the first failed attempt to the next, at most an hour; each further wait is twice as
        long, up to an hour.
    :raises ConfigurationError: a value is unusable.
    """

    verdict: Verdict = Verdict.ARCHIVE
    delivery: Delivery = Delivery.AUTO
    delay_ms: int = 0
    fail_every: int = 0
    fail_uids: tuple[str, ...] = ()
    fail_reason: int = NO_SUCH_INSTANCE
    report_for_h: int = 72
    retry_s: int = 5

    def __post_init__(self) -> None:
        if not 0 <= self.delay_ms <= MAX_DELAY_MS:
            raise _wrong(f"a delay is from 0 to {MAX_DELAY_MS:,} ms")
        if not 0 <= self.fail_every <= 1_000_000:
            raise _wrong("every nth instance fails: n is from 0 (none) to 1,000,000")
        if not 0 < self.fail_reason <= 0xFFFF:
            raise _wrong("a failure reason has four hexadecimal digits")
        if not 0 <= self.report_for_h <= MAX_REPORT_H:
            raise _wrong(f"a report is tried again for 0 to {MAX_REPORT_H:,} hours")
        if not 1 <= self.retry_s <= MAX_RETRY_S:
            raise _wrong(f"the first wait before a report is tried again is 1 to {MAX_RETRY_S:,} s")
        wrong = [uid for uid in self.fail_uids if not is_valid_uid(uid)]
        if wrong or len(self.fail_uids) > MAX_UIDS:
            raise _wrong(f"{wrong[0]!r} is no UID" if wrong else f"there can be {MAX_UIDS:,} UIDs")


@dataclass(frozen=True, slots=True)
class CommitmentEntry:
    """A request for commitment, as far as it has come.

    :ivar utc: when it came; seconds since 1970-01-01 UTC.
    :ivar failed: how many instances are not answered for; ``None`` until that is known.
    :ivar due_utc: when it is tried again; 0 where it is not.
    :ivar outcome: ``waiting``, ``reported``, or why the report failed and when it is tried again.
    """

    utc: float
    transaction_uid: str
    calling_ae_title: str
    association: int
    instances: int
    failed: int | None = None
    outcome: str = "waiting"
    due_utc: float = 0.0


def result_of(
    answers: CommitmentAnswers, asked: CommitmentRequest, reasons: Mapping[Reference, Status]
) -> CommitmentResult:
    """The answer.

    :param reasons: the instances that the archive cannot answer for, each with its Failure Reason.
    """
    committed: list[Reference] = []
    failed: list[FailedReference] = []
    for number, reference in enumerate(asked.references, start=1):
        natural = reasons.get(reference) if answers.verdict is Verdict.ARCHIVE else None
        is_safe = answers.verdict is not Verdict.NONE and natural is None
        is_set = reference.sop_instance_uid in answers.fail_uids or (
            answers.fail_every > 0 and number % answers.fail_every == 0
        )
        if is_safe and not is_set:
            committed.append(reference)
        else:
            failed.append(FailedReference(reference, natural or Status(answers.fail_reason)))
    return CommitmentResult(asked.transaction_uid, tuple(committed), tuple(failed))


def _wrong(reason: str) -> ConfigurationError:
    return ConfigurationError(reason, phase="configure")
