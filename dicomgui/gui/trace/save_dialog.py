"""How a trace is to be saved: as a redacted copy, which is what is offered, or whole; in which format, and where to."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QDialog, QHBoxLayout, QLayout, QListWidget, QVBoxLayout, QWidget

from dicomgui.gui.widgets.buttons import Choice, push_button
from dicomgui.gui.widgets.dialogs import foot_of
from dicomgui.gui.widgets.fields import check_box
from dicomgui.gui.widgets.text import PlainLabel, count_text, labelled
from dicomgui.trace.redaction.redact import Preview, RedactOptions
from dicomgui.trace.redaction.wording import masked_text
from dicomgui.trace.reports.saving import Format, SaveOptions

__all__ = ["FORMAT_NAMES", "SaveTraceDialog"]

FORMAT_NAMES = {
    Format.TRACE: "Trace (*.dgtrace)",
    Format.PCAPNG: "Wireshark capture (*.pcapng)",
    Format.MARKDOWN: "Report in Markdown (*.md)",
    Format.TEXT: "Text (*.txt)",
    Format.JSON_LINES: "JSON lines (*.jsonl)",
}
_FORMAT_NOTES = {
    Format.TRACE: "Can be opened here again, with marks and comments.",
    Format.PCAPNG: "For Wireshark and tshark: each association as a TCP connection, what was not kept as zeros.",
    Format.MARKDOWN: "For a ticket: findings, associations, what was agreed, exchanges. No bytes.",
    Format.TEXT: "For reading: every row, and the fields of every PDU that is not mere data.",
    Format.JSON_LINES: "For other programs: every row with all its bytes.",
}
_REDACTED_NOTE = (
    "Names, numbers, dates, texts, UIDs and pixels are replaced by as many other bytes. Every length, offset and fault "
    "stays. Before the file is there, it is searched for each value."
)
_WHOLE_NOTE = "The file will hold patient data as it went over the wire. Give it to nobody who may not see that."


class SaveTraceDialog(QDialog):
    """Asks how to save; :attr:`options` are the answer.

    :param what: is saved, in words.
    :param associations: for the options.
    """

    preview_wanted = Signal(object)
    """The user wants to see what these :class:`~dicomgui.trace.reports.saving.SaveOptions` would replace."""

    def __init__(self, what: str, associations: frozenset[int] | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("save_trace_dialog")
        self.setWindowTitle("Save the trace")
        self.setAccessibleName("Save the trace")
        self._associations = associations
        self._make_choices(what)
        self._make_preview()
        self.save_button = push_button("save_trace_ok", "&Save …", "save", primary=True)
        self.save_button.setDefault(True)
        self.save_button.clicked.connect(self.accept)
        self.cancel_button = push_button("save_trace_cancel", "Ca&ncel", "cancel")
        self.cancel_button.clicked.connect(self.reject)
        self._place()
        self._show()
        self.extent.setFocus()

    def _make_choices(self, what: str) -> None:
        self.what = PlainLabel(what, bold=True, wrap=True)
        self.what.setObjectName("save_trace_what")
        self.extent = Choice("save_trace_extent", "How much is saved")
        self.extent.addItem("A redacted copy, without patient data", True)
        self.extent.addItem("Everything, with patient data", False)
        self.extent_note = PlainLabel(tone="muted", scale=0.9, wrap=True)
        self.extent_note.setObjectName("save_trace_extent_note")
        self.keep_ae = check_box("save_trace_keep_ae", "Keep &AE titles")
        self.keep_addresses = check_box("save_trace_keep_addresses", "Keep &host names and addresses")
        self.keep_certificates = check_box("save_trace_keep_certificates", "Keep TLS ce&rtificates")
        for box in self._boxes:
            box.setChecked(True)
            box.toggled.connect(self._forget_preview)
        self.format = Choice("save_trace_format", "Format of the file")
        for wanted, name in FORMAT_NAMES.items():
            self.format.addItem(name, wanted)
        self.format_note = PlainLabel(tone="muted", scale=0.9, wrap=True)
        self.format_note.setObjectName("save_trace_format_note")
        self.append = check_box("save_trace_append", "C&ontinue a trace file that is there")
        self.extent.currentIndexChanged.connect(self._show)
        self.format.currentIndexChanged.connect(self._show)

    def _make_preview(self) -> None:
        tip = "What a redacted copy would replace: names and numbers, no values"
        self.preview_button = push_button("save_trace_preview", "Show what is re&placed", "query", tip=tip)
        self.preview_button.clicked.connect(self._on_preview_clicked)
        self.preview_text = PlainLabel(tone="muted", scale=0.9, wrap=True)
        self.preview_text.setObjectName("save_trace_preview_text")
        self.preview_list = QListWidget()
        self.preview_list.setObjectName("save_trace_preview_list")
        self.preview_list.setAccessibleName("What is replaced, and how often")
        self.preview_list.setMinimumHeight(150)
        self.preview_list.hide()

    @property
    def _boxes(self) -> tuple[QCheckBox, ...]:
        return self.keep_ae, self.keep_addresses, self.keep_certificates

    def _place(self) -> None:
        column = QVBoxLayout(self)
        column.setSizeConstraint(QLayout.SizeConstraint.SetNoConstraint)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(10)
        column.addWidget(self.what)
        column.addLayout(labelled("&What is saved", self.extent, self.extent_note))
        for box in self._boxes:
            column.addWidget(box)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.preview_button)
        row.addWidget(self.preview_text, 1)
        column.addLayout(row)
        column.addWidget(self.preview_list, 100)
        column.addLayout(labelled("&Format", self.format, self.format_note))
        column.addWidget(self.append)
        column.addStretch(1)
        column.addLayout(foot_of(self.save_button, self.cancel_button))
        self.resize(520, 440)

    # ---------------------------------------------------------------------------------------------------------- answers

    @property
    def is_redacted(self) -> bool:
        """Whether a redacted copy is wanted."""
        return bool(self.extent.currentData())

    @property
    def options(self) -> SaveOptions:
        """What was chosen."""
        keeps = RedactOptions(
            self.keep_ae.isChecked(), self.keep_addresses.isChecked(), self.keep_certificates.isChecked()
        )
        wanted = Format(self.format.currentData())
        appends = wanted is Format.TRACE and self.append.isChecked()
        return SaveOptions(wanted, keeps if self.is_redacted else None, self._associations, appends)

    def show_preview(self, preview: Preview | None) -> None:
        """Show what would be replaced; nothing where the choice has changed meanwhile."""
        if preview is None or not self.is_redacted or self.preview_button.isEnabled():
            return
        self.preview_button.setEnabled(True)
        self.preview_text.setText(
            f"{count_text(preview.count, 'value')} of {count_text(len(preview.elements), 'element')}"
        )
        self.preview_list.clear()
        others = [(masked_text(what), count) for what, count in preview.others]
        for name, count in (*preview.elements, *others):
            self.preview_list.addItem(f"{count:,} × {name}")
        is_any = bool(preview.elements or preview.others)
        if is_any and self.preview_list.isHidden():
            self.preview_list.show()
            self.resize(self.width(), self.height() + 170)

    def show_problem(self, text: str) -> None:
        """Say why there is no preview."""
        self.preview_button.setEnabled(True)
        self.preview_text.setText(text)

    # ------------------------------------------------------------------------------------------------------------ slots

    def _show(self) -> None:
        for widget in (*self._boxes, self.preview_button, self.preview_text):
            widget.setVisible(self.is_redacted)
        self.extent_note.set_tone("muted" if self.is_redacted else "warning")
        self.extent_note.setText(_REDACTED_NOTE if self.is_redacted else _WHOLE_NOTE)
        wanted = Format(self.format.currentData())
        self.format_note.setText(_FORMAT_NOTES[wanted])
        self.append.setEnabled(wanted is Format.TRACE)
        self._forget_preview()

    def _forget_preview(self) -> None:
        self.preview_button.setEnabled(True)
        self.preview_text.clear()
        self.preview_list.clear()
        self.preview_list.hide()

    def _on_preview_clicked(self) -> None:
        self._forget_preview()
        self.preview_button.setEnabled(False)
        self.preview_text.setText("Looking …")
        self.preview_wanted.emit(self.options)
