from __future__ import annotations

import json

from dicomgui.trace.finding import Action, ActionKind, Evidence, Finding, Severity, finding_json, group_findings, plain

TRY = Action(ActionKind.TRY_AE, "Try PACS", "PACS")


def test_text_of_a_peer_is_made_plain() -> None:
    assert plain("Größe") == "Größe"
    assert plain("a\nb\x1b[31m\u202ec\0") == "a\\nb\\x1b[31m\\u202ec\\x00"
    assert plain("x" * 500, 10) == "x" * 9 + "…"
    assert plain("\n" * 9, 10) == "\\n\\n\\n\\n\\…"
    assert plain(17) == "17"


def test_as_json() -> None:
    finding = Finding("code", Severity.ERROR, "What.", ("C.",), ("T.",), (Evidence(3, 7, 2),), "PS3.8", 5, (TRY,))
    assert json.loads(json.dumps(finding_json(finding))) == {
        "event": "finding",
        "code": "code",
        "severity": "error",
        "association": 5,
        "what": "What.",
        "causes": ["C."],
        "try": ["T."],
        "actions": [{"kind": "try-ae", "label": "Try PACS", "value": "PACS"}],
        "evidence": [{"record": 3, "offset": 7, "length": 2}],
        "clause": "PS3.8",
    }


def test_bytes_are_shown_rather_than_a_record_as_a_whole() -> None:
    whole, some = Evidence(1), Evidence(2, 7, 3)
    assert Finding("code", Severity.NOTE, "What.", evidence=(whole, some)).best_evidence == some
    assert Finding("code", Severity.NOTE, "What.", evidence=(whole,)).best_evidence == whole
    assert Finding("code", Severity.NOTE, "What.").best_evidence is None


def test_findings_that_say_the_same_are_one() -> None:
    same = [Finding("file-failed", Severity.ERROR, f"file {number}", ("cause",), ("try",)) for number in range(1200)]
    other = Finding("file-failed", Severity.ERROR, "another", ("cause",), ("try something else",))
    first, second = group_findings([same[0], other, *same[1:]])
    assert first.what == "file 0 (1,200 × in all)"
    assert second is other
    assert group_findings([]) == ()
