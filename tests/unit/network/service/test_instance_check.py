"""Received instances held against their command."""

from __future__ import annotations

import zlib

import pytest
from helpers.elements import explicit

from dicomgui.network.dimse.commands import CStoreRQ
from dicomgui.network.service.instance_check import (
    InstanceCheck,
    InstanceProblem,
    MismatchCode,
    ProblemCode,
    Strictness,
)
from dicomgui.network.structure import StructureCode
from dicomgui.network.uids import TRANSFER_SYNTAXES

CT, MR = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4"
UID = "1.2.3"
EXPLICIT, IMPLICIT, DEFLATED = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.1.99"


def padded(uid: str) -> bytes:
    return uid.encode() + b"\0" * (len(uid) & 1)


def instance(sop_class: str = CT, sop_instance: str = UID) -> bytes:
    parts = [explicit(0x00080016, "UI", padded(sop_class))] if sop_class else []
    parts += [explicit(0x00080018, "UI", padded(sop_instance))] if sop_instance else []
    return b"".join([*parts, explicit(0x00100010, "PN", b"A^B ")])


def checked(
    data: bytes, strictness: Strictness = Strictness.STRICT, syntax: str = EXPLICIT, max_inflated: int = 2**30
) -> InstanceCheck:
    check = InstanceCheck(CStoreRQ(1, CT, UID), syntax, strictness, max_inflated)
    check.feed(memoryview(data))
    check.finish()
    return check


def test_what_is_right_is_neither_refused_nor_warned_of() -> None:
    check = checked(instance())
    assert (check.problem, check.is_refused, check.is_warned_of) == (None, False, False)
    assert check.report is not None
    assert check.report.elements == 3


WRONG: list[tuple[bytes, ProblemCode, int, int]] = [
    (b"", StructureCode.EMPTY, 0xC000, 0),
    (b"no data set at all", StructureCode.NOT_AN_ELEMENT, 0xC000, 0x6F6E6420),
    (instance()[:-1], StructureCode.TRUNCATED, 0xC000, 0x00100010),
    (instance() + b"junk", StructureCode.TRAILING_JUNK, 0xC000, 0),
    (instance() + instance(CT, "1.2.4"), StructureCode.TWO_UIDS, 0xC000, 0x00080018),
    (instance() + instance(MR), StructureCode.TWO_UIDS, 0xC000, 0x00080016),
    (instance(MR), MismatchCode.OTHER_SOP_CLASS, 0xA900, 0x00080016),
    (instance(""), MismatchCode.NO_SOP_CLASS, 0xA900, 0x00080016),
    (instance(CT, "1.2.4"), MismatchCode.OTHER_SOP_INSTANCE, 0xA900, 0x00080018),
    (instance(CT, ""), MismatchCode.NO_SOP_INSTANCE, 0xA900, 0x00080018),
    (instance(CT, "../../x"), MismatchCode.NO_SOP_INSTANCE, 0xA900, 0x00080018),
]


@pytest.mark.parametrize(("data", "code", "status", "tag"), WRONG, ids=lambda value: getattr(value, "value", ""))
def test_what_is_wrong(data: bytes, code: ProblemCode, status: int, tag: int) -> None:
    check = checked(data)
    assert check.is_refused
    assert check.problem is not None
    assert (check.problem.code, check.problem.status, check.problem.tag) == (code, status, tag)
    assert check.problem.reply.offending == ((tag,) if tag else ())
    assert 0 < len(check.problem.text) <= 64


@pytest.mark.parametrize("code", [*StructureCode, *MismatchCode])
def test_every_code_has_words_that_fit_into_a_comment(code: ProblemCode) -> None:
    assert 0 < len(InstanceProblem(code, 0, 4_294_967_296).text) <= 64


def test_explicit_bytes_over_an_implicit_context() -> None:
    check = checked(instance(), syntax=IMPLICIT)
    assert check.problem is not None
    assert check.problem.code is StructureCode.OTHER_ENCODING
    assert (check.problem.transfer_syntax_uid, check.problem.found_syntax_uid) == (IMPLICIT, EXPLICIT)
    assert check.problem.text == "the data set is Explicit VR LE, not Implicit VR LE"


@pytest.mark.parametrize("found", [IMPLICIT, EXPLICIT, "1.2.840.10008.1.2.2", DEFLATED])
def test_both_transfer_syntaxes_fit_into_a_comment(found: str) -> None:
    for named in TRANSFER_SYNTAXES:
        text = InstanceProblem(StructureCode.OTHER_ENCODING, 0, 0, named, found).text
        assert len(text) <= 64
        assert text.endswith((named, "LE", "BE"))


def test_what_inflates_too_far_is_out_of_resources() -> None:
    stream = zlib.compressobj(wbits=-15)
    data = stream.compress(instance() + explicit(0x7FE00010, "OW", bytes(2**20))) + stream.flush()
    assert checked(data, syntax=DEFLATED).problem is None
    check = checked(data, syntax=DEFLATED, max_inflated=2**18)
    assert check.problem is not None
    assert (check.problem.code, check.problem.status) == (StructureCode.TOO_LARGE, 0xA700)


@pytest.mark.parametrize(
    ("strictness", "refused", "warned"),
    [(Strictness.STRICT, True, False), (Strictness.WARN, False, True), (Strictness.ANY, False, False)],
)
def test_the_treatment_is_chosen(strictness: Strictness, refused: bool, warned: bool) -> None:
    check = checked(instance(MR), strictness)
    assert (check.is_refused, check.is_warned_of) == (refused, warned)


def test_a_fault_is_known_before_the_data_set_is_complete() -> None:
    check = InstanceCheck(CStoreRQ(1, CT, UID), EXPLICIT, Strictness.STRICT, 2**30)
    check.feed(memoryview(b"this is not DICOM, and there is more of it to come"))
    assert check.is_refused
