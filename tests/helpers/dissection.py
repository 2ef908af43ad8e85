"""What tshark makes of a capture, PDU by PDU and field by field with the place of each in its PDU."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from helpers import programs
from helpers.peers import DEADLINE_S

_ELEMENT = "dicom.tag"
_FRAGMENTS = "dicom.pdv.fragments"


class Field(NamedTuple):
    """A field that tshark decoded.

    :ivar name: tshark's name of it.
    :ivar value: as tshark shows it.
    :ivar offset: from the first byte of the PDU, or of the reassembled data set or command set.
    :ivar length: bytes.
    """

    name: str
    value: str
    offset: int
    length: int


@dataclass
class Dissected:
    """A PDU as tshark sees it.

    :ivar ports: of the sender and the receiver.
    :ivar fields: those that lie in the PDU.
    :ivar reassembled: those that lie in what was put together from fragments, of which the last is in this PDU.
    :ivar others: names of what has no place of its own, and remarks of tshark.
    """

    ports: tuple[int, int]
    data: bytes
    fields: list[Field] = field(default_factory=list)
    reassembled: list[Field] = field(default_factory=list)
    others: set[str] = field(default_factory=set)


def dissect(path: Path, ports: Iterable[int]) -> list[Dissected]:
    """Every PDU of a capture, in the order in which they were complete."""
    command = [programs.find("tshark"), "-n", "-r", path, "-Y", "dicom", "-T", "json", "-x", "--no-duplicate-keys"]
    command += ["-o", "dicom.tag_tree:TRUE", "-o", "dicom.pdv_reassemble:TRUE", "-J", "tcp dicom"]
    command += [option for port in ports for option in ("-d", f"tcp.port=={port},dicom")]
    done = subprocess.run(command, capture_output=True, timeout=DEADLINE_S, check=True)
    found: list[Dissected] = []
    for packet in json.loads(done.stdout):
        layers = packet["_source"]["layers"]
        ends = (int(layers["tcp"]["tcp.srcport"]), int(layers["tcp"]["tcp.dstport"]))
        raws = _raws(layers["dicom_raw"])
        trees = layers["dicom"] if isinstance(layers["dicom"], list) else [layers["dicom"]]
        found += [_pdu(ends, raw, tree) for raw, tree in zip(raws, trees, strict=True)]
    return found


def _raws(value: Any) -> list[Any]:
    """The bytes, place and length of a field, or of all fields of a name."""
    return value if isinstance(value[0], list) else [value]


def _pdu(ends: tuple[int, int], raw: Any, tree: dict[str, Any]) -> Dissected:
    data, start = bytes.fromhex(raw[0]), int(raw[1])
    pdu = Dissected(ends, data[: 6 + int.from_bytes(data[2:6], "big")])
    for name, value, (digits, offset, length, *_), is_reassembled in _fields(tree, is_reassembled=False):
        if is_reassembled:
            pdu.reassembled.append(Field(name, value, offset, length))
            continue
        one = Field(name, value, offset - start, length)
        assert pdu.data[one.offset : one.offset + length] == bytes.fromhex(digits), one
        pdu.fields.append(one)
    pdu.others.update(_names(tree))
    return pdu


def _fields(tree: Any, *, is_reassembled: bool) -> Iterator[tuple[str, str, Any, bool]]:
    for name, value in tree.items():
        if name.endswith("_raw"):
            continue
        raw = tree.get(f"{name}_raw")
        if name == _FRAGMENTS:
            continue
        if raw is not None:
            values = value if isinstance(value, list) else [value]
            for one, place in zip(values, _raws(raw), strict=True):
                yield name, one if isinstance(one, str) else "", place, is_reassembled
        for inside in value if isinstance(value, list) else [value]:
            if isinstance(inside, dict):
                # Fragments are named before the elements that were found in what they make together.
                yield from _fields(inside, is_reassembled=is_reassembled or _FRAGMENTS in tree)


def _names(tree: Any) -> Iterator[str]:
    for name, value in tree.items():
        if name.startswith("_ws") or (
            not name.endswith("_raw") and f"{name}_raw" not in tree and isinstance(value, str)
        ):
            yield name
        for inside in value if isinstance(value, list) else [value]:
            if isinstance(inside, dict):
                yield from _names(inside)
