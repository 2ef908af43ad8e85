"""The address book: saved peers (*nodes*) in ``nodes.toml``, and who is meant by a name.

A machine-wide ``nodes.toml`` is read first; its nodes are shown and used like all others, but not changed here.
"""

from __future__ import annotations

import difflib
import os
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path

from dicomgui.app.configuration import values as checks
from dicomgui.app.configuration.ae_titles import TitleRemark, ae_title_findings
from dicomgui.app.configuration.files import SettingsError, TomlFile, config_folder, machine_file
from dicomgui.app.configuration.nodes import (
    MAX_NAME,
    NODE_KEYS,
    Node,
    NodeStatus,
    NodeTimeouts,
    name_key,
    node_of,
    table_of,
)
from dicomgui.app.configuration.paste import Pasted, parse_paste
from dicomgui.app.configuration.values import Table, Values
from dicomgui.network.association.params import PeerAddress
from dicomgui.network.errors import ConfigurationError

__all__ = [
    "DeletedNode",
    "Node",
    "NodeStatus",
    "NodeStore",
    "NodeTimeouts",
    "Pasted",
    "TitleRemark",
    "ae_title_findings",
    "parse_paste",
    "resolve",
]

FILE_NAME = "nodes.toml"
VERSION = 1


# -------------------------------------------------------------------------------------------------------------- store


@dataclass(frozen=True, slots=True)
class _Entry:
    """One ``[[node]]`` of the file, with the keys that this version does not know.

    One that makes no node has none and is written back as it was.
    """

    node: Node | None
    rest: Table

    @property
    def key(self) -> str:
        return name_key(self.node.name) if self.node is not None else f"\0{self.rest!r}"

    def table(self) -> Table:
        return self.rest if self.node is None else table_of(self.node) | self.rest


@dataclass(frozen=True, slots=True)
class DeletedNode:
    """A node that was deleted; :meth:`NodeStore.restore` puts it back to its place."""

    node: Node
    index: int
    rest: Table = field(repr=False)


class NodeStore:
    """The saved peers in their order.

    Changes are made in memory, at once; :meth:`save` writes them and waits for the disk, so that a window calls it in a
    worker thread. What another program has written meanwhile is kept: its changes and ours are put together.

    :ivar path: the user's file.
    :ivar problems: what the last :meth:`load` could not understand; shown to the user. An entry of the file that makes
        no node stays in the file as it is.
    :ivar revision: counts the changes, for views.

    :param folder: where the file lies; by default what ``DICOMGUI_CONFIG`` names, else the platform's folder.
    :param machine_path: the machine-wide file; looked for when left out.
    """

    def __init__(self, folder: str | os.PathLike[str] | None = None, *, machine_path: Path | None = None) -> None:
        self.path = config_folder(folder) / FILE_NAME
        self.machine_path = machine_path or machine_file(FILE_NAME)
        self.problems: tuple[SettingsError, ...] = ()
        self.revision = 0
        self._file = TomlFile(self.path, version=VERSION)
        self._machine: tuple[Node, ...] = ()
        self._entries: tuple[_Entry, ...] = ()
        self._on_disk: tuple[_Entry, ...] = ()
        self._changing = threading.Lock()
        self._saving = threading.Lock()

    # reading

    def load(self) -> NodeStore:
        """Read both files, forget unsaved changes, and give the store itself. Never raises for what is in them."""
        problems = []
        machine: tuple[_Entry, ...] = ()
        if self.machine_path is not None:
            content = _read(TomlFile(self.machine_path, version=VERSION), is_machine_wide=True)
            machine = content.entries
            problems.append(content.problem)
        content = _read(self._file)
        problems.append(content.problem)
        with self._changing:
            self._machine = tuple(entry.node for entry in machine if entry.node is not None)
            self._on_disk = self._entries = content.entries
            self.revision += 1
        self.problems = tuple(problem for problem in problems if problem is not None)
        return self

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The machine-wide nodes, then the user's. A node of the user hides a machine-wide one of the same name."""
        own = self._own()
        names = {name_key(node.name) for node in own}
        return (*(node for node in self._machine if name_key(node.name) not in names), *own)

    def find(self, name: str) -> Node | None:
        """The node of this name, whatever the case of its letters."""
        key = name_key(name)
        return next((node for node in self.nodes if name_key(node.name) == key), None)

    def unique_name(self, wanted: str) -> str:
        """``wanted`` made usable as a name, with a number behind it where it is taken."""
        clean = "".join(c if c.isprintable() and c != "@" else " " for c in wanted)
        name = " ".join(clean.split()).lstrip("- ")[:MAX_NAME].rstrip() or "Node"
        number, candidate = 1, name
        while self.find(candidate) is not None:
            number += 1
            candidate = f"{name[: MAX_NAME - 6]} {number}"
        return candidate

    def resolve(self, text: str) -> Node | PeerAddress:
        """Who is meant by ``text``: the node of this name, else what the address ``AET@host:port`` says.

        :raises ConfigurationError: it is neither.
        """
        if "@" in text:  # never part of a name
            return PeerAddress.parse(text)
        node = self.find(text)
        if node is not None:
            return node
        known = {name_key(name): name for name in (node.name for node in self.nodes)}
        near = [known[key] for key in difflib.get_close_matches(name_key(text), known, n=3)]
        hint = "Write an address as AET@host:port."
        if near:
            hint = f"Did you mean {' or '.join(near)}? {hint}"
        unread = f"; {self.problems[0]}" if self.problems else ""
        raise ConfigurationError(
            f"{text!r} is neither a saved node nor a peer address{unread}", phase="configure", hint=hint
        )

    # changing

    @property
    def is_changed(self) -> bool:
        """Whether there is something to save."""
        return self._entries != self._on_disk

    def add(self, node: Node, index: int | None = None) -> Node:
        """Add a node, at the end or before the user's node number ``index``; gives it as it is kept.

        :raises ConfigurationError: the name is taken.
        """
        node = replace(node, is_machine_wide=False)
        with self._changing:
            self._check_free(node.name)
            self._insert(_Entry(node, {}), index)
        return node

    def change(self, name: str, node: Node) -> Node:
        """Put ``node`` in the place of the one that is called ``name``; that may rename it.

        :raises ConfigurationError: there is none of this name, it is machine-wide, or the new name is taken.
        """
        node = replace(node, is_machine_wide=False)
        with self._changing:
            at, old = self._editable(name)
            if name_key(node.name) != name_key(name):
                self._check_free(node.name)
            self._set((*self._entries[:at], _Entry(node, old.rest), *self._entries[at + 1 :]))
        return node

    def delete(self, name: str) -> DeletedNode:
        """Delete a node; what this gives brings it back by :meth:`restore`.

        :raises ConfigurationError: there is none of this name, or it is machine-wide.
        """
        with self._changing:
            at, entry = self._editable(name)
            assert entry.node is not None
            index = sum(1 for before in self._entries[:at] if before.node is not None)
            self._set((*self._entries[:at], *self._entries[at + 1 :]))
        return DeletedNode(entry.node, index, entry.rest)

    def restore(self, deleted: DeletedNode) -> Node:
        """Bring a deleted node back to its place; with a number behind its name where that was taken meanwhile."""
        with self._changing:
            node = replace(deleted.node, name=self.unique_name(deleted.node.name))
            self._insert(_Entry(node, deleted.rest), deleted.index)
        return node

    def move(self, name: str, index: int) -> None:
        """Give a node the place number ``index`` among the user's nodes.

        :raises ConfigurationError: there is none of this name, or it is machine-wide.
        """
        with self._changing:
            at, entry = self._editable(name)
            self._entries = (*self._entries[:at], *self._entries[at + 1 :])
            self._insert(entry, index)

    # writing

    def save(self) -> None:
        """Write what was changed; does nothing where nothing was. May run in any thread.

        :raises SettingsError: it could not be written; the changes are still there and can be saved again.
        """
        with self._saving:
            with self._changing:
                base, ours = self._on_disk, self._entries
            if base == ours:
                return
            content = _read(self._file)
            # A file that is gone or broken says nothing about what was deleted in it.
            merged = _merge(base, ours, content.entries) if content.table else ours
            nodes = {"node": [entry.table() for entry in merged]}
            self._file.write(content.table | nodes, keep_aside=content.is_lossy)
            with self._changing:
                self._on_disk = merged
                self._set(_merge(ours, self._entries, merged))

    # parts; those that change something are called with the lock held

    def _own(self) -> tuple[Node, ...]:
        return tuple(entry.node for entry in self._entries if entry.node is not None)

    def _check_free(self, name: str) -> None:
        node = self.find(name)
        if node is not None:
            where = f" in {self.machine_path}" if node.is_machine_wide else ""
            raise ConfigurationError(
                f"a node is called {node.name!r} already{where}", phase="configure", hint="Give it another name."
            )

    def _editable(self, name: str) -> tuple[int, _Entry]:
        for at, entry in enumerate(self._entries):
            if entry.node is not None and entry.key == name_key(name):
                return at, entry
        if self.find(name) is not None:
            raise ConfigurationError(
                f"the node {name!r} is the same for everybody on this computer and cannot be changed here",
                phase="configure",
                hint=f"Add a copy of it under another name, or change {self.machine_path}.",
            )
        raise ConfigurationError(f"no node is called {name!r}", phase="configure")

    def _insert(self, entry: _Entry, index: int | None) -> None:
        places = [at for at, known in enumerate(self._entries) if known.node is not None]
        at = len(self._entries) if index is None or index >= len(places) else places[max(0, index)]
        self._set((*self._entries[:at], entry, *self._entries[at:]))

    def _set(self, entries: tuple[_Entry, ...]) -> None:
        self._entries = entries
        self.revision += 1


def resolve(text: str, folder: str | os.PathLike[str] | None = None) -> Node | PeerAddress:
    """Who is meant by ``text``: see :meth:`NodeStore.resolve`. Reads the files only where it is no address.

    :raises ConfigurationError: it is neither a saved node nor a peer address.
    """
    return PeerAddress.parse(text) if "@" in text else NodeStore(folder).load().resolve(text)


def _merge(base: tuple[_Entry, ...], ours: tuple[_Entry, ...], theirs: tuple[_Entry, ...]) -> tuple[_Entry, ...]:
    """What comes of ``base`` when both have changed it; where both changed the same node, ours counts."""
    if theirs == base:
        return ours
    if ours == base:
        return theirs
    old = {entry.key: entry for entry in base}
    mine = {entry.key for entry in ours}
    other = {entry.key: entry for entry in theirs}
    merged = []
    for entry in ours:
        untouched = old.get(entry.key) == entry
        if not untouched:
            merged.append(entry)
        elif entry.key in other:
            merged.append(other[entry.key])
    merged += [entry for entry in theirs if entry.key not in mine and old.get(entry.key) != entry]
    return tuple(merged)


# ---------------------------------------------------------------------------------------------- between file and value


@dataclass(frozen=True, slots=True)
class _Content:
    """What a file said; ``is_lossy`` where it says something that cannot be written back."""

    entries: tuple[_Entry, ...]
    table: Table
    problem: SettingsError | None
    is_lossy: bool


def _read(file: TomlFile, *, is_machine_wide: bool = False) -> _Content:
    document = file.read()
    found = document.table.get("node", [])
    tables = [table for table in found if isinstance(table, dict)] if isinstance(found, list) else []
    is_lossy = found != tables
    top = Values(document.table, lines=document.lines)
    if is_lossy:
        top.fault("node: not all of it are tables", "node")
    faults, unknown = top.faults, top.unknown(("version", "node"))
    entries: list[_Entry] = []
    seen: set[str] = set()
    for number, table in enumerate(tables, 1):
        values = Values(table, where=f"node {number}: ", lines=document.lines, place=("node", number))
        unknown += values.unknown(NODE_KEYS)
        entry = _entry_of(table, values, seen, is_machine_wide=is_machine_wide)
        entries.append(entry)
        seen.add(entry.key)
        faults += values.faults[:1]
    return _Content(tuple(entries), document.table, document.problem or file.problem_with(faults, unknown), is_lossy)


def _entry_of(table: Table, values: Values, seen: set[str], *, is_machine_wide: bool) -> _Entry:
    try:
        node = node_of(values, is_machine_wide=is_machine_wide)
        if name_key(node.name) in seen:
            raise checks.wrong(f"the name {node.name!r} is there twice")
    except ConfigurationError as error:
        values.fault(error)
    if values.faults:
        return _Entry(None, table)
    return _Entry(node, {name: value for name, value in table.items() if name not in NODE_KEYS})
