"""What a listener agrees to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dicomgui.app.configuration.listener_options import CallerRule, ListenerOptions
from dicomgui.network import ConfigurationError, TlsConfig, presets
from dicomgui.network.association.extended import QueryFlags, decode_extended
from dicomgui.network.association.identity import UserIdentity
from dicomgui.network.association.negotiation import ProposedContext, build_request, conclude, negotiate
from dicomgui.network.pdu import AssociateAC, AssociateRJ, SOPClassExtendedNegotiation, UserIdentityRQ

FOLDER = Path("received")
FIND = "1.2.840.10008.5.1.4.1.2.2.1"


def answer(options: ListenerOptions, **request: Any) -> AssociateAC | AssociateRJ:
    return negotiate(build_request("OURS", "ME", presets.VERIFICATION, **request), options.policy())


@pytest.mark.parametrize(
    ("rule", "let_in"),
    [
        (CallerRule.ANY, [True, True, True, True]),
        (CallerRule.REQUIRED, [False, True, True, True]),
        (CallerRule.LISTED, [False, False, False, True]),
    ],
)
def test_callers(rule: CallerRule, let_in: list[bool]) -> None:
    options = ListenerOptions(FOLDER, callers=rule, passcodes={"anna": "right"})
    callers: list[UserIdentityRQ | None] = [
        None, UserIdentity.username("anna"), UserIdentity.passcode("anna", "wrong"),
        UserIdentity.passcode("anna", "right"),
    ]  # fmt: skip
    answers = [answer(options, user_identity=caller) for caller in callers]
    assert [isinstance(one, AssociateAC) for one in answers] == let_in
    assert all(one == AssociateRJ(1, 1, 1) for one in answers if isinstance(one, AssociateRJ))


def test_what_is_not_checked_is_not_confirmed() -> None:
    caller = UserIdentity.passcode("anna", "right", want_response=True)
    rq = build_request("OURS", "ME", presets.VERIFICATION, user_identity=caller)
    for rule, response in ((CallerRule.ANY, None), (CallerRule.LISTED, b"")):
        ac = negotiate(rq, ListenerOptions(FOLDER, callers=rule, passcodes={"anna": "right"}).policy())
        assert isinstance(ac, AssociateAC)
        assert conclude(rq, ac).identity_response == response


def test_window_roles_and_extended_negotiation() -> None:
    contexts = [ProposedContext(FIND, ("1.2.840.10008.1.2",), scp_role=True)]
    flags = QueryFlags(relational=True, fuzzy=True)
    rq = build_request("OURS", "ME", contexts, max_invoked=0, max_performed=9, extended=[flags.item(FIND)])
    usual = negotiate(rq, ListenerOptions(FOLDER, any_sop_class=True).policy())
    assert isinstance(usual, AssociateAC)
    agreed = conclude(rq, usual)
    assert (agreed.max_invoked, agreed.max_performed, agreed.extended) == (1, 1, ())
    assert not agreed.accepted[0].as_scp
    generous = ListenerOptions(
        FOLDER,
        any_sop_class=True,
        async_ops=(16, 4),
        grant_scp_role=True,
        extended=QueryFlags(fuzzy=True),
        grants_unperformed=True,
    )
    granted = negotiate(rq, generous.policy())
    assert isinstance(granted, AssociateAC)
    agreed = conclude(rq, granted)
    assert (agreed.max_invoked, agreed.max_performed) == (16, 4)
    assert agreed.accepted[0].as_scp
    assert decode_extended(agreed.extended[0]) == QueryFlags(fuzzy=True)


def test_unusable_values_are_refused_at_once() -> None:
    with pytest.raises(ConfigurationError):
        ListenerOptions(FOLDER, async_ops=(1, 70_000))


def test_passcodes_are_not_shown() -> None:
    assert "hidden" not in repr(ListenerOptions(FOLDER, passcodes={"anna": "hidden"}))


def test_needs(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_text("-----BEGIN ENCRYPTED PRIVATE KEY-----")
    assert ListenerOptions(FOLDER).needs() == ()
    assert ListenerOptions(FOLDER, tls=TlsConfig()).needs() == ()
    assert ListenerOptions(FOLDER, tls=TlsConfig(cert_file="none")).needs() == ()
    [need] = ListenerOptions(FOLDER, tls=TlsConfig(cert_file="cert", key_file=key)).needs()
    assert need.what == f"Password of the key {key}"
    complete = ListenerOptions(FOLDER, tls=TlsConfig(cert_file="cert", key_file=key)).with_password("x")
    assert complete.needs() == ()
    assert ListenerOptions(FOLDER).with_password("x").tls is None
    known = TlsConfig(cert_file="cert", key_file=key, key_password=lambda: "x")
    assert ListenerOptions(FOLDER, tls=known).needs() == ()


@pytest.mark.parametrize(("unperformed", "granted"), [(False, "01 00 00 00"), (True, "01 00 00 01")])
def test_what_is_not_performed_is_granted_for_tests_alone(tmp_path: Path, unperformed: bool, granted: str) -> None:
    asked = QueryFlags(relational=True, timezone=True)
    options = ListenerOptions(tmp_path, extended=asked, grants_unperformed=unperformed)
    answer = options.policy().answer_extended
    assert answer is not None
    said = answer(SOPClassExtendedNegotiation("1.2.840.10008.5.1.4.1.2.2.1", asked.encode()))
    assert said is not None
    assert bytes.fromhex(granted).startswith(said)
    assert said[0] == 1


def test_where_only_that_is_chosen_nothing_is_answered(tmp_path: Path) -> None:
    assert ListenerOptions(tmp_path, extended=QueryFlags(timezone=True)).policy().answer_extended is None
