"""What the program says of its usual attributes is what the dictionary says."""

from __future__ import annotations

import subprocess
import sys

from pydicom.datadict import dictionary_description, dictionary_VR, tag_for_keyword

from dicomgui.app.asking.keys import attribute_of
from dicomgui.app.asking.usual_attributes import USUAL_ATTRIBUTES, USUAL_KEYWORDS


def test_the_dictionary_says_the_same() -> None:
    for keyword, (tag, vr, name) in USUAL_ATTRIBUTES.items():
        assert (tag, vr, name) == (tag_for_keyword(keyword), dictionary_VR(tag), dictionary_description(tag))
        assert USUAL_KEYWORDS[tag] == keyword


def test_they_are_attributes_by_keyword_and_by_tag() -> None:
    for keyword, (tag, vr, name) in USUAL_ATTRIBUTES.items():
        for text in (keyword, keyword.lower(), f"({tag >> 16:04X},{tag & 0xFFFF:04X})"):
            found = attribute_of(text)
            assert (found.tag, found.keyword, found.name, found.vr) == (tag, keyword, name, vr)


def test_they_are_known_before_the_dictionary_is_loaded() -> None:
    code = (
        "import sys; from dicomgui.app.asking.keys import attribute_of;"
        "assert attribute_of('PatientID').name == 'Patient ID' == attribute_of('(0010,0020)').name;"
        "print('pydicom' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "False"
