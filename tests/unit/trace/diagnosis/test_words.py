from __future__ import annotations

import pytest
from helpers.recordings import Recording

from dicomgui.network.tracing import Role
from dicomgui.trace.diagnosis.case import cases_of
from dicomgui.trace.diagnosis.words import compose, message_name, seconds_text, split_place, values_of
from dicomgui.trace.finding import Evidence


def test_sentences_are_filled() -> None:
    finding = compose("closed-port", {"host": "10.0.0.2", "port": 105}, evidence=(Evidence(1),), association=4)
    assert finding.what == "10.0.0.2 answers, but nothing listens on port 105."
    assert (finding.evidence, finding.association) == ((Evidence(1),), 4)


def test_what_is_not_known_has_words() -> None:
    finding = compose("no-response", {"peer": ""})
    assert finding.what == "The peer did not answer our request in time."


def test_values_of_a_peer_cannot_break_out() -> None:
    finding = compose("we-refused", {"peer": "{port}\n<b>\x1b", "detail": "x" * 5000})
    assert finding.what.startswith("{port}\\n<b>\\x1b reached us")
    assert len(finding.what) < 500


def test_empty_sentences_are_left_out() -> None:
    assert compose("status-failure", {"status": "0x0110"}).tries == (
        "Look into the log of the peer for the same second.",
    )


def test_a_cause_that_fits_comes_first() -> None:
    assert compose("aborted-by-provider", {}, first_cause="Because.").causes[0] == "Because."


def test_values_of_a_case() -> None:
    (case,) = cases_of(Recording().established().records)
    assert values_of(case) == {
        "peer": "PACS@10.0.0.2:104",
        "host": "10.0.0.2",
        "port": "104",
        "called": "PACS",
        "calling": "ME",
    }
    (called,) = cases_of(Recording(role=Role.ACCEPTOR).established().records)
    assert values_of(called)["peer"] == "10.0.0.2:104"


@pytest.mark.parametrize(
    ("place", "parts"),
    [
        ("10.0.0.2:104", ("10.0.0.2", "104")),
        ("PACS@pacs:11112", ("pacs", "11112")),
        ("A@B@[::1]:104", ("::1", "104")),
        ("", ("", "")),
        ("pacs", ("pacs", "")),
    ],
)
def test_places_are_split(place: str, parts: tuple[str, str]) -> None:
    assert split_place(place) == parts


def test_names_of_messages() -> None:
    assert message_name(0x0001) == message_name(0x8001) == "C-STORE"
    assert message_name(0x7777) == "the operation 7777H"


@pytest.mark.parametrize(("seconds", "text"), [(30.0, "30"), (0.25, "0.2"), (299.7, "300"), (86400.0, "86400")])
def test_seconds(seconds: float, text: str) -> None:
    assert seconds_text(seconds) == text
