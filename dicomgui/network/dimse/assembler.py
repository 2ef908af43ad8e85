"""Presentation data values put together to messages (PS3.7 6.3, PS3.8 9.3.5 and annex E).

The command is held until it is whole; then a :class:`Sink` is chosen for the data set, which flows through piece by
piece and is never held here. Fragments of one message follow each other in one presentation context.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Final, NamedTuple, NoReturn, Protocol

from dicomgui.network.dimse.command_set import appended_dataset, decode
from dicomgui.network.dimse.commands import Command
from dicomgui.network.dimse.memory import MemoryShare
from dicomgui.network.errors import RemoteProtocolError
from dicomgui.network.pdu.data import COMMAND, LAST, PDATA_HEAD, PdvPiece
from dicomgui.network.pdu.runs import RUN_BYTES, PdvRun, command_pdu, data_of
from dicomgui.network.pdu.wire import INVALID_PARAMETER, PduType

__all__ = ["UNEXPECTED_PARAMETER", "Assembler", "MemorySink", "Message", "NullSink", "Sink"]

UNEXPECTED_PARAMETER: Final = 5
"""A-ABORT reason (PS3.8 table 9-26) for a fragment that may not come here."""

_new: Final = tuple.__new__  # without the function of Python that a named tuple has in between


class Sink(Protocol):
    """Where the bytes of one received data set go.

    A sink that cannot go on (a full disk) remembers that, takes the rest and tells it as its result: what is raised
    here ends the association. Exactly one of ``finish`` and ``abandon`` is called, once, as the last call.
    """

    def write(self, data: memoryview, /) -> None:
        """Take the next bytes; ``data`` is valid only until the return."""

    def finish(self) -> object:
        """The data set is complete; what is returned becomes :attr:`Message.sink_result`."""

    def abandon(self) -> None:
        """The data set will never be complete: discard it."""


class NullSink:
    """Discards a data set; its result is ``None``."""

    __slots__ = ()

    def write(self, data: memoryview, /) -> None:
        """Take no notice."""

    def finish(self) -> None:
        """Nothing to tell."""

    def abandon(self) -> None:
        """Nothing to discard."""


class MemorySink:
    """Keeps a data set of at most ``limit`` bytes; its result is the bytes, or ``None`` where there were more.

    For identifiers, attribute lists and other small data sets.

    :ivar overflowed: whether it was too much, for the limit or for the memory that was left.
    :ivar is_out_of_room: whether it was within the limit, but ``share`` had nothing left.
    :ivar charged_bytes: what is charged on ``share``; who takes the result calls :meth:`give_back`
        when it needs it no more.
    :param limit: bytes of the data set.
    :param share: what the bytes are charged on; ``None`` charges nobody.
    """

    __slots__ = ("_buffer", "_limit", "_share", "charged_bytes", "is_out_of_room", "overflowed")

    def __init__(self, limit: int, share: MemoryShare | None = None) -> None:
        self._buffer = bytearray()
        self._limit = limit
        self._share = share
        self.charged_bytes = 0
        self.overflowed = False
        self.is_out_of_room = False

    @property
    def limit(self) -> int:
        """Bytes that the data set may have."""
        return self._limit

    def write(self, data: memoryview, /) -> None:
        """Keep a copy, or drop everything once the limit is passed."""
        if self.overflowed:
            return
        size = len(data)
        if len(self._buffer) + size > self._limit:
            self._overflow()
        elif self._share is not None and not self._share.take(size):
            self.is_out_of_room = True
            self._overflow()
        else:
            if self._share is not None:
                self.charged_bytes += size
            self._buffer += data

    def finish(self) -> bytes | None:
        """The data set, or ``None`` where it was too much."""
        if self.overflowed:
            return None
        data, self._buffer = bytes(self._buffer), bytearray()
        return data

    def abandon(self) -> None:
        """Discard what was kept."""
        self._buffer = bytearray()
        self.give_back()

    def give_back(self) -> None:
        """Take back what is charged: the result is not needed any more."""
        if self._share is not None:
            self._share.give_back(self.charged_bytes)
            self.charged_bytes = 0

    def _overflow(self) -> None:
        self.overflowed = True
        self.abandon()


class _UnwantedSink:
    """Discards the data set of a message that has none by definition; its result is empty."""

    __slots__ = ()

    def write(self, data: memoryview, /) -> None:
        """Take no notice."""

    def finish(self) -> bytes:
        """Nothing was due."""
        return b""

    def abandon(self) -> None:
        """Nothing to discard."""


_UNWANTED: Final = _UnwantedSink()

MAX_REMEMBERED_COMMAND: Final = 1024
"""Bytes of a command set up to which the last one is kept to recognise the next; longer ones are not repeated."""


class Message(NamedTuple):
    """A whole message.

    :ivar context_id: presentation context of all its fragments.
    :ivar command: its command.
    :ivar sink_result: what :meth:`Sink.finish` returned; ``None`` without a data set, empty bytes where one came with a
        command that has none by definition. With the anomaly
        :data:`~dicomgui.network.dimse.command_set.APPENDED` the data set is in implicit VR little endian.
    :ivar dataset_length: bytes of the data set; -1 without one.
    """

    context_id: int
    command: Command
    sink_result: object
    dataset_length: int


class Assembler:
    """Puts the messages of one association together.

    :param choose_sink: is asked for the sink of each data set once its command is there; gets context id and command.
        What it raises passes through :meth:`feed`, after which the association must be aborted. It is not asked where
        the command has no data set by definition: one that comes all the same is dropped as it comes.
    :param accepted: the ids of the accepted presentation contexts.
    :param max_command_length: bytes of a command set.
    :param max_dataset_length: bytes of a data set.

    :ivar command_length: bytes of the last command set that came; to be read only.
    """

    __slots__ = (
        "_accepted", "_choose_sink", "_command", "_command_context", "_context_id", "_last_command", "_last_raw",
        "_max_command", "_max_dataset", "_parts", "_received", "_sink", "command_length",
    )  # fmt: skip

    def __init__(
        self,
        choose_sink: Callable[[int, Command], Sink],
        accepted: Container[int],
        *,
        max_command_length: int = 65_536,
        max_dataset_length: int = 4_294_967_296,
    ) -> None:
        self._choose_sink = choose_sink
        self._accepted = accepted
        self._max_command = max_command_length
        self._max_dataset = max_dataset_length
        self._command_context: int | None = None  # set while a command is incomplete
        self._parts = bytearray()
        self._received = 0
        self._context_id = 0  # of the message whose data set is arriving
        self._command: Command | None = None
        self._sink: Sink | None = None
        self.command_length = 0
        self._last_raw = b""
        self._last_command: Command | None = None

    @property
    def in_message(self) -> bool:
        """Whether part of a message is there and the rest is missing."""
        return self._sink is not None or self._command_context is not None

    @property
    def command(self) -> Command | None:
        """The command whose data set is arriving."""
        return self._command

    def feed(self, piece: PdvPiece) -> Message | None:
        """Take the next piece; returns the message that it completes.

        :raises RemoteProtocolError: the fragments make no message, the command set is malformed or a limit is passed;
            the sink that was open is abandoned.
        """
        context_id, control, data, _, ends = piece
        if control & COMMAND:
            return self._feed_command(piece)
        sink, command = self._sink, self._command
        if sink is None or command is None:
            self._fail("Message control header", "a data-set fragment where a command is due", UNEXPECTED_PARAMETER)
        if context_id != self._context_id:
            self._fail_context(context_id, self._context_id)
        length = len(data)
        if length:
            self._received += length
            if self._received > self._max_dataset:
                self._fail("Data set", f"more than the limit of {self._max_dataset} bytes", INVALID_PARAMETER)
            sink.write(data)
        if not (ends and control & LAST):
            return None
        length = self._received
        self._sink = self._command = None
        self._received = 0
        return _new(Message, (context_id, command, sink.finish(), length))

    def repeated(self, message: Message) -> bytes | None:
        """How a message begins that differs in its data set from this one, the last: see :meth:`feed_run`.

        ``None`` where none would be taken so: the limit of a data set has to be looked at, or the command is long or
        was odd.
        """
        if self._max_dataset < RUN_BYTES or not self._last_raw or message.command.anomalies:
            return None
        return command_pdu(message.context_id, self._last_raw)

    def feed_run(self, run: PdvRun) -> list[Message]:
        """The messages of a run that repeats the last one; no sink is asked for, each has its data set in memory."""
        context_id, command = run.context_id, self._last_command
        assert command is not None
        return [_new(Message, (context_id, command, data_of(pdu), len(pdu) - PDATA_HEAD.size)) for pdu in run.data]

    def abandon(self) -> None:
        """The association is over: discard what is incomplete. May be called at any time."""
        sink = self._sink
        self._sink = self._command = None
        self._reset()
        if sink is not None:
            sink.abandon()

    def _reset(self) -> None:
        """Nothing of a message is there."""
        self._command_context = None
        self._parts = bytearray()
        self._received = 0

    def _feed_command(self, piece: PdvPiece) -> Message | None:
        context_id, control, data, starts, ends = piece
        if self._sink is not None:
            self._fail("Message control header", "a command fragment where data is due", UNEXPECTED_PARAMETER)
        if self._command_context is None:
            if context_id not in self._accepted:
                self._fail("Presentation-context-ID", f"{context_id} is not accepted", INVALID_PARAMETER)
            if starts and ends and control & LAST and len(data) <= self._max_command:
                # Nearly every command comes in one piece.
                return self._command_complete(context_id, data)
            self._command_context = context_id
        elif context_id != self._command_context:
            self._fail_context(context_id, self._command_context)
        # An empty piece counts as well, so that they cannot go on for ever.
        self._received += len(data) or 1
        if self._received > self._max_command:
            self._fail("Command set", f"more than the limit of {self._max_command} bytes", INVALID_PARAMETER)
        self._parts += data
        if ends and control & LAST:
            return self._command_complete(context_id, self._parts)
        return None

    def _command_complete(self, context_id: int, data: bytes | bytearray | memoryview) -> Message | None:
        raw = bytes(data)
        if self._command_context is not None:
            self._reset()
        command = self._last_command
        if command is None or raw != self._last_raw:  # of the matches of a C-FIND it is always the same
            command = decode(raw)
            self.command_length = len(raw)
            if len(raw) <= MAX_REMEMBERED_COMMAND:
                self._last_raw, self._last_command = raw, command
            else:
                self._last_raw, self._last_command = b"", None
        if command.anomalies:
            appended = appended_dataset(raw)
            if appended:
                return self._appended(context_id, command, appended)
        if not command.has_dataset:
            return _new(Message, (context_id, command, None, -1))
        sink: Sink = self._choose_sink(context_id, command) if command.takes_dataset else _UNWANTED
        self._context_id, self._command, self._sink = context_id, command, sink
        return None

    def _appended(self, context_id: int, command: Command, data: bytes) -> Message:
        """A response whose data set came with its command set."""
        if len(data) > self._max_dataset:
            self._fail("Data set", f"more than the limit of {self._max_dataset} bytes", INVALID_PARAMETER)
        sink = self._choose_sink(context_id, command)
        sink.write(memoryview(data))
        return _new(Message, (context_id, command, sink.finish(), len(data)))

    def _fail_context(self, context_id: int, begun: int) -> NoReturn:
        self._fail(
            "Presentation-context-ID",
            f"{context_id} in the middle of a message of context {begun}",
            UNEXPECTED_PARAMETER,
        )

    def _fail(self, field: str, problem: str, abort_reason: int) -> NoReturn:
        self.abandon()
        raise RemoteProtocolError(
            f"P-DATA-TF, {field}: {problem}", pdu_type=PduType.P_DATA_TF, field=field, abort_reason=abort_reason
        )
