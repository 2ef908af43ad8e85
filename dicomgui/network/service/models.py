"""The information models of query and retrieve: which SOP class each operation has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

from dicomgui.network.errors import ConfigurationError

__all__ = ["QUERY_MODELS", "QueryOperation", "query_class"]

QueryOperation: TypeAlias = Literal["find", "move", "get"]

QUERY_MODELS: Final[Mapping[str, Mapping[QueryOperation, str]]] = {
    "patient": {
        "find": "1.2.840.10008.5.1.4.1.2.1.1",
        "move": "1.2.840.10008.5.1.4.1.2.1.2",
        "get": "1.2.840.10008.5.1.4.1.2.1.3",
    },
    "study": {
        "find": "1.2.840.10008.5.1.4.1.2.2.1",
        "move": "1.2.840.10008.5.1.4.1.2.2.2",
        "get": "1.2.840.10008.5.1.4.1.2.2.3",
    },
    "patient-study-only": {
        "find": "1.2.840.10008.5.1.4.1.2.3.1",
        "move": "1.2.840.10008.5.1.4.1.2.3.2",
        "get": "1.2.840.10008.5.1.4.1.2.3.3",
    },
    "composite-instance": {"move": "1.2.840.10008.5.1.4.1.2.4.2", "get": "1.2.840.10008.5.1.4.1.2.4.3"},
    "without-bulk-data": {"get": "1.2.840.10008.5.1.4.1.2.5.3"},
    "worklist": {"find": "1.2.840.10008.5.1.4.31"},
    "relevant-patient": {"find": "1.2.840.10008.5.1.4.37.1"},
    "relevant-patient-breast": {"find": "1.2.840.10008.5.1.4.37.2"},
    "relevant-patient-cardiac": {"find": "1.2.840.10008.5.1.4.37.3"},
    "product-characteristics": {"find": "1.2.840.10008.5.1.4.41"},
    "substance-approval": {"find": "1.2.840.10008.5.1.4.42"},
    "ups": {"find": "1.2.840.10008.5.1.4.34.6.3"},
    "ups-watch": {"find": "1.2.840.10008.5.1.4.34.6.2"},
    "ups-query": {"find": "1.2.840.10008.5.1.4.34.6.5"},
    "hanging-protocol": {
        "find": "1.2.840.10008.5.1.4.38.2",
        "move": "1.2.840.10008.5.1.4.38.3",
        "get": "1.2.840.10008.5.1.4.38.4",
    },
    "color-palette": {
        "find": "1.2.840.10008.5.1.4.39.2",
        "move": "1.2.840.10008.5.1.4.39.3",
        "get": "1.2.840.10008.5.1.4.39.4",
    },
    "implant-template": {
        "find": "1.2.840.10008.5.1.4.43.2",
        "move": "1.2.840.10008.5.1.4.43.3",
        "get": "1.2.840.10008.5.1.4.43.4",
    },
    "implant-assembly": {
        "find": "1.2.840.10008.5.1.4.44.2",
        "move": "1.2.840.10008.5.1.4.44.3",
        "get": "1.2.840.10008.5.1.4.44.4",
    },
    "implant-group": {
        "find": "1.2.840.10008.5.1.4.45.2",
        "move": "1.2.840.10008.5.1.4.45.3",
        "get": "1.2.840.10008.5.1.4.45.4",
    },
    "defined-procedure": {
        "find": "1.2.840.10008.5.1.4.20.1",
        "move": "1.2.840.10008.5.1.4.20.2",
        "get": "1.2.840.10008.5.1.4.20.3",
    },
    "protocol-approval": {
        "find": "1.2.840.10008.5.1.4.1.1.200.4",
        "move": "1.2.840.10008.5.1.4.1.1.200.5",
        "get": "1.2.840.10008.5.1.4.1.1.200.6",
    },
    "inventory": {
        "find": "1.2.840.10008.5.1.4.1.1.201.2",
        "move": "1.2.840.10008.5.1.4.1.1.201.3",
        "get": "1.2.840.10008.5.1.4.1.1.201.4",
    },
    "repository": {"find": "1.2.840.10008.5.1.4.1.1.201.6"},
}
"""SOP classes of the information models (PS3.4 annexes C, K, Q, U, V, X, Y, Z, BB, CC, HH, II and JJ), by
our short names."""


def query_class(model: str, operation: QueryOperation) -> str:
    """The SOP class UID of an operation in an information model.

    :param model: a name of :data:`QUERY_MODELS`.
    :raises ConfigurationError: there is no such model, or it has no such operation.
    """
    classes = QUERY_MODELS.get(model)
    if classes is None or operation not in classes:
        known = ", ".join(name for name, ops in QUERY_MODELS.items() if operation in ops)
        raise ConfigurationError(
            f"there is no information model {model!r} for {operation}", phase="configure", hint=f"Take one of: {known}."
        )
    return classes[operation]
