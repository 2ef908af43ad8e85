"""Our client and our server as two ends of one association, and the data sets that go between them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpers.instances import CT, EXPLICIT, MR
from helpers.instances import elements as keys
from pydicom.dataset import Dataset, FileMetaDataset

from dicomgui.network import (
    EVERYTHING_PERMITTED,
    AcceptPolicy,
    Association,
    Handlers,
    ProposedContext,
    Server,
    ServerOptions,
    Timeouts,
    TlsConfig,
    connect,
    presets,
    serve,
)

MPPS = "1.2.840.10008.3.1.2.3.3"
COMMITMENT = "1.2.840.10008.1.20.1"
PATIENCE_S = 20.0
"""How long a test waits for what should come in milliseconds: the computer may be busy."""

USUAL = (
    *presets.VERIFICATION,
    *presets.QUERY,
    *presets.WORKLIST,
    *presets.for_get([CT, MR], models=()),
    *presets.for_classes(MPPS, COMMITMENT),
)
LOW = Timeouts(response_s=15.0, release_s=5.0, artim_s=10.0)


@dataclass
class Ends:
    """Both ends of an association that stands."""

    server: Server
    assoc: Association


@contextlib.asynccontextmanager
async def ends(
    handlers: Handlers,
    /,
    *,
    contexts: Sequence[ProposedContext] = USUAL,
    policy: AcceptPolicy | None = None,
    tls: tuple[TlsConfig, TlsConfig] | None = None,
    timeouts: Timeouts = LOW,
    serving: dict[str, Any] | None = None,
    **connecting: Any,
) -> AsyncIterator[Ends]:
    """A server for everything, and one association with it.

    :param tls: what the server and what the client uses.
    """
    options = ServerOptions(
        permitted=EVERYTHING_PERMITTED,
        policy=policy or AcceptPolicy(ae_title="SCP", requestor_scp=None, max_invoked=0, max_performed=0),
        tls=None if tls is None else tls[0],
        **(serving or {}),
    )
    async with (
        await serve(port=0, ae_title="SCP", handlers=handlers, options=options) as server,
        connect(
            f"SCP@127.0.0.1:{server.port}",
            calling_ae="SCU",
            contexts=contexts,
            tls=None if tls is None else tls[1],
            timeouts=timeouts,
            permitted=EVERYTHING_PERMITTED,
            **connecting,
        ) as assoc,
    ):
        yield Ends(server, assoc)


def instance(number: int, *, sop_class: str = CT, syntax: str = EXPLICIT, pixels: int = 64) -> Dataset:
    """An instance in memory whose UID ends with its number."""
    dataset = keys(SOPClassUID=sop_class, SOPInstanceUID=f"1.2.3.{number}", PatientID=str(number))
    dataset.add_new(0x7FE00010, "OW", bytes(pixels))
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID = sop_class
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    return dataset


def instances(count: int, **more: Any) -> Iterator[Dataset]:
    return (instance(number, **more) for number in range(1, count + 1))


def file(folder: Path, number: int, **more: Any) -> Path:
    """The same as a file."""
    path = folder / f"{number}.dcm"
    instance(number, **more).save_as(path, enforce_file_format=True)
    return path
