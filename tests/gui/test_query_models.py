"""The information models without levels in the query panel: what is asked, shown, kept, retrieved and copied."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import peers
from helpers.instances import write_instance
from helpers.query_panel import Press, call, cells, ended, retrieved, shown_panel
from helpers.retrieval import data_sets

from dicomgui.app.asking.information_models import MODELS, check_retrieval, storage_of
from dicomgui.app.asking.keys import parse_key
from dicomgui.app.asking.levels import Level
from dicomgui.app.asking.searches import QueryFile, QueryMemory, SavedSearch
from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.recipes.dicomgui_command import write
from dicomgui.app.recipes.recipe import Recipe
from dicomgui.app.recipes.shells import Shell
from dicomgui.gui.query.panel import QueryPanel
from dicomgui.gui.shell.main_window import MainWindow
from dicomgui.network import PeerAddress
from dicomgui.network.errors import ConfigurationError

pytestmark = pytest.mark.qt
MODEL = "hanging-protocol"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_instance(tmp_path_factory.mktemp("instances"), 1, sop_class=storage_of(MODEL)[0])


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory, file: Path) -> Iterator[peers.Peer]:
    with peers.pynetdicom_services(tmp_path_factory.mktemp("models") / "services", [file]) as peer:
        yield peer


@pytest.fixture
async def panel(window: MainWindow, tmp_path: Path) -> QueryPanel:
    return await shown_panel(window, tmp_path / "received")


def choose(panel: QueryPanel, model: str) -> None:
    panel.form.level.setCurrentIndex(panel.form.level.findData(model))


def test_every_model_without_levels_is_offered(panel: QueryPanel) -> None:
    offered = {str(panel.form.level.itemData(row)) for row in range(panel.form.level.count())}
    assert offered >= {*MODELS, *Level}


def test_a_model_has_its_own_keys_and_no_level(panel: QueryPanel) -> None:
    form = panel.form
    form.usual.fields["PatientName"].setText("Doe")
    choose(panel, "relevant-patient-breast")
    assert not form.usual.isVisible()
    assert not form.root.isVisible()
    form.editor.set_keys((parse_key("PatientID=7"), *form.editor.returned))
    query = form.query()
    assert (query.level, query.root) == (None, "relevant-patient-breast")
    identifier = query.identifier().dataset
    assert "QueryRetrieveLevel" not in identifier
    assert (identifier.PatientID, identifier.PatientName) == ("7", "")
    assert identifier.ContentTemplateSequence[0].TemplateIdentifier == "9000"
    choose(panel, Level.SERIES)
    assert form.usual.isVisible()
    assert form.root.isVisible()
    assert (form.query().level, form.query().root) == (Level.SERIES, None)
    assert form.editor.returned == form.usual_returned()


def test_the_repository_is_asked_at_a_level(panel: QueryPanel) -> None:
    form = panel.form
    form.root.setCurrentIndex(form.root.findData("repository"))
    form.usual.fields["PatientID"].setText("7")
    query = form.query()
    assert (query.level, query.root) == (Level.STUDY, "repository")
    assert query.identifier().dataset.QueryRetrieveLevel == "STUDY"
    recipe = Recipe.of_query(PeerAddress("A", "h", 1), ConnectionOptions(), query)
    assert "--level study --root repository" in write(recipe, Shell.POSIX).text


def test_what_has_no_retrieval_says_so() -> None:
    for model in ("ups", "repository", "relevant-patient", "substance-approval"):
        with pytest.raises(ConfigurationError, match="has no retrieval"):
            check_retrieval(model)
    for known in ("study", MODEL, "inventory", None):
        check_retrieval(known)


@pytest.mark.interop("pynetdicom")
async def test_hanging_protocols_are_found_and_retrieved(
    panel: QueryPanel, press: Press, peer: peers.Peer, file: Path, tmp_path: Path
) -> None:
    [uid] = data_sets([file])
    choose(panel, MODEL)
    call(panel, peer.address)
    panel.form.editor.set_keys((parse_key(f"SOPInstanceUID={uid}"), *panel.form.editor.returned))
    await press(panel.run_button)
    await ended(panel)
    assert "1 match in" in panel.status.text()
    asked = [one for one in peers.said_by(peer.log) if one["what"] == "find"][-1]
    assert asked["sop_class"].endswith(".4.38.2")
    assert "QueryRetrieveLevel" not in asked["keys"]
    assert "HangingProtocolName" in {column.title for column in panel.results.model.columns}
    assert cells(panel) == [f"Match {uid}"]
    panel.results.table.selectAll()
    panel.retrieve_selected()
    await retrieved(panel)
    assert list(data_sets((tmp_path / "received").rglob("*.dcm"))) == [uid]


def test_a_saved_search_keeps_its_model(panel: QueryPanel, tmp_path: Path) -> None:
    choose(panel, MODEL)
    panel.form.editor.set_keys((parse_key("HangingProtocolName=CT*"), *panel.form.editor.returned))
    search = SavedSearch.of("protocols", panel.form.query())
    QueryFile(tmp_path).save(QueryMemory((search,)))
    store = QueryFile(tmp_path)
    [kept] = store.load().searches
    assert store.problem is None
    choose(panel, Level.STUDY)
    panel.form.take(kept)
    query = panel.form.query()
    assert (query.root, query.level) == (MODEL, None)
    assert [str(key) for key in query.keys] == ["HangingProtocolName=CT*"]


def test_copied_as_a_command_it_names_the_model(panel: QueryPanel) -> None:
    choose(panel, MODEL)
    panel.form.editor.set_keys((parse_key("HangingProtocolName=CT"), *panel.form.editor.returned))
    recipe = Recipe.of_query(PeerAddress("A", "h", 1), ConnectionOptions(), panel.form.query())
    text = write(recipe, Shell.POSIX).text
    assert "--model hanging-protocol" in text
    assert "--level" not in text
    assert " -r " not in text
    assert "QueryRetrieveLevel" not in recipe.identifier()
