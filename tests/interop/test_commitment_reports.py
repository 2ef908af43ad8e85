"""Reports of storage commitment to a receiver that is down: pynetdicom as user and receiver, our listener killed."""

from __future__ import annotations

import contextlib
import json
import signal
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers import peers
from helpers.bad_peer import reached
from helpers.command_line import Listening
from helpers.instances import CT, EXPLICIT, instance_of, write_instance

from dicomgui.app.listening.report_queue import FILE_NAME
from dicomgui.network import connect, presets

COMMITMENT, COMMITMENT_INSTANCE = "1.2.840.10008.1.20.1", "1.2.840.10008.1.20.1.1"
ANSWERS = "[commitment]\nretry_s = 1\n"
PATIENCE_S = 60.0
pytestmark = [
    pytest.mark.interop("pynetdicom"),
    pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL"),
]


@contextlib.contextmanager
def listener(folder: Path, receiver: int) -> Iterator[Listening]:
    answers = folder / "answers.toml"
    answers.write_text(ANSWERS)
    arguments = ("--aet", "OURS", "--commit", "new", "--answers", answers, "--peer", f"PYNETDICOM=127.0.0.1:{receiver}")
    with Listening(folder / "archive", *arguments, "--json") as running:
        yield running


async def ask(port: int, uid: str, *instances: str) -> list[str]:
    """Have pynetdicom ask for commitment and leave; the statuses of the confirmations."""
    wanted = {
        "TransactionUID": uid,
        "ReferencedSOPSequence": [
            {"ReferencedSOPClassUID": CT, "ReferencedSOPInstanceUID": instance} for instance in instances
        ],
    }
    step = ["n_action", COMMITMENT, COMMITMENT_INSTANCE, 1, wanted]
    said = await peers.pynetdicom_user(port, "OURS", classes=[COMMITMENT], calling="PYNETDICOM", steps=[step])
    return [one["status"] for one in said if "status" in one]


def queued(folder: Path) -> list[dict[str, Any]]:
    path = folder / "archive" / FILE_NAME
    return list(json.loads(path.read_bytes())["reports"]) if path.exists() else []


async def test_a_report_is_tried_until_its_receiver_comes_also_after_a_kill(tmp_path: Path) -> None:
    here, gone = (write_instance(tmp_path / "files", number) for number in (1, 2))
    receiver = peers.free_port()
    with listener(tmp_path, receiver) as ours:
        async with connect(f"OURS@127.0.0.1:{ours.port}", contexts=presets.for_instances([(CT, EXPLICIT)])) as assoc:
            for file in (here, gone):
                (await assoc.store(file)).raise_for_status()
        asked = [instance_of(here), instance_of(gone), "2.25.404"]
        assert await ask(ours.port, "2.25.9", *asked) == ["0000"]
        await reached(lambda: bool(queued(tmp_path)) and queued(tmp_path)[0]["attempts"] > 0, "it failed", PATIENCE_S)
        path = tmp_path / "archive" / FILE_NAME
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        ours.process.send_signal(signal.SIGKILL)
        ours.process.wait(PATIENCE_S)
    assert [one["transaction_uid"] for one in queued(tmp_path)] == ["2.25.9"]
    [kept] = [one for one in (tmp_path / "archive").rglob("*.dcm") if instance_of(one) == instance_of(gone)]
    kept.write_bytes(kept.read_bytes()[:-2])  # meanwhile: not committed any more
    script = peers.SOURCE / "tests" / "interop" / "pynetdicom_services.py"
    with listener(tmp_path, receiver) as ours:
        with peers.Process("python", (script, receiver, tmp_path), tmp_path / "receiver.log") as process:
            await reached(lambda: not path.exists(), "the report is delivered", PATIENCE_S)
            [report] = [one for one in peers.said_by(process.log) if one["what"] == "report"]
        code, out, _ = ours.stop(signal.SIGTERM)
    assert code == 0
    assert report["type"] == 2
    content = report["content"]
    assert content["TransactionUID"] == "2.25.9"
    assert instance_of(here) in content["ReferencedSOPSequence"]
    failed = content["FailedSOPSequence"]
    assert [uid in failed for uid in asked] == [False, True, True]
    assert f"US: {0x0110}" in failed
    assert f"US: {0x0112}" in failed
    said = [json.loads(line) for line in out.splitlines()]
    assert any("reported at attempt" in one.get("detail", "") for one in said if one["event"] == "answered")
