"""What may be wrong with an AE title that a peer refused, judged by the names that are known and by its own bytes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["Advice", "advise", "sent_text"]


class Advice(NamedTuple):
    """A cause that fits the evidence, and what to try instead.

    :ivar cause: one sentence, or empty where the name shows nothing.
    :ivar title: the AE title to try, or an empty string.
    """

    cause: str = ""
    title: str = ""


def advise(title: bytes, known: Iterable[str]) -> Advice:
    """Judge the 16 bytes of an AE title that was refused.

    :param known: names that are known to go there, the surest first.
    """
    text = title.decode("latin-1")
    sent = text.strip(" ")
    others = [name for name in known if name and name != sent]
    for name in others:
        if name.casefold() == sent.casefold():
            return Advice(f"It is known as {name}: capitals matter, and {sent} was sent.", name)
    for name in others:
        if _skeleton(name) == _skeleton(sent):
            return Advice(f"It is known as {name}: {sent} was sent, with other blanks or signs.", name)
    if not sent.strip("\0"):
        return Advice("The AE title that was sent is blank.", others[0] if others else "")
    if text.startswith(" ") or "\0" in text or not sent.isprintable():
        clean = "".join(c for c in sent if c.isprintable()).strip(" ")
        return Advice("The AE title begins with a blank, or holds signs that nobody sees.", clean)
    if others:
        return Advice(f"Associations that call {others[0]} are accepted there.", others[0])
    if sent != sent.upper():
        return Advice("It has small letters; most AE titles are all capitals, and capitals matter.", sent.upper())
    if " " in sent:
        return Advice("There is a blank in the middle of the AE title.", sent.replace(" ", ""))
    return Advice()


def _skeleton(title: str) -> str:
    """What is left when only letters and digits count."""
    return "".join(c for c in title.casefold() if c.isalnum())


def sent_text(title: bytes) -> str:
    """A sentence that says the bytes of an AE title, with the blanks to be seen; empty for none."""
    if not title:
        return ""
    shown = title.decode("latin-1").replace(" ", "␣")
    return f" Sent was “{shown}” (hex {title.hex(' ')})."
