"""C-STORE requests before they go."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from helpers.instances import IMPLICIT
from helpers.services import CT, EXPLICIT, file, instance

from dicomgui.network import ConfigurationError, InstanceFile, NoAcceptedContext, Part10Error, read_head
from dicomgui.network.association.contexts import AcceptedContext
from dicomgui.network.dimse.fragment import BytesSource, RawFileSource
from dicomgui.network.service import storing
from dicomgui.network.service.storing import Manner, StoreMaker, open_instance


class Fake:
    """A connection and a chooser of contexts in one."""

    def __init__(self, *syntaxes: str) -> None:
        self.syntaxes = syntaxes
        self.prepared: list[object] = []
        self.unmet: list[tuple[str, ...]] = []
        self.requests = self
        self.number = 0
        self.maker = StoreMaker(self, self)

    def next_message_id(self) -> int:
        self.number += 1
        return self.number

    def choose(self, sop_class: str, syntaxes: tuple[str, ...], *, is_final: bool = True) -> AcceptedContext:
        for syntax in syntaxes:
            if syntax in self.syntaxes:
                return AcceptedContext(1, sop_class, syntax, as_scu=True, as_scp=False)
        raise NoAcceptedContext("none", sop_class=sop_class, offered=(), accepted=self.syntaxes)

    def tell_unmet(self, sop_class: str, syntaxes: tuple[str, ...]) -> None:
        self.unmet.append(syntaxes)

    def prepare(self, *what: Any) -> list[object]:
        self.prepared.append(what)
        return ["chunk"]


def known(path: Path) -> InstanceFile:
    return InstanceFile(path, read_head(path))


@pytest.mark.parametrize(("pixels", "kind"), [(64, BytesSource), (storing.SMALL_FILE_BYTES * 2, RawFileSource)])
def test_small_files_are_read_at_once_and_others_as_they_go(tmp_path: Path, pixels: int, kind: type) -> None:
    path = file(tmp_path, 1, pixels=pixels)
    opened, head = open_instance(path)
    with opened:
        outgoing = Fake(EXPLICIT).maker.of_file(opened, head, Manner(2, "ME", 7))
        assert type(outgoing.source) is kind
        data = bytearray(outgoing.source.size)
        assert outgoing.source.readinto(memoryview(data)) == len(data)
    assert path.read_bytes().endswith(data)
    command = outgoing.command
    assert (command.affected_sop_class_uid, command.affected_sop_instance_uid) == (CT, "1.2.3.1")
    assert (command.priority, command.move_originator_ae_title, command.move_originator_message_id) == (2, "ME", 7)


def test_a_file_goes_in_its_own_syntax_or_not_at_all(tmp_path: Path) -> None:
    opened, head = open_instance(file(tmp_path, 1))
    with opened, pytest.raises(NoAcceptedContext):
        Fake(IMPLICIT).maker.of_file(opened, head, Manner())


@pytest.mark.parametrize(
    ("own", "accepted", "expected"),
    [
        (EXPLICIT, (IMPLICIT, EXPLICIT), EXPLICIT),
        (EXPLICIT, (IMPLICIT,), IMPLICIT),
        (EXPLICIT, ("1.2.840.10008.1.2.4.50",), None),
        (None, (IMPLICIT, EXPLICIT), EXPLICIT),
        (None, (IMPLICIT,), IMPLICIT),
        (None, (), None),
    ],
)
async def test_a_data_set_goes_in_its_own_syntax_or_in_any(
    own: str | None, accepted: tuple[str, ...], expected: str | None
) -> None:
    dataset = instance(1)
    if own is None:
        del dataset.file_meta
    making = Fake(*accepted).maker.of_dataset(dataset, Manner())
    if expected is None:
        with pytest.raises(NoAcceptedContext):
            await making
    else:
        assert (await making).context.transfer_syntax == expected


@pytest.mark.parametrize("missing", ["SOPClassUID", "SOPInstanceUID", ""])
async def test_what_cannot_be_stored_is_said(missing: str) -> None:
    thing: Any = 7
    if missing:
        thing = instance(1)
        delattr(thing, missing)
    with pytest.raises(ConfigurationError, match="cannot be stored"):
        await Fake(EXPLICIT).maker.of_dataset(thing, Manner())


def test_what_is_read_ahead_is_taken_once_and_only_for_its_own(tmp_path: Path) -> None:
    fake = Fake(EXPLICIT)
    one, other = known(file(tmp_path, 1)), known(file(tmp_path, 2))
    assert fake.maker.take_prepared(one, Manner()) is None
    fake.maker.prepare(one)
    taken = fake.maker.take_prepared(one, Manner())
    assert taken is not None
    assert (taken.instance, taken.chunks) == (one, ("chunk",))
    assert fake.maker.take_prepared(one, Manner()) is None
    fake.maker.prepare(one)
    assert fake.maker.take_prepared(other, Manner()) is None
    assert fake.maker.take_prepared(one, Manner()) is None
    fake.maker.prepare(one)
    assert fake.maker.take_prepared(one, Manner(priority=1)) is None
    hurried = Manner(priority=1)
    fake.maker.prepare(one, hurried)
    taken = fake.maker.take_prepared(one, hurried)
    assert taken is not None
    assert taken.command.priority == 1


def test_only_what_is_one_piece_is_taken_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = Fake(EXPLICIT)
    one, other = known(file(tmp_path, 1)), known(file(tmp_path, 2))
    assert fake.maker.take_whole(one, Manner()) is None
    fake.maker.prepare(one)
    assert fake.maker.take_whole(other, Manner()) is None
    fake.maker.prepare(one)
    assert fake.maker.take_whole(one, Manner()) is not None
    monkeypatch.setattr(fake, "prepare", lambda *what: ["chunk", "another"])
    fake.maker.prepare(one)
    assert fake.maker.take_whole(one, Manner()) is None
    assert fake.maker.take_prepared(one, Manner()) is not None


def test_what_cannot_be_read_ahead_is_left_for_its_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = Fake(IMPLICIT)
    one = known(file(tmp_path, 1))
    fake.maker.prepare(one)  # no context
    os.remove(one.path)
    fake.maker.prepare(one)  # no file
    large = known(file(tmp_path, 2, pixels=storing.READ_AHEAD_BYTES))
    Fake(EXPLICIT).maker.prepare(large)
    assert fake.prepared == []
    assert fake.maker.take_prepared(one, Manner()) is None


def test_what_is_no_instance_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no DICOM")
    for name in ("text", "nothing"):
        with pytest.raises(Part10Error):
            open_instance(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        open_instance(InstanceFile(tmp_path / "nothing", known(file(tmp_path, 1)).head))
