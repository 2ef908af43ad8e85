"""Framed areas: plain ones, empty states that say what to do, and findings of the diagnosis."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import TypeAlias

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from dicomgui.gui.look import icons
from dicomgui.gui.look.theme import current_colors
from dicomgui.gui.widgets.buttons import push_button
from dicomgui.gui.widgets.flow import FlowRow
from dicomgui.gui.widgets.text import PlainLabel
from dicomgui.trace.finding import Action, ActionKind, Finding

__all__ = ["Card", "EmptyState", "FindingCard", "FindingList", "Glyph", "Offers"]

Offers: TypeAlias = Mapping[ActionKind, Callable[[Action], object]]
"""What a panel can do about its findings; called when the button is pressed."""

_NOTHING: Offers = MappingProxyType({})
_ROOMY = 190  # points of height in which an empty state has room for its picture


class Glyph(QLabel):
    """A small icon that says how something stands; the words beside it say the same."""

    def __init__(self, name: str, tone: str, size: int = 18, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._size = size
        self._name, self._tone = name, tone
        self.setFixedSize(size, size)
        self.show_state(name, tone)

    def show_state(self, name: str, tone: str) -> None:
        """Change the icon and its colour; no name leaves the place empty."""
        self._name, self._tone = name, tone
        if name:
            color = str(getattr(current_colors(), tone))
            self.setPixmap(icons.pixmap(name, color, self._size, self.devicePixelRatioF()))
        else:
            self.clear()

    def repaint_state(self) -> None:
        """Paint again in the colours of the scheme that is on now."""
        self.show_state(self._name, self._tone)


class Card(QFrame):
    """A frame with a column inside.

    :param kind: ``plain``, ``good``, ``note``, ``warning`` or ``error``.
    """

    def __init__(self, kind: str = "plain", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("card", kind)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(16, 14, 16, 14)
        self.column.setSpacing(8)


class EmptyState(QWidget):
    """What an area shows before there is anything: what it is for, and what to do now."""

    def __init__(self, icon_name: str, title: str, text: str) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 24, 24, 24)
        column.setSpacing(8)
        column.addStretch(2)
        self._glyph = Glyph(icon_name, "muted", 40)
        column.addWidget(self._glyph, 0, Qt.AlignmentFlag.AlignHCenter)
        self._heading = heading = PlainLabel(title, scale=1.15, bold=True)
        heading.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(heading)
        self._body = body = PlainLabel(text, tone="muted", wrap=True)
        body.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        body.setMaximumWidth(520)
        # Stretches at its sides, not an alignment: that would keep a wrapped text from getting its height.
        middle = QHBoxLayout()
        middle.addStretch(1)
        middle.addWidget(body, 1000)
        middle.addStretch(1)
        column.addLayout(middle)
        column.addStretch(3)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Without room for all the words count, and the picture goes."""
        self._glyph.setVisible(event.size().height() >= _ROOMY)

    def set_text(self, title: str, text: str) -> None:
        """Say something else."""
        self._heading.setText(title)
        self._body.setText(text)


_KINDS = {"error": ("error", "error"), "warning": ("warning", "warning"), "note": ("note", "note")}
_TONES = {"error": "error", "warning": "warning", "note": "accent"}


class FindingCard(Card):
    """One finding: what happened, the likely causes, what to try, and buttons for what can be done at once.

    :ivar lines: the same as text, to be handed on.
    :param offers: what the panel can do; an action that is not in it gets no button.
    :param show: shows the evidence; without it, or without evidence, there is no button for that.
    """

    def __init__(
        self,
        finding: Finding,
        parent: QWidget | None = None,
        *,
        offers: Offers = _NOTHING,
        show: Callable[[], object] | None = None,
    ) -> None:
        kind, icon_name = _KINDS[finding.severity.value]
        super().__init__(kind, parent)
        self.lines = (finding.what, *(f"Likely: {cause}" for cause in finding.causes),
                      *(f"Try: {one}" for one in finding.tries))  # fmt: skip
        self.setObjectName(f"finding_{finding.code.replace('-', '_')}")
        self.setAccessibleName(finding.what)
        head = QHBoxLayout()
        head.setSpacing(10)
        head.addWidget(Glyph(icon_name, _TONES[finding.severity.value]), 0, Qt.AlignmentFlag.AlignTop)
        head.addWidget(PlainLabel(finding.what, bold=True, wrap=True, selectable=True), 1)
        self.column.addLayout(head)
        self._add_list("Likely causes", finding.causes)
        self._add_list("Try", finding.tries)
        self._add_buttons(finding, offers, show)
        if finding.clause:
            self.column.addWidget(PlainLabel(finding.clause, tone="muted", scale=0.9, selectable=True))

    def _add_buttons(self, finding: Finding, offers: Offers, show: Callable[[], object] | None) -> None:
        row = FlowRow()
        for action in finding.actions:
            if action.kind in offers:
                button = push_button(f"{self.objectName()}_{action.kind.value.replace('-', '_')}", action.label)
                button.clicked.connect(partial(_press, offers[action.kind], action))
                row.add(button)
        evidence = finding.best_evidence
        if show is not None and evidence is not None and evidence.place is not None:
            text = "Show bytes" if evidence.length else "Show in trace"
            button = push_button(f"{self.objectName()}_show_bytes", text, "trace", tip="The evidence, in the trace")
            button.clicked.connect(partial(_call, show))
            row.add(button)
        if row.count():
            self.column.addSpacing(2)
            self.column.addLayout(row)

    def _add_list(self, title: str, lines: Sequence[str]) -> None:
        if not lines:
            return
        self.column.addSpacing(2)
        self.column.addWidget(PlainLabel(title, tone="muted", bold=True, scale=0.9))
        for line in lines:
            row = QHBoxLayout()
            row.setSpacing(8)
            row.addWidget(PlainLabel("•", tone="muted"), 0, Qt.AlignmentFlag.AlignTop)
            row.addWidget(PlainLabel(line, wrap=True, selectable=True), 1)
            self.column.addLayout(row)


def _press(run: Callable[[Action], object], action: Action, _checked: bool = False) -> None:
    run(action)


def _call(run: Callable[[], object], _checked: bool = False) -> None:
    run()


class FindingList(QWidget):
    """The findings of one operation, below each other.

    :ivar offers: what can be done about them; set it before findings are shown.
    :ivar shows_bytes: whether somebody shows the evidence when :attr:`bytes_wanted` asks for it.
    """

    bytes_wanted = Signal(object)
    """The user wants to see this :class:`~dicomgui.trace.finding.Evidence`."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName("What was found")
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(10)
        self._cards: list[FindingCard] = []
        self.offers: Offers = _NOTHING
        self.shows_bytes = False
        self.hide()

    def show_findings(self, findings: Sequence[Finding]) -> None:
        """Replace what is shown."""
        for card in self._cards:
            self._column.removeWidget(card)
            card.deleteLater()
        self._cards = [self._card(finding) for finding in findings]
        for card in self._cards:
            self._column.addWidget(card)
        self.setVisible(bool(self._cards))

    def _card(self, finding: Finding) -> FindingCard:
        show = partial(self.bytes_wanted.emit, finding.best_evidence) if self.shows_bytes else None
        return FindingCard(finding, offers=self.offers, show=show)

    @property
    def cards(self) -> tuple[FindingCard, ...]:
        """The cards that are shown, in order."""
        return tuple(self._cards)
