"""Contexts of TLS that serve several associations: to read whom the system trusts takes longer than a handshake."""

from __future__ import annotations

import ssl
import sys
import time
from functools import lru_cache
from pathlib import Path
from typing import Final, TypeAlias

from dicomgui.network.transport.tls import TlsConfig

__all__ = ["requestor_context"]

_MOST_KEPT: Final = 4
"""One that trusts whom the system trusts holds 0.8 MB."""

_SYSTEM_HAS_FILES: Final = sys.platform != "win32"
"""The store of Windows does not tell when it has changed."""

_FRESH_NS = 3_000_000_000
"""A file may change once more within one tick of its file system's clock, which on FAT takes two seconds: what is as
new as that is read each time."""

_Seen: TypeAlias = tuple[str, int, int, int, int]


def requestor_context(config: TlsConfig) -> ssl.SSLContext:
    """What :meth:`TlsConfig.client_context` makes; the one of before, as long as its files are those of before.

    One whose key has a password is made anew each time, so that what the password protects is not kept, and one that
    writes a key log, which would stay open. It is shared: change nothing in it.

    :raises ConfigurationError: as there.
    """
    has_password = config.cert_file is not None and config.key_password is not None
    if has_password or config.keylog_file is not None:
        return config.client_context()
    try:
        seen = _look(config)
    except OSError:
        return config.client_context()  # which says what is wrong with the file
    return config.client_context() if seen is None or _is_fresh(seen) else _kept(config, seen)


def _is_fresh(seen: tuple[_Seen, ...]) -> bool:
    """Whether one of the files may change again and look the same."""
    return max((changed for *_, changed, _ in seen), default=0) > time.time_ns() - _FRESH_NS


@lru_cache(maxsize=_MOST_KEPT)
def _kept(config: TlsConfig, seen: tuple[_Seen, ...]) -> ssl.SSLContext:
    return config.client_context()


def _look(config: TlsConfig) -> tuple[_Seen, ...] | None:
    """By what it is seen that something has changed; ``None`` where it cannot be seen."""
    named = (config.ca_file, config.crl_file, config.cert_file, config.key_file)
    given = [Path(one) for one in named if one is not None]
    places = [file for one in given for file in (one, *(sorted(one.iterdir()) if one.is_dir() else ()))]
    if config.ca_file is None and config.verify != "none":
        if not _SYSTEM_HAS_FILES:
            return None
        system = ssl.get_default_verify_paths()
        places += [Path(one) for one in (system.cafile, system.capath) if one is not None]
    return tuple(map(_mark, places))


def _mark(place: Path) -> _Seen:
    found = place.stat()
    return str(place), found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
