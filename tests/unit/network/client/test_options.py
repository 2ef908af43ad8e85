"""What is said before an association is opened."""

from __future__ import annotations

import pytest

from dicomgui.network import ConfigurationError, ConnectOptions, UserIdentity


def test_who_requires_a_confirmation_asks_for_it() -> None:
    options = ConnectOptions(user_identity=UserIdentity.username("anna"), require_identity=True)
    assert options.user_identity is not None
    assert options.user_identity.positive_response == 1
    assert ConnectOptions(user_identity=UserIdentity.username("anna")).user_identity == UserIdentity.username("anna")


def test_without_an_identity_there_is_nothing_to_confirm() -> None:
    with pytest.raises(ConfigurationError, match="no user identity"):
        ConnectOptions(require_identity=True)
