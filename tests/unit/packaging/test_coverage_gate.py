from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from helpers.source import ROOT, loaded


@pytest.fixture
def gate() -> ModuleType:
    return loaded(ROOT / "packaging" / "coverage_gate.py")


def entry(lines: int, branches: int, of: int = 100) -> dict[str, Any]:
    return {
        "summary": {
            "covered_lines": lines,
            "num_statements": of,
            "missing_lines": of - lines,
            "covered_branches": branches,
            "num_branches": of,
            "missing_branches": of - branches,
        }
    }


def test_statements_and_branches_each_count(gate: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    report = {"files": {"p/a/x.py": entry(100, 90), "p/b/x.py": entry(94, 100), "p\\c\\x.py": entry(95, 95)}}
    assert gate.check(report, {"p/a": 95, "p/b": 95, "p/c": 95, "p/empty": 95}) == ["p/a", "p/b"]
    assert "LOW" in capsys.readouterr().out


def test_failure_names_the_weakest_files(
    gate: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.dicomgui.coverage]\n"p" = 95\n', encoding="utf-8")
    monkeypatch.setattr(gate, "ROOT", tmp_path)
    report = tmp_path / "coverage.json"
    report.write_text(json.dumps({"files": {"p/x.py": entry(10, 10), "p/y.py": entry(100, 100)}}), encoding="utf-8")
    assert gate.main([str(report)]) == 1
    assert "p/x.py: 180 statements and branches not covered" in capsys.readouterr().out
    report.write_text(json.dumps({"files": {"p/y.py": entry(100, 100)}}), encoding="utf-8")
    assert gate.main([str(report)]) == 0


def test_tests_that_broke_off_leave_no_report(
    gate: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gate.main([str(tmp_path / "none.json")]) == 1
    assert "did not run to their end" in capsys.readouterr().out
