"""Numbers of operations as they are typed."""

from __future__ import annotations

import pytest

from dicomgui.app.connection import RoleWish
from dicomgui.gui.peers.association_fields import AssociationFields, operations_text, parse_operations
from dicomgui.network.association.extended import QueryFlags
from dicomgui.network.errors import ConfigurationError


@pytest.mark.parametrize(("text", "number"), [("", 1), (" 8 ", 8), ("0", 0), ("No limit", 0), ("65535", 65_535)])
def test_numbers(text: str, number: int) -> None:
    assert parse_operations(text) == number


@pytest.mark.parametrize("text", ["x", "-1", "65536", "1.5", "9" * 20, "²"])
def test_what_is_none(text: str) -> None:
    with pytest.raises(ConfigurationError):
        parse_operations(text)


def test_for_people() -> None:
    assert (operations_text(3), operations_text(0)) == ("3", "no limit")


@pytest.mark.usefixtures("qapp")
def test_what_is_filled_in_is_read_back() -> None:
    flags = QueryFlags(date_time=True, timezone=True)
    ours, listeners = AssociationFields("a"), AssociationFields("b", is_server=True)
    assert ours.summary() == listeners.summary() == ""
    for fields in (ours, listeners):
        fields.set_texts(AssociationFields.texts_of((4, 0), flags, RoleWish.PROVIDER, grants_scp=True))
        assert (fields.operations(), fields.extended()) == ((4, 0), flags)
    assert ours.role() is RoleWish.PROVIDER
    assert ours.summary() == "4 and 0 at once, role scp, 2 extended"
    assert listeners.grants_scp()
    assert listeners.summary() == "4 and 0 at once, SCP role, 2 extended"
