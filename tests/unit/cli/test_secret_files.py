"""Secrets from files."""

from __future__ import annotations

from pathlib import Path

import pytest

from dicomgui.cli.secret_files import secret_of
from dicomgui.network import ConfigurationError


def test_a_password_is_the_first_line_and_a_token_is_all(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_bytes("\ufeffPässwort \r\nsecond\n".encode())
    assert secret_of(str(path), first_line=True) == "Pässwort "
    assert secret_of(str(path), first_line=False) == "Pässwort \r\nsecond\n"


@pytest.mark.parametrize(("content", "text"), [(b"", "is empty"), (b"\n", "is empty"), (b"\xff", "is no text")])
def test_files_without_a_secret(tmp_path: Path, content: bytes, text: str) -> None:
    path = tmp_path / "secret"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=text):
        secret_of(str(path), first_line=True)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        secret_of(str(tmp_path / "none"), first_line=True)
