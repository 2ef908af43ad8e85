"""The address book: systems to talk to, how they are reached, and whether they answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import QItemSelectionModel, Qt
from PySide6.QtGui import QGuiApplication, QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from dicomgui.app.configuration.nodes import Node, NodeStatus, name_key
from dicomgui.app.configuration.paste import parse_paste
from dicomgui.app.credentials import Need
from dicomgui.app.echo import EchoResult
from dicomgui.app.operations import JobHandle, JobKind, JobState
from dicomgui.app.recipes.recipe import Recipe, Verb
from dicomgui.gui.nodes.editor import Draft, NodeEditor
from dicomgui.gui.nodes.model import NodeColumn, NodeModel
from dicomgui.gui.nodes.status import NodeStatusCard
from dicomgui.gui.panels.echoing import echo_as_job
from dicomgui.gui.panels.panel import Panel, Workplace
from dicomgui.gui.tables.list_table import ListTable
from dicomgui.gui.widgets.buttons import push_button
from dicomgui.gui.widgets.cards import EmptyState
from dicomgui.gui.widgets.dialogs import choose_file
from dicomgui.gui.widgets.flow import FlowRow, Halves
from dicomgui.gui.widgets.text import PlainLabel, count_text
from dicomgui.gui.widgets.undo_bar import UndoBar
from dicomgui.network.association.params import PeerAddress
from dicomgui.network.errors import ConfigurationError

__all__ = ["NodesPanel"]

NARROW = 600
"""Up to this width the fields of a node stand below the list and not beside it."""

_EMPTY = (
    "A node is a system that you talk to: its AE title, host and port. Copy what its administrator sent you, such as "
    "AET@host:port, a command line or a line of an e-mail, and press From clipboard; or press Add and type it."
)
AT_ONCE = 8
"""So many nodes are echoed at the same time; the others wait for their turn."""

_NEW = ""
_AGE_S = 1.0


class NodesPanel(Panel):
    """The list of nodes, and beside it the one that is selected, to be edited in place."""

    def __init__(self, place: Workplace) -> None:
        text = "Systems that you talk to: how each is reached, and whether it answers."
        super().__init__("nodes", "Nodes", text, place)
        self._config = place.config
        self._shown: str | None = None
        self._drafts: dict[str, Draft] = {}
        self._results: dict[str, EchoResult] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._aged = 0.0
        self.model = NodeModel(self)
        self._make_widgets()
        self._place()
        self._add_shortcuts()
        self._config.nodes_changed.connect(self._show_nodes)
        self._config.settings_changed.connect(self._on_settings_changed)
        self._on_settings_changed()
        self._show_nodes()
        for peer, (result, at_s) in place.echoes.items():
            self._show_echo(peer, result, at_s)
        self._select(self.model.nodes[0].name if self.model.nodes else None)
        place.pump.add(self._drain)

    # ----------------------------------------------------------------------------------------------------------- making

    def _make_widgets(self) -> None:
        self.add_button = push_button("nodes_add", "A&dd", "add", primary=True, tip="Type a new node (Ctrl+N)")
        self.paste_button = push_button("nodes_paste", "From clip&board", "paste",
                                        tip="A new node from whatever text you copied (Ctrl+V)")  # fmt: skip
        self.copy_button = push_button("nodes_copy", "Cop&y", "copy", tip="A new node with the same values")
        self.delete_button = push_button("nodes_delete", "Delete", "clear", tip="Delete it (Del); it can be undone")
        self.echo_button = push_button("nodes_echo", "&Echo", "echo", tip="Echo the selected node (F5)")
        self.echo_all_button = push_button("nodes_echo_all", "Echo a&ll", "echo", tip="Echo every node")
        self.cancel_button = push_button("nodes_cancel", "Cancel", "cancel", tip="Stop the echoes (Esc)")
        self.undo_bar = UndoBar("nodes_undo")
        self.count = PlainLabel(tone="muted")
        self.count.setObjectName("nodes_count")
        self.table = _NodesTable("nodes_table", "Saved nodes")
        self.table.setModel(self.model)
        self.table.set_widths({NodeColumn.NAME: 150, NodeColumn.TITLE: 124, NodeColumn.ADDRESS: 180},
                              stretch=NodeColumn.STATUS)  # fmt: skip
        self.status = NodeStatusCard()
        self.editor = NodeEditor()
        for button, slot in (
            (self.add_button, self.add), (self.paste_button, self.paste), (self.copy_button, self.duplicate),
            (self.delete_button, self.delete), (self.echo_button, self.run), (self.echo_all_button, self.echo_all),
            (self.cancel_button, self._stop),
        ):  # fmt: skip
            button.clicked.connect(slot)
        self.table.selectionModel().selectionChanged.connect(self._on_selection_changed)
        self.table.activated.connect(self._on_activated)
        self.editor.apply_wanted.connect(self.apply)
        self.editor.discard_wanted.connect(self.discard)
        self.editor.changed.connect(self._show_buttons)
        self.editor.peer_pasted.connect(self._add_pasted)
        self.editor.tls.file_wanted.connect(self._on_file_wanted)
        self.editor.association.file_wanted.connect(self._on_profiles_wanted)
        self.editor.identity.forget_button.clicked.connect(self._on_forget_clicked)
        self.status.trace_button.clicked.connect(self._on_trace_clicked)
        self.status.send_button.clicked.connect(self._on_send_clicked)
        self.undo_bar.undone.connect(self._config.nodes_edited)
        self.place.echo_watchers.append(self._on_echoed)

    def _place(self) -> None:
        tools = FlowRow()
        for button in (
            self.add_button, self.paste_button, self.copy_button, self.delete_button, self.echo_button,
            self.echo_all_button, self.cancel_button,
        ):  # fmt: skip
            tools.add(button)
        tools.add_stretch()
        tools.add(self.count)
        self.column.addLayout(tools)
        self.column.addWidget(self.undo_bar)
        right = QWidget()
        column = QVBoxLayout(right)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addWidget(self.status)
        column.addWidget(self.editor, 1)
        self._pages = QStackedWidget()
        self._pages.setObjectName("nodes_pages")
        self._pages.addWidget(EmptyState("nodes", "No nodes yet", _EMPTY))
        self._pages.addWidget(self.table)
        self._splitter = Halves("nodes_splitter", NARROW)
        self._splitter.setHandleWidth(12)
        self._splitter.addWidget(self._pages)
        self._splitter.addWidget(right)
        self._splitter.setStretchFactor(0, 3)
        self._splitter.setStretchFactor(1, 2)
        self._splitter.setSizes([690, 430])
        right.setMinimumWidth(320)
        self._pages.setMinimumWidth(260)
        self._right = right
        self.column.addWidget(self._splitter, 1)

    def _add_shortcuts(self) -> None:
        inside = Qt.ShortcutContext.WidgetWithChildrenShortcut
        keys: tuple[tuple[QWidget, QKeySequence | QKeySequence.StandardKey, Callable[[], object]], ...] = (
            (self, QKeySequence.StandardKey.New, self.add),
            (self, QKeySequence.StandardKey.Paste, self.paste),
            (self, QKeySequence.StandardKey.Undo, self.undo_bar.undo),
            (self.table, QKeySequence.StandardKey.Delete, self.delete),
            (self.table, QKeySequence.StandardKey.Copy, self._copy_address),
        )
        for owner, key, slot in keys:
            QShortcut(QKeySequence(key), owner, context=inside).activated.connect(slot)

    # --------------------------------------------------------------------------------------------------- what is chosen

    @property
    def node(self) -> Node | None:
        """The saved node that is shown; ``None`` where it is a new one, or nothing is."""
        return self._config.nodes.find(self._shown) if self._shown else None

    @property
    def is_busy(self) -> bool:
        """Whether an echo is under way."""
        return bool(self._running)

    def take_focus(self) -> None:
        (self.table if self.model.nodes else self.add_button).setFocus()

    def select(self, name: str) -> None:
        """Show the node of this name."""
        self._select(name)

    def _select(self, name: str | None) -> None:
        """Show a node, a new one (:data:`_NEW`), or with ``None`` nothing."""
        self._keep_draft()
        self._shown = name
        node = self.node
        row = self.model.row_of(name) if node is not None and name else -1
        selection = self.table.selectionModel()
        selection.blockSignals(True)
        if row >= 0:
            flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
            selection.setCurrentIndex(self.model.index(row, 0), flags)
            self.table.scrollTo(self.model.index(row, 0))
        else:
            selection.clear()
        selection.blockSignals(False)
        self.table.viewport().update()
        self._right.setVisible(name is not None)
        if node is not None:
            self.editor.show_node(node, self._drafts.get(name_key(node.name)))
        elif name == _NEW:
            self.editor.show_new(self._drafts.get(_NEW))
        self._show_status()
        self._show_buttons()

    def _keep_draft(self) -> None:
        """What was typed and not applied comes back with the node."""
        if self._shown is None:
            return
        key = name_key(self._shown)
        if self.editor.is_changed:
            self._drafts[key] = self.editor.draft()
        else:
            self._drafts.pop(key, None)
        self.model.mark_edited(frozenset(self._drafts))

    def _on_selection_changed(self) -> None:
        rows = self.table.selectionModel().selectedRows()
        node = self.model.node_at(rows[0].row()) if rows else None
        if node is not None:
            self._select(node.name)

    def _on_activated(self) -> None:
        self.editor.name.setFocus()
        self.editor.name.selectAll()

    # ---------------------------------------------------------------------------------------------------------- changes

    def add(self) -> None:
        """Begin a new node."""
        self._select(_NEW)
        self.editor.name.setFocus()

    def paste(self) -> None:
        """Begin a new node from the text in the clipboard, whatever it is."""
        self._add_pasted(QGuiApplication.clipboard().text())

    def add_text(self, text: str) -> None:
        """Begin a new node from a text, whatever it is."""
        self._add_pasted(text)

    def _add_pasted(self, text: str) -> None:
        self._drafts.pop(_NEW, None)
        self._select(None)
        self._select(_NEW)
        try:
            found = parse_paste(text)
        except ConfigurationError as error:
            self.editor.show_problem(error)
        else:
            self.editor.take(found)
        missing = [edit for edit in (self.editor.called, self.editor.host) if not edit.text()]
        (missing[0] if missing else self.editor.name).setFocus()
        self.editor.name.selectAll()

    def duplicate(self) -> None:
        """Begin a new node with the values of the one that is shown."""
        if (node := self.node) is None:
            return
        draft = self.editor.draft()
        draft["name"] = self._config.nodes.unique_name(node.name)
        self._drafts[_NEW] = draft
        self._select(_NEW)
        self.editor.name.setFocus()
        self.editor.name.selectAll()

    def apply(self) -> None:
        """Save what was typed."""
        if self._shown is None or not (self.editor.is_changed or self.editor.is_new):
            return
        nodes, before = self._config.nodes, self.node
        try:
            node = self.editor.node()
            if before is None:
                nodes.add(node)
            else:
                nodes.change(before.name, node)
        except ConfigurationError as error:
            self.editor.show_problem(error)
            return
        self._drafts.pop(name_key(self._shown), None)
        if before is None:
            self.undo_bar.offer(f"Added {node.name}", partial(nodes.delete, node.name))
        else:
            self.model.rename(before.name, node.name)
            self.undo_bar.offer(f"Changed {node.name}", partial(nodes.change, node.name, before))
        self._shown = None
        self._config.nodes_edited()
        self._select(node.name)
        self.table.setFocus()

    def discard(self) -> None:
        """Forget what was typed."""
        if self._shown is None:
            return
        was_new = self.editor.is_new
        self._drafts.pop(name_key(self._shown), None)
        name = self._shown
        self._shown = None
        self.model.mark_edited(frozenset(self._drafts))
        self._select(name if not was_new else self.model.nodes[0].name if self.model.nodes else None)
        self.take_focus()

    def delete(self) -> None:
        """Delete the node that is shown."""
        node, nodes = self.node, self._config.nodes
        if node is None or node.is_machine_wide:
            return
        row = self.model.row_of(node.name)
        deleted = nodes.delete(node.name)
        self._drafts.pop(name_key(node.name), None)
        self.undo_bar.offer(f"Deleted {node.name}", partial(nodes.restore, deleted))
        self._shown = None
        self._config.nodes_edited()
        left = self.model.nodes
        self._select(left[min(row, len(left) - 1)].name if left else None)
        self.take_focus()

    def _copy_address(self) -> None:
        if (node := self.node) is not None:
            QGuiApplication.clipboard().setText(str(node.address))

    def _on_file_wanted(self, name: str) -> None:
        tls = self.editor.tls
        asking = choose_file(self, tls.fields[name], may_be_new=tls.may_be_new(name))
        self.tasks.spawn(asking, name="ask for a file")

    def _on_profiles_wanted(self, name: str) -> None:
        self.tasks.spawn(choose_file(self, self.editor.association.fields[name]), name="ask for a file")

    def _on_forget_clicked(self) -> None:
        node = self.node
        if node is not None and node.identity is not None:
            need = Need.of_identity(node.identity, node.address)
            self.tasks.spawn(self.place.secrets.forget(need), name="forget a secret")
            self.editor.show_remark("Forgotten: it is asked for the next time.")

    # ------------------------------------------------------------------------------------------------------------- echo

    def run(self) -> None:
        """Echo the node that is shown."""
        if (node := self.node) is not None and not self.model.is_busy(node.name):
            self._echo([node])

    def echo_all(self) -> None:
        """Echo every node that is not being echoed."""
        self._echo([node for node in self.model.nodes if not self.model.is_busy(node.name)])

    def cancel(self) -> None:
        """Stop the echoes; where there are none, forget what was typed."""
        if self._running:
            self._stop()
        elif self._shown is not None and (self.editor.is_changed or self.editor.is_new):
            self.discard()

    def _stop(self) -> None:
        for task in self._running:
            task.cancel()

    def _echo(self, nodes: Sequence[Node]) -> None:
        if not nodes:
            return
        task = self.tasks.spawn(self._echo_nodes(nodes), name="echo")
        self._running.add(task)
        task.add_done_callback(self._on_echoes_done)
        self._show_buttons()

    def _on_echoes_done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._show_buttons()

    async def _echo_nodes(self, nodes: Sequence[Node]) -> None:
        gate = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as group:
            for node in nodes:
                job = self.place.start_job(
                    JobKind.ECHO, f"Echo {node.name}", peer=str(node.address), is_queued=True,
                    retry=partial(self._echo_again, node.name),
                    recipe=Recipe(Verb.ECHO, node.address, node.options(self._config.settings.connection_options())),
                )  # fmt: skip
                task = group.create_task(self._echo_node(gate, node, job), name=f"echo {node.name}")
                job.on_cancel(task.cancel)
                task.add_done_callback(partial(_end_job, job))

    async def _echo_node(self, gate: asyncio.Semaphore, node: Node, job: JobHandle) -> None:
        async with gate:
            status: NodeStatus | None = None
            self.model.begin(node.name)
            try:
                options = node.options(self._config.settings.connection_options())
                result = await echo_as_job(self.place, node.address, options, job)
                status = NodeStatus.of(result, self.model.clock())
                self._results[name_key(node.name)] = result
            finally:
                self.model.end(node.name, status)
                self._show_status()
                self._show_buttons()

    def _on_echoed(self, peer: PeerAddress, result: EchoResult) -> None:
        """Any panel has echoed a peer: who is saved under its address has said so as well."""
        self._show_echo(peer, result, self.model.clock())

    def _show_echo(self, peer: PeerAddress, result: EchoResult, at_s: float) -> None:
        status = NodeStatus.of(result, at_s)
        for node in self._config.nodes.nodes:
            if node.address == peer and not self.model.is_busy(node.name):
                self._results[name_key(node.name)] = result
                self.model.begin(node.name)
                self.model.end(node.name, status)
        self._show_status()

    def _echo_again(self, name: str) -> None:
        node = self._config.nodes.find(name)
        if node is not None and not self.model.is_busy(name):
            self._echo([node])

    # ---------------------------------------------------------------------------------------------------------- showing

    def _show_nodes(self) -> None:
        """The address book has changed, here or elsewhere."""
        self.model.show_nodes(self._config.nodes.nodes)
        count = len(self.model.nodes)
        self.count.setText(count_text(count, "node") if count else "")
        self._pages.setCurrentIndex(1 if count else 0)
        shown = self._shown
        if shown and self._config.nodes.find(shown) is None:
            self._shown = None
            shown = self.model.nodes[0].name if self.model.nodes else None
        self._select(shown)

    def _show_status(self) -> None:
        node = self.node
        self.status.setVisible(node is not None)
        if node is not None:
            status = self.model.status_of(node.name)
            result = self._results.get(name_key(node.name)) if status is not None else None
            self.status.show_status(status, result, self.model.clock(), is_busy=self.model.is_busy(node.name))

    def _show_buttons(self) -> None:
        node = self.node
        self.copy_button.setEnabled(node is not None)
        self.delete_button.setEnabled(node is not None and not node.is_machine_wide)
        self.echo_button.setEnabled(node is not None and not self.model.is_busy(node.name))
        self.echo_all_button.setEnabled(bool(self.model.nodes))
        self.cancel_button.setEnabled(self.is_busy)

    def _drain(self) -> None:
        """Ages go on, about once a second."""
        if self.isVisible() and time.monotonic() - self._aged >= _AGE_S:
            self._aged = time.monotonic()
            self.model.age()
            self._show_status()

    def _on_settings_changed(self) -> None:
        self.editor.show_usual(self._config.settings)

    def _on_trace_clicked(self) -> None:
        if (node := self.node) is not None and (status := self.model.status_of(node.name)) is not None:
            self.trace_wanted.emit(status.association)

    def _on_send_clicked(self) -> None:
        if (node := self.node) is not None:
            self.place.choice.choose(node)
            self.panel_wanted.emit("send")


class _NodesTable(ListTable):
    """Where there is little room the status stays, and what the editor shows as well goes."""

    def resizeEvent(self, event: QResizeEvent) -> None:
        for column, room in ((NodeColumn.TITLE, 480), (NodeColumn.ADDRESS, 620)):
            self.setColumnHidden(column, event.size().width() < room)
        super().resizeEvent(event)


def _end_job(job: JobHandle, _task: asyncio.Task[None]) -> None:
    """A task that was cancelled before it began says nothing itself."""
    job.finish(JobState.CANCELLED, text="cancelled")
