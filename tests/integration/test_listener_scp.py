"""The listener as a provider over its archive: what was stored is found, retrieved and moved, by those who may."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from helpers.bad_peer import reached
from helpers.command_line import Listening, dicomgui, events
from helpers.instances import CT, data_set, instance_of, shipped_folder, write_instance
from helpers.listening import listens_in
from helpers.retrieval import CR_STUDY, CT_STUDY, DOE, Receiver, data_sets, elements, identifier, kept_in, real_files
from pydicom import dcmread
from pydicom.dataset import Dataset

from dicomgui.app.archive.local_archive import LocalArchive
from dicomgui.app.configuration.provided import ALL, Provided
from dicomgui.app.context import AppContext
from dicomgui.app.listening.listener import Listener, ListenerOptions, Refusal, RequestAnswered
from dicomgui.network import (
    Association,
    AssociationRejected,
    Handlers,
    NEventReportRequest,
    NoAcceptedContext,
    PeerAddress,
    ProposedContext,
    Status,
    connect,
    presets,
    serve,
)
from dicomgui.network.association.extended import (
    QueryFlags,
    RetrieveFlags,
    WorklistFlags,
    decode_extended,
    extended_for,
)
from dicomgui.network.service import query_class
from dicomgui.network.service_classes.commitment import CommitmentResult, commitment_request
from dicomgui.network.uids import STORAGE_CLASSES
from dicomgui.storage import IndexFault, Selection

MR, CR, PLAN = (f"1.2.840.10008.5.1.4.1.1.{last}" for last in ("4", "1", "481.5"))
GET = presets.for_get((CT, MR, CR, PLAN))
FIND, MOVE = (query_class("study", verb) for verb in ("find", "move"))
COMMITMENT, COMMITMENT_INSTANCE = "1.2.840.10008.1.20.1", "1.2.840.10008.1.20.1.1"
MPPS = "1.2.840.10008.3.1.2.3.3"


@pytest.fixture
def context() -> Iterator[AppContext]:
    with AppContext() as made:
        yield made


@asynccontextmanager
async def listening(context: AppContext, folder: Path, **options: Any) -> AsyncIterator[Listener]:
    async with listens_in(context, folder)(**options) as listener:
        yield listener


def at(listener: Listener) -> str:
    return f"OURS@{listener.address}"


async def store(listener: Listener, *files: Path) -> None:
    pairs = [(one.SOPClassUID, one.file_meta.TransferSyntaxUID) for one in map(_read, files)]
    async with connect(at(listener), contexts=presets.for_instances(pairs)) as assoc:
        for file in files:
            (await assoc.store(file)).raise_for_status()


def _read(file: Path) -> Dataset:
    return dcmread(file, stop_before_pixels=True)


@asynccontextmanager
async def filled(context: AppContext, folder: Path, **options: Any) -> AsyncIterator[Listener]:
    async with listening(context, folder, **options) as listener:
        await store(listener, *real_files())
        yield listener


async def found(assoc: Association, keys: Dataset, root: str = "study") -> list[Dataset]:
    async with assoc.find(keys, root=root) as op:
        matches = [match.dataset async for match in op]
        (await op.result()).raise_for_status()
        return matches


# -- C-FIND ----------------------------------------------------------------------------------------------------------


async def test_what_was_just_acknowledged_is_found(context: AppContext, tmp_path: Path) -> None:
    """Storing waits for no index; a query waits for what was stored before it."""
    async with listening(context, tmp_path / "archive") as listener:
        for number in range(1, 20):
            await store(listener, file := write_instance(tmp_path / "files", number))
            keys = identifier("IMAGE", StudyInstanceUID=_read(file).StudyInstanceUID, SOPInstanceUID="")
            keys.SeriesInstanceUID = _read(file).SeriesInstanceUID
            async with connect(at(listener), contexts=presets.QUERY) as assoc:
                assert len(await found(assoc, keys)) == number


@pytest.mark.parametrize(
    ("root", "level", "count"),
    [
        ("patient", "PATIENT", 1), ("patient", "STUDY", 2), ("study", "STUDY", 2), ("patient-study-only", "PATIENT", 1),
        ("patient-study-only", "STUDY", 2),
    ],
)  # fmt: skip
async def test_find(context: AppContext, tmp_path: Path, root: str, level: str, count: int) -> None:
    async with filled(context, tmp_path) as listener:
        contexts = presets.for_classes(query_class(root, "find"))
        async with connect(at(listener), contexts=contexts) as assoc:
            matches = await found(assoc, identifier(level, PatientID=DOE, PatientName="doe*"), root)
        assert len(matches) == count
        assert {str(one.PatientName) for one in matches} == {"Doe^Archibald"}
        assert {(one.QueryRetrieveLevel, one.RetrieveAETitle) for one in matches} == {(level, "OURS")}
        [told] = [event for event in listener.drain() if isinstance(event, RequestAnswered)]
        assert (told.service, told.detail, told.problem) == ("C-FIND", level, "")


async def test_lower_levels_need_their_keys_unless_it_was_agreed_otherwise(context: AppContext, tmp_path: Path) -> None:
    keys = identifier("SERIES", Modality="", SeriesInstanceUID="")
    flags = QueryFlags(relational=True)
    async with filled(context, tmp_path, extended=flags) as listener:
        async with connect(at(listener), contexts=presets.QUERY) as assoc:
            refused = await assoc.find(keys)
            assert (refused.status, refused.offending) == (0xA900, (0x0020000D,))
        async with connect(at(listener), contexts=presets.QUERY, extended=[flags.item(FIND)]) as assoc:
            assert len(await found(assoc, keys)) == 7


async def test_a_key_that_is_not_supported_is_told(context: AppContext, tmp_path: Path) -> None:
    async with (
        filled(context, tmp_path) as listener,
        connect(at(listener), contexts=presets.QUERY) as assoc,
        assoc.find(identifier("STUDY", PatientID=DOE, PatientReligiousPreference="")) as op,
    ):
        assert {match.status async for match in op} == {0xFF01}
        assert (await op.result()).status == 0


async def test_ten_thousand_answers_stream_and_a_cancel_ends_them(context: AppContext, tmp_path: Path) -> None:
    async with listening(context, tmp_path / "archive") as listener:
        await store(listener, write_instance(tmp_path / "files", 1))
        original = listener.archive.search
        listener.archive.search = lambda query: _again(original(query))  # type: ignore[method-assign]
        async with connect(at(listener), contexts=presets.DEFAULT) as assoc:
            seen = 0
            async with assoc.find(identifier("STUDY", StudyInstanceUID="")) as op:
                async for _ in op:
                    seen += 1
                    if seen == 500:
                        break
                response = await op.cancel()
            assert response.status == 0xFE00
            assert (await assoc.echo()).status == 0


def _again(matches: Iterator[Any]) -> Iterator[Any]:
    match = next(iter(matches))
    while True:
        yield match


async def test_an_index_that_fails_is_told(
    context: AppContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> Iterator[Any]:
        raise IndexFault("no")

    async with filled(context, tmp_path) as listener, connect(at(listener), contexts=presets.QUERY) as assoc:
        with monkeypatch.context() as patch:
            patch.setattr(listener.archive, "search", broken)
            assert (await assoc.find(identifier("STUDY", StudyInstanceUID=""))).status == 0xA700
        listener.archive.index.close()
        assert (await assoc.find(identifier("STUDY", StudyInstanceUID=""))).status == 0xA700
        keys = identifier("STUDY", StudyInstanceUID=CT_STUDY)
        listener.find = {"THERE": PeerAddress.parse("THERE@127.0.0.1:1")}.get
        assert (await assoc.move(keys, destination="THERE")).status == 0xA701


# -- C-GET and C-MOVE ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("root", "level", "study", "count"),
    [("study", "STUDY", CT_STUDY, 4), ("patient", "STUDY", CR_STUDY, 3), ("patient", "PATIENT", "", 7)],
)
async def test_get(context: AppContext, tmp_path: Path, root: str, level: str, study: str, count: int) -> None:
    keys = identifier(level, PatientID=DOE, **({"StudyInstanceUID": study} if study else {}))
    async with (
        filled(context, tmp_path / "archive") as listener,
        connect(at(listener), contexts=GET) as assoc,
        assoc.get(keys, into=tmp_path / "got", root=root) as op,
    ):
        told = [(one.remaining, one.completed) async for one in op]
        response = await op.result()
    assert response.status == 0
    assert told == [(count - done, done) for done in range(1, count + 1)]
    assert kept_in(tmp_path / "got").items() <= data_sets(real_files()).items()
    assert len(kept_in(tmp_path / "got")) == count


async def test_get_converts_what_the_user_does_not_take(context: AppContext, tmp_path: Path) -> None:
    compressed = shipped_folder() / "test_files" / "MR_small_RLE.dcm"
    keys = identifier("STUDY", StudyInstanceUID=_read(compressed).StudyInstanceUID)
    async with listening(context, tmp_path / "archive") as listener:
        await store(listener, compressed)
        async with connect(at(listener), contexts=GET) as assoc:
            response = await assoc.get(keys, into=tmp_path / "got")
    assert response.status == 0, response
    [file] = (tmp_path / "got").iterdir()
    assert len(dcmread(file).PixelData) == 64 * 64 * 2


async def test_what_cannot_be_sent_is_counted_by_its_uid(context: AppContext, tmp_path: Path) -> None:
    async with filled(context, tmp_path / "archive") as listener:
        await listener.archive.settle()
        gone, broken = [instance_of(file) for file in real_files(CT_STUDY)[:2]]
        paths = {path.stem: path for path in (tmp_path / "archive").rglob("*.dcm")}
        paths[gone].unlink()
        paths[broken].write_bytes(b"\0" * 1000)
        async with connect(at(listener), contexts=GET) as assoc:
            response = await assoc.get(identifier("STUDY", StudyInstanceUID=CT_STUDY), into=tmp_path / "got")
    assert response.status == 0xB000
    assert set(response.failed_sop_instance_uids) == {gone, broken}
    assert response.progress is not None
    assert (response.progress.completed, response.progress.failed) == (2, 2)


async def test_nothing_to_retrieve_is_a_success(context: AppContext, tmp_path: Path) -> None:
    async with filled(context, tmp_path) as listener, connect(at(listener), contexts=GET) as assoc:
        response = await assoc.get(identifier("STUDY", StudyInstanceUID="1.2.3"), into=tmp_path / "got")
        assert response.status == 0
        assert response.progress is not None
        assert response.progress.completed == 0


async def test_a_retrieve_without_its_keys_is_refused(context: AppContext, tmp_path: Path) -> None:
    flags = QueryFlags(relational=True)
    keys = identifier("IMAGE", SOPInstanceUID=instance_of(real_files()[0]))
    get = query_class("study", "get")
    async with filled(context, tmp_path / "archive", extended=flags) as listener:
        async with connect(at(listener), contexts=GET) as assoc:
            assert (await assoc.get(keys, into=tmp_path / "got")).status == 0xA900
        extended = [RetrieveFlags(relational=True).item(get)]
        async with connect(at(listener), contexts=GET, extended=extended) as assoc:
            assert (await assoc.get(keys, into=tmp_path / "got")).status == 0
    assert len(kept_in(tmp_path / "got")) == 1


@pytest.mark.parametrize("way", ["options", "saved"])
async def test_move_to_a_known_destination(context: AppContext, tmp_path: Path, way: str) -> None:
    receiver = Receiver()
    async with await serve(port=0, ae_title="THERE", handlers=receiver.handlers()) as there:
        address = PeerAddress.parse(f"THERE@127.0.0.1:{there.port}")
        peers = {"THERE": address} if way == "options" else {}
        async with filled(context, tmp_path, peers=peers) as listener:
            if way == "saved":
                listener.find = {"THERE": address}.get
            async with connect(at(listener), calling_ae="MOVER", contexts=presets.QUERY) as assoc:
                response = await assoc.move(identifier("STUDY", StudyInstanceUID=CT_STUDY), destination="THERE")
                nobody = await assoc.move(identifier("STUDY", StudyInstanceUID=CT_STUDY), destination="NOBODY")
    assert response.status == 0, response
    assert nobody.status == 0xA801
    assert receiver.data == data_sets(real_files(CT_STUDY))
    assert {request.facts.calling_ae_title for request in receiver.requests} == {"OURS"}
    assert {request.command.move_originator_ae_title for request in receiver.requests} == {"MOVER"}


async def test_move_to_itself_is_of_no_harm(context: AppContext, tmp_path: Path) -> None:
    async with filled(context, tmp_path) as listener:
        listener.find = {"OURS": PeerAddress.parse(at(listener))}.get
        async with connect(at(listener), contexts=presets.QUERY) as assoc:
            response = await assoc.move(identifier("STUDY", StudyInstanceUID=CT_STUDY), destination="OURS")
        assert response.status == 0
        assert listener.counts.duplicates == 4


# -- services, callers, choices --------------------------------------------------------------------------------------


@pytest.mark.parametrize("service", [Provided.QUERY, Provided.MOVE, Provided.GET])
async def test_a_service_that_is_off_is_not_there(context: AppContext, tmp_path: Path, service: Provided) -> None:
    verb = {Provided.QUERY: "find", Provided.MOVE: "move", Provided.GET: "get"}[service]
    contexts = (*presets.VERIFICATION, *presets.for_classes(query_class("study", verb)))  # type: ignore[arg-type]
    async with (
        listening(context, tmp_path, services=ALL - {service}) as listener,
        connect(at(listener), contexts=contexts) as assoc,
    ):
        assert (await assoc.echo()).status == 0
        with pytest.raises(NoAcceptedContext):
            await assoc.find(identifier("STUDY"), sop_class_uid=contexts[-1].abstract_syntax)
    off = ALL - {service}
    async with (
        listening(context, tmp_path, services=off, any_sop_class=True) as listener,
        connect(at(listener), contexts=contexts) as assoc,
    ):
        keys = identifier("STUDY", StudyInstanceUID="1.2")
        if service is Provided.QUERY:
            assert (await assoc.find(keys)).status == 0x0122
        elif service is Provided.MOVE:
            assert (await assoc.move(keys, destination="THERE")).status == 0x0211
        else:
            assert (await assoc.get(keys, into=tmp_path / "got")).status == 0x0211


async def test_storing_can_be_off(context: AppContext, tmp_path: Path) -> None:
    file = write_instance(tmp_path / "files", 1)
    contexts = presets.for_instances([(CT, "1.2.840.10008.1.2.1")])
    off = ALL - {Provided.STORE, Provided.GET}
    async with (
        listening(context, tmp_path / "archive", services=off) as listener,
        connect(at(listener), contexts=(*presets.VERIFICATION, *contexts)) as assoc,
    ):
        with pytest.raises(NoAcceptedContext):
            await assoc.store(file)
    async with (
        listening(context, tmp_path / "archive", services=off, any_sop_class=True) as listener,
        connect(at(listener), contexts=contexts) as assoc,
    ):
        assert (await assoc.store(file)).status == 0x0122


async def test_a_caller_that_is_not_on_the_list_is_told_of_and_let_in_by_one_call(
    context: AppContext, tmp_path: Path
) -> None:
    async with listening(context, tmp_path, calling_ae_titles=("CT*",)) as listener:
        for title, let_in in (("CT1", True), ("MR1", False), ("MR1", True), ("MR12", False)):
            if title == "MR1" and let_in:
                listener.allow("MR1")
                assert listener.options.calling_ae_titles == ("CT*", "MR1")
                listener.allow("MR1")
                listener.allow("CT9")
                assert listener.options.calling_ae_titles == ("CT*", "MR1")
            if let_in:
                async with connect(at(listener), calling_ae=title, contexts=presets.VERIFICATION) as assoc:
                    assert (await assoc.echo()).status == 0
                continue
            with pytest.raises(AssociationRejected) as refusal:
                async with connect(at(listener), calling_ae=title, contexts=presets.VERIFICATION):
                    pass
            assert (refusal.value.result, refusal.value.source, refusal.value.reason) == (1, 1, 3)
        told = [event for event in listener.drain() if isinstance(event, Refusal)]
    assert [(one.calling_ae_title, one.called_ae_title, one.is_not_allowed) for one in told] == [
        ("MR1", "OURS", True), ("MR12", "OURS", True),
    ]  # fmt: skip


async def test_who_is_refused_for_another_reason_cannot_be_allowed(context: AppContext, tmp_path: Path) -> None:
    async with listening(context, tmp_path, check_called_ae=True) as listener:
        with pytest.raises(AssociationRejected):
            async with connect(f"THEIRS@{listener.address}", contexts=presets.VERIFICATION):
                pass
        [told] = [event for event in listener.drain() if isinstance(event, Refusal)]
        assert (told.called_ae_title, told.is_not_allowed) == ("THEIRS", False)
        listener.allow("ANY")
        assert listener.options.calling_ae_titles == ()


async def test_a_choice_of_sop_classes_and_transfer_syntaxes(context: AppContext, tmp_path: Path) -> None:
    implicit, explicit = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
    proposed = [ProposedContext(uid, (explicit, implicit)) for uid in (CT, MR, FIND)]
    options = {"sop_classes": frozenset({CT}), "transfer_syntaxes": (implicit,)}
    async with (
        listening(context, tmp_path, **options) as listener,
        connect(at(listener), contexts=proposed) as assoc,
    ):
        agreed = {one.abstract_syntax: one.transfer_syntax for one in assoc.negotiated.accepted}
    assert agreed == {CT: implicit, FIND: explicit}


# -- extended negotiation --------------------------------------------------------------------------------------------


EVERYTHING = QueryFlags(True, True, True, True, True)


@pytest.mark.parametrize("for_tests", [False, True])
async def test_what_is_not_performed_is_granted_for_tests_alone(
    context: AppContext, tmp_path: Path, for_tests: bool
) -> None:
    """PS3.4 C.5.1.1, C.5.2.1, K.5.1.2: a flag that is granted is a promise."""
    uids = (FIND, MOVE, query_class("worklist", "find"))
    options = {"services": ALL, "extended": EVERYTHING, "grants_unperformed": for_tests}
    async with listening(context, tmp_path, **options) as listener:
        contexts = presets.for_classes(*uids)
        async with connect(at(listener), contexts=contexts, extended=extended_for(uids, EVERYTHING)) as assoc:
            granted = {item.sop_class_uid: decode_extended(item) for item in assoc.negotiated.extended}
    if for_tests:
        expected = [EVERYTHING, RetrieveFlags(True, True), WorklistFlags(True, True)]
    else:
        expected = [QueryFlags(relational=True, date_time=True), RetrieveFlags(relational=True), WorklistFlags()]
    assert granted == dict(zip(uids, expected, strict=True))


@pytest.mark.parametrize("view", ["CLASSIC", "ENHANCED"])
async def test_a_view_that_was_not_agreed_on_is_refused(context: AppContext, tmp_path: Path, view: str) -> None:
    """PS3.4 C.4.1.1.3.1: Query/Retrieve View shall not be there otherwise; the answer would be of another view."""
    wanted = identifier("STUDY", StudyInstanceUID=CT_STUDY, QueryRetrieveView=view)
    empty = identifier("STUDY", StudyInstanceUID=CT_STUDY, QueryRetrieveView="")
    async with filled(context, tmp_path) as listener, connect(at(listener), contexts=(*presets.QUERY, *GET)) as assoc:
        async with assoc.find(empty) as found:
            assert len([match async for match in found]) == 1
        async with assoc.find(wanted) as found:
            refused = await found.result()
        assert (refused.status, refused.offending) == (0xA900, (0x00080053,))
        async with assoc.get(wanted, into=tmp_path / "got") as got:
            assert (await got.result()).status == 0xA900


async def test_a_view_that_is_granted_for_tests_is_not_refused(context: AppContext, tmp_path: Path) -> None:
    flags = QueryFlags(enhanced_multi_frame=True)
    wanted = identifier("STUDY", StudyInstanceUID=CT_STUDY, QueryRetrieveView="ENHANCED")
    async with (
        filled(context, tmp_path, extended=flags, grants_unperformed=True) as listener,
        connect(at(listener), contexts=presets.QUERY, extended=extended_for((FIND,), flags)) as assoc,
        assoc.find(wanted) as found,
    ):
        assert len([match async for match in found]) == 1


async def test_fuzzy_names_change_nothing_else_of_a_worklist(context: AppContext, tmp_path: Path) -> None:
    """The first two bytes of a worklist's field are reserved and always 1 (PS3.4 table K.5-1)."""
    worklist = query_class("worklist", "find")
    items = [
        elements(PatientID=f"{day}-{hour}", StudyDate=f"2024010{day}", StudyTime=f"{hour:02}0000")
        for day in (1, 2, 3)
        for hour in (8, 12, 20)
    ]
    wanted = elements(PatientID="", StudyDate="20240101-20240103", StudyTime="100000-140000")
    flags = QueryFlags(fuzzy=True)
    listener = Listener(
        context,
        ListenerOptions(
            folder=tmp_path, port=0, ae_title="OURS", services=ALL, extended=flags, grants_unperformed=True
        ),
        worklist=items,
    )
    await listener.start()
    try:
        answers = []
        for asked in ((), extended_for((worklist,), flags)):
            async with (
                connect(at(listener), contexts=presets.WORKLIST, extended=asked) as assoc,
                assoc.find(wanted, root="worklist") as op,
            ):
                answers.append([match.dataset.PatientID async for match in op])
    finally:
        await listener.stop()
    assert answers == [["1-12", "2-12", "3-12"]] * 2


# -- storage commitment, performed steps, worklist -------------------------------------------------------------------


async def test_storage_commitment_says_what_is_here(context: AppContext, tmp_path: Path) -> None:
    reports: list[CommitmentResult] = []

    def on_report(request: NEventReportRequest) -> Status:
        reports.append(CommitmentResult.of(request.dataset))
        return Status(0)

    here, there = real_files()[0], real_files()[1]
    async with listening(context, tmp_path, services=ALL) as listener:
        await store(listener, here)
        references = [
            (str(_read(here).SOPClassUID), instance_of(here)),
            (str(_read(there).SOPClassUID), instance_of(there)),
            (CT if _read(here).SOPClassUID != CT else MR, instance_of(here)),
        ]
        async with connect(
            at(listener), contexts=presets.for_classes(COMMITMENT), handlers=Handlers(on_n_event_report=on_report)
        ) as assoc:
            response = await assoc.n_action(
                COMMITMENT, COMMITMENT_INSTANCE, 1, commitment_request(references, "2.25.1")
            )
            assert response.status == 0
            await reached(lambda: bool(reports), "the report came")
    [report] = reports
    assert [tuple(one) for one in report.committed] == references[:1]
    reasons = [(tuple(one.reference), one.reason) for one in report.failed]
    assert reasons == [(references[1], 0x0112), (references[2], 0x0119)]  # PS3.3 C.14.1.1


async def test_the_report_comes_over_a_new_association_to_a_known_peer_that_has_left(
    context: AppContext, tmp_path: Path
) -> None:
    reports: list[CommitmentResult] = []
    hold = asyncio.Event()

    def on_report(request: NEventReportRequest) -> Status:
        reports.append(CommitmentResult.of(request.dataset))
        return Status(0)

    async with await serve(port=0, ae_title="ASKER", handlers=Handlers(on_n_event_report=on_report)) as asker:
        peers = {"ASKER": PeerAddress.parse(f"ASKER@127.0.0.1:{asker.port}")}
        async with listening(context, tmp_path, services=ALL, peers=peers) as listener:
            judge = listener.archive.settle

            async def slow(*args: float) -> bool:
                await hold.wait()
                return await judge(*args)

            listener.archive.settle = slow  # type: ignore[method-assign]
            contexts = presets.for_classes(COMMITMENT)
            async with connect(at(listener), calling_ae="ASKER", contexts=contexts) as assoc:
                data = commitment_request([(CT, "1.2.3")], "2.25.2")
                assert (await assoc.n_action(COMMITMENT, COMMITMENT_INSTANCE, 1, data)).status == 0
            await reached(lambda: not listener.associations, "the asker has left")
            hold.set()
            await reached(lambda: bool(reports), "the report came")
    assert reports[0].transaction_uid == "2.25.2"
    assert len(reports[0].failed) == 1


async def test_other_n_services_are_not_taken_for_ours(context: AppContext, tmp_path: Path) -> None:
    film = "1.2.840.10008.5.1.1.1"
    async with (
        listening(context, tmp_path, services=ALL, any_sop_class=True) as listener,
        connect(at(listener), contexts=presets.for_classes(film)) as assoc,
    ):
        assert (await assoc.n_create(film, elements(NumberOfCopies="1"))).status == 0x0118
        assert listener.steps == {}


async def test_the_archive_is_shared_and_stays_open_for_the_others(context: AppContext, tmp_path: Path) -> None:
    archive = LocalArchive(context, tmp_path / "archive")
    async with archive.opened():
        listener = Listener(context, ListenerOptions(archive.folder, port=0, ae_title="OURS"), archive=archive)
        await listener.start()
        await store(listener, file := write_instance(tmp_path / "files", 1))
        await listener.stop()
        await archive.settle()
        [kept] = await archive.files_of(Selection())
        assert data_set(kept.path) == data_set(file)
        assert archive.watchers == []
    assert not archive.is_open


def test_every_storage_class_is_taken_by_default() -> None:
    accepted = ListenerOptions(Path("x")).policy().abstract_syntaxes
    assert accepted is not None
    assert accepted >= set(STORAGE_CLASSES)
    assert {FIND, MOVE} <= accepted
    assert not {COMMITMENT, MPPS} & accepted


# -- the command line ------------------------------------------------------------------------------------------------


def test_the_command_line_lets_in_whom_it_is_told_and_says_whom_it_refused(tmp_path: Path) -> None:
    with Listening(tmp_path / "archive", "--json", "--aet", "OURS", "--allow", "CT*", "--allow", "MR1") as running:
        codes = [
            dicomgui("echo", f"OURS@127.0.0.1:{running.port}", "--calling", title).returncode
            for title in ("CT1", "MR1", "MR2")
        ]
        code, out, _ = running.stop()
    assert (codes, code) == ([0, 0, 3], 0)
    [refused] = [one for one in events(out) if one["event"] == "refused"]
    assert (refused["calling_aet"], refused["called_aet"]) == ("MR2", "OURS")


def test_the_command_line_answers_from_its_archive_and_says_what_it_repaired(tmp_path: Path) -> None:
    folder, file = tmp_path / "archive", write_instance(tmp_path / "files", 1)
    with Listening(folder, "--aet", "OURS") as running:
        assert dicomgui("send", f"OURS@127.0.0.1:{running.port}", file).returncode == 0
        running.stop()
    next(folder.glob("??/*.dcm")).unlink()
    with Listening(folder, "--aet", "OURS", "--json") as running:
        done = dicomgui("find", f"OURS@127.0.0.1:{running.port}", "-k", "PatientID=INTEROP", "--json")
        _, out, _ = running.stop()
    assert [one for one in events(done.stdout) if one["event"] == "match"] == []
    [told] = [one["text"] for one in events(out) if one["event"] == "archive"]
    assert told == "Of 1 instance in the index there was no file any more; the entry is removed."
    [answered] = [one for one in events(out) if one["event"] == "answered"]
    assert (answered["service"], answered["detail"], answered["problem"]) == ("C-FIND", "STUDY", None)
