"""The table of command elements agrees with the messages and with the standard's dictionary."""

from __future__ import annotations

import dataclasses

from pydicom.datadict import get_entry

from dicomgui.network.dimse.commands import MESSAGE_TYPES
from dicomgui.network.dimse.elements import ELEMENTS, ELEMENTS_BY_NUMBER


def test_every_field_has_an_element_and_every_element_is_used() -> None:
    used = {field.name for message in MESSAGE_TYPES.values() for field in dataclasses.fields(message)}
    assert used - {"anomalies"} == set(ELEMENTS) - {"command_field"}


def test_the_table_agrees_with_the_dictionary_of_the_standard() -> None:
    for number, element in ELEMENTS_BY_NUMBER.items():
        vr, _, name, _, _ = get_entry(number)
        assert (number, vr, name) == element
