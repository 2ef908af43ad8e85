"""The address book."""

from __future__ import annotations

import threading
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dicomgui.app.configuration import peers
from dicomgui.app.configuration.files import SettingsError
from dicomgui.app.configuration.nodes import Node, NodeTimeouts
from dicomgui.app.configuration.peers import NodeStore, resolve
from dicomgui.network.association.params import PeerAddress
from dicomgui.network.errors import ConfigurationError


def node(name: str, title: str = "PACS", **more: Any) -> Node:
    return Node(name, PeerAddress.parse(f"{title}@10.0.0.1:104"), **more)


def names(store: NodeStore) -> list[str]:
    return [known.name for known in store.nodes]


def write(path: Path, *tables: dict[str, Any], **top: Any) -> None:
    path.write_text(tomli_w.dumps(top | {"node": list(tables)}), encoding="utf-8")


def table(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "ae_title": "PACS", "host": "10.0.0.1", "port": 104} | more


@pytest.fixture(autouse=True)
def _no_file_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DICOMGUI_CONFIG", raising=False)
    monkeypatch.setattr(peers, "machine_file", lambda _name: None)


@pytest.fixture
def store(tmp_path: Path) -> NodeStore:
    """A, B and C, saved."""
    store = NodeStore(tmp_path).load()
    for name in "ABC":
        store.add(node(name))
    store.save()
    return store


def other(store: NodeStore) -> NodeStore:
    """Another program with the same file."""
    return NodeStore(store.path.parent).load()


class TestChanges:
    def test_an_empty_book(self, tmp_path: Path) -> None:
        store = NodeStore(tmp_path).load()
        assert store.nodes == ()
        assert store.problems == ()
        store.save()
        assert not store.path.exists()

    def test_what_is_saved_is_loaded(self, store: NodeStore) -> None:
        full = node("D", calling_ae="ME", timeouts=NodeTimeouts(connect_s=2), max_pdu_length=0, comment="x\ny")
        store.add(full)
        assert store.is_changed
        store.save()
        assert not store.is_changed
        assert other(store).nodes == store.nodes
        assert store.nodes[-1] == full

    def test_add_at_a_place(self, store: NodeStore) -> None:
        store.add(node("D"), 1)
        store.add(node("E"), -5)
        store.add(node("F"), 99)
        assert names(store) == ["E", "A", "D", "B", "C", "F"]

    def test_a_name_is_taken_whatever_its_case(self, store: NodeStore) -> None:
        with pytest.raises(ConfigurationError, match="'B' already"):
            store.add(node("b"))

    def test_change_keeps_the_place(self, store: NodeStore) -> None:
        store.change("b", node("B", "NEW"))
        assert names(store) == ["A", "B", "C"]
        assert store.find("B") == node("B", "NEW")

    def test_rename(self, store: NodeStore) -> None:
        store.change("B", node("b"))
        store.change("a", node("Z"))
        assert names(store) == ["Z", "b", "C"]
        with pytest.raises(ConfigurationError, match="already"):
            store.change("Z", node("c"))
        with pytest.raises(ConfigurationError, match="no node is called"):
            store.change("A", node("A"))

    def test_delete_and_restore(self, store: NodeStore) -> None:
        deleted = store.delete("b")
        assert deleted.node == node("B")
        assert names(store) == ["A", "C"]
        store.save()
        assert store.restore(deleted) == node("B")
        assert names(store) == ["A", "B", "C"]

    def test_restore_when_the_name_was_taken(self, store: NodeStore) -> None:
        deleted = store.delete("C")
        store.add(node("c", "OTHER"))
        assert store.restore(deleted).name == "C 2"
        assert names(store) == ["A", "B", "C 2", "c"]

    def test_delete_what_is_not_there(self, store: NodeStore) -> None:
        with pytest.raises(ConfigurationError, match="no node is called 'X'"):
            store.delete("X")

    def test_move(self, store: NodeStore) -> None:
        store.move("C", 0)
        assert names(store) == ["C", "A", "B"]
        store.move("C", 1)
        assert names(store) == ["A", "C", "B"]
        store.move("A", 9)
        assert names(store) == ["C", "B", "A"]

    def test_each_change_counts(self, store: NodeStore) -> None:
        seen = [store.revision]
        for change in (
            lambda: store.add(node("D")),
            lambda: store.change("D", node("E")),
            lambda: store.move("E", 0),
            lambda: store.restore(store.delete("E")),
        ):
            change()
            seen.append(store.revision)
        assert seen == sorted(set(seen))

    @pytest.mark.parametrize(
        ("wanted", "name"),
        [
            ("D", "D"),
            ("a", "a 2"),
            ("X@host\n", "X host"),
            ("--", "Node"),
            ("", "Node"),
            ("y" * 80, "y" * 64),
        ],
    )
    def test_unique_name(self, store: NodeStore, wanted: str, name: str) -> None:
        assert store.unique_name(wanted) == name
        Node(name, PeerAddress.parse("A@b"))

    def test_unique_name_counts_on(self, store: NodeStore) -> None:
        store.add(node("A 2"))
        store.add(node("z" * 64))
        assert store.unique_name("A") == "A 3"
        assert store.unique_name("z" * 64) == "z" * 58 + " 2"


class TestFile:
    def test_unknown_keys_stay(self, tmp_path: Path) -> None:
        path = tmp_path / "nodes.toml"
        write(path, table("A", shape={"profile": "x"}), table("B", colour="red"), later=1)
        store = NodeStore(tmp_path).load()
        assert [problem.is_kept for problem in store.problems] == [True]
        store.change("A", node("A2", "NEW"))
        store.restore(store.delete("B"))
        store.add(node("C"))
        store.save()
        saved = tomllib.loads(path.read_text(encoding="utf-8"))
        assert (saved["version"], saved["later"]) == (1, 1)
        assert saved["node"] == [
            table("A2", ae_title="NEW", shape={"profile": "x"}), table("B", colour="red"), table("C")
        ]  # fmt: skip
        assert len(list(tmp_path.iterdir())) == 1

    def test_an_entry_that_makes_no_node_stays_as_it_is(self, tmp_path: Path) -> None:
        path = tmp_path / "nodes.toml"
        bad = [table("X", port=0), table("a"), {"name": "Y"}, table("Z", comment=5)]
        write(path, table("A"), *bad, table("B"))
        store = NodeStore(tmp_path).load()
        assert names(store) == ["A", "B"]
        (problem,) = store.problems
        assert "node 2: port 0 is out of range" in str(problem)
        assert "(and 3 more)" in str(problem)
        store.add(node("M"), 1)
        assert store.delete("B").index == 2
        store.save()
        saved = tomllib.loads(path.read_text(encoding="utf-8"))["node"]
        assert saved == [table("A"), *bad, table("M")]
        assert len(list(tmp_path.iterdir())) == 1

    @pytest.mark.parametrize("found", [5, ["x"], [5, {"name": "A", "ae_title": "B", "host": "c"}]])
    def test_what_cannot_be_written_back_is_kept_aside(self, tmp_path: Path, found: object) -> None:
        path = tmp_path / "nodes.toml"
        path.write_text(tomli_w.dumps({"node": found}), encoding="utf-8")
        store = NodeStore(tmp_path).load()
        assert "not all of it are tables" in str(store.problems[0])
        store.add(node("M"))
        store.save()
        aside = tmp_path / "nodes.damaged-1.toml"
        assert tomllib.loads(aside.read_text(encoding="utf-8")) == {"node": found}
        assert other(store).problems == ()

    def test_a_damaged_file_is_kept_aside(self, tmp_path: Path) -> None:
        path = tmp_path / "nodes.toml"
        path.write_text("[[node]\n")
        store = NodeStore(tmp_path).load()
        assert "nodes.toml is damaged" in str(store.problems[0])
        store.save()
        assert path.read_text() == "[[node]\n"
        store.add(node("A"))
        store.save()
        assert (tmp_path / "nodes.damaged-1.toml").read_text() == "[[node]\n"
        assert names(other(store)) == ["A"]

    def test_a_failure_to_save_can_be_tried_again(self, tmp_path: Path) -> None:
        (tmp_path / "folder").touch()
        store = NodeStore(tmp_path / "folder").load()
        store.add(node("A"))
        with pytest.raises(SettingsError):
            store.save()
        assert store.is_changed
        (tmp_path / "folder").unlink()
        store.save()
        assert names(other(store)) == ["A"]

    def test_no_secret_has_a_place(self, store: NodeStore) -> None:
        text = store.path.read_text(encoding="utf-8")
        assert not [word for word in ("pass", "secret", "key", "token") if word in text]


class TestTwoPrograms:
    """Each has loaded A, B and C; one has saved before the other does."""

    def test_additions_of_both_stay(self, store: NodeStore) -> None:
        rival = other(store)
        rival.add(node("Theirs"), 0)
        rival.save()
        store.add(node("Ours"), 1)
        store.save()
        assert names(store) == ["A", "Ours", "B", "C", "Theirs"]
        assert names(other(store)) == names(store)

    def test_their_deletion_and_change_count_where_we_did_nothing(self, store: NodeStore) -> None:
        rival = other(store)
        rival.delete("A")
        rival.change("B", node("B", "NEW"))
        rival.save()
        store.add(node("D"))
        store.save()
        assert names(store) == ["B", "C", "D"]
        assert store.find("B") == node("B", "NEW")

    def test_our_change_counts_where_both_changed(self, store: NodeStore) -> None:
        rival = other(store)
        rival.delete("A")
        rival.change("B", node("B", "THEIRS"))
        rival.change("C", node("C", "THEIRS"))
        rival.save()
        store.change("A", node("A", "OURS"))
        store.change("B", node("B", "OURS"))
        store.delete("C")
        store.save()
        assert store.find("A") == node("A", "OURS")
        assert store.find("B") == node("B", "OURS")
        assert store.find("C") == node("C", "THEIRS")  # a change is not lost by a deletion

    def test_a_file_that_is_gone_deletes_nothing(self, store: NodeStore) -> None:
        store.path.unlink()
        store.add(node("D"))
        store.save()
        assert names(other(store)) == ["A", "B", "C", "D"]

    def test_a_file_that_is_broken_deletes_nothing(self, store: NodeStore) -> None:
        store.path.write_text("[")
        store.add(node("D"))
        store.save()
        assert names(other(store)) == ["A", "B", "C", "D"]
        assert (store.path.parent / "nodes.damaged-1.toml").exists()

    def test_a_change_during_a_save_is_not_lost(self, store: NodeStore, monkeypatch: pytest.MonkeyPatch) -> None:
        rival = other(store)
        rival.add(node("Theirs"))
        rival.save()
        store.add(node("D"))
        entered, go_on = threading.Event(), threading.Event()
        real = peers.TomlFile.write

        def slow(self: peers.TomlFile, table: dict[str, Any], *, keep_aside: bool = False) -> None:
            entered.set()
            assert go_on.wait(10)
            real(self, table, keep_aside=keep_aside)

        monkeypatch.setattr(peers.TomlFile, "write", slow)
        thread = threading.Thread(target=store.save)
        thread.start()
        assert entered.wait(10)
        store.add(node("E"))
        store.delete("A")
        go_on.set()
        thread.join(10)
        assert store.is_changed
        assert sorted(names(store)) == ["B", "C", "D", "E", "Theirs"]
        store.save()
        assert names(other(store)) == names(store)

    @given(
        ours=st.lists(st.tuples(st.sampled_from("ABCDE"), st.sampled_from(["PACS", "X", ""])), max_size=4),
        theirs=st.lists(st.tuples(st.sampled_from("ABCDE"), st.sampled_from(["PACS", "X", ""])), max_size=4),
    )
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_names_stay_unique(self, tmp_path: Path, ours: list[Any], theirs: list[Any]) -> None:
        path = tmp_path / "nodes.toml"
        write(path, *(table(name) for name in "ABC"))
        one, two = NodeStore(tmp_path).load(), NodeStore(tmp_path).load()
        for store, changes in ((one, ours), (two, theirs)):
            for name, title in changes:
                if store.find(name) is None:
                    store.add(node(name, title or "N"))
                elif title:
                    store.change(name, node(name, title))
                else:
                    store.delete(name)
            store.save()
        both = NodeStore(tmp_path).load()
        assert len(set(names(both))) == len(names(both))
        changed = {name for name, _ in theirs}
        assert all(both.find(name) == one.find(name) for name in set("ABCDE") - changed)


class TestMachineWide:
    @pytest.fixture
    def both(self, tmp_path: Path) -> NodeStore:
        machine = tmp_path / "machine.toml"
        write(machine, table("Shared"), table("Hidden", ae_title="OLD"))
        store = NodeStore(tmp_path / "user", machine_path=machine).load()
        store.add(node("Own"))
        return store

    def test_its_nodes_come_first_and_are_marked(self, both: NodeStore) -> None:
        assert [(known.name, known.is_machine_wide) for known in both.nodes] == [
            ("Shared", True), ("Hidden", True), ("Own", False)
        ]  # fmt: skip
        assert both.find("shared") == both.nodes[0]

    def test_they_cannot_be_changed(self, both: NodeStore) -> None:
        for change in (
            lambda: both.delete("Shared"),
            lambda: both.move("shared", 0),
            lambda: both.change("Shared", node("Shared")),
        ):
            with pytest.raises(ConfigurationError, match="cannot be changed here") as caught:
                change()
            assert str(both.machine_path) in caught.value.hint

    def test_their_names_are_taken(self, both: NodeStore) -> None:
        with pytest.raises(ConfigurationError, match=r"already in .*machine\.toml"):
            both.add(node("SHARED"))
        assert both.unique_name("Shared") == "Shared 2"

    def test_a_copy_is_the_users(self, both: NodeStore) -> None:
        copy = both.add(replace(both.nodes[0], name="Copy"))
        assert not copy.is_machine_wide
        both.save()
        assert "Shared" not in both.path.read_text(encoding="utf-8")

    def test_a_node_of_the_user_hides_one_of_the_same_name(self, both: NodeStore) -> None:
        both.path.parent.mkdir()
        write(both.path, table("hidden", ae_title="MINE"))
        both.load()
        assert names(both) == ["Shared", "hidden"]
        assert not both.nodes[1].is_machine_wide

    def test_its_problems_are_told_of(self, both: NodeStore) -> None:
        assert both.machine_path is not None
        both.machine_path.write_text("[")
        both.path.parent.mkdir()
        both.path.write_text("[")
        both.load()
        assert [Path(problem.path).name for problem in both.problems] == ["machine.toml", "nodes.toml"]

    def test_it_is_looked_for(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        machine = tmp_path / "nodes.toml"
        write(machine, table("Shared"))
        monkeypatch.setattr(peers, "machine_file", lambda name: tmp_path / name)
        assert names(NodeStore(tmp_path / "user").load()) == ["Shared"]


class TestResolve:
    def test_a_name(self, store: NodeStore) -> None:
        assert store.resolve(" b ") == store.find("B")
        assert resolve("b", store.path.parent) == store.find("B")

    def test_an_address(self, store: NodeStore) -> None:
        assert store.resolve("B@host:5") == PeerAddress.parse("B@host:5")
        assert resolve("B@host") == PeerAddress.parse("B@host:104")

    def test_an_address_is_resolved_without_the_files(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(peers, "NodeStore", None)
        assert resolve("A@b") == PeerAddress.parse("A@b")

    def test_the_variable_counts(self, store: NodeStore, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DICOMGUI_CONFIG", str(store.path.parent))
        assert resolve("A") == store.find("A")

    def test_a_wrong_address(self, store: NodeStore) -> None:
        with pytest.raises(ConfigurationError, match="'x' is no port number"):
            store.resolve("A@host:x")

    def test_nobody(self, store: NodeStore) -> None:
        store.add(node("Main PACS"))
        with pytest.raises(ConfigurationError, match="'X' is neither a saved node nor a peer address") as caught:
            store.resolve("X")
        assert caught.value.hint == "Write an address as AET@host:port."
        with pytest.raises(ConfigurationError) as caught:
            store.resolve("main pcas")
        assert caught.value.hint.startswith("Did you mean Main PACS? ")

    def test_an_unreadable_file_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "nodes.toml").write_text("[")
        with pytest.raises(ConfigurationError, match=r"nodes\.toml is damaged"):
            resolve("A", tmp_path)
