"""The composition root."""

from __future__ import annotations

from dicomgui.app.context import AppContext
from dicomgui.network.tracing import Record, Scribe
from dicomgui.trace.diagnosis.facts import Facts
from dicomgui.trace.store import TraceStore


def test_records_go_to_the_store_and_to_every_added_tracer() -> None:
    seen: list[Record] = []
    with AppContext() as context:
        tracer = context.tracer
        context.add_tracer(seen.append)
        Scribe(tracer, 1).note(20, "one")
        context.remove_tracer(seen.append)
        Scribe(tracer, 1).note(20, "two")
        assert len(context.trace) == 2
    assert [record.association for record in seen] == [1]


def test_the_tracer_handed_out_earlier_sees_tracers_added_later() -> None:
    seen: list[Record] = []
    with AppContext() as context:
        tracer = context.tracer
        context.add_tracer(seen.append)
        context.remove_tracer(print)
        Scribe(tracer, 1).note(20, "one")
    assert len(seen) == 1


def test_without_a_trace_nothing_is_kept() -> None:
    with AppContext(keep_trace=False) as context:
        Scribe(context.tracer, 1).note(20, "one")
        assert len(context.trace) == 0


def test_a_given_store_is_used_and_forgotten_at_the_end() -> None:
    store = TraceStore()
    context = AppContext(trace=store)
    assert context.trace is store
    Scribe(context.tracer, 1).note(20, "one")
    context.close()
    assert len(store) == 0


def test_the_file_threads_start_when_needed_and_end_with_the_context() -> None:
    context = AppContext()
    pool = context.file_pool
    assert context.file_pool is pool
    assert pool.submit(lambda: 3).result() == 3
    context.close()
    context.close()
    assert context.file_pool is not pool
    context.close()


def test_facts_are_asked_for_when_they_are_wanted() -> None:
    with AppContext() as context:
        assert context.facts == Facts()
        titles: dict[str, tuple[str, ...]] = {}
        context.know_by(lambda: Facts(titles=dict(titles)))
        titles["pacs:104"] = ("PACS",)
        assert context.facts.titles == {"pacs:104": ("PACS",)}
