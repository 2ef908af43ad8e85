"""What is measured of queries and of a large archive: the rows V12, R4 and R5 of the project's budgets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

from bench.contests import Contest, Measure, Rows, Stage
from bench.data import make_archive, make_studies
from bench.players import Serving, our_program, talking, telling, told_by

from dicomgui.storage.layout import relative_name

FEW = 1000
"""Matches of the query that a very long one is compared with."""

RETURNED = ("PatientName", "StudyDate", "StudyTime", "AccessionNumber", "StudyDescription", "StudyInstanceUID")


def _keys(patient: str = "") -> list[str]:
    return ["QueryRetrieveLevel=STUDY", f"PatientID={patient}", *RETURNED]


# -- V12 ---------------------------------------------------------------------------------------------------------------


def _studies(stage: Stage) -> Path:
    """As many studies as a timed query finds."""
    folder = stage.folder / "studies"
    return folder if folder.exists() else make_studies(folder, stage.scale.matches)


def _our_archive(stage: Stage) -> Path:
    """The same in an archive of ours."""
    folder = stage.folder / "archive-of-studies"
    if not folder.exists():
        for path in _studies(stage).iterdir():
            name = folder / relative_name(path.stem)
            name.parent.mkdir(parents=True, exist_ok=True)
            name.hardlink_to(path)
    return folder


def _orthanc_database(stage: Stage) -> Path:
    """The same in a database of Orthanc's."""
    folder = stage.folder / "orthanc-of-studies"
    if not folder.exists():
        folder.mkdir()
        with stage.guests.orthanc(database=folder, expect=stage.scale.matches) as server:
            stage.players.our_send(server.port, _studies(stage), "app", "--associations", 4)
    return folder


def _v12(stage: Stage) -> Iterator[Contest]:
    """We answer out of our archive, Orthanc out of its database, and pynetdicom makes up what it answers."""
    players, guests, scale = stage.players, stage.guests, stage.scale

    def rate(server: Serving, patient: str, one: str) -> float:
        """Of the second query: what a program loads for its first one is not what matches cost."""
        players.findscu(server.port, *_keys(one))
        return scale.matches / players.findscu(server.port, *_keys(patient)).seconds

    def ours() -> float:
        with players.our_listener(archive=_our_archive(stage)) as server:
            return rate(server, "", "P000000")

    def orthanc() -> float:
        with guests.orthanc(database=_orthanc_database(stage)) as server:
            return rate(server, "", "P000000")

    def pynetdicom() -> float:
        with guests.pynetdicom() as server:
            return rate(server, str(scale.matches), "1")

    for name, goal, peer in (("Orthanc", 3.0, orthanc), ("pynetdicom, no database", 15.0, pynetdicom)):
        yield Contest("V12", f"C-FIND of {scale.matches:,} matches, as SCP", name, "matches/s", goal, ours, peer)


# -- R4 ----------------------------------------------------------------------------------------------------------------


def _r4(stage: Stage) -> Iterator[Contest]:
    """A large archive."""
    scale, folder = stage.scale, stage.folder / "large-archive"

    def opened() -> dict[str, float]:
        return told_by(our_program("our_archive", "open", folder, scale.stored))

    def first_opened() -> Mapping[str, float]:
        if not folder.exists():
            make_archive(folder, scale.stored, relative_name)
        return opened()

    def opened_again() -> Mapping[str, float]:
        if not folder.exists():
            first_opened()
        return opened()

    def imported() -> float:
        with players.empty_folder() as target:
            return told_by(our_program("our_archive", "import", target, source(scale.imported)))["rate"]

    def source(count: int) -> Path:
        made = stage.folder / f"imported-{count}"
        return made if made.exists() else make_studies(made, count)

    players, again = stage.players, stage.figures("R4", opened_again)
    text = f"{scale.stored:,} instances"
    first = stage.figures("R4 first", first_opened).figure("rate")
    yield Contest("R4", f"index {text} that are there already", "–", "instances/s", None, first, None, most=1)
    for name, what, unit, goal in (
        ("open_s", "open an archive of", "s", 1.0),
        ("find_ms", "find by its slowest unique key, of", "ms", 20.0),
        ("repair_s", "files and index are compared, of", "s", None),
    ):
        yield Contest("R4", f"{what} {text}", "–", unit, goal, again.figure(name), None, less_is_better=True)
    yield Contest("R4", f"import {scale.imported:,} small files, without fsync", "–", "files/s", 300.0, imported, None)


# -- R5 ----------------------------------------------------------------------------------------------------------------


def _r5(stage: Stage) -> Iterator[Contest]:
    """Very many matches: what more memory they take at its peak than a thousand; one round, for they take long."""
    endless, few = stage.scale.endless, min(FEW, stage.scale.endless // 2)

    def peaks(count: int) -> tuple[int, int, float]:
        with ExitStack() as stack:
            server = stack.enter_context(talking(our_program("our_queries", "provide"), stage.folder))
            run = telling(our_program("our_queries", "find", server.port, count))
            stack.close()
        return server.told["peak_kb"], run.peak_kb, count / run.seconds

    def growth() -> dict[str, float]:
        low, high = peaks(few), peaks(endless)
        return {"scp": (high[0] - low[0]) / 1024, "scu": (high[1] - low[1]) / 1024, "rate": high[2]}

    figures = stage.figures("R5", growth)
    text = f"C-FIND of {endless:,} matches"
    for name, what in (("scp", "SCP"), ("scu", "SCU")):
        measure: Measure = figures.figure(name)
        yield Contest(
            "R5", f"growth of peak memory, {text}, {what}", "–", "MB", 8.0, measure, None, less_is_better=True, most=1
        )
    yield Contest("R5", f"{text}, ours to ours", "–", "matches/s", None, figures.figure("rate"), None, most=1)


GROUPS: dict[str, Rows] = {"V12": _v12, "R4": _r4, "R5": _r5}
