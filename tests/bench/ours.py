"""Our side of the benchmarks, as processes of its own: `python -m bench.ours send|echo|associate|listen ...`.

The last line of the output is JSON. A listener first says on which port it listens, and runs until its standard input
is closed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import cProfile
import gc
import json
import os
import pstats
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

from dicomgui.app.collector import keep_what_is_loaded
from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.context import AppContext
from dicomgui.app.listening.listener import Listener, ListenerOptions
from dicomgui.app.transfers.send import Selection, prepare, send
from dicomgui.network import (
    AcceptPolicy,
    Handlers,
    InstanceFile,
    Limits,
    NullSink,
    PeerAddress,
    Reply,
    ServerOptions,
    Sink,
    Status,
    StoreRequest,
    TlsConfig,
    connect,
    eager_event_loop,
    presets,
    serve,
)
from dicomgui.network.service import provider
from dicomgui.network.service.instance_check import InstanceCheck
from dicomgui.network.uids import STORAGE_CLASSES
from dicomgui.storage import Archive, Pending
from dicomgui.trace.store import TraceStore

SUCCESS = Status(0)


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="bench.ours")
    parser.add_argument("--profile", help="write what took the time to this file")
    commands = parser.add_subparsers(dest="command", required=True)
    sender = commands.add_parser("send")
    sender.add_argument("port", type=int)
    sender.add_argument("folder", type=Path)
    sender.add_argument("--way", choices=("app", "network", "traced"), default="app")
    sender.add_argument("--associations", type=int, default=1, help="so many at once, each with its share")
    echoers = [commands.add_parser(name) for name in ("echo", "associate")]
    for echoer in echoers:
        echoer.add_argument("port", type=int)
        echoer.add_argument("count", type=int)
    for client in (sender, *echoers):
        client.add_argument("--tls-ca", type=Path, help="speak TLS")
    listener = commands.add_parser("listen")
    listener.add_argument("folder", type=Path)
    listener.add_argument("--way", choices=("app", "network", "traced", "nothing"), default="app")
    listener.add_argument("--max-pdu", type=int, default=131_072)
    listener.add_argument("--unwalked", action="store_true", help="take data sets without looking at their structure")
    listener.add_argument("--fsync", action="store_true", help="as the program does it unless it is told otherwise")
    listener.add_argument("--tls-cert", type=Path, help="speak TLS")
    listener.add_argument("--tls-key", type=Path)
    arguments = parser.parse_args(argv)
    keep_what_is_loaded()  # as the command line does
    work = {"send": _send, "echo": _echo, "associate": _associate, "listen": _listen}[arguments.command]
    with _profiled(arguments.profile), asyncio.Runner(loop_factory=eager_event_loop) as runner:
        result = runner.run(work(arguments))
    print(json.dumps({**result, "peak_kb": peak_kb()}), flush=True)
    return 0


@contextlib.contextmanager
def _profiled(name: str | None) -> Iterator[None]:
    if name is None:
        yield
        return
    profile = cProfile.Profile()
    profile.enable()
    try:
        yield
    finally:
        profile.disable()
        with Path(name).open("w") as file:
            pstats.Stats(profile, stream=file).sort_stats("tottime").print_stats(60)


def peak_kb(process: int | None = None) -> int:
    """The most memory that a process had resident so far, in KiB.

    From the kernel's own high-water mark where there is one: getrusage also counts what the process was before it
    became this program.
    """
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process or os.getpid()}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    if process is not None:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // 1024 if sys.platform == "darwin" else peak


# -- as SCU ----------------------------------------------------------------------------------------------------------


async def _send(arguments: argparse.Namespace) -> dict[str, object]:
    """Seconds from the connection attempt to the release, all files known before."""
    with AppContext(keep_trace=False) as context, await prepare(context, [arguments.folder]) as selection:
        peer = PeerAddress.parse(f"BENCH@127.0.0.1:{arguments.port}")
        if arguments.way == "app":
            options = ConnectionOptions(tls=_client_tls(arguments))
            return await _send_as_program(context, peer, options, selection, arguments.associations)
        instances = [InstanceFile(item.path, item.head) for item in selection.items]
        seconds = await _send_plainly(peer, instances, _client_tls(arguments), traced=arguments.way == "traced")
        return {"seconds": seconds, "count": len(instances)}


async def _send_as_program(
    context: AppContext, peer: PeerAddress, options: ConnectionOptions, selection: Selection, associations: int
) -> dict[str, object]:
    """Over several associations as several sends would do it, which take turns in one loop."""
    start = time.perf_counter()
    shares = [Selection(selection.items[number::associations]) for number in range(associations)]
    reports = await asyncio.gather(*(send(context, peer, options, share) for share in shares))
    seconds = time.perf_counter() - start
    for report in reports:
        if not report.ok:
            raise SystemExit(f"not sent: {report.error or report.results[-1]}")
    return {"seconds": seconds, "count": sum(report.sent for report in reports)}


async def _send_plainly(
    peer: PeerAddress, instances: list[InstanceFile], tls: TlsConfig | None, *, traced: bool
) -> float:
    store = TraceStore()
    pairs = [(instance.head.sop_class_uid, instance.head.transfer_syntax_uid) for instance in instances]
    start = time.perf_counter()
    tracer = store if traced else None
    async with connect(peer, contexts=presets.for_instances(pairs), tracer=tracer, tls=tls) as association:
        for instance in instances:
            (await association.store(instance)).raise_for_status()
    seconds = time.perf_counter() - start
    store.close()
    return seconds


async def _echo(arguments: argparse.Namespace) -> dict[str, object]:
    """Seconds from the connection attempt to the release."""
    peer = PeerAddress.parse(f"BENCH@127.0.0.1:{arguments.port}")
    start = time.perf_counter()
    async with connect(peer, contexts=presets.VERIFICATION, tls=_client_tls(arguments)) as association:
        for _ in range(arguments.count):
            (await association.echo()).raise_for_status()
    return {"seconds": time.perf_counter() - start, "count": arguments.count}


async def _associate(arguments: argparse.Namespace) -> dict[str, object]:
    """Seconds for so many connections, each with its handshakes, a C-ECHO and a release."""
    peer = PeerAddress.parse(f"BENCH@127.0.0.1:{arguments.port}")
    tls = _client_tls(arguments)
    start = time.perf_counter()
    for _ in range(arguments.count):
        async with connect(peer, contexts=presets.VERIFICATION, tls=tls) as association:
            (await association.echo()).raise_for_status()
    return {"seconds": time.perf_counter() - start, "count": arguments.count}


def _client_tls(arguments: argparse.Namespace) -> TlsConfig | None:
    return None if arguments.tls_ca is None else TlsConfig(ca_file=arguments.tls_ca)


def _server_tls(arguments: argparse.Namespace) -> TlsConfig | None:
    if arguments.tls_cert is None:
        return None
    return TlsConfig(cert_file=arguments.tls_cert, key_file=arguments.tls_key)


# -- as SCP ----------------------------------------------------------------------------------------------------------


class _Unwalked(InstanceCheck):
    """Finds nothing, and does nothing: what is left is the price of all the rest."""

    def __init__(self, *_: object) -> None:
        self.report = self.problem = None

    def take(self, data: memoryview, most: int) -> int:
        return 0

    def finish(self) -> None:
        """Leave the report empty."""


async def _listen(arguments: argparse.Namespace) -> dict[str, object]:
    if arguments.unwalked:
        patch.object(provider, "InstanceCheck", _Unwalked).start()  # no option: a listener always walks
    if arguments.way == "app":
        return await _listen_as_program(arguments)
    return await _listen_plainly(arguments)


async def _listen_as_program(arguments: argparse.Namespace) -> dict[str, object]:
    """The listener as the command line starts it."""
    with AppContext(keep_trace=False) as context:
        options = ListenerOptions(
            arguments.folder,
            port=0,
            fsync=arguments.fsync,
            max_pdu_length=arguments.max_pdu,
            tls=_server_tls(arguments),
        )
        listener = Listener(context, options)
        await listener.start()
        await listener.archive.repaired()
        await _until_stopped(listener.port)
        await listener.stop()
    return {"count": listener.counts.stored}


async def _listen_plainly(arguments: argparse.Namespace) -> dict[str, object]:
    """The server of the network package into the archive, or into nothing, with a trace or without."""
    store = TraceStore()
    archive = Archive(arguments.folder, fsync=False)
    archive.prepare()
    count = 0

    def open_sink(request: StoreRequest) -> Sink:
        if arguments.way == "nothing":
            return NullSink()
        return archive.receive(
            sop_class_uid=request.command.affected_sop_class_uid,
            sop_instance_uid=request.command.affected_sop_instance_uid,
            transfer_syntax_uid=request.transfer_syntax_uid,
        )

    def on_store(request: StoreRequest, result: object) -> Status | Reply:
        nonlocal count
        if isinstance(result, Pending):
            archive.commit(result)
        count += 1
        return SUCCESS

    options = ServerOptions(
        policy=AcceptPolicy(ae_title="BENCH", abstract_syntaxes=frozenset(STORAGE_CLASSES)),
        limits=Limits(max_pdu_length=arguments.max_pdu),
        tracer=store if arguments.way == "traced" else None,
        tls=_server_tls(arguments),
    )
    handlers = Handlers(open_sink=open_sink, on_store=on_store)
    async with await serve(port=0, ae_title="BENCH", handlers=handlers, options=options) as server:
        await _until_stopped(server.port)
    archive.close()
    store.close()
    return {"count": count}


async def _until_stopped(port: int) -> None:
    gc.freeze()  # as the command line does with a listener that has started
    print(json.dumps({"port": port}), flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
