from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dicomgui.app import assets


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    assets.resource_folder.cache_clear()
    yield
    assets.resource_folder.cache_clear()


def _tree(folder: Path) -> Path:
    (folder / "icons").mkdir(parents=True)
    (folder / "icons" / "dicomgui.svg").write_text("<svg/>", encoding="utf-8")
    return folder


def test_finds_the_source_tree() -> None:
    found = assets.resource("icons/dicomgui.svg")
    assert found.read_text(encoding="utf-8").startswith("<svg")


def test_prefers_what_is_packaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _tree(tmp_path / "resources")
    packaged = _tree(tmp_path / "dicomgui" / "_resources")
    monkeypatch.setattr(assets, "_PACKAGE", tmp_path / "dicomgui")
    assert assets.resource_folder() == packaged


def test_a_strange_folder_beside_the_package_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "resources").mkdir()
    monkeypatch.setattr(assets, "_PACKAGE", tmp_path / "dicomgui")
    with pytest.raises(FileNotFoundError, match="installation is broken"):
        assets.resource_folder()


def test_names_what_is_missing() -> None:
    with pytest.raises(FileNotFoundError, match=r"icons/nothing\.svg"):
        assets.resource("icons/nothing.svg")
