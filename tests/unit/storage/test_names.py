"""Names that any system takes."""

from __future__ import annotations

import pytest

from dicomgui.storage.names import MAX_NAME, safe_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Müller 山田", "Müller 山田"),
        ('a/b\\c:d*e?f"g<h>i|j', "a_b_c_d_e_f_g_h_i_j"),
        ("..", "none"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("", "none"),
        (" . ", "none"),
        ("///", "none"),
        ("CON", "_CON"),
        ("nul.txt", "_nul.txt"),
        ("COM", "COM"),
        ("a\nb\x00c\x1b", "a b c"),
        ("ends. ", "ends"),
        ("é", "é"),
        ("x" * 200, "x" * MAX_NAME),
        ("right\u202eleft", "right left"),
    ],
)
def test_safe_names(text: str, name: str) -> None:
    assert safe_name(text, "none") == name
