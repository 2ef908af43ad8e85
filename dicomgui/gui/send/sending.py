"""How a send went, in words; and looking at what is to be sent."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from dicomgui.app.changing.inventing import invented
from dicomgui.app.changing.settings import with_settings
from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.files.conversion import Conversion
from dicomgui.app.files.sources import Selection, SendItem
from dicomgui.app.operations import JobState
from dicomgui.app.transfers.send import ItemResult, ItemState, SendProgress, SendReport
from dicomgui.app.viewing.viewed import open_file
from dicomgui.gui.panels.panel import Panel
from dicomgui.gui.send.choices import SendWishes
from dicomgui.gui.send.model import SendModel
from dicomgui.gui.widgets.text import count_text, duration_text, size_text
from dicomgui.network.association.params import PeerAddress
from dicomgui.network.service_classes.references import Reference

__all__ = ["Order", "Sending", "sent_references", "state_of", "summed_up", "thousandths", "view_instance", "view_row"]


@dataclass(slots=True)
class Order:
    """What is to be sent to whom; kept as long as its job is remembered, so that what failed can be tried again.

    :ivar commit: ask for storage commitment of what was sent.
    :ivar sends_broken: send files whose data sets are broken, too.
    :ivar wishes: what else was chosen.
    """

    peer: PeerAddress
    options: ConnectionOptions
    items: tuple[SendItem, ...]
    selections: tuple[Selection, ...]
    conversion: Conversion = Conversion.UNCOMPRESSED
    commit: bool = False
    sends_broken: bool = False
    wishes: SendWishes = field(default=SendWishes())

    async def made(self, pool: Executor) -> Sending:
        """Make what goes out. What is invented takes the place of its templates here, so that it is not invented again.

        :raises ConfigurationError: that would be too much, or several instances of one UID.
        """
        loop = asyncio.get_running_loop()
        if self.wishes.invention is not None:
            made = await loop.run_in_executor(pool, invented, Selection(self.items), self.wishes.invention)
            self.items, self.selections = made.items, (*self.selections, made)
            self.wishes = replace(self.wishes, invention=None)
        chosen = with_settings(Selection(self.items), self.wishes.settings)
        return Sending(chosen, {id(new): old for new, old in zip(chosen.items, self.items, strict=True)})


class Sending(NamedTuple):
    """A selection that goes out, and the rows of the table that it comes from.

    :ivar origins: by the id of an instance that goes out, the one of the table.
    """

    selection: Selection
    origins: Mapping[int, SendItem]

    def origin(self, item: SendItem) -> SendItem:
        """The instance of the table from which one was made."""
        return self.origins.get(id(item), item)

    def result(self, result: ItemResult) -> ItemResult:
        """A result as one of the instance of the table."""
        return result._replace(item=self.origin(result.item))


def sent_references(report: SendReport) -> tuple[Reference, ...]:
    """The instances that the peer has taken."""
    heads = [one.item.head for one in report.results if one.is_sent]
    return tuple(Reference(head.sop_class_uid, head.sop_instance_uid) for head in heads)


def thousandths(progress: SendProgress) -> int:
    """How much is done, by bytes, else by files."""
    if progress.bytes_total:
        return round(1000 * progress.bytes_done / progress.bytes_total)
    return round(1000 * progress.done / max(1, progress.total))


def summed_up(report: SendReport) -> str:
    """What became of the files, in one line."""
    parts = [f"{report.sent:,} of {count_text(len(report.results), 'file')} sent"]
    parts += [f"{report.changed:,} changed"] if report.changed else []
    parts += [f"{report.converted:,} converted"] if report.converted else []
    counts = ((ItemState.WARNING, "with warning"), (ItemState.FAILED, "failed"), (ItemState.CANCELLED, "cancelled"))
    parts += [f"{count:,} {word}" for state, word in counts if (count := report.count(state))]
    parts.append(f"{size_text(report.bytes_sent)} in {duration_text(report.seconds)}")
    if report.sent:
        parts.append(f"{size_text(report.bytes_per_second)}/s")
    return " · ".join(parts)


def state_of(report: SendReport) -> JobState:
    """How its job ends."""
    if report.count(ItemState.CANCELLED):
        return JobState.CANCELLED
    if report.count(ItemState.FAILED):
        return JobState.WARNING if report.sent else JobState.FAILED
    return JobState.WARNING if report.count(ItemState.WARNING) else JobState.DONE


def view_row(panel: Panel, model: SendModel, row: int) -> None:
    """Show the instance of a row in a window of its own; does nothing for a file that is none."""
    item = model.item_at(row)
    if item is not None:
        _view(panel, item)


def view_instance(panel: Panel, model: SendModel, uid: str) -> bool:
    """Show an instance by its SOP Instance UID in a window of its own; whether it is in the table."""
    item = next((item for item in model.items if item.head.sop_instance_uid == uid), None)
    if item is not None:
        _view(panel, item)
    return item is not None


def _view(panel: Panel, item: SendItem) -> None:
    panel.view_wanted.emit(lambda: open_file(item.path, item.name))
