"""Files of settings: their folders, and that neither reading nor writing loses anything."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import platformdirs
import pytest
import tomli_w

from dicomgui.app.configuration import files as config_files
from dicomgui.app.configuration.files import (
    Document,
    SettingsError,
    TomlFile,
    config_folder,
    data_folder,
    is_portable,
    machine_file,
)
from dicomgui.storage import disk

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="modes and links of POSIX")


@pytest.fixture(autouse=True)
def _no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DICOMGUI_CONFIG", raising=False)


class TestFolders:
    def test_of_the_platform(self) -> None:
        assert config_folder() == platformdirs.user_config_path("dicomgui", appauthor=False)
        assert data_folder() == platformdirs.user_data_path("dicomgui", appauthor=False)
        assert not is_portable()

    def test_of_the_variable(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("DICOMGUI_CONFIG", str(tmp_path))
        assert config_folder() == data_folder() == tmp_path
        assert is_portable()

    def test_an_empty_variable_is_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DICOMGUI_CONFIG", "  ")
        assert not is_portable()

    def test_the_argument_wins_and_is_made_absolute(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("DICOMGUI_CONFIG", "elsewhere")
        monkeypatch.chdir(tmp_path)
        assert config_folder("stick") == tmp_path / "stick"
        assert config_folder() == tmp_path / "elsewhere"

    def test_the_first_machine_wide_file_counts(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        folders = os.pathsep.join(str(tmp_path / name) for name in ("a", "b", "c"))
        monkeypatch.setattr(config_files.platformdirs, "site_config_dir", lambda *_, **__: folders)
        assert machine_file("nodes.toml") is None
        for name in ("b", "c"):
            (tmp_path / name).mkdir()
            (tmp_path / name / "nodes.toml").touch()
        assert machine_file("nodes.toml") == tmp_path / "b" / "nodes.toml"


class TestReading:
    def test_no_file(self, tmp_path: Path) -> None:
        document = TomlFile(tmp_path / "none.toml").read()
        assert document.table == {}
        assert document.problem is None

    def test_a_byte_order_mark_is_no_fault(self, tmp_path: Path) -> None:
        path = tmp_path / "x.toml"
        path.write_bytes(b"\xef\xbb\xbfa = 1\n")
        assert TomlFile(path).read().table == {"a": 1}

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"a = ", "is damaged: Invalid value (at end of document)"),
            (b"\xff\xfe\x00", "is damaged"),
            (b"a = " + b"[" * 50_000, "is damaged"),
            (b"# " + b"x" * config_files.MAX_FILE_BYTES, "too large"),
            (b"version = 'one'", "its version is no number"),
            (b"version = true", "its version is no number"),
            (b"version = 0", "its version is no number"),
        ],
    )
    def test_a_damaged_file_is_told_of_and_left_alone(self, tmp_path: Path, content: bytes, words: str) -> None:
        path = tmp_path / "x.toml"
        path.write_bytes(content)
        document = TomlFile(path).read()
        assert document.table == {}
        assert document.problem is not None
        assert words in str(document.problem)
        assert str(path) in str(document.problem)
        assert document.problem.hint
        assert [file.name for file in tmp_path.iterdir()] == ["x.toml"]

    @pytest.mark.parametrize("line", ["a." * 600 + "b = 1", "[" + '"a".' * 600 + "b]", "x = {" + "a." * 600 + "b = 1}"])
    def test_a_key_without_end_is_damage(self, tmp_path: Path, line: str) -> None:
        """A parser takes the square of its parts: one of 64 KiB held up the start for seconds."""
        path = tmp_path / "x.toml"
        path.write_text(f"a = 1\n{line}\n")
        assert "more than 500 parts" in str(TomlFile(path).read().problem)

    def test_dots_in_values_and_comments_are_no_parts(self, tmp_path: Path) -> None:
        path = tmp_path / "x.toml"
        dots = "." * 1000
        path.write_text(f'# {dots}\na = \'{dots}\'\nb = "x\\"{dots}"\n')
        assert TomlFile(path).read() == Document({"a": dots, "b": f'x"{dots}'})

    def test_a_newer_file_is_read_as_far_as_it_is_known(self, tmp_path: Path) -> None:
        path = tmp_path / "x.toml"
        path.write_text("version = 7\na = 1\n")
        document = TomlFile(path, version=2).read()
        assert document.table == {"version": 7, "a": 1}
        assert "format 7, known is 2" in str(document.problem)

    def test_what_is_no_file(self, tmp_path: Path) -> None:
        document = TomlFile(tmp_path).read()
        assert "cannot be read" in str(document.problem)


class TestWriting:
    def test_makes_the_folder_and_begins_with_the_version(self, tmp_path: Path) -> None:
        path = tmp_path / "new" / "x.toml"
        TomlFile(path, version=3).write({"a": 1, "version": 1})
        assert path.read_text() == "version = 3\na = 1\n"
        assert [file.name for file in path.parent.iterdir()] == ["x.toml"]

    @posix_only
    def test_only_the_owner_may_read_it(self, tmp_path: Path) -> None:
        path = tmp_path / "x.toml"
        path.touch(mode=0o644)
        TomlFile(path).write({"a": 1})
        assert path.stat().st_mode & 0o777 == 0o600

    @posix_only
    def test_only_the_owner_may_read_what_is_kept_aside(self, tmp_path: Path) -> None:
        path = tmp_path / "x.toml"
        path.write_text("damaged [")
        path.chmod(0o644)
        before = os.umask(0)
        try:
            TomlFile(path).write({"a": 1})
        finally:
            os.umask(before)
        assert {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {
            "x.toml": 0o600,
            "x.damaged-1.toml": 0o600,
        }

    @posix_only
    def test_a_link_stays_a_link(self, tmp_path: Path) -> None:
        real, link = tmp_path / "real.toml", tmp_path / "x.toml"
        real.touch()
        link.symlink_to(real)
        TomlFile(link).write({"a": 1})
        assert link.is_symlink()
        assert "a = 1" in real.read_text()

    def test_what_is_there_already_is_not_written_again(self, tmp_path: Path) -> None:
        path = tmp_path / "x.toml"
        TomlFile(path).write({"a": 1})
        before = path.stat()
        TomlFile(path).write({"a": 1}, keep_aside=True)
        assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
        assert len(list(tmp_path.iterdir())) == 1

    def test_a_damaged_file_is_kept_aside_each_time(self, tmp_path: Path) -> None:
        path = tmp_path / "x.toml"
        for content in ("first [", "second ["):
            path.write_text(content)
            TomlFile(path).write({"a": 1})
        assert (tmp_path / "x.damaged-1.toml").read_text() == "first ["
        assert (tmp_path / "x.damaged-2.toml").read_text() == "second ["
        assert TomlFile(path).read().problem is None

    def test_a_good_file_is_kept_aside_when_asked_for(self, tmp_path: Path) -> None:
        path = tmp_path / "x.toml"
        path.write_text("a = 0\n")
        TomlFile(path).write({"a": 1}, keep_aside=True)
        assert (tmp_path / "x.damaged-1.toml").read_text() == "a = 0\n"

    @pytest.mark.parametrize("value", [None, object(), "\ud800"])
    def test_a_value_that_toml_does_not_know(self, tmp_path: Path, value: object) -> None:
        path = tmp_path / "x.toml"
        path.write_text("a = 0\n")
        with pytest.raises(SettingsError, match="cannot be written") as caught:
            TomlFile(path).write({"a": value})
        assert caught.value.path == str(path)
        assert path.read_text() == "a = 0\n"

    def test_a_failure_leaves_the_old_file_and_nothing_else(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "x.toml"
        path.write_text("a = 0\n")

        def fail(_handle: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(disk, "sync_file", fail)
        with pytest.raises(SettingsError, match="No space left"):
            TomlFile(path).write({"a": 1})
        assert path.read_text() == "a = 0\n"
        assert [file.name for file in tmp_path.iterdir()] == ["x.toml"]

    def test_the_folder_is_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "folder").touch()
        with pytest.raises(SettingsError, match="cannot be written"):
            TomlFile(tmp_path / "folder" / "x.toml").write({})

    def test_what_a_killed_program_left_is_in_nobodys_way(self, tmp_path: Path) -> None:
        (tmp_path / f".x.toml.{os.getpid()}.part").write_text("half")
        TomlFile(tmp_path / "x.toml").write({"a": 1})
        assert [file.name for file in tmp_path.iterdir()] == ["x.toml"]


def test_faults_become_one_problem(tmp_path: Path) -> None:
    file = TomlFile(tmp_path / "x.toml")
    assert file.problem_with([]) is None
    assert str(file.problem_with(["a: bad"])).endswith("x.toml has a wrong value: a: bad")
    assert str(file.problem_with(["a: bad", "b: bad", "c: bad"])).endswith("a: bad (and 2 more)")


def test_an_error_is_one_line() -> None:
    assert str(SettingsError("a\nb\x1b")) == "a\\nb\\x1b"


def test_toml_writes_what_the_standard_library_reads(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    table = {"text": 'a"\\\n\t\u00e9', "inf": float("inf"), "list": [{"a": 1}, {"b": [1, 2]}], "flag": True}
    path.write_text(tomli_w.dumps(table), encoding="utf-8")
    assert TomlFile(path).read().table == table
