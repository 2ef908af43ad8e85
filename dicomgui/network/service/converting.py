"""An uncompressed instance in the uncompressed transfer syntax that a peer takes, where it does not take its own.

Implicit VR little endian is the one that every peer must take (PS3.5 10.1). Compressed pixel data stay as they are.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dicomgui.network.dimse.convert import Converted, convert_file, target_syntax
from dicomgui.network.errors import NoAcceptedContext
from dicomgui.network.service.storing import InstanceFile
from dicomgui.network.transport.tasks import until_ended
from dicomgui.network.uids import name_of

if TYPE_CHECKING:
    from dicomgui.network.tracing import Scribe

__all__ = ["in_accepted_syntax"]

_log = logging.getLogger(__name__)


@asynccontextmanager
async def in_accepted_syntax(
    instance: InstanceFile, refusal: NoAcceptedContext, scribe: Scribe
) -> AsyncIterator[InstanceFile]:
    """A converted copy of the file, which is there as long as the context is entered.

    The copy is made in a thread, in a folder that nobody else can read. What changes beside the encoding is told to the
    log and the trace.

    :param refusal: why the file itself cannot go; names what was accepted for its SOP class.
    :raises NoAcceptedContext: ``refusal``, where no conversion helps.
    :raises ConversionError: the file cannot be converted.
    :raises OSError: a file cannot be read or written.
    """
    wanted = target_syntax(instance.head.transfer_syntax_uid, refusal.accepted)
    if not wanted:
        raise refusal
    with tempfile.TemporaryDirectory(prefix="dicomgui-convert-", ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "converted.dcm"
        converted = await _in_thread(instance, wanted, path)
        _tell(instance.head.sop_instance_uid, converted, scribe)
        yield InstanceFile(path, converted.head)


async def _in_thread(instance: InstanceFile, wanted: str, path: Path) -> Converted:
    stop = threading.Event()
    convert = partial(convert_file, instance.path, instance.head, wanted, path, should_stop=stop.is_set)
    return await until_ended(asyncio.get_running_loop().run_in_executor(None, convert), stop.set)


def _tell(sop_instance_uid: str, converted: Converted, scribe: Scribe) -> None:
    syntaxes = f"{name_of(converted.source_syntax)} to {name_of(converted.head.transfer_syntax_uid)}"
    if not converted.remarks:
        scribe.note(logging.INFO, f"converted from {syntaxes}: {sop_instance_uid}")
        return
    changes = "; ".join(f"{remark.elements} {remark.code.value}" for remark in converted.remarks)
    text = f"converted from {syntaxes}, which changes more than the encoding: {changes} ({sop_instance_uid})"
    scribe.note(logging.WARNING, text)
    _log.warning("%s", text)
