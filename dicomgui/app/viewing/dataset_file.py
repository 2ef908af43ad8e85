"""A DICOM file as a tree of plain text; long values, such as pixel data, are measured and not read."""

from __future__ import annotations

import struct
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dicomgui.app.files.file_limits import check_file
from dicomgui.app.viewing.dataset_tree import dataset_node
from dicomgui.trace.describe import Node
from dicomgui.trace.finding import plain

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["file_node"]

MAX_READ: Final = 65_536
"""Values of the data set that are longer stay on the disk."""

_UNDEFINED: Final = 0xFFFF_FFFF


def file_node(path: Path, label: str) -> Node:
    """The file meta information and the data set of a file. Blocks: run it in a thread.

    What cannot be read is a node that says why; nothing is raised for it.

    :param label: of the node at the top.
    """
    from pydicom import dcmread, errors

    try:
        with warnings.catch_warnings(action="ignore"):
            check_file(path)
            dataset = dcmread(path, defer_size=MAX_READ, force=True)
            meta = dataset_node(dataset.file_meta, "File meta information")
            body = _body(dataset, "Data set")
    except (
        OSError, errors.InvalidDicomError, ValueError, KeyError, EOFError, struct.error, NotImplementedError
    ) as error:  # fmt: skip
        return Node(label, error=plain(f"it cannot be read: {error}", 400))
    parts = (meta, body) if meta.children else (body,)
    return Node(label, plain(path.name), children=parts)


def _body(dataset: Dataset, label: str) -> Node:
    lengths = _taken_out(dataset)
    node = dataset_node(dataset, label)
    tags = sorted(dataset.keys())
    children = (
        replace(child, value=lengths[tag]) if tag in lengths else child
        for tag, child in zip(tags, node.children, strict=True)
    )
    return replace(node, children=tuple(children))


def _taken_out(dataset: Dataset) -> dict[int, str]:
    """Empty the elements whose values stayed on the disk; how long each is, by its tag."""
    from pydicom import DataElement, dataelem

    lengths: dict[int, str] = {}
    for tag in list(dataset.keys()):
        raw: object = dataset.get_item(tag, keep_deferred=True)
        if isinstance(raw, dataelem.RawDataElement) and raw.value is None and raw.length:
            lengths[tag] = "encapsulated, not read" if raw.length == _UNDEFINED else f"{raw.length:,} bytes, not read"
            dataset[tag] = DataElement(tag, raw.VR or "UN", None)
    return lengths
