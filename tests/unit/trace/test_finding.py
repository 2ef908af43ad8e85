from __future__ import annotations

import json

from dicomgui.trace.finding import Evidence, Finding, Severity, finding_json, plain


def test_text_of_a_peer_is_made_plain() -> None:
    assert plain("Größe") == "Größe"
    assert plain("a\nb\x1b[31m\u202ec\0") == "a\\nb\\x1b[31m\\u202ec\\x00"
    assert plain("x" * 500, 10) == "x" * 9 + "…"
    assert plain("\n" * 9, 10) == "\\n\\n\\n\\n\\…"
    assert plain(17) == "17"


def test_as_json() -> None:
    finding = Finding("code", Severity.ERROR, "What.", ("C.",), ("T.",), (Evidence(3, 7, 2),), "PS3.8", 5)
    assert json.loads(json.dumps(finding_json(finding))) == {
        "event": "finding",
        "code": "code",
        "severity": "error",
        "association": 5,
        "what": "What.",
        "causes": ["C."],
        "try": ["T."],
        "evidence": [{"record": 3, "offset": 7, "length": 2}],
        "clause": "PS3.8",
    }
