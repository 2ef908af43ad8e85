"""Queue of the reports of storage commitment that have not been delivered; a file, so that a restart loses none.

Each is kept as the request that it answers: what is committed is judged anew for every attempt.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dicomgui.network.json_text import load_json
from dicomgui.network.service_classes.references import Reference
from dicomgui.network.uids import is_valid_uid
from dicomgui.storage.disk import replace_file, sync_folder

__all__ = ["MAX_REFERENCES", "MAX_REPORTS", "PendingReport", "ReportQueue", "backoff_s"]

FILE_NAME: Final = "commitment-reports.json"
VERSION: Final = 1
MAX_REPORTS: Final = 1_000
MAX_REFERENCES: Final = 100_000
"""Of all reports together; the file then has about 16 MB."""
MAX_FILE_BYTES: Final = 32 * 2**20
_MAX_VALUES: Final = 10 * (MAX_REPORTS + MAX_REFERENCES)
LONGEST_WAIT_S: Final = 3_600.0


def backoff_s(attempts: int, first_s: float) -> float:
    """The wait after so many failed attempts: twice as long each time, at most an hour."""
    return float(min(first_s * 2 ** min(max(attempts - 1, 0), 20), LONGEST_WAIT_S))


@dataclass(frozen=True, slots=True)
class PendingReport:
    """A request for commitment whose report has not been delivered.

    :ivar received_utc: when it came; seconds since 1970-01-01 UTC.
    :ivar attempts: to deliver the report, that failed.
    :ivar due_utc: the next attempt.
    """

    transaction_uid: str
    ae_title: str
    references: tuple[Reference, ...]
    received_utc: float
    attempts: int = 0
    due_utc: float = 0.0


class ReportQueue:
    """Pending reports by Transaction UID, the oldest first.

    ``put`` and ``remove`` change it in memory, for any thread; :meth:`save` then writes it and waits for the disk.

    :param folder: where the file lies; ``None`` keeps it in memory alone.
    """

    def __init__(self, folder: Path | None) -> None:
        self.path = None if folder is None else folder / FILE_NAME
        self._reports: dict[str, PendingReport] = {}
        self._lock = threading.Lock()
        self._saving = threading.Lock()
        self._revision = self._saved = 0

    @property
    def reports(self) -> tuple[PendingReport, ...]:
        """All of them."""
        with self._lock:
            return tuple(self._reports.values())

    def get(self, transaction_uid: str) -> PendingReport | None:
        """The one with this UID."""
        with self._lock:
            return self._reports.get(transaction_uid)

    def put(self, report: PendingReport) -> bool:
        """Take one in, or another state of one; whether there is room for it."""
        with self._lock:
            others = [one for uid, one in self._reports.items() if uid != report.transaction_uid]
            references = sum(len(one.references) for one in others) + len(report.references)
            if len(others) >= MAX_REPORTS or references > MAX_REFERENCES:
                return False
            self._reports[report.transaction_uid] = report
            self._revision += 1
            return True

    def remove(self, transaction_uid: str) -> bool:
        """Forget one; whether it was there."""
        with self._lock:
            was_there = self._reports.pop(transaction_uid, None) is not None
            self._revision += was_there
            return was_there

    def load(self) -> str:
        """Read the file, into an empty queue.

        :returns: why it could not be read, in a sentence; it is then kept aside. Empty where all is well.
        """
        if self.path is None:
            return ""
        try:
            with self.path.open("rb") as file:
                data = file.read(MAX_FILE_BYTES + 1)
            if len(data) > MAX_FILE_BYTES:
                raise ValueError("it is too large")
            reports = _parse(load_json(data, max_values=_MAX_VALUES))
        except FileNotFoundError:
            return ""
        except (OSError, ValueError, RecursionError) as error:
            with suppress(OSError):
                self.path.replace(self.path.with_suffix(".damaged"))
            return f"{self.path} could not be read and was put aside: {error}"
        for report in reports:
            self.put(report)
        with self._lock:
            self._saved = self._revision
        return ""

    def save(self) -> None:
        """Write what has changed: the file is the old or the new one at any time, with mode 0600. For any thread.

        :raises OSError: it cannot be written.
        """
        if self.path is None:
            return
        with self._saving:
            with self._lock:
                revision, reports = self._revision, tuple(self._reports.values())
            if revision == self._saved:
                return
            if reports:
                replace_file(self.path, json.dumps(_plain(reports), separators=(",", ":")).encode())
            else:
                with suppress(FileNotFoundError):
                    self.path.unlink()
                sync_folder(self.path.parent)
            self._saved = revision


def _plain(reports: Iterable[PendingReport]) -> dict[str, Any]:
    return {
        "version": VERSION,
        "reports": [
            {
                "transaction_uid": one.transaction_uid,
                "ae_title": one.ae_title,
                "received_utc": one.received_utc,
                "attempts": one.attempts,
                "due_utc": one.due_utc,
                "references": [list(reference) for reference in one.references],
            }
            for one in reports
        ],
    }


def _parse(document: Any) -> list[PendingReport]:
    """The reports of a file.

    :raises ValueError: it is none of ours.
    """
    if not isinstance(document, dict) or document.get("version") != VERSION:
        raise ValueError("it is of another format")
    entries = document.get("reports")
    if not isinstance(entries, list):
        raise ValueError("it has no list of reports")
    try:
        return [_report(entry) for entry in entries[:MAX_REPORTS]]
    except (KeyError, TypeError) as error:
        raise ValueError(f"a report lacks something: {error}") from error


def _report(entry: dict[str, Any]) -> PendingReport:
    references = tuple(Reference(str(sop_class), str(instance)) for sop_class, instance in entry["references"])
    uid, title = str(entry["transaction_uid"]), str(entry["ae_title"])
    if not is_valid_uid(uid) or not all(map(is_valid_uid, (uid for reference in references for uid in reference))):
        raise ValueError("a UID is none")
    times = float(entry["received_utc"]), int(entry["attempts"]), float(entry["due_utc"])
    return PendingReport(uid, title, references, *times)
