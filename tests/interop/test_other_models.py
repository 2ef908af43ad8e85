"""find, get and move on the command line in the information models that are not of studies, with pynetdicom."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import peers
from helpers.command_line import dicomgui, events
from helpers.instances import write_instance
from helpers.retrieval import CT_STUDY, data_sets, kept_in, real_files

from dicomgui.app.asking.information_models import MODELS, models_for, storage_of

pytestmark = pytest.mark.interop("pynetdicom")
TO = "CLI"
RETRIEVED = [name for name in MODELS if storage_of(name)]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("instances")
    return {
        name: write_instance(folder, number, sop_class=storage_of(name)[0]) for number, name in enumerate(RETRIEVED)
    }


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory, files: dict[str, Path]) -> Iterator[peers.Peer]:
    with peers.pynetdicom_services(
        tmp_path_factory.mktemp("models") / "services", [*files.values(), *real_files(CT_STUDY)]
    ) as peer:
        yield peer


def uid_of(file: Path) -> str:
    return next(iter(data_sets([file])))


def test_find_in_models_without_levels(peer: peers.Peer) -> None:
    for model in ("relevant-patient-breast", "implant-group", "inventory"):
        done = dicomgui("find", peer.address, "--model", model, "-k", "PatientID=7", "--json")
        assert done.returncode == 0, (done.stdout, done.stderr)
        match, *findings, summary = events(done.stdout)
        # pynetdicom repeats the match in the final response of relevant patient, which is told.
        assert [one["code"] for one in findings] == ["odd-command"] * model.startswith("relevant")
        assert (summary["root"], summary["level"], summary["matches"]) == (model, None, 1)
        assert "00080052" not in match["dataset"]
    asked = [one for one in peers.said_by(peer.log) if one["what"] == "find"]
    assert [one["sop_class"].removeprefix("1.2.840.10008.5.1.4.") for one in asked] == ["37.2", "45.2", "1.1.201.2"]
    assert {"ContentTemplateSequence", "ObservationDateTime"} <= asked[0]["keys"].keys()
    table = dicomgui("find", peer.address, "--model", "hanging-protocol", "-k", "HangingProtocolName=CT")
    assert b"HangingProtocolName" in table.stdout


@pytest.mark.parametrize("model", RETRIEVED)
def test_get_in_models_without_levels(peer: peers.Peer, files: dict[str, Path], tmp_path: Path, model: str) -> None:
    key = f"SOPInstanceUID={uid_of(files[model])}"
    done = dicomgui("get", peer.address, "--model", model, "-k", key, "--out", tmp_path)
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert kept_in(tmp_path) == data_sets([files[model]])
    asked = [one for one in peers.said_by(peer.log) if one["what"] == "get"][-1]
    assert asked["keys"] == {"SOPInstanceUID": uid_of(files[model])}


def test_move_in_a_model_without_levels(peer: peers.Peer, files: dict[str, Path], tmp_path: Path) -> None:
    here = peers.free_port()
    (peer.folder / "destinations.json").write_text(json.dumps({TO: here}))
    file = files["hanging-protocol"]
    done = dicomgui(
        "move", peer.address, "--model", "hanging-protocol", "-k", f"SOPInstanceUID={uid_of(file)}", "--to", TO,
        "--listen", here, "--out", tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert data_sets(tmp_path.rglob("*.dcm")) == data_sets([file])


def test_get_of_instances_by_their_uid_alone(peer: peers.Peer, tmp_path: Path) -> None:
    file = real_files(CT_STUDY)[0]
    for model in ("composite-instance", "without-bulk-data"):
        done = dicomgui(
            "get", peer.address, "--model", model, "-k", f"SOPInstanceUID={uid_of(file)}", "--out", tmp_path / model
        )
        asked = [one for one in peers.said_by(peer.log) if one["what"] == "get"][-1]
        assert asked["keys"] == {"QueryRetrieveLevel": "IMAGE", "SOPInstanceUID": uid_of(file)}, done.stderr
        assert (done.returncode, kept_in(tmp_path / model).keys()) == (0, {uid_of(file)})


def test_a_model_that_there_is_not_is_named_with_those_that_there_are(peer: peers.Peer) -> None:
    done = dicomgui("find", peer.address, "--model", "hanging")
    assert done.returncode == 2
    assert all(name in done.stderr.decode() for name in models_for("find"))
