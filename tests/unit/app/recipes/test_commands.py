"""Operations as commands: ours parse to the same operation, the others say what their tools document."""

from __future__ import annotations

import argparse
import ast
import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers.instances import elements

from dicomgui.app.asking.keys import parse_key
from dicomgui.app.asking.levels import Level
from dicomgui.app.asking.query import Query
from dicomgui.app.asking.wanted import Wanted
from dicomgui.app.asking.worklist import worklist_query
from dicomgui.app.configuration.negotiation_file import NegotiationFile
from dicomgui.app.connection import ConnectionOptions, RoleWish, always
from dicomgui.app.credentials import Identity, IdentityKind
from dicomgui.app.files.conversion import Conversion
from dicomgui.app.nservices.requests import NOperation, NRequest, sop_class_of
from dicomgui.app.recipes.commands import Tool, command_of, commands_of
from dicomgui.app.recipes.recipe import MAX_PATHS, Recipe, Verb, gathered, keys_in
from dicomgui.app.recipes.shells import Shell
from dicomgui.app.transfers.retrieve_manner import RetrieveManner
from dicomgui.cli.main import build_parser
from dicomgui.cli.target import target_of
from dicomgui.network import PeerAddress, Timeouts, TlsConfig, parse_proxy
from dicomgui.network.association.extended import QueryFlags
from dicomgui.network.dimse.commands import Priority
from dicomgui.network.transport import SocketOptions

PEER = PeerAddress.parse("PACS@192.0.2.7:11112")
OPTIONS = ConnectionOptions()
KEYS = (parse_key("PatientName=DOE^J*"), parse_key("StudyDate=20240101-20240131"))
SECRET = "open sesame"
MPPS = sop_class_of("ModalityPerformedProcedureStep")
ANNA = Identity(IdentityKind.PASSCODE, "anna")


def find(**more: Any) -> Recipe:
    return Recipe.of_query(PEER, OPTIONS, Query(KEYS, **more))


def get(*keys: str, level: Level = Level.STUDY, **more: Any) -> Recipe:
    return Recipe.of_retrieval(PEER, OPTIONS, [Wanted(level, tuple(map(parse_key, keys)))], **more)


def normalized(operation: NOperation, **more: Any) -> Recipe:
    return Recipe(Verb.NORMALIZED, PEER, request=NRequest(operation, MPPS, "1.2.3", **more))


def arguments(recipe: Recipe, tool: Tool) -> list[str]:
    """What the shell gives to the program, its name first."""
    text = command_of(recipe, tool).text
    assert text, command_of(recipe, tool).notes
    return shlex.split(text)


def parsed(recipe: Recipe) -> argparse.Namespace:
    """What our command line understands."""
    program, *others = arguments(recipe, Tool.DICOMGUI)
    assert program == "dicomgui"
    return build_parser().parse_args(others)


EVERYTHING = (
    Recipe(Verb.ECHO, PEER, repeat=3),
    Recipe(Verb.SEND, PEER, paths=("a b.dcm", "folder"), conversion=Conversion.LOSSLESS),
    find(),
    Recipe.of_query(PEER, OPTIONS, worklist_query((parse_key("ScheduledProcedureStepSequence[0].Modality=CT"),))),
    get("StudyInstanceUID=1.2.3"),
    get("StudyInstanceUID=1.2.3", destination="ME", listen_port=11113),
    normalized(NOperation.CREATE, dataset=elements(PatientName="DOE^J", PatientID="17")),
    normalized(NOperation.SET, dataset=elements(PatientID="17")),
    normalized(NOperation.GET, attributes=(0x00100010,)),
    normalized(NOperation.ACTION, type_id=1, dataset=elements(TransactionUID="1.2")),
    normalized(NOperation.EVENT_REPORT, type_id=2),
    normalized(NOperation.DELETE),
)


# -- ours ------------------------------------------------------------------------------------------------------------


def test_our_query_parses_to_the_same_query() -> None:
    recipe = find(level=Level.SERIES, root="patient", limit=7, returned=(parse_key("SeriesNumber"),))
    read = parsed(recipe)
    again = Query(tuple(read.keys), tuple(read.returned), Level(read.level.upper()), read.root, read.limit)
    assert again == Query(recipe.keys, recipe.returned, recipe.level, recipe.root, recipe.limit)
    assert read.peer == PEER


def test_our_worklist_query_parses_to_the_same_query() -> None:
    keys = (parse_key("(0040,0100)[0].Modality=CT"),)
    for returned in (None, (parse_key("PatientID"),)):
        recipe = Recipe.of_query(PEER, OPTIONS, worklist_query(keys, returned, limit=9))
        read = parsed(recipe)
        again = worklist_query(tuple(read.keys), tuple(read.returned) or None, read.limit)
        assert again.identifier().dataset == recipe.identifier()
        assert len(read.returned) == (0 if returned is None else 1), "what is usual needs no words"


@pytest.mark.parametrize("way", [{}, {"destination": "ME", "listen_port": 4}])
def test_our_retrievals_name_when_they_cancel_themselves(way: dict[str, Any]) -> None:
    recipe = get("StudyInstanceUID=1.2", manner=RetrieveManner(cancel_after=5, cancel_after_s=0.25), **way)
    read = parsed(recipe)
    assert (read.cancel_after, read.cancel_after_ms) == (5, 250)
    for tool in (Tool.DCMTK, Tool.DCM4CHE, Tool.PYNETDICOM):
        notes = " ".join(command_of(recipe, tool).notes)
        assert "does not cancel a retrieval after a time" in notes
        assert "does not cancel a retrieval after sub-operations" in notes


def test_our_retrievals_parse_to_the_same_request() -> None:
    recipe = get("StudyInstanceUID=1.2", "SeriesInstanceUID=1.2.3", level=Level.SERIES, destination="ME", listen_port=4)
    read = parsed(recipe)
    assert (read.to, read.level, read.listen, read.out) == ("ME", "series", 4, "received")
    assert tuple(read.keys) == recipe.keys
    assert parsed(replace(recipe, listen_port=None)).listen is None
    assert parsed(get("StudyInstanceUID=1.2", folder="in here")).out == "in here"


def test_our_echo_and_send_parse_to_the_same() -> None:
    assert parsed(Recipe(Verb.ECHO, PEER, repeat=3)).repeat == 3
    read = parsed(Recipe(Verb.SEND, PEER, paths=("-odd name.dcm", "b"), conversion=Conversion.ALL))
    assert (read.paths, read.convert, read.send_broken) == (["./-odd name.dcm", "b"], "all", False)
    assert parsed(Recipe(Verb.SEND, PEER, paths=("b",), sends_broken=True)).send_broken


@pytest.mark.parametrize("recipe", EVERYTHING[6:], ids=lambda one: one.operation.value)
def test_our_normalized_requests_parse_to_the_same(recipe: Recipe) -> None:
    line, _, rest = command_of(recipe, Tool.DICOMGUI).text.partition(" <<'END'\n")
    read = build_parser().parse_args(shlex.split(line)[1:])
    request = recipe.request
    assert request is not None
    assert (read.operation, read.sop_class, read.instance) == (request.operation.value, MPPS, "1.2.3")
    assert (read.type_id, tuple(one.tag for one in read.attributes)) == (request.type_id, request.attributes)
    assert (read.dataset, bool(rest)) == (("-", True) if request.dataset is not None else (None, False))


def test_our_command_connects_in_the_same_way(tmp_path: Path) -> None:
    options = ConnectionOptions(
        "ME TOO", Timeouts(7, 7, 7, 7, cancel_s=60), 65536,
        tls=TlsConfig("extended", verify="none", server_name="pacs"),
        identity=Identity(IdentityKind.USERNAME, "anna o'neil", True), async_ops=(4, 2),
        extended=QueryFlags(relational=True, fuzzy=True), role=RoleWish.BOTH, require_identity=True,
        max_sent_pdu_length=16384, local_host="192.0.2.1", sockets=SocketOptions(keepalive_s=30, family="ipv4"),
        priority=Priority.HIGH,
    )  # fmt: skip
    recipe = Recipe.of_query(PeerAddress.parse("-A B@[::1]:104"), options, Query(KEYS))
    read = parsed(recipe)
    peer, again = target_of(read)
    assert str(peer) == "-A B@[::1]:104"
    assert replace(again, timeouts=options.timeouts) == options
    assert (again.timeouts.connect_s, again.timeouts.response_s, again.timeouts.cancel_s) == (7, 7, 60)


# -- the others ------------------------------------------------------------------------------------------------------


def test_dcmtk_commands_say_who_and_what() -> None:
    recipe = find(level=Level.SERIES, root="patient", limit=7)
    line = arguments(replace(recipe, options=ConnectionOptions("ME", max_pdu_length=32768)), Tool.DCMTK)
    assert line[0] == "findscu"
    assert line[-2:] == ["192.0.2.7", "11112"]
    for pair in (("-aet", "ME"), ("-aec", "PACS"), ("-pdu", "32768"), ("--cancel", "7")):
        assert line[line.index(pair[0]) + 1] == pair[1]
    assert "-P" in line
    keys = [line[at + 1] for at, word in enumerate(line) if word == "-k"]
    assert {"0008,0052=SERIES", "0010,0010=DOE^J*", "0020,000e"} <= set(keys)


def test_a_key_in_a_sequence_has_a_path_in_every_tool() -> None:
    recipe = EVERYTHING[3]
    assert "(0040,0100)[0].(0008,0060)=CT" in arguments(recipe, Tool.DCMTK)
    assert "ScheduledProcedureStepSequence/Modality=CT" in arguments(recipe, Tool.DCM4CHE)
    assert "item0_0.Modality = 'CT'" in command_of(recipe, Tool.PYNETDICOM).text
    assert "ScheduledProcedureStepSequence[0].Modality=CT" in arguments(recipe, Tool.DICOMGUI)


def test_dcmtk_is_not_asked_for_what_it_cannot_do() -> None:
    secure = ConnectionOptions(tls=TlsConfig())
    moving = command_of(replace(get("StudyInstanceUID=1", destination="ME"), options=secure), Tool.DCMTK)
    assert (moving.text, moving.notes) == ("", ("DCMTK's movescu does not speak TLS.",))
    assert command_of(normalized(NOperation.DELETE), Tool.DCMTK).text == ""
    named = command_of(Recipe(Verb.ECHO, PEER, ConnectionOptions(identity=ANNA)), Tool.DCMTK)
    assert any("user identity" in note for note in named.notes)
    unlimited = command_of(Recipe(Verb.ECHO, PEER, ConnectionOptions(max_pdu_length=0)), Tool.DCMTK)
    assert any("maximum PDU length" in note for note in unlimited.notes)


def test_files_go_by_dcmsend_and_where_it_cannot_by_storescu() -> None:
    plain = Recipe(Verb.SEND, PEER, paths=("@list", "-x", "+y", "z"))
    assert arguments(plain, Tool.DCMTK)[0] == "dcmsend"
    assert arguments(plain, Tool.DCMTK)[-4:] == ["./@list", "./-x", "./+y", "z"]
    assert arguments(replace(plain, options=ConnectionOptions(tls=TlsConfig())), Tool.DCMTK)[0] == "storescu"


@pytest.mark.parametrize("title", ["-aec", "@file", "+tla"])
def test_an_ae_title_that_dcmtk_would_take_for_an_option_makes_no_command(title: str) -> None:
    made = command_of(Recipe(Verb.ECHO, PeerAddress.parse(f"{title}@h:1")), Tool.DCMTK)
    assert (made.text, title in made.notes[0]) == ("", True)


def test_dcm4che_commands_have_the_documented_options() -> None:
    line = arguments(find(level=Level.IMAGE, limit=3), Tool.DCM4CHE)
    assert line[:3] == ["findscu", "-c", "PACS@192.0.2.7:11112"]
    for pair in (("-L", "IMAGE"), ("-M", "StudyRoot"), ("--cancel", "3"), ("--connect-timeout", "5000")):
        assert line[line.index(pair[0]) + 1] == pair[1]
    assert "PatientName=DOE^J*" in line
    moving = arguments(get("StudyInstanceUID=1.2.3", destination="ME"), Tool.DCM4CHE)
    assert moving[moving.index("--dest") + 1] == "ME"
    assert arguments(Recipe(Verb.ECHO, PEER), Tool.DCM4CHE)[0] == "storescu"


def test_a_priority_is_said_where_there_is_a_word_for_it() -> None:
    recipe = replace(find(), options=ConnectionOptions(priority=Priority.LOW))
    assert "--prior-low" in arguments(recipe, Tool.DCM4CHE)
    assert ", priority=2)" in command_of(recipe, Tool.PYNETDICOM).text
    assert any("priority" in note for note in command_of(recipe, Tool.DCMTK).notes)


def test_windows_gets_quotes_where_dcm4che_would_be_cut() -> None:
    text = command_of(get("StudyInstanceUID=1.2.3"), Tool.DCM4CHE, Shell.CMD).text
    assert '"StudyInstanceUID=1.2.3"' in text


@pytest.mark.parametrize("recipe", EVERYTHING, ids=lambda one: one.operation or one.verb)
def test_every_script_is_python(recipe: Recipe) -> None:
    made = command_of(recipe, Tool.PYNETDICOM)
    tree = ast.parse(made.text)
    assert made.is_script
    assert any(isinstance(node, ast.Attribute) and node.attr.startswith("send_") for node in ast.walk(tree))


def test_a_script_makes_the_same_data_set() -> None:
    inner = elements(Modality="CT", ScheduledStationAETitle="")
    sent = elements(
        SpecificCharacterSet="ISO_IR 192", PatientName="王^小東", PatientID='"\\n$(id)', Rows=3, PatientWeight="71.5",
        OtherPatientIDs=["a", "b"], ScheduledProcedureStepSequence=[inner], ReferencedStudySequence=[],
    )  # fmt: skip
    sent.add_new(0x00091001, "UN", b"\0\x01")
    text = command_of(normalized(NOperation.CREATE, dataset=sent), Tool.PYNETDICOM).text
    lines = [line.strip() for line in text.splitlines() if re.match(r" +(dataset|item0_0)\b", line)]
    space: dict[str, Any] = {}
    exec("from pydicom.dataset import Dataset\n" + "\n".join(lines), space)
    assert space["dataset"] == sent


# -- secrets and hostile text ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", IdentityKind)
@pytest.mark.parametrize("shell", Shell)
def test_no_command_tells_a_secret(kind: IdentityKind, shell: Shell) -> None:
    identity = Identity(kind, "anna" if kind.has_name else "")
    tls = TlsConfig(ca_file="ca.pem", cert_file="me.pem", key_file="me.key", key_password=always(SECRET))
    options = ConnectionOptions(identity=identity, secret=SECRET, tls=tls)
    for recipe in EVERYTHING:
        for made in commands_of(replace(recipe, options=options), shell):
            assert SECRET not in made.text + " ".join(made.notes)


@pytest.mark.parametrize("value", ["a'b", 'a"b', "$(id)", "`id`", "x; reboot", "%PATH%", "'''", '"""', "{0}"])
def test_text_of_a_peer_stays_one_value(value: str) -> None:
    recipe = get(f"PatientID={value}")
    assert f"PatientID={value}" in arguments(recipe, Tool.DICOMGUI)
    assert f"0010,0020={value}" in arguments(recipe, Tool.DCMTK)
    assert f"PatientID={value}" in arguments(recipe, Tool.DCM4CHE)
    script = ast.parse(command_of(recipe, Tool.PYNETDICOM).text)
    assert value in {node.value for node in ast.walk(script) if isinstance(node, ast.Constant)}


@pytest.mark.parametrize("value", ["a\nreboot", "\x1b]0;x\x07", "a\u202eb"])
def test_control_characters_make_no_command_line_and_are_escaped_in_scripts(value: str) -> None:
    recipe = replace(get("PatientID=1"), keys=(replace(parse_key("PatientID=1"), value=value),))
    *lines, script = commands_of(recipe)
    assert {line.text for line in lines} == {""}
    assert all("U+" in line.notes[0] for line in lines)
    assert value not in script.text
    assert value in {node.value for node in ast.walk(ast.parse(script.text)) if isinstance(node, ast.Constant)}


def test_a_data_set_cannot_end_the_text_that_holds_it() -> None:
    sent = elements(PatientComments="x\nEND\nreboot\n", PatientID="END")
    text = command_of(normalized(NOperation.SET, dataset=sent), Tool.DICOMGUI).text
    assert [line for line in text.splitlines() if line == "END"] == ["END"]
    assert text.endswith("\nEND")


def test_text_that_is_not_ascii_is_announced_as_utf_8_for_dcmtk() -> None:
    made = command_of(get("PatientName=Müller"), Tool.DCMTK)
    assert "0008,0005=ISO_IR 192" in shlex.split(made.text)
    assert any("UTF-8" in note for note in made.notes)


# -- recipes ---------------------------------------------------------------------------------------------------------


def test_many_files_become_the_folder_above_them() -> None:
    few = [f"/data/{number}.dcm" for number in range(MAX_PATHS)]
    assert gathered(few) == (tuple(few), ())
    folder, notes = gathered([*few, "/data/sub/x.dcm"])
    assert folder == (str(Path("/data")),)
    assert f"{MAX_PATHS + 1}" in notes[0]


def test_keys_of_an_identifier_come_with_their_paths() -> None:
    inner = elements(Modality="CT")
    dataset = elements(PatientName="A", OtherPatientIDs=["a", "b"], ScheduledProcedureStepSequence=[inner])
    dataset.ReferencedStudySequence = []
    assert dict(keys_in(dataset)) == {
        (0x00081110,): "", (0x00100010,): "A", (0x00101000,): "a\\b", (0x00400100, 0x00080060): "CT",
    }  # fmt: skip


def test_a_recipe_without_what_it_needs_is_no_command() -> None:
    assert {made.text for made in commands_of(Recipe(Verb.SEND, PEER))} == {""}
    assert command_of(replace(find(), root="no-such-model"), Tool.DICOMGUI).text == ""


def test_proxies_ciphers_and_profiles_are_said_or_noted(tmp_path: Path) -> None:
    file = tmp_path / "profiles.toml"
    file.write_text('[profile.ct]\nmax_pdu_length = 32768\n[[profile.ct.context]]\nabstract_syntax = "Verification"\n')
    for url, shown in (("socks5h://anna:hidden@gate:1081", "socks5h://anna@gate:1081"), ("http://gate", "gate:3128")):
        options = ConnectionOptions(
            sockets=SocketOptions(proxy=parse_proxy(url)),
            tls=TlsConfig(verify="none", ciphers="ECDHE-RSA-AES128-GCM-SHA256"),
            negotiation=NegotiationFile(str(file), "ct"),
        )
        recipe = Recipe(Verb.ECHO, PEER, options)
        understood = parsed(recipe)
        assert understood.proxy == parse_proxy(url.replace(":hidden", ""))
        assert (understood.tls_ciphers, understood.negotiation, understood.negotiation_profile) == (
            "ECDHE-RSA-AES128-GCM-SHA256", str(file), "ct",
        )  # fmt: skip
        said = {one.tool: (one.text, " ".join(one.notes)) for one in commands_of(recipe)}
        assert shown in said[Tool.DICOMGUI][0]
        assert "hidden" not in str(said)
        assert "know no proxies" in said[Tool.DCMTK][1]
        assert "+cs" in said[Tool.DCMTK][1]
        assert "knows no proxies" in said[Tool.PYNETDICOM][1]
        assert "set_ciphers('ECDHE-RSA-AES128-GCM-SHA256')" in said[Tool.PYNETDICOM][0]
        assert ("--proxy gate:3128" in said[Tool.DCM4CHE][0]) is url.startswith("http")
        assert ("HTTP proxies only" in said[Tool.DCM4CHE][1]) is url.startswith("socks")
        assert all("negotiation profile" in said[tool][1] for tool in Tool if tool is not Tool.DICOMGUI)
