"""While the index is behind, a query or a retrieval is refused (PS3.4 C.4.1.1.4), and it is told by how much."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from helpers.bad_peer import reached
from helpers.instances import CT, ROOT, instance_of, write_instance
from helpers.retrieval import identifier

from dicomgui.app.archive import local_archive
from dicomgui.app.archive.local_archive import LocalArchive
from dicomgui.app.archive.state import ArchiveState, index_place
from dicomgui.app.configuration.settings import SettingsStore
from dicomgui.app.context import AppContext
from dicomgui.app.listening.listener import ArchiveStateChanged, Listener, ListenerOptions
from dicomgui.network import PeerAddress, connect, presets
from dicomgui.network.service import query_class
from dicomgui.network.tracing import NoteRecord
from dicomgui.storage import Ceiling, IndexFault, database

STUDY = f"{ROOT}.1"
CONTEXTS = (
    *presets.for_classes(query_class("study", "find"), query_class("study", "move")),
    *presets.for_instances([(CT, "1.2.840.10008.1.2.1")]),
)


@pytest.fixture
def context() -> Iterator[AppContext]:
    with AppContext() as made:
        yield made


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long for a database that is locked."""
    monkeypatch.setattr(database, "_BUSY_S", 0.01)
    monkeypatch.setattr(local_archive, "SETTLE_S", 0.05)


@pytest.mark.usefixtures("impatient")
async def test_a_query_and_a_retrieval_are_refused_until_it_has_caught_up(context: AppContext, tmp_path: Path) -> None:
    files = [write_instance(tmp_path / "files", number) for number in (1, 2)]
    events: list[ArchiveStateChanged] = []
    peers = {"ELSEWHERE": PeerAddress.parse("ELSEWHERE@127.0.0.1:104")}
    listener = Listener(context, ListenerOptions(tmp_path / "archive", port=0, ae_title="OURS", peers=peers))
    listener.watchers.append(lambda event: isinstance(event, ArchiveStateChanged) and events.append(event))
    await listener.start()
    try:
        assert await listener.archive.settle(60)
        async with connect(f"OURS@{listener.address}", contexts=CONTEXTS) as assoc:
            with closing(sqlite3.connect(listener.archive.index.path, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")  # as another program does that is at work
                for file in files:
                    (await assoc.store(file)).raise_for_status()
                async with assoc.find(identifier("STUDY", StudyInstanceUID=STUDY)) as finding:
                    assert [match async for match in finding] == []
                answer = await finding.result()
                assert (int(answer.status), answer.comment) == (0xA700, "the index is behind by 2 instances")
                async with assoc.move(identifier("STUDY", StudyInstanceUID=STUDY), destination="ELSEWHERE") as moving:
                    pass
                answer = await moving.result()
                assert (int(answer.status), answer.comment) == (0xA701, "the index is behind by 2 instances")
                await reached(lambda: bool(events), "the trouble is told")
                assert events[0].state.behind == 2
                assert listener.archive.trouble.startswith("The index is behind by 2 instances: ")
                other.execute("ROLLBACK")
            await reached(lambda: len(events) > 1, "it has caught up by itself")
            assert events[1].state == ArchiveState()
            async with assoc.find(
                identifier("IMAGE", StudyInstanceUID=STUDY, SeriesInstanceUID=f"{ROOT}.2", SOPInstanceUID="")
            ) as finding:
                found = {match.dataset.SOPInstanceUID async for match in finding}
            assert found == {instance_of(file) for file in files}
    finally:
        await listener.stop()
    notes = [record.text for record in context.trace.records() if isinstance(record, NoteRecord)]
    assert sum("is behind by 2 instances" in note for note in notes) == 1
    assert "The index of the archive has caught up." in notes


@pytest.mark.usefixtures("impatient")
async def test_who_would_answer_from_an_index_that_is_not_complete_is_told(context: AppContext, tmp_path: Path) -> None:
    archive = LocalArchive(context, tmp_path / "archive")
    async with archive.opened():
        assert await archive.settle(60)
        archive.index._writing().is_complete = False
        with pytest.raises(IndexFault, match="the index is not complete"):
            await archive.catch_up()


async def test_instances_that_are_refused_are_told_of_at_the_start(context: AppContext, tmp_path: Path) -> None:
    archive = LocalArchive(context, tmp_path / "archive")
    async with archive.opened():
        await archive.limit_to(Ceiling(min_free_bytes=2**60))
        [text] = archive.state.sentences
        assert text.startswith("Instances are refused (A700): the disk has no more than")
        told: list[ArchiveState] = []
        archive.state_watchers.append(told.append)
        archive.tell_state()
        archive.tell_state()
        assert len(told) == 1, "once"


def test_the_words_for_a_state() -> None:
    assert ArchiveState().is_well
    assert ArchiveState(is_temporary=True).sentences == (
        "The index lies in a temporary folder until the archive is closed: its own disk is full.",
    )
    [text] = ArchiveState(1, "the index cannot be written: database or disk is full").sentences
    assert text.startswith("The index is behind by 1 instance: the index cannot be written: database or disk is full.")


async def test_the_index_may_lie_in_a_folder_of_its_own(context: AppContext, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("one", "other")]
    for folder in folders:
        async with LocalArchive(context, folder, index_folder=tmp_path / "indexes").opened() as archive:
            assert await archive.settle(60)
            place = index_place(tmp_path / "indexes", folder)
            assert archive.index.path.parent == place
        assert not list(folder.glob("index*"))
    assert len(list((tmp_path / "indexes").iterdir())) == 2
    assert index_place(None, folders[0]) is None


def test_the_folder_of_the_index_can_be_set(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text('[listener]\nindex_folder = "fast"\n')
    store = SettingsStore(tmp_path)
    settings = store.load()
    assert store.index_folder(settings) == tmp_path / "fast"
    assert store.listener_options(settings).index_folder == tmp_path / "fast"
    store.save(settings)
    assert 'index_folder = "fast"' in (tmp_path / "settings.toml").read_text()
    assert SettingsStore(tmp_path / "none").index_folder(SettingsStore(tmp_path / "none").load()) is None
