"""Bytes that other implementations made: decoded, encoded again to the same bytes, and understood."""

from pathlib import Path

import pytest

from dicomgui.network.pdu import (
    Abort,
    AssociateAC,
    AssociateRJ,
    AssociateRQ,
    AsyncOperationsWindow,
    Framer,
    ImplementationClassUID,
    ImplementationVersionName,
    MaximumLength,
    PDataTF,
    ReleaseRP,
    ReleaseRQ,
    RoleSelection,
    SOPClassCommonExtendedNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentityAC,
    UserIdentityRQ,
    decode,
)

FOLDER = Path(__file__).parents[3] / "vectors" / "pdu"
NAMES = sorted(path.stem for path in FOLDER.glob("*.hex"))
VERIFICATION = "1.2.840.10008.1.1"
CT = "1.2.840.10008.5.1.4.1.1.2"
MR = "1.2.840.10008.5.1.4.1.1.4"
COMMITMENT = "1.2.840.10008.1.20.1"
GET = "1.2.840.10008.5.1.4.1.2.2.3"
FIND = "1.2.840.10008.5.1.4.1.2.2.1"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


def golden(name: str) -> bytes:
    lines = (FOLDER / f"{name}.hex").read_text(encoding="ascii").splitlines()
    return bytes.fromhex("".join(line for line in lines if not line.startswith("#")))


def request(name: str) -> AssociateRQ:
    pdu = decode(golden(name))
    assert isinstance(pdu, AssociateRQ)
    return pdu


def acceptance(name: str) -> AssociateAC:
    pdu = decode(golden(name))
    assert isinstance(pdu, AssociateAC)
    return pdu


def data(name: str) -> PDataTF:
    pdu = decode(golden(name))
    assert isinstance(pdu, PDataTF)
    return pdu


def test_every_type_of_each_peer_is_there() -> None:
    for peer in ("dcmtk", "pynetdicom"):
        assert {golden(name)[0] for name in NAMES if name.startswith(peer)} == set(range(1, 8))


@pytest.mark.parametrize("name", NAMES)
def test_same_bytes_again_and_nothing_odd(name: str) -> None:
    pdu = decode(golden(name))
    assert pdu.encode() == golden(name)
    if not isinstance(pdu, PDataTF):
        assert pdu.anomalies == ()


@pytest.mark.parametrize("name", NAMES)
def test_a_cut_pdu_is_unfinished(name: str) -> None:
    wire = golden(name)
    framer = Framer()
    assert list(framer.feed(wire[:-1] if wire[0] != 4 else wire[:5])) == []
    assert framer.take_broken() is not None


@pytest.mark.parametrize("peer", ["dcmtk", "pynetdicom"])
def test_echo_request(peer: str) -> None:
    rq = request(f"{peer}_echo_associate_rq")
    assert (rq.called_ae, rq.calling_ae, rq.protocol_version) == ("GOLDEN_SCP", "GOLDEN_SCU", 1)
    assert rq.application_context == "1.2.840.10008.3.1.1.1"
    assert rq.presentation_contexts[0].context_id == 1
    assert rq.presentation_contexts[0].abstract_syntax == VERIFICATION
    assert "1.2.840.10008.1.2" in rq.presentation_contexts[0].transfer_syntaxes


@pytest.mark.parametrize("peer", ["dcmtk", "pynetdicom"])
def test_echo_acceptance(peer: str) -> None:
    ac = acceptance(f"{peer}_echo_associate_ac")
    assert (ac.called_ae, ac.calling_ae) == ("GOLDEN_SCP", "GOLDEN_SCU")
    assert ac.presentation_contexts[0].is_accepted
    assert ac.presentation_contexts[0].transfer_syntax == "1.2.840.10008.1.2"


@pytest.mark.parametrize(
    ("prefix", "max_length", "uid", "version"),
    [
        ("dcmtk", 16384, "1.2.276.0.7230010.3.0.3.6.9", "OFFIS_DCMTK_369"),
        ("pynetdicom", 16382, "1.2.826.0.1.3680043.9.3811.3.0.4", "PYNETDICOM_304"),
    ],
)
def test_who_they_are(prefix: str, max_length: int, uid: str, version: str) -> None:
    for pdu in (request(f"{prefix}_echo_associate_rq"), acceptance(f"{prefix}_echo_associate_ac")):
        info = pdu.user_information
        assert info is not None
        assert info.max_length == max_length
        assert (info.implementation_class_uid, info.implementation_version_name) == (uid, version)


def test_refused_context_of_pynetdicom() -> None:
    results = [context.result for context in acceptance("pynetdicom_echo_associate_ac").presentation_contexts]
    assert results == [0, 3]


@pytest.mark.parametrize("peer", ["dcmtk", "pynetdicom"])
def test_echo_messages(peer: str) -> None:
    for direction, field in (("rq", 0x0030), ("rsp", 0x8030)):
        pdu = data(f"{peer}_echo_p_data_{direction}")
        assert [(pdv.context_id, pdv.is_command, pdv.is_last) for pdv in pdu.pdvs] == [(1, True, True)]
        assert bytes.fromhex("00000001 02000000") + field.to_bytes(2, "little") in bytes(pdu.pdvs[0].data)


def test_store_messages_of_dcmtk() -> None:
    command, dataset, response = (data(f"dcmtk_store_p_data_{what}") for what in ("rq", "dataset", "rsp"))
    assert [(pdv.is_command, pdv.is_last) for pdv in command.pdvs + dataset.pdvs] == [(True, True), (False, True)]
    assert b"Golden^Byte" in bytes(dataset.pdvs[0].data)
    assert response.pdvs[0].context_id == dataset.pdvs[0].context_id == command.pdvs[0].context_id


def test_many_contexts_of_dcmtk() -> None:
    rq = request("dcmtk_multi_associate_rq")
    assert [context.context_id for context in rq.presentation_contexts] == [1, 3, 5]
    assert {len(context.transfer_syntaxes) for context in rq.presentation_contexts} == {4}
    store = request("dcmtk_store_associate_rq")
    assert len(store.presentation_contexts) > 60
    assert len(acceptance("dcmtk_store_associate_ac").presentation_contexts) == len(store.presentation_contexts)


def test_user_identity_of_dcmtk() -> None:
    info = request("dcmtk_store_associate_rq").user_information
    assert info is not None
    assert info.user_identity == UserIdentityRQ(2, 1, b"golden", b"secret word")


def test_role_selection_of_dcmtk() -> None:
    rq = request("dcmtk_get_associate_rq")
    info = rq.user_information
    assert info is not None
    storage = rq.presentation_contexts[1:]
    assert [role.sop_class_uid for role in info.roles] == [context.abstract_syntax for context in storage]
    assert {(role.scu, role.scp) for role in info.roles} == {(0, 1)}
    # DCMTK does not leave the reserved bytes zero, and the standard wants them not tested.
    assert {context.reserved_body for context in rq.presentation_contexts} == {b"\0\xff\0"}


def test_rich_request_of_pynetdicom() -> None:
    info = request("pynetdicom_rich_associate_rq").user_information
    assert info is not None
    assert info.async_ops == AsyncOperationsWindow(5, 0)
    assert info.roles == (RoleSelection(CT, 1, 1), RoleSelection(FIND, 1, 0))
    assert set(info.extended) == {
        SOPClassExtendedNegotiation(FIND, b"\1\0\1"),
        SOPClassExtendedNegotiation(CT, b"\2\0\3\0\1\0"),
    }
    assert info.common_extended == (
        SOPClassCommonExtendedNegotiation(
            CT, "1.2.840.10008.4.2", ("1.2.840.10008.5.1.4.1.1.88.22", "1.2.840.10008.5.1.4.1.1.88.33")
        ),
        SOPClassCommonExtendedNegotiation(SECONDARY_CAPTURE, "1.2.840.10008.4.2"),
    )
    assert info.user_identity == UserIdentityRQ(2, 1, b"golden", b"secret word")


def test_b08_rich_acceptance_of_pynetdicom() -> None:
    ac = acceptance("pynetdicom_rich_associate_ac")
    assert [context.result for context in ac.presentation_contexts] == [0, 4, 3, 1]
    info = ac.user_information
    assert info is not None
    assert info.async_ops == AsyncOperationsWindow(1, 3)
    assert info.roles == (RoleSelection(CT, 1, 1), RoleSelection(FIND, 1, 0))
    assert info.extended == (SOPClassExtendedNegotiation(FIND, b"\1\0\0"),)
    assert info.user_identity_response == UserIdentityAC(b"a server ticket")


@pytest.mark.parametrize(
    ("name", "identity"),
    [
        ("username", UserIdentityRQ(1, 0, b"golden")),
        ("kerberos", UserIdentityRQ(3, 1, b"a Kerberos ticket")),
        ("saml", UserIdentityRQ(4, 1, b"<saml:Assertion/>")),
        ("jwt", UserIdentityRQ(5, 1, b"eyJhbGciOiJub25lIn0.e30.")),
    ],
)
def test_user_identities_of_pynetdicom(name: str, identity: UserIdentityRQ) -> None:
    info = request(f"pynetdicom_{name}_associate_rq").user_information
    assert info is not None
    assert info.user_identity == identity


@pytest.mark.parametrize(
    ("name", "identity"),
    [
        ("username", UserIdentityRQ(1, 1, b"curie")),
        ("kerberos", UserIdentityRQ(3, 1, b"ticket")),
        ("saml", UserIdentityRQ(4, 1, b"<assertion/>")),
        ("jwt", UserIdentityRQ(5, 1, b"a.b.c")),
    ],
)
def test_user_identities_of_dcmtk(name: str, identity: UserIdentityRQ) -> None:
    info = request(f"dcmtk_{name}_associate_rq").user_information
    assert info is not None
    assert info.user_identity == identity


@pytest.mark.parametrize(
    ("name", "roles"),
    [
        ("orthanc_commitment_associate_rq", {RoleSelection(COMMITMENT, 0, 1)}),
        ("odil_get_associate_rq", {RoleSelection(GET, 1, 0), RoleSelection(CT, 0, 1)}),
        ("odil_get_associate_ac", {RoleSelection(CT, 0, 1)}),
        ("dcmtk_get_associate_ac", {RoleSelection(CT, 0, 1), RoleSelection(MR, 0, 1)}),
    ],
)
def test_roles_of_other_peers(name: str, roles: set[RoleSelection]) -> None:
    info = (request(name) if name.endswith("rq") else acceptance(name)).user_information
    assert info is not None
    assert set(info.roles) == roles


def test_every_user_information_item_is_there_and_every_kind_of_identity() -> None:
    pdus = [decode(golden(name)) for name in NAMES if golden(name)[0] in (1, 2)]
    infos = [pdu.user_information for pdu in pdus if isinstance(pdu, AssociateRQ | AssociateAC)]
    items = [item for info in infos if info is not None for item in info.sub_items]
    assert {type(item) for item in items} == {
        MaximumLength,
        ImplementationClassUID,
        AsyncOperationsWindow,
        RoleSelection,
        ImplementationVersionName,
        SOPClassExtendedNegotiation,
        SOPClassCommonExtendedNegotiation,
        UserIdentityRQ,
        UserIdentityAC,
    }
    assert {item.type for item in items if isinstance(item, UserIdentityRQ)} == {1, 2, 3, 4, 5}


def test_ends() -> None:
    assert decode(golden("dcmtk_associate_rj")) == AssociateRJ(1, 1, 1)
    assert decode(golden("pynetdicom_associate_rj")) == AssociateRJ(1, 1, 7)
    for peer in ("dcmtk", "pynetdicom"):
        assert decode(golden(f"{peer}_release_rq")) == ReleaseRQ()
        assert decode(golden(f"{peer}_release_rp")) == ReleaseRP()
        assert decode(golden(f"{peer}_abort")) == Abort()
    assert decode(golden("dcmtk_storescp_abort")) == Abort()
    assert isinstance(decode(golden("pynetdicom_provider_abort")), Abort)
