"""What a C-GET of a peer gets that takes its images in another uncompressed transfer syntax."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.instances import CT, DEFLATED, EXPLICIT, IMPLICIT, write_instance
from helpers.retrieval import Receiver
from helpers.services import ends, instance, keys
from pydicom import dcmread

from dicomgui.network import Handlers, InstanceFile, NoAcceptedContext, presets, read_head
from dicomgui.network.dimse.dataset import decode_dataset
from dicomgui.network.service.converting import in_accepted_syntax
from dicomgui.network.tracing import NoteRecord, Record, Scribe

JPEG = "1.2.840.10008.1.2.4.50"
QUIET = Scribe(None, 0)


def refusal(*accepted: str) -> NoAcceptedContext:
    return NoAcceptedContext("no", sop_class=CT, offered=accepted, accepted=accepted)


def known(path: Path) -> InstanceFile:
    return InstanceFile(path, read_head(path))


@pytest.mark.parametrize("own", [EXPLICIT, DEFLATED])
async def test_an_uncompressed_file_goes_in_what_was_accepted(tmp_path: Path, own: str) -> None:
    source = write_instance(tmp_path / "here", 1, syntax=own)
    into = tmp_path / "there"
    contexts = presets.for_get([CT], (IMPLICIT,))
    async with ends(Handlers(on_get=lambda request: [source]), contexts=contexts) as both:
        response = await both.assoc.get(keys(StudyInstanceUID="1.2"), into=into)
    assert response.status.is_success
    [got] = map(dcmread, into.iterdir())
    assert got.file_meta.TransferSyntaxUID == IMPLICIT
    assert got.PixelData == dcmread(source).PixelData


async def test_the_copy_is_gone_afterwards(tmp_path: Path) -> None:
    async with in_accepted_syntax(known(write_instance(tmp_path, 1)), refusal(JPEG, IMPLICIT), QUIET) as copy:
        assert read_head(copy.path).transfer_syntax_uid == copy.head.transfer_syntax_uid == IMPLICIT
    assert not copy.path.exists()


@pytest.mark.parametrize("accepted", [(), (JPEG,)])
async def test_where_nothing_uncompressed_was_accepted_the_refusal_stands(
    tmp_path: Path, accepted: tuple[str, ...]
) -> None:
    why = refusal(*accepted)
    with pytest.raises(NoAcceptedContext) as caught:
        async with in_accepted_syntax(known(write_instance(tmp_path, 1)), why, QUIET):
            pytest.fail("converted")
    assert caught.value is why


async def test_compressed_pixels_are_not_touched(tmp_path: Path) -> None:
    file = known(write_instance(tmp_path, 1))
    compressed = file._replace(head=file.head._replace(transfer_syntax_uid=JPEG))
    with pytest.raises(NoAcceptedContext):
        async with in_accepted_syntax(compressed, refusal(IMPLICIT), QUIET):
            pytest.fail("converted")


async def test_a_data_set_that_says_its_syntax_goes_in_another_one() -> None:
    store = Receiver()
    async with ends(store.handlers(), contexts=presets.for_classes(CT, transfer_syntaxes=(IMPLICIT,))) as both:
        dataset = instance(1)
        assert dataset.file_meta.TransferSyntaxUID == EXPLICIT
        assert (await both.assoc.store(dataset)).status.is_success
        with pytest.raises(NoAcceptedContext):
            await both.assoc.store(dataset, convert=False)
    [request] = store.requests
    assert request.transfer_syntax_uid == IMPLICIT
    [data] = store.data.values()
    assert decode_dataset(data, IMPLICIT).PatientID == dataset.PatientID


async def test_what_changes_beside_the_encoding_is_in_the_trace(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = write_instance(tmp_path, 1)
    dataset = dcmread(source)
    block = dataset.private_block(0x0009, "ACME", create=True)
    block.add_new(1, "LO", "one")
    block.add_new(2, "UN", b"ab")
    dataset.save_as(source)
    store = Receiver()
    contexts = presets.for_classes(CT, transfer_syntaxes=(IMPLICIT,))
    records: list[Record] = []
    async with ends(store.handlers(), contexts=contexts, tracer=records.append) as both:
        assert (await both.assoc.store(source)).status.is_success
    [note] = [one.text for one in records if isinstance(one, NoteRecord) and "converted" in one.text]
    assert "1 private elements without their value representation" in note
    assert note in caplog.text
