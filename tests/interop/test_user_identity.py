"""User identity with DCMTK: its storescu says who it is, and our listener lets it in or not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import peers
from helpers.instances import write_instance
from helpers.listening import Listen, listens_in

from dicomgui.app.configuration.listener_options import CallerRule
from dicomgui.app.context import AppContext


@pytest.fixture
def listens(tmp_path: Path) -> Iterator[Listen]:
    with AppContext() as context:
        yield listens_in(context, tmp_path / "received")


@pytest.mark.interop("storescu")
@pytest.mark.parametrize(
    ("rule", "arguments", "let_in"),
    [
        (CallerRule.ANY, (), True),
        (CallerRule.ANY, ("-usr", "anna", "-pwd", "wrong"), True),
        (CallerRule.REQUIRED, (), False),
        (CallerRule.REQUIRED, ("-usr", "anna"), True),
        (CallerRule.LISTED, ("-usr", "anna"), False),
        (CallerRule.LISTED, ("-usr", "anna", "-pwd", "wrong"), False),
        (CallerRule.LISTED, ("-usr", "anna", "-pwd", "right"), True),
        (CallerRule.LISTED, ("-usr", "anna", "-pwd", "right", "-rsp"), True),
    ],
)
async def test_storescu_is_let_in_or_not(
    listens: Listen, tmp_path: Path, rule: CallerRule, arguments: tuple[str, ...], let_in: bool
) -> None:
    file = write_instance(tmp_path / "files", 1)
    async with listens(callers=rule, passcodes={"anna": "right"}) as listener:
        done = await peers.run("storescu", *arguments, "-aec", "OURS", "127.0.0.1", listener.port, file)
        assert (done.code == 0) == let_in, done
        assert (listener.counts.stored, listener.counts.refused) == ((1, 0) if let_in else (0, 1))
