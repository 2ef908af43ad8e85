"""VRs by tag are those of pydicom's data dictionary, which is not loaded for them."""

from __future__ import annotations

import subprocess
import sys

import pytest
from pydicom import _dicom_dict as of_pydicom
from pydicom import datadict

from dicomgui.network.vrs import vr_of


def test_every_element_of_the_dictionary() -> None:
    differing = {f"{tag:08X}" for tag, entry in of_pydicom.DicomDictionary.items() if vr_of(tag) != entry[0]}
    assert not differing


@pytest.mark.parametrize("pattern", sorted(of_pydicom.RepeatersDictionary))
def test_elements_of_repeating_groups(pattern: str) -> None:
    for digit in "024E":
        tag = int(pattern.replace("x", digit), 16)
        assert vr_of(tag) == datadict.dictionary_VR(tag)


@pytest.mark.parametrize("tag", [0x0009_1001, 0x6001_0010, 0x0008_FFFE, 0x7FFE_0001, 0xFFFF_FFFF])
def test_private_and_unknown_elements_have_none(tag: int) -> None:
    assert vr_of(tag) == ""


def test_pydicom_is_not_loaded_for_it() -> None:
    code = "import sys; from dicomgui.network.vrs import vr_of; print(vr_of(0x00100010), 'pydicom' in sys.modules)"
    output = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert output.split() == ["PN", "False"]
