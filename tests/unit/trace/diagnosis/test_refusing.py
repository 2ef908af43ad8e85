from __future__ import annotations

import pytest
from helpers.recordings import CT, EXPLICIT, IMPLICIT, JPEG_2000, VERIFICATION, Recording, associate_ac, associate_rq

from dicomgui.network.pdu import PresentationContextAC, PresentationContextRQ
from dicomgui.network.tracing import Direction, PduRecord, Record, Role, Segment
from dicomgui.trace.diagnosis.case import cases_of
from dicomgui.trace.diagnosis.diagnose import diagnose
from dicomgui.trace.diagnosis.refusing import refused_text
from dicomgui.trace.finding import Finding, Severity

SENT, RECEIVED = Direction.SENT, Direction.RECEIVED
MR = "1.2.840.10008.5.1.4.1.1.4"


def only(records: list[Record]) -> Finding:
    (finding,) = diagnose(records)
    return finding


def negotiated(*results: tuple[str, str, int], role: Role = Role.REQUESTOR, extra: bool = False) -> Recording:
    """An association whose contexts (abstract, transfer syntax) got the results; -1 is left out of the answer."""
    proposed = [PresentationContextRQ(2 * n + 1, a, (t,)) for n, (a, t, _) in enumerate(results)]
    answered = [PresentationContextAC(2 * n + 1, r, t) for n, (_, t, r) in enumerate(results) if r >= 0]
    if extra:
        answered.append(PresentationContextAC(201, 0, IMPLICIT))
    recording = Recording(role=role).connect()
    ours, theirs = (SENT, RECEIVED) if role is Role.REQUESTOR else (RECEIVED, SENT)
    return recording.raw(ours, associate_rq(*proposed).encode()).raw(theirs, associate_ac(*answered).encode())


@pytest.mark.parametrize(
    ("results", "code", "words"),
    [
        ([(CT, JPEG_2000, 4)], "no-context-transfer", "not CT Image Storage in JPEG 2000"),
        ([(CT, EXPLICIT, 3)], "no-context-abstract", "not CT Image Storage (abstract syntax not supported)"),
        ([(CT, EXPLICIT, 3), (MR, EXPLICIT, 4)], "no-context", "none of the contexts"),
        ([(CT, EXPLICIT, 1)], "no-context-user", "user-rejection"),
        ([(CT, EXPLICIT, 2), (MR, EXPLICIT, 2)], "no-context-provider", "provider rejection"),
        ([(CT, EXPLICIT, 99), (MR, EXPLICIT, -1)], "no-context", "not answered"),
    ],
)
def test_no_context_was_accepted(results: list[tuple[str, str, int]], code: str, words: str) -> None:
    recording = negotiated(*results, extra=results[0][2] == 99)
    finding = only(recording.released().records)
    assert finding.code == code
    assert words in finding.what
    (evidence,) = finding.evidence
    assert evidence.record_index == 2
    answer = recording.records[2]
    assert isinstance(answer, PduRecord)
    assert answer.segments[0].data[evidence.offset] == 0x21


def test_an_answer_without_contexts() -> None:
    finding = only(negotiated((CT, EXPLICIT, -1), extra=True).released().records)
    assert finding.code == "no-context"
    assert finding.evidence[0].length == 0


def test_many_refused_contexts_are_not_all_named() -> None:
    results = [(f"1.2.840.10008.5.1.4.1.1.{number}", EXPLICIT, 3) for number in range(10, 20)]
    assert "and 7 more" in only(negotiated(*results).released().records).what


def test_some_contexts_were_refused() -> None:
    results = [(CT, JPEG_2000, 4), (CT, EXPLICIT, 0), (CT, IMPLICIT, 0), (MR, EXPLICIT, 3), (VERIFICATION, IMPLICIT, 0)]
    finding = only(negotiated(*results).released().records)
    assert (finding.code, finding.severity) == ("some-contexts-refused", Severity.NOTE)
    assert "accepted 3 of 5 proposed contexts" in finding.what
    assert "MR Image Storage (abstract syntax not supported)" in finding.what
    offer = "It would take CT Image Storage in Explicit VR Little Endian or Implicit VR Little Endian"
    assert offer in finding.tries[0]
    assert "MR Image" not in finding.tries[0]


def test_contexts_that_we_refused() -> None:
    finding = only(negotiated((CT, EXPLICIT, 3), role=Role.ACCEPTOR).closed(by_peer=False).records)
    assert (finding.code, finding.severity) == ("we-accepted-none", Severity.WARNING)
    assert diagnose(negotiated((CT, EXPLICIT, 3), (MR, EXPLICIT, 0), role=Role.ACCEPTOR).records) == []


def test_contexts_cannot_be_judged_without_the_bytes() -> None:
    recording = negotiated((CT, EXPLICIT, 3))
    answer = recording.records[2]
    assert isinstance(answer, PduRecord)
    recording.records[2] = answer._replace(segments=(Segment(0, answer.segments[0].data[:20]),))
    assert diagnose(recording.records) == []


def test_what_was_refused_is_told_where_nothing_was_accepted() -> None:
    def text(*results: tuple[str, str, int]) -> str:
        return refused_text(cases_of(negotiated(*results).records)[0])

    assert text((CT, EXPLICIT, 3)) == "CT Image Storage (abstract syntax not supported)"
    assert text((CT, EXPLICIT, 3), (MR, EXPLICIT, 0)) == ""
    assert refused_text(cases_of(Recording().connect().records)[0]) == ""
