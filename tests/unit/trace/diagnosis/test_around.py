from __future__ import annotations

from math import inf

from dicomgui.trace.diagnosis.around import Around, Knock
from dicomgui.trace.diagnosis.facts import Facts, OwnListener


def knock(number: int = 1, **more: object) -> Knock:
    values: dict[str, object] = {
        "association": number, "began_mono": 10.0, "ended_mono": inf, "host": "10.0.0.2", "called": "ME",
        "calling": "PACS", "refusal": "", "failure": "", "stores": 0, "stores_for": {}, "evidence": (),
    }  # fmt: skip
    return Knock(**(values | more))  # type: ignore[arg-type]


def test_names_that_were_accepted_come_before_those_that_are_saved() -> None:
    around = Around(Facts(titles={"pacs:104": ("SAVED", "SEEN")}))
    around.note_accepted("pacs:104", "SEEN", "ME")
    assert around.titles_at("pacs:104") == ["SEEN", "SAVED"]
    assert around.own_titles_at("pacs:104") == ["ME"]
    assert around.titles_at("other:104") == []


def test_knocks_by_host_or_name_that_were_there_in_time() -> None:
    around = Around()
    around.note_knock(knock(1))
    around.note_knock(knock(2, called="YOU"))
    around.note_knock(knock(3, host="10.9.9.9"))
    around.note_knock(knock(4, host="10.9.9.9", called="YOU"))
    around.note_knock(knock(5, ended_mono=11.0))
    found = around.knocks(12.0, host="10.0.0.2", called="ME")
    assert [one.association for one in found] == [1, 2, 3]


def test_the_newest_word_about_a_knock_counts() -> None:
    around = Around()
    around.note_knock(knock(1))
    around.note_knock(knock(1, stores=7))
    assert [one.stores for one in around.knocks(0.0, host="", called="ME")] == [7]


def test_listeners_of_the_trace_and_of_others() -> None:
    told = OwnListener("TOLD", "0.0.0.0", 104)
    around = Around(Facts(listeners=(told,)))
    seen = OwnListener("SEEN", "127.0.0.1", 105)
    around.note_listener(50.0, seen)
    assert around.listener("SEEN", 60.0) == seen
    assert around.listener("SEEN", 40.0) is None
    assert around.listener("TOLD", 40.0) == told


def test_reports_and_cuts() -> None:
    around = Around()
    around.note_report(5.0)
    assert around.has_report_since(5.0)
    assert not around.has_report_since(6.0)
    around.note_cut("pacs", 1, 300.0)
    around.note_cut("pacs", 1, 301.0)
    assert around.cuts == {"pacs": {1: 301.0}}


def test_what_peers_can_make_grow_has_an_end() -> None:
    around = Around()
    for number in range(6000):
        around.note_knock(knock(number))
        around.note_accepted(f"host{number}:104", "A", "B")
        around.note_accepted("one:104", f"A{number}", "B")
        around.note_cut("pacs", number, 300.0)
        around.note_cut(f"pacs{number}", number, 300.0)
        around.note_report(1.0)
        around.note_listener(1.0, OwnListener(f"L{number}", "", 1))
    assert len(around.knocks(0.0, host="", called="ME")) == 4096
    assert len(around.cuts) == 1024
    assert len(around.cuts["pacs"]) == 64
    assert around.titles_at("host5000:104") == []
    assert around.listener("L5000", 9.0) is None
