"""Several queries of the query panel, from files, over one association."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import peers
from helpers.bad_peer import reached
from helpers.instances import elements
from helpers.query_panel import Press, call, cells, ended, shown_panel
from helpers.retrieval import CR_STUDY, CT_STUDY, DOE, real_files
from pydicom import dcmread

from dicomgui.app.recipes.commands import Tool, commands_of
from dicomgui.gui.asking.rows import QUERY
from dicomgui.gui.query.panel import QueryPanel
from dicomgui.gui.shell.main_window import MainWindow

pytestmark = pytest.mark.qt


@pytest.fixture(scope="module")
def dcmqrscp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[peers.Peer]:
    with peers.dcmqrscp(tmp_path_factory.mktemp("dcmqrscp") / "server") as peer:
        peers.fill(peer, real_files())
        yield peer


@pytest.fixture
async def panel(window: MainWindow, tmp_path: Path) -> QueryPanel:
    return await shown_panel(window, tmp_path / "received")


def written(path: Path, **values: object) -> str:
    path.write_text(elements(**values).to_json())
    return str(path)


def name_files(panel: QueryPanel, *queries: str, ids_from: tuple[str, ...] = ()) -> None:
    panel.form.from_files.queries.set_paths(queries)
    panel.form.from_files.ids_from.set_paths(ids_from)


async def read(panel: QueryPanel) -> None:
    await reached(lambda: panel._reading is None, "the files were read")


@pytest.mark.interop("dcmqrscp", "storescu")
async def test_query_files_share_one_association(
    panel: QueryPanel, press: Press, dcmqrscp: peers.Peer, tmp_path: Path
) -> None:
    call(panel, dcmqrscp.address)
    panel.form.usual.set_texts({"PatientID": DOE})
    first = written(tmp_path / "ct.json", StudyInstanceUID=CT_STUDY)
    second = written(tmp_path / "none.json", StudyInstanceUID="1.2.3")
    third = written(tmp_path / "cr.json", StudyInstanceUID=CR_STUDY)
    name_files(panel, first, second, third)
    assert panel.form.from_files.button.text() == "Queries from files: 3 paths"
    await press(panel.run_button)
    await read(panel)
    await ended(panel)
    assert cells(panel, QUERY) == ["ct.json", "cr.json"]
    assert QUERY in {column.key for column in panel.results.shown_columns}
    assert "none.json: 0 studies" in panel.status.text()
    jobs = [job for job in panel.place.jobs.all() if "json" in job.title]
    assert len(jobs) == 3
    assert len({number for job in jobs for number in job.associations}) == 1
    panel._actions._ask_again()
    await ended(panel)
    assert cells(panel, QUERY) == ["ct.json", "cr.json"]


@pytest.mark.interop("dcmqrscp", "storescu")
async def test_identifiers_come_from_dicom_files(
    panel: QueryPanel, press: Press, dcmqrscp: peers.Peer, tmp_path: Path
) -> None:
    call(panel, dcmqrscp.address)
    (tmp_path / "note.txt").write_text("no instance")
    name_files(panel, ids_from=(*map(str, real_files()), str(tmp_path / "note.txt")))
    await press(panel.run_button)
    await read(panel)
    await ended(panel)
    assert panel.results.model.count == len(
        {dcmread(file, stop_before_pixels=True).StudyInstanceUID for file in real_files()}
    )
    assert "1 file skipped: " in panel.status.text()
    assert "note.txt: no DICOM file" in panel.status.text()


def test_copied_as_a_command_it_names_the_files(panel: QueryPanel) -> None:
    call(panel, "A@127.0.0.1:1")
    name_files(panel, "a.json", "all queries", ids_from=("images",))
    [(_, recipe)] = panel._all_recipes()
    made = {command.tool: command for command in commands_of(recipe)}
    text = made[Tool.DICOMGUI].text
    assert "--query a.json --query 'all queries' --ids-from images" in text
    assert " -r " not in text
    assert {command.text for tool, command in made.items() if tool is not Tool.DICOMGUI} == {""}


async def test_a_file_that_is_no_query_is_said_at_once(panel: QueryPanel, press: Press, tmp_path: Path) -> None:
    call(panel, "A@127.0.0.1:1")
    (tmp_path / "bad.json").write_text("{")
    name_files(panel, str(tmp_path / "bad.json"))
    await press(panel.run_button)
    await read(panel)
    assert "bad.json is no JSON" in panel.status.text()
    assert panel.run_button.isEnabled()
    assert panel.asking.asked_all is None


async def test_a_query_file_without_a_key_asks_first(panel: QueryPanel, press: Press, tmp_path: Path) -> None:
    call(panel, f"A@127.0.0.1:{peers.free_port()}")
    name_files(panel, written(tmp_path / "open.json", PatientName=""), written(tmp_path / "one.json", PatientID="1"))
    await press(panel.run_button)
    await read(panel)
    assert panel.guard.isVisible()
    assert "open.json" in panel.guard_text.text()
    await press(panel.ask_all_button)
    await read(panel)
    await ended(panel)
    assert panel.asking.asked is None
    assert [name for name, _ in (panel.asking.asked_all or ((), ()))[0]] == ["open.json", "one.json"]
    panel._actions._ask_other_root()
    assert "Several queries" in panel.status.text()
