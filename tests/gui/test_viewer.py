"""Looking at what arrived, by clicks and keys: elements, bytes, image, comparison, and a copy that is sent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pydicom.data
import pytest
from helpers.answering import Answering
from helpers.archive import instance
from helpers.bad_peer import reached
from helpers.query_panel import ask, shown_panel
from pydicom import dcmread
from pydicom.data import get_charset_files
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QApplication,
    QComboBox,
    QFileDialog,
    QHeaderView,
    QLineEdit,
    QPushButton,
    QSlider,
    QTabBar,
    QWidget,
)
from pytestqt.qtbot import QtBot

from dicomgui.app.configuration.nodes import Node
from dicomgui.app.viewing.compare_datasets import Kind
from dicomgui.app.viewing.viewed import open_bytes, open_file
from dicomgui.gui.shell.main_window import MainWindow
from dicomgui.gui.trace.listing.columns import Column, ExchangeColumn
from dicomgui.gui.viewer import keeper
from dicomgui.gui.viewer.edit_window import EditWindow
from dicomgui.gui.viewer.element_model import NAME, TAG, VALUE
from dicomgui.gui.viewer.image_canvas import NOT_FOR_DIAGNOSIS
from dicomgui.gui.viewer.window import IMAGE, ViewerWindow
from dicomgui.gui.widgets.confirm import Question
from dicomgui.gui.widgets.text import PlainLabel
from dicomgui.network.association.params import PeerAddress
from dicomgui.network.dimse.dataset import encode_dataset
from dicomgui.trace.filter import Zoom

pytestmark = [pytest.mark.qt, pytest.mark.qt_log_ignore("This plugin does not support")]
FILES = Path(pydicom.data.__file__).parent / "test_files"
EXPLICIT = "1.2.840.10008.1.2.1"
Press = Callable[[QPushButton], Awaitable[None]]
NO, SHIFT, CONTROL = (
    Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
)  # fmt: skip


async def settled(viewer: ViewerWindow) -> ViewerWindow:
    await reached(lambda: not viewer.is_busy, "it is read", 20)
    return viewer


async def shown(window: MainWindow, path: Path) -> ViewerWindow:
    """Open a file, and go to its elements."""
    viewer = await image(window, path)
    viewer.tabs.setCurrentIndex(0)
    return viewer


async def image(window: MainWindow, path: Path) -> ViewerWindow:
    count = len(window.viewers.viewers)
    window.viewers.open(path)
    await reached(lambda: len(window.viewers.viewers) == count + 1, "a window is open")
    return await settled(window.viewers.viewers[-1])


def write(path: Path, **values: object) -> Path:
    dataset = instance(1, 1, 1, **values)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = EXPLICIT
    dataset.save_as(path, enforce_file_format=True)
    return path


def picture(path: Path, syntax: str = EXPLICIT, **values: object) -> Path:
    """An image of 64 by 64 pixels of 8 bits: the first one is 0, the last one 255."""
    dataset = instance(1, 1, 1)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows = dataset.Columns = 64
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 8, 8, 7, 0
    dataset.PixelData = bytes(number * 255 // 4095 for number in range(4096))
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    if syntax != EXPLICIT:
        dataset["PixelData"].is_undefined_length = True
    dataset.save_as(path, enforce_file_format=True)
    return path


def move(canvas: QWidget, place: QPoint, button: Qt.MouseButton = Qt.MouseButton.NoButton) -> None:
    """Move the pointer, with a button held down or not; there is no real one to be moved off screen."""
    at = QPointF(place)
    event = QMouseEvent(QEvent.Type.MouseMove, at, canvas.mapToGlobal(at), Qt.MouseButton.NoButton, button, NO)
    QApplication.sendEvent(canvas, event)


def text(viewer: ViewerWindow, column: int = VALUE) -> str:
    index = viewer.elements.tree.currentIndex()
    return str(index.siblingAtColumn(column).data())


def charset_file(name: str) -> Path:
    [path] = get_charset_files(name)
    return Path(str(path))


# ------------------------------------------------------------------------------------------------------------- elements


async def test_a_search_goes_through_sequences_by_keyword_value_and_tag(window: MainWindow, qtbot: QtBot) -> None:
    viewer = await shown(window, FILES / "693_J2KI.dcm")
    pane = viewer.elements
    qtbot.keyClicks(pane.search, "referencedsop")
    await reached(lambda: pane.said.text() == "1 of 2", "both are found")
    assert (text(viewer, TAG), text(viewer, NAME)) == ("(0008,1150)", "ReferencedSOPClassUID")
    qtbot.keyClick(pane.search, Qt.Key.Key_Return)
    assert text(viewer, TAG) == "(0008,1155)"
    pane.next_button.click()
    assert pane.said.text() == "1 of 2"
    pane.previous_button.click()
    assert pane.said.text() == "2 of 2"
    for typed, tag in (("00080060", "(0008,0060)"), ("0010,0020", "(0010,0020)"), ("plain", "(0008,103E)")):
        pane.search.setText(typed)
        await reached(lambda tag=tag: text(viewer, TAG) == tag, f"{typed} is found")
    pane.search.setText("nothing of that")
    await reached(lambda: pane.said.text() == "nothing", "it says so")


async def test_what_is_selected_is_copied(window: MainWindow, qtbot: QtBot) -> None:
    viewer = await shown(window, FILES / "693_J2KI.dcm")
    pane = viewer.elements
    pane.search.setText("Modality")
    await reached(lambda: text(viewer, NAME) == "Modality", "it is found")
    qtbot.keyClick(pane.tree, Qt.Key.Key_C, CONTROL)
    clipboard = QGuiApplication.clipboard()
    await reached(lambda: clipboard.text() == "(0008,0060) CS Modality: CT", "the row is copied")
    pane.copy_value()
    assert clipboard.text() == "CT"
    pane.copy_tag()
    assert clipboard.text() == "0008,0060"
    viewer.copy_button.click()
    await reached(lambda: "ReferencedSOPInstanceUID" in clipboard.text(), "all of it is copied")
    assert "(0002,0010) UI TransferSyntaxUID: 1.2.840.10008.1.2.4.91" in clipboard.text()


async def test_the_bytes_and_other_readings_are_one_click_away(window: MainWindow, press: Press) -> None:
    viewer = await shown(window, charset_file("chrX2.dcm"))
    pane = viewer.elements
    pane.search.setText("PatientName")
    await reached(lambda: text(viewer) == "Wang^XiaoDong=王^小东=", "the name is read as it is said")
    assert pane.lens.isHidden()
    await press(pane.bytes_button)
    assert pane.lens.hex.bytes_of(0, 99) == b"Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab="
    table = pane.lens.table_model
    rows = [[table.index(row, column).data() for column in (0, 1, 3)] for row in range(table.rowCount())]
    assert rows[0] == ["GB18030", "Wang^XiaoDong=王^小东=", "fits"]
    assert ["GBK", "Wang^XiaoDong=王^小东=", "fits"] in rows
    [utf_8] = [row for row in rows if row[0] == "ISO_IR 192"]
    assert "CDh" in utf_8[2]


async def test_a_wrong_character_set_is_said_and_another_one_tried_on_the_view(
    window: MainWindow, press: Press, tmp_path: Path
) -> None:
    raw = charset_file("chrRuss.dcm").read_bytes()
    path = tmp_path / "wrong.dcm"
    path.write_bytes(raw.replace(b"ISO_IR 144", b"ISO_IR 192"))
    viewer = await shown(window, path)
    pane = viewer.elements
    assert "does not fit Specific Character Set" in pane.doubt.text()
    assert "do not fit" in viewer.tabs.tabToolTip(0)
    await press(pane.doubt_button)
    assert text(viewer, NAME) == "PatientName"
    assert not pane.lens.isHidden()
    row = [one.term for one in pane.lens._readings].index("ISO_IR 144")
    pane.lens.table.activated.emit(pane.lens.table_model.index(row, 0))
    await reached(lambda: text(viewer) == "Люкceмбypг", "all texts are read anew")
    assert pane.charset.currentData() == "ISO_IR 144"
    await settled(viewer)
    assert not pane.doubt.isVisible()
    assert path.read_bytes() == raw.replace(b"ISO_IR 144", b"ISO_IR 192")


async def test_text_without_a_character_set_is_said(window: MainWindow) -> None:
    dataset = instance(1, 1, 1)
    data = encode_dataset(dataset, EXPLICIT).replace(b"Doe^Jane", b"D\xf6e^Jan")
    viewer = await settled(window.viewers.show_viewed(open_bytes(data, EXPLICIT, "an answer")))
    assert "no Specific Character Set (0008,0005) says" in viewer.elements.doubt.text()


# ---------------------------------------------------------------------------------------------------------------- image


async def test_an_image_is_drawn_with_its_window_and_says_what_it_is_not_for(window: MainWindow) -> None:
    viewer = await image(window, FILES / "693_J2KI.dcm")
    pane = viewer.image
    assert viewer.tabs.currentIndex() == IMAGE
    assert (pane.center.text(), pane.width_edit.text()) == ("40", "100")
    assert pane.remark.text() == NOT_FOR_DIAGNOSIS
    assert pane.remark.isVisible()
    drawn = pane.canvas.image
    assert drawn is not None
    array = dcmread(FILES / "693_J2KI.dcm").pixel_array
    for row, column in ((0, 0), (255, 255), (200, 250), (300, 180), (511, 511)):
        value = array[row, column] - 1024
        expected = np.clip(((value - 39.5) / 99 + 0.5) * 255, 0, 255)
        assert abs(drawn.pixelColor(column, row).red() - expected) <= 1


async def test_the_pointer_shows_the_stored_value_and_what_it_means(window: MainWindow) -> None:
    viewer = await image(window, FILES / "693_J2KI.dcm")
    pane, canvas = viewer.image, viewer.image.canvas
    canvas.set_zoom(1.0)
    move(canvas, QPoint(canvas.width() // 2, canvas.height() // 2))
    assert pane.pixel.text().startswith("column 256, row 256")
    drawn = pane.drawn
    assert drawn is not None
    canvas.pixel_pointed.emit(250, 200)
    stored = int(dcmread(FILES / "693_J2KI.dcm").pixel_array[200, 250])
    assert pane.pixel.text() == f"column 250, row 200 · stored {stored:,} · {stored - 1024} HU"
    canvas.pixel_pointed.emit(-1, -1)
    assert pane.pixel.text() == ""


async def test_the_window_is_dragged_typed_chosen_and_inverted(window: MainWindow, qtbot: QtBot) -> None:
    viewer = await image(window, FILES / "CT_small.dcm")
    pane, canvas = viewer.image, viewer.image.canvas
    start = pane.drawn
    assert start is not None
    middle = QPoint(canvas.width() // 2, canvas.height() // 2)
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, NO, middle)
    move(canvas, middle + QPoint(40, 30), Qt.MouseButton.LeftButton)
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, NO, middle + QPoint(40, 30))
    await reached(lambda: not pane.is_busy and pane.drawn is not start, "it is drawn anew")
    assert pane.drawn is not None
    assert pane.drawn.window.width > start.window.width
    assert pane.drawn.window.center > start.window.center
    pane.center.setFocus()
    pane.center.setText("100")
    pane.width_edit.setText("250")
    qtbot.keyClick(pane.width_edit, Qt.Key.Key_Return)
    await reached(lambda: pane.drawn is not None and pane.drawn.window.width == 250, "the typed one is taken")
    assert pane.drawn.window.center == 100
    before = pane.canvas.image
    assert before is not None
    gray = before.pixelColor(64, 64).red()
    pane.invert_button.click()
    await reached(lambda: pane.canvas.image is not before, "it is inverted")
    assert pane.canvas.image is not None
    assert pane.canvas.image.pixelColor(64, 64).red() == 255 - gray
    pane.presets.setCurrentIndex(pane.presets.findText("Automatic"))
    pane.presets.activated.emit(pane.presets.currentIndex())
    await reached(lambda: pane.width_edit.text() == f"{start.window.width:.6g}", "it is automatic again")
    qtbot.keyClick(canvas, Qt.Key.Key_Up, SHIFT)
    await reached(lambda: pane.drawn is not None and pane.drawn.window.center < start.window.center, "by keys, too")


async def test_a_window_that_is_none_is_marked(window: MainWindow, qtbot: QtBot) -> None:
    viewer = await image(window, FILES / "CT_small.dcm")
    pane = viewer.image
    start = pane.drawn
    for typed in ("wide", "0", "-5"):
        pane.width_edit.setText(typed)
        qtbot.keyClick(pane.width_edit, Qt.Key.Key_Return)
        assert pane.width_edit.property("invalid")
    assert pane.drawn is start


async def test_frames_are_stepped_slid_and_played(window: MainWindow, qtbot: QtBot, press: Press) -> None:
    viewer = await image(window, FILES / "examples_ybr_color.dcm")
    pane = viewer.image
    assert pane.frame_label.text() == "1 of 30"
    qtbot.keyClick(pane.canvas, Qt.Key.Key_Right)
    await reached(lambda: pane.drawn is not None and pane.drawn.wish.index == 1, "the next one")
    qtbot.keyClick(pane.canvas, Qt.Key.Key_End)
    await reached(lambda: pane.drawn is not None and pane.drawn.wish.index == 29, "the last one")
    assert pane.slider.value() == 29
    pane.slider.setValue(10)
    await reached(lambda: pane.drawn is not None and pane.drawn.wish.index == 10, "the slider's")
    seen: set[int] = set()
    pane.play_button.click()

    def is_playing() -> bool:
        seen.add(pane.drawn.wish.index if pane.drawn is not None else -1)
        return len(seen) > 3

    await reached(is_playing, "it plays")
    pane.play_button.click()
    await settled(viewer)
    assert not pane._timer.isActive()
    assert not pane.center.isEnabled()  # in colour there is no window


async def test_the_newest_wish_wins(window: MainWindow) -> None:
    viewer = await image(window, FILES / "examples_ybr_color.dcm")
    pane = viewer.image
    drawn: list[int] = []
    show = pane._show
    pane._show = lambda result: (drawn.append(result.wish.index), show(result))  # type: ignore[method-assign, union-attr]
    for index in range(1, 30):
        pane.show_frame(index)
    await settled(viewer)
    assert drawn[-1] == 29
    assert len(drawn) < 10


async def test_zoom_and_shift(window: MainWindow, qtbot: QtBot) -> None:
    viewer = await image(window, FILES / "CT_small.dcm")
    canvas = viewer.image.canvas
    fitted = canvas.zoom
    assert canvas.is_fitted
    qtbot.keyClick(canvas, Qt.Key.Key_1)
    assert canvas.zoom == 1.0
    assert viewer.image.zoom_label.text() == "100%"
    viewer.image.in_button.click()
    assert canvas.zoom == 1.25
    place = QPointF(canvas.width() / 2 + 20, canvas.height() / 2 + 10)
    under = canvas._pixel(place)
    wheel = QWheelEvent(
        place, place, QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton, NO, Qt.ScrollPhase.NoScrollPhase, False
    )
    QApplication.sendEvent(canvas, wheel)
    assert canvas.zoom == pytest.approx(1.25**2)
    assert (canvas._pixel(place) - under).manhattanLength() < 0.01
    qtbot.keyClick(canvas, Qt.Key.Key_0)
    assert canvas.zoom == fitted
    canvas.resize(canvas.width() // 2, canvas.height() // 2)
    assert canvas.zoom < fitted


async def test_what_cannot_be_decoded_says_which_package_is_missing(window: MainWindow) -> None:
    viewer = await image(window, FILES / "JPGExtended.dcm")
    pane = viewer.image
    assert pane.pages.currentWidget() is pane.nothing
    said = [label.text() for label in pane.nothing.findChildren(QWidget) if hasattr(label, "text")]
    assert any("pylibjpeg-libjpeg" in one for one in said)
    assert not pane.fit_button.isEnabled()


async def test_overlays_are_drawn_until_they_are_switched_off(window: MainWindow, qtbot: QtBot) -> None:
    viewer = await image(window, FILES / "examples_overlay.dcm")
    pane = viewer.image
    with_graphics = pane.canvas.image
    assert pane.overlay_button.isVisible()
    pane.canvas.setFocus()
    await reached(lambda: viewer.isActiveWindow() and pane.canvas.hasFocus(), "keys go to the picture")
    qtbot.keyClick(pane.canvas, Qt.Key.Key_O)
    await reached(lambda: pane.canvas.image is not with_graphics, "it is drawn anew")
    assert not pane.overlay_button.isChecked()
    assert pane.canvas.image is not None
    assert pane.canvas.image.isGrayscale()
    assert with_graphics is not None
    assert not with_graphics.isGrayscale()
    other = await image(window, FILES / "CT_small.dcm")
    assert not other.image.overlay_button.isVisible()


async def test_pixels_are_as_high_as_they_are_meant_to_be(window: MainWindow, tmp_path: Path) -> None:
    path = picture(tmp_path / "high.dcm", PixelSpacing=[1, 0.5])
    viewer = await image(window, path)
    canvas = viewer.image.canvas
    assert canvas.aspect == 2.0
    canvas.resize(400, 400)
    canvas.fit()
    assert canvas.zoom == pytest.approx(400 / 2 / 64)  # all of its height is seen
    seen: list[tuple[int, int]] = []
    canvas.pixel_pointed.connect(lambda column, row: seen.append((column, row)))
    move(canvas, QPoint(200, 399))
    move(canvas, QPoint(299, 200))
    move(canvas, QPoint(310, 200))
    assert seen == [(32, 63), (63, 32), (-1, -1)]
    assert "0.5 × 1 mm" in viewer.image.facts_label.text()


async def test_a_table_of_greys_is_chosen_like_a_window(window: MainWindow, tmp_path: Path) -> None:
    table = Dataset()
    table.add_new(0x00283002, "US", [256, 0, 8])
    table.add_new(0x00283006, "OW", bytes(byte for number in range(256) for byte in (255 - number, 0)))
    table.LUTExplanation = "Negative"
    viewer = await image(window, picture(tmp_path / "table.dcm", VOILUTSequence=[table], WindowCenter=1, WindowWidth=2))
    pane = viewer.image
    assert [pane.presets.itemText(number) for number in range(pane.presets.count())] == [
        "Negative", "Window 1", "Automatic", "Full range",
    ]  # fmt: skip
    assert pane.canvas.image is not None
    assert pane.canvas.image.pixelColor(0, 0).red() == 255
    pane.canvas.window_dragged.emit(8, 0)  # makes a window of it
    await settled(viewer)
    assert pane.drawn is not None
    assert pane.drawn.window.table is None
    assert pane.canvas.image.pixelColor(0, 0).red() < 10


async def test_a_video_says_so_and_is_saved(window: MainWindow, tmp_path: Path, press: Press) -> None:
    content = b"\0\0\0\x18ftypmp42" + bytes(500)
    path = picture(tmp_path / "video.dcm", syntax="1.2.840.10008.1.2.4.102", PixelData=encapsulate([content]))
    viewer = await image(window, path)
    said = [label.text() for label in viewer.image.nothing.findChildren(PlainLabel)]
    assert any("MPEG-4 AVC/H.264 High Profile" in one and "is a video" in one for one in said)
    assert viewer.save_button.text() == " Save the video …"
    viewer.save_button.click()
    dialog = viewer.findChild(QFileDialog, "ask_save_enclosed")
    assert isinstance(dialog, QFileDialog)
    assert [Path(name).name for name in dialog.selectedFiles()] == ["video.mp4"]
    dialog.close()
    viewer.save_to(tmp_path / "saved.mp4")
    await reached(lambda: viewer.said.text().startswith("Saved saved.mp4"), "it is saved")
    assert (tmp_path / "saved.mp4").read_bytes() == content
    viewer.save_to(tmp_path / "none" / "saved.mp4")
    await reached(lambda: "was not saved" in viewer.said.text(), "a failure is said")


async def test_a_document_is_said_and_saved_and_others_have_no_such_button(window: MainWindow, tmp_path: Path) -> None:
    values = {"MIMETypeOfEncapsulatedDocument": "application/pdf", "EncapsulatedDocument": b"%P"}
    viewer = await image(window, write(tmp_path / "document.dcm", **values))
    assert viewer.save_button.text() == " Save the PDF document …"
    assert "It holds a PDF document" in viewer.said.text()
    other = await image(window, FILES / "CT_small.dcm")
    assert not other.save_button.isVisible()


# -------------------------------------------------------------------------------------------------------------- compare


async def test_two_windows_are_compared(window: MainWindow, tmp_path: Path) -> None:
    left = await shown(window, write(tmp_path / "left.dcm"))
    right = await shown(window, write(tmp_path / "right.dcm", PatientName="Roe^Richard", Modality="MR"))
    left.fill_compare_menu()
    [action, *_] = left.compare_button.menu().actions()
    assert action.text() == right.viewed.name
    action.trigger()
    [comparison] = window.viewers.others
    await reached(lambda: not comparison.is_busy, "it is compared")
    model = comparison.model  # type: ignore[union-attr]
    lines = [model.line_of(model.index(row, 0)) for row in range(model.rowCount())]
    assert {line.label[12:]: line.kind for line in lines} == {
        "CS Modality": Kind.CHANGED, "PN PatientName": Kind.CHANGED
    }  # fmt: skip
    comparison.only.click()  # type: ignore[union-attr]
    assert model.rowCount() > 5
    comparison.copy_button.click()  # type: ignore[union-attr]
    assert "Doe^Jane → Roe^Richard" in QGuiApplication.clipboard().text()


async def test_a_file_to_compare_with_is_asked_for(window: MainWindow, tmp_path: Path) -> None:
    left = await shown(window, write(tmp_path / "left.dcm"))
    other = write(tmp_path / "other.dcm", Modality="MR")
    left.fill_compare_menu()
    left.compare_button.menu().actions()[-1].trigger()
    await reached(lambda: bool(left.findChildren(QFileDialog)), "a file is asked for")
    [dialog] = left.findChildren(QFileDialog)
    edit = dialog.findChild(QLineEdit, "fileNameEdit")
    assert isinstance(edit, QLineEdit)
    edit.setText(str(other))
    dialog.accept()
    await reached(lambda: len(window.viewers.others) == 1, "they are compared")
    assert len(window.viewers.viewers) == 2
    left.close()  # the comparison goes on all the same
    await reached(lambda: not window.viewers.others[0].is_busy, "it is compared")
    assert window.viewers.others[0].said.text() == "1 difference"


# ----------------------------------------------------------------------------------------------------------------- edit


async def edited(window: MainWindow, path: Path) -> EditWindow:
    viewer = await shown(window, path)
    viewer.edit_button.click()
    [editor] = window.viewers.others
    assert isinstance(editor, EditWindow)
    await reached(lambda: not editor.is_busy and editor.isActiveWindow(), "the copy is read")
    return editor


async def type_value(editor: EditWindow, qtbot: QtBot, tag: int, value: str) -> None:
    """Change a value as a user does: F2, type, Return."""
    row = editor.model.row_of((tag,))
    editor.table.setFocus()
    editor.table.setCurrentIndex(editor.model.index(row, 1))
    qtbot.keyClick(editor.table, Qt.Key.Key_F2)
    line = editor.table.findChild(QLineEdit)
    assert isinstance(line, QLineEdit)
    line.setText(value)
    qtbot.keyClick(line, Qt.Key.Key_Return)
    await reached(lambda: editor.table.findChild(QLineEdit) is None, "it is taken over")


async def test_a_copy_is_changed_and_sent_and_the_original_stays(
    window: MainWindow, pacs: Answering, qtbot: QtBot, tmp_path: Path
) -> None:
    path = write(tmp_path / "original.dcm", SeriesDescription="Head")
    before = path.read_bytes()
    window.config.nodes.add(Node("PACS", pacs.address))
    window.config.nodes_edited()
    editor = await edited(window, path)
    await type_value(editor, qtbot, 0x00100020, "TEST@@@@")
    editor.tag.setText("PatientWeight")
    editor.value.setText("70")
    qtbot.keyClick(editor.value, Qt.Key.Key_Return)
    editor.table.selectRow(editor.model.row_of((0x00100010,)))
    editor.table.setFocus()
    qtbot.keyClick(editor.table, Qt.Key.Key_Delete)
    editor.node.setCurrentIndex(editor.node.findData("PACS"))
    editor.send_button.click()
    await reached(lambda: editor.said.text().startswith("Handed to PACS"), "it is handed on")
    assert window.panel is window.send
    copy = editor._folder().parent / "copy-1.dcm"
    made = dcmread(copy)
    assert made.PatientID.startswith("TEST")
    assert made.PatientID[4:].isdigit()
    assert (made.SeriesDescription, made.PatientWeight, "PatientName" in made) == ("Head [TEST]", 70, False)
    assert made.SOPInstanceUID != dcmread(path).SOPInstanceUID
    await reached(lambda: not window.send.is_busy, "it is sent", 20)
    assert path.read_bytes() == before


async def test_closing_with_changes_asks_and_without_it_does_not(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    editor = await edited(window, write(tmp_path / "original.dcm"))
    await type_value(editor, qtbot, 0x00100020, "TEST1")
    qtbot.keyClick(editor, Qt.Key.Key_W, CONTROL)

    def question() -> Question:
        found = editor.findChild(Question, "edit_close")
        assert isinstance(found, Question)
        return found

    await reached(lambda: editor.findChild(Question) is not None, "it asks")
    editor.close()  # asks no second time
    assert len(editor.findChildren(Question)) == 1
    question().no.click()
    await reached(lambda: editor.findChild(Question) is None, "the question is gone")
    assert editor.isVisible()
    editor.send_button.click()
    await reached(lambda: editor.said.text().startswith("Handed to"), "it is handed on")
    assert not editor.has_unsent_changes
    await type_value(editor, qtbot, 0x00100020, "TEST2")
    assert editor.has_unsent_changes
    editor.close()
    question().yes.click()
    assert not editor.isVisible()
    other = await edited_once_more(window)
    other.close()
    assert not other.isVisible()


async def test_the_program_does_not_end_with_changes_that_were_not_sent_unless_one_says_so(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    editor = await edited(window, write(tmp_path / "original.dcm"))
    await type_value(editor, qtbot, 0x00100020, "TEST1")

    def question() -> Question:
        found = window.findChild(Question, "window_close")
        assert isinstance(found, Question)
        return found

    window.close()
    window.close()  # asks no second time
    assert len(window.findChildren(Question)) == 1
    question().no.click()
    await reached(lambda: window.findChild(Question) is None, "the question is gone")
    assert not window.close_requested.is_set()
    window.close()
    question().yes.click()
    assert window.close_requested.is_set()


async def edited_once_more(window: MainWindow) -> EditWindow:
    window.viewers.viewers[0].edit_button.click()
    editor = window.viewers.others[-1]
    assert isinstance(editor, EditWindow)
    await reached(lambda: not editor.is_busy and editor.model.rowCount() > 0, "the copy is read")
    return editor


async def test_what_is_not_allowed_is_refused_with_its_reason(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    editor = await edited(window, write(tmp_path / "original.dcm"))
    await type_value(editor, qtbot, 0x00080020, "yesterday")
    assert "StudyDate" in editor.said.text()
    assert editor.said.property("tone") == "error"
    for tag, value, words in (
        ("NoSuchThing", "1", "no keyword"), ("PatientID", "1", "there already"), ("PixelData", "1", "cannot be typed"),
        ("PatientAge", "old", "AS"),
    ):  # fmt: skip
        editor.tag.setText(tag)
        editor.value.setText(value)
        editor.add_button.click()
        assert words in editor.said.text()
    editor.table.selectRow(editor.model.row_of((0x00080018,)))
    editor.delete_button.click()
    assert "could not be sent" in editor.said.text()
    assert editor.model.copy is not None
    assert not editor.model.copy.is_changed


# ---------------------------------------------------------------------------------------------- opening and ending


async def test_a_file_that_is_no_dicom_is_said_in_the_banner(window: MainWindow, tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear all, this is long enough to be looked at, but it is no DICOM file.")
    window.viewers.open(path)
    await reached(lambda: window.banner.isVisible(), "it is said")
    assert window.viewers.viewers == []


async def test_so_many_windows_and_no_more(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "MAX_WINDOWS", 2)
    made = [window.viewers.show_viewed(open_file(FILES / "CT_small.dcm")) for _ in range(3)]
    assert window.viewers.viewers == made[1:]
    assert not made[0].isVisible()


async def test_closing_by_key_and_help(window: MainWindow, qtbot: QtBot) -> None:
    viewer = await shown(window, FILES / "CT_small.dcm")
    viewer.help_wanted.emit()
    assert window._help is not None
    assert window._help.name == "viewer"
    viewer.activateWindow()
    await reached(viewer.isActiveWindow, "it is active")
    qtbot.keyClick(viewer, Qt.Key.Key_Escape)
    await reached(lambda: not window.viewers.viewers, "it is closed")


async def test_the_listener_and_the_archive_open_it_by_a_double_click(
    window: MainWindow, listening: int, tmp_path: Path, qtbot: QtBot
) -> None:
    path = write(tmp_path / "one.dcm")
    window.config.nodes.add(Node("HERE", PeerAddress.parse(f"DICOMGUI@127.0.0.1:{listening}")))
    window.config.nodes_edited()
    window._on_files_wanted([path], window.config.nodes.find("HERE"))
    await reached(lambda: window.listener.model.rowCount() > 0, "it is received", 20)
    window.show_panel(window.listener)
    table = window.listener.table
    cell = table.visualRect(window.listener.model.index(0, 2)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, NO, cell)
    qtbot.mouseDClick(table.viewport(), Qt.MouseButton.LeftButton, NO, cell)
    await reached(lambda: len(window.viewers.viewers) == 1, "a window is open")
    viewer = await settled(window.viewers.viewers[0])
    assert viewer.viewed.text_of(0x00100020) == dcmread(path).PatientID


async def test_the_trace_opens_the_object_of_a_store_by_a_double_click(
    window: MainWindow, listening: int, tmp_path: Path, qtbot: QtBot
) -> None:
    path = write(tmp_path / "one.dcm")
    window.config.nodes.add(Node("HERE", PeerAddress.parse(f"DICOMGUI@127.0.0.1:{listening}")))
    window.config.nodes_edited()
    window._on_files_wanted([path], window.config.nodes.find("HERE"))
    await reached(lambda: window.listener.model.rowCount() > 0, "it is received", 20)
    trace = window.trace
    window.show_panel(trace)

    def double_click(row: int) -> None:
        trace.table.scrollTo(trace.model.index(row, 2))
        cell = trace.table.visualRect(trace.model.index(row, 2)).center()
        qtbot.mouseClick(trace.table.viewport(), Qt.MouseButton.LeftButton, NO, cell)
        qtbot.mouseDClick(trace.table.viewport(), Qt.MouseButton.LeftButton, NO, cell)

    def row_of(column: int, text: str) -> int:
        rows = range(trace.model.rowCount())
        return next((row for row in rows if text in trace.model.index(row, column).data()), -1)

    await reached(lambda: row_of(ExchangeColumn.OPERATION, "C-STORE → ") >= 0, "the exchange is there")
    double_click(row_of(ExchangeColumn.OPERATION, "C-STORE → "))
    await reached(lambda: len(window.viewers.viewers) == 1, "a window is open")
    viewer = await settled(window.viewers.viewers[0])
    assert viewer.viewed.text_of(0x00100020) == dcmread(path).PatientID
    trace.show_zoom(Zoom.ROWS)
    await reached(lambda: row_of(Column.SUMMARY, "C-STORE-RQ") >= 0, "the PDUs are there")
    double_click(row_of(Column.SUMMARY, "C-STORE-RSP"))
    double_click(row_of(Column.SUMMARY, "C-STORE-RQ"))
    await reached(lambda: len(window.viewers.viewers) == 2, "the request opens a window, and the response none")
    trace.show_zoom(Zoom.EXCHANGES)
    await reached(lambda: row_of(ExchangeColumn.OPERATION, " → DICOMGUI") >= 0, "the associations are there")
    double_click(row_of(ExchangeColumn.OPERATION, " → DICOMGUI"))
    assert trace.model.zoom is Zoom.ROWS  # anything else is gone into
    assert len(window.viewers.viewers) == 2


async def test_a_match_of_a_query_opens_with_what_was_answered(
    window: MainWindow, pacs: Answering, press: Press, tmp_path: Path
) -> None:
    panel = await shown_panel(window, tmp_path / "received")
    await ask(panel, press, pacs.peer, PatientName="Doe^A*")
    panel.results.table.activate_row(0)
    await press(panel.results.dataset.window_button)
    await reached(lambda: len(window.viewers.viewers) == 1, "a window is open")
    viewer = await settled(window.viewers.viewers[0])
    assert viewer.viewed.text_of(0x00100010) == "Doe^Archibald"
    assert not viewer.tabs.isTabEnabled(IMAGE)


async def test_each_widget_has_a_name_and_says_what_it_is(window: MainWindow, tmp_path: Path) -> None:
    editor = await edited(window, write(tmp_path / "one.dcm"))
    viewer = await image(window, FILES / "examples_ybr_color.dcm")
    comparison = window.viewers.compare(viewer, viewer)
    await reached(lambda: not comparison.is_busy, "it is compared")
    kinds = (QAbstractButton, QAbstractItemView, QComboBox, QLineEdit, QSlider, QTabBar)
    for top in (viewer, editor, comparison):
        names = []
        for widget in top.findChildren(QWidget):
            is_part = (
                isinstance(widget.parent(), kinds) or isinstance(widget, QHeaderView) or widget.window() is not top
            )
            if isinstance(widget, kinds) and not is_part:
                names.append(widget.objectName())
                assert widget.objectName(), widget
                assert widget.accessibleName(), widget.objectName()
        assert len(names) == len(set(names))
