"""Each example of ``n-template`` in its help, with foreign providers."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import pytest
from helpers import peers, print_peers
from helpers.instances import instance_of, shipped_folder

from dicomgui.cli.main import main
from dicomgui.cli.template_parser import EXAMPLES

LINES = EXAMPLES.strip().splitlines()
ON_DCMPRSCP = [line for line in LINES if "PRINTER@" in line and "Annotation" not in line]


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[peers.Peer]:
    with peers.pynetdicom_services(tmp_path_factory.mktemp("pynetdicom") / "services", []) as peer:
        yield peer


@pytest.fixture(scope="module")
def dcmprscp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[peers.Peer]:
    with print_peers.dcmprscp(tmp_path_factory.mktemp("dcmprscp") / "printer") as peer:
        yield peer


def arguments(line: str, peer: peers.Peer) -> list[str]:
    name, _, *rest = shlex.split(line)
    return [name, peer.address, *rest]


@pytest.fixture(scope="module")
def step(provider: peers.Peer) -> str:
    """The step that the examples name."""
    pushed = f"n-create {provider.address} --class UnifiedProcedureStepPush --instance 2.25.1"
    assert main(shlex.split(pushed)) == 0
    return "2.25.1"


@pytest.mark.interop("pynetdicom")
@pytest.mark.parametrize("line", [line for line in LINES if line not in ON_DCMPRSCP])
def test_each_example_is_done_by_pynetdicom(
    provider: peers.Peer, step: str, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments(line, provider)) == 0, str(capsys.readouterr())[-600:]
    out = capsys.readouterr().out
    assert " 0x0000 Success" in out
    assert ("Annotation" not in line) or ("ExecutionStatus" in out and "TextString" in out and "Left" in out)


@pytest.mark.interop("dcmprscp")
@pytest.mark.parametrize("line", ON_DCMPRSCP)
def test_each_example_of_printing_is_done_by_dcmprscp(
    dcmprscp: peers.Peer, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments(line, dcmprscp)) == 0, capsys.readouterr()


@pytest.mark.interop("pynetdicom")
def test_what_was_asked_for_is_what_the_peer_heard(provider: peers.Peer) -> None:
    before = len(peers.said_by(provider.log))
    for key in ("ups-subscribe", "ups-suspend", "ups-suspend-filtered", "ups-unsubscribe", "ups-subscribe-filtered"):
        assert main(["n-template", provider.address, key]) == 0
    said = [(one["uid"], one["type"]) for one in peers.said_by(provider.log)[before:] if one["what"] == "action"]
    steps = "1.2.840.10008.5.1.4.34.5"
    assert said == [(steps, 3), (steps, 5), (f"{steps}.1", 5), (steps, 4), (f"{steps}.1", 3)]


@pytest.mark.interop("pynetdicom")
def test_a_performed_step_refers_to_the_instances_of_files(provider: peers.Peer) -> None:
    before = len(peers.said_by(provider.log))
    file = shipped_folder() / "test_files" / "CT_small.dcm"
    assert main(["n-template", provider.address, "mpps-begin", "mpps-completed", "--file", str(file)]) == 0
    [attributes] = [one["attributes"] for one in peers.said_by(provider.log)[before:] if one["what"] == "set"]
    assert instance_of(file) in str(attributes["PerformedSeriesSequence"])
