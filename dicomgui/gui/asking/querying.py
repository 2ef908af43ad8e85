"""Queries that run, each over an association of its own and among the jobs; what comes is fetched in batches."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from dicomgui.app.asking.ignored_keys import LOOKED_AT, ignored_keys
from dicomgui.app.asking.information_models import is_without_levels
from dicomgui.app.asking.keys import Key, attribute_of
from dicomgui.app.asking.levels import UNIQUE_KEYS, Level, levels_of
from dicomgui.app.asking.query import FindJob, FindResult, Query
from dicomgui.app.asking.shared_association import SharedAssociation
from dicomgui.app.asking.values import Answer
from dicomgui.app.operations import JobHandle, JobKind, JobState
from dicomgui.app.recipes.recipe import Recipe
from dicomgui.gui.asking.rows import Row, Source, unique_values
from dicomgui.gui.asking.selection import nouns_of
from dicomgui.gui.panels.panel import Workplace
from dicomgui.gui.widgets.text import count_text, duration_text
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.status import Service
from dicomgui.trace.finding import Finding, Severity

__all__ = ["NodeQuery", "findings_of", "query_below", "result_text"]


class NodeQuery:
    """One query to one node.

    :ivar parent: the row below which the matches belong; ``None`` for the top level.
    :ivar result: ``None`` until it has ended.
    :ivar ignored: names of keys that the peer did not match by, as its answers show.
    :ivar error: why nothing was asked at all.
    :ivar count: matches that were fetched.
    :ivar remark: said beside its result; empty for nothing.

    :param name: says which of several it is; empty for the only one.
    :param retry: asks the same again, for the drawer of jobs.
    """

    def __init__(
        self,
        place: Workplace,
        query: Query,
        source: Source,
        parent: Row | None = None,
        *,
        name: str = "",
        retry: Callable[[], object] | None = None,
    ) -> None:
        self.name = name
        self.remark = ""
        self.query = query
        self.source = source
        self.parent = parent
        self.result: FindResult | None = None
        self.ignored: tuple[str, ...] = ()
        self.error: ConfigurationError | None = None
        self._place = place
        self._retry = retry
        self._found: list[Row] = []
        self._first: list[Answer] = []
        self._job: FindJob | None = None
        self._handle: JobHandle | None = None
        self.count = 0

    @property
    def has_more(self) -> bool:
        """Whether there are matches to be fetched."""
        return bool(self._found)

    async def run(self, over: SharedAssociation | None = None) -> None:
        """Ask; a cancel passes when the peer has answered the C-CANCEL, or had its time to.

        :param over: the association that it shares with others; by default one of its own.
        """
        task = asyncio.current_task()
        assert task is not None
        level = self.query.level
        has_model = is_without_levels(self.query.root)
        what = f"the model {self.query.root}" if has_model else nouns_of(level)[1] if level else "the worklist"
        title = f"Query {what}" + (f" of a {self.parent.level.value.lower()}" if self.parent else "")
        title += f" by {self.name}" if self.name else ""
        kind = JobKind.QUERY if level is not None or has_model else JobKind.WORKLIST
        with self._place.start_job(
            kind, title, peer=str(self.source.peer), cancel=task.cancel, retry=self._retry,
            recipe=Recipe.of_query(self.source.peer, self.source.options, self.query),
        ) as handle:  # fmt: skip
            self._handle = handle
            options = await self._place.secrets.complete(self.source.options, self.source.peer)
            try:
                job = self._job = FindJob(
                    self._place.context, self.source.peer, options, self.query,
                    over=over, on_association=self._note_association,
                )  # fmt: skip
            except ConfigurationError as error:
                self.error = error
                handle.finish(JobState.FAILED, text=str(error))
                return
            try:
                await job.run_undecoded(self._take)
            finally:
                self.result = job.result()
                self.source.root = self.source.root or self.result.root or None  # also where nothing matched
                _finish(handle, self.result)
            self.ignored = await self._look_for_ignored()

    async def _look_for_ignored(self) -> tuple[str, ...]:
        """In a thread: whole matches are decoded for it."""
        keys, first = self.query.keys, self._first
        if self.parent is not None or not first or not any(key.is_matching for key in keys):
            return ()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._place.context.file_pool, ignored_keys, keys, first)

    def _note_association(self, number: int) -> None:
        self.source.association = number
        if self._handle is not None:
            self._handle.add_association(number)

    def _take(self, answers: Sequence[Answer]) -> None:
        if self._job is not None:
            self.source.root = self.source.root or self._job.root or None
        level, source, parent = (
            self.query.level or (Level.IMAGE if is_without_levels(self.query.root) else Level.STUDY),
            self.source,
            self.parent,
        )
        self._found += [Row(answer, level, source, parent, query=self.name) for answer in answers]
        self._first += answers[: LOOKED_AT - len(self._first)]

    def fetch(self) -> list[Row]:
        """The rows that have come since the last call."""
        rows, self._found = self._found, []
        self.count += len(rows)
        if rows and self._handle is not None:
            self._handle.update(files_done=self.count)
        return rows

    @property
    def never_returned(self) -> tuple[int, ...]:
        """Tags of what was asked for and is in no match."""
        names = self.result.never_returned if self.result is not None else ()
        return tuple(attribute_of(name).tag for name in names)


def _finish(handle: JobHandle, result: FindResult) -> None:
    finding = result.findings[0] if result.findings else None
    text = result_text(result)
    handle.update(files_done=result.count)
    if result.is_cancelled:
        handle.finish(JobState.CANCELLED, text=text)
    elif not result.ok:
        handle.finish(JobState.FAILED, text=text, finding=finding)
    else:
        handle.finish(JobState.WARNING if result.is_partial or result.unreadable else JobState.DONE, text=text)


def result_text(result: FindResult) -> str:
    """How a query ended, in one line."""
    one, several = nouns_of(result.level, result.root)
    status = result.status
    has_failed = result.error is not None or (status is not None and status.is_failure)
    is_nothing = has_failed and not result.count
    parts = [] if is_nothing else [f"{count_text(result.count, one, several)} in {duration_text(result.seconds)}"]
    if result.has_more:
        parts.append(f"only the first {result.count:,}, there are more")
    elif result.is_partial:
        parts.append("cancelled, there may be more")
    elif result.error is not None:
        parts.append(str(result.error))
    elif status is not None and status.is_failure:
        parts.append(f"0x{int(status):04X} {status.meaning(Service.FIND)}")
    if result.comment:
        parts.append(f"“{result.comment}”")
    if result.unreadable:
        parts.append(f"{result.unreadable:,} could not be read")
    return " · ".join(parts)


def query_below(row: Row) -> Query:
    """What finds that which is below a row: the next level of its root, by the unique keys that lead there.

    :raises ConfigurationError: the match lacks its unique key, or its root has no level below.
    """
    root = row.source.root or "study"
    levels: Sequence[Level] = levels_of(root)
    place = levels.index(row.level) + 1 if row.level in levels else len(levels)
    if place >= len(levels):
        raise ConfigurationError(f"the {root} root has nothing below a {row.level.value.lower()}", phase="configure")
    values = unique_values(row)
    missing = UNIQUE_KEYS[row.level] not in values
    if missing:
        raise ConfigurationError(f"the match has no {UNIQUE_KEYS[row.level]}", phase="configure")
    above = [UNIQUE_KEYS[level] for level in levels[:place]]
    keys = tuple(Key((attribute_of(keyword),), values[keyword]) for keyword in above if keyword in values)
    return Query(keys, None, levels[place], root, None)


def findings_of(queries: Sequence[NodeQuery]) -> tuple[Finding, ...]:
    """What the diagnosis says about them, and what was ignored by whom."""
    found = [finding for one in queries if one.result is not None for finding in one.result.findings]
    for one in queries:
        if one.ignored:
            found.append(_ignored_finding(one))
    return tuple(found)


def _ignored_finding(query: NodeQuery) -> Finding:
    names = ", ".join(query.ignored)
    return Finding(
        "query-keys-ignored", Severity.WARNING,
        f"{query.source.name} did not match by {names}: some of its answers do not fit.",
        ("The peer does not support the key for matching and answers as if it were empty (PS3.4 C.2.2.1.3).",),
        ("Use the filter above the matches.", "Match by other keys, such as the patient's ID or the study's date."),
        association=query.source.association,
    )  # fmt: skip
