"""The peers that all interoperability tests share, and our own two ends of a conversation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from helpers import peers
from helpers.instances import BIG_ENDIAN, EXPLICIT, IMPLICIT, MR, SECONDARY_CAPTURE, write_instance
from helpers.listening import Listen, listens_in

from dicomgui.app.context import AppContext


@pytest.fixture(scope="session")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[peers.Orthanc]:
    with peers.orthanc(tmp_path_factory.mktemp("orthanc") / "server") as server:
        yield server


@pytest.fixture(scope="session")
def pynetdicom(tmp_path_factory: pytest.TempPathFactory) -> Iterator[peers.Peer]:
    with peers.pynetdicom_scp(tmp_path_factory.mktemp("pynetdicom") / "received") as server:
        yield server


@pytest.fixture
def listen(context: AppContext, tmp_path: Path) -> Listen:
    """Our listener with an archive in ``received``."""
    return listens_in(context, tmp_path / "received")


@pytest.fixture(scope="session")
def native_files(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Path]:
    """Synthetic instances, of some classes and in every native syntax; the first is larger than many PDUs."""
    folder = tmp_path_factory.mktemp("native")
    return (
        write_instance(folder, 1, pixel_bytes=716_800),
        write_instance(folder, 2, syntax=IMPLICIT),
        write_instance(folder, 3, sop_class=MR, syntax=IMPLICIT, pixel_bytes=65_536),
        write_instance(folder, 4, sop_class=MR, syntax=EXPLICIT),
        write_instance(folder, 5, sop_class=SECONDARY_CAPTURE, syntax=BIG_ENDIAN, pixel_bytes=2_048),
    )
