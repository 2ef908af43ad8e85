"""What is fuzzed: one function a target that takes any bytes, and lets only documented exceptions pass.

A target also states what must be true of what was understood: that it can be written again, that lengths agree, that a
second reading gives the same. It fails by any exception of its own.
"""

from __future__ import annotations

import asyncio
import io
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from fuzz import seeds
from fuzz.caller import called
from fuzz.cost import INFLATED, PLAIN, Allowance
from fuzz.stage import is_in_order, settled
from fuzz.ways import told

from dicomgui.app.asking.dicom_json import DatasetFileError, dataset_json, parse_dataset
from dicomgui.app.asking.searches import QueryFile
from dicomgui.app.configuration.paste import parse_paste
from dicomgui.app.configuration.peers import NodeStore
from dicomgui.app.configuration.settings import SettingsError, SettingsStore
from dicomgui.app.listening.answers import AnswerStore
from dicomgui.app.listening.ris_files import read_csv
from dicomgui.app.viewing.viewed import Viewed, elements_of, open_bytes, open_file
from dicomgui.network.association.negotiation import AcceptPolicy, conclude, negotiate
from dicomgui.network.dimse import command_set
from dicomgui.network.dimse.dataset import count_elements, decode_dataset
from dicomgui.network.errors import ConfigurationError, RemoteProtocolError
from dicomgui.network.part10 import Part10Error, parse_head
from dicomgui.network.pdu import AssociateAC, AssociateRQ, Framer, decode, mask_user_identity
from dicomgui.network.tracing import PduRecord, Role
from dicomgui.storage.attributes import read_attributes
from dicomgui.trace.capture import CaptureError, import_capture
from dicomgui.trace.describe import describe_bytes, describe_command, describe_pdu
from dicomgui.trace.diagnosis.diagnose import diagnose
from dicomgui.trace.file import TraceFileError
from dicomgui.trace.filter import FilterError, Sieve, Zoom, complete
from dicomgui.trace.filter import parse as parse_filter
from dicomgui.trace.index import TraceIndex
from dicomgui.trace.inspection.messages import message_at
from dicomgui.trace.inspection.negotiated import negotiation
from dicomgui.trace.inspection.phases import timeline
from dicomgui.trace.open_trace import open_trace
from dicomgui.trace.redaction.redact import redact
from dicomgui.trace.reports.jsonl import write_jsonl
from dicomgui.trace.reports.markdown import write_markdown
from dicomgui.trace.reports.text import write_text
from dicomgui.trace.store import TraceStore

MEMORY = Path("/dev/shm")
LOOKED_AT = 60
"""Rows of a trace of which everything is made that the window shows."""


class Target(NamedTuple):
    """Something that takes bytes from outside.

    :ivar run: takes any bytes; raises only where something is wrong with the product.
    :ivar seeds: inputs to begin with: sound ones, and some that once cost too much.
    :ivar allowance: time and memory that an input may take.
    """

    name: str
    run: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]
    allowance: Allowance = PLAIN


@contextmanager
def file_of(data: bytes, name: str) -> Iterator[Path]:
    """The bytes as a file, alone in a folder, in memory if there is such a place."""
    with tempfile.TemporaryDirectory(prefix="dicomgui-fuzz-", dir=MEMORY if MEMORY.is_dir() else None) as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        yield path


# ------------------------------------------------------------------------------------------------------------ protocol


def run_pdu(data: bytes) -> None:
    """A stream of PDUs: the framer, the decoder and back, what a server negotiates, what the trace says of it."""
    assert len(mask_user_identity(data)) == len(data)
    with suppress(RemoteProtocolError):
        pdu = decode(data)
        assert pdu.encode() == data
        if isinstance(pdu, AssociateRQ):
            answer = negotiate(pdu, AcceptPolicy())
            assert decode(answer.encode()) == answer
            if isinstance(answer, AssociateAC):
                conclude(pdu, answer, Role.ACCEPTOR)
                conclude(pdu, answer, Role.REQUESTOR)
    whole, pieces = _framed([data]), _framed([data[at : at + 7] for at in range(0, len(data), 7)])
    assert whole == pieces
    for node in describe_bytes(data):
        _walk_tree(node)


def _framed(pieces: list[bytes]) -> tuple[bytes, str]:
    """What the framer makes of a stream: the payload of it all, and its fault."""
    framer, passed = Framer(), bytearray()
    try:
        for piece in pieces:
            for frame in framer.feed(piece):
                for part in frame:
                    passed += bytes(part) if isinstance(part, bytes | bytearray | memoryview) else b""
    except RemoteProtocolError as error:
        return bytes(passed), f"{error.field} {error.abort_reason}"
    return bytes(passed), ""


def _walk_tree(node: object, depth: int = 0) -> None:
    assert depth < 200
    str(getattr(node, "value", ""))
    for child in getattr(node, "children", ()):
        _walk_tree(child, depth + 1)


def run_listener(data: bytes) -> None:
    """What a peer sends to a server, cut into pieces as the first byte says; the answers are in order."""
    size = data[0] * 4 + 1 if data else 1
    pieces = [data[at : at + size] for at in range(1, len(data), size)]
    with asyncio.Runner() as runner:
        is_in_order(runner.run(settled(pieces)))


def run_caller(data: bytes) -> None:
    """What a server says to us; a caller gets results, or errors that are documented, and always an end.

    Whole messages are the same whether they come in runs or piece by piece.
    """
    size = data[0] * 4 + 1 if data else 1
    pieces = [data[at : at + size] for at in range(1, len(data), size)]
    assert told(pieces, is_quick=True) == told(pieces, is_quick=False)
    with asyncio.Runner() as runner:
        runner.run(called(pieces))


def run_command(data: bytes) -> None:
    """A command set: what was understood can be written, and is understood as the same."""
    _walk_tree(describe_command(data))
    try:
        command = command_set.decode(data)
    except RemoteProtocolError:
        return
    try:
        written = command_set.encode(command)
    except ValueError:  # an AE title or a UID that is none is read, but never written
        return
    again = command_set.decode(written)
    assert again.command_field == command.command_field
    assert command_set.encode(again) == written


# --------------------------------------------------------------------------------------------------------------- files


def run_part10(data: bytes) -> None:
    """A file: its head, what the index takes of it, and what the window shows of it."""
    with suppress(Part10Error):
        head = parse_head(data)
        assert 0 <= head.dataset_offset <= len(data)
    with file_of(data, "object.dcm") as path:
        read_attributes(path, "1.2.3")
        with suppress(Part10Error):
            viewed = open_file(path)
            try:
                _look_at(viewed)
            finally:
                viewed.close()


def _look_at(viewed: Viewed) -> None:
    size = len(viewed.parsed.data)
    for node in islice(viewed.parsed.root.walk(), 5000):
        assert node.offset >= 0
        assert node.offset + node.length <= size or node.error or viewed.has_gaps or node.length == 0, node
        str(node.value)
        assert len(viewed.value_of(node)) <= 65_536
    for node in islice(elements_of(viewed.parsed.root), 20):
        viewed.element(node.tag)
    viewed.read_as("ISO_IR 192")
    str([node.value for node in islice(viewed.parsed.root.walk(), 500)])


SYNTAXES = (
    "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99",
    "1.2.840.10008.1.2.4.50", "",
)  # fmt: skip


def run_dataset(data: bytes) -> None:
    """A data set, in the transfer syntax that its first byte picks: every element as a place in the bytes."""
    if data:
        _look_at(open_bytes(data[1:], SYNTAXES[data[0] % len(SYNTAXES)], "fuzzed"))


def run_identifier(data: bytes) -> None:
    """A data set that comes with a request, as a service decodes it; the first byte picks the transfer syntax."""
    if not data:
        return
    syntax = SYNTAXES[data[0] % len(SYNTAXES)] or SYNTAXES[0]
    with suppress(RemoteProtocolError):
        dataset = decode_dataset(data[1:], syntax)
        assert sum(1 for _ in dataset.iterall()) <= count_elements(data[1:], syntax)


def run_json(data: bytes) -> None:
    """A data set that a user gives for a request: DICOM JSON or Part 10."""
    with suppress(DatasetFileError):
        dataset_json(parse_dataset(data))


# -------------------------------------------------------------------------------------------------------------- traces


def run_capture(data: bytes) -> None:
    """A capture file of another program."""
    store = TraceStore()
    try:
        with file_of(data, "a.pcapng") as path, suppress(CaptureError):
            import_capture(path, store)
            look_at_trace(store)
    finally:
        store.close()


def run_trace(data: bytes) -> None:
    """A trace file as it is, and once more with checksums that are right, for what stands behind them."""
    for one in (data, seeds.with_checksums(data)):
        with file_of(one, "a.dgtrace") as path, suppress(TraceFileError):
            opened = open_trace(path)
            try:
                assert all(opened.damage)
                look_at_trace(opened.store)
            finally:
                opened.store.close()


def look_at_trace(store: TraceStore) -> None:
    """Everything that is made of a trace: trees, messages, findings, reports, a redacted copy."""
    index = TraceIndex(store)
    while index.update():
        pass
    sieve = Sieve(index, Zoom.ROWS, parse_filter("failed or text:a"))
    while sieve.is_behind:
        sieve.step()
    entries = store.since(0, LOOKED_AT)
    for entry in entries:
        if isinstance(entry.record, PduRecord):
            _walk_tree(describe_pdu(entry.record))
            message = message_at(store, entry.seq)
            if message is not None:
                message.decode()
                assert message.length >= 0
    for association in store.association_numbers()[:5]:
        negotiation(store, association)
        timeline(store, association)
    records = list(islice(store.records(), 2000))
    findings = diagnose(records)
    out = io.StringIO()
    for write in (write_text, write_jsonl, write_markdown):
        write(store, findings, out)
    assert sum(1 for _ in redact(records)) == len(records)


FILTERED = seeds.recorded_store()


def run_filter(data: bytes) -> None:
    """A filter as somebody types it: parsed, completed, and applied to a small trace."""
    text = data.decode("utf-8", "replace")
    complete(text, len(text) // 2)
    complete(text, len(text))
    try:
        sieve = Sieve(TraceIndex(FILTERED), list(Zoom)[len(text) % len(Zoom)], parse_filter(text))
    except FilterError:
        return
    while sieve.is_behind:
        sieve.step()


# ------------------------------------------------------------------------------------------------------------ settings


def run_settings(data: bytes) -> None:
    """Each file of settings: read without an exception, and what was understood survives being written."""
    with file_of(data, "settings.toml") as path:
        folder = path.parent
        for name in ("nodes.toml", "answers.toml", "queries.toml"):
            os.link(path, folder / name)
        store = SettingsStore(folder)
        settings = store.load()
        with suppress(ConfigurationError):  # of the values that are judged together
            store.listener_options(settings)
        with suppress(SettingsError):
            store.save(settings)
            assert SettingsStore(folder).load() == settings
        nodes = NodeStore(folder).load()
        for node in nodes.nodes:
            assert nodes.find(node.name) is not None
        AnswerStore(folder).load()
        QueryFile(folder).load()


def run_text(data: bytes) -> None:
    """What a user pastes as an address, and a worklist as CSV."""
    with suppress(ConfigurationError):
        parse_paste(data.decode("utf-8", "replace"))
    with file_of(data, "worklist.csv") as path, suppress(ConfigurationError):
        assert all(read_csv(path).problems)


TARGETS = {
    target.name: target
    for target in (
        Target("pdu", run_pdu, seeds.pdus),
        Target("listener", run_listener, seeds.conversations, INFLATED),
        Target("caller", run_caller, seeds.replies),
        Target("command", run_command, seeds.commands),
        Target("part10", run_part10, seeds.files, INFLATED),
        Target("dataset", run_dataset, seeds.datasets, INFLATED),
        Target("identifier", run_identifier, seeds.datasets, INFLATED),
        Target("json", run_json, seeds.requests, INFLATED),
        Target("capture", run_capture, seeds.captures),
        Target("trace", run_trace, seeds.traces),
        Target("filter", run_filter, seeds.filters),
        Target("settings", run_settings, seeds.settings),
        Target("text", run_text, seeds.texts),
    )
}
