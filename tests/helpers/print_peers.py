"""DCMTK's print programs for the interoperability tests."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from helpers import peers


def print_config(folder: Path, port: int, *, ae_title: str, kind: str) -> Path:
    """The configuration of DCMTK's print programs, with one printer called PRINTER on the port.

    :param kind: ``LOCALPRINTER`` for the program that is it, ``PRINTER`` for who sends to it.
    """
    sections = {
        "[GENERAL]": {},
        "APPLICATION": {"LogDirectory": folder / "log", "LogFile": "general.log"},
        "PRINT": {"Directory": folder / "spool", "MinPrintResolution": r"64\64", "MaxPrintResolution": r"512\512"},
        "DATABASE": {"Directory": folder / "database"},
        "LUT": {"Directory": folder / "lut"},
        "NETWORK": {"aetitle": "DCMPSTATE"},
        "[COMMUNICATION]": {},
        "PRINTER": {
            "Aetitle": ae_title,
            "Description": "a printer",
            "Hostname": peers.LOOPBACK,
            "Port": port,
            "Type": kind,
            "DisplayFormat": r"1,1\1,2",
            "FilmSizeID": "8INX10IN",
            "MediumType": "PAPER",
            "MaxPDU": 32_768,
        },
    }
    for name in ("log", "spool", "database", "lut"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    config = folder / "print.cfg"
    text = ""
    for name, keys in sections.items():
        text += f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items())
    config.write_text(text, encoding="ascii")
    return config


@contextlib.contextmanager
def dcmprscp(folder: Path, *, ae_title: str = "DCMPRINT") -> Iterator[peers.Peer]:
    """DCMTK's print server, one association at a time; what it prints becomes files in ``database``."""

    def arguments(port: int) -> Sequence[object]:
        config = print_config(folder, port, ae_title=ae_title, kind="LOCALPRINTER")
        return ("-v", "-c", config, "-p", "PRINTER")

    with peers.serving("dcmprscp", ae_title, folder / "database", arguments) as peer:
        yield peer
