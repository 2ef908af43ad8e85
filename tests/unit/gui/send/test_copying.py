"""A send as an operation to copy."""

from __future__ import annotations

from pathlib import Path

from helpers.instances import write_instance

from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.files.conversion import Conversion
from dicomgui.app.files.sources import SendItem
from dicomgui.gui.send.copying import recipe_of_files
from dicomgui.network import PeerAddress, read_head

PEER = PeerAddress.parse("PACS@192.0.2.7:104")


def test_files_are_named_and_members_of_an_archive_by_their_archive(tmp_path: Path) -> None:
    path = write_instance(tmp_path, 1)
    head = read_head(path)
    items = [
        SendItem(path, 1, head, str(path)),
        SendItem(tmp_path / "a", 1, head, "/in/study.zip:1.dcm"),
        SendItem(tmp_path / "b", 1, head, "/in/study.zip:dir/2.dcm"),
    ]
    recipe = recipe_of_files(PEER, ConnectionOptions(), items, Conversion.LOSSLESS)
    assert recipe.paths == (str(path), "/in/study.zip")
    assert (recipe.conversion, recipe.sends_broken) == (Conversion.LOSSLESS, False)
    again = recipe_of_files(PEER, ConnectionOptions(), items, Conversion.LOSSLESS, sends_broken=True)
    assert again.sends_broken
