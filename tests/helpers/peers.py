"""Foreign DICOM programs for the interoperability tests: started on a free port of the loopback, watched, and stopped.

A server is ready when its port listens, which is read from the kernel's table: a probing connection would be an
association attempt for a program that serves one at a time. Every wait has a deadline and ends early when the program
does.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from helpers import programs

from dicomgui.network.part10 import parse_head

if TYPE_CHECKING:
    from pydicom import Dataset

SOURCE = programs.ROOT
LOOPBACK = "127.0.0.1"
DEADLINE_S = 60.0
"""How long a program may take for what it usually does in milliseconds: the machine may be busy."""

STOP_S = 10.0
_LISTEN = "0A"  # TCP_LISTEN in /proc/net/tcp
_PAUSE_S = 0.01
_STARTS = 3


def environment(**more: str) -> dict[str, str]:
    """What a peer runs with: DCMTK sends small packets at once, texts are in English, data dictionaries are found."""
    return {**os.environ, "TCP_NODELAY": "1", "LC_ALL": "C.UTF-8", "NODE_PATH": str(programs.node_modules()), **more}


def free_port() -> int:
    """A port of the loopback that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def is_listening(port: int) -> bool:
    """Whether some process listens on the TCP port, on any address."""
    end = f":{port:04X}"
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(FileNotFoundError):
            for line in Path(table).read_text(encoding="ascii").splitlines()[1:]:
                _, local, _, state, *_ = line.split()
                if state == _LISTEN and local.endswith(end):
                    return True
    return False


def wait_until(condition: Callable[[], bool], what: str, *, deadline_s: float = DEADLINE_S) -> None:
    """Look again and again until ``condition`` holds.

    :raises TimeoutError: it did not in time.
    """
    end = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {deadline_s} s: {what}")
        time.sleep(_PAUSE_S)


# -- programs that end by themselves ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Finished:
    """A program that has ended.

    :ivar output: standard output and error, in the order in which they were written.
    """

    command: tuple[str, ...]
    code: int
    output: str

    def __str__(self) -> str:
        return f"{' '.join(self.command)}\nended with {self.code}:\n{self.output}"


def _command(name: str, arguments: Sequence[object]) -> tuple[str, ...]:
    program = {"python": sys.executable, "odil-python": programs.ODIL_PYTHON}.get(name) or str(programs.find(name))
    return (program, *(str(argument) for argument in arguments))


def run_here(name: str, *arguments: object, cwd: Path | None = None, **env: str) -> Finished:
    """Run a program to its end; ``python`` is this interpreter."""
    command = _command(name, arguments)
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment(**env),
        cwd=cwd,
        timeout=DEADLINE_S,
        check=False,
    )
    return Finished(command, done.returncode, done.stdout.decode("utf-8", "replace"))


async def run(name: str, *arguments: object, cwd: Path | None = None, **env: str) -> Finished:
    """The same beside a loop that serves the program."""
    return await asyncio.to_thread(run_here, name, *arguments, cwd=cwd, **env)


async def run_all(commands: Sequence[Sequence[object]], folder: Path) -> list[Finished]:
    """Start all of them at the same time, each a program's name and its arguments, and wait for the last one."""

    def work() -> list[Finished]:
        with contextlib.ExitStack() as stack:
            started = []
            for number, (name, *arguments) in enumerate(commands):
                process = stack.enter_context(Process(str(name), arguments, folder / f"{number}.log"))
                started.append(process)
            return [process.finish() for process in started]

    return await asyncio.to_thread(work)


# -- programs that run until they are stopped ------------------------------------------------------------------------


class Process:
    """A program that runs, with everything that it says in a file. Leave the ``with`` block to stop it."""

    def __init__(self, name: str, arguments: Sequence[object], log: Path, *, cwd: Path | None = None) -> None:
        self.name = name
        self.command = _command(name, arguments)
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment(),
                cwd=cwd,
            )

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    @property
    def log(self) -> str:
        """What it has said so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def wait_for(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until ``condition`` holds.

        :raises RuntimeError: the program ended before.
        """
        try:
            wait_until(lambda: condition() or not self.is_running, what)
        except TimeoutError as error:
            raise TimeoutError(f"{self.name}: {error}\n{self.log}") from None
        if not condition():
            raise RuntimeError(f"{self.name} ended with {self._process.poll()} before: {what}\n{self.log}")

    def wait_for_line(self, text: str) -> None:
        """Wait until the program has said ``text``."""
        self.wait_for(lambda: text in self.log, f"it says {text!r}")

    def finish(self) -> Finished:
        """Wait until it ends by itself."""
        code = self._process.wait(DEADLINE_S)
        return Finished(self.command, code, self.log)

    def interrupt(self, signal: int) -> None:
        self._process.send_signal(signal)

    def stop(self) -> None:
        """End it, if need be by force, and collect it."""
        if self.is_running:
            self._process.terminate()
            try:
                self._process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._process.wait()

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


@dataclass(frozen=True)
class Peer:
    """A foreign server that listens.

    :ivar folder: where it keeps what it receives.
    """

    ae_title: str
    port: int
    folder: Path
    process: Process

    @property
    def address(self) -> str:
        return f"{self.ae_title}@{LOOPBACK}:{self.port}"

    @property
    def log(self) -> str:
        return self.process.log


@contextlib.contextmanager
def serving(
    name: str, ae_title: str, folder: Path, arguments: Callable[[int], Sequence[object]], *, cwd: Path | None = None
) -> Iterator[Peer]:
    """Start a server on a free port; on another one if somebody else took it in between."""
    folder.mkdir(parents=True, exist_ok=True)
    for attempt in range(1, _STARTS + 1):
        port = free_port()
        log = folder.parent / f"{folder.name}-{attempt}.log"
        with Process(name, arguments(port), log, cwd=cwd) as process:
            try:
                process.wait_for(lambda port=port: is_listening(port), f"port {port} listens")
            except RuntimeError:
                if attempt == _STARTS:
                    raise
                continue
            yield Peer(ae_title, port, folder, process)
            return


@contextlib.contextmanager
def storescp(folder: Path, *options: object, ae_title: str = "STORESCP") -> Iterator[Peer]:
    """DCMTK's storage server, one association at a time; it keeps data sets byte by byte."""

    def arguments(port: int) -> Sequence[object]:
        common = ("-v", "-dhl", "-aet", ae_title, "+B", "-od", folder, "-fe", ".dcm")
        return (*common, *options, port)

    with serving("storescp", ae_title, folder, arguments) as peer:
        yield peer


@contextlib.contextmanager
def dcmqrscp(
    folder: Path,
    *options: object,
    ae_title: str = "QRSCP",
    max_bytes: str = "1024mb",
    destinations: Mapping[str, int] = MappingProxyType({}),
) -> Iterator[Peer]:
    """DCMTK's small archive, one process an association; it turns away other called AE titles.

    :param destinations: ports of the loopback by AE title that it moves to.
    """
    storage = folder / "db"
    storage.mkdir(parents=True)
    config = folder / "dcmqrscp.cfg"
    lines = ["MaxPDUSize = 131072", "MaxAssociations = 16"]
    hosts = [f"host{number} = ({name}, {LOOPBACK}, {port})" for number, (name, port) in enumerate(destinations.items())]
    lines += ["HostTable BEGIN", *hosts, "HostTable END", "VendorTable BEGIN", "VendorTable END"]
    lines += ["AETable BEGIN", f"{ae_title} {storage} RW (200, {max_bytes}) ANY", "AETable END", ""]
    config.write_text("\n".join(lines), encoding="ascii")

    def arguments(port: int) -> Sequence[object]:
        return ("-v", "-dhl", "-c", config, *options, port)

    with serving("dcmqrscp", ae_title, storage, arguments) as peer:
        yield peer


def fill(peer: Peer, files: Iterable[Path], *options: object) -> None:
    """Send files to an archive by storescu, which proposes only what they need."""
    done = run_here("storescu", "-R", *options, "-aec", peer.ae_title, LOOPBACK, peer.port, *files)
    assert done.code == 0, str(done)


@contextlib.contextmanager
def qrscp(folder: Path, *, destinations: Mapping[str, int]) -> Iterator[Peer]:
    """pynetdicom's archive: storage, and Query/Retrieve over an index in SQLite; it needs SQLAlchemy.

    :param destinations: ports of peers on the loopback, by AE title.
    """
    settings = folder.parent / f"{folder.name}.ini"
    known = "".join(f"[{name}]\naddress: {LOOPBACK}\nport: {port}\n" for name, port in destinations.items())

    def arguments(port: int) -> Sequence[object]:
        values = {
            "ae_title": "QRSCP", "port": port, "max_pdu": 16382, "acse_timeout": 30, "dimse_timeout": 120,
            "network_timeout": 120, "bind_address": LOOPBACK, "instance_location": folder / "instances",
            "database_location": folder / "index.sqlite", "log_identifier": False,
        }  # fmt: skip
        (folder / "instances").mkdir(exist_ok=True)
        lines = "".join(f"{name}: {value}\n" for name, value in values.items())
        settings.write_text(f"[DEFAULT]\n{lines}\n{known}")
        return ("-m", "pynetdicom", "qrscp", "-c", settings)

    with serving("python", "QRSCP", folder, arguments) as peer:
        yield peer


@contextlib.contextmanager
def wlmscpfs(folder: Path, items: Iterable[Dataset], *options: object, ae_title: str = "WORKLIST") -> Iterator[Peer]:
    """DCMTK's worklist server, with these items in files."""
    from pydicom import FileMetaDataset, uid  # where memory is measured, peers are started without it

    worklist = folder / ae_title
    worklist.mkdir(parents=True)
    (worklist / "lockfile").touch()
    for number, item in enumerate(items):
        item.file_meta = FileMetaDataset()
        item.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
        item.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.31"
        item.file_meta.MediaStorageSOPInstanceUID = f"2.25.{number + 1}"
        item.save_as(worklist / f"{number}.wl", enforce_file_format=True)

    def arguments(port: int) -> Sequence[object]:
        return ("-v", "-dhl", "-dfp", folder, *options, port)

    with serving("wlmscpfs", ae_title, worklist, arguments) as peer:
        yield peer


class Orthanc:
    """A running Orthanc.

    :ivar peer: its DICOM side.
    :ivar http_port: its other one.
    """

    def __init__(self, peer: Peer, http_port: int) -> None:
        self.peer = peer
        self.http_port = http_port
        self._url = f"http://{LOOPBACK}:{http_port}"

    def get(self, path: str) -> bytes:
        """The answer to a GET of its REST API."""
        return self._ask("GET", path)

    def get_json(self, path: str) -> Any:
        """The same, read."""
        return json.loads(self.get(path))

    def put_file(self, content: bytes) -> None:
        """Give it a DICOM file, which it keeps as it is."""
        self._ask("POST", "/instances", content)

    def data_set(self, identifier: str) -> bytes:
        """The data set of an instance."""
        content = self.file(identifier)
        return content[parse_head(content).dataset_offset :]

    def instances(self) -> dict[str, str]:
        """Its own identifiers by SOP Instance UID."""
        found = self.get_json("/instances?expand")
        return {one["MainDicomTags"]["SOPInstanceUID"]: one["ID"] for one in found}

    def file(self, identifier: str) -> bytes:
        """An instance as a DICOM file."""
        return self.get(f"/instances/{identifier}/file")

    def ask(self, path: str, body: object = None, *, method: str = "POST") -> Any:
        """What it answers to something that it is to do, as JSON; it answers when that is done."""
        answer = self._ask(method, path, None if body is None else json.dumps(body).encode())
        return json.loads(answer) if answer else None

    def know(self, name: str, port: int, **more: object) -> None:
        """Tell it of a peer on the loopback, whose AE title is ``name``; permissions and so on are in ``more``."""
        self.ask(f"/modalities/{name}", {"AET": name, "Host": LOOPBACK, "Port": port, **more}, method="PUT")

    def clear(self) -> None:
        """Delete everything."""
        for patient in json.loads(self.get("/patients")):
            self._ask("DELETE", f"/patients/{patient}")

    def _ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        request = urllib.request.Request(self._url + path, data=body, method=method)
        try:
            with urllib.request.urlopen(request, timeout=DEADLINE_S) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                said = error.read().decode("utf-8", "replace")
            raise RuntimeError(f"{method} {path}: {said}\n{self.peer.log}") from None


@contextlib.contextmanager
def pynetdicom_scp(folder: Path, *, max_pdu: int = 16_382) -> Iterator[Peer]:
    """pynetdicom's provider of verification and storage, in a process of its own."""

    def arguments(port: int) -> Sequence[object]:
        return (SOURCE / "tests" / "interop" / "pynetdicom_scp.py", port, folder, max_pdu)

    with serving("python", "PYNETDICOM", folder, arguments) as peer:
        yield peer


@contextlib.contextmanager
def pynetdicom_services(folder: Path, files: Sequence[Path]) -> Iterator[Peer]:
    """pynetdicom's provider of nearly everything but storage, with an archive of these files.

    Each line that it says is a JSON object of what it was asked; see the script.
    """

    def arguments(port: int) -> Sequence[object]:
        return (SOURCE / "tests" / "interop" / "pynetdicom_services.py", port, folder, *files)

    with serving("python", "PYNETDICOM", folder, arguments) as peer:
        yield peer


async def pynetdicom_user(port: int, called: str, **order: object) -> list[dict[str, Any]]:
    """Have pynetdicom ask a provider on the loopback; gives what it was answered.

    :param order: what to propose and to ask, see the script.
    """
    script = SOURCE / "tests" / "interop" / "pynetdicom_user.py"
    done = await run("python", script, port, called, json.dumps(order))
    assert done.code in (0, 1), str(done)
    assert "Traceback" not in done.output, str(done)
    return said_by(done.output)


def said_by(output: str) -> list[dict[str, Any]]:
    """The lines of an output that are JSON."""
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


@contextlib.contextmanager
def odil_services(folder: Path, files: Sequence[Path]) -> Iterator[Peer]:
    """odil's provider of verification, storage and query/retrieve, which takes one association after the other."""

    def arguments(port: int) -> Sequence[object]:
        return (SOURCE / "tests" / "interop" / "odil_services.py", port, folder, *files)

    with serving("odil-python", "ODIL", folder, arguments) as peer:
        yield peer


@contextlib.contextmanager
def orthanc(folder: Path, *, dicom_timeout_s: int = 30) -> Iterator[Orthanc]:
    """Orthanc without plugins, in an empty folder; it takes every called AE title and SOP class.

    :param dicom_timeout_s: how long it goes on to listen to a peer whose data set it could not read.
    """
    config = folder / "orthanc.json"
    folder.mkdir(parents=True)
    http: list[int] = []

    def arguments(port: int) -> Sequence[object]:
        http[:] = [free_port()]
        settings = {
            "Name": "interop",
            "StorageDirectory": str(folder / "db"),
            "IndexDirectory": str(folder / "db"),
            "Plugins": [],
            "DicomAet": "ORTHANC",
            "DicomPort": port,
            "DicomCheckCalledAet": False,
            "UnknownSopClassAccepted": True,
            "DicomScpTimeout": dicom_timeout_s,
            "OverwriteInstances": True,
            "SyncStorageArea": False,
            "HttpPort": http[0],
            "HttpServerEnabled": True,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False,
            "OrthancExplorerEnabled": False,
            "DicomAlwaysAllowFind": True,
            "DicomAlwaysAllowFindWorklist": True,
            "DicomAlwaysAllowGet": True,
            "DicomAlwaysAllowMove": True,
            "LuaScripts": [],
            "UserMetadata": {},
            "DicomModalities": {},
        }
        config.write_text(json.dumps(settings), encoding="utf-8")
        return ("--verbose", config)

    with serving("Orthanc", "ORTHANC", folder / "db", arguments) as peer:
        peer.process.wait_for(lambda: is_listening(http[0]), "its HTTP port listens")
        server = Orthanc(peer, http[0])
        server.get("/system")
        yield server
