"""Requests for normalized services that are made already: performed steps, storage commitment, print, unified steps.

Each is one request, filled in from what is known, to be changed before it is sent. What one needs of another, such as
the UID of the film session that a film box belongs to, comes from :class:`Known`, which learns from what was answered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from dicomgui.app.nservices.grouped_references import NOWHERE, Group, Homes, grouped
from dicomgui.app.nservices.performed_series import is_image
from dicomgui.app.nservices.requests import NOperation, NRequest, NResult
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.service_classes import availability, commitment, mpps, print_attributes, ups_attributes
from dicomgui.network.service_classes.attributes import Code, dataset_of, items_of, new_uid, put, tag_of, text_of
from dicomgui.network.service_classes.printer import REFERENCED_PRINT_JOBS
from dicomgui.network.service_classes.references import Reference, references_in
from dicomgui.network.service_classes.ups import CHANGE_STATE, REQUEST_CANCEL
from dicomgui.network.service_classes.ups_watch import ALL_STEPS, FILTERED_STEPS, SUBSCRIBE, SUSPEND, UNSUBSCRIBE

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["TEMPLATES", "Draft", "Known", "Template", "learned"]

_STEP: Final = "Unified procedure step"
_PERFORMED: Final = "Performed procedure step"
_CT: Final = "1.2.840.10008.5.1.4.1.1.2"
_STATION: Final = Code("STATION", "99LOCAL", "Our station")
_WORKITEM: Final = Code("110005", "DCM", "Interpretation")
_META: Final = print_attributes.GRAYSCALE_META
_PRINTED: Final = frozenset({print_attributes.FILM_SESSION, print_attributes.FILM_BOX})
_COLOR_BOX: Final = print_attributes.COLOR_IMAGE_BOX


@dataclass(frozen=True, slots=True)
class Draft:
    """A request before it is complete: unlike a :class:`NRequest` it may lack what is needed.

    :ivar attributes: tags that N-GET asks for.
    :ivar note: what to look at before it is sent, in one sentence; empty for nothing.
    """

    operation: NOperation
    sop_class_uid: str
    sop_instance_uid: str = ""
    dataset: Dataset | None = None
    type_id: int | None = None
    attributes: tuple[int, ...] = ()
    context: str = ""
    note: str = ""

    def request(self) -> NRequest:
        """The request; raises :class:`ConfigurationError` where something that is needed is missing."""
        return NRequest(
            self.operation,
            self.sop_class_uid,
            self.sop_instance_uid,
            self.dataset,
            self.type_id,
            self.attributes,
            self.context,
        )

    @classmethod
    def of(cls, request: NRequest) -> Draft:
        """The draft of a request that was sent, to be sent again."""
        return cls(
            request.operation, request.sop_class_uid, request.sop_instance_uid, request.dataset, request.type_id,
            request.attributes, request.context,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Known:
    """What requests are filled in from.

    :ivar our_ae: our AE title.
    :ivar references: instances that were chosen, as pairs of SOP class and instance UID.
    :ivar homes: the study and series of these, as far as they are known.
    :ivar image: a picture to print, with uncompressed pixel data.
    :ivar created: the last instance of each SOP class that a peer has made for us, with the context it is in.
    :ivar boxes: image boxes of the last film.
    :ivar texts: annotation boxes of the last film.
    :ivar job: the print job of what was printed last; empty where the printer has told none.
    :ivar transaction_uid: of the last claim of a unified procedure step.
    """

    our_ae: str = "DICOMGUI"
    references: tuple[Reference, ...] = ()
    homes: Homes = field(default_factory=lambda: NOWHERE)
    image: Dataset | None = None
    created: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    boxes: tuple[Reference, ...] = ()
    texts: tuple[Reference, ...] = ()
    job: str = ""
    transaction_uid: str = ""

    @property
    def groups(self) -> list[Group]:
        """The instances by series."""
        return grouped(self.references, self.homes)

    @property
    def study_instance_uid(self) -> str:
        """The study of the first instance; empty where that is not known."""
        return next((group.study for group in self.groups), "")

    def instance(self, sop_class_uid: str) -> str:
        """The last instance of a SOP class; empty where there is none."""
        return self.created.get(sop_class_uid, ("", ""))[0]

    def context(self, sop_class_uid: str, usual: str) -> str:
        """The context that its instance was made in, else the usual one."""
        return self.created.get(sop_class_uid, ("", usual))[1] or usual


def learned(known: Known, result: NResult) -> Known:
    """What is known after an answer."""
    request = result.request
    if not result.ok:
        return known
    if request.operation is NOperation.CREATE and result.sop_instance_uid:
        created = {**known.created, request.sop_class_uid: (result.sop_instance_uid, request.context)}
        known = replace(known, created=created)
        if request.sop_class_uid == print_attributes.FILM_BOX and result.dataset is not None:
            texts = references_in(result.dataset, "ReferencedBasicAnnotationBoxSequence")
            known = replace(known, boxes=references_in(result.dataset, "ReferencedImageBoxSequence"), texts=texts)
    if request.operation is NOperation.ACTION and request.sop_class_uid in _PRINTED and result.dataset is not None:
        jobs = [Reference.of(item) for item in items_of(result.dataset, REFERENCED_PRINT_JOBS)]
        known = replace(known, job=jobs[0].sop_instance_uid if jobs else "")
    is_action = request.operation is NOperation.ACTION and request.sop_class_uid == ups_attributes.PUSH
    if is_action and request.type_id == CHANGE_STATE and request.dataset is not None:
        known = replace(known, transaction_uid=text_of(request.dataset, "TransactionUID"))
    if request.operation is NOperation.DELETE:
        created = {uid: made for uid, made in known.created.items() if made[0] != request.sop_instance_uid}
        known = replace(known, created=created)
    return known


@dataclass(frozen=True, slots=True)
class Template:
    """A request that can be chosen.

    :ivar key: short name that stays the same.
    :ivar group: which menu it is in.
    :ivar title: its name there.
    :ivar keeps: whether what follows it needs the same association.
    """

    key: str
    group: str
    title: str
    make: Callable[[Known], Draft]
    keeps: bool = False


# ---------------------------------------------------------------------------------------------------- performed steps


def _mpps_begin(known: Known) -> Draft:
    study = known.study_instance_uid
    dataset = mpps.in_progress(station_ae=known.our_ae, modality="CT", study_instance_uid=study)
    note = "Begins an unscheduled step; the worklist begins scheduled ones."
    return Draft(NOperation.CREATE, mpps.SOP_CLASS, new_uid(), dataset, note=note)


def _series(known: Known) -> list[mpps.PerformedSeries]:
    made = [_performed_series(group) for group in known.groups]
    return made or [mpps.PerformedSeries(new_uid(), "Protocol")]


def _performed_series(group: Group) -> mpps.PerformedSeries:
    images = tuple(one for one in group.references if is_image(one.sop_class_uid))
    others = tuple(one for one in group.references if not is_image(one.sop_class_uid))
    return mpps.PerformedSeries(group.series or new_uid(), "Protocol", images, others)


def _mpps_end(known: Known, dataset: Dataset) -> Draft:
    uid = known.instance(mpps.SOP_CLASS)
    note = "" if uid else "Name the instance that N-CREATE has made."
    return Draft(NOperation.SET, mpps.SOP_CLASS, uid, dataset, note=note)


def _mpps_completed(known: Known) -> Draft:
    return _mpps_end(known, mpps.completed(_series(known)))


def _mpps_discontinued(known: Known) -> Draft:
    return _mpps_end(known, mpps.discontinued(_series(known)))


def _mpps_read(known: Known) -> Draft:
    uid = known.instance(mpps.SOP_CLASS)
    return Draft(NOperation.GET, mpps.RETRIEVE_SOP_CLASS, uid, note="" if uid else "Name the instance to be read.")


# ------------------------------------------------------------------------------------------ commitment, availability


def _references(known: Known) -> tuple[tuple[Reference, ...], str]:
    if known.references:
        return known.references, ""
    example = Reference(_CT, new_uid())
    return (example,), "The reference is an example: take instances from files, or change it."


def _commit(known: Known) -> Draft:
    references, note = _references(known)
    dataset = commitment.commitment_request(references, new_uid())
    return Draft(
        NOperation.ACTION, commitment.SOP_CLASS, commitment.SOP_INSTANCE, dataset, commitment.REQUEST_COMMITMENT,
        note=note or "The answer is an N-EVENT-REPORT: keep the association open, or have the listener run.",
    )  # fmt: skip


def _available(known: Known) -> Draft:
    references, note = _references(known)
    groups = grouped(references, known.homes)
    study = groups[0].study
    here = [group for group in groups if group.study == study]
    series = {
        group.series or new_uid(): [availability.AvailableInstance(*one, known.our_ae) for one in group.references]
        for group in here
    }
    left = sum(len(group.references) for group in groups) - sum(len(group.references) for group in here)
    if left:
        note = f"A notification is about one study: {left:,} instances of others are left out."
    dataset = availability.notification(study or new_uid(), series)
    return Draft(NOperation.CREATE, availability.SOP_CLASS, new_uid(), dataset, note=note)


# --------------------------------------------------------------------------------------------------------------- print


def _printer(_known: Known) -> Draft:
    tags = (tag_of("PrinterStatus"), tag_of("PrinterStatusInfo"))  # a printer may refuse more (PS3.4 table H.4-17)
    uid, instance = print_attributes.PRINTER, print_attributes.PRINTER_INSTANCE
    return Draft(NOperation.GET, uid, instance, attributes=tags, context=_META)


def _film_session(known: Known) -> Draft:
    is_color = known.image is not None and text_of(known.image, "SamplesPerPixel") == "3"
    meta = print_attributes.COLOR_META if is_color else _META
    return Draft(NOperation.CREATE, print_attributes.FILM_SESSION, "", print_attributes.film_session(), context=meta)


def _film_box(known: Known) -> Draft:
    session = known.instance(print_attributes.FILM_SESSION)
    dataset = print_attributes.film_box(session or new_uid())
    note = "" if session else "There is no film session yet: make one first, on the same association."
    context = known.context(print_attributes.FILM_SESSION, _META)
    return Draft(NOperation.CREATE, print_attributes.FILM_BOX, "", dataset, context=context, note=note)


def _image_box(known: Known) -> Draft:
    context = known.context(print_attributes.FILM_SESSION, _META)
    is_color = context == print_attributes.COLOR_META
    box = known.boxes[0] if known.boxes else Reference(_box_class(is_color), "")
    note = "" if known.boxes else "Name the image box that the answer to the film box has told."
    image = known.image if known.image is not None else _pattern(is_color)
    if known.image is None:
        note = f"{note} The picture is a test pattern: take one from a file.".strip()
    try:
        dataset = print_attributes.image_box(1, image, color=is_color)
    except ConfigurationError as error:
        dataset = print_attributes.image_box(1, _pattern(is_color), color=is_color)
        note = f"A test pattern, because {error}."
    return Draft(NOperation.SET, box.sop_class_uid, box.sop_instance_uid, dataset, context=context, note=note)


def _box_class(is_color: bool) -> str:
    return _COLOR_BOX if is_color else print_attributes.GRAYSCALE_IMAGE_BOX


def _pattern(is_color: bool) -> Dataset:
    """A ramp of 64 by 64 pixels."""
    ramp = bytes(range(0, 256, 4)) * 64
    values: dict[str, object] = {
        "SamplesPerPixel": 3 if is_color else 1, "PhotometricInterpretation": "RGB" if is_color else "MONOCHROME2",
        "Rows": 64, "Columns": 64, "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "PixelRepresentation": 0,
    }  # fmt: skip
    if is_color:
        values["PlanarConfiguration"] = 1
    return dataset_of({**values, "PixelData": ramp * (3 if is_color else 1)})


def _annotation_box(known: Known) -> Draft:
    kind = print_attributes.ANNOTATION_BOX
    uid = known.texts[0].sop_instance_uid if known.texts else ""
    note = (
        "" if uid else "Give the film box an Annotation Display Format ID of the printer: its answer tells the boxes."
    )
    return Draft(NOperation.SET, kind, uid, print_attributes.annotation(1, "Annotation"), note=note)


def _print_job(known: Known) -> Draft:
    note = "" if known.job else "Name the print job; the answer to the print request tells it."
    return Draft(NOperation.GET, print_attributes.PRINT_JOB, known.job, note=note)


def _print(known: Known) -> Draft:
    film = known.instance(print_attributes.FILM_BOX)
    note = "" if film else "Name the film box that is to be printed."
    context = known.context(print_attributes.FILM_SESSION, _META)
    kind = print_attributes.PRINT
    return Draft(NOperation.ACTION, print_attributes.FILM_BOX, film, type_id=kind, context=context, note=note)


def _end_session(known: Known) -> Draft:
    session = known.instance(print_attributes.FILM_SESSION)
    context = known.context(print_attributes.FILM_SESSION, _META)
    note = "" if session else "Name the film session that is to be deleted."
    return Draft(NOperation.DELETE, print_attributes.FILM_SESSION, session, context=context, note=note)


# ------------------------------------------------------------------------------------------------------ unified steps


def _ups_push(known: Known) -> Draft:
    study = known.study_instance_uid
    patient = dataset_of({"PatientName": "Test^Step", "PatientID": "TEST", "StudyInstanceUID": study})
    dataset = ups_attributes.scheduled("Test step", patient, workitem=_WORKITEM)
    put(dataset, "InputInformationSequence", ups_attributes.information(known.groups))
    return Draft(NOperation.CREATE, ups_attributes.PUSH, new_uid(), dataset)


def _ups(
    known: Known, operation: NOperation, dataset: Dataset | None, context: str, type_id: int | None = None
) -> Draft:
    uid = known.instance(ups_attributes.PUSH)
    note = "" if uid else "Name the step; a query of the worklist of unified steps tells their UIDs."
    return Draft(operation, ups_attributes.PUSH, uid, dataset, type_id, context=context, note=note)


def _ups_state(known: Known, state: str) -> Draft:
    is_claim = state == ups_attributes.IN_PROGRESS
    transaction = new_uid() if is_claim else known.transaction_uid or new_uid()
    dataset = dataset_of({"TransactionUID": transaction, "ProcedureStepState": state})
    draft = _ups(known, NOperation.ACTION, dataset, ups_attributes.PULL, CHANGE_STATE)
    return draft if is_claim or known.transaction_uid else _without_claim(draft)


def _without_claim(draft: Draft) -> Draft:
    return replace(draft, note=f"{draft.note} The transaction UID must be that of the claim.".strip())


def _ups_set(known: Known, changes: Dataset) -> Draft:
    put(changes, "TransactionUID", known.transaction_uid or new_uid())
    draft = _ups(known, NOperation.SET, changes, ups_attributes.PULL)
    return draft if known.transaction_uid else _without_claim(draft)


def _ups_progress(known: Known) -> Draft:
    item = dataset_of({"ProcedureStepProgress": "50", "ProcedureStepProgressDescription": "half done"})
    return _ups_set(known, dataset_of({"ProcedureStepProgressInformationSequence": [item]}))


def _ups_performed(known: Known) -> Draft:
    changes = ups_attributes.performed(_STATION, _WORKITEM)
    [item] = items_of(changes, "UnifiedProcedureStepPerformedProcedureSequence")
    put(item, "OutputInformationSequence", ups_attributes.information(known.groups))
    return _ups_set(known, changes)


def _ups_read(known: Known) -> Draft:
    return _ups(known, NOperation.GET, None, ups_attributes.PULL)


def _ups_cancel(known: Known) -> Draft:
    information = dataset_of({"ReasonForCancellation": "no longer needed"})
    return _ups(known, NOperation.ACTION, information, ups_attributes.PUSH, REQUEST_CANCEL)


def _ups_subscription(known: Known, kind: int, instance: str, note: str) -> Draft:
    values: dict[str, object] = {"ReceivingAE": known.our_ae}
    if kind == SUBSCRIBE:
        values["DeletionLock"] = "FALSE"
    dataset = dataset_of(values)
    return Draft(
        NOperation.ACTION, ups_attributes.PUSH, instance, dataset, kind, context=ups_attributes.WATCH, note=note
    )


def _ups_all(known: Known, kind: int) -> Draft:
    note = "All steps, present and future; name one instead to be told of that one alone."
    return _ups_subscription(known, kind, ALL_STEPS, note)


def _ups_one(known: Known, kind: int) -> Draft:
    uid = known.instance(ups_attributes.PUSH)
    return _ups_subscription(known, kind, uid, "" if uid else "Name the step.")


def _ups_filtered(known: Known, kind: int) -> Draft:
    draft = _ups_subscription(known, kind, FILTERED_STEPS, "The steps, present and future, that match the other keys.")
    if kind == SUBSCRIBE and draft.dataset is not None:
        put(draft.dataset, "ScheduledProcedureStepPriority", "HIGH")
    return draft


TEMPLATES: Final = (
    Template("mpps-begin", _PERFORMED, "In progress", _mpps_begin),
    Template("mpps-completed", _PERFORMED, "Completed", _mpps_completed),
    Template("mpps-discontinued", _PERFORMED, "Discontinued", _mpps_discontinued),
    Template("mpps-read", _PERFORMED, "Read it", _mpps_read),
    Template("commit", "Storage commitment", "Request", _commit, keeps=True),
    Template("available", "Instance availability", "Notification", _available),
    Template("printer", "Print", "Printer status", _printer),
    Template("film-session", "Print", "1. Film session", _film_session, keeps=True),
    Template("film-box", "Print", "2. Film box", _film_box, keeps=True),
    Template("image-box", "Print", "3. Image box", _image_box, keeps=True),
    Template("annotation-box", "Print", "4. Annotation box", _annotation_box, keeps=True),
    Template("print", "Print", "5. Print the film", _print, keeps=True),
    Template("print-job", "Print", "6. State of the print job", _print_job, keeps=True),
    Template("end-session", "Print", "7. Delete the session", _end_session, keeps=True),
    Template("ups-push", _STEP, "Push", _ups_push),
    Template("ups-claim", _STEP, "Claim", lambda known: _ups_state(known, ups_attributes.IN_PROGRESS)),
    Template("ups-progress", _STEP, "Progress", _ups_progress),
    Template("ups-performed", _STEP, "Performed, before it is completed", _ups_performed),
    Template("ups-complete", _STEP, "Complete", lambda known: _ups_state(known, ups_attributes.COMPLETED)),
    Template("ups-cancel", _STEP, "Ask for a cancel", _ups_cancel),
    Template("ups-read", _STEP, "Read it", _ups_read),
    Template("ups-subscribe", _STEP, "Subscribe to all", lambda known: _ups_all(known, SUBSCRIBE)),
    Template("ups-subscribe-step", _STEP, "Subscribe to one step", lambda known: _ups_one(known, SUBSCRIBE)),
    Template("ups-subscribe-filtered", _STEP, "Subscribe to some", lambda known: _ups_filtered(known, SUBSCRIBE)),
    Template("ups-suspend", _STEP, "Suspend all: no new steps", lambda known: _ups_all(known, SUSPEND)),
    Template("ups-suspend-filtered", _STEP, "Suspend some: no new steps", lambda known: _ups_filtered(known, SUSPEND)),
    Template("ups-unsubscribe", _STEP, "Unsubscribe from all", lambda known: _ups_all(known, UNSUBSCRIBE)),
    Template("ups-unsubscribe-step", _STEP, "Unsubscribe from one step", lambda known: _ups_one(known, UNSUBSCRIBE)),
)
"""All of them, in the order of the menu."""
