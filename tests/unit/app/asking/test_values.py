"""Single values of encoded matches, in all encodings."""

from __future__ import annotations

import pytest
from helpers.retrieval import elements
from pydicom.dataset import Dataset
from pydicom.valuerep import PersonName

from dicomgui.app.asking import values
from dicomgui.app.asking.keys import attribute_of
from dicomgui.app.asking.values import MAX_KEPT_VALUE, Answer, inside, tags_in_any
from dicomgui.network.dimse.dataset import encode_dataset
from dicomgui.network.errors import RemoteProtocolError
from dicomgui.network.service_classes.attributes import vr_of

BROKEN = b"\x40\x00\x75\x02SQ\x00\x00\xff\xff\xff\xff" + bytes(8)
IMPLICIT, EXPLICIT, BIG, DEFLATED = (
    "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99",
)  # fmt: skip


def tag(keyword: str) -> int:
    return attribute_of(keyword).tag


def texts(answer: Answer, *keywords: str) -> list[str | None]:
    found = answer.texts([tag(keyword) for keyword in keywords])
    return [found.get(tag(keyword)) for keyword in keywords]


def study(**more: object) -> Dataset:
    return elements(SpecificCharacterSet="ISO_IR 100", PatientName="Müller^Jörg", PatientID="17 ", **more)


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG, DEFLATED])
def test_values_are_found_in_every_encoding(syntax: str) -> None:
    dataset = study(ModalitiesInStudy=["CT", "MR"], Rows=512, NumberOfStudyRelatedInstances=12, StudyDate="")
    answer = Answer(encode_dataset(dataset, syntax), syntax)
    wanted = ("PatientName", "PatientID", "ModalitiesInStudy", "Rows", "NumberOfStudyRelatedInstances", "StudyDate")
    assert texts(answer, *wanted) == ["Müller^Jörg", "17", "CT\\MR", "512", "12", ""]
    assert texts(answer, "AccessionNumber") == [None]
    assert texts(answer, "SpecificCharacterSet") == ["ISO_IR 100"]


def test_names_are_read_in_the_character_set_of_the_match() -> None:
    dataset = elements(SpecificCharacterSet="GB18030", PatientName="Wang^XiaoDong=王^小东")
    assert texts(Answer(encode_dataset(dataset, EXPLICIT)), "PatientName") == ["Wang^XiaoDong=王^小东"]


WANG = "Wang^XiaoDong=\u738b^\u5c0f\u4e1c"


def misnamed(named: str) -> Dataset:
    """A data set in GB18030 that names another character set, or none."""
    dataset = Dataset()
    if named:
        dataset.SpecificCharacterSet = named
    dataset.add_new(tag("PatientName"), "PN", PersonName(WANG.encode("gb18030")))
    return dataset


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG, DEFLATED])
def test_what_names_no_character_set_is_read_in_that_of_its_node(syntax: str) -> None:
    right = encode_dataset(elements(SpecificCharacterSet="GB18030", PatientName=WANG), syntax)
    for answer in (
        Answer(encode_dataset(misnamed(""), syntax), syntax, charset="GB18030"),
        Answer(encode_dataset(misnamed("ISO_IR 100"), syntax), syntax).read_as("GB18030"),
        Answer(right, syntax, charset="ISO_IR 100"),  # what it names itself counts
    ):
        assert texts(answer, "PatientName") == [WANG]
        assert str(answer.dataset().PatientName) == WANG
        assert answer.dataset().SpecificCharacterSet == "GB18030"


def test_no_other_character_set_leaves_a_match_as_it_is() -> None:
    answer = Answer(encode_dataset(study(), EXPLICIT))
    assert answer.read_as("") is answer
    assert texts(answer.read_as("ISO_IR 101"), "PatientName") == ["M\u00fcller^J\u00f6rg"]
    assert texts(answer.read_as("ISO_IR 144"), "PatientName") != ["M\u00fcller^J\u00f6rg"]


def test_what_is_no_text_is_only_named() -> None:
    dataset = elements(RequestAttributesSequence=[elements(StudyID="1")], ReferencedStudySequence=[])
    dataset.add_new(0x00091010, "UN", b"\1\2")
    dataset.add_new(0x00091011, "UN", b"")
    answer = Answer(encode_dataset(dataset, EXPLICIT))
    found = answer.texts([tag("RequestAttributesSequence"), tag("ReferencedStudySequence"), 0x00091010, 0x00091011])
    assert list(found.values()) == ["", "(2 bytes)", "", "(sequence)"]


def test_numbers_of_every_kind() -> None:
    dataset = elements(SpacingBetweenSlices="1.5", PixelPaddingValue=1)
    dataset.add_new(tag("RealWorldValueSlope"), "FD", [0.5, 2.0])
    dataset.add_new(tag("SimpleFrameList"), "UL", [1_234_567, 2])
    answer = Answer(encode_dataset(dataset, EXPLICIT))
    assert texts(answer, "RealWorldValueSlope", "SimpleFrameList") == ["0.5\\2", "1234567\\2"]


def test_garbage_gives_what_stands_before_it() -> None:
    data = encode_dataset(study(), EXPLICIT)
    assert texts(Answer(data[:-3]), "PatientName", "PatientID") == ["Müller^Jörg", None]
    assert texts(Answer(b"\xff" * 40), "PatientName") == [None]
    with pytest.raises(RemoteProtocolError):
        Answer(BROKEN).dataset()


def test_the_whole_is_decoded_when_it_is_wanted() -> None:
    assert str(Answer(encode_dataset(study(), EXPLICIT)).dataset().PatientName) == "Müller^Jörg"


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG, DEFLATED])
def test_which_elements_are_there(syntax: str) -> None:
    wanted = {tag("PatientName"): "PatientName", tag("StudyID"): "StudyID"}
    bare, full = (encode_dataset(dataset, syntax) for dataset in (study(), study(StudyID="7", Modality="CT")))
    assert tags_in_any([bare], syntax, wanted) == {tag("PatientName")}
    assert tags_in_any([bare, full, bare], syntax, wanted) == set(wanted)
    assert not tags_in_any([bare, bare], syntax, {tag("StudyID"): "StudyID"})


def test_bytes_of_a_tag_in_a_value_are_no_element() -> None:
    data = encode_dataset(study(StudyDescription="\x20\x00\x10\x00"), EXPLICIT)
    assert b"\x20\x00\x10\x00" in data
    assert not tags_in_any([data], EXPLICIT, {tag("StudyID"): "StudyID"})


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG, DEFLATED])
def test_a_match_without_most_of_its_elements(syntax: str) -> None:
    dataset = study(StudyID="7", RequestAttributesSequence=[elements(RequestedProcedureID="8")])
    dataset.private_block(0x0011, "ACME", create=True).add_new(0x01, "LO", "own")
    dataset.private_block(0x0011, "OTHER", create=True).add_new(0x01, "LO", "of others")
    whole = Answer(encode_dataset(dataset, syntax), syntax)
    part = whole.only({tag("PatientName"), tag("RequestAttributesSequence"), 0x00111001}).dataset()
    wanted = {"SpecificCharacterSet", "PatientName", "RequestAttributesSequence"}
    assert {element.keyword for element in part if not element.tag.is_private} == wanted
    assert [element.tag for element in part if element.tag.is_private] == [0x00110010, 0x00111001]
    assert part.PatientName == "Müller^Jörg"
    assert whole.only({tag("StudyDate")}).dataset() == elements(SpecificCharacterSet="ISO_IR 100")


def test_value_representations_come_from_the_dictionary() -> None:
    assert (vr_of(tag("PatientName")), vr_of(0x00091010)) == ("PN", "UN")


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"])
@pytest.mark.parametrize("is_undefined", [False, True])
def test_values_in_the_first_item_of_a_sequence(syntax: str, is_undefined: bool) -> None:
    steps = 0x00400100
    dataset = elements(
        PatientName="A^B", SpecificCharacterSet="ISO_IR 192", Modality="US",
        ScheduledProcedureStepSequence=[
            elements(Modality="CT", ScheduledProcedureStepDescription="胸部"), elements(Modality="MR", StationName="X")
        ],
    )  # fmt: skip
    dataset["ScheduledProcedureStepSequence"].is_undefined_length = is_undefined
    for item in dataset.ScheduledProcedureStepSequence:
        item.is_undefined_length_sequence_item = is_undefined
    answer = Answer(bytes(encode_dataset(dataset, syntax)), syntax)
    modality, text, station = inside(steps, 0x00080060), inside(steps, 0x00400007), inside(steps, 0x00081010)
    assert answer.texts({modality, text, station}) == {modality: "CT", text: "胸部"}
    assert answer.texts({steps, 0x00100010, modality}) == {steps: "(sequence)", 0x00100010: "A^B", modality: "CT"}


def test_a_sequence_without_an_item_has_no_values_in_it() -> None:
    answer = Answer(
        bytes(encode_dataset(elements(ScheduledProcedureStepSequence=[]), "1.2.840.10008.1.2.1")), "1.2.840.10008.1.2.1"
    )
    assert not answer.texts({inside(0x00400100, 0x00080060)})


@pytest.mark.parametrize(("length", "is_kept"), [(MAX_KEPT_VALUE, True), (MAX_KEPT_VALUE + 2, False)])
def test_the_texts_of_long_values_are_not_kept(length: int, is_kept: bool) -> None:
    values._kept_text.cache_clear()
    answer = Answer(encode_dataset(elements(TextValue="x" * length), EXPLICIT), EXPLICIT)
    assert texts(answer, "TextValue") == ["x" * length]
    assert values._kept_text.cache_info().currsize == is_kept
