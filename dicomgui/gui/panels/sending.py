"""How a send went, in words."""

from __future__ import annotations

from dicomgui.app.operations import JobState
from dicomgui.app.send import ItemState, SendProgress, SendReport
from dicomgui.gui.widgets.text import count_text, duration_text, size_text

__all__ = ["state_of", "summed_up", "thousandths"]


def thousandths(progress: SendProgress) -> int:
    """How much is done, by bytes, else by files."""
    if progress.bytes_total:
        return round(1000 * progress.bytes_done / progress.bytes_total)
    return round(1000 * progress.done / max(1, progress.total))


def summed_up(report: SendReport) -> str:
    """What became of the files, in one line."""
    parts = [f"{report.sent:,} of {count_text(len(report.results), 'file')} sent"]
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
