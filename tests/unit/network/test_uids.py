"""The UID groups agree with pydicom's dictionary, and what counts as a UID is safe as a file name."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import UID, UID_dictionary

from dicomgui.network import uids
from dicomgui.network.uid_names import UID_NAMES


@pytest.mark.parametrize("group", [uids.STORAGE_CLASSES, uids.RETIRED_STORAGE_CLASSES, uids.TRANSFER_SYNTAXES])
def test_groups_hold_valid_uids_once(group: tuple[str, ...]) -> None:
    assert len(set(group)) == len(group)
    assert all(uids.is_valid_uid(uid, strict=True) for uid in group)


def test_storage_classes_are_storage_and_current() -> None:
    for uid in uids.STORAGE_CLASSES:
        assert "Storage" in uids.name_of(uid)
        assert "Commitment" not in uids.name_of(uid)
        assert uid not in UID_dictionary or not UID(uid).is_retired
    assert "1.2.840.10008.5.1.4.1.1.2" in uids.STORAGE_CLASSES
    assert "1.2.840.10008.5.1.4.38.1" in uids.STORAGE_CLASSES, "hanging protocols travel by C-STORE too"
    assert "1.2.840.10008.1.3.10" not in uids.STORAGE_CLASSES, "a DICOMDIR never travels"


@pytest.mark.parametrize(
    ("end", "name"),
    [
        ("1.2.4.110", "JPEG XL Lossless"), ("1.2.4.111", "JPEG XL JPEG Recompression"), ("1.2.4.112", "JPEG XL"),
        ("1.2.8.1", "Deflated Image Frame Compression"), ("5.1.4.1.1.66.7", "Label Map Segmentation Storage"),
        ("5.1.4.1.1.66.8", "Height Map Segmentation Storage"), ("5.1.4.1.1.601.3", "Thermography Image Storage"),
        ("5.1.4.1.1.601.5", "Ultrasound Waveform Storage"),
    ],
)  # fmt: skip
def test_newer_editions_are_known(end: str, name: str) -> None:
    uid = f"1.2.840.10008.{end}"
    assert uids.name_of(uid) == name
    assert uid in (*uids.STORAGE_CLASSES, *uids.TRANSFER_SYNTAXES)


@pytest.mark.interop("pynetdicom")
def test_what_pynetdicom_stores_is_known() -> None:
    """Another list of the same table: it says when ours lags, as pydicom's does."""
    from pynetdicom.sop_class import _STORAGE_CLASSES

    assert not set(_STORAGE_CLASSES.values()) - {*uids.STORAGE_CLASSES, *uids.RETIRED_STORAGE_CLASSES}


def test_retired_storage_classes_are_retired() -> None:
    assert all(UID(uid).is_retired for uid in uids.RETIRED_STORAGE_CLASSES)
    assert not set(uids.RETIRED_STORAGE_CLASSES) & set(uids.STORAGE_CLASSES)


def test_transfer_syntaxes_are_transfer_syntaxes() -> None:
    assert all(UID(uid).is_transfer_syntax for uid in uids.TRANSFER_SYNTAXES if uid in UID_dictionary)
    assert set(uids.DEFAULT_TRANSFER_SYNTAXES) < set(uids.TRANSFER_SYNTAXES)
    assert set(uids.TRANSFER_SYNTAXES) > uids.DEFLATED_TRANSFER_SYNTAXES
    assert UID(uids.DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN).is_deflated
    assert not UID(uids.EXPLICIT_VR_BIG_ENDIAN).is_little_endian
    assert UID(uids.IMPLICIT_VR_LITTLE_ENDIAN).is_implicit_VR


def test_who_we_are() -> None:
    assert uids.is_valid_uid(uids.IMPLEMENTATION_CLASS_UID, strict=True)
    name = uids.implementation_version_name()
    assert name.startswith("DICOMGUI_")
    assert len(name) <= 16


@pytest.mark.parametrize("text", ["1.2.840.10008.1.1", "0.0", "2.25.1", "1.02.3", "9.9", "7", "1." + "2" * 62])
def test_valid(text: str) -> None:
    assert uids.is_valid_uid(text)


@pytest.mark.parametrize(
    "text",
    ["", ".", "1.", ".1", "1..2", "1.2\n", "1.2 ", "1.2\0", "1.a", "../1", "/1", "1/2", "1.٣", "-1", "1." + "2" * 63],
)
def test_invalid(text: str) -> None:
    assert not uids.is_valid_uid(text)


@pytest.mark.parametrize("text", ["1.02.3", "3.1", "9.9", "7"])
def test_strict_refuses_what_is_only_harmless(text: str) -> None:
    assert not uids.is_valid_uid(text, strict=True)


@given(st.text(max_size=70))
def test_what_is_valid_is_a_safe_name(text: str) -> None:
    if uids.is_valid_uid(text):
        assert set(text) <= set("0123456789.")
        assert ".." not in text
        assert text.strip(".") == text


def test_names() -> None:
    assert uids.name_of("1.2.840.10008.1.1") == "Verification SOP Class"
    assert uids.name_of("1.2.3.4") == "1.2.3.4"
    assert uids.name_of("no uid") == "no uid"


def test_every_uid_of_the_dictionary_has_a_name() -> None:
    """After an update of pydicom, `packaging/make_uids.py` makes the tables anew."""
    assert not set(UID_dictionary) - set(UID_NAMES)


@pytest.mark.parametrize("group", [uids.STORAGE_CLASSES, uids.RETIRED_STORAGE_CLASSES, uids.TRANSFER_SYNTAXES])
def test_the_names_are_those_of_the_dictionary(group: tuple[str, ...]) -> None:
    known = [uid for uid in group if uid in UID_dictionary]
    assert {uid: uids.name_of(uid) for uid in known} == {uid: UID(uid).name for uid in known}
    assert all(uids.name_of(uid) != uid for uid in group)


def test_a_uid_that_is_almost_one_is_named_without_a_warning() -> None:
    assert uids.name_of("1.2.840.0008.3.1.1.1") == "1.2.840.0008.3.1.1.1"
    assert uids.name_of("3.08") == "3.08"


def test_importing_does_not_load_pydicom() -> None:
    code = "import importlib.util, sys\nimport dicomgui.network.uids\nprint('pydicom' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
