"""The exit codes."""

from __future__ import annotations

import pytest

from dicomgui.cli.exits import Exit, exit_of_error
from dicomgui.network import (
    AssociationRejected,
    ConnectionLost,
    DicomNetworkError,
    NoAcceptedContext,
    OperationTimeout,
)


def test_codes_are_those_that_are_documented() -> None:
    assert [int(code) for code in Exit] == [0, 1, 2, 3, 4, 130]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NoAcceptedContext("no", sop_class="1.2"), Exit.REFUSED),
        (ConnectionLost("gone"), Exit.NETWORK),
        (AssociationRejected("no", result=1, source=1, reason=1), Exit.NETWORK),
        (OperationTimeout("late"), Exit.NETWORK),
    ],
)
def test_errors(error: DicomNetworkError, code: Exit) -> None:
    assert exit_of_error(error) is code
