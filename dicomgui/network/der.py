"""Walk over DER (X.690): the tags and contents of what stands one after another. It judges nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

__all__ = ["BITS", "INTEGER", "OCTETS", "OID", "SEQUENCE", "DerElement", "DerError", "elements", "encodings", "inner"]

INTEGER: Final = 0x02
BITS: Final = 0x03
OCTETS: Final = 0x04
OID: Final = 0x06
SEQUENCE: Final = 0x30


class DerError(ValueError):
    """The bytes are no DER, or not the expected one."""


class DerElement(NamedTuple):
    """One element.

    :ivar tag: its first byte; tags of several bytes are refused.
    """

    tag: int
    content: bytes


def elements(data: bytes) -> Iterator[DerElement]:
    """Yield the elements that stand one after another in ``data``.

    :raises DerError: one goes past the end, or has a tag of several bytes.
    """
    for start, content, end in _spans(data):
        yield DerElement(data[start], data[content:end])


def encodings(data: bytes) -> Iterator[bytes]:
    """Yield the same elements, each as it stands there: with its tag and length.

    :raises DerError: one goes past the end, or has a tag of several bytes.
    """
    for start, _, end in _spans(data):
        yield data[start:end]


def _spans(data: bytes) -> Iterator[tuple[int, int, int]]:
    """The start of each element, of its content, and its end."""
    at = 0
    while at < len(data):
        start = at
        if at + 2 > len(data):
            raise DerError("a part of it goes past its end")
        tag, length, at = data[at], data[at + 1], at + 2
        if length >= 0x80:
            count = length & 0x7F
            length, at = int.from_bytes(data[at : at + count], "big"), at + count
        if at + length > len(data) or tag & 0x1F == 0x1F:
            raise DerError("a part of it goes past its end")
        yield start, at, at + length
        at += length


def inner(data: bytes, tag: int) -> bytes:
    """The content of the first element, which has this tag.

    :raises DerError: it has another one, or there is none.
    """
    found = next(elements(data), None)
    if found is None or found.tag != tag:
        raise DerError("it begins with another element")
    return found.content
