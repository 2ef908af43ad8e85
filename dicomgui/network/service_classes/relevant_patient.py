"""Relevant patient information query (PS3.4 annex Q): what is known of one patient, as structured content.

::

    async with connect("RIS@127.0.0.1:104", contexts=relevant_patient.CONTEXTS) as assoc:
        answer = await relevant_patient.ask(assoc, "4711", issuer="HOSPITAL")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from dicomgui.network.association.contexts import ProposedContext
from dicomgui.network.service import ServiceUser
from dicomgui.network.service_classes.attributes import dataset_of, mark_character_set, put
from dicomgui.network.service_classes.query import search
from dicomgui.network.uids import DEFAULT_TRANSFER_SYNTAXES

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["CONTEXTS", "QUERIES", "RelevantPatientQuery", "Topic", "ask", "identifier"]

Topic: TypeAlias = Literal["general", "breast imaging", "cardiac"]


class RelevantPatientQuery(NamedTuple):
    """A SOP class, and the root template (PS3.16) of what it answers."""

    sop_class_uid: str
    template: str


QUERIES: Final[dict[Topic, RelevantPatientQuery]] = {
    "general": RelevantPatientQuery("1.2.840.10008.5.1.4.37.1", "9007"),
    "breast imaging": RelevantPatientQuery("1.2.840.10008.5.1.4.37.2", "9000"),
    "cardiac": RelevantPatientQuery("1.2.840.10008.5.1.4.37.3", "3802"),
}
"""The SOP classes of the service (PS3.4 Q.5)."""

CONTEXTS: Final = tuple(ProposedContext(query.sop_class_uid, DEFAULT_TRANSFER_SYNTAXES) for query in QUERIES.values())
"""What to propose."""


def identifier(patient_id: str, *, issuer: str = "", template: str = QUERIES["general"].template) -> Dataset:
    """What to ask for (PS3.4 table Q.4-1); the patient ID is matched as it is.

    :param issuer: Issuer of Patient ID, where IDs of several issuers are about.
    :param template: identifier of the root template of PS3.16.
    """
    content = dataset_of({"MappingResource": "DCMR", "TemplateIdentifier": template})
    dataset = dataset_of(
        {
            "PatientName": "",
            "PatientID": patient_id,
            "IssuerOfPatientID": issuer,
            "PatientBirthDate": "",
            "PatientSex": "",
            "ObservationDateTime": "",
            "ValueType": "",
            "ConceptNameCodeSequence": [],
            "ContentSequence": [],
        }
    )
    put(dataset, "ContentTemplateSequence", [content])
    return mark_character_set(dataset)


async def ask(
    user: ServiceUser, patient_id: str, *, topic: Topic = "general", issuer: str = "", timeout_s: float | None = None
) -> Dataset | None:
    """What the peer knows of a patient; ``None`` where it knows nothing.

    :raises DimseFailure: the peer answered with a failure; C100 says that several patients match.

    Other errors are those of :func:`~dicomgui.network.service_classes.query.search`.
    """
    query = QUERIES[topic]
    keys = identifier(patient_id, issuer=issuer, template=query.template)
    answer = await search(user, keys, sop_class_uid=query.sop_class_uid, timeout_s=timeout_s)
    if answer.response is not None:
        answer.response.raise_for_status()
    return answer.found[0].dataset if answer.found else None
