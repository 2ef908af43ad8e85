"""A data set that is being looked at, of a file or of bytes: read where one looks, and never loaded as a whole."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from dicomgui.network.dimse.dataset import encode_dataset
from dicomgui.network.file_structure import read_file_structure
from dicomgui.network.part10 import Part10Head, read_head
from dicomgui.network.service import InstanceProblem, broken_place
from dicomgui.network.structure import UNLIMITED
from dicomgui.network.uids import DEFLATED_TRANSFER_SYNTAXES, EXPLICIT_VR_LITTLE_ENDIAN, name_of
from dicomgui.trace.finding import plain
from dicomgui.trace.inspection.dataset_bytes import MAX_INFLATED
from dicomgui.trace.inspection.dataset_nodes import DataNode, ParsedDataset, parse_dataset
from dicomgui.trace.inspection.dataset_values import label_of
from dicomgui.trace.inspection.messages import Gap, Message

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["MAX_VALUE_BYTES", "FileBytes", "Viewed", "open_bytes", "open_file", "view_of", "viewed_of"]

MAX_VALUE_BYTES: Final = 65_536
"""Of one value no more is read to be shown or copied."""

_BLOCK: Final = 65_536
_BLOCKS_KEPT: Final = 64
_LIMITS: Final = UNLIMITED._replace(max_inflated=MAX_INFLATED)


class FileBytes:
    """Part of a file, to be sliced like ``bytes``; a few blocks of it are kept. May be used by several threads.

    :param start: offset in the file of the first byte.
    """

    def __init__(self, file: BinaryIO, start: int) -> None:
        self._file = file
        self._start = start
        self._length = max(0, file.seek(0, os.SEEK_END) - start)
        self._blocks: dict[int, bytes] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, place: int | slice) -> int | bytes:
        if isinstance(place, slice):
            start, stop, _ = place.indices(self._length)
            return self.read(start, stop - start)
        return self.read(place, 1)[0]

    def read(self, start: int, count: int) -> bytes:
        """``count`` bytes from ``start`` on; fewer where the file ends."""
        count = max(0, min(count, self._length - start))
        with self._lock:
            if count > _BLOCK:
                return self._read(start, count)
            pieces = [self._block(number) for number in range(start // _BLOCK, (start + count - 1) // _BLOCK + 1)]
        begin = start % _BLOCK
        return b"".join(pieces)[begin : begin + count]

    def _block(self, number: int) -> bytes:
        block = self._blocks.get(number)
        if block is None:
            block = self._read(number * _BLOCK, min(_BLOCK, self._length - number * _BLOCK))
            if len(self._blocks) >= _BLOCKS_KEPT:
                del self._blocks[next(iter(self._blocks))]
            self._blocks[number] = block
        return block

    def _read(self, start: int, count: int) -> bytes:
        try:
            self._file.seek(self._start + start)
            data = self._file.read(count)
        except (OSError, ValueError):  # it is closed, or not there any more
            data = b""
        return data + bytes(count - len(data))  # a file that became shorter is not to break what counts in it

    def close(self) -> None:
        """Close the file; what is asked for afterwards is zeros."""
        with self._lock:
            self._file.close()


class Viewed:
    """What is looked at.

    :ivar name: of the file, or what else it is called; plain text.
    :ivar path: of the file, ``None`` for what is not one.
    :ivar transfer_syntax_uid: how it is encoded.
    :ivar meta: the file meta information, ``None`` where there is none.
    :ivar parsed: the data set.
    :ivar problem: the place at which the data set of a file is broken; ``None`` where it is whole.
    :ivar usual_charset: in which character set texts of who sent it usually are; empty where nobody knows.
    """

    def __init__(
        self, data: bytes | FileBytes, transfer_syntax_uid: str, name: str, *, path: Path | None = None,
        meta: DataNode | None = None, gaps: tuple[Gap, ...] = (), length: int | None = None,
    ) -> None:  # fmt: skip
        self.name = name
        self.usual_charset = ""
        self.problem: InstanceProblem | None = None
        self.path = path
        self.meta = meta
        self.transfer_syntax_uid = transfer_syntax_uid
        self._file = data if isinstance(data, FileBytes) else None
        if isinstance(data, FileBytes) and transfer_syntax_uid in DEFLATED_TRANSFER_SYNTAXES:
            data = data.read(0, MAX_INFLATED)
        self._holders = 1
        self._data = cast("bytes", data)  # all that the parser does with bytes is to slice them
        self._gaps = gaps
        self._length = length
        self.parsed = self._parse(None)

    def _parse(self, charset: str | None) -> ParsedDataset:
        parsed = parse_dataset(
            self._data, self.transfer_syntax_uid, gaps=self._gaps, length=self._length, charset=charset
        )
        assert parsed.root.children is not None  # the outermost level is read here, in the caller's thread
        return parsed

    def read_as(self, charset: str | None) -> None:
        """Read the texts in another character set; ``None`` for the one that each says. May block."""
        self.parsed = self._parse(charset)

    @property
    def top(self) -> DataNode:
        """What is shown: the file meta information, if there is any, and the elements of the data set beside it."""
        above: tuple[DataNode, ...] = (self.meta,) if self.meta is not None else ()
        if self.problem is not None:
            above += (DataNode("Broken file", self.problem.offset, 0, error=self.problem.text),)
        return DataNode(
            self.name, 0, self.parsed.length, value=self.parsed.root.value,
            inside=(*above, *self.parsed.root.children),
        )  # fmt: skip

    def retain(self) -> Viewed:
        """Somebody else looks at it, too: it stays open until he has closed it as well."""
        self._holders += 1
        return self

    def close(self) -> None:
        """Close the file, unless somebody else still looks at it."""
        self._holders -= 1
        if self._file is not None and self._holders <= 0:
            self._file.close()

    @property
    def has_gaps(self) -> bool:
        """Whether some of its bytes are not there."""
        return bool(self._gaps) or (self._length is not None and self._length > len(self._data))

    def value_of(self, node: DataNode, limit: int = MAX_VALUE_BYTES) -> bytes:
        """The bytes of an element's value, at most ``limit``; nothing for a sequence."""
        if node.begin < 0:
            return b""
        stop = min(node.offset + node.length, node.begin + limit)
        return bytes(self.parsed.data[node.begin : stop])

    def element(self, tag: int, inside: DataNode | None = None) -> DataNode | None:
        """An element of the outermost level, or of an item."""
        return next((node for node in elements_of(inside or self.parsed.root) if node.tag == tag), None)

    def text_of(self, tag: int, inside: DataNode | None = None) -> str:
        """Its value as it is shown, an empty string where it is not there."""
        node = self.element(tag, inside)
        return node.value if node is not None else ""

    def items_of(self, tag: int, inside: DataNode | None = None) -> Iterator[DataNode]:
        """The items of a sequence; none where it is not there."""
        sequence = self.element(tag, inside)
        if sequence is not None and sequence.vr == "SQ":
            yield from (node for node in elements_of(sequence) if node.label.startswith("Item "))

    def read(self, offset: int, count: int) -> bytes:
        """Bytes of the data set, which is the inflated one where it was deflated."""
        return bytes(self.parsed.data[offset : offset + count])


def elements_of(node: DataNode) -> Iterator[DataNode]:
    """What is directly inside, also what stands behind a node for the further ones."""
    for child in node.children:
        if child.label in ("Further elements", "Further items"):
            yield from elements_of(child)
        else:
            yield child


def open_file(path: Path, name: str = "") -> Viewed:
    """Open a file; it stays open until :meth:`Viewed.close`. Blocks: run it in a thread.

    :raises Part10Error: it is no DICOM file, or its head is damaged.
    :raises OSError: it cannot be read.
    """
    head = read_head(path)
    file = path.open("rb")
    try:
        data = FileBytes(file, head.dataset_offset)
        viewed = Viewed(data, head.transfer_syntax_uid, plain(name or path.name, 200), path=path, meta=_meta(head))
        viewed.problem = broken_place(read_file_structure(path, head, _LIMITS))
        return viewed
    except BaseException:
        file.close()
        raise


def open_bytes(
    data: bytes, transfer_syntax_uid: str, name: str, *, gaps: tuple[Gap, ...] = (), length: int | None = None,
    usual_charset: str = "",
) -> Viewed:  # fmt: skip
    """Look at a data set that is in memory.

    :param gaps: what of it is not what was sent.
    :param length: of the whole, where ``data`` is its beginning.
    """
    viewed = Viewed(data, transfer_syntax_uid, plain(name, 200), gaps=gaps, length=length)
    viewed.usual_charset = usual_charset
    return viewed


def viewed_of(message: Message, name: str = "") -> Viewed:
    """The data set of a message in a trace, as far as it was kept."""
    command = message.decode()
    usual = f"{command.name} in the trace" if command is not None else "Data set in the trace"
    return open_bytes(
        message.dataset, message.context.transfer_syntax, name or usual, gaps=message.gaps,
        length=message.dataset_length,
    )  # fmt: skip


def view_of(dataset: Dataset, name: str) -> Viewed:
    """A data set in memory that came without a file. Blocks: run it in a thread."""
    return open_bytes(encode_dataset(dataset, EXPLICIT_VR_LITTLE_ENDIAN), EXPLICIT_VR_LITTLE_ENDIAN, name)


def _meta(head: Part10Head) -> DataNode | None:
    if not head.meta:
        return None
    nodes = []
    for element in head.meta:
        tag, vr = 0x0002_0000 | element.element, _META_VRS.get(element.element, "")
        is_text = element.element not in (0x0000, 0x0001, 0x0102)
        text = element.value.decode("latin-1").strip(" \0") if is_text else element.value[:24].hex(" ")
        named = name_of(text) if is_text else text
        shown = text if named == text else f"{text} ({named})"
        nodes.append(DataNode(label_of(tag, vr), 0, 0, value=plain(shown, 300), tag=tag, vr=vr))
    return DataNode("File meta information", 0, 0, value=f"{len(nodes):,} elements", inside=tuple(nodes))


_META_VRS: Final = {
    0x0000: "UL", 0x0001: "OB", 0x0002: "UI", 0x0003: "UI", 0x0010: "UI", 0x0012: "UI", 0x0013: "SH", 0x0016: "AE",
    0x0017: "AE", 0x0018: "AE", 0x0100: "UI", 0x0102: "OB",
}  # fmt: skip
