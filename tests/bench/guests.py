"""The other programs that play: Orthanc, pynetdicom, dcmjs-dimse, bare sockets and bare asyncio.

Each comes from a fresh process.
"""

from __future__ import annotations

import contextlib
import json
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.players import (
    DEADLINE_S,
    TESTS,
    BenchError,
    Players,
    Run,
    Serving,
    environment,
    foreign_server,
    our_program,
    talking,
    telling,
)
from helpers import peers, programs


@dataclass
class Guests:
    """Starts them.

    :ivar players: gives the folders that they work in.
    """

    players: Players

    # Orthanc

    @contextlib.contextmanager
    def orthanc(
        self, *, fsync: bool = False, expect: int | None = None, place: Path | None = None, database: Path | None = None
    ) -> Iterator[Serving]:
        """Without plugins and with nothing in it, or with the database that an earlier one has left.

        :param fsync: let it synchronise its files, as it does if nobody tells it otherwise.
        """
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(self.players.empty_folder(place))
            port, http = peers.free_port(), peers.free_port()
            settings = {
                "Name": "bench", "StorageDirectory": str(database or folder), "IndexDirectory": str(database or folder),
                "Plugins": [], "DicomPort": port, "DicomCheckCalledAet": False, "UnknownSopClassAccepted": True,
                "SyncStorageArea": fsync, "HttpPort": http, "RemoteAccessAllowed": False, "DicomAlwaysAllowFind": True,
                "AuthenticationEnabled": False, "OrthancExplorerEnabled": False, "LuaScripts": [],
                "DicomModalities": {}, "LimitFindResults": 0, "LimitFindInstances": 0, "StableAge": 3600,
                "MaximumPduLength": 131_072,
            }  # fmt: skip
            config = folder / "orthanc.json"
            config.write_text(json.dumps(settings), encoding="utf-8")
            command = [str(programs.find("Orthanc")), str(config)]
            env = environment(tuned=True)
            process = stack.enter_context(foreign_server(command, port, env, quiet=True))
            peers.wait_until(lambda: peers.is_listening(http), "Orthanc serves HTTP")
            serving = Serving(port, folder, process)
            yield serving
            if expect is not None and (count := _orthanc_has(http)) != expect:
                raise BenchError(f"Orthanc stored {count} of {expect} instances")

    # pynetdicom

    @contextlib.contextmanager
    def pynetdicom(self, expect: int | None = None) -> Iterator[Serving]:
        """Its provider: stores, and answers a query with so many matches as the Patient ID says."""
        with self.players.empty_folder() as folder:
            with talking(our_program("pynetdicom_side", "listen", folder), folder) as serving:
                yield serving
            if expect is not None and serving.told["count"] != expect:
                raise BenchError(f"pynetdicom stored {serving.told['count']} of {expect} instances")

    def pynetdicom_user(self, *arguments: object) -> Run:
        """Its user: `send PORT FOLDER`, `echo`, `associate` or `find PORT COUNT`."""
        return telling(our_program("pynetdicom_side", *arguments))

    # dcmjs-dimse

    @contextlib.contextmanager
    def dcmjs(self, expect: int) -> Iterator[Serving]:
        """Its provider, which stores."""
        with self.players.empty_folder() as folder:
            with talking(_dcmjs("listen", folder), folder, _node()) as serving:
                yield serving
            if serving.told["count"] != expect:
                raise BenchError(f"dcmjs-dimse stored {serving.told['count']} of {expect} instances")

    def dcmjs_send(self, port: int, folder: Path) -> Run:
        """Its user."""
        return telling(_dcmjs("send", port, folder), _node())

    # bare sockets

    @contextlib.contextmanager
    def sink(self, expect: int) -> Iterator[Serving]:
        """Takes instances and drops them."""
        with talking(our_program("bare", "sink"), Path()) as serving:
            yield serving
        if serving.told["count"] != expect:
            raise BenchError(f"the bare sink took {serving.told['count']} of {expect} instances")

    @contextlib.contextmanager
    def staller(self) -> Iterator[Serving]:
        """Accepts associations, and then neither reads nor answers."""
        with talking(our_program("bare", "stall"), Path()) as serving:
            yield serving

    def source(self, port: int, folder: Path) -> Run:
        """Sends what it has made before."""
        return telling(our_program("bare", "source", folder, port))

    @contextlib.contextmanager
    def idle(self, port: int, count: int, *, associated: bool) -> Iterator[None]:
        """So many connections, with an association each or without, on which nothing happens."""
        with talking(our_program("bare", "hold", count, port, *(("--associate",) if associated else ())), Path()):
            yield

    def fresh(self, port: int, count: int) -> Run:
        """One association with a C-ECHO after the other; the seconds are of one, the median."""
        return telling(our_program("bare", "fresh", count, port))

    # bare asyncio

    @contextlib.contextmanager
    def bare_receiver(self, *options: object, expect: int, place: Path | None = None) -> Iterator[Serving]:
        """Stores what comes."""
        with self.players.empty_folder(place) as folder:
            with talking(our_program("limits", "receive", folder, *options), folder) as serving:
                yield serving
            if serving.told["count"] != expect:
                raise BenchError(f"bare asyncio stored {serving.told['count']} of {expect} instances")

    @contextlib.contextmanager
    def bare_provider(self) -> Iterator[Serving]:
        """Takes associations and answers C-ECHOs."""
        with talking(our_program("limits", "answer"), Path()) as serving:
            yield serving

    def bare_send(self, port: int, folder: Path, associations: int) -> Run:
        """Sends what it has read before, over so many associations at once."""
        return telling(our_program("limits", "send", port, folder, "--associations", associations))

    def bare_user(self, work: str, port: int, count: int) -> Run:
        """Its user: `echo`, so many on one association, or `associate`, one on each of so many."""
        return telling(our_program("limits", work, port, count))


def _orthanc_has(http: int) -> int:
    with urllib.request.urlopen(f"http://{peers.LOOPBACK}:{http}/statistics", timeout=DEADLINE_S) as answer:
        return int(json.loads(answer.read())["CountInstances"])


def _dcmjs(*arguments: object) -> list[str]:
    return [str(programs.find("node")), str(TESTS / "bench" / "dcmjs_side.cjs"), *map(str, arguments)]


def _node() -> dict[str, str]:
    return {**environment(tuned=False), "NODE_PATH": str(programs.node_modules())}
