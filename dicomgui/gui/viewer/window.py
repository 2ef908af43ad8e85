"""The window of one data set: its elements, its image, and what can be done with it."""

from __future__ import annotations

from concurrent.futures import Executor
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QCloseEvent, QIcon, QKeySequence, QShortcut
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QMenu, QStackedWidget, QTabBar, QVBoxLayout, QWidget

from dicomgui.app.viewing.enclosed import Enclosed, find_enclosed, save_enclosed
from dicomgui.app.viewing.image_facts import has_image
from dicomgui.app.viewing.viewed import Viewed
from dicomgui.gui.look import icons
from dicomgui.gui.running.latest import Latest
from dicomgui.gui.viewer.elements import ElementsPane
from dicomgui.gui.viewer.image_pane import ImagePane
from dicomgui.gui.widgets.buttons import push_button
from dicomgui.gui.widgets.text import ElidedLabel, PlainLabel
from dicomgui.network.uids import name_of
from dicomgui.trace.finding import plain

__all__ = ["ViewerWindow"]

ELEMENTS, IMAGE = 0, 1
_ELEMENTS_TIP = "Every element (Ctrl+1)"


class ViewerWindow(QWidget):
    """Shows a data set until it is closed."""

    compare_wanted = Signal(object)
    """The user wants to compare it: with another open window, or ``None`` for a file to be chosen."""

    edit_wanted = Signal()
    """The user wants to change a copy of it."""

    help_wanted = Signal()
    """The user wants to read about this window."""

    closed = Signal()

    def __init__(self, viewed: Viewed, pool: Executor) -> None:
        super().__init__(None, Qt.WindowType.Window)
        self.viewed = viewed
        self.setObjectName("viewer_window")
        self.setWindowTitle(plain(f"{viewed.name}: data set", 200))
        self.setWindowIcon(icons.app_icon())
        self.setAccessibleName("Data set")
        self.resize(1060, 740)
        self.setMinimumSize(560, 380)
        self.others: list[ViewerWindow] = []
        self._has_image = has_image(viewed)
        self._is_image_open = False
        self.heading = ElidedLabel(mode=Qt.TextElideMode.ElideMiddle)
        self.heading.setObjectName("viewer_heading")
        self.heading.setText(_heading(viewed))
        self.elements = ElementsPane("viewer", pool)
        self.image = ImagePane("viewer_image", pool)
        self._make_tabs()
        self.elements.doubted.connect(self._on_doubted)
        self._make_buttons()
        self._place()
        self._add_keys()
        self.elements.show_viewed(viewed)
        self._enclosed: Enclosed | None = None
        self._saving = Latest(pool, self._say, self)
        self._saving.ask(lambda: find_enclosed(viewed), self._on_enclosed_found)
        if self._has_image:
            self.tabs.setCurrentIndex(IMAGE)
        else:
            self.elements.tree.setFocus()

    # ----------------------------------------------------------------------------------------------------------- making

    def _make_tabs(self) -> None:
        self.tabs = QTabBar()
        self.tabs.setObjectName("viewer_tabs")
        self.tabs.setAccessibleName("What is shown")
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        self.tabs.addTab("Data set")
        self.tabs.addTab("Image")
        self.tabs.setTabToolTip(ELEMENTS, _ELEMENTS_TIP)
        self.tabs.setTabToolTip(IMAGE, "The image (Ctrl+2)" if self._has_image else "It has no pixel data")
        self.tabs.setTabEnabled(IMAGE, self._has_image)
        self.pages = QStackedWidget()
        self.pages.setObjectName("viewer_pages")
        self.pages.addWidget(self.elements)
        self.pages.addWidget(self.image)
        self.tabs.currentChanged.connect(self._on_tab_changed)

    def _make_buttons(self) -> None:
        self.compare_button = push_button("viewer_compare", "Compare with", tip="Side by side with another one")
        menu = QMenu(self)
        menu.setObjectName("viewer_compare_menu")
        menu.aboutToShow.connect(self.fill_compare_menu)
        self.compare_button.setMenu(menu)
        self.edit_button = push_button(
            "viewer_edit", "Edit a copy …", "edit", tip="Change a copy and send it; the original stays as it is"
        )
        self.edit_button.clicked.connect(self.edit_wanted)
        self.save_button = push_button("viewer_save", "Save …", "save")
        self.save_button.clicked.connect(self._on_save_clicked)
        self.save_button.hide()
        self.said = PlainLabel(tone="muted", wrap=True)
        self.said.setObjectName("viewer_said")
        self.said.hide()
        self.copy_button = push_button(
            "viewer_copy", "Copy", "copy", tip="Every element as text; may hold patient data"
        )
        self.copy_button.setAccessibleName("Copy the data set")
        self.copy_button.clicked.connect(self.elements.copy_all)

    def _place(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self.tabs)
        top.addSpacing(6)
        top.addWidget(self.heading, 1)
        for button in (self.save_button, self.compare_button, self.edit_button, self.copy_button):
            top.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 14)
        column.setSpacing(10)
        column.addLayout(top)
        column.addWidget(self.said)
        column.addWidget(self.pages, 1)

    def _add_keys(self) -> None:
        for key, slot in (
            ("Ctrl+1", lambda: self.tabs.setCurrentIndex(ELEMENTS)), ("Ctrl+2", self._show_image),
            ("Esc", self.close), ("Ctrl+W", self.close), ("F1", self.help_wanted.emit),
        ):  # fmt: skip
            QShortcut(QKeySequence(key), self).activated.connect(slot)

    # ---------------------------------------------------------------------------------------------------------- showing

    @property
    def is_busy(self) -> bool:
        """Whether something is being read, searched or decoded."""
        return self.elements.is_busy or self.image.is_busy or self._saving.is_busy

    def stop(self) -> None:
        """Want nothing any more, and let go of the file."""
        self.elements.stop()
        self.image.stop()
        self._saving.forget()
        self.viewed.close()

    def closeEvent(self, event: QCloseEvent) -> None:
        super().closeEvent(event)
        self.closed.emit()

    def _say(self, text: str, tone: str = "error") -> None:
        self.said.set_tone(tone)
        self.said.setText(plain(text, 400))
        self.said.setVisible(bool(text))

    # ----------------------------------------------------------------------------------------------- what lies inside

    def _on_enclosed_found(self, found: Enclosed | None) -> None:
        self._enclosed = found
        if found is not None:
            text = f"Save the {found.what} …"
            self.save_button.setText(f" {text}")
            self.save_button.setAccessibleName(text)
            self.save_button.setToolTip(f"Write its {found.size_bytes:,} bytes to a file of its own")
            self.save_button.show()
            if not self._has_image:
                self._say(found.detail, "muted")

    def _on_save_clicked(self) -> None:
        found = self._enclosed
        assert found is not None
        dialog = QFileDialog(self, f"Save the {found.what}")
        dialog.setObjectName("ask_save_enclosed")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setDefaultSuffix(found.suffix.removeprefix("."))
        dialog.selectFile(f"{_file_stem(self.viewed)}{found.suffix}")
        dialog.fileSelected.connect(lambda path: self.save_to(Path(path)))
        dialog.open()

    def save_to(self, path: Path) -> None:
        """Write what it encloses to a file; says what became of it."""
        found = self._enclosed
        if found is not None:
            self._say("Saving …", "muted")
            self._saving.ask(lambda: _saved(self.viewed, found, path), lambda said: self._say(*said))

    def _on_doubted(self, doubted: bool) -> None:
        """Say it where somebody who looks at the image sees it, too."""
        self.tabs.setTabIcon(ELEMENTS, icons.icon("warning") if doubted else QIcon())
        self.tabs.setTabToolTip(ELEMENTS, "Texts do not fit their character set" if doubted else _ELEMENTS_TIP)

    def _show_image(self) -> None:
        if self._has_image:
            self.tabs.setCurrentIndex(IMAGE)

    def _on_tab_changed(self, place: int) -> None:
        self.pages.setCurrentIndex(place)
        if place == IMAGE:
            if not self._is_image_open:
                self._is_image_open = True
                self.image.show_viewed(self.viewed)
            self.image.canvas.setFocus()
        else:
            self.image.play_button.setChecked(False)
            self.elements.tree.setFocus()

    def fill_compare_menu(self) -> None:
        """What there is to compare with now."""
        menu = self.compare_button.menu()
        menu.clear()
        for other in self.others:
            text = plain(other.viewed.name, 80).replace("&", "&&")
            menu.addAction(text).triggered.connect(lambda _=False, other=other: self.compare_wanted.emit(other))
        if self.others:
            menu.addSeparator()
        menu.addAction("A file …").triggered.connect(lambda: self.compare_wanted.emit(None))


def _file_stem(viewed: Viewed) -> str:
    """A name that every system takes, without anything of the patient."""
    known = viewed.path.stem if viewed.path is not None else ""
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in known)[:80].strip(".") or "saved"


def _saved(viewed: Viewed, found: Enclosed, path: Path) -> tuple[str, str]:
    """What became of it, and its tone."""
    try:
        save_enclosed(viewed, found, path)
    except OSError as error:
        return f"{path.name} was not saved: {error.strerror or error}", "error"
    return f"Saved {path.name}, {found.size_bytes:,} bytes.", "good"


def _heading(viewed: Viewed) -> str:
    """What it is, in one line."""
    sop_class = viewed.text_of(0x0008_0016).partition(" (")[2].rstrip(")").removesuffix(" Storage")
    modality = viewed.text_of(0x0008_0060)
    parts = [viewed.name, sop_class or modality, name_of(viewed.transfer_syntax_uid)]
    return plain("  ·  ".join(part for part in parts if part), 300)
