"""What was asked in a trace, as an operation that can be asked again: from the association and one request on it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from dicomgui.app.asking.keys import Key
from dicomgui.app.asking.levels import Level
from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.nservices.requests import NOperation, NRequest
from dicomgui.app.recipes.recipe import Recipe, Verb, key_of, keys_in
from dicomgui.network.association.params import AETitle, PeerAddress
from dicomgui.network.dimse.commands import (
    CEchoRQ,
    CFindRQ,
    CGetRQ,
    CMoveRQ,
    Command,
    CStoreRQ,
    NActionRQ,
    NCreateRQ,
    NDeleteRQ,
    NEventReportRQ,
    NGetRQ,
    NSetRQ,
)
from dicomgui.network.dimse.dataset import decode_dataset
from dicomgui.network.errors import ConfigurationError, RemoteProtocolError
from dicomgui.network.service import QUERY_MODELS
from dicomgui.network.tracing import Role
from dicomgui.network.transport import TlsConfig
from dicomgui.trace.inspection.messages import Message, message_at
from dicomgui.trace.store import TraceStore
from dicomgui.trace.summary import AssociationSummary

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["recipe_at", "recipe_of"]

_CHARACTER_SET, _LEVEL = 0x00080005, 0x00080052
_PLACEHOLDER: Final = "FILE.dcm"
_OPERATIONS: Final = {
    NCreateRQ: NOperation.CREATE, NSetRQ: NOperation.SET, NGetRQ: NOperation.GET, NActionRQ: NOperation.ACTION,
    NDeleteRQ: NOperation.DELETE, NEventReportRQ: NOperation.EVENT_REPORT,
}  # fmt: skip


def recipe_of(
    summary: AssociationSummary,
    command: Command,
    dataset: Dataset | None = None,
    *,
    path: str = "",
    options: ConnectionOptions | None = None,
) -> Recipe:
    """The operation that ``command`` asked for. What was sent with it may be text of a peer: it is data.

    :param dataset: identifier, attribute list or information that followed; not needed for a C-STORE.
    :param path: the file that a C-STORE sent, where it is known.
    :param options: how to connect, where that is known; of the trace only AE title and TLS are taken.
    :raises ConfigurationError: it is no request, or its association or identifier cannot be used.
    """
    peer, notes = _peer_of(summary)
    chosen = options or ConnectionOptions(tls=TlsConfig() if summary.tls else None)
    if summary.calling_ae.strip():
        chosen = replace(chosen, calling_ae=AETitle(summary.calling_ae))
    if summary.tls and options is None:
        notes += ("It went over TLS; the trace does not say with which files.",)
    return replace(_request(Recipe(Verb.ECHO, peer, chosen), command, dataset, path), notes=notes)


def recipe_at(store: TraceStore, seq: int, *, options: ConnectionOptions | None = None) -> Recipe:
    """The operation whose request a row belongs to: of an exchange its first row, ``exchange.first_seq``.

    Reads as many rows as the request has PDUs, so of large objects not in the loop's thread.

    :raises ConfigurationError: the row belongs to no request, or the trace lacks what is needed.
    """
    message = message_at(store, seq)
    summary = None if message is None else store.association(message.association)
    command = None if message is None else message.decode()
    if message is None or summary is None or command is None:
        raise ConfigurationError("the trace does not hold the request", phase="configure")
    dataset = None if isinstance(command, CStoreRQ) else _dataset_of(message)
    recipe = recipe_of(summary, command, dataset, options=options)
    request, context = recipe.request, message.context.abstract_syntax
    if request is not None and context not in ("", request.sop_class_uid):
        recipe = replace(recipe, request=replace(request, context=context))
    return recipe


def _dataset_of(message: Message) -> Dataset | None:
    if not message.has_dataset:
        return None
    if not message.is_complete or message.missing_bytes or not message.context.transfer_syntax:
        raise ConfigurationError("the trace does not hold all of the request's data set", phase="configure")
    try:
        with warnings.catch_warnings(action="ignore"):
            return decode_dataset(message.dataset, message.context.transfer_syntax)
    except RemoteProtocolError as error:
        raise ConfigurationError(f"the request's data set cannot be read: {error}", phase="configure") from error


def _peer_of(summary: AssociationSummary) -> tuple[PeerAddress, tuple[str, ...]]:
    """Whom to call: the end that was called."""
    place = summary.local if summary.role is Role.ACCEPTOR else summary.peer
    if not place:
        raise ConfigurationError("the trace does not say where the peer was", phase="configure")
    notes = ("This is what the peer asked of us: the command does the same from here.",)
    return PeerAddress.parse(f"{summary.called_ae}@{place}"), notes if summary.role is Role.ACCEPTOR else ()


def _request(recipe: Recipe, command: Command, dataset: Dataset | None, path: str) -> Recipe:
    match command:
        case CEchoRQ():
            return recipe
        case CStoreRQ():
            return replace(recipe, verb=Verb.SEND, paths=(path or _PLACEHOLDER,))
        case CFindRQ():
            return _query(recipe, command, dataset)
        case CMoveRQ():
            return _retrieval(replace(recipe, destination=command.move_destination.strip()), command, dataset)
        case CGetRQ():
            return _retrieval(recipe, command, dataset)
    return replace(recipe, verb=Verb.NORMALIZED, request=_normalized(command, dataset))


def _query(recipe: Recipe, command: CFindRQ, dataset: Dataset | None) -> Recipe:
    root = _model_of(command.affected_sop_class_uid, "find")
    found = _keys(dataset)
    return replace(
        recipe,
        verb=Verb.WORKLIST if root == "worklist" else Verb.FIND,
        root=root,
        level=found.level or Level.STUDY,
        keys=found.matching,
        returned=found.returned,
    )


def _retrieval(recipe: Recipe, command: CMoveRQ | CGetRQ, dataset: Dataset | None) -> Recipe:
    is_move = isinstance(command, CMoveRQ)
    found = _keys(dataset)
    return replace(
        recipe,
        verb=Verb.MOVE if is_move else Verb.GET,
        root=_model_of(command.affected_sop_class_uid, "move" if is_move else "get"),
        level=found.level or Level.STUDY,
        keys=found.matching,
    )


def _model_of(sop_class_uid: str, operation: str) -> str:
    for name, classes in QUERY_MODELS.items():
        if sop_class_uid in (uid for of, uid in classes.items() if of == operation):
            return name
    raise ConfigurationError(f"{sop_class_uid[:64]!r} is no information model that is known", phase="configure")


@dataclass(frozen=True, slots=True)
class _Keys:
    level: Level | None
    matching: tuple[Key, ...]
    returned: tuple[Key, ...]


def _keys(dataset: Dataset | None) -> _Keys:
    """Level and keys of an identifier."""
    if dataset is None:
        raise ConfigurationError("the trace does not hold the identifier", phase="configure")
    level: Level | None = None
    matching, returned = [], []
    for path, text in keys_in(dataset):
        if path == (_LEVEL,):
            level = Level(text) if text in set(Level) else None
        elif text:
            matching.append(key_of(path, text))
        elif path != (_CHARACTER_SET,):
            returned.append(key_of(path, ""))
    return _Keys(level, tuple(matching), tuple(returned))


def _normalized(command: Command, dataset: Dataset | None) -> NRequest:
    operation = next((one for kind, one in _OPERATIONS.items() if isinstance(command, kind)), None)
    if operation is None:
        raise ConfigurationError("this is no request that can be repeated", phase="configure")
    if command.has_dataset and dataset is None:
        raise ConfigurationError("the trace does not hold the data set", phase="configure")
    number = getattr(command, "action_type_id", getattr(command, "event_type_id", None))
    return NRequest(
        operation,
        command.sop_class_uid,
        command.sop_instance_uid,
        dataset,
        number,
        getattr(command, "attribute_identifiers", ()),
    )
