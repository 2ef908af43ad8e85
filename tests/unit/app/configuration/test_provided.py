"""What a caller is accepted for, by the services that are on."""

from __future__ import annotations

import pytest

from dicomgui.app.configuration.provided import (
    ALL,
    STORAGE,
    USUAL,
    Provided,
    check_choice,
    narrowed,
    pattern_of,
    transfer_syntax_of,
)
from dicomgui.network import ConfigurationError, ProposedContext
from dicomgui.network.association.negotiation import AcceptPolicy, build_request, conclude, negotiate
from dicomgui.network.pdu import AssociateAC, AssociateRJ
from dicomgui.network.service import QUERY_MODELS

CT, MR = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4"
VERIFICATION = "1.2.840.10008.1.1"
IMPLICIT, EXPLICIT, JPEG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.70"
FIND, MOVE, GET = (QUERY_MODELS["study"][verb] for verb in ("find", "move", "get"))
WORKLIST = QUERY_MODELS["worklist"]["find"]
MPPS, COMMITMENT = "1.2.840.10008.3.1.2.3.3", "1.2.840.10008.1.20.1"
PRINT, UPS = "1.2.840.10008.5.1.1.9", "1.2.840.10008.5.1.4.34.6.1"
EVERYTHING = (VERIFICATION, CT, FIND, MOVE, GET, WORKLIST, MPPS, COMMITMENT, PRINT, UPS)

OPEN = AcceptPolicy(abstract_syntaxes=STORAGE)


def accepted(policy: AcceptPolicy, *contexts: ProposedContext) -> dict[str, str]:
    """The transfer syntax of each SOP class that is accepted."""
    rq = build_request("OURS", "ME", contexts)
    ac = negotiate(rq, policy)
    assert isinstance(ac, AssociateAC)
    return {one.abstract_syntax: one.transfer_syntax for one in conclude(rq, ac).accepted}


@pytest.mark.parametrize(
    ("services", "classes"),
    [
        (frozenset[Provided](), {VERIFICATION}),
        ({Provided.STORE}, {VERIFICATION, CT}),
        ({Provided.QUERY}, {VERIFICATION, FIND}),
        ({Provided.MOVE}, {VERIFICATION, MOVE}),
        ({Provided.GET}, {VERIFICATION, GET, CT}),
        ({Provided.WORKLIST}, {VERIFICATION, WORKLIST}),
        ({Provided.MPPS}, {VERIFICATION, MPPS}),
        ({Provided.COMMITMENT}, {VERIFICATION, COMMITMENT}),
        ({Provided.PRINT}, {VERIFICATION, PRINT}),
        ({Provided.UPS}, {VERIFICATION, UPS}),
        ({Provided.NOTIFICATIONS}, {VERIFICATION, COMMITMENT}),
        (USUAL, {VERIFICATION, CT, FIND, MOVE, GET}),
        (ALL, set(EVERYTHING)),
    ],
)
def test_services_and_their_classes(services: frozenset[Provided], classes: set[str]) -> None:
    policy = narrowed(OPEN, services)
    assert accepted(policy, *(ProposedContext(uid, (IMPLICIT,)) for uid in EVERYTHING)).keys() == classes


def test_any_sop_class_stays_any() -> None:
    policy = narrowed(AcceptPolicy(abstract_syntaxes=None), frozenset())
    assert accepted(policy, ProposedContext("1.2.3.4", (IMPLICIT,)))


def test_a_choice_of_classes_and_syntaxes_is_of_instances_alone() -> None:
    policy = narrowed(OPEN, USUAL, (CT,), (JPEG, IMPLICIT))
    found = accepted(
        policy, ProposedContext(CT, (EXPLICIT, IMPLICIT, JPEG)), ProposedContext(MR, (IMPLICIT,)),
        ProposedContext(FIND, (EXPLICIT, IMPLICIT)), ProposedContext(VERIFICATION, (EXPLICIT,)),
    )  # fmt: skip
    assert found == {CT: JPEG, FIND: EXPLICIT, VERIFICATION: EXPLICIT}


def test_queries_are_encoded_in_what_we_can_encode() -> None:
    assert accepted(narrowed(OPEN, USUAL), ProposedContext(FIND, (JPEG, IMPLICIT))) == {FIND: IMPLICIT}


@pytest.mark.parametrize(("services", "granted"), [(USUAL, True), (frozenset({Provided.STORE}), False)])
def test_who_gets_may_receive(services: frozenset[Provided], granted: bool) -> None:
    contexts = [ProposedContext(uid, (IMPLICIT,), scu_role=True, scp_role=True) for uid in (CT, FIND)]
    rq = build_request("OURS", "ME", contexts)
    ac = negotiate(rq, narrowed(OPEN, services))
    assert isinstance(ac, AssociateAC)
    agreed = conclude(rq, ac)
    assert [one.as_scp for one in agreed.accepted if one.abstract_syntax == CT] == [granted]
    assert not [one for one in agreed.accepted if one.abstract_syntax == FIND and one.as_scp]


@pytest.mark.parametrize("title", ["", " ", "A\\B", "Ä", "A\n"])
def test_what_is_no_ae_title_is_refused(title: str) -> None:
    with pytest.raises(ConfigurationError):
        check_choice((), (title,))


def test_what_is_no_uid_is_refused() -> None:
    with pytest.raises(ConfigurationError):
        check_choice(("1.2", "1.x"), ())


@pytest.mark.parametrize("title", ["CT1", "A*", "W?", "[x]", "a]b"])
def test_a_pattern_lets_in_its_title_and_no_other(title: str) -> None:
    policy = AcceptPolicy(calling_ae_titles=(pattern_of(title),))
    for calling, let_in in ((title, True), (f"{title}9", False), ("AB", False), ("WX", False), ("x", False)):
        rq = build_request("OURS", calling, [ProposedContext(CT, (IMPLICIT,))])
        answer = negotiate(rq, policy)
        assert (answer != AssociateRJ(1, 1, 3)) is let_in, calling


@pytest.mark.parametrize(
    ("text", "uid"), [("implicitvrlittleendian", IMPLICIT), (" JPEGLosslessSV1 ", JPEG), ("1.2.3", "1.2.3")]
)
def test_a_transfer_syntax_is_a_uid_or_a_keyword(text: str, uid: str) -> None:
    assert transfer_syntax_of(text) == uid


@pytest.mark.parametrize("text", ["", " ", "CTImageStorage", "1..2"])
def test_what_is_no_transfer_syntax_is_told(text: str) -> None:
    with pytest.raises(ConfigurationError, match="no transfer syntax"):
        transfer_syntax_of(text)
