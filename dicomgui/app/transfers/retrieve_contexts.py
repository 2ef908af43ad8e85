"""What a C-GET proposes: its own contexts, and for each SOP class that may come one for every encoding."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from dicomgui.app.asking.levels import contexts_for
from dicomgui.network.association.contexts import MAX_CONTEXTS, ProposedContext
from dicomgui.network.client.presets import USUAL_STORAGE_CLASSES
from dicomgui.network.uids import (
    DEFAULT_TRANSFER_SYNTAXES,
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    EXPLICIT_VR_BIG_ENDIAN,
    TRANSFER_SYNTAXES,
    is_valid_uid,
)

__all__ = ["ENCODINGS", "contexts_for_get"]

_JPEG = "1.2.840.10008.1.2.4."
_USUAL: Final = (
    *DEFAULT_TRANSFER_SYNTAXES,
    f"{_JPEG}70",  # JPEG lossless, first-order prediction
    f"{_JPEG}90",  # JPEG 2000 lossless
    f"{_JPEG}50",  # JPEG baseline
    f"{_JPEG}91",  # JPEG 2000
    f"{_JPEG}80",  # JPEG-LS lossless
    "1.2.840.10008.1.2.5",  # RLE
    f"{_JPEG}51",  # JPEG extended
    f"{_JPEG}81",  # JPEG-LS near-lossless
    f"{_JPEG}201",  # HTJ2K lossless
    f"{_JPEG}202",  # HTJ2K RPCL
    f"{_JPEG}203",  # HTJ2K
    f"{_JPEG}57",  # JPEG lossless
    f"{_JPEG}102",  # H.264
    f"{_JPEG}100",  # MPEG-2
    f"{_JPEG}107",  # HEVC
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    EXPLICIT_VR_BIG_ENDIAN,
    f"{_JPEG}110",  # JPEG XL lossless
    f"{_JPEG}111",  # JPEG XL, recompressed JPEG
    f"{_JPEG}112",  # JPEG XL
)
ENCODINGS: Final = tuple(dict.fromkeys((*_USUAL, *TRANSFER_SYNTAXES)))
"""Transfer syntaxes to receive in, the most usual first: all that are known."""


def contexts_for_get(
    roots: Sequence[str], sop_classes: Iterable[str] = (), transfer_syntaxes: Iterable[str] = ()
) -> tuple[ProposedContext, ...]:
    """The contexts of one association, at most 128.

    Within one context the peer chooses a single syntax, and most peers send only what they hold in it: so each encoding
    has a context of its own, as many as there is room for. With more SOP classes than contexts the last ones go.

    :param roots: information models; those without a C-GET are an error.
    :param sop_classes: what may come; by default those that make up nearly all archives.
    :param transfer_syntaxes: what will come, as far as is known: these have their contexts before all others.
    :raises ConfigurationError: a model is unknown or has no C-GET.
    """
    own = contexts_for(roots, "get")
    classes = [uid for uid in dict.fromkeys(sop_classes) if is_valid_uid(uid)] or list(USUAL_STORAGE_CLASSES)
    room = MAX_CONTEXTS - len(own)
    classes = classes[:room]
    told = [uid for uid in transfer_syntaxes if is_valid_uid(uid)]
    encodings = tuple(dict.fromkeys((*told, *ENCODINGS)))
    if room < 2 * len(classes):
        return own + tuple(_storage(uid, DEFAULT_TRANSFER_SYNTAXES) for uid in classes)
    # By encoding and not by class, so that the last contexts are filled, too.
    pairs = [(uid, syntax) for syntax in encodings for uid in classes][:room]
    order = {uid: number for number, uid in enumerate(classes)}
    pairs.sort(key=lambda pair: order[pair[0]])
    return own + tuple(_storage(uid, (syntax,)) for uid, syntax in pairs)


def _storage(sop_class: str, transfer_syntaxes: tuple[str, ...]) -> ProposedContext:
    return ProposedContext(sop_class, transfer_syntaxes, scu_role=False, scp_role=True)
