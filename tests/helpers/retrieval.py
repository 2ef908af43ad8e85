"""Real files behind our own provider, and our own receiver, for the tests of C-FIND, C-MOVE and C-GET with others."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from types import MappingProxyType

import pydicom
from helpers.instances import EXPLICIT, UNIQUE_KEYS, data_set, elements, instance_of, shipped_folder
from pydicom.dataset import Dataset

from dicomgui.network import (
    FindRequest,
    GetRequest,
    Handlers,
    Match,
    MoveRequest,
    Reply,
    Retrieval,
    Status,
    StoreRequest,
)
from dicomgui.network.dimse.dataset import decode_dataset

ENDLESS = "ENDLESS"
"""A query or retrieve for this Patient ID has no end of its own."""

UNSUPPORTED = "UNSUPPORTED"
"""A query for this Patient ID is answered with FF01."""

DOE = "77654033"
"""Patient ID of Archibald Doe, who has a study of CR and one of CT, three series and one, three instances and four."""
CR_STUDY = "1.3.6.1.4.1.5962.1.1.0.0.0.1196527414.5534.0.1"
CT_STUDY = "1.3.6.1.4.1.5962.1.1.0.0.0.1196530851.28319.0.1"


def real_files(study: str = "") -> tuple[Path, ...]:
    """Real images that pydicom ships: all of Archibald Doe's, a CT and an MR with their pixels, and a plan.

    :param study: only those of one of Archibald Doe's studies.
    """
    folder = shipped_folder() / "test_files"
    doe = sorted(path for path in (folder / "dicomdirtests" / DOE).rglob("*") if path.is_file())
    if study:
        return tuple(path for path in doe if path.parent.name.startswith("CT2" if study == CT_STUDY else "CR"))
    return (*doe, folder / "CT_small.dcm", folder / "MR_small.dcm", folder / "rtplan.dcm")


def identifier(level: str, **keys: object) -> Dataset:
    """A data set with a Query/Retrieve Level and these elements by keyword."""
    return elements(QueryRetrieveLevel=level, **keys)


def data_sets(files: Iterable[Path]) -> dict[str, bytes]:
    """The data sets of files, by SOP Instance UID."""
    return {instance_of(file): data_set(file) for file in files}


def kept_in(folder: Path) -> dict[str, bytes]:
    """The data sets of all files in a folder, by SOP Instance UID."""
    return data_sets(path for path in folder.rglob("*") if path.is_file())


def pixels_of(data_sets_by_uid: Mapping[str, bytes]) -> dict[str, bytes]:
    """The pixels of data sets in explicit little endian, for peers that write the rest anew."""
    return {uid: decode_dataset(data, EXPLICIT).PixelData for uid, data in data_sets_by_uid.items()}


class Archive:
    """Files that can be queried and retrieved; keys match by equal values, lists and wild cards.

    :ivar finds: the queries so far.
    :ivar retrieves: the retrieves so far.
    """

    def __init__(self, files: Iterable[Path]) -> None:
        self._entries = [(pydicom.dcmread(path, stop_before_pixels=True), path) for path in files]
        self.finds: list[FindRequest] = []
        self.retrieves: list[GetRequest | MoveRequest] = []

    def handlers(self) -> Handlers:
        """What answers from this archive."""
        return Handlers(on_find=self.find, on_move=self.retrieve, on_get=self.retrieve)

    def find(self, request: FindRequest) -> Iterator[Dataset | Match]:
        """Answers a query."""
        self.finds.append(request)
        keys = request.dataset
        if keys.get("PatientID") == ENDLESS:
            yield from map(_numbered, itertools.count(1))
        elif keys.get("PatientID") == UNSUPPORTED:
            yield Match(elements(PatientID=UNSUPPORTED), Status(0xFF01))
        else:
            yield from self._matches(keys)

    def retrieve(self, request: GetRequest | MoveRequest) -> Retrieval | Reply:
        """Answers a retrieve."""
        self.retrieves.append(request)
        keys = request.dataset
        if keys.get("PatientID") == ENDLESS:
            kinds = {(str(entry.SOPClassUID), str(entry.file_meta.TransferSyntaxUID)) for entry, _ in self._entries}
            return Retrieval((path for _, path in itertools.cycle(self._entries)), kinds=kinds)
        if not any(keyword in keys for keyword in UNIQUE_KEYS.values()):
            return Reply(Status(0xA900), "no unique key")
        return Retrieval([path for entry, path in self._entries if _matches(entry, keys)])

    def _matches(self, keys: Dataset) -> Iterator[Dataset]:
        unique = UNIQUE_KEYS[keys.QueryRetrieveLevel]
        found = {str(entry.get(unique)): entry for entry, _ in reversed(self._entries) if _matches(entry, keys)}
        for entry in found.values():
            match = Dataset()
            for key in keys:
                match.add_new(key.tag, key.VR, entry[key.tag].value if key.tag in entry else None)
            match.QueryRetrieveLevel = keys.QueryRetrieveLevel
            if "SOPClassesInStudy" in keys:
                match.SOPClassesInStudy = self._classes_of(entry.StudyInstanceUID)
            yield match

    def _classes_of(self, study: str) -> list[str]:
        return sorted({str(entry.SOPClassUID) for entry, _ in self._entries if entry.StudyInstanceUID == study})


def _numbered(number: int) -> Dataset:
    return elements(PatientID=str(number), QueryRetrieveLevel="STUDY")


def _matches(entry: Dataset, keys: Dataset) -> bool:
    return all(_has(entry, key) for key in keys if key.keyword not in ("QueryRetrieveLevel", "SpecificCharacterSet"))


def _has(entry: Dataset, key: pydicom.DataElement) -> bool:
    if not key.value or key.VR == "SQ":
        return True
    value = str(entry.get(key.keyword, ""))
    wanted = [str(one) for one in key.value] if key.VM > 1 else [str(key.value)]
    return any(fnmatchcase(value, pattern) for pattern in wanted)


class Receiver:
    """Handlers that keep what comes by C-STORE, and can be made to wait.

    :ivar requests: the requests, in their order.
    :ivar data: the data sets as they came, by SOP Instance UID.
    :ivar statuses: what is answered, by SOP Instance UID; Success for those that are not in it.
    :ivar gate: as long as it is not set, no second instance is answered; it is set unless a test clears it.
    """

    def __init__(self, statuses: Mapping[str, int] = MappingProxyType({})) -> None:
        self.requests: list[StoreRequest] = []
        self.data: dict[str, bytes] = {}
        self.statuses = statuses
        self.gate = asyncio.Event()
        self.gate.set()

    def handlers(self) -> Handlers:
        """What receives."""
        return Handlers(on_store=self.store)

    async def store(self, request: StoreRequest, data: object) -> Status:
        """Answers a C-STORE."""
        uid = request.command.affected_sop_instance_uid
        if self.requests:
            await self.gate.wait()
        self.requests.append(request)
        assert isinstance(data, bytes)
        self.data[uid] = data
        return Status(self.statuses.get(uid, 0))
