"""What is read out of the trace of a real association is what was sent: messages, data sets, files."""

from __future__ import annotations

import warnings
from pathlib import Path

import pydicom
import pytest
from helpers.instances import data_set, instance_of, shipped, shipped_name, syntax_of, write_instance
from pydicom.dataset import Dataset

from dicomgui.network import (
    Handlers,
    Limits,
    ServerOptions,
    Status,
    StoreRequest,
    Strictness,
    connect,
    presets,
    read_head,
    serve,
)
from dicomgui.network.association.params import AETitle
from dicomgui.network.server.offering import policy_for
from dicomgui.network.tracing import DimseRecord
from dicomgui.network.uids import STORAGE_CLASSES
from dicomgui.trace.inspection.dataset_nodes import DataNode, ParsedDataset, parse_dataset
from dicomgui.trace.inspection.messages import Message, message_at
from dicomgui.trace.inspection.object_file import save_part10
from dicomgui.trace.store import TraceStore

SMALL_PDU = 4096


def on_store(request: StoreRequest, data: object) -> Status:
    return Status(0)


async def traced(files: list[Path], *, full: bool) -> tuple[TraceStore, TraceStore]:
    """Send the files over one association; the traces of both sides."""
    ours, theirs = TraceStore(), TraceStore()
    handlers = Handlers(on_store=on_store)
    options = ServerOptions(
        policy=policy_for(handlers, AETitle("OURS")), limits=Limits(max_pdu_length=SMALL_PDU), tracer=theirs,
        trace_full=full, strictness=Strictness.ANY,
    )  # fmt: skip
    async with await serve(port=0, ae_title="OURS", handlers=handlers, options=options) as server:
        address, contexts = f"OURS@127.0.0.1:{server.port}", presets.for_instances(map(pair_of, files))
        async with connect(address, contexts=contexts, tracer=ours, trace_full=full) as association:
            for file in files:
                assert (await association.store(file)).status == 0, file
            await association.release()
    return ours, theirs


def pair_of(path: Path) -> tuple[str, str]:
    head = read_head(path)
    return head.sop_class_uid, head.transfer_syntax_uid


def stores_in(store: TraceStore) -> list[Message]:
    """The C-STORE-RQ messages in their order, each found by its message row."""
    found = []
    for entry in store.since(0, 1_000_000):
        if isinstance(entry.record, DimseRecord) and entry.record.command_field == 1:
            message = message_at(store, entry.seq)
            assert message is not None
            found.append(message)
    return found


def sendable() -> list[Path]:
    """Of what pydicom ships what can be stored, each instance once."""
    chosen: dict[str, Path] = {}
    for path in shipped():
        if pair_of(path)[0] in STORAGE_CLASSES and syntax_of(path) and len(data_set(path)) % 2 == 0:
            chosen.setdefault(instance_of(path), path)
    return list(chosen.values())


@pytest.mark.any_loop
async def test_messages_are_what_was_sent_on_both_sides(tmp_path: Path) -> None:
    files = sendable()
    assert len(files) > 40
    for side in await traced(files, full=True):
        found = stores_in(side)
        for path, message in zip(files, found, strict=True):
            assert message.dataset == data_set(path), shipped_name(path)
            assert (message.is_complete, message.faults, message.gaps) == (True, (), ())
            assert message.context.transfer_syntax == syntax_of(path)
        for path, message in list(zip(files, found, strict=True))[::7]:
            saved = save_part10(side, message, tmp_path / "saved.dcm", overwrite=True)
            assert data_set(saved.path) == data_set(path)
        side.close()


@pytest.mark.any_loop
async def test_of_what_was_not_kept_the_places_are_right(tmp_path: Path) -> None:
    files = [write_instance(tmp_path, number, pixel_bytes=300_032) for number in range(2)]
    for side in await traced(files, full=False):
        for path, message in zip(files, stores_in(side), strict=True):
            sent = data_set(path)
            assert message.dataset_length == len(sent)
            assert message.missing_bytes == sum(gap.length for gap in message.gaps)
            for segment in message.dataset_segments():
                assert sent[segment.offset : segment.offset + len(segment.data)] == segment.data
            parsed = parse_dataset(message.dataset, message.context.transfer_syntax, gaps=message.gaps)
            assert parsed.text_of(0x00100010) == "Interop^Case"
        side.close()


def outer(parsed: ParsedDataset) -> dict[int, DataNode]:
    return {node.tag: node for node in parsed.root.children if node.tag >= 0}


def compare(dataset: Dataset, nodes: dict[int, DataNode], where: str) -> int:
    """Every element that pydicom finds has a node; sequences have the same items, which are compared too."""
    count = 0
    for element in dataset:
        assert int(element.tag) in nodes, f"{where}: {element.tag}"
        node = nodes[int(element.tag)]
        assert not node.error, f"{where}: {element.tag}: {node.error}"
        count += 1
        if element.VR == "SQ":
            items = [child for child in node.children if child.label.startswith("Item ")]
            assert len(items) == len(element.value), f"{where}: {element.tag}"
            for item, inside in zip(element.value, items, strict=True):
                count += compare(item, {child.tag: child for child in inside.children}, f"{where} {element.tag}")
    return count


def test_data_sets_have_the_elements_that_pydicom_finds() -> None:
    compared = 0
    for path in sendable():
        parsed = parse_dataset(data_set(path), syntax_of(path))
        with warnings.catch_warnings(action="ignore"):
            dataset = pydicom.dcmread(path, force=True)
            compared += compare(dataset, outer(parsed), shipped_name(path))
    assert compared > 3000
