"""An uncompressed file in the transfer syntax that the peer of a C-GET takes, where that is another uncompressed one.

In a C-GET the peer proposes the contexts in which it receives, and of each only one transfer syntax is accepted, before
it is known what will be sent. Nothing is lost by the conversion; compressed pixel data stay as they are.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from dicomgui.network.dimse.convert import PixelKind, convert_file, kind_of
from dicomgui.network.errors import NoAcceptedContext
from dicomgui.network.service.storing import InstanceFile

__all__ = ["in_accepted_syntax"]


@asynccontextmanager
async def in_accepted_syntax(instance: InstanceFile, refusal: NoAcceptedContext) -> AsyncIterator[InstanceFile]:
    """A converted copy of the file, which is there as long as the context is entered.

    :param refusal: why the file itself cannot go; names what was accepted for its SOP class.
    :raises NoAcceptedContext: ``refusal``, where no conversion helps.
    :raises ConversionError: the file cannot be converted.
    :raises OSError: a file cannot be read or written.
    """
    wanted = next((uid for uid in refusal.accepted if kind_of(uid) is PixelKind.NATIVE), None)
    if wanted is None or kind_of(instance.head.transfer_syntax_uid) is not PixelKind.NATIVE:
        raise refusal
    with tempfile.TemporaryDirectory(prefix="dicomgui-get-") as folder:
        path = Path(folder) / "converted.dcm"
        converted = await asyncio.to_thread(convert_file, instance.path, instance.head, wanted, path)
        yield InstanceFile(path, converted.head)
