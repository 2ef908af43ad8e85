"""Who the user says he is, and who is believed (PS3.7 D.3.3.7)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dicomgui.network.association.identity import (
    UserIdentity,
    accept_any_identity,
    accept_passcodes,
    claimed_name,
)
from dicomgui.network.association.negotiation import AcceptPolicy, ProposedContext, build_request, conclude, negotiate
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.pdu import AssociateAC, AssociateRJ, UserIdentityRQ
from dicomgui.network.pdu.wire import Writer
from dicomgui.network.uids import DEFAULT_TRANSFER_SYNTAXES, VERIFICATION

CONTEXTS = (ProposedContext(VERIFICATION, DEFAULT_TRANSFER_SYNTAXES),)


class TestFactories:
    @pytest.mark.parametrize(
        ("made", "fields"),
        [
            (UserIdentity.username("Jürgen"), (1, 0, "Jürgen".encode(), b"")),
            (UserIdentity.username("me", want_response=True), (1, 1, b"me", b"")),
            (UserIdentity.passcode("me", "päss"), (2, 0, b"me", "päss".encode())),
            (UserIdentity.kerberos(b"\x00\xff"), (3, 0, b"\x00\xff", b"")),
            (UserIdentity.saml("<Assertion/>"), (4, 0, b"<Assertion/>", b"")),
            (UserIdentity.saml(b"<Assertion/>", want_response=True), (4, 1, b"<Assertion/>", b"")),
            (UserIdentity.jwt("a.b.c"), (5, 0, b"a.b.c", b"")),
        ],
    )
    def test_make_what_goes_over_the_wire(self, made: UserIdentityRQ, fields: tuple[int, int, bytes, bytes]) -> None:
        assert (made.type, made.positive_response, made.primary, made.secondary) == fields

    @pytest.mark.parametrize(
        ("make", "what"),
        [
            (lambda: UserIdentity.username(""), "user name"),
            (lambda: UserIdentity.passcode("", "x"), "user name"),
            (lambda: UserIdentity.passcode("x", ""), "passcode"),
            (lambda: UserIdentity.kerberos(b""), "Kerberos ticket"),
            (lambda: UserIdentity.saml(b""), "SAML assertion"),
            (lambda: UserIdentity.jwt(""), "JSON web token"),
        ],
    )
    def test_nothing_is_empty(self, make: Callable[[], UserIdentityRQ], what: str) -> None:
        with pytest.raises(ConfigurationError, match=f"the {what} of the user identity is empty"):
            make()

    def test_all_that_fits_is_sent_and_one_byte_more_is_not(self) -> None:
        for longest in (UserIdentity.jwt("x" * 65_529), UserIdentity.passcode("x", "y" * 65_528)):
            writer = Writer()
            longest.write(writer)
            assert writer.getvalue()[:4] == bytes.fromhex("58 00 ff ff")
        for make in (lambda: UserIdentity.jwt("x" * 65_530), lambda: UserIdentity.passcode("xx", "y" * 65_528)):
            with pytest.raises(ConfigurationError, match="65530 bytes; 65529 are"):
                make()

    def test_no_error_shows_a_secret(self) -> None:
        with pytest.raises(ConfigurationError) as caught:
            UserIdentity.passcode("me", "hidden\ud800")
        assert "hidden" not in str(caught.value)
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__
        assert "hidden" not in repr(UserIdentity.passcode("me", "hidden"))


class TestClaimedName:
    def test_is_that_of_a_name_alone_or_with_passcode(self) -> None:
        assert claimed_name(UserIdentity.username("Jürgen")) == "Jürgen"
        assert claimed_name(UserIdentity.passcode("me", "x")) == "me"

    def test_bytes_that_are_no_text_are_shown(self) -> None:
        assert claimed_name(UserIdentityRQ(1, 0, b"a\xff")) == "a\\xff"

    def test_a_token_says_none_in_clear(self) -> None:
        assert claimed_name(UserIdentity.jwt("a.b.c")) == ""


class TestChecks:
    def test_any_identity_but_an_empty_one(self) -> None:
        assert accept_any_identity(UserIdentity.saml("x")) == b""
        assert accept_any_identity(UserIdentityRQ(1, 0, b"")) is None

    def test_passcodes(self) -> None:
        passcodes = {"me": "right", "Jürgen": "ä", "open": ""}
        check = accept_passcodes(passcodes)
        assert check(UserIdentity.passcode("me", "right")) == b""
        assert check(UserIdentity.passcode("Jürgen", "ä")) == b""
        for wrong in (
            UserIdentity.passcode("me", "wrong"), UserIdentity.passcode("you", "right"), UserIdentity.username("me"),
            UserIdentity.jwt("me"), UserIdentityRQ(2, 0, b"nobody", b""), UserIdentityRQ(2, 0, b"open", b""),
            UserIdentityRQ(2, 0, b"\xff", b"\xff"),
        ):  # fmt: skip
            assert check(wrong) is None
        passcodes["you"] = "right"
        assert check(UserIdentity.passcode("you", "right")) == b""


class TestNegotiation:
    """The acceptor's whole answer."""

    CHECKED = AcceptPolicy(check_identity=accept_passcodes({"me": "right"}))

    def answer(self, policy: AcceptPolicy, identity: UserIdentityRQ | None) -> AssociateAC | AssociateRJ:
        return negotiate(build_request("PEER", "ME", CONTEXTS, user_identity=identity), policy)

    def test_who_is_right_is_let_in_and_confirmed_only_if_asked(self) -> None:
        for asked in (False, True):
            identity = UserIdentity.passcode("me", "right", want_response=asked)
            rq = build_request("PEER", "ME", CONTEXTS, user_identity=identity)
            answer = negotiate(rq, self.CHECKED)
            assert isinstance(answer, AssociateAC)
            assert conclude(rq, answer).identity_response == (b"" if asked else None)

    def test_who_is_wrong_is_rejected_without_a_reason(self) -> None:
        assert self.answer(self.CHECKED, UserIdentity.passcode("me", "wrong")) == AssociateRJ(1, 1, 1)

    def test_who_says_nothing_is_let_in_unless_an_identity_is_required(self) -> None:
        assert isinstance(self.answer(self.CHECKED, None), AssociateAC)
        required = AcceptPolicy(require_identity=True)
        assert self.answer(required, None) == AssociateRJ(1, 1, 1)
        assert isinstance(self.answer(required, UserIdentity.username("me")), AssociateAC)
