"""The generated table of VRs is that of pydicom's data dictionary."""

from __future__ import annotations

from types import ModuleType

import pytest
from helpers.source import ROOT, loaded
from pydicom._dicom_dict import DicomDictionary, RepeatersDictionary


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """The script as a module."""
    return loaded(ROOT / "packaging" / "make_vrs.py")


def test_the_table_does_not_lag(script: ModuleType) -> None:
    text = (ROOT / "dicomgui" / "network" / "vr_tags.py").read_text(encoding="utf-8")
    assert text == script.module(DicomDictionary, RepeatersDictionary), "run packaging/make_vrs.py"


def test_tags_stand_with_their_vr_in_order(script: ModuleType) -> None:
    tags = {0x0010_0020: ("LO", "1", "", "", ""), 0x0008_0070: ("LO", "1", "", "", "")}
    text = script.module(tags, {"60xx0022": ("LO", "1", "", "", "")})
    assert '"LO": """\n            00080070 00100020 60xx0022\n' in text
