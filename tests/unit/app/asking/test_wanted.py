"""What is to be retrieved: unique keys as they are, everything else looked up."""

from __future__ import annotations

import itertools
import struct
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from helpers.answering import Answering, answering
from helpers.retrieval import CR_STUDY, CT_STUDY, DOE, elements
from pydicom.dataset import Dataset

from dicomgui.app.asking import wanted as module
from dicomgui.app.asking.keys import parse_key
from dicomgui.app.asking.levels import Level, contexts_for
from dicomgui.app.asking.wanted import Wanted, classes_of, look_up, syntaxes_of
from dicomgui.network import (
    ConfigurationError,
    DimseFailure,
    FindRequest,
    Handlers,
    Match,
    RemoteProtocolError,
    Reply,
    Status,
    connect,
)
from dicomgui.network.dimse.dataset import decode_answer
from dicomgui.network.service import results
from dicomgui.network.uids import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN

CR, CT = "1.2.840.10008.5.1.4.1.1.1", "1.2.840.10008.5.1.4.1.1.2"
STUDY, SERIES, IMAGE = "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"


def want(level: str, *keys: str) -> Wanted:
    return Wanted(Level(level), tuple(map(parse_key, keys)))


async def found(scp: Answering, wanted: Wanted, root: str = "study", notes: list[str] | None = None) -> list[Wanted]:
    async with connect(scp.address, contexts=contexts_for((root,), "find", "move")) as association:
        return await look_up(association, root, wanted, [] if notes is None else notes)


def uniques(requests: list[Wanted]) -> list[dict[str, str]]:
    return [request.unique for request in requests]


@pytest.mark.parametrize(
    "wanted",
    [
        want("STUDY", f"{STUDY}=1.2"),
        want("STUDY", f"{STUDY}=1.2\\1.3"),
        want("SERIES", f"{STUDY}=1.2", f"{SERIES}=1.3"),
        want("IMAGE", f"{STUDY}=1.2", f"{SERIES}=1.3", f"{IMAGE}=1.4\\1.5"),
    ],
    ids=str,
)
async def test_what_has_all_unique_keys_is_not_looked_up(wanted: Wanted) -> None:
    async with answering() as scp:
        assert await found(scp, wanted) == [wanted]
    assert scp.asked() == []


async def test_other_keys_are_looked_up_at_their_level() -> None:
    async with answering() as scp:
        requests = await found(scp, want("STUDY", "PatientName=Doe^A*", "ModalitiesInStudy"))
    assert sorted(request.unique[STUDY] for request in requests) == sorted([CR_STUDY, CT_STUDY])
    assert scp.asked() == [{"QueryRetrieveLevel": "STUDY", "PatientName": "Doe^A*"}]


async def test_keys_of_several_levels_go_down_level_by_level() -> None:
    async with answering() as scp:
        requests = await found(scp, want("SERIES", f"PatientID={DOE}", "Modality=CR"))
    assert [query["QueryRetrieveLevel"] for query in scp.asked()] == ["STUDY", "SERIES", "SERIES"]
    assert all("PatientID" not in query and query["Modality"] == "CR" for query in scp.asked()[1:])
    assert [request.unique[STUDY] for request in requests] == [CR_STUDY] * 3
    assert len({request.unique[SERIES] for request in requests}) == 3


async def test_images_of_a_series_are_one_request(monkeypatch: pytest.MonkeyPatch) -> None:
    async with answering() as scp:
        [request] = await found(scp, want("IMAGE", f"{STUDY}={CT_STUDY}"))
        assert request.level is Level.IMAGE
        assert len(request.unique[IMAGE].split("\\")) == 4
        monkeypatch.setattr(module, "IMAGES_EACH", 3)
        requests = await found(scp, want("IMAGE", f"{STUDY}={CT_STUDY}"))
    assert [len(one.unique[IMAGE].split("\\")) for one in requests] == [3, 1]


async def test_instances_of_a_study_are_found_in_their_series() -> None:
    """As after a failed retrieval, where the peer named instances and no series."""
    async with answering() as scp:
        [all_images] = await found(scp, want("IMAGE", f"{STUDY}={CT_STUDY}"))
        two = "\\".join(all_images.unique[IMAGE].split("\\")[:2])
        [request] = await found(scp, want("IMAGE", f"{STUDY}={CT_STUDY}", f"{IMAGE}={two}"))
    assert request.unique == {STUDY: CT_STUDY, SERIES: all_images.unique[SERIES], IMAGE: two}


async def test_several_studies_are_each_looked_into() -> None:
    async with answering() as scp:
        requests = await found(scp, want("SERIES", f"{STUDY}={CR_STUDY}\\{CT_STUDY}"))
    assert len(requests) == 4
    assert [query[STUDY] for query in scp.asked()] == [CR_STUDY, CT_STUDY]


async def test_nobody_is_asked_for_all_that_there_is() -> None:
    """A series without its study: the top level is left open instead of being enumerated."""
    notes: list[str] = []
    async with answering() as scp:
        requests = await found(scp, want("SERIES", f"{SERIES}=1.2.3"), notes=notes)
    assert uniques(requests) == [{SERIES: "1.2.3"}]
    assert scp.asked() == []
    assert f"wants {STUDY}" in notes[0]


async def test_the_patient_root_wants_the_patient_too() -> None:
    async with answering() as scp:
        requests = await found(scp, want("STUDY", "PatientName=Doe^A*"), "patient")
    assert {request.unique["PatientID"] for request in requests} == {DOE}
    assert [query["QueryRetrieveLevel"] for query in scp.asked()] == ["PATIENT", "STUDY"]


async def test_without_c_find_the_keys_are_sent_as_they_are() -> None:
    notes: list[str] = []
    wanted = want("STUDY", "PatientID=1")
    async with answering(sop_classes=frozenset({"1.2.840.10008.5.1.4.1.2.2.2"})) as scp:
        assert await found(scp, wanted, notes=notes) == [wanted]
    assert "does not accept C-FIND" in notes[0]
    assert wanted.identifier("study").PatientID == "1"


async def test_a_refused_look_up_is_an_error() -> None:
    async with answering(Handlers(on_find=lambda request: Reply(Status(0xA700)), on_move=lambda request: [])) as scp:
        with pytest.raises(DimseFailure):
            await found(scp, want("STUDY", "PatientID=1"))


async def test_far_too_many_matches_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same one again and again, or ever others."""
    monkeypatch.setattr(module, "MAX_FOUND", 3)
    monkeypatch.setattr(module, "MAX_MATCHES", 30)
    others = (elements(StudyInstanceUID=f"1.2.{number}") for number in itertools.count())
    answers = Handlers(on_find=lambda request: others, on_move=lambda request: [])
    async with answering() as same, answering(answers) as other:
        for scp in (same, other):
            with pytest.raises(ConfigurationError, match="more than 3 things"):
                await found(scp, want("STUDY", "PatientID=ENDLESS"))


async def test_a_key_that_is_far_too_long_is_an_error() -> None:
    """Twenty thousand of 2 MB each would be kept."""
    data = {
        EXPLICIT_VR_LITTLE_ENDIAN: struct.pack("<HH2sH", 0x20, 0xD, b"UI", 2000) + b"1" * 2000,
        IMPLICIT_VR_LITTLE_ENDIAN: struct.pack("<HHI", 0x20, 0xD, 2000) + b"1" * 2000,
    }
    answers = Handlers(
        on_find=lambda request: [Match(data[request.context.transfer_syntax])], on_move=lambda request: []
    )
    async with answering(answers) as scp:
        with pytest.raises(RemoteProtocolError, match="StudyInstanceUID of 2,000 characters"):
            await found(scp, want("STUDY", "PatientID=1"))


async def test_large_matches_of_a_look_up_are_decoded_beside_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[bool] = []

    def decode(data: bytes, syntax: str) -> Dataset:
        threads.append(threading.current_thread() is threading.main_thread())
        return decode_answer(data, syntax)

    monkeypatch.setattr(results, "decode_answer", decode)
    matches = [elements(StudyInstanceUID="1.2"), elements(StudyInstanceUID="1.3", PatientComments="x" * 8192)]
    async with answering(Handlers(on_find=lambda request: matches, on_move=lambda request: [])) as scp:
        await found(scp, want("STUDY", "PatientID=1"))
    assert threads == [True, False]


async def test_what_is_answered_more_than_once_is_retrieved_once_and_remarked_on() -> None:
    """An archive that answers once an instance at study level (PS3.4 C.4.1: one match, one entity)."""
    studies = [elements(StudyInstanceUID=uid) for uid in ("1.2", "1.3", "1.2", "1.2")]
    answers = Handlers(on_find=lambda request: iter(studies), on_move=lambda request: [])
    notes: list[str] = []
    async with answering(answers) as scp:
        requests = await found(scp, want("STUDY", "PatientID=1"), notes=notes)
    assert uniques(requests) == [{STUDY: "1.2"}, {STUDY: "1.3"}]
    assert notes == ["The peer answered 4 matches for 2 studies: each is retrieved once."]


async def test_matches_without_their_unique_key_are_passed_over() -> None:
    answers = Handlers(on_find=lambda request: iter([elements(PatientID="1")]), on_move=lambda request: [])
    async with answering(answers) as scp:
        assert await found(scp, want("STUDY", "PatientID=1")) == []


# ---------------------------------------------------------------------------------------------------------- identifiers


def test_identifiers_have_the_unique_keys_of_the_root_and_no_others() -> None:
    wanted = want("STUDY", "PatientID=1", f"{STUDY}=1.2")
    assert {element.keyword for element in wanted.identifier("study")} == {"QueryRetrieveLevel", STUDY}
    assert {element.keyword for element in wanted.identifier("patient")} == {"QueryRetrieveLevel", STUDY, "PatientID"}


def test_a_level_that_the_root_does_not_have_is_sent_all_the_same() -> None:
    assert want("IMAGE", f"{IMAGE}=1.2").identifier("patient-study-only").SOPInstanceUID == "1.2"


def test_the_character_set_is_there_where_a_key_needs_it() -> None:
    assert want("PATIENT", "PatientID=Ü").identifier("patient").SpecificCharacterSet == "ISO_IR 100"


def test_a_match_says_what_it_stands_for() -> None:
    match = elements(PatientID="1", StudyInstanceUID="1.2", SeriesInstanceUID="1.3", Modality="CT")
    assert Wanted.of_match(match, Level.SERIES).unique == {"PatientID": "1", STUDY: "1.2", SERIES: "1.3"}
    assert Wanted.of_match(match, Level.STUDY).unique == {"PatientID": "1", STUDY: "1.2"}
    with pytest.raises(ConfigurationError, match="no SOPInstanceUID"):
        Wanted.of_match(match, Level.IMAGE)


def test_only_some_instances_need_a_study() -> None:
    narrowed = want("STUDY", f"{STUDY}=1.2").only(("1.3", "1.4"))
    assert narrowed is not None
    assert (narrowed.level, narrowed.unique) == (Level.IMAGE, {STUDY: "1.2", IMAGE: "1.3\\1.4"})
    assert want("PATIENT", "PatientID=1").only(("1.3",)) is None
    assert want("STUDY", f"{STUDY}=1.2\\1.3").only(("1.4",)) is None


# --------------------------------------------------------------------------------------------------------- SOP classes


async def classes(scp: Answering, *wanted: Wanted) -> tuple[str, ...]:
    async with connect(scp.address, contexts=contexts_for(("study",), "find", "get")) as association:
        return await classes_of(association, "study", wanted)


async def test_a_series_is_asked_for_the_classes_of_its_images() -> None:
    async with answering() as scp:
        [first, *_] = await found(scp, want("SERIES", f"{STUDY}={CR_STUDY}"))
        assert await classes(scp, first) == (CR,)
        assert scp.asked()[-1]["QueryRetrieveLevel"] == "IMAGE"


async def test_a_study_is_asked_for_its_classes() -> None:
    def answer(request: object) -> Iterator[Any]:
        yield elements(StudyInstanceUID="1.2", SOPClassesInStudy=[CR, CT])

    async with answering(Handlers(on_find=answer, on_get=lambda request: [])) as scp:
        assert await classes(scp, want("STUDY", f"{STUDY}=1.2")) == (CR, CT)


async def test_classes_without_end_are_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ever other ones, or always the same."""
    monkeypatch.setattr(module, "MAX_CLASSES", 10)
    monkeypatch.setattr(module, "MAX_MATCHES", 30)
    study = want("STUDY", f"{STUDY}=1.2")
    others = (elements(StudyInstanceUID="1.2", SOPClassesInStudy=f"1.2.{number}") for number in itertools.count())
    same = (elements(StudyInstanceUID="1.2", SOPClassesInStudy=CT) for _ in itertools.count())
    for answers in (others, same):
        handlers = Handlers(on_find=lambda request, answers=answers: answers, on_move=lambda request: [])
        async with answering(handlers) as scp:
            assert await classes(scp, study) == ()


async def test_who_does_not_say_it_for_all_says_nothing() -> None:
    answers = [elements(StudyInstanceUID="1.2", SOPClassesInStudy=CT), elements(StudyInstanceUID="1.3")]
    async with answering(Handlers(on_find=lambda request: iter(answers), on_get=lambda request: [])) as scp:
        assert await classes(scp, want("STUDY", f"{STUDY}=1.2\\1.3")) == ()
    async with answering(sop_classes=frozenset({"1.2.840.10008.5.1.4.1.2.2.3"})) as scp:
        assert await classes(scp, want("STUDY", f"{STUDY}={CT_STUDY}")) == ()


# --------------------------------------------------------------------------------------------------- transfer syntaxes

RPCL, HEVC = "1.2.840.10008.1.2.4.202", "1.2.840.10008.1.2.4.107"


class Scripted:
    """Two studies of one series each, of one patient, whose images have encodings that it may tell.

    :ivar asked: level, and the unique key above it, of each query; all in patient 7.
    """

    UIDS = (("1.1", "1.1.1", "1.1.1.1", RPCL), ("1.2", "1.2.1", "1.2.1.1", [RPCL, HEVC]))

    def __init__(self, *, silent: str = "") -> None:
        self._silent = silent
        self.asked: list[tuple[str, str]] = []

    def handlers(self) -> Handlers:
        return Handlers(on_find=self.find, on_get=lambda request: [])

    def find(self, request: FindRequest) -> Iterator[Any]:
        keys = request.dataset
        level = keys.QueryRetrieveLevel
        self.asked.append((level, {"SERIES": keys.get(STUDY, ""), "IMAGE": keys.get(SERIES, "")}.get(level, "")))
        assert keys.get("PatientID", "7") == "7"
        for study, series, image, syntax in self.UIDS:
            if level == "STUDY" or keys.get(STUDY) == study:
                match = elements(StudyInstanceUID=study, SeriesInstanceUID=series, SOPInstanceUID=image)
                if level == "IMAGE" and image != self._silent:
                    match.AvailableTransferSyntaxUID = syntax
                yield match


async def syntaxes(handlers: Handlers, wanted: Wanted, root: str) -> tuple[str, ...]:
    async with (
        answering(handlers) as scp,
        connect(scp.address, contexts=contexts_for((root,), "find", "get")) as association,
    ):
        return await syntaxes_of(association, root, [wanted])


async def test_the_studies_of_a_patient_are_looked_up_for_the_encodings_of_their_images() -> None:
    """A unique key above the level of a query has one value, and every level is asked for (PS3.4 C.4.1.2.1)."""
    peer = Scripted()
    assert await syntaxes(peer.handlers(), want("PATIENT", "PatientID=7"), "patient") == (RPCL, HEVC)
    assert peer.asked == [
        ("STUDY", ""),
        ("SERIES", "1.1"),
        ("IMAGE", "1.1.1"),
        ("SERIES", "1.2"),
        ("IMAGE", "1.2.1"),
    ]


async def test_a_peer_that_does_not_say_the_encodings_is_not_asked_for_those_of_the_next_study() -> None:
    peer = Scripted(silent="1.1.1.1")
    assert await syntaxes(peer.handlers(), want("PATIENT", "PatientID=7"), "patient") == ()
    assert peer.asked == [("STUDY", ""), ("SERIES", "1.1"), ("IMAGE", "1.1.1")]


async def test_each_of_several_studies_is_asked_for_its_encodings_alone() -> None:
    peer = Scripted()
    assert await syntaxes(peer.handlers(), want("STUDY", f"{STUDY}=1.1\\1.2"), "study") == (RPCL, HEVC)
    assert [asked for asked in peer.asked if asked[0] == "SERIES"] == [("SERIES", "1.1"), ("SERIES", "1.2")]


async def test_a_root_without_images_is_not_asked_for_their_encodings() -> None:
    peer = Scripted()
    assert await syntaxes(peer.handlers(), want("PATIENT", "PatientID=7"), "patient-study-only") == ()
    assert peer.asked == []


@pytest.mark.parametrize("with_uid", [True, False])
async def test_no_more_matches_are_looked_at_than_is_allowed(monkeypatch: pytest.MonkeyPatch, with_uid: bool) -> None:
    """Of a peer that answers without an end, with unique keys or without them."""
    monkeypatch.setattr(module, "MAX_LOOKED_AT", 3)
    levels: list[str] = []

    def endless(request: FindRequest) -> Iterator[Any]:
        levels.append(request.dataset.QueryRetrieveLevel)
        for number in itertools.count():
            yield elements(StudyInstanceUID=f"1.{number}") if with_uid else elements(PatientID="7")

    handlers = Handlers(on_find=endless, on_get=lambda request: [])
    assert await syntaxes(handlers, want("PATIENT", "PatientID=7"), "patient") == ()
    assert levels == ["STUDY"]


async def test_the_limit_of_matches_is_one_for_all_studies_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """A peer with many studies of many series, without images, is not asked for each of them."""
    monkeypatch.setattr(module, "MAX_LOOKED_AT", 5)
    levels: list[str] = []

    def barren(request: FindRequest) -> Iterator[Any]:
        level = request.dataset.QueryRetrieveLevel
        levels.append(level)
        for number in range(0 if level == "IMAGE" else 3):
            yield elements(StudyInstanceUID=f"1.{number}", SeriesInstanceUID=f"2.{number}")

    handlers = Handlers(on_find=barren, on_get=lambda request: [])
    assert await syntaxes(handlers, want("PATIENT", "PatientID=7"), "patient") == ()
    assert levels == ["STUDY", "SERIES"]
