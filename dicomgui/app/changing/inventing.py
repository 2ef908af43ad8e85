"""New patients, studies, series and instances for load tests, with files or a generated instance as templates.

What is counted is what is new below each one of the templates: ``patients=2,series=3`` makes two patients of each
patient, with one study for each study, three series for each series and one instance for each instance. What stands
above the first level that is named stays. UIDs within a new study refer to each other as those of the templates do.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import IntEnum
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import uuid4

from dicomgui.app.changing.strangers import INVENTED, make_stranger
from dicomgui.app.files.changes import ChangeCode
from dicomgui.app.files.sources import Selection, SendItem, Skipped
from dicomgui.app.files.splicing import read_elements
from dicomgui.app.practice.data import practice_instances
from dicomgui.network.dimse.native import ConversionError
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.part10 import parse_head, write_head
from dicomgui.network.service_classes.attributes import derived_uid, put, text_of

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["Invention", "Level", "invented", "parse_invention"]

MAX_INVENTED: Final = 1_000_000
"""Instances of one send that can be invented."""

STUDY_UID: Final = 0x0020_000D
SERIES_UID: Final = 0x0020_000E
SOP_INSTANCE_UID: Final = 0x0008_0018
_REGISTERED: Final = "1.2.840.10008."


class Level(IntEnum):
    """Levels of which something can be new, the uppermost first."""

    PATIENT = 0
    STUDY = 1
    SERIES = 2
    INSTANCE = 3


_NAMES: Final = {
    "patients": Level.PATIENT, "studies": Level.STUDY, "series": Level.SERIES, "instances": Level.INSTANCE,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Invention:
    """Numbers of what is to be new.

    :ivar counts: patients, studies of each, series of each, instances of each; 0 where it stays as it is.
    :raises ConfigurationError: nothing would be new, or too much.
    """

    counts: tuple[int, int, int, int]

    def __post_init__(self) -> None:
        if not any(self.counts):
            raise _wrong("nothing is to be invented")
        if self.per_template > MAX_INVENTED:
            raise _wrong(f"{self.per_template:,} instances are too many", f"Invent up to {MAX_INVENTED:,} at a time.")

    @property
    def top(self) -> Level:
        """The uppermost level of which something is new."""
        return next(level for level in Level if self.counts[level])

    @property
    def per_template(self) -> int:
        """Instances that each template becomes."""
        number = 1
        for count in self.counts:
            number *= count or 1
        return number

    def __str__(self) -> str:
        return ",".join(f"{name}={self.counts[level]}" for name, level in _NAMES.items() if self.counts[level])


def parse_invention(text: str) -> Invention:
    """``patients=2,studies=1,series=2,instances=10``, of which any may be left out.

    :raises ConfigurationError: it is none of that form.
    """
    counts = [0, 0, 0, 0]
    for part in text.split(","):
        name, _, number = part.partition("=")
        level = _NAMES.get(name.strip().lower())
        digits = number.strip()
        if level is None or not (digits.isascii() and digits.isdigit() and 0 < len(digits) < 8) or not int(digits):
            raise _wrong(
                f"{part[:60]!r} says nothing that could be invented",
                "Write patients=2,studies=1,series=2,instances=10.",
            )
        if counts[level]:
            raise _wrong(f"{name.strip()} stands there twice")
        counts[level] = int(digits)
    return Invention((counts[0], counts[1], counts[2], counts[3]))


def _wrong(what: str, hint: str = "") -> ConfigurationError:
    return ConfigurationError(what, phase="configure", hint=hint)


class _Place(NamedTuple):
    """Numbers of the new patient, study, series and instance, from 0 on."""

    patient: int
    study: int
    series: int
    instance: int


class _Batch:
    """Facts shared by everything that is invented at one time.

    :ivar token: makes it another one than all that was invented before.
    :ivar level_of: the levels of the UIDs of the templates.
    """

    def __init__(self, invention: Invention, today: date) -> None:
        self.invention = invention
        self.today = today
        self.token = uuid4().hex
        self.short = self.token[:6].upper()
        self.level_of: dict[str, Level] = {}
        self.patients: dict[str, int] = {}

    def uid(self, old: str, place: _Place) -> str:
        """The UID in the place of an old one: the same for the same one at the same place."""
        if not old or old.startswith(_REGISTERED):
            return old
        known, top = self.level_of.get(old), self.invention.top
        if known is None and top > Level.STUDY:
            return old  # of the study or the series that stays
        level = Level.STUDY if known is None else known
        return old if level < top else derived_uid(self.token, old, *place[: level + 1])


@dataclass(frozen=True, slots=True)
class _Invented:
    """The change that makes a new instance of a template.

    :ivar patient: number of the template's patient, among those of all templates.
    """

    batch: _Batch
    place: _Place
    patient: int
    codes: tuple[ChangeCode, ...] = (ChangeCode.INVENTED,)
    tags: frozenset[int] | None = None

    def apply(self, dataset: Dataset) -> None:
        """Give the data set new UIDs, and of a new patient no value that tells of the old one."""
        top, place, batch = self.batch.invention.top, self.place, self.batch
        if top is Level.PATIENT:
            make_stranger(dataset, batch.today)
        _renew(dataset, batch, place)
        for keyword, value in self._identity(dataset, top).items():
            put(dataset, keyword, value)

    def _identity(self, dataset: Dataset, top: Level) -> dict[str, object]:
        batch, place = self.batch, self.place
        patient = self.patient * batch.invention.counts[0] + place.patient + 1
        study = (patient - 1) * max(1, batch.invention.counts[1]) + place.study + 1
        values: dict[str, object] = {}
        if top is Level.PATIENT:
            values |= {
                "PatientName": f"{INVENTED}^Patient{patient:05}", "PatientID": f"INV-{batch.short}-{patient:05}",
                "IssuerOfPatientID": "INVENTED", "PatientBirthDate": "19700101", "PatientSex": "O",
                "PatientComments": "Made by a program for load tests; no such person exists.",
            }  # fmt: skip
        if top <= Level.STUDY:
            values |= {"StudyID": f"{study}", "AccessionNumber": f"{batch.short}{study:06}"}
        if top <= Level.SERIES:
            values["SeriesNumber"] = _numbered(dataset, "SeriesNumber", place.series, batch.invention.counts[2])
        values["InstanceNumber"] = _numbered(dataset, "InstanceNumber", place.instance, batch.invention.counts[3])
        return values


def _numbered(dataset: Dataset, keyword: str, place: int, count: int) -> str:
    """The template's number, spread so that no two copies have the same."""
    text = text_of(dataset, keyword)
    try:
        number = int(text)
    except ValueError:
        number = 1
    wanted = (max(1, number) - 1) * max(1, count) + place + 1
    return str(min(wanted, 2**31 - 1))


def _renew(dataset: Dataset, batch: _Batch, place: _Place) -> None:
    """New UIDs in the whole data set, in references as well."""
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value or ():
                _renew(item, batch, place)
        elif element.VR == "UI" and element.value:
            several = not isinstance(element.value, str)
            olds = list(element.value) if several else [element.value]
            news = [batch.uid(str(old), place) for old in olds]
            element.value = news if several else news[0]


def invented(selection: Selection, invention: Invention, *, today: date | None = None) -> Selection:
    """New instances in the place of a selection, whose files are their templates; blocks while it looks at them.

    Without files a generated CT image is the template. Close both selections when all is sent.

    :raises ConfigurationError: that would be too many.
    """
    batch = _Batch(invention, today or datetime.now().astimezone().date())
    made = Selection() if selection.items or selection.skipped else _generated(batch.today)
    templates = selection.items or made.items
    if len(templates) * invention.per_template > MAX_INVENTED:
        made.close()
        total = len(templates) * invention.per_template
        raise _wrong(f"{total:,} instances are too many", f"Invent up to {MAX_INVENTED:,} at a time.")
    known, skipped = [], list(selection.skipped)
    for item in templates:
        try:
            known.append((item, _learn(item, batch)))
        except (OSError, ConversionError) as error:
            skipped.append(Skipped(item.name, f"it cannot be a template: {error}", is_fault=True))
    return Selection(_items(known, batch), skipped, made.give_up(), selection.directories)


def _learn(item: SendItem, batch: _Batch) -> int:
    """Take note of the UIDs of a template; gives the number of its patient."""
    wanted = frozenset({SOP_INSTANCE_UID, STUDY_UID, SERIES_UID, 0x0010_0020, 0x0010_0021})
    dataset = read_elements(item, wanted)
    for tag, level in ((STUDY_UID, Level.STUDY), (SERIES_UID, Level.SERIES), (SOP_INSTANCE_UID, Level.INSTANCE)):
        batch.level_of[text_of(dataset, tag)] = level
    patient = f"{text_of(dataset, 0x0010_0020)}\\{text_of(dataset, 0x0010_0021)}"
    return batch.patients.setdefault(patient, len(batch.patients))


def _items(templates: Iterable[tuple[SendItem, int]], batch: _Batch) -> Iterator[SendItem]:
    """Patient after patient, study after study."""
    counts = [count or 1 for count in batch.invention.counts]
    known = list(templates)
    number = 0
    for patient, study, series in product(*map(range, counts[:3])):
        for item, owner in known:
            for instance in range(counts[3]):
                number += 1
                place = _Place(patient, study, series, instance)
                uid = batch.uid(item.head.sop_instance_uid, place)
                head = item.head._replace(sop_instance_uid=uid)
                change = _Invented(batch, place, owner)
                yield replace(item, head=head, name=f"{item.name} #{number}", change=change)


def _generated(today: date) -> Selection:
    """A CT image of the practice PACS in a temporary file."""
    made = next(practice_instances(today))
    head = write_head(
        sop_class_uid=made.sop_class_uid,
        sop_instance_uid=made.sop_instance_uid,
        transfer_syntax_uid=made.transfer_syntax_uid,
    )
    folder = Path(tempfile.mkdtemp(prefix="dicomgui-invent-"))
    path = folder / "template.dcm"
    path.write_bytes(head + made.data)
    return Selection([SendItem(path, len(head) + len(made.data), parse_head(head + made.data), "invented")], (), folder)
