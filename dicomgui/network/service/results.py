"""What comes back from a peer: final responses, matches, and the progress of a retrieve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from dicomgui.network.dimse.commands import CEchoRSP, CGetRSP, CMoveRSP, CStoreRSP, NActionRSP, NEventReportRSP
from dicomgui.network.dimse.commands import Response as ResponseCommand
from dicomgui.network.dimse.dataset import decode_answer
from dicomgui.network.errors import DimseFailure
from dicomgui.network.status import Status

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from dicomgui.network.dimse.assembler import Message

__all__ = ["Match", "Matches", "Progress", "Response", "progress_of", "response_of"]

FAILED_SOP_INSTANCE_UID_LIST = 0x00080058


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a C-MOVE or C-GET has come, in sub-operations (PS3.7 9.3.3.2); ``None`` where the peer does not say."""

    remaining: int | None = None
    completed: int | None = None
    failed: int | None = None
    warning: int | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """One match of a C-FIND: what the peer answered with a pending status, or what a handler of ours answers with.

    :ivar dataset_or_bytes: the identifier; encoded ones are decoded by :attr:`dataset`.
    :ivar status: FF00, or FF01 where an optional key was not supported for matching.
    :ivar transfer_syntax_uid: how it is encoded.
    """

    dataset_or_bytes: Dataset | bytes
    status: Status = field(default=Status(0xFF00))
    transfer_syntax_uid: str = ""

    @property
    def dataset(self) -> Dataset:
        """The identifier, decoded anew at each call where it came encoded.

        :raises RemoteProtocolError: it cannot be decoded.
        """
        content = self.dataset_or_bytes
        return decode_answer(content, self.transfer_syntax_uid) if isinstance(content, bytes) else content

    @property
    def data(self) -> bytes:
        """The identifier as it came over the wire; empty for one that did not."""
        return self.dataset_or_bytes if isinstance(self.dataset_or_bytes, bytes) else b""


@dataclass(frozen=True, slots=True)
class Matches:
    """Several matches that a handler of ours answers a C-FIND with: they go together, in far less time than one by one.

    A C-CANCEL is heard between one of these and the next.

    :ivar data: the identifiers in the transfer syntax of the request's context.
    :ivar status: as of :class:`Match`, of each of them.
    """

    data: Sequence[bytes]
    status: Status = field(default=Status(0xFF00))


class Response(NamedTuple):
    """The final response to a request.

    A failure status is a result like any other: look at ``status``, or call :meth:`raise_for_status`.

    :ivar status: the status of the response.
    :ivar comment: Error Comment (0000,0902), text of the peer; may be empty.
    :ivar offending: Offending Element (0000,0901) as tags ``(group << 16) | element``.
    :ivar error_id: Error ID (0000,0903), a code of the peer's own.
    :ivar sop_instance_uid: Affected SOP Instance UID (0000,1000), e.g. of what an N-CREATE made; may be empty.
    :ivar attribute_identifiers: Attribute Identifier List (0000,1005) as tags.
    :ivar type_id: Event Type ID (0000,1002) or Action Type ID (0000,1008).
    :ivar progress: the last numbers of sub-operations of a C-MOVE or C-GET.
    :ivar data: the data set as it came over the wire; ``None`` without one.
    :ivar transfer_syntax_uid: how ``data`` is encoded.
    """

    status: Status
    comment: str = ""
    offending: tuple[int, ...] = ()
    error_id: int | None = None
    sop_instance_uid: str = ""
    attribute_identifiers: tuple[int, ...] = ()
    type_id: int | None = None
    progress: Progress | None = None
    data: bytes | None = None
    transfer_syntax_uid: str = ""

    def __repr__(self) -> str:
        """Without the data set, which may be long and about somebody, and without what is not there."""
        rest = zip(self._fields[1:], self[1:], strict=True)
        told = "".join(f", {name}={value!r}" for name, value in rest if name != "data" and value not in ("", (), None))
        return f"Response(status={self.status!r}{told})"

    @property
    def dataset(self) -> Dataset | None:
        """The data set, decoded anew at each call; ``None`` without one.

        :raises RemoteProtocolError: it cannot be decoded.
        """
        return None if self.data is None else decode_answer(self.data, self.transfer_syntax_uid)

    @property
    def failed_sop_instance_uids(self) -> tuple[str, ...]:
        """Failed SOP Instance UID List (0008,0058) of a C-MOVE or C-GET; empty where the peer names none.

        :raises RemoteProtocolError: the data set cannot be decoded.
        """
        dataset = self.dataset
        element = None if dataset is None else dataset.get(FAILED_SOP_INSTANCE_UID_LIST)
        value = None if element is None else element.value
        if not value:
            return ()
        if isinstance(value, bytes):  # VR UN: in explicit VR a longer list than UI has room for (PS3.5 6.2.2)
            value = value.decode("ascii", "replace").rstrip("\0 ").split("\\")
        return (str(value),) if isinstance(value, str) else tuple(map(str, value))

    def raise_for_status(self) -> Response:
        """Return self, unless the status is a failure.

        :raises DimseFailure: the status is a failure, or the operation was cancelled.
        """
        if not self.status.is_success and (self.status.is_failure or self.status.is_cancel):
            text = f"the peer answered {self.status}" + (f" ({self.comment})" if self.comment else "")
            raise DimseFailure(text, status=int(self.status), comment=self.comment, offending=self.offending)
        return self


def progress_of(command: ResponseCommand) -> Progress | None:
    """The numbers of sub-operations in a response; ``None`` for those that have none."""
    if isinstance(command, CMoveRSP | CGetRSP):
        return Progress(command.remaining, command.completed, command.failed, command.warning)
    return None


def response_of(message: Message, transfer_syntax_uid: str) -> Response:
    """The final response that a message is."""
    command = message.command
    assert isinstance(command, ResponseCommand)
    if type(command) in _PLAIN:  # nearly all
        uid = command.affected_sop_instance_uid if isinstance(command, CStoreRSP) else ""
        return Response(command.status, command.error_comment, command.offending_elements, command.error_id, uid)
    data = message.sink_result if command.takes_dataset else None
    return Response(
        command.status,
        command.error_comment,
        command.offending_elements,
        command.error_id,
        command.sop_instance_uid,
        getattr(command, "attribute_identifiers", ()),
        _type_id_of(command),
        progress_of(command),
        data if isinstance(data, bytes) else None,
        transfer_syntax_uid,
    )


_PLAIN = frozenset({CEchoRSP, CStoreRSP})


def _type_id_of(command: ResponseCommand) -> int | None:
    if isinstance(command, NEventReportRSP):
        return command.event_type_id
    return command.action_type_id if isinstance(command, NActionRSP) else None
