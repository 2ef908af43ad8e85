"""Negotiation profiles beside pynetdicom and DCMTK, with DCMTK's own files as well."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from helpers import peers
from helpers.command_line import Listening, dicomgui
from helpers.instances import CT, EXPLICIT, IMPLICIT, MR, write_instance
from pynetdicom import AE, evt

VERIFICATION = "1.2.840.10008.1.1"
FIND = "1.2.840.10008.5.1.4.1.2.2.1"
JPEG_LS = "1.2.840.10008.1.2.4.80"

PROFILE = """
[syntaxes]
plain = ["ImplicitVRLittleEndian", "ExplicitVRLittleEndian"]

[profile.ct]
operations_invoked = 4
operations_performed = 2
max_pdu_length = 65536
implementation_class_uid = "1.2.3.4"
implementation_version_name = "MODALITY_7"

[[profile.ct.context]]
abstract_syntax = "Verification"
transfer_syntaxes = "plain"

[[profile.ct.context]]
abstract_syntax = ["CTImageStorage", "1.2.840.10008.5.1.4.1.1.4"]
transfer_syntaxes = ["JPEGLSLossless", "plain"]
role = "both"

[[profile.ct.context]]
abstract_syntax = "StudyRootQueryRetrieveInformationModelFind"
transfer_syntaxes = ["1.2.840.10008.1.2", "ExplicitVRLittleEndian"]
separate = true

[[profile.ct.extended]]
sop_class = "StudyRootQueryRetrieveInformationModelFind"
flags = ["relational", "fuzzy"]

[[profile.ct.extended]]
sop_class = "CTImageStorage"
bytes = "02 00 03 00 00 00"

[[profile.ct.common_extended]]
sop_class = "CTImageStorage"
related = ["SecondaryCaptureImageStorage"]

[profile.window]
operations_invoked = 3
"""
PLAIN = [IMPLICIT, EXPLICIT]

ASCONFIG = r"""
[[TransferSyntaxes]]
[Plain]
TransferSyntax1 = LittleEndianImplicit
TransferSyntax2 = LittleEndianExplicit
[Explicit]
TransferSyntax1 = LittleEndianExplicit
[[PresentationContexts]]
[Contexts]
PresentationContext1 = VerificationSOPClass\Plain
PresentationContext2 = CTImageStorage\Explicit
PresentationContext3 = 1.2.840.10008.5.1.4.1.1.4\Plain
[[SCPSCURoleSelection]]
[Roles]
Role1 = CTImageStorage\BOTH
[[ExtendedNegotiation]]
[Extended]
ExtendedNegotiation1 = CTImageStorage\020003000000
[[Profiles]]
[Bare]
PresentationContexts = Contexts
[Whole]
PresentationContexts = Contexts
SCPSCURoleSelection = Roles
ExtendedNegotiation = Extended
"""


@pytest.fixture
def profiles(tmp_path: Path) -> Path:
    path = tmp_path / "profiles.toml"
    path.write_text(PROFILE, encoding="utf-8")
    return path


@pytest.fixture
def asconfig(tmp_path: Path) -> Path:
    path = tmp_path / "dcmtk.cfg"
    path.write_text(ASCONFIG, encoding="ascii")
    return path


@contextmanager
def asked_by() -> Iterator[tuple[str, list[Any]]]:
    """pynetdicom as a provider of everything here; its address, and what it is asked."""
    asked: list[Any] = []
    ae = AE("PYNET")
    for uid in (VERIFICATION, CT, MR, FIND):
        ae.add_supported_context(uid, [IMPLICIT, EXPLICIT, JPEG_LS])
    server = ae.start_server(
        ("127.0.0.1", 0),
        block=False,
        evt_handlers=[(evt.EVT_REQUESTED, lambda event: asked.append(event.assoc.requestor))],
    )
    try:
        yield f"PYNET@127.0.0.1:{server.socket.getsockname()[1]}", asked
    finally:
        server.shutdown()


def offered(requestor: Any) -> list[tuple[str, list[str]]]:
    return [
        (str(context.abstract_syntax), [str(syntax) for syntax in context.transfer_syntax])
        for context in requestor.primitive.presentation_context_definition_list
    ]


def test_what_a_profile_names_is_what_a_provider_is_offered(profiles: Path) -> None:
    with asked_by() as (address, asked):
        done = dicomgui("echo", address, "--negotiation", profiles, "--negotiation-profile", "ct")
    assert done.returncode == 0, done.stderr
    (requestor,) = asked
    images = [JPEG_LS, *PLAIN]
    assert offered(requestor) == [
        (VERIFICATION, PLAIN), (CT, images), (MR, images), (FIND, [IMPLICIT]), (FIND, [EXPLICIT]),
    ]  # fmt: skip
    assert {uid: (item.scu_role, item.scp_role) for uid, item in requestor.role_selection.items()} == {
        CT: (True, True), MR: (True, True),
    }  # fmt: skip
    assert requestor.sop_class_extended == {FIND: b"\1\0\1", CT: b"\2\0\3\0\0\0"}
    (common,) = requestor.sop_class_common_extended.values()
    assert common.related_general_sop_class_identification == ["1.2.840.10008.5.1.4.1.1.7"]
    assert requestor.asynchronous_operations == (4, 2)
    assert requestor.maximum_length == 65_536
    assert requestor.implementation_class_uid == "1.2.3.4"
    assert requestor.implementation_version_name == "MODALITY_7"


def test_a_profile_without_contexts_leaves_those_of_the_operation(profiles: Path) -> None:
    with asked_by() as (address, asked):
        done = dicomgui("echo", address, "--negotiation", profiles, "--negotiation-profile", "window")
    assert done.returncode == 0, done.stderr
    assert [uid for uid, _ in offered(asked[0])] == [VERIFICATION]
    assert asked[0].asynchronous_operations == (3, 1)


def test_an_operation_whose_class_the_profile_lacks_fails_by_name(profiles: Path, tmp_path: Path) -> None:
    file = write_instance(tmp_path, 1, sop_class="1.2.840.10008.5.1.4.1.1.7")
    with asked_by() as (address, _):
        done = dicomgui("send", address, file, "--negotiation", profiles, "--negotiation-profile", "ct")
    assert done.returncode == 1
    assert b"Secondary Capture" in done.stdout + done.stderr


@pytest.mark.interop("storescp")
def test_both_sides_read_the_same_file_of_dcmtk(asconfig: Path, tmp_path: Path) -> None:
    """A file that is in Implicit VR is converted on the way, since Explicit is all that the profile has for CT."""
    ct = write_instance(tmp_path, 1, syntax=IMPLICIT)
    mr = write_instance(tmp_path, 2, sop_class=MR, syntax=IMPLICIT)
    kept = tmp_path / "kept"
    kept.mkdir()
    with peers.storescp(kept, "-xf", asconfig, "Bare") as peer:
        done = dicomgui("send", peer.address, ct, mr, "--negotiation", asconfig, "--negotiation-profile", "Whole")
        assert done.returncode == 0, done.stdout
        peer_log = peer.log
    from pydicom import dcmread

    found = {
        str(dataset.SOPClassUID): str(dataset.file_meta.TransferSyntaxUID)
        for dataset in (dcmread(path, specific_tags=["SOPClassUID"]) for path in kept.glob("*.dcm"))
    }
    assert found == {CT: EXPLICIT, MR: IMPLICIT}, peer_log


@pytest.mark.interop("storescu", "echoscu")
def test_a_listener_answers_storescu_with_a_file_of_dcmtk(asconfig: Path, tmp_path: Path) -> None:
    """The listener takes its own first syntax of those that are proposed, and refuses what its profile lacks."""
    offers = tmp_path / "offers.cfg"
    offers.write_text(
        ASCONFIG.replace("CTImageStorage\\Explicit", "CTImageStorage\\Plain").replace(
            "PresentationContext3", "PresentationContext3 = SecondaryCaptureImageStorage\\Plain\nPresentationContext4"
        ),
        encoding="ascii",
    )
    file = write_instance(tmp_path, 1)
    options = ("--negotiation", asconfig, "--negotiation-profile", "Whole")
    with Listening(tmp_path / "received", *options) as ours:
        sent = peers.run_here(
            "storescu", "-d", "-xf", offers, "Whole", "-aec", "DICOMGUI", "127.0.0.1", ours.port, file
        )
        echoed = peers.run_here("echoscu", "-v", "-aec", "DICOMGUI", "127.0.0.1", ours.port)
    assert sent.code == 0, sent
    assert echoed.code == 0, echoed
    answer = sent.output[sent.output.index("A-ASSOCIATE-AC") :]
    results = [line.split("(")[1].rstrip(")") for line in answer.splitlines() if "Context ID:" in line]
    assert results == ["Accepted", "Accepted", "Abstract Syntax Not Supported", "Accepted"]
    syntaxes = [line.split("=")[1].strip() for line in answer.splitlines() if "Accepted Transfer Syntax" in line]
    assert syntaxes[:2] == ["LittleEndianImplicit", "LittleEndianExplicit"], answer
    assert "Accepted SCP/SCU Role: SCU/SCP" in answer or "Accepted SCP/SCU Role: SCP/SCU" in answer, answer
    assert answer.count("[0x02, 0x00, 0x03, 0x00, 0x00, 0x00]") == 2, answer


@pytest.mark.interop("storescp")
@pytest.mark.parametrize("name", ["storescu.cfg", "storescp.cfg", "dcmqrprf.cfg"])
def test_the_files_that_dcmtk_brings_are_understood(name: str) -> None:
    from dicomgui.app.configuration.negotiation_file import read_profiles

    found = read_profiles(Path("/etc/dcmtk") / name)
    assert all(len(profile.contexts) > 100 for profile in found.values())
