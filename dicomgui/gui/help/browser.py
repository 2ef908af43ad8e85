"""Shows a page of help: Markdown of our own, in the colours of the scheme, and nothing from anywhere else."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QUrl, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QTextBlock,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextFormat,
    QTextFrameFormat,
    QTextLength,
    QTextTable,
)
from PySide6.QtWidgets import QTextBrowser, QWidget

from dicomgui.app.help_pages import HelpPage, slug
from dicomgui.gui.look.theme import Colors, current_colors, fixed_font

__all__ = ["HelpBrowser"]

_HEADINGS = {1: 1.7, 2: 1.25, 3: 1.05}
_MARGIN = 28


class HelpBrowser(QTextBrowser):
    """One page at a time. Loads no file and no address: what a page wants besides its text is not there."""

    page_wanted = Signal(str, str)
    """A link to another page was followed: its name, and the place in it."""
    address_wanted = Signal(str)
    """A link that leads out of the program was followed."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName("Page of help")
        self.setOpenLinks(False)
        self.setOpenExternalLinks(False)
        self.setUndoRedoEnabled(False)
        self.document().setDocumentMargin(_MARGIN)
        self.anchorClicked.connect(self._on_anchor_clicked)
        self.page: HelpPage | None = None
        self._colors: Colors | None = None

    def loadResource(self, _type: int, _name: QUrl | str) -> object:
        """Nothing is loaded."""
        return None

    def show_page(self, page: HelpPage, place: str = "") -> None:
        """Show a page from its beginning, or from the heading whose slug is ``place``."""
        self.page = page
        self._render()
        if not place or not self._go_to(place):
            self.verticalScrollBar().setValue(0)

    def mark(self, text: str) -> None:
        """Select the first place of ``text`` below where the cursor is, or else the first of the page."""
        if not text.strip():
            return
        if not self.find(text):
            self.moveCursor(QTextCursor.MoveOperation.Start)
            self.find(text)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and self.page is not None and current_colors() is not self._colors:
            at = self.verticalScrollBar().value()
            self._render()
            self.verticalScrollBar().setValue(at)

    def _on_anchor_clicked(self, url: QUrl) -> None:
        target, _, place = url.toString().partition("#")
        if not target:
            self._go_to(place)
        elif target.endswith(".md") and "/" not in target and ":" not in target:
            self.page_wanted.emit(target.removesuffix(".md"), place)
        else:
            self.address_wanted.emit(url.toString())

    def _go_to(self, place: str) -> bool:
        block = self.document().begin()
        while block.isValid():
            if block.blockFormat().headingLevel() and slug(block.text()) == place:
                self.setTextCursor(QTextCursor(block))
                top = self.document().documentLayout().blockBoundingRect(block).top()
                self.verticalScrollBar().setValue(round(top) - 8)
                return True
            block = block.next()
        return False

    # ------------------------------------------------------------------------------------------------------- rendering

    def _render(self) -> None:
        assert self.page is not None
        self._colors = current_colors()
        document = self.document()
        document.setMarkdown(self.page.markdown, QTextDocument.MarkdownFeature.MarkdownDialectGitHub)
        block = document.begin()
        while block.isValid():
            _dress(block, self._colors)
            block = block.next()
        for frame in document.rootFrame().childFrames():
            if isinstance(frame, QTextTable):
                _dress_table(frame, self._colors)
        self.moveCursor(QTextCursor.MoveOperation.Start)


def _dress(block: QTextBlock, colors: Colors) -> None:
    """Margins of a paragraph, size of a heading, ground of code."""
    form = block.blockFormat()
    is_code = _is_code(block)
    level = form.headingLevel()
    if level:
        form.setTopMargin(0 if level == 1 else 22 if level == 2 else 14)
        form.setBottomMargin(10 if level == 1 else 6)
        _set_heading(block, _HEADINGS.get(level, 1.0))
    elif is_code:
        form.setBackground(QColor(colors.window))
        form.setLeftMargin(12)
        form.setTopMargin(0)
        form.setBottomMargin(0 if _is_code(block.next()) else 12)
        form.setNonBreakableLines(False)
    elif block.textList() is not None:
        form.setBottomMargin(4 if block.next().textList() is not None else 10)
    elif QTextCursor(block).currentTable() is None:
        form.setBottomMargin(9)
    if not is_code:
        form.setLineHeight(122, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
    QTextCursor(block).setBlockFormat(form)
    _dress_text(block, colors, is_code=is_code)


def _is_code(block: QTextBlock) -> bool:
    form = block.blockFormat()
    properties = (QTextFormat.Property.BlockCodeFence, QTextFormat.Property.BlockCodeLanguage)
    return block.isValid() and any(map(form.hasProperty, properties))


def _set_heading(block: QTextBlock, scale: float) -> None:
    cursor = QTextCursor(block)
    cursor.movePosition(QTextCursor.MoveOperation.EndOfBlock, QTextCursor.MoveMode.KeepAnchor)
    form = QTextCharFormat()
    form.setFontPointSize(fixed_font().pointSizeF() * scale)
    form.setFontWeight(QFont.Weight.Bold)
    cursor.setCharFormat(form)


def _dress_text(block: QTextBlock, colors: Colors, *, is_code: bool) -> None:
    spans: list[tuple[int, int]] = []
    links: list[tuple[int, int]] = []
    fragments = block.begin()
    while not fragments.atEnd():
        fragment = fragments.fragment()
        form = fragment.charFormat()
        if form.fontFixedPitch():
            spans.append((fragment.position(), fragment.length()))
        if form.isAnchor():
            links.append((fragment.position(), fragment.length()))
        fragments += 1
    fixed = QTextCharFormat()
    fixed.setFontFamilies([fixed_font().family()])
    if not is_code:
        fixed.setForeground(QColor(colors.accent))
    link = QTextCharFormat()
    link.setForeground(QColor(colors.accent))
    for places, dressed in ((spans, fixed), (links, link)):
        for position, length in places:
            cursor = QTextCursor(block)
            cursor.setPosition(position)
            cursor.setPosition(position + length, QTextCursor.MoveMode.KeepAnchor)
            cursor.mergeCharFormat(dressed)


def _dress_table(table: QTextTable, colors: Colors) -> None:
    form = table.format()
    form.setBorderCollapse(True)
    form.setBorder(1)
    form.setBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_Solid)
    form.setBorderBrush(QColor(colors.line))
    form.setCellPadding(6)
    form.setCellSpacing(0)
    form.setTopMargin(4)
    form.setBottomMargin(12)
    form.setWidth(QTextLength(QTextLength.Type.PercentageLength, 100))
    table.setFormat(form)
    for column in range(table.columns()):
        cell = table.cellAt(0, column)
        ground = cell.format()
        ground.setBackground(QColor(colors.window))
        cell.setFormat(ground)
