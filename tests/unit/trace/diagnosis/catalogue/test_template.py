from __future__ import annotations

import string

import pytest

from dicomgui.trace.diagnosis.catalogue import CATALOGUE, Template
from dicomgui.trace.finding import Severity

PLACES = {
    "accepted", "address", "advice", "arrived", "called", "calling", "certificate", "clause", "comment", "destination",
    "detail", "element", "fits", "hint", "host", "instance", "key_needed_by", "level_unfit", "levels_above", "listener",
    "meaning", "message", "nothing_there", "offer", "other_root", "own_port", "path", "pattern", "peer", "port",
    "proposed", "reason", "result", "seconds", "sent", "source", "status", "subject", "told", "waited", "who",
}  # fmt: skip


@pytest.mark.parametrize("code", CATALOGUE)
def test_entries_are_plain_sentences(code: str) -> None:
    template = CATALOGUE[code]
    assert isinstance(template, Template)
    assert isinstance(template.severity, Severity)
    assert code == code.lower()
    for sentence in (template.what, *template.causes, *template.tries):
        named = {name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None}
        assert named <= PLACES
        assert sentence == sentence.strip()
        assert sentence.endswith((".", "}"))
        assert "<" not in sentence
        assert "\n" not in sentence
        assert "!" not in sentence
    assert len(template.what) <= 130


@pytest.mark.parametrize("code", CATALOGUE)
def test_what_failed_has_something_to_try(code: str) -> None:
    template = CATALOGUE[code]
    if template.severity is Severity.ERROR and code not in ("configuration", "we-answered-failure"):
        assert template.tries
