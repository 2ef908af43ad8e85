"""Texts with placeholders for attributes: ``{StudyDate}``, ``{(0008,0020)}``, ``{PatientID|unknown}``.

A placeholder names an attribute of the outermost level by its keyword in PS3.6 or by its tag; behind ``|`` stands what
is taken where the data set has no value. ``{{`` and ``}}`` stand for braces. Behind ``:`` stands the form of the value:
``{InstanceNumber:05}`` fills a number up with zeros, ``{StudyDate:%Y}`` takes year, month (``%m``) or day (``%d``) of a
date, ``{PatientID:hash}`` is the beginning of the SHA-256 of the value.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from hashlib import sha256
from typing import Final, NamedTuple, TypeAlias

from dicomgui.network.errors import ConfigurationError

__all__ = ["Placeholder", "Template", "parse_template", "wanted_by"]

_PARTS: Final = re.compile(r"\{\{|\}\}|\{([^{}|]*)(?:\|([^{}]*))?\}|[{}]|[^{}]+")
_TAG: Final = re.compile(r"\(?([0-9A-Fa-f]{4}),?([0-9A-Fa-f]{4})\)?")
_FORM: Final = re.compile(r"0[1-9]|hash|(?:%[Ymd]|[-_])+")
_NUMBER: Final = re.compile(r"[0-9]+")
_DATE: Final = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})[0-9.+-]*")
_NO_TEXT: Final = frozenset({"SQ", "OB", "OD", "OF", "OL", "OV", "OW", "OB or OW", "UN", "AT", "SV", "UV"})


class Placeholder(NamedTuple):
    """A value that is put in.

    :ivar name: as it was written: a keyword, a tag, or one of the names that the text may have besides.
    :ivar tag: of the attribute; 0 for the other names.
    :ivar vr: of the attribute.
    :ivar default: stands for a value that is missing.
    :ivar form: of the value, as it stands behind the colon.
    """

    name: str
    tag: int = 0
    vr: str = ""
    default: str = ""
    form: str = ""

    def value(self, others: Mapping[str, str], values: Mapping[int, str]) -> str:
        """The value that is put in, or the default.

        :param others: by name.
        :param values: of attributes, by tag.
        """
        found = values.get(self.tag, "") if self.tag else others.get(self.name, "")
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


def wanted_by(templates: Iterable[Template]) -> dict[int, str]:
    """The VRs of the attributes that templates name, by tag."""
    return {
        part.tag: part.vr for template in templates for part in template if isinstance(part, Placeholder) and part.tag
    }


def _placeholder(name: str, default: str, names: Collection[str]) -> Placeholder:
    name, colon, form = name.partition(":")
    if colon and not _FORM.fullmatch(form):
        raise _wrong(f"{form!r} is no form of a value", "Known are 02 to 09, %Y, %m, %d, and hash.")
    if name in names:
        return Placeholder(name, default=default, form=form)
    from pydicom import datadict  # loaded where somebody uses placeholders

    match = _TAG.fullmatch(name)
    tag = int(match[1] + match[2], 16) if match else name and datadict.tag_for_keyword(name)
    if not tag or tag >> 16 < 8:
        known = f"; other names are {', '.join(sorted(names))}" if names else ""
        raise _wrong(f"there is no attribute {name!r}", f"Give its keyword in PS3.6, or its tag{known}.")
    vr = datadict.dictionary_VR(tag) if datadict.dictionary_has_tag(tag) else "LO"
    if vr in _NO_TEXT:
        raise _wrong(f"{name} has no text", "Sequences and bytes cannot be put in.")
    return Placeholder(name, tag, vr.partition(" ")[0], default, form)


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
