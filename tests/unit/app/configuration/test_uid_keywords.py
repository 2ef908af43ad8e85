"""UIDs are found by the names that PS3.6 and DCMTK have for them."""

from __future__ import annotations

import pytest

from dicomgui.app.configuration.uid_keywords import sop_class_of, syntax_of
from dicomgui.network.errors import ConfigurationError


@pytest.mark.parametrize(
    ("text", "uid"),
    [
        ("1.2.3.4", "1.2.3.4"),
        ("ctimagestorage", "1.2.840.10008.5.1.4.1.1.2"),
        ("VerificationSOPClass", "1.2.840.10008.1.1"),
        ("FINDStudyRootQueryRetrieveInformationModel", "1.2.840.10008.5.1.4.1.2.2.1"),
        ("RETIRED_UltrasoundImageStorage", "1.2.840.10008.5.1.4.1.1.6"),
        ("UltrasoundImageStorage", "1.2.840.10008.5.1.4.1.1.6.1"),
        ("DRAFT_SRTextStorage", "1.2.840.10008.5.1.4.1.1.88.1"),
    ],
)
def test_sop_classes(text: str, uid: str) -> None:
    assert sop_class_of(text) == uid


@pytest.mark.parametrize(
    ("text", "uid"),
    [
        ("LittleEndianImplicit", "1.2.840.10008.1.2"),
        (" explicitvrlittleendian ", "1.2.840.10008.1.2.1"),
        ("JPEG2000", "1.2.840.10008.1.2.4.91"),
    ],
)
def test_transfer_syntaxes(text: str, uid: str) -> None:
    assert syntax_of(text) == uid


@pytest.mark.parametrize("text", ["", "x" * 201, "CTImageStorage"])
def test_unknown_names_are_told(text: str) -> None:
    with pytest.raises(ConfigurationError, match="there is no transfer syntax"):
        syntax_of(text)
