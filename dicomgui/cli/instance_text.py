"""Remarks on an instance that was kept though something is wrong or odd, for JSON and for lines."""

from __future__ import annotations

from collections.abc import Iterator

from dicomgui.network.service import InstanceProblem, anomaly_text
from dicomgui.network.structure import Anomaly

__all__ = ["remark_fields", "remark_lines"]


def remark_fields(problem: InstanceProblem | None, anomalies: tuple[Anomaly, ...]) -> dict[str, object]:
    """Fields ``problem`` and ``anomalies`` of an event; none where all is well."""
    fields: dict[str, object] = {}
    if problem is not None:
        fields["problem"] = _problem_fields(problem)
    if anomalies:
        fields["anomalies"] = [
            {"code": one.code.value, "tag": f"{one.tag:08X}", "offset": one.offset, "times": one.times}
            for one in anomalies
        ]
    return fields


def _problem_fields(problem: InstanceProblem) -> dict[str, object]:
    place = {"tag": f"{problem.tag:08X}", "offset": problem.offset}
    fields: dict[str, object] = {"code": problem.code.value, **place, "text": problem.text}
    if problem.found_syntax_uid:
        fields |= {"transfer_syntax_uid": problem.transfer_syntax_uid, "found_syntax_uid": problem.found_syntax_uid}
    return fields


def remark_lines(problem: InstanceProblem | None, anomalies: tuple[Anomaly, ...]) -> Iterator[str]:
    """The same as lines, to stand below that of the instance."""
    if problem is not None:
        yield f"{'':<13}something is wrong with it: {problem.text}"
    for anomaly in anomalies:
        yield f"{'':<13}against the standard: {anomaly_text(anomaly)}"
