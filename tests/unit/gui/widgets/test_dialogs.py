"""A dialog is waited for without a nested loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from helpers.bad_peer import reached
from PySide6.QtWidgets import QDialog

from dicomgui.gui.widgets.dialogs import accepted

pytestmark = [pytest.mark.qt, pytest.mark.qt_log_ignore("This plugin does not support")]


@pytest.mark.parametrize(("end", "expected"), [(QDialog.accept, True), (QDialog.reject, False), (QDialog.close, False)])
async def test_it_says_whether_the_user_accepted(end: Callable[[QDialog], object], expected: bool) -> None:
    dialog = QDialog()
    asking = asyncio.create_task(accepted(dialog))
    await reached(dialog.isVisible, "it is open")
    assert not asking.done()
    end(dialog)
    assert await asking is expected
    dialog.deleteLater()


async def test_who_waits_no_longer_is_not_told_of_its_end() -> None:
    dialog = QDialog()
    asking = asyncio.create_task(accepted(dialog))
    await reached(dialog.isVisible, "it is open")
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    dialog.accept()
    assert not dialog.isVisible()
    dialog.deleteLater()
