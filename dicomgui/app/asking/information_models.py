"""The information models that have no query/retrieve level: what is asked for in each, and what is retrieved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from dicomgui.app.asking.keys import Key, parse_key
from dicomgui.app.asking.levels import Level
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.service import QUERY_MODELS
from dicomgui.network.service.models import QueryOperation
from dicomgui.network.service_classes import relevant_patient

__all__ = [
    "MODELS", "WITH_LEVELS", "Model", "check_retrieval", "is_without_levels", "keys_for", "level_for", "model_for",
    "models_for", "storage_of",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Model:
    """An information model without levels.

    :ivar returned: keywords that are asked for unless something else is.
    :ivar demanded: keys that each query has, in the form ``Keyword=value``.
    :ivar storage: SOP classes of the instances that can be retrieved.
    """

    returned: tuple[str, ...]
    demanded: tuple[str, ...] = ()
    storage: tuple[str, ...] = ()


_INSTANCE: Final = ("SOPClassUID", "SOPInstanceUID")
_STEP: Final = Model(
    (
        "ProcedureStepLabel",
        "ProcedureStepState",
        "ScheduledProcedureStepPriority",
        "WorklistLabel",
        "PatientName",
        "PatientID",
        "ScheduledProcedureStepStartDateTime",
        *_INSTANCE,
    )
)
_PRODUCT: Final = ("ProductPackageIdentifier", "ProductName", "ProductTypeCodeSequence")
_PROTOCOL: Final = ("ProtocolName", "Manufacturer", "ManufacturerModelName", "ContentCreatorName")


def _relevant(topic: relevant_patient.Topic) -> Model:
    template = relevant_patient.QUERIES[topic].template
    return Model(
        (
            "PatientName",
            "PatientID",
            "IssuerOfPatientID",
            "PatientBirthDate",
            "PatientSex",
            "ObservationDateTime",
            "ValueType",
            "ConceptNameCodeSequence",
            "ContentSequence",
        ),
        (
            "ContentTemplateSequence[0].MappingResource=DCMR",
            f"ContentTemplateSequence[0].TemplateIdentifier={template}",
        ),
    )


MODELS: Final = MappingProxyType(
    {
        "relevant-patient": _relevant("general"),
        "relevant-patient-breast": _relevant("breast imaging"),
        "relevant-patient-cardiac": _relevant("cardiac"),
        "product-characteristics": Model((*_PRODUCT, "Manufacturer")),
        "substance-approval": Model((*_PRODUCT, "PatientID", "SubstanceAdministrationApproval")),
        "hanging-protocol": Model(
            (
                "HangingProtocolName",
                "HangingProtocolDescription",
                "HangingProtocolLevel",
                "HangingProtocolCreator",
                "NumberOfScreens",
                *_INSTANCE,
            ),
            storage=("1.2.840.10008.5.1.4.38.1",),
        ),
        "color-palette": Model(
            ("ContentLabel", "ContentDescription", "ContentCreatorName", *_INSTANCE),
            storage=("1.2.840.10008.5.1.4.39.1",),
        ),
        "implant-template": Model(
            ("Manufacturer", "ImplantName", "ImplantPartNumber", "ImplantSize", *_INSTANCE),
            storage=("1.2.840.10008.5.1.4.43.1",),
        ),
        "implant-assembly": Model(
            ("Manufacturer", "ImplantAssemblyTemplateName", "ProcedureTypeCodeSequence", *_INSTANCE),
            storage=("1.2.840.10008.5.1.4.44.1",),
        ),
        "implant-group": Model(
            ("ImplantTemplateGroupName", "ImplantTemplateGroupDescription", *_INSTANCE),
            storage=("1.2.840.10008.5.1.4.45.1",),
        ),
        "defined-procedure": Model(
            (*_PROTOCOL, *_INSTANCE),
            storage=("1.2.840.10008.5.1.4.1.1.200.1", "1.2.840.10008.5.1.4.1.1.200.7"),
        ),
        "protocol-approval": Model(("ContentDate", *_INSTANCE), storage=("1.2.840.10008.5.1.4.1.1.200.3",)),
        "inventory": Model(
            ("InventoryLevel", "InventoryInstanceDescription", "ContentDate", *_INSTANCE),
            storage=("1.2.840.10008.5.1.4.1.1.201.1",),
        ),
        "ups": _STEP,
        "ups-watch": _STEP,
        "ups-query": _STEP,
    }
)
"""By their names in :data:`~dicomgui.network.service.QUERY_MODELS` (PS3.4 annexes Q, U, V, X, BB, CC, HH, II, JJ)."""

WITH_LEVELS: Final = ("repository",)
"""The models beside those of query and retrieve that are asked at a level (PS3.4 JJ.2)."""

_OF_INSTANCES: Final = ("composite-instance", "without-bulk-data")
"""The models that name instances alone, at image level (PS3.4 Y.4, Z.4)."""

_USUAL: Final = ("study", "patient", "patient-study-only")


def models_for(operation: QueryOperation) -> tuple[str, ...]:
    """The models that have an operation, those of query and retrieve first; the worklist has a verb of its own."""
    others = (name for name in QUERY_MODELS if name not in (*_USUAL, "worklist"))
    return tuple(name for name in (*_USUAL, *others) if operation in QUERY_MODELS[name])


def model_for(text: str, operation: QueryOperation) -> str:
    """``text``, where it is the name of a model that has the operation.

    :raises ConfigurationError: it is not.
    """
    names = models_for(operation)
    if text not in names:
        raise ConfigurationError(
            f"there is no information model {text[:40]!r} for {operation}",
            phase="configure",
            hint=f"Take one of: {', '.join(names)}.",
        )
    return text


def level_for(model: str | None, level: str, operation: QueryOperation) -> Level | None:
    """The level of a request in a model, where ``level`` was asked for; ``None`` for a query that has none.

    What is retrieved in a model without levels is instances.
    """
    if model in _OF_INSTANCES:
        return Level.IMAGE
    if model in MODELS:
        return None if operation == "find" else Level.IMAGE
    return Level(level.upper())


def is_without_levels(model: object) -> bool:
    """True where a model has no query/retrieve level: its matches are one list, and what is retrieved is instances."""
    return model in MODELS


def check_retrieval(model: str | None) -> None:
    """Check that what a model finds can be retrieved in it.

    :raises ConfigurationError: it only has queries.
    """
    if model is not None and model in QUERY_MODELS and "get" not in QUERY_MODELS[model]:
        raise ConfigurationError(f"the information model {model} has no retrieval", phase="configure")


def keys_for(
    model: str | None, keys: tuple[Key, ...], returned: tuple[Key, ...] | None
) -> tuple[tuple[Key, ...], tuple[Key, ...] | None]:
    """The keys of a query with those that its model demands, and what it returns unless something was asked for."""
    found = MODELS.get(model or "")
    if found is None:
        return keys, returned
    given = {key.path for key in keys}
    demanded = tuple(key for key in map(parse_key, found.demanded) if key.path not in given)
    return (*keys, *demanded), tuple(map(parse_key, found.returned)) if returned is None else returned


def storage_of(model: str | None) -> Sequence[str]:
    """The SOP classes of the instances that a model without levels retrieves; none for others."""
    found = MODELS.get(model or "")
    return () if found is None else found.storage
