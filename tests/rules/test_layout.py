"""Sizes, names and places of the source files."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from helpers.source import ROOT, python_files, text_of, tree_of

MAX_LINES = 800
MAX_FUNCTION_LINES = 70
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "base"}
TEXT_FILES = {".py", ".md", ".toml", ".yml", ".yaml", ".txt", ".svg", ".json", ".cfg", ".sh", ".js", ".cjs", ".mjs"}
TEXT_NAMES = {"LICENSE", "run", ".gitignore"}
# Layers whose modules each have a test file of their own, file for file.
MIRRORED = (
    "dicomgui/network/pdu",
    "dicomgui/network/association",
    "dicomgui/network/dimse",
    "dicomgui/trace",
    "dicomgui/storage",
)


def own_files() -> list[Path]:
    """Every file that belongs to the source tree."""
    folders = ("dicomgui", "tests", "packaging", "resources", ".ci", ".github")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]
    files += [path for path in ROOT.iterdir() if path.is_file()]
    files = [path for path in files if "__pycache__" not in path.parts]
    return [path for path in files if path.suffix in TEXT_FILES or path.name in TEXT_NAMES]


@pytest.mark.parametrize("folder", ["dicomgui", "packaging"])
def test_files_are_short(folder: str) -> None:
    counts = {path: text_of(path).count("\n") for path in python_files(folder)}
    assert not {path: count for path, count in counts.items() if count >= MAX_LINES}


@pytest.mark.parametrize("folder", ["dicomgui", "packaging"])
def test_functions_are_short(folder: str) -> None:
    long = []
    for path in python_files(folder):
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > MAX_FUNCTION_LINES:
                    long.append(f"{path}:{node.lineno} {node.name}: {lines} lines")
    assert not long


def test_names_say_what_is_inside() -> None:
    vague = [path for path in python_files("dicomgui") if VAGUE_NAMES & {part.lstrip("_") for part in _parts(path)}]
    assert not vague


def _parts(path: str) -> list[str]:
    return path.removesuffix(".py").split("/")


def test_packaging_is_no_package() -> None:
    """It would shadow PyPI's `packaging` for everything that runs in the source tree."""
    assert not list((ROOT / "packaging").rglob("__init__.py"))


def test_every_folder_of_the_product_is_a_package() -> None:
    folders = {(ROOT / path).parent for path in python_files("dicomgui")}
    assert not [str(folder) for folder in folders if not (folder / "__init__.py").is_file()]


def test_nothing_reaches_out_of_the_source_tree() -> None:
    outside = ["../" + "shared", "/work" + "/"]
    found = [
        f"{path.relative_to(ROOT)}: {word}"
        for path in own_files()
        for word in outside
        if word in path.read_text(encoding="utf-8", errors="replace")
    ]
    assert not found


def test_every_unit_test_stands_where_its_module_stands() -> None:
    """`tests/unit/a/test_b.py` or `test_b_topic.py` tests `dicomgui/a/b.py` (or the package's `__init__.py`)."""
    lost = []
    for path in python_files("tests/unit"):
        relative = Path(path).relative_to("tests/unit")
        folder = ROOT / relative.parent if relative.parts[0] == "packaging" else ROOT / "dicomgui" / relative.parent
        name = relative.stem.removeprefix("test_")
        modules = {module.stem for module in folder.glob("*.py")}
        known = modules | {module.lstrip("_") for module in modules}
        if not relative.name.startswith("test_") or not any(name == m or name.startswith(f"{m}_") for m in known):
            lost.append(path)
    assert not lost


def test_every_core_module_has_its_unit_test() -> None:
    missing = []
    for layer in MIRRORED:
        for path in python_files(layer):
            module = Path(path)
            if module.stem != "__init__":
                folder = ROOT / "tests" / "unit" / module.parent.relative_to("dicomgui")
                if not list(folder.glob(f"test_{module.stem}*.py")):
                    missing.append(path)
    assert not missing


def test_no_check_is_switched_off() -> None:
    """Lint, types and coverage are not silenced line by line: the rule is changed, or the code."""
    words = ["# type" + ": ignore", "# no" + "qa", "pragma: no" + " cover"]
    found = [f"{path}: {word}" for path in python_files("dicomgui") for word in words if word in text_of(path)]
    assert not found
