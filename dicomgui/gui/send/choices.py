"""The choices of a send that few need: associations, names of files, transfer syntaxes, changes on the way."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from PySide6.QtWidgets import QPlainTextEdit, QVBoxLayout, QWidget

from dicomgui.app.changing.inventing import Invention, parse_invention
from dicomgui.app.changing.settings import Setting, parse_setting
from dicomgui.app.configuration.provided import transfer_syntax_of
from dicomgui.app.files.conversion import SyntaxChoice
from dicomgui.app.transfers.send_manner import SendManner
from dicomgui.gui.widgets.fields import YES, FieldSet, Section, check_box, line_edit
from dicomgui.gui.widgets.text import PlainLabel
from dicomgui.network.errors import ConfigurationError

__all__ = ["SendChoices", "SendWishes"]

_LINES: Final = 3
_SET_TIP: Final = (
    "Attributes that get another value in what goes out, one KEY=VALUE a line. The files stay as they are, and each "
    "changed one is marked in the results"
)


@dataclass(frozen=True, slots=True)
class SendWishes:
    """Choices beside the peer and the files.

    :ivar settings: attributes that get other values on the way.
    :ivar invention: what is sent in the place of the files, which are its templates.
    """

    manner: SendManner = field(default=SendManner())
    settings: tuple[Setting, ...] = ()
    invention: Invention | None = None


class SendChoices(Section):
    """A section that is folded away; its heading says what in it is not usual.

    :param prefix: begins the object names: ``send_more``, ``send_associations``, ``send_set``.
    """

    def __init__(self, prefix: str) -> None:
        body = QWidget()
        super().__init__(f"{prefix}_more", "More cho&ices", body)
        self.fields = FieldSet()
        tip = "Share the files among so many associations at the same time, up to 32"
        self.associations = line_edit(f"{prefix}_associations", "Associations at the same time", hint="1", tip=tip)
        tip = "Open a new association after so many files"
        self.limit = line_edit(f"{prefix}_per_association", "Files on one association", hint="no limit", tip=tip)
        tip = "UIDs or keywords, the most wanted first; empty for each file as it is"
        hint = "as they are; e.g. ImplicitVRLittleEndian"
        self.syntaxes = line_edit(f"{prefix}_syntaxes", "Transfer syntaxes, the most wanted first", hint=hint, tip=tip)
        tip = "New patients, studies, series and instances of each file; without files, of a generated CT image"
        hint = "nothing; e.g. patients=2,series=2,instances=10"
        self.invent = line_edit(f"{prefix}_invent", "New instances for load tests", hint=hint, tip=tip)
        self.renames = check_box(
            f"{prefix}_rename", "Rename to .done or .bad", tip="Rename each file by its result; nothing is replaced"
        )
        self.separate = check_box(
            f"{prefix}_context_per_syntax", "One context per transfer s&yntax", tip="The peer answers for each"
        )
        self.separate.setAccessibleName("One context per transfer syntax")
        self.fields.add_row(
            ("associations", "Associations at the same time", self.associations, None),
            ("limit", "Files on one association", self.limit, None),
        )
        self.fields.add_row(
            ("syntaxes", "Transfer syntaxes, the most wanted first", self.syntaxes, None),
            ("invent", "Invent", self.invent, None),
        )
        self.fields.add_row(("renames", "", self.renames, None), ("separate", "", self.separate, None))
        self.set = QPlainTextEdit()
        self.set.setObjectName(f"{prefix}_set")
        self.set.setAccessibleName("Set attributes")
        self.set.setAccessibleDescription(_SET_TIP)
        self.set.setToolTip(_SET_TIP)
        self.set.setPlaceholderText("PatientID=17\nRequestAttributesSequence[0].ScheduledProcedureStepID=9")
        self.set.setTabChangesFocus(True)
        self.set.setFixedHeight(_LINES * self.set.fontMetrics().lineSpacing() + 16)
        self.problem_text = PlainLabel(tone="error", wrap=True)
        self.problem_text.setObjectName(f"{prefix}_more_problem")
        label = PlainLabel("Set attributes, one KEY=VALUE a line", tone="muted", scale=0.9)
        label.setContentsMargins(0, 4, 0, 0)
        label.setBuddy(self.set)
        column = QVBoxLayout(body)
        column.setContentsMargins(18, 0, 0, 0)
        column.setSpacing(5)
        column.addWidget(self.fields)
        column.addWidget(label)
        column.addWidget(self.set)
        column.addWidget(self.problem_text)
        self.fields.changed.connect(self._on_changed)
        self.set.textChanged.connect(self._on_changed)
        self._on_changed()

    def wishes(self) -> SendWishes:
        """The choices.

        :raises ConfigurationError: something cannot be; the text says what.
        """
        texts = self.fields.texts()
        words = [word for word in re.split(r"[,;\s]+", texts["syntaxes"]) if word]
        syntaxes = SyntaxChoice(tuple(map(transfer_syntax_of, words)), texts["separate"] == YES)
        manner = SendManner(
            _number(texts["associations"], 1, "associations"),
            _number(texts["limit"], 0, "files on one association"),
            texts["renames"] == YES,
            syntaxes,
        )
        lines = (line.strip() for line in self.set.toPlainText().splitlines())
        settings = tuple(parse_setting(line) for line in lines if line)
        invention = parse_invention(texts["invent"]) if texts["invent"].strip() else None
        if invention is not None and manner.renames:
            raise _wrong("Files that are templates of invented instances are not renamed")
        return SendWishes(manner, settings, invention)

    def problem(self) -> str:
        """The fault of the choices; empty where there is none."""
        try:
            self.wishes()
        except ConfigurationError as error:
            text = f"{error}. {error.hint}".strip()
            return text[:1].upper() + text[1:]
        return ""

    def show_problem(self) -> str:
        """Open it where something is wrong; gives what."""
        problem = self.problem()
        if problem:
            self.set_open(True)
        return problem

    def _on_changed(self) -> None:
        problem = self.problem()
        self.problem_text.setText(problem)
        self.problem_text.setVisible(bool(problem))
        self.show_summary("not right yet" if problem else _summary(self.wishes()))


def _summary(wishes: SendWishes) -> str:
    manner = wishes.manner
    parts = [
        f"{manner.associations} associations" if manner.associations > 1 else "",
        f"{manner.per_association:,} files on each" if manner.per_association else "",
        "renames files" if manner.renames else "",
        "chosen transfer syntaxes" if manner.syntaxes.preferred else "",
        "a context per transfer syntax" if manner.syntaxes.separate else "",
        f"sets {len(wishes.settings):,} attribute{'' if len(wishes.settings) == 1 else 's'}" if wishes.settings else "",
        f"invents {wishes.invention.per_template:,} of each file" if wishes.invention is not None else "",
    ]
    return ", ".join(filter(None, parts))


def _number(text: str, usual: int, what: str) -> int:
    digits = text.strip()
    if not digits:
        return usual
    if not (digits.isascii() and digits.isdigit() and len(digits) < 10):
        raise _wrong(f"{digits[:40]!r} is no number of {what}")
    return int(digits)


def _wrong(what: str) -> ConfigurationError:
    return ConfigurationError(what, phase="configure")
