"""The listen command: what it prints of what comes, in this process."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import json
import os
import shlex
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from helpers.archive import instance, put
from helpers.bad_peer import dial, reached
from helpers.instances import CT, elements, write_instance
from pydicom import dcmread

from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.echo import echo
from dicomgui.app.files.sources import scan
from dicomgui.app.transfers.send import send
from dicomgui.cli import listening
from dicomgui.cli.exits import Exit
from dicomgui.cli.main import build_parser
from dicomgui.cli.output import Output
from dicomgui.cli.session import Session
from dicomgui.network import (
    AssociationRejected,
    ConfigurationError,
    DicomNetworkError,
    PeerAddress,
    ProposedContext,
    QueryFlags,
    UserIdentity,
    connect,
    extended_for,
    presets,
)
from dicomgui.network.pdu import Abort
from dicomgui.storage import Archive, DiskFull, FolderPatterns, Pending, Stored

OPTIONS = ConnectionOptions("MODALITY")
MR = "1.2.840.10008.5.1.4.1.1.4"
FIND = "1.2.840.10008.5.1.4.1.2.2.1"
EXPLICIT_ONLY = ("1.2.840.10008.1.2.1",)


class Run:
    """One run of the command.

    :ivar out: what it printed; ``err`` what it printed on standard error.
    :ivar stop: ends it as a signal does.
    :ivar code: how it ended.
    """

    def __init__(self, *arguments: str) -> None:
        self.options: argparse.Namespace = build_parser().parse_args(["listen", "--port", "0", *arguments])
        self.out, self.err = io.StringIO(), io.StringIO()
        self.session = Session(self.options)
        self.session.output = Output(
            as_json=self.options.json, verbose=self.options.verbose, out=self.out, err=self.err
        )
        self.stop = lambda: None
        self.code: Exit | None = None

    async def run(self) -> None:
        with self.session.context:
            self.code = await listening.run(self.options, Path(self.options.dir or "nowhere"), self.session)

    @property
    def lines(self) -> list[str]:
        """Without what the repair at the start tells: on a busy computer it meets the first instance, and says so."""
        lines = self.out.getvalue().splitlines()
        return [line for line in lines if not line.startswith(("archive ", '{"event": "archive"'))]

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]

    @property
    def peer(self) -> PeerAddress:
        port = self.events[0]["port"] if self.options.json else self.lines[0].split(" as ")[0].rpartition(":")[2]
        return PeerAddress.parse(f"DICOMGUI@127.0.0.1:{port}")


@pytest.fixture
def stops(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The signals are in the test's hand."""
    taken: list[Any] = []

    def take(stop: Any) -> Any:
        taken.append(stop)
        return lambda: taken.append("given back")

    monkeypatch.setattr(listening, "stop_signals", take)
    return taken


@contextlib.asynccontextmanager
async def running(stops: list[Any], *arguments: str) -> AsyncIterator[Run]:
    run = Run(*arguments)
    async with asyncio.TaskGroup() as group:
        group.create_task(run.run())
        await reached(lambda: bool(run.lines), "it is ready")
        yield run
        stops[0]()
    assert stops[-1] == "given back"
    assert run.code is Exit.OK


async def test_it_says_where_it_listens_and_what_came(stops: list[Any], tmp_path: Path) -> None:
    path = write_instance(tmp_path / "files", 1)
    async with running(stops, "--dir", str(tmp_path / "archive"), "--aet", "ME") as run:
        assert run.lines[0].startswith("listening on 127.0.0.1:")
        assert run.lines[0].endswith(" as ME")
        assert (await send(run.session.context, run.peer, OPTIONS, scan([path, path]))).ok
    lines = run.lines
    assert lines[1].startswith("stored       MODALITY@127.0.0.1:")
    assert lines[1].endswith(".dcm")
    assert lines[2].startswith("duplicate    ")
    assert lines[3].startswith("stopped: 1 stored, ")
    assert lines[3].endswith("; 1 duplicates")
    assert len(lines) == 4


async def test_verbose_tells_of_associations_and_echoes(stops: list[Any], tmp_path: Path) -> None:
    async with running(stops, "--dir", str(tmp_path), "-v") as run:
        assert (await echo(run.session.context, run.peer, OPTIONS)).ok
        await reached(lambda: len(run.lines) == 4, "all is told")
    assert [line.split()[0] for line in run.lines[1:]] == ["began", "echo", "ended", "stopped:"]


@pytest.mark.parametrize("as_json", [False, True])
async def test_broken_files_of_a_folder_without_an_index_are_named(
    stops: list[Any], tmp_path: Path, as_json: bool
) -> None:
    folder = tmp_path / "archive"
    folder.mkdir()
    names = [put(folder, instance(1, 1, number)) for number in (1, 2, 3)]
    os.truncate(folder / names[1], (folder / names[1]).stat().st_size - 1)
    async with running(stops, "--dir", str(folder), *["--json"] * as_json) as run:
        await reached(lambda: len(run.lines) == 2, "it is told")
    if as_json:
        told = run.events[1]
        assert (told["event"], told["path"]) == ("broken", str(folder / names[1]))
        assert told["reason"].startswith("the data set breaks off at byte")
    else:
        assert run.lines[1].startswith(f"broken       {folder / names[1]}: the data set breaks off at byte")
    assert "1 file was found broken and kept" in run.out.getvalue()


@pytest.mark.parametrize("as_json", [False, True])
async def test_the_lenient_rule_for_identifiers_says_what_was_odd(
    stops: list[Any], tmp_path: Path, as_json: bool
) -> None:
    keys = elements(QueryRetrieveLevel="SERIES", SeriesInstanceUID="")
    arguments = ("--dir", str(tmp_path), "--identifiers", "lenient", *["--json"] * as_json)
    async with (
        running(stops, *arguments) as run,
        connect(run.peer, contexts=presets.QUERY) as association,
    ):
        assert (await association.find(keys)).status.is_success
    odd = "Study Instance UID is missing at level SERIES"
    if as_json:
        [event] = [event for event in run.events if event["event"] == "answered"]
        assert (event["problem"], event["anomalies"]) == (None, [odd])
    else:
        assert [line.endswith(f"C-FIND SERIES  {odd}") for line in run.lines[1:-1]] == [True]


@pytest.mark.parametrize("rule", ["strict", "usual"])
async def test_the_other_rules_refuse_it(stops: list[Any], tmp_path: Path, rule: str) -> None:
    keys = elements(QueryRetrieveLevel="SERIES", SeriesInstanceUID="")
    async with (
        running(stops, "--dir", str(tmp_path), "--identifiers", rule) as run,
        connect(run.peer, contexts=presets.QUERY) as association,
    ):
        assert (await association.find(keys)).status == 0xA900


async def test_json(stops: list[Any], tmp_path: Path) -> None:
    path = write_instance(tmp_path / "files", 1)
    async with running(stops, "--dir", str(tmp_path / "archive"), "--json", "--no-fsync") as run:
        assert (await send(run.session.context, run.peer, OPTIONS, scan([path]))).ok
        assert (await echo(run.session.context, run.peer, OPTIONS)).ok
        await reached(lambda: len(run.lines) == 7, "all is told")
    events = run.events
    assert set(events[0]) == {"event", "host", "port", "aet"}
    kinds = [event["event"] for event in events]
    assert kinds == ["ready", "began", "stored", "ended", "began", "echo", "ended", "summary"]
    stored = events[2]
    assert str(tmp_path / "archive") in stored["path"]
    assert stored["calling_aet"] == "MODALITY"
    assert stored["outcome"] == "stored"
    assert events[-1]["ok"] is True
    assert events[-1]["stored"] == 1


async def test_what_any_reader_gets_over_is_marked(stops: list[Any], tmp_path: Path) -> None:
    path = write_instance(tmp_path / "files", 1)
    path.write_bytes(path.read_bytes().replace(b"\x10\x00\x20\x00LO", b"\x10\x00\x20\x00SH"))
    for number, flags in enumerate((["--json"], [])):
        async with running(stops, "--dir", str(tmp_path / str(number)), *flags) as run:
            assert (await send(run.session.context, run.peer, OPTIONS, scan([path]))).ok
        if flags:
            [stored] = [event for event in run.events if event["event"] == "stored"]
            [anomaly] = stored["anomalies"]
            assert (anomaly["code"], anomaly["tag"], anomaly["times"]) == ("vr", "00100020", 1)
        else:
            assert "against the standard: other VRs than the data dictionary (1; first at (0010,0020)" in run.lines[2]
        stops.clear()


async def test_what_fails_breaks_or_is_refused_is_told_without_asking(
    stops: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Archive, pending: Pending, **how: bool) -> Stored:
        pending.abandon()
        raise DiskFull("the disk is full", hint="Free space.")

    monkeypatch.setattr(Archive, "commit", fail)
    path = write_instance(tmp_path / "files", 1)
    for form in ([], ["--json"]):
        stops.clear()
        async with running(stops, "--dir", str(tmp_path / "archive"), *form) as run:
            assert not (await send(run.session.context, run.peer, OPTIONS, scan([path]))).ok
            async with await dial(run.peer.port) as peer:
                await peer.associate()
                await peer.send(Abort(0, 0).encode())
                await peer.read_all()
            listening._show(
                run.session.output, listening.Refusal(0.0, 1, "1.2.3.4:5", "called AE title not recognized \x1b")
            )
            await reached(lambda run=run: "abort" in run.out.getvalue(), "the abort is told")
        if form:
            kinds = [event["event"] for event in run.events]
            assert {"failed", "ended", "refused"} <= set(kinds)
            failed = run.events[kinds.index("failed")]
            assert failed["status"] == 0xA700
            assert failed["reason"] == "the disk is full"
        else:
            assert [line.split()[0] for line in run.lines[1:]] == ["failed", "ended", "refused", "stopped:"] or [
                line.split()[0] for line in run.lines[1:]
            ] == ["failed", "refused", "ended", "stopped:"]
            assert "\x1b" not in run.out.getvalue()
            assert "1 failed" in run.lines[-1]


async def test_a_taken_port_is_3(stops: list[Any], tmp_path: Path) -> None:
    async with running(stops, "--dir", str(tmp_path / "a")) as first:
        second = Run("--dir", str(tmp_path / "b"), "--port", str(first.peer.port))
        await second.run()
    assert second.code is Exit.NETWORK
    assert second.out.getvalue() == ""
    assert second.err.getvalue().startswith("error: ")


@pytest.mark.parametrize("hint", ["", "Choose another folder."])
async def test_an_unusable_folder_is_4(
    stops: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hint: str
) -> None:
    def refuse(self: Archive) -> object:
        raise DiskFull("the disk is full", hint=hint)

    monkeypatch.setattr(Archive, "prepare", refuse)
    run = Run("--dir", str(tmp_path), "--json")
    await run.run()
    assert run.code is Exit.FILES
    assert run.err.getvalue().startswith("error: the disk is full")
    assert ("  try " in run.err.getvalue()) == bool(hint)
    [summary] = run.events
    assert (summary["event"], summary["ok"], summary["exit_code"]) == ("summary", False, 4)


async def test_what_is_asked_of_callers_and_granted_to_them(stops: list[Any], tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("right\n")
    arguments = (
        "--dir", str(tmp_path / "in"), "--user", "anna", "--password-file", str(tmp_path / "secret"),
        "--async-ops", "5,3", "--ext-neg", "fuzzy,timezone", "--grant-unperformed", "--grant-scp", "--max-pdu", "20000",
    )  # fmt: skip
    contexts = [ProposedContext(uid, EXPLICIT_ONLY, scp_role=True) for uid in (CT, FIND)]
    wish = {
        "contexts": contexts, "async_ops": (0, 0),
        "extended": extended_for([FIND], QueryFlags(relational=True, fuzzy=True)),
    }  # fmt: skip
    async with running(stops, *arguments) as run:
        identity = UserIdentity.passcode("anna", "right")
        async with connect(run.peer, user_identity=identity, require_identity=True, **wish) as assoc:
            agreed = assoc.negotiated
        for other in (None, UserIdentity.passcode("anna", "wrong"), UserIdentity.username("anna")):
            with pytest.raises(AssociationRejected):
                await connect(run.peer, user_identity=other)
    assert (agreed.max_invoked, agreed.max_performed, agreed.peer_max_pdu_length) == (5, 3, 20_000)
    assert [QueryFlags.decode(item.data) for item in agreed.extended] == [QueryFlags(fuzzy=True)]
    assert all(context.as_scp for context in agreed.accepted)


async def test_what_is_not_performed_is_not_granted_by_accident(stops: list[Any], tmp_path: Path) -> None:
    run = Run("--dir", str(tmp_path), "--ext-neg", "relational,timezone")
    with pytest.raises(ConfigurationError, match="only relational and date-time") as caught:
        await run.run()
    assert "--grant-unperformed" in caught.value.hint
    assert not stops


async def test_it_lets_in_who_says_who_he_is(stops: list[Any], tmp_path: Path) -> None:
    async with running(stops, "--dir", str(tmp_path), "--user-required") as run:
        async with connect(run.peer, user_identity=UserIdentity.username("anybody")) as assoc:
            assert (await assoc.echo()).status.is_success
        with pytest.raises(AssociationRejected):
            await connect(run.peer)


@pytest.mark.parametrize("arguments", [("--user", "anna"), ("--password-file", "x")])
async def test_a_user_without_a_passcode_cannot_be_asked_for(arguments: tuple[str, ...], tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="belong together"):
        await Run("--dir", str(tmp_path), *arguments).run()


async def test_it_ends_when_nobody_reads_it_any_more(stops: list[Any], tmp_path: Path) -> None:
    run = Run("--dir", str(tmp_path))
    async with asyncio.TaskGroup() as group:
        task = group.create_task(run.run())
        await reached(lambda: bool(run.lines), "it is ready")
        peer = run.peer
        run.out.close()
        run.session.output._out = _Gone()
        run.session.output.line("x")
        await asyncio.wait((task,))
    assert run.code is Exit.OK
    assert not (await echo(Session(run.options).context, peer, OPTIONS)).ok


class _Gone(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError


async def test_it_takes_the_transfer_syntax_that_was_named_and_no_other(stops: list[Any], tmp_path: Path) -> None:
    order = ("--transfer-syntax", "ImplicitVRLittleEndian", "--transfer-syntax", "1.2.840.10008.1.2.2")
    contexts = [
        ProposedContext(CT, ("1.2.840.10008.1.2.1",)),
        ProposedContext(CT, ("1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2")),
    ]
    async with (
        running(stops, "--dir", str(tmp_path / "archive"), *order) as run,
        connect(run.peer, contexts=contexts) as association,
    ):
        accepted = association.negotiated.accepted
        assert [(one.context_id, one.transfer_syntax) for one in accepted] == [(3, "1.2.840.10008.1.2")]


async def test_it_takes_the_sop_classes_that_were_named_and_no_other(stops: list[Any], tmp_path: Path) -> None:
    contexts = [ProposedContext(uid, EXPLICIT_ONLY) for uid in (CT, MR, "1.2.3.4")]
    classes = ("--sop-class", "mrimagestorage", "--sop-class", "1.2.3.4")
    async with (
        running(stops, "--dir", str(tmp_path / "archive"), *classes) as run,
        connect(run.peer, contexts=contexts) as association,
    ):
        accepted = {one.abstract_syntax for one in association.negotiated.accepted}
        assert accepted == {MR, "1.2.3.4"}


async def test_who_calls_another_title_is_rejected_on_demand(stops: list[Any], tmp_path: Path) -> None:
    async with running(stops, "--dir", str(tmp_path / "archive"), "--check-called", "--aet", "OURS") as run:
        right, wrong = (PeerAddress(title, run.peer.host, run.peer.port) for title in ("OURS", "THEIRS"))
        context = Session(run.options).context
        assert (await echo(context, right, OPTIONS)).ok
        with pytest.raises(AssociationRejected) as caught:
            async with connect(wrong, contexts=[ProposedContext("1.2.840.10008.1.1", EXPLICIT_ONLY)]):
                pass
        assert (caught.value.result, caught.value.source, caught.value.reason) == (1, 1, 7)


@pytest.mark.parametrize("option", ["--sop-class", "--may-move"])
def test_what_names_no_class_and_no_move_is_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, option: str
) -> None:
    with pytest.raises(SystemExit):
        build_parser().parse_args(["listen", "--dir", str(tmp_path), option, "scanner"])
    told = {"--sop-class": "there is no SOP class of storage", "--may-move": "does not say who may move where"}
    assert told[option] in capsys.readouterr().err


@pytest.mark.parametrize(
    ("choice", "status", "kept"), [("keep", 0, {512, 1024}), ("refuse", 0x0111, {512}), ("replace", 0, {1024})]
)
async def test_what_becomes_of_another_data_set_under_one_uid(
    stops: list[Any], tmp_path: Path, choice: str, status: int, kept: set[int]
) -> None:
    paths = [write_instance(tmp_path / str(size), 1, pixel_bytes=size) for size in (512, 1024)]
    archive = tmp_path / "archive"
    async with (
        running(stops, "--dir", str(archive), "--duplicates", choice) as run,
        connect(run.peer, contexts=[ProposedContext(CT, EXPLICIT_ONLY)]) as association,
    ):
        assert (await association.store(paths[0])).status == 0
        assert (await association.store(paths[1])).status == status
    assert {len(dcmread(path).PixelData) for path in archive.rglob("*.dcm")} == kept


def test_a_transfer_syntax_that_is_none_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        build_parser().parse_args(["listen", "--dir", str(tmp_path), "--transfer-syntax", "jpeg"])
    assert "there is no transfer syntax 'jpeg'" in capsys.readouterr().err


@pytest.mark.parametrize(("network", "is_taken"), [("127.0.0.0/8", True), ("192.0.2.0/24", False)])
async def test_connections_are_taken_from_named_addresses(
    stops: list[Any], tmp_path: Path, network: str, is_taken: bool
) -> None:
    wanted = contextlib.nullcontext() if is_taken else pytest.raises(DicomNetworkError)
    async with running(stops, "--dir", str(tmp_path), "--allow-network", network) as run:
        with wanted:
            async with connect(run.peer, contexts=presets.VERIFICATION) as association:
                assert (await association.echo()).status.is_success
    assert any("connections from this address are not taken" in line for line in run.lines) is not is_taken


async def test_instances_are_discarded_on_demand(stops: list[Any], tmp_path: Path) -> None:
    path = write_instance(tmp_path / "files", 1)
    async with running(stops, "--discard", "--json") as run:
        assert (await send(run.session.context, run.peer, OPTIONS, scan([path]))).ok
    [event] = [event for event in run.events if event["event"] == "discarded"]
    assert event["sop_class_uid"] == CT
    assert event["bytes"] > 0
    assert (run.events[-1]["discarded"], run.events[-1]["stored"]) == (1, 0)


def test_a_folder_and_discarding_exclude_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        build_parser().parse_args(["listen", "--dir", "x", "--discard"])
    assert "not allowed with" in capsys.readouterr().err


async def test_what_is_broken_is_refused_though_it_would_be_discarded(stops: list[Any], tmp_path: Path) -> None:
    path = write_instance(tmp_path / "files", 1, pixel_bytes=4096)
    path.write_bytes(path.read_bytes()[:-2048])
    async with (
        running(stops, "--discard", "--json") as run,
        connect(run.peer, contexts=[ProposedContext(CT, EXPLICIT_ONLY)]) as association,
    ):
        assert (await association.store(path)).status.is_failure
    assert (run.events[-1]["discarded"], run.events[-1]["failed"]) == (0, 1)


async def test_commands_of_the_operator_are_run_and_told(stops: list[Any], tmp_path: Path) -> None:
    path = write_instance(tmp_path / "files", 1)
    failing = f"{shlex.quote(sys.executable)} -c 'import sys; print(1); sys.exit(7)'"
    async with running(stops, "--dir", str(tmp_path / "in"), "--json", "--on-object", failing) as run:
        assert (await send(run.session.context, run.peer, OPTIONS, scan([path]))).ok
    [event] = [event for event in run.events if event["event"] == "command"]
    assert (event["exit_code_of_command"], event["output"]) == (7, "1")
    assert run.events[-1]["failed_commands"] == 1
    stops.clear()
    async with running(stops, "--dir", str(tmp_path / "other"), "--on-object", failing) as run:
        assert (await send(run.session.context, run.peer, OPTIONS, scan([path]))).ok
    assert "it ended with code 7: " in run.out.getvalue()
    assert run.lines[-1].endswith("1 commands failed")


async def test_a_command_for_a_study_is_run_when_nothing_more_came_of_it(stops: list[Any], tmp_path: Path) -> None:
    paths = [write_instance(tmp_path / "files", number) for number in (1, 2)]
    command = f"{shlex.quote(sys.executable)} -c 'import sys; print(sys.argv[1])' {{count}}"
    arguments = ("--dir", str(tmp_path / "in"), "--json", "--on-study", command, "--study-timeout", "600")
    async with running(stops, *arguments) as run:
        assert (await send(run.session.context, run.peer, OPTIONS, scan(paths))).ok
        assert not [event for event in run.events if event["event"] == "command"]
    told = [event for event in run.events if event["event"] == "command"]
    assert sum(int(event["output"]) for event in told) == 2
    assert {event["exit_code_of_command"] for event in told} == {0}


async def test_it_listens_where_it_is_told(stops: list[Any], tmp_path: Path) -> None:
    async with running(stops, "--dir", str(tmp_path), "--host", "0.0.0.0") as run:
        assert run.lines[0].startswith("listening on 0.0.0.0:")
        async with connect(f"DICOMGUI@127.0.0.2:{run.peer.port}") as association:
            assert (await association.echo()).status == 0


async def test_what_is_discarded_has_no_file_for_a_command(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="has no file for a command"):
        await Run("--discard", "--on-object", "x {path}").run()


async def test_files_are_found_by_the_operators_patterns(stops: list[Any], tmp_path: Path) -> None:
    path = write_instance(tmp_path, 1)
    dataset = dcmread(path)
    patterns = ("--folder-pattern", "{PatientID}/{Modality|none}", "--file-pattern", "{SOPInstanceUID}")
    async with (
        running(stops, "--dir", str(tmp_path / "archive"), *patterns) as run,
        connect(run.peer, contexts=[ProposedContext(CT, EXPLICIT_ONLY)]) as association,
    ):
        assert (await association.store(path)).status == 0
    [link] = (tmp_path / "archive" / "by pattern").rglob("*.dcm")
    assert link.name == f"{dataset.SOPInstanceUID}.dcm"
    assert link.parent.parent.name == dataset.PatientID


@pytest.mark.parametrize(
    "arguments",
    [
        ("--dir", "in", "--folder-layout", "date", "--file-pattern", "a"),
        ("--discard", "--folder-layout", "date"),
        ("--discard", "--folder-pattern", "a"),
        ("--dir", "in", "--folder-pattern", "../{PatientID}"),
    ],
)
async def test_patterns_that_cannot_be_kept_are_refused(arguments: tuple[str, ...]) -> None:
    with pytest.raises(ConfigurationError, match=r"cannot be laid out|begins with a dot"):
        await Run(*arguments).run()


def test_the_help_names_the_usual_patterns(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        build_parser().parse_args(["listen", "--help"])
    told = "".join(capsys.readouterr().out.split())
    assert FolderPatterns().folder in told
    assert FolderPatterns().file in told
