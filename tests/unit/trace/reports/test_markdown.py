from __future__ import annotations

import io
import re

from helpers.recordings import CT, EXPLICIT, JPEG_2000, Recording, associate_ac, associate_rq
from hypothesis import given
from hypothesis import strategies as st

from dicomgui.network.dimse import CMoveRQ, CMoveRSP
from dicomgui.network.pdu import PresentationContextAC, PresentationContextRQ
from dicomgui.network.status import Status
from dicomgui.network.tracing import Direction, Record
from dicomgui.trace.diagnosis.diagnose import diagnose
from dicomgui.trace.finding import Finding, Severity
from dicomgui.trace.reports import markdown as report_markdown
from dicomgui.trace.reports.markdown import code, escape, write_markdown
from dicomgui.trace.store import TraceStore

EVIL = "</td><script>|`*x*` [a](http://b) www.c.de ![i](j) # <b> me@d.de"


def report_of(records: list[Record], findings: tuple[Finding, ...] = ()) -> str:
    store = TraceStore()
    for record in records:
        store(record)
    out = io.StringIO()
    write_markdown(store, findings, out)
    store.close()
    return out.getvalue()


def test_it_tells_what_happened() -> None:
    recording = Recording().connect()
    recording.sent(associate_rq(PresentationContextRQ(1, CT, (EXPLICIT,)), PresentationContextRQ(3, CT, (JPEG_2000,))))
    recording.received(associate_ac(PresentationContextAC(1, 0, EXPLICIT), PresentationContextAC(3, 4, "")))
    recording.echo()
    text = report_of(recording.released().records, tuple(diagnose(recording.records)))
    assert "1 associations, 10 rows" in text
    assert "| 1 | `ME` | `PACS` | `10.0.0.2:104` |" in text
    assert "| 1 | `CT Image Storage` | `Explicit VR Little Endian` | accepted |" in text
    assert re.search(r"\| 3 \| `CT Image Storage` \| `JPEG 2000[^|]*\| transfer", text)
    assert re.search(r"\| 1 \| sent \| C-ECHO \| `Verification SOP Class` \| 0000H \|", text)


def test_counts_of_a_retrieval_are_told() -> None:
    recording = Recording().established()
    recording.message(Direction.SENT, CMoveRQ(1, "1.2.840.10008.5.1.4.1.2.2.2", move_destination="X"))
    answer = CMoveRSP(1, Status(0xB000), "1.2.840.10008.5.1.4.1.2.2.2", completed=3, failed=1, warning=0)
    recording.message(Direction.RECEIVED, answer)
    text = report_of(recording.records)
    assert "B000H (3 completed, 1 failed, 0 warned)" in text


def test_no_findings_and_no_associations() -> None:
    text = report_of([])
    assert "Nothing failed, as far as the trace shows." in text
    assert "None." in text


def test_of_many_the_failed_ones_are_shown() -> None:
    recording = Recording().established()
    for _ in range(150):
        recording.echo()
    text = report_of(recording.records)
    assert text.count("C-ECHO") == report_markdown.MAX_EXCHANGES
    assert "50 more" in text
    many = [record for number in range(1, 203) for record in Recording(number).connect().records]
    assert "2 further associations are not shown" in report_of(many)


def test_texts_of_peers_cannot_leave_their_place() -> None:
    finding = Finding("x", Severity.ERROR, EVIL, (EVIL,), (EVIL,), clause=EVIL)
    recording = Recording().connect(peer=EVIL[:40], local="a|b:1")
    recording.sent(associate_rq(called="A|B`<i>", calling="[a](b)"))
    text = report_of(recording.records, (finding,))
    for sign in ("<", ">", "|", "*", "[", "]", "@", "`"):
        inside = re.sub(r"`[^`]*`", "", text)  # what stands in code means nothing
        finding_lines = [line for line in inside.splitlines() if "script" in line]
        assert finding_lines
        bare = [re.sub(r"\\.", "", line).replace("**error**", "") for line in finding_lines]
        assert not [line for line in bare if sign in line]
    assert "://" not in re.sub(r"`[^`]*`", "", text)
    rows = [line for line in text.splitlines() if line.startswith("| 1 |")]
    assert rows[0].count("|") == 10  # nine columns


@given(st.text(max_size=60))
def test_any_text_stays_in_a_cell(text: str) -> None:
    span = code(text)
    assert "\n" not in span
    assert "|" not in span
    assert span == "–" or (span.count("`") == 2 and span[0] == span[-1] == "`")
    escaped = escape(text)
    assert "\n" not in escaped
    assert not set(re.sub(r"\\.", "", escaped)) & set("|<>*[]`@")
