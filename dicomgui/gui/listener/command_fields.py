"""The commands that are run for what was received."""

from __future__ import annotations

from dicomgui.app.configuration.received_commands import ReceivedCommands
from dicomgui.gui.widgets.fields import FieldSet, line_edit
from dicomgui.gui.widgets.text import PlainLabel
from dicomgui.network.errors import ConfigurationError

__all__ = ["CommandFields"]

_NOTE = (
    "Run without a shell. Placeholders stand inside of single arguments: {path}, {file_list} for studies, {folder}, "
    "{calling_ae}, {called_ae}, {peer}, and any attribute, such as {PatientID|none}"
)
_LINES = {
    "on_object": ("For each object", "Run for each object that is new", "dcmdump {path}"),
    "on_study": ("For each study", "Run when nothing more of a study comes", "archive-study --list {file_list}"),
}
_TIMES = {
    "study_timeout_s": ("A study is complete after, in s", "Seconds in which nothing of it has come"),
    "time_limit_s": ("A command ends after, in s", "One that runs longer is ended, and that is told"),
}


class CommandFields(FieldSet):
    """Two commands and two times; an empty command is none."""

    def __init__(self) -> None:
        super().__init__()
        for name, (text, tip, hint) in _LINES.items():
            self.add_row((name, text, line_edit(f"listener_{name}", text, hint=f"none; or {hint}", tip=tip), None))
        self.add_row(
            *((name, text, line_edit(f"listener_{name}", text, tip=tip), None) for name, (text, tip) in _TIMES.items())
        )
        self.add_wide(PlainLabel(_NOTE, tone="muted", scale=0.9, wrap=True))
        self.note = PlainLabel(tone="warning", scale=0.9, wrap=True)
        self.note.setObjectName("listener_commands_note")
        self.add_wide(self.note)

    def show_commands(self, commands: ReceivedCommands) -> None:
        """Fill in."""
        times = {name: f"{getattr(commands, name):g}" for name in _TIMES}
        self.set_texts({"on_object": commands.on_object, "on_study": commands.on_study, **times})

    def commands(self) -> ReceivedCommands:
        """The commands and times in the fields.

        :raises ConfigurationError: a command or a time is unusable.
        """
        texts = {name: text.strip() for name, text in self.texts().items()}
        usual = ReceivedCommands()
        times = {name: _seconds(texts[name]) if texts[name] else getattr(usual, name) for name in _TIMES}
        return ReceivedCommands(texts["on_object"], texts["on_study"], **times)

    def show_note(self, *, discards: bool) -> None:
        """Say why the commands cannot be run; ``discards`` says that nothing is kept."""
        note = ""
        try:
            if self.commands().has_any and discards:
                note = "Nothing is kept: no command is run."
        except ConfigurationError as error:
            note = f"{error}. {error.hint}"
        self.note.setText(note)
        self.note.setVisible(bool(note))

    def summary(self) -> str:
        """In a few words; nothing where there is no command."""
        try:
            commands = self.commands()
        except ConfigurationError:
            return "not usable"
        kinds = [word for word, text in (("object", commands.on_object), ("study", commands.on_study)) if text]
        return f"for each {' and each '.join(kinds)}" if kinds else ""


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ConfigurationError(
            f"{text[:40]!r} is no number of seconds", phase="configure", hint="Give one, like 30."
        ) from None
