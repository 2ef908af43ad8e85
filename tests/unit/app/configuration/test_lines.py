"""The lines of keys in files of settings, and keys that mean nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from dicomgui.app.configuration.lines import Lines, unknown_key
from dicomgui.app.configuration.peers import NodeStore
from dicomgui.app.configuration.settings import Settings, SettingsStore
from dicomgui.app.listening.answers import AnswerStore, read_answers
from dicomgui.network.errors import ConfigurationError

TEXT = '''version = 1
"a b" = 2
[connection]
note = """
port = 1
"""
timeouts.idle_s = 3
[connection.timeouts]
x = 1
[[node]]
name = "A"
[[node]]
name = "B"
[node.more]
y = 2
'''


def test_each_key_has_its_line() -> None:
    lines = Lines(TEXT)
    expected = {
        ("version",): 1, ("a b",): 2, ("connection",): 3, ("connection", "note"): 4,
        ("connection", "timeouts", "idle_s"): 7, ("connection", "timeouts", "x"): 9, ("node",): 10,
        ("node", 1, "name"): 11, ("node", 2): 12, ("node", 2, "name"): 13, ("node", 2, "more", "y"): 15,
    }  # fmt: skip
    assert {place: lines.prefix(place) for place in expected} == {
        place: f"line {number}: " for place, number in expected.items()
    }
    assert lines.prefix(("connection", "port")) == "line 3: ", "what stands in a text is no key"
    assert lines.prefix(("other",)) == Lines().prefix(("node",)) == ""


def test_the_key_that_is_most_alike_is_named() -> None:
    assert unknown_key("prot", ("host", "port")) == "prot means nothing here; did you mean port?"
    assert unknown_key("colour", ("host", "port")) == "colour means nothing here"


NODE = '[[node]]\nname = "PACS"\nae_title = "PACS"\nhost = "h"\n'


@pytest.mark.parametrize(
    ("text", "said", "nodes"),
    [
        ('[[nodes]]\nname = "PACS"\n', "line 1: nodes means nothing here; did you mean node?", 0),
        ("version = 1\nnodes = 3\n", "line 2: nodes means nothing here; did you mean node?", 0),
        ("\nnode = 3\n", "line 2: node: not all of it are tables", 0),
        (f"{NODE}prot = 104\n", "line 5: node 1: prot means nothing here; did you mean port?", 1),
        (f'{NODE}\n{NODE.replace("PACS", "B")}port = "x"\n', "line 10: node 2: port: it is no whole number", 1),
    ],
)
def test_what_is_wrong_in_the_address_book_is_told_with_its_line(
    tmp_path: Path, text: str, said: str, nodes: int
) -> None:
    (tmp_path / "nodes.toml").write_text(text)
    store = NodeStore(tmp_path, machine_path=tmp_path / "none.toml").load()
    [problem] = store.problems
    assert said in str(problem)
    assert len(store.nodes) == nodes


def test_what_is_wrong_in_the_settings_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text('[connection]\n[listener]\nfsync = true\nport = "x"\n')
    store = SettingsStore(tmp_path)
    store.load()
    assert "line 4: listener.port: it is no whole number" in str(store.problem)
    text = "[listener]\nprot = 7\n[connection.timeouts]\nidel_s = 3\n[windows]\n"
    path.write_text(text)
    assert store.load() == Settings()
    assert "line 5: windows means nothing here; did you mean window? (and 2 more)" in str(store.problem)
    store.save(Settings())
    assert "prot = 7" in path.read_text()
    assert list(tmp_path.iterdir()) == [path], "nothing was lost, so no copy is kept"


def test_what_is_wrong_in_the_answers_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "answers.toml"
    path.write_text('[printer]\n\n[[rule]]\nservice = "mpps"\nstate = 3\n')
    with pytest.raises(ConfigurationError, match=r"line 5: rule 1: state means nothing here"):
        read_answers(path)
    path.write_text("[printer]\nstatus = 3\n")
    with pytest.raises(ConfigurationError, match=r"line 2: printer\.status: it is no text"):
        read_answers(path)
    path.write_text('[printer]\n[[rule]]\nservice = "no"\n')
    with pytest.raises(ConfigurationError, match="line 3: rule 1: service: "):
        read_answers(path)
    path.write_text("\nrule = 3\n")
    store = AnswerStore(tmp_path)
    store.load()
    assert "line 2: rule: it is no list of tables" in str(store.problem)
