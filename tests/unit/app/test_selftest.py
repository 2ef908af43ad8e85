"""What the self-test tells of an installation that works, and of one that does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from dicomgui.app import selftest
from dicomgui.app.selftest import SYNTAXES, Check, CheckFailed, Outcome, check, run_checks
from dicomgui.app.viewing.image_facts import ImageError


async def _all() -> dict[str, Check]:
    done: list[Check] = []
    await run_checks(done.append)
    return {one.name: one for one in done}


async def test_everything_works_in_this_source_tree() -> None:
    done = await _all()
    assert {one.outcome for one in done.values()} == {Outcome.OK}, done
    assert {"program", "SQLite", "practice PACS", "echo", "echo over TLS", "send", "find", "get", "trace"} <= set(done)
    assert done["echo over TLS"].detail.startswith("TLSv1.")
    assert sum(name.startswith("image, ") for name in done) == len(SYNTAXES)


async def test_images_that_the_installation_does_not_claim_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(transfer_syntax_uid: str) -> None:
        raise ImageError("no decoder", packages="gdcm")

    monkeypatch.setattr(selftest, "decoder_of", none)
    done = await _all()
    images = [one.outcome for name, one in done.items() if name.startswith("image, ")]
    assert images == [Outcome.OK] * 4 + [Outcome.LEFT_OUT] * (len(SYNTAXES) - 4)


async def test_an_image_that_is_decoded_wrongly_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selftest, "_IMAGE", bytes(32 * 32))
    done = await _all()
    assert done["image, Explicit VR Little Endian"].outcome is Outcome.FAILED
    assert "off by 217" in done["image, Explicit VR Little Endian"].detail
    assert done["get"].outcome is Outcome.FAILED
    assert done["echo"].outcome is Outcome.OK


async def test_missing_files_of_the_program_are_a_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def lost(name: str) -> Path:
        raise FileNotFoundError(f"dicomgui has no resource {name!r}")

    monkeypatch.setattr(selftest, "resource", lost)
    done = await _all()
    assert done["files of the program"].outcome is Outcome.FAILED
    assert "icons/dicomgui.svg" in done["files of the program"].detail
    assert done["send"].outcome is Outcome.FAILED
    assert done["find"].detail == "0 studies match, not 1"


async def test_a_check_that_does_not_end_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    async def forever() -> str:
        raise TimeoutError

    async def refused() -> str:
        raise CheckFailed("it says\nno")

    assert (await check("a", forever)).detail == "it had not ended after 30 s"
    done = await check("b", refused)
    assert (done.outcome, done.detail) == (Outcome.FAILED, r"it says\nno")


async def test_without_the_practice_pacs_nothing_is_asked_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async def cannot(self: object) -> None:
        raise OSError("no loopback")

    monkeypatch.setattr(selftest.PracticePACS, "start", cannot)
    done = await _all()
    assert done["practice PACS"].outcome is Outcome.FAILED
    assert "echo" not in done
    assert done["image, Explicit VR Little Endian"].outcome is Outcome.OK
