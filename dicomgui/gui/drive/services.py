"""The steps of a driven window with a worklist, a performed step, normalized services, and the viewer."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from dicomgui.app.nservices.templates import TEMPLATES
from dicomgui.gui.drive.pressing import StepFailed, press, until
from dicomgui.gui.peers.fields import PeerFields
from dicomgui.gui.shell.main_window import MainWindow
from dicomgui.gui.worklist.step_dialog import StepDialog
from dicomgui.storage import Level

__all__ = ["ServiceSteps", "choose_node"]


def choose_node(peer: PeerFields, name: str) -> None:
    """Choose a saved node as the user does: from the list of names.

    :raises StepFailed: it is not there.
    """
    row = peer.node.findData(name)
    if row < 0:
        raise StepFailed(f"{name} is not offered as a saved node")
    peer.node.setCurrentIndex(row)
    peer.node.activated.emit(row)


class ServiceSteps:
    """Each step raises :class:`StepFailed` or gives one line about its result.

    :param node: the name of the node that is asked.
    """

    def __init__(self, window: MainWindow, node: str) -> None:
        self._window = window
        self._node = node

    async def worklist(self) -> str:
        """Ask for all that is scheduled."""
        panel = self._window.worklist
        self._window.show_panel(panel)
        self._window.dock.set_folded(True)
        choose_node(panel.peer, self._node)
        press(panel.run_button)
        await until(panel.ask_all_button.isVisible, "it does not warn of a query without keys")
        press(panel.ask_all_button)
        await until(lambda: not panel.is_busy and panel.run_button.isEnabled(), "the query did not end")
        if not panel.results.model.count:
            raise StepFailed(panel.status.text() or "nothing is scheduled")
        return panel.status.text()

    async def performed_step(self) -> str:
        """Begin the first step, and complete it."""
        panel = self._window.worklist
        panel.results.table.selectRow(0)
        press(panel.steps.begin_button)
        press((await self._dialog()).ok_button)
        await until(lambda: self._state() == "in progress", "the step was not begun")
        press(panel.steps.complete_button)
        press((await self._dialog()).ok_button)
        await until(lambda: self._state() == "completed", "the step was not completed")
        return panel.steps.result.text()

    async def _dialog(self) -> StepDialog:
        def shown() -> list[StepDialog]:
            return [one for one in self._window.findChildren(StepDialog) if one.isVisible()]

        await until(lambda: len(shown()) == 1, "nobody asks what is to be told")
        return shown()[0]

    def _state(self) -> str:
        return str(self._window.worklist.steps.model.index(0, 3).data())

    async def normalized(self) -> str:
        """Push a unified procedure step, and read it."""
        panel = self._window.nservices
        self._window.show_panel(panel)
        choose_node(panel.peer, self._node)
        count = 0
        for number, key in enumerate(("ups-push", "ups-read")):
            panel.use_template(next(template for template in TEMPLATES if template.key == key))
            press(panel.run_button)
            await until(lambda: not panel.is_busy and panel.run_button.isEnabled(), "there is no answer")
            exchange = panel.model.exchange_at(number)
            if exchange is None or exchange.result is None or not exchange.result.ok:
                raise StepFailed(panel.answer.headline.text())
            count = len(exchange.dataset or ())
        await until(lambda: panel.answer.tree.is_open, "the answer is not shown")
        return f"{panel.answer.headline.text()}, {count} attributes"

    async def viewer(self) -> tuple[str, QWidget]:
        """Open an image of the archive in a window of its own, by a double click; gives the window, too."""
        panel, viewers = self._window.archive, self._window.viewers
        self._window.show_panel(panel)
        rows = range(panel.model.rowCount())
        images = [row for row in rows if (place := panel.model.place_at(row)) and place[0] is Level.IMAGE]
        if not images:
            raise StepFailed("no image is listed")
        panel.table.activate_row(images[0])
        await until(lambda: len(viewers.viewers) == 1 and not viewers.viewers[0].is_busy, "no window has opened")
        viewer = viewers.viewers[0]
        viewer.resize(1280, 800)
        if viewer.image.drawn is None:
            raise StepFailed("the image is not drawn")
        return f"{viewer.heading.text()}; {viewer.image.facts_label.text()}", viewer
