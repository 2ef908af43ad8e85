"""What a C-GET of a peer gets that takes its images in another uncompressed transfer syntax."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.instances import CT, DEFLATED, EXPLICIT, IMPLICIT, write_instance
from helpers.services import ends, keys
from pydicom import dcmread

from dicomgui.network import Handlers, InstanceFile, NoAcceptedContext, presets, read_head
from dicomgui.network.service.converting import in_accepted_syntax

JPEG = "1.2.840.10008.1.2.4.50"


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
    async with in_accepted_syntax(known(write_instance(tmp_path, 1)), refusal(JPEG, IMPLICIT)) as copy:
        assert read_head(copy.path).transfer_syntax_uid == copy.head.transfer_syntax_uid == IMPLICIT
    assert not copy.path.exists()


@pytest.mark.parametrize("accepted", [(), (JPEG,)])
async def test_where_nothing_uncompressed_was_accepted_the_refusal_stands(
    tmp_path: Path, accepted: tuple[str, ...]
) -> None:
    why = refusal(*accepted)
    with pytest.raises(NoAcceptedContext) as caught:
        async with in_accepted_syntax(known(write_instance(tmp_path, 1)), why):
            pytest.fail("converted")
    assert caught.value is why


async def test_compressed_pixels_are_not_touched(tmp_path: Path) -> None:
    file = known(write_instance(tmp_path, 1))
    compressed = file._replace(head=file.head._replace(transfer_syntax_uid=JPEG))
    with pytest.raises(NoAcceptedContext):
        async with in_accepted_syntax(compressed, refusal(IMPLICIT)):
            pytest.fail("converted")
