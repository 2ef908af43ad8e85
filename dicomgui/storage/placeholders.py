"""Texts with placeholders for attributes: ``{StudyDate}``, ``{(0008,0020)}``, ``{PatientID|unknown}``.

A placeholder names an attribute by its keyword in PS3.6 or by its tag, one inside of a sequence by the way to it:
``{RequestAttributesSequence[0].ScheduledProcedureStepID}``, where ``[0]``, the first item, may be left out. Behind
``|`` stands what is taken where the data set has no value. ``{{`` and ``}}`` stand for braces. Behind ``:`` stands the
form of the value:
``{InstanceNumber:05}`` fills a number up with zeros, ``{StudyDate:%Y}`` takes year, month (``%m``) or day (``%d``) of a
date, ``{PatientID:hash}`` is the beginning of the SHA-256 of the value.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from hashlib import sha256
from typing import Final, NamedTuple, TypeAlias

from dicomgui.network.errors import ConfigurationError

__all__ = ["ElementPath", "Placeholder", "Template", "parse_template", "wanted_by"]

_PARTS: Final = re.compile(r"\{\{|\}\}|\{([^{}|]*)(?:\|([^{}]*))?\}|[{}]|[^{}]+")
_TAG: Final = re.compile(r"\(?([0-9A-Fa-f]{4}),?([0-9A-Fa-f]{4})\)?")
_ITEM: Final = re.compile(r"(.*)\[([0-9]{1,4})\]")
_FORM: Final = re.compile(r"0[1-9]|hash|(?:%[Ymd]|[-_])+")
_NUMBER: Final = re.compile(r"[0-9]+")
_DATE: Final = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})[0-9.+-]*")
_NO_TEXT: Final = frozenset({"SQ", "OB", "OD", "OF", "OL", "OV", "OW", "OB or OW", "UN", "AT", "SV", "UV"})


ElementPath: TypeAlias = int | tuple[int, ...]
"""The tag of an element of the outermost level; for another one its tag behind those of the sequences around it, each
followed by the number of the item, from 0 on: ``(sequence, item, tag)``."""


class Placeholder(NamedTuple):
    """A value that is put in.

    :ivar name: as it was written: a keyword, a tag, or one of the names that the text may have besides.
    :ivar path: of the attribute; 0 for the other names.
    :ivar vr: of the attribute.
    :ivar default: stands for a value that is missing.
    :ivar form: of the value, as it stands behind the colon.
    """

    name: str
    path: ElementPath = 0
    vr: str = ""
    default: str = ""
    form: str = ""

    def value(self, others: Mapping[str, str], values: Mapping[ElementPath, str]) -> str:
        """The value that is put in, or the default.

        :param others: by name.
        :param values: of attributes, by their path.
        """
        found = values.get(self.path, "") if self.path else others.get(self.name, "")
        return _formed(found, self.form) if found else self.default


Template: TypeAlias = tuple[str | Placeholder, ...]
"""Texts and placeholders in their order."""


def parse_template(text: str, names: Collection[str] = ()) -> Template:
    """The parts of a text.

    :param names: placeholders that are no attributes.
    :raises ConfigurationError: a brace stands alone, or a placeholder names nothing that is known.
    """
    parts: list[str | Placeholder] = []
    for match in _PARTS.finditer(text):
        piece = match[0]
        if match[1] is not None:
            parts.append(_placeholder(match[1].strip(), match[2] or "", names))
        elif piece in ("{", "}"):
            raise _wrong(f"a brace stands alone in {text!r}", "Write {{ or }} for a brace.")
        else:
            parts.append({"{{": "{", "}}": "}"}.get(piece, piece))
    return tuple(parts)


def wanted_by(templates: Iterable[Template]) -> dict[ElementPath, str]:
    """The VRs of the attributes that templates name, by their path."""
    return {
        part.path: part.vr for template in templates for part in template if isinstance(part, Placeholder) and part.path
    }


def _placeholder(name: str, default: str, names: Collection[str]) -> Placeholder:
    name, colon, form = name.partition(":")
    if colon and not _FORM.fullmatch(form):
        raise _wrong(f"{form!r} is no form of a value", "Known are 02 to 09, %Y, %m, %d, and hash.")
    if name in names:
        return Placeholder(name, default=default, form=form)
    *sequences, last = name.split(".")
    path = tuple(step for sequence in sequences for step in _item(sequence, names))
    tag, vr = _attribute(last, names)
    if vr in _NO_TEXT:
        raise _wrong(f"{name} has no text", "Name an attribute of its items, as in Sequence[0].Attribute; no bytes.")
    return Placeholder(name, (*path, tag) if path else tag, vr.partition(" ")[0] or "LO", default, form)


def _item(name: str, names: Collection[str]) -> tuple[int, int]:
    """The tag of a sequence, and the number of an item of it."""
    match = _ITEM.fullmatch(name)
    tag, vr = _attribute(match[1] if match else name, names)
    if vr not in ("SQ", ""):
        raise _wrong(f"{name} is no sequence", "Only a sequence has attributes inside of it.")
    return tag, int(match[2]) if match else 0


def _attribute(name: str, names: Collection[str]) -> tuple[int, str]:
    """The tag of an attribute, and its VR in PS3.6, which is empty for a private one."""
    from pydicom import datadict  # loaded where somebody uses placeholders

    match = _TAG.fullmatch(name)
    tag = int(match[1] + match[2], 16) if match else name and datadict.tag_for_keyword(name)
    if not tag or tag >> 16 < 8:
        known = f"; other names are {', '.join(sorted(names))}" if names else ""
        raise _wrong(f"there is no attribute {name!r}", f"Give its keyword in PS3.6, or its tag{known}.")
    return tag, datadict.dictionary_VR(tag) if datadict.dictionary_has_tag(tag) else ""


def _formed(value: str, form: str) -> str:
    """The value in its form; one that the form does not fit stays as it is."""
    if form == "hash":
        return sha256(value.encode(), usedforsecurity=False).hexdigest()[:8]
    if form.startswith("0"):
        return value.zfill(int(form)) if _NUMBER.fullmatch(value) else value
    date = _DATE.fullmatch(value) if form else None
    if date is None:
        return value
    return form.replace("%Y", date[1]).replace("%m", date[2]).replace("%d", date[3])


def _wrong(reason: str, hint: str) -> ConfigurationError:
    return ConfigurationError(reason, phase="configure", hint=hint)
