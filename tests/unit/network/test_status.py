"""Every code that must be named is named, in the right category, per service, and no number is without words."""

from __future__ import annotations

import pytest

from dicomgui.network.status import Category, Service, Status, known_codes

GENERAL_FAILURES = [
    0x0105,
    0x0106,
    *range(0x0110, 0x0116),
    *range(0x0117, 0x011A),
    *range(0x0120, 0x0125),
    *range(0x0210, 0x0214),
]

# The union of PS3.7 annex C and the service classes of PS3.4.
OWED = {
    Service.STORAGE: [0xB000, 0xB006, 0xB007],
    Service.FIND: [0xA700, 0xA710, 0xA900, 0xB001, 0xFF00, 0xFF01],
    Service.MOVE: [0xA701, 0xA702, 0xA801, 0xA900, 0xAA00, 0xAA01, 0xAA02, 0xAA03, 0xAA04, 0xB000, 0xFF00],
    Service.GET: [0xA701, 0xA702, 0xA900, 0xAA00, 0xAA01, 0xAA02, 0xAA03, 0xAA04, 0xB000, 0xFF00],
    Service.WORKLIST: [0xA700, 0xA900, 0xFF00, 0xFF01],
    Service.SUBSTANCE: [0xA700, 0xA900, 0xFF00, 0xFF01],
    Service.RELEVANT_PATIENT: [0xA700, 0xA900, 0xC000, 0xC100, 0xC200, 0xFF00],
    Service.MPPS: [0x0001, 0x0110],
    Service.PRINT: [*range(0xB600, 0xB606), 0xB609, 0xB60A, *range(0xC600, 0xC604), 0xC605, 0xC613, 0xC616],
    Service.MEDIA_CREATION: [0x0001, 0xA510, 0xC201, 0xC202, 0xC203],
    Service.EVENT_LOGGING: [0xB101, 0xB102, 0xB104, *range(0xC101, 0xC105), 0xC10E, 0xC110, 0xC111],
    Service.UPS: [
        0xA700,
        0xA900,
        0xB300,
        0xB301,
        0xB304,
        0xB305,
        0xB306,
        *range(0xC300, 0xC305),
        0xC307,
        0xC308,
        0xC309,
        *range(0xC310, 0xC316),
        0xFF00,
        0xFF01,
    ],
    Service.RT_VERIFICATION: [0xC112, *range(0xC221, 0xC228)],
    Service.NON_PATIENT: [0xA700, 0xA900, 0xC000],
    Service.STORAGE_MANAGEMENT: [0xB010],
    Service.COMMITMENT: [0x0131],
}


@pytest.mark.parametrize(
    ("code", "category"),
    [
        (0x0000, Category.SUCCESS),
        (0x0001, Category.WARNING),
        (0x0002, Category.FAILURE),
        (0x0107, Category.WARNING),
        (0x0116, Category.WARNING),
        (0x0110, Category.FAILURE),
        (0x0122, Category.FAILURE),
        (0xA700, Category.FAILURE),
        (0xA801, Category.FAILURE),
        (0xAFFF, Category.FAILURE),
        (0xB000, Category.WARNING),
        (0xBFFF, Category.WARNING),
        (0xC000, Category.FAILURE),
        (0xCFFF, Category.FAILURE),
        (0xFE00, Category.CANCEL),
        (0xFE01, Category.FAILURE),
        (0xFF00, Category.PENDING),
        (0xFF01, Category.PENDING),
        (0xFF02, Category.FAILURE),
        (0xFFFF, Category.FAILURE),
    ],
)
def test_category(code: int, category: Category) -> None:
    assert Status(code).category is category


def test_exactly_one_predicate_holds_and_there_are_words() -> None:
    for code in range(0, 0x10000, 7):
        status = Status(code)
        holds = [status.is_success, status.is_warning, status.is_failure, status.is_cancel, status.is_pending]
        assert holds.count(True) == 1, repr(status)
        assert status.meaning(), repr(status)
        assert status.clause().startswith("PS3."), repr(status)


@pytest.mark.parametrize("code", GENERAL_FAILURES)
def test_general_failures_are_listed_with_advice(code: int) -> None:
    explained = Status(code).explain()
    assert explained.is_listed
    assert explained.category is Category.FAILURE
    assert explained.clause == "PS3.7 C.5"
    assert explained.advice.endswith(".")


@pytest.mark.parametrize(("service", "code"), [(service, code) for service, codes in OWED.items() for code in codes])
def test_service_codes_are_listed(service: Service, code: int) -> None:
    explained = Status(code).explain(service)
    assert explained.is_listed
    assert explained.meaning
    assert explained.clause.startswith("PS3.4")
    assert not explained.advice or explained.advice.endswith(".")


@pytest.mark.parametrize("service", list(OWED))
def test_no_service_names_codes_beyond_what_is_owed(service: Service) -> None:
    assert set(known_codes(service)) == set(OWED[service])


def test_general_codes_hold_in_every_service() -> None:
    for service in Service:
        assert Status(0x0122).meaning(service) == "Refused: SOP class not supported"
        assert Status(0x0000).meaning(service) == "Success"


@pytest.mark.parametrize(
    ("service", "code", "words", "listed"),
    [
        (Service.STORAGE, 0xA7FE, "out of resources", True),
        (Service.STORAGE, 0xA901, "does not match the SOP class", True),
        (Service.STORAGE, 0xC123, "cannot understand", True),
        (Service.STORAGE, 0xA801, "move destination", False),
        (Service.STORAGE, 0xB123, "warning", False),
        (Service.FIND, 0xC001, "Unable to process", True),
        (Service.UPS, 0xC399, "Unable to process", True),
        (Service.VERIFICATION, 0xA700, "out of resources", False),
        (Service.PRINT, 0xC123, "unable to process", False),
        (None, 0xA5FF, "Failure", False),
        (None, 0xA9F0, "does not match", False),
        (None, 0x0199, "unlisted", False),
        (None, 0xD000, "no table lists", False),
        (None, 0xFFFF, "no table lists", False),
    ],
)
def test_unlisted_codes_fall_in_their_range(service: Service | None, code: int, words: str, listed: bool) -> None:
    explained = Status(code).explain(service)
    assert words in explained.meaning
    assert explained.is_listed is listed


def test_meaning_depends_on_the_service() -> None:
    assert "Coercion" in Status(0xB000).meaning(Service.STORAGE)
    assert "Sub-operations" in Status(0xB000).meaning(Service.MOVE)
    assert "no longer be updated" in Status(0x0110).meaning(Service.MPPS)
    assert Status(0x0110).meaning(Service.PRINT) == Status(0x0110).meaning()
    assert Status(0xA801).clause(Service.MOVE) == "PS3.4 C.4.2.1.5"
    assert "AE title" in Status(0xA801).advice(Service.MOVE)


def test_text_forms() -> None:
    assert str(Status(0xA700)) == "0xA700 (failure): Refused: out of resources"
    assert f"{Status(0)}" == "0x0000 (success): Success"
    assert repr(Status(0xB000)) == "Status(0xB000)"
    assert Status(0xFF00).describe(Service.MOVE) == "0xFF00 (pending): Sub-operations are continuing"


def test_it_is_a_number() -> None:
    assert Status(0xA700) == 0xA700
    assert {Status(0): 1}[Status(0)] == 1
    assert Status(Status(5)) == 5


@pytest.mark.parametrize("code", [-1, 0x10000])
def test_a_status_has_16_bits(code: int) -> None:
    with pytest.raises(ValueError, match="16-bit"):
        Status(code)
