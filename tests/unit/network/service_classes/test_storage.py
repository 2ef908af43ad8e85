"""Presentation contexts and kinds of instances."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.instances import CT, EXPLICIT, IMPLICIT, MR, ROOT, write_instance
from pydicom.dataset import Dataset

from dicomgui.network import ConfigurationError, InstanceFile, Part10Error, Response, Status, read_head
from dicomgui.network.service_classes.storage import (
    InstanceKind,
    Outcome,
    contexts_for,
    contexts_for_classes,
    kind_of,
    references_of,
    send,
)
from dicomgui.network.uids import DEFAULT_TRANSFER_SYNTAXES


def bare(sop_class: str = MR, uid: str = "1.2.3") -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, uid
    return dataset


def test_kinds_are_read_from_files_heads_and_data_sets(tmp_path: Path) -> None:
    path = write_instance(tmp_path, 1, syntax=IMPLICIT)
    kind = InstanceKind(CT, f"{ROOT}.3.1", IMPLICIT)
    assert kind_of(path) == kind_of(str(path)) == kind_of(InstanceFile(path, read_head(path))) == kind
    assert kind_of(bare()) == InstanceKind(MR, "1.2.3", "")
    assert kind.reference == (CT, f"{ROOT}.3.1")


def test_what_says_no_uids_has_no_kind(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        kind_of(Dataset())
    (tmp_path / "text").write_text("no DICOM")
    with pytest.raises(Part10Error):
        kind_of(tmp_path / "text")
    with pytest.raises(Part10Error, match="cannot be read"):
        kind_of(tmp_path / "none")


def test_each_pair_of_class_and_syntax_has_one_context(tmp_path: Path) -> None:
    files = [write_instance(tmp_path, n, syntax=syntax) for n, syntax in enumerate((EXPLICIT, IMPLICIT, EXPLICIT))]
    contexts = contexts_for([*files, bare()])
    assert [(one.abstract_syntax, one.transfer_syntaxes) for one in contexts] == [
        (CT, (EXPLICIT,)),
        (CT, (IMPLICIT,)),
        (MR, DEFAULT_TRANSFER_SYNTAXES),
    ]


def test_a_fallback_is_one_more_context_for_each_class(tmp_path: Path) -> None:
    files = [write_instance(tmp_path, n) for n in range(2)]
    contexts = contexts_for(files, fallback=[IMPLICIT])
    assert [(one.abstract_syntax, one.transfer_syntaxes) for one in contexts] == [(CT, (EXPLICIT,)), (CT, (IMPLICIT,))]


def test_contexts_for_classes_may_ask_for_the_role_of_a_receiver() -> None:
    sending, receiving = contexts_for_classes([CT, CT]), contexts_for_classes([CT], [IMPLICIT], receive=True)
    assert [(one.transfer_syntaxes, one.role) for one in sending] == [(DEFAULT_TRANSFER_SYNTAXES, None)]
    assert (receiving[0].scu_role, receiving[0].scp_role) == (False, True)


def test_an_outcome_tells_its_problem() -> None:
    kind = InstanceKind(CT, "1.2.3", EXPLICIT)
    good, warned, bad, lost = (
        Outcome("a", kind, Response(Status(0))),
        Outcome("b", kind, Response(Status(0xB000))),
        Outcome("c", kind, Response(Status(0xA700))),
        Outcome("d", kind, error=OSError("gone")),
    )
    assert [one.is_stored for one in (good, warned, bad, lost)] == [True, True, False, False]
    assert good.problem == ""
    assert "0xB000" in warned.problem
    assert lost.problem == "gone"
    assert len(references_of([good, warned, bad, lost])) == 2


async def test_sending_nothing_is_done_at_once() -> None:
    assert await send(None, []) == ()
