"""What is fetched below a row that was opened: series of a study, images of a series."""

from __future__ import annotations

import asyncio

from dicomgui.app.asking.query import FindResult
from dicomgui.gui.asking.model import QueryModel
from dicomgui.gui.asking.querying import NodeQuery, query_below, result_text
from dicomgui.gui.asking.rows import COLUMNS, Arrangement, Row, arranged
from dicomgui.gui.panels.panel import Workplace
from dicomgui.gui.running.tasks import PanelTasks
from dicomgui.network.errors import ConfigurationError
from dicomgui.trace.finding import plain

__all__ = ["Below"]


class Below:
    """Asks for what is below rows, each by a query of its own to the row's source."""

    def __init__(self, place: Workplace, tasks: PanelTasks, model: QueryModel) -> None:
        self._place = place
        self._tasks = tasks
        self._model = model
        self._queries: dict[NodeQuery, tuple[asyncio.Task[None], list[Row]]] = {}

    @property
    def is_busy(self) -> bool:
        """Whether something is being fetched."""
        return bool(self._queries)

    def fetch(self, row: Row) -> None:
        """Ask for what is below a row."""
        try:
            query = query_below(row)
        except ConfigurationError as error:
            self._model.set_children(row, [_remark(row, str(error))])
            return
        one = NodeQuery(self._place, query, row.source, row)
        self._queries[one] = (self._tasks.spawn(one.run(), name="query"), [])

    def cancel(self) -> bool:
        """Ask no more; whether anything was asked."""
        for task, _ in self._queries.values():
            task.cancel()
        return self.is_busy

    def drain(self) -> list[FindResult]:
        """Show what has come since the last tick; gives the results that are failures."""
        failed = []
        for one, (task, rows) in tuple(self._queries.items()):
            rows += one.fetch()
            if one.has_more or not task.done():
                continue
            del self._queries[one]
            self._show(one, rows)
            if one.result is not None and not one.result.ok:
                failed.append(one.result)
        return failed

    def _show(self, one: NodeQuery, rows: list[Row]) -> None:
        """What was found, in the order of its numbers, and a remark where that is not all."""
        row, result = one.parent, one.result
        assert row is not None
        children = arranged(rows, Arrangement(COLUMNS[0]))
        is_whole = result is not None and result.ok
        if not is_whole:
            why = one.error or (result_text(result) if result is not None else "cancelled")
            children.append(_remark(row, f"Not fetched: {why}"))
        elif not children:
            children.append(_remark(row, "The peer says there is nothing below."))
        self._model.set_children(row, children)
        if not is_whole:
            row.children = None  # so that it is fetched anew when the row is opened again


def _remark(row: Row, text: str) -> Row:
    return Row(None, row.level, row.source, row, plain(text, 400))
