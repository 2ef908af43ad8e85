"""Handles for connections, and enough left for files."""

from __future__ import annotations

import sys

import pytest

from dicomgui.app.listening.file_handles import FOR_FILES, room_for

if sys.platform != "win32":
    import resource


class Limit:
    """The limit of a process, as the system would keep it."""

    def __init__(self, soft: int, hard: int, highest: int = 1 << 40) -> None:
        self.now = (soft, hard)
        self.highest = highest

    def get(self, what: int) -> tuple[int, int]:
        return self.now

    def set(self, what: int, limits: tuple[int, int]) -> None:
        if limits[0] > self.highest:
            raise ValueError("current limit exceeds maximum limit")
        self.now = limits


INFINITE = -1 if sys.platform == "win32" else resource.RLIM_INFINITY


@pytest.mark.parametrize(
    ("limit", "connections", "soft"),
    [
        (Limit(1024, 524_288), 1024, 1024 + FOR_FILES),
        (Limit(256, INFINITE), 1024, 1024 + FOR_FILES),
        (Limit(256, INFINITE, highest=512), 256 - FOR_FILES, 256),
        (Limit(1024, 1024), 1024 - FOR_FILES, 1024),
        (Limit(64, 64), 16, 64),
        (Limit(4096, 4096), 1024, 4096),
        (Limit(INFINITE, INFINITE), 1024, INFINITE),
    ],
    ids=["linux", "macos", "macos, less than it says", "hard", "hardly any", "enough", "no limit"],
)
def test_as_many_connections_as_leave_room_for_files(
    limit: Limit, connections: int, soft: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if sys.platform != "win32":
        monkeypatch.setattr(resource, "getrlimit", limit.get)
        monkeypatch.setattr(resource, "setrlimit", limit.set)
    assert room_for(1024) == (1024 if sys.platform == "win32" else connections)
    assert sys.platform == "win32" or limit.now[0] == soft
