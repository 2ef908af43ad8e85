"""From received bytes to a file that is whole: partial file, sync, final name, sync, and only then success.

:meth:`Archive.receive` gives an :class:`InstanceSink` that takes the data set exactly as it comes off the wire; behind
the Part 10 head it goes, in large pieces, to a partial file in ``DIR/incoming``. What is smaller than 64 KiB stays in
memory until it is complete and costs five system calls. :meth:`Archive.commit` makes the file durable and gives it its
final name without overwriting; it blocks, so with ``fsync`` it belongs in a thread. Whoever gets a :class:`Stored` from
it may answer Success; whoever gets a :class:`StorageError` answers with its status: nothing of the instance is left.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from contextlib import suppress
from enum import Enum, StrEnum
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from dicomgui.network.part10 import Part10Error, read_head, write_head
from dicomgui.network.uids import is_valid_uid
from dicomgui.storage import disk
from dicomgui.storage.ceiling import NO_CEILING, Ceiling, Room
from dicomgui.storage.errors import (
    CeilingReached,
    DiskFull,
    DuplicateRefused,
    FolderMissing,
    InstanceRefused,
    StorageError,
    from_os_error,
)
from dicomgui.storage.incoming import Incoming, Leftovers
from dicomgui.storage.layout import FOLDERS, folder_name, relative_name
from dicomgui.storage.marks import Marks
from dicomgui.storage.write_out import WriteOut

__all__ = ["MAX_VARIANTS", "Archive", "DuplicatePolicy", "InstanceSink", "Outcome", "Pending", "Stored"]

MAX_VARIANTS = 100
"""How many different data sets of one SOP Instance UID are kept."""

_IN_MEMORY = 65_536  # bytes that wait in memory before a file is opened or written
_DIRECT = 16_384  # a piece from this size on is written as it is, without a copy


class DuplicatePolicy(StrEnum):
    """What becomes of a data set whose UID is there already with another data set; an equal one is kept once."""

    KEEP_BOTH = "keep both"  # as <UID>~2.dcm and so on
    REFUSE = "refuse"  # with status 0111
    REPLACE = "replace"  # the new one takes the place of the old one, in one step


class Outcome(Enum):
    """What a commit has done."""

    STORED = "stored"
    DUPLICATE = "duplicate"  # the same data set was there; it is kept once
    KEPT_SECOND = "kept second"  # another data set of this UID was there; both are kept
    REPLACED = "replaced"


class Stored(NamedTuple):
    """An instance that is on disk, whole.

    :ivar file: the path of the file; for a duplicate of the one that was there. Text, see :meth:`Incoming.open_part`.
    :ivar name: the same inside of the archive, with ``/``.
    :ivar outcome: how it came there.
    :ivar size_bytes: size of the file that was received, head included.
    """

    file: str
    name: str
    outcome: Outcome
    size_bytes: int
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str

    @property
    def path(self) -> Path:
        """The file."""
        return Path(self.file)


class _Facts(NamedTuple):
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str


class Pending:
    """A complete instance that waits for :meth:`Archive.commit`, or for :meth:`abandon`; before, its sink.

    :ivar error: why it cannot be committed, if the disk failed already.
    :ivar size_bytes: size of the file so far, head included.
    """

    __slots__ = ("_archive", "_begun", "buffer", "error", "facts", "handle", "head_bytes", "part", "size_bytes")

    def __init__(self, archive: Archive, facts: _Facts, head: bytes) -> None:
        self._archive = archive
        self.facts = facts
        self.head_bytes = len(head)
        self.buffer = bytearray(head)
        self.size_bytes = len(head)
        self.handle = -1
        self._begun = 0  # how much of it the disk was told of
        self.part: str | None = None
        self.error: StorageError | None = None

    def abandon(self) -> None:
        """Drop the instance: close and remove the partial file. Harmless when called again or after a commit."""
        self.buffer = bytearray()
        handle, self.handle = self.handle, -1
        if handle >= 0:
            with suppress(OSError):
                os.close(handle)
        part, self.part = self.part, None
        if part is not None:
            with suppress(OSError):
                os.unlink(part)

    def fail(self, error: OSError | StorageError) -> None:
        """Drop the instance and remember why."""
        if isinstance(error, OSError):
            error = from_os_error(error, self.part or self._archive.incoming_path, "write")
        self.error = error
        self.abandon()

    def flush(self, piece: disk.Buffer = b"") -> str:
        """Write what waits in memory and then ``piece``, and return the partial file.

        Raises ``OSError``, and :class:`CeilingReached` where there is no room for what has come.
        """
        room = self._archive.room
        if room.is_limited:
            room.check(self.size_bytes)
        if self.part is None:
            self.handle, self.part = self._archive.open_part()
        disk.write_all(self.handle, self.buffer, piece)
        self.buffer.clear()
        if self._archive.fsync:
            self._begun = self._archive.write_out.begin(self.handle, self._begun, self.size_bytes)
        return self.part

    def close_file(self, *, fsync: bool) -> str:
        """Bring everything to the partial file, and to the medium, and return its path; raises ``OSError``."""
        part = self.part if self.part is not None and not self.buffer else self.flush()
        if fsync:
            disk.sync_file(self.handle)
        handle, self.handle = self.handle, -1
        os.close(handle)  # a network share reports a full disk only here
        return part


class InstanceSink(Pending):
    """Takes one data set in pieces; never raises for the disk's sake.

    A write that fails is remembered, the partial file is removed at once, the rest of the data set is swallowed, and
    the commit raises what happened: the association goes on and the sender gets a status.
    """

    __slots__ = ()

    def write(self, data: memoryview) -> None:
        """Take the next piece; ``data`` is not kept beyond the call."""
        if self.error is not None:
            return
        size = len(data)
        self.size_bytes += size
        try:
            if size >= _DIRECT and self.size_bytes > _IN_MEMORY:
                self.flush(data)
                return
            self.buffer += data
            if len(self.buffer) > _IN_MEMORY:
                self.flush()
        except (OSError, CeilingReached) as error:
            self.fail(error)

    def finish(self) -> Pending:
        """The data set is complete; hand the result to :meth:`Archive.commit`."""
        return self


class Archive:
    """A folder of received instances (see :mod:`dicomgui.storage.layout`).

    :param folder: created by :meth:`prepare` if it is not there.
    :param fsync: whether a commit waits for the medium, so that what was answered Success survives a power failure.
    :param on_duplicate: what becomes of another data set with a UID that is there already.
    :param ceiling: what it may not grow beyond; by default it has none.

    :ivar room: what is left below the ceiling.
    :ivar full: why nothing can be stored at the moment though the folder is there: its disk was full when it was
        prepared; ``None`` once something could be written.
    :ivar marks: of what is not in the index yet.
    :ivar write_out: writes files out while they come, where a commit waits for the medium.

    Any number of threads may commit at once, and any number of processes may use one folder. The methods are called
    from one thread otherwise.
    """

    def __init__(
        self,
        folder: Path,
        *,
        fsync: bool = True,
        on_duplicate: DuplicatePolicy = DuplicatePolicy.KEEP_BOTH,
        ceiling: Ceiling = NO_CEILING,
    ) -> None:
        self.folder = folder
        self.fsync = fsync
        self.on_duplicate = on_duplicate
        self.room = Room(folder, ceiling)
        self.full: StorageError | None = None
        self.write_out = WriteOut()
        self._incoming = Incoming(folder)
        self.marks = Marks(self._incoming)
        self._restoring = threading.Lock()
        self._has_links = True
        self._synced: set[str] = set()
        self._knowing = threading.Lock()  # of what is synced
        self._made = 0
        self._spare_names: deque[str] = deque()  # of files that have their own by now
        self._prefix = f"{folder}{os.sep}"

    @property
    def incoming_path(self) -> Path:
        """The folder of partial files."""
        return self._incoming.path

    def prepare(self) -> Leftovers:
        """Create the folders, remove what a crash left behind, and try to write; call it before anything else.

        A full disk is no error: what is there can be found and retrieved, and :attr:`full` says why no more comes in.

        :raises StorageError: the folder cannot be used; says why.
        """
        try:
            self.folder.mkdir(0o700, parents=True, exist_ok=True)  # whoever shares it opens it by hand
            if not self._incoming.is_open:
                self._incoming.open()
            leftovers = self._incoming.clean()
            self.room.measure()
            self._probe()
            if self.fsync:
                disk.sync_folder(self.folder.absolute().parent)
        except OSError as error:
            self._incoming.close()
            raise from_os_error(error, self.folder, "use the folder") from error
        return leftovers

    def _probe(self) -> None:
        """Try to write; raises ``OSError`` but for a full disk."""
        self.full = None
        handle, part = self.open_part()
        try:
            disk.write_all(handle, b"probe")
        except OSError as error:
            fault = from_os_error(error, self.folder, "store in")
            if not isinstance(fault, DiskFull):
                raise
            self.full = fault
        finally:
            os.close(handle)
            Path(part).unlink()

    def close(self) -> None:
        """Give the folder back. Every sink must be committed or abandoned before."""
        self._drop_spare_names()
        self._incoming.close()

    def make_folders(self) -> None:
        """Make all 256 ahead, so that no instance waits for that. Blocks; may run in any thread, beside commits.

        It never raises: whoever needs a folder that cannot be made is told why.
        """
        self._make_all()
        if self.fsync:
            with suppress(OSError):
                self._sync_folders()

    def receive(
        self,
        *,
        sop_class_uid: str,
        sop_instance_uid: str,
        transfer_syntax_uid: str,
        sending_ae_title: str = "",
        receiving_ae_title: str = "",
    ) -> InstanceSink:
        """A sink for the data set of a C-STORE request; touches the disk only when enough has come.

        :raises PathUnsafe: the SOP Instance UID is none.
        :raises InstanceRefused: one of the other UIDs is none.
        :raises FolderMissing: :meth:`prepare` has not succeeded.
        :raises CeilingReached: there is no room for anything.
        """
        folder_name(sop_instance_uid)
        _check_uids(sop_class_uid, transfer_syntax_uid)
        if not self._incoming.is_open:
            raise FolderMissing(f"the archive {self.folder} is not open", path=str(self.folder))
        if self.room.is_limited:
            self.room.check()
        head = write_head(
            sop_class_uid=sop_class_uid,
            sop_instance_uid=sop_instance_uid,
            transfer_syntax_uid=transfer_syntax_uid,
            sending_ae_title=sending_ae_title,
            receiving_ae_title=receiving_ae_title,
        )
        return InstanceSink(self, _Facts(sop_class_uid, sop_instance_uid, transfer_syntax_uid), head)

    def open_part(self) -> tuple[int, str]:
        """A new partial file, opened, and its path; raises ``OSError``.

        If the incoming folder was removed under us, it is made again, but never the archive's own folder: that one
        being gone means an unplugged disk, and a folder of the same name would fill the wrong one.
        """
        try:
            return self._incoming.open_part()
        except FileNotFoundError:
            with self._restoring:
                if not self._incoming.path.is_dir():
                    self._incoming.open()
        return self._incoming.open_part()

    def tidy(self) -> None:
        """What a commit without it has left to do: drop spare names, and open the next partial file ahead.

        In the thread that receives, once the answer has gone: the peer is at work meanwhile. It never raises.
        """
        self._drop_spare_names()
        self._incoming.open_ahead()

    def rest(self) -> None:
        """The same where no further instance is expected: no file is left open."""
        self._drop_spare_names()
        self._incoming.drop_ahead()

    def _drop_spare_names(self) -> None:
        """Those of other threads, too, which do the same."""
        with suppress(IndexError):
            while True:
                disk.drop(self._spare_names.popleft())

    def commit(self, pending: Pending, *, tidy: bool = True) -> Stored:
        """Make the instance durable under its final name. Blocks; may run in any thread.

        :param tidy: whether nothing is left to be done afterwards; otherwise :meth:`tidy` is to be called soon.
        :raises StorageError: it is not stored, and the partial file is gone.
        """
        if pending.error is not None:
            raise pending.error
        where, taken = self._incoming.path, 0
        try:
            part = pending.close_file(fsync=self.fsync)
            self.room.take(pending.size_bytes)
            where, taken = self.folder, pending.size_bytes
            stored = self._place(pending, part)
            if stored.outcome is not Outcome.DUPLICATE:
                taken = 0
            self.full = None
            return stored
        except OSError as error:
            raise from_os_error(error, pending.part or where, "store") from error
        finally:
            if taken:
                self.room.give_back(taken)
            pending.abandon()
            if tidy:
                self._drop_spare_names()

    def _place(self, pending: Pending, part: str) -> Stored:
        """Find the name: free, or held by an equal data set, or the next one."""
        uid = pending.facts.sop_instance_uid
        for n in range(1, MAX_VARIANTS + 1):
            name = relative_name(uid, n)
            target = self._prefix + name
            if self._take_name(pending, part, target):
                return self._stored(pending, name, Outcome.STORED if n == 1 else Outcome.KEPT_SECOND)
            if _same_data_set(pending, part, target):
                self._sync_existing(target)
                return self._stored(pending, name, Outcome.DUPLICATE)
            if self.on_duplicate is DuplicatePolicy.REFUSE:
                raise DuplicateRefused(f"another data set with the UID {uid} is there already", path=target)
            if self.on_duplicate is DuplicatePolicy.REPLACE:
                self.room.give_back(Path(target).stat().st_size)
                Path(part).replace(target)
                pending.part = None
                return self._stored(pending, name, Outcome.REPLACED)
        raise DuplicateRefused(
            f"{MAX_VARIANTS} different data sets with the UID {uid} are there already",
            path=str(self.folder),
            hint="Find out why the sender gives one UID to so many instances.",
        )

    def _take_name(self, pending: Pending, part: str, target: str) -> bool:
        """Whether the name was free and is the instance's now."""
        try:
            try:
                self._move(part, target)
            except FileNotFoundError:
                self._make_folder(os.path.dirname(target))
                self._move(part, target)
        except FileExistsError:
            return False
        pending.part = None
        self._spare_names.append(part)
        return True

    def _make_folder(self, folder: str) -> None:
        """One of the 256; like the incoming folder, never the archive's own (see :meth:`open_part`).

        Where names are synced all 256 are made: then the archive's own folder is synced once and not 256 times.
        """
        if self.fsync:
            self._make_all()
        else:
            self._forget_synced()
        Path(folder).mkdir(exist_ok=True)

    def _make_all(self) -> None:
        self._forget_synced()
        for name in FOLDERS:
            with suppress(OSError):  # there already, or whoever needs it will be told why not
                Path(self._prefix + name).mkdir()

    def _forget_synced(self) -> None:
        """A folder that had gone is about to come again."""
        with self._knowing:
            self._made += 1
            self._synced.clear()

    def _move(self, part: str, target: str) -> None:
        if self._has_links:
            try:
                disk.place(part, target, keep=True)
                return
            except disk.HardLinksMissing:
                self._has_links = False
        with self._incoming.alone():
            if os.path.lexists(target):
                raise FileExistsError(target)
            Path(part).rename(target)

    def _stored(self, pending: Pending, name: str, outcome: Outcome) -> Stored:
        target = self._prefix + name
        if self.fsync:
            folder = os.path.dirname(target)
            disk.sync_folder(folder)
            if folder not in self._synced:
                self._sync_folders()
        return Stored(target, name, outcome, pending.size_bytes, *pending.facts)

    def _sync_folders(self) -> None:
        """Have the names of all folders on the medium that are there by now."""
        made = self._made
        there = [folder for name in FOLDERS if Path(folder := self._prefix + name).is_dir()]
        disk.sync_folder(self.folder)
        with self._knowing:
            if made == self._made:  # else one of them may have gone and come again meanwhile
                self._synced.update(there)

    def _sync_existing(self, target: str) -> None:
        """What is there may have been stored without fsync; who gets Success for it now relies on it."""
        if self.fsync:
            disk.sync_path(target)


@lru_cache(maxsize=64)
def _check_uids(sop_class_uid: str, transfer_syntax_uid: str) -> None:
    for name, uid in (("SOP Class UID", sop_class_uid), ("transfer syntax UID", transfer_syntax_uid)):
        if not is_valid_uid(uid):
            raise InstanceRefused(f"the {name} {uid[:80]!r} is no UID: the instance is refused")


def _same_data_set(pending: Pending, part: str, target: str) -> bool:
    """Whether the file that is there holds the same data set; its head may differ. Needs little memory."""
    try:
        head = read_head(target)
    except Part10Error:
        return False
    facts = pending.facts
    if (head.sop_class_uid, head.transfer_syntax_uid) != (facts.sop_class_uid, facts.transfer_syntax_uid):
        return False
    with Path(part).open("rb", buffering=0) as ours, Path(target).open("rb", buffering=0) as theirs:
        expected = pending.size_bytes - pending.head_bytes
        if os.fstat(theirs.fileno()).st_size - head.dataset_offset != expected:
            return False
        ours.seek(pending.head_bytes)
        theirs.seek(head.dataset_offset)
        return disk.same_bytes(ours, theirs, expected)
