"""The generated tables of UIDs are those of pydicom's dictionary and of the dated list of what it lacks."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

import pydicom
import pytest
from helpers.source import ROOT, loaded

NETWORK = ROOT / "dicomgui" / "network"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """The script as a module."""
    return loaded(ROOT / "packaging" / "make_uids.py")


@pytest.fixture(scope="module")
def of_pydicom() -> Any:
    """pydicom's dictionary as it is shipped: pynetdicom adds to the one that is in use."""
    return loaded(Path(pydicom.__file__).with_name("_uid_dict.py")).UID_dictionary


@pytest.mark.parametrize(("name", "make"), [("uid_names.py", "names_module"), ("uid_groups.py", "groups_module")])
def test_the_tables_do_not_lag(script: ModuleType, of_pydicom: Any, name: str, make: str) -> None:
    text = getattr(script, make)(script.entries(of_pydicom))
    assert (NETWORK / name).read_text(encoding="utf-8") == text, "run packaging/make_uids.py"


def test_what_pydicom_knows_by_now_is_taken_out_of_the_additions(script: ModuleType) -> None:
    known = {"1.2.840.10008.1.2.4.112": ("JPEG XL", "Transfer Syntax", "", "", "JPEGXL")}
    with pytest.raises(SystemExit, match=r"pydicom knows 1\.2\.840\.10008\.1\.2\.4\.112 by now"):
        script.entries(known)


def test_a_new_class_of_pydicom_gets_into_names_and_groups(script: ModuleType) -> None:
    known = {
        "1.2.840.10008.5.1.4.1.1.999": ("New Image Storage", "SOP Class", "", "", "New"),
        "1.2.840.10008.5.1.4.1.1.998": ("Old Image Storage", "SOP Class", "", "Retired", "Old"),
        "1.2.840.10008.1.20.1": ("Storage Commitment Push Model SOP Class", "SOP Class", "", "", "Push"),
    }
    registered = script.entries(known)
    names: dict[str, object] = {}
    groups: dict[str, tuple[str, ...]] = {}
    exec(script.names_module(registered), names)
    exec(script.groups_module(registered), groups)
    found = names["UID_NAMES"]
    assert isinstance(found, type(type.__dict__))
    assert set(known) < set(found)
    assert groups["STORAGE_CLASSES"][-1] == "1.2.840.10008.5.1.4.1.1.999"
    assert groups["RETIRED_STORAGE_CLASSES"] == ("1.2.840.10008.5.1.4.1.1.998",)
    assert "1.2.840.10008.1.20.1" not in groups["STORAGE_CLASSES"]


def test_the_additions_name_their_edition_and_day(script: ModuleType) -> None:
    assert date.fromisoformat(script.COMPARED).year == int(script.EDITION[:4])
