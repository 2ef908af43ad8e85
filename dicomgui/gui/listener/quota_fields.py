"""How much callers of the listener may take, and how far the archive may grow."""

from __future__ import annotations

from dicomgui.app.configuration.quotas import USUAL_QUOTAS, Quotas, parse_size, written_size
from dicomgui.gui.widgets.fields import FieldSet, line_edit
from dicomgui.gui.widgets.text import PlainLabel
from dicomgui.network.errors import ConfigurationError

__all__ = ["QuotaFields"]

_HEADING = "Of each caller: of each address, and of each AE title"
_NUMBERS = {
    "associations": ("Associations at once", "One more is rejected for the moment (2/3/2: local limit exceeded)"),
    "instances_per_hour": ("Instances an hour", "One more is answered A700: out of resources"),
}
_SIZES = {
    "bytes_per_hour": ("Size an hour", "Like 20 GB; what goes over it is answered A700 and not kept"),
    "max_bytes": ("Archive not larger than", "Like 500 GB; what goes over it is answered A700 and not kept"),
    "min_free_bytes": ("Disk keeps free", "Like 500 MB; nothing is stored below it (A700)"),
}
_OF_CALLERS = ("associations", "instances_per_hour", "bytes_per_hour")
_TOGETHER = ("max_bytes", "min_free_bytes")


class QuotaFields(FieldSet):
    """Five fields; an empty one is no limit."""

    def __init__(self) -> None:
        super().__init__()
        self._add_heading(_HEADING)
        self._add(_OF_CALLERS[:2])
        self._add(_OF_CALLERS[2:])
        self._add_heading("Of all together")
        self._add(_TOGETHER)

    def _add_heading(self, text: str) -> None:
        heading = PlainLabel(text, scale=0.95)
        heading.setContentsMargins(0, 4, 0, 0)
        self.add_wide(heading)

    def _add(self, names: tuple[str, ...]) -> None:
        parts = []
        for name in names:
            text, tip = {**_NUMBERS, **_SIZES}[name]
            whose = text if name in _TOGETHER else f"{text}, of each caller"
            parts.append((name, text, line_edit(f"listener_{name}", whose, hint="no limit", tip=tip), None))
        self.add_row(*parts)

    def show_quotas(self, quotas: Quotas) -> None:
        """Fill in."""
        texts = {name: str(getattr(quotas, name) or "") for name in _NUMBERS}
        sizes = {name: getattr(quotas, name) for name in _SIZES}
        self.set_texts({**texts, **{name: written_size(size) if size else "" for name, size in sizes.items()}})

    def quotas(self) -> Quotas:
        """What the fields say.

        :raises ConfigurationError: one of them holds no limit.
        """
        texts = {name: text.strip() for name, text in self.texts().items()}
        numbers = {name: _number(texts[name]) for name in _NUMBERS}
        return Quotas(**numbers, **{name: parse_size(texts[name] or "0") for name in _SIZES})

    def summary(self) -> str:
        """In a few words; nothing where all is usual."""
        try:
            quotas = self.quotas()
        except ConfigurationError:
            return "not usable"
        parts = []
        if quotas.associations:
            parts.append(f"{quotas.associations:,} a caller")
        if quotas.instances_per_hour:
            parts.append(f"{quotas.instances_per_hour:,} instances an hour")
        if quotas.bytes_per_hour:
            parts.append(f"{written_size(quotas.bytes_per_hour)} an hour")
        if quotas.max_bytes:
            parts.append(f"archive up to {written_size(quotas.max_bytes)}")
        if quotas.min_free_bytes != USUAL_QUOTAS.min_free_bytes:
            kept = written_size(quotas.min_free_bytes)
            parts.append(f"{kept} stay free" if quotas.min_free_bytes else "the disk may fill up")
        return ", ".join(parts)


def _number(text: str) -> int:
    if text and not (text.isascii() and text.isdigit() and len(text) < 12):
        raise ConfigurationError(f"{text[:40]!r} is no number", phase="configure", hint="Give one, or nothing.")
    return int(text or 0)
