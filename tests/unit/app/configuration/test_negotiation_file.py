"""Files of negotiation profiles: what is read of them, and how what is not understood is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from dicomgui.app.configuration.negotiation_file import MAX_BYTES, NegotiationFile, read_profiles
from dicomgui.network.errors import ConfigurationError

CT, MR = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4"
FIND = "1.2.840.10008.5.1.4.1.2.2.1"
IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
CONTEXT = """
[[profile.a.context]]
abstract_syntax = "CTImageStorage"
transfer_syntaxes = ["ImplicitVRLittleEndian"]
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "profiles.toml"
    path.write_text(text, encoding="utf-8")
    return path


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read_profiles(written(folder, text))
    return str(caught.value)


def test_all_that_a_profile_may_say(tmp_path: Path) -> None:
    text = f"""
[syntaxes]
plain = ["ImplicitVRLittleEndian", "1.2.840.10008.1.2.1"]
[profile.a]
description = "one"
accept_related = true
operations_performed = 2
max_sent_pdu_length = 16384
implementation_version_name = "X"
[[profile.a.context]]
abstract_syntax = ["CTImageStorage", "{MR}"]
transfer_syntaxes = "plain"
role = "scp"
[[profile.a.context]]
abstract_syntax = "StudyRootQueryRetrieveInformationModelFind"
transfer_syntaxes = ["plain", "{EXPLICIT}"]
separate = true
[[profile.a.extended]]
sop_class = "{CT}"
level = 2
[[profile.a.extended]]
sop_class = "{FIND}"
flags = ["relational"]
[[profile.a.common_extended]]
sop_class = "{CT}"
service_class = "StorageServiceClass"
related = "{MR}"
"""
    profile = read_profiles(written(tmp_path, text))["a"]
    assert [(one.abstract_syntax, one.transfer_syntaxes, (one.scu_role, one.scp_role)) for one in profile.contexts] == [
        (CT, (IMPLICIT, EXPLICIT), (False, True)),
        (MR, (IMPLICIT, EXPLICIT), (False, True)),
        (FIND, (IMPLICIT,), (None, None)),
        (FIND, (EXPLICIT,), (None, None)),
    ]
    assert profile.async_ops == (1, 2)
    assert (profile.max_pdu_length, profile.max_sent_pdu_length) == (None, 16_384)
    assert profile.implementation is not None
    assert profile.implementation.version_name == "X"
    assert [item.sop_class_uid for item in profile.extended] == [CT, FIND]
    assert profile.common_extended[0].related == (MR,)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[profile.a]\ncolour = 3\n", "line 2"),
        ("[profile.a]\ncontext = 3\n", "no list of tables"),
        ("[profile.a]\ncontext = [3]\n", "no table"),
        ('[[profile.a.context]]\nabstract_syntax = "CTImageStorage"\n', "transfer_syntaxes is missing"),
        (CONTEXT + 'role = "both sides"\n', "none of scu, scp, both"),
        (CONTEXT.replace("CTImage", "CCTImage"), "no SOP class 'CCTImageStorage'"),
        (CONTEXT.replace('["Implicit', '["Simplicit'), "no transfer syntax"),
        (CONTEXT.replace('["ImplicitVRLittleEndian"]', "[]"), "no list of transfer syntaxes"),
        (CONTEXT.replace('"CTImageStorage"', "3"), "no text"),
        (CONTEXT + CONTEXT + 'role = "scp"\n', "different roles"),
        (CONTEXT + f'[[profile.a.extended]]\nsop_class = "{MR}"\nbytes = "01"\n', "no context has its SOP class"),
        (CONTEXT + f'[[profile.a.extended]]\nsop_class = "{CT}"\nbytes = "0g"\n', "hexadecimal"),
        (CONTEXT + f'[[profile.a.extended]]\nsop_class = "{CT}"\nbytes = ""\n', "line"),
        (CONTEXT + f'[[profile.a.extended]]\nsop_class = "{CT}"\n', "give one of flags"),
        (CONTEXT + f'[[profile.a.extended]]\nsop_class = "{CT}"\nlevel = 9\n', "line"),
        (CONTEXT + f'[[profile.a.extended]]\nsop_class = "{CT}"\nflags = ["fuzzy"]\n', "none of these flags"),
        (CONTEXT + '[[profile.a.extended]]\nbytes = "01"\n', "sop_class is missing"),
        (CONTEXT + f'[[profile.a.common_extended]]\nsop_class = "{CT}"\n', "related is missing"),
        (CONTEXT + 2 * f'[[profile.a.extended]]\nsop_class = "{CT}"\nbytes = "01"\n', "has been there before"),
        ("[syntaxes]\nplain = 3\n[profile.a]\n", "line 2"),
        ("version = 1\n", "has no profile"),
        ("[profile.a\n", "line 1"),
    ],
)
def test_what_is_not_understood_is_named_and_nothing_is_used(tmp_path: Path, text: str, told: str) -> None:
    assert told in refusal(tmp_path, text)


def test_a_file_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_profiles(tmp_path / "missing.toml")
    assert "too large" in refusal(tmp_path, "#" * (MAX_BYTES + 1))


def test_too_many_contexts(tmp_path: Path) -> None:
    uids = ", ".join(f'"1.2.3.{number}"' for number in range(4097))
    text = f'[[profile.a.context]]\nabstract_syntax = [{uids}]\ntransfer_syntaxes = "{IMPLICIT}"\n'
    assert "4,097 presentation contexts" in refusal(tmp_path, text)


def test_which_profile_of_a_file(tmp_path: Path) -> None:
    path = str(written(tmp_path, CONTEXT))
    assert NegotiationFile(path).load() == NegotiationFile(path, "a").load()
    with pytest.raises(ConfigurationError, match="no profile 'b'"):
        NegotiationFile(path, "b").load()
    written(tmp_path, CONTEXT + "[profile.b]\n")
    with pytest.raises(ConfigurationError, match="several profiles"):
        NegotiationFile(path).load()


ASCONFIG = r"""# of DCMTK
[[TransferSyntaxes]]
[Plain]
TransferSyntax2 = LittleEndianExplicit
TransferSyntax1 = LittleEndianImplicit
[[PresentationContexts]]
[Contexts]
PresentationContext1 = CTImageStorage\Plain
PresentationContext2 = FINDStudyRootQueryRetrieveInformationModel\Plain
[[SCPSCURoleSelection]]
[Roles]
Role1 = CTImageStorage\SCP
[[ExtendedNegotiation]]
[Extended]
ExtendedNegotiation1 = CTImageStorage\0200
[[Profiles]]
[Whole]
PresentationContexts = Contexts
SCPSCURoleSelection = Roles
ExtendedNegotiation = Extended
"""


def test_a_file_of_dcmtk(tmp_path: Path) -> None:
    profile = read_profiles(written(tmp_path, ASCONFIG))["Whole"]
    assert [(one.abstract_syntax, one.transfer_syntaxes, (one.scu_role, one.scp_role)) for one in profile.contexts] == [
        (CT, (IMPLICIT, EXPLICIT), (False, True)),
        (FIND, (IMPLICIT, EXPLICIT), (None, None)),
    ]
    assert [item.data for item in profile.extended] == [b"\2\0"]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("[[SCPSCURoleSelection]]", "[[Roles]]", "line 10: Roles is no supersection"),
        ("# of DCMTK", "[Early]", "line 1: the section Early is in no supersection"),
        ("[Roles]\n", "[Roles]\n[Roles]\n", "line 12: the section Roles has been there before"),
        ("Role1 =", "Role1", "line 12: this is no entry"),
        ("Role1 =", "Part1 =", "line 12: PART1 means nothing here"),
        ("TransferSyntax2", "TransferSyntax1", "line 5: TRANSFERSYNTAX1 has been there before"),
        (r"Storage\SCP", r"Storage\XXX", "line 12: 'XXX' is none of"),
        (r"Storage\SCP", "Storage", "line 12: there is no backslash"),
        (r"\0200", r"\02000", "line 15: these are no bytes"),
        (r"\0200", "\\", "line 15: these are no bytes"),
        ("CTImageStorage\\Plain", "CTImageStorage\\Fancy", "there is no list of transfer syntaxes Fancy"),
        ("= Contexts", "= Others", "line 18: there is no section Others"),
        ("PresentationContexts = Contexts\n", "", "line 17: the profile Whole has no PresentationContexts"),
        ("SCPSCURoleSelection = Roles", "TransferSyntaxes = Plain", "line 19: TRANSFERSYNTAXES means nothing"),
    ],
)
def test_what_is_not_understood_of_it_is_named_with_its_line(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert old in ASCONFIG
    assert told in refusal(tmp_path, ASCONFIG.replace(old, new, 1))


def test_a_path_that_can_be_none() -> None:
    with pytest.raises(ConfigurationError, match="no name of a file"):
        NegotiationFile("a\0b").load()
