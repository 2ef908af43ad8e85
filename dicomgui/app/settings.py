"""What the user has set: ``settings.toml``.

No secret is ever part of it: passcodes and keys are asked for, or kept by the system's keyring.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from dicomgui.app import config_values as checks
from dicomgui.app.config_files import (
    CONFIG_VARIABLE,
    SettingsError,
    TomlFile,
    config_folder,
    data_folder,
    is_portable,
)
from dicomgui.app.config_values import Table, Values, overlay
from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.listener import ListenerOptions
from dicomgui.network.association.params import DEFAULT_MAX_PDU_LENGTH, AETitle, Limits, Timeouts

__all__ = [
    "CONFIG_VARIABLE",
    "ListenerSettings",
    "Settings",
    "SettingsError",
    "SettingsStore",
    "Theme",
    "config_folder",
]

FILE_NAME = "settings.toml"
VERSION = 1


class Theme(StrEnum):
    """Which colours the window has."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


def _host(value: object) -> str:
    host = checks.text(value)
    if not host or " " in host or not host.isprintable():
        raise checks.wrong(f"{host!r} is no address to listen on")
    return host


def _folder(value: object) -> str:
    folder = checks.text(value)
    if "\0" in folder:
        raise checks.wrong("no folder has a NUL in its name")
    return folder


@dataclass(frozen=True, slots=True)
class ListenerSettings:
    """How the listener is started.

    :ivar folder: where received instances are kept; relative to the folder of the settings. Empty for the usual one.
    :ivar host: address to listen on; this machine alone unless the user says otherwise.
    :ivar port: 0 takes a free one.
    :ivar ae_title: ours, as a provider.
    :ivar fsync: acknowledge an instance only when it is safe from a power cut.
    :ivar check_called_ae: reject who calls another AE title.
    :ivar any_sop_class: accept private objects as well, not only the standard's storage classes.
    :raises ConfigurationError: a value is unusable.
    """

    folder: str = ""
    host: str = "127.0.0.1"
    port: int = 11112
    ae_title: str = "DICOMGUI"
    fsync: bool = True
    check_called_ae: bool = False
    any_sop_class: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "ae_title", AETitle(self.ae_title))
        _host(self.host)
        checks.port(self.port)
        _folder(self.folder)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that the user has set.

    :ivar calling_ae: our AE title, where a node names no other.
    :ivar timeouts: for every connection, where a node names no others, and for the listener.
    :ivar max_pdu_length: what we advertise, in bytes; 0 for no limit.
    :ivar trace_full: keep the data sets of C-STORE in the trace as well.
    :raises ConfigurationError: a value is unusable.
    """

    calling_ae: str = "DICOMGUI"
    timeouts: Timeouts = field(default=Timeouts())
    max_pdu_length: int = DEFAULT_MAX_PDU_LENGTH
    trace_full: bool = False
    theme: Theme = Theme.SYSTEM
    listener: ListenerSettings = field(default=ListenerSettings())

    def __post_init__(self) -> None:
        object.__setattr__(self, "calling_ae", AETitle(self.calling_ae))
        Limits(max_pdu_length=self.max_pdu_length)

    def connection_options(self) -> ConnectionOptions:
        """How to connect to a peer that says nothing else; see :meth:`dicomgui.app.peers.Node.options`."""
        return ConnectionOptions(
            calling_ae=self.calling_ae,
            timeouts=self.timeouts,
            max_pdu_length=self.max_pdu_length,
            trace_full=self.trace_full,
        )


class SettingsStore:
    """Reads and writes ``settings.toml``. Keys that this version does not know stay in the file.

    Reading and saving wait for the disk; a window saves in a worker thread.

    :ivar path: the file.
    :ivar problem: why the last :meth:`load` did not understand the file, or not completely; shown to the user.

    :param folder: where it lies; by default what ``DICOMGUI_CONFIG`` names, else the platform's folder.
    """

    def __init__(self, folder: str | os.PathLike[str] | None = None) -> None:
        self.folder = config_folder(folder)
        self.path = self.folder / FILE_NAME
        self.is_portable = is_portable(folder)
        self.problem: SettingsError | None = None
        self._file = TomlFile(self.path, version=VERSION)
        self._saving = threading.Lock()

    def load(self) -> Settings:
        """Read the settings; the usual value stands for what is missing or wrong. Never raises."""
        settings, _, self.problem = self._read()
        return settings

    def save(self, settings: Settings) -> None:
        """Write the settings; a file that was not understood is kept aside.

        :raises SettingsError: they could not be written; the file is as it was.
        """
        with self._saving:
            _, table, problem = self._read()
            self._file.write(overlay(table, _table_of(settings)), keep_aside=problem is not None)
            self.problem = None

    def archive_folder(self, settings: Settings) -> Path:
        """Where received instances are kept. In a named folder of settings this is a part of it, so that a stick
        takes it along.
        """
        named = settings.listener.folder
        if named:
            return (self.folder / Path(named).expanduser()).absolute()
        return data_folder(self.folder if self.is_portable else None) / "received"

    def listener_options(self, settings: Settings) -> ListenerOptions:
        """How to listen."""
        listener = settings.listener
        return ListenerOptions(
            folder=self.archive_folder(settings),
            host=listener.host,
            port=listener.port,
            ae_title=listener.ae_title,
            fsync=listener.fsync,
            check_called_ae=listener.check_called_ae,
            any_sop_class=listener.any_sop_class,
            max_pdu_length=settings.max_pdu_length,
            timeouts=settings.timeouts,
            trace_full=settings.trace_full,
        )

    def _read(self) -> tuple[Settings, Table, SettingsError | None]:
        document = self._file.read()
        values = Values(document.table)
        settings = _settings_of(values)
        return settings, document.table, document.problem or self._file.problem_with(values.faults)


# ---------------------------------------------------------------------------------------------- between file and value


def _settings_of(values: Values) -> Settings:
    usual = Settings()
    connection, trace = values.inside("connection"), values.inside("trace")
    return Settings(
        calling_ae=connection.take("calling_ae", usual.calling_ae, checks.ae_title),
        timeouts=_timeouts_of(connection.inside("timeouts")),
        max_pdu_length=connection.take("max_pdu_length", usual.max_pdu_length, checks.max_pdu_length),
        trace_full=trace.take("keep_full", usual.trace_full, checks.flag),
        theme=values.inside("window").take("theme", usual.theme, _theme),
        listener=_listener_of(values.inside("listener")),
    )


def _listener_of(values: Values) -> ListenerSettings:
    usual = ListenerSettings()
    return ListenerSettings(
        folder=values.take("folder", usual.folder, _folder),
        host=values.take("host", usual.host, _host),
        port=values.take("port", usual.port, checks.port),
        ae_title=values.take("ae_title", usual.ae_title, checks.ae_title),
        fsync=values.take("fsync", usual.fsync, checks.flag),
        check_called_ae=values.take("check_called_ae", usual.check_called_ae, checks.flag),
        any_sop_class=values.take("any_sop_class", usual.any_sop_class, checks.flag),
    )


def _timeouts_of(values: Values) -> Timeouts:
    usual = Timeouts()
    return Timeouts(
        connect_s=values.take("connect_s", usual.connect_s, checks.seconds_or_ever),
        associate_s=values.take("associate_s", usual.associate_s, checks.seconds_or_ever),
        response_s=values.take("response_s", usual.response_s, checks.seconds_or_ever),
        release_s=values.take("release_s", usual.release_s, checks.seconds_or_ever),
        idle_s=values.take("idle_s", usual.idle_s, checks.seconds_or_ever),
        artim_s=values.take("artim_s", usual.artim_s, checks.seconds),
    )


def _table_of(settings: Settings) -> Table:
    listener, timeouts = settings.listener, settings.timeouts
    return {
        "connection": {
            "calling_ae": str(settings.calling_ae),
            "max_pdu_length": settings.max_pdu_length,
            "timeouts": {
                "connect_s": checks.written_seconds(timeouts.connect_s),
                "associate_s": checks.written_seconds(timeouts.associate_s),
                "response_s": checks.written_seconds(timeouts.response_s),
                "release_s": checks.written_seconds(timeouts.release_s),
                "idle_s": checks.written_seconds(timeouts.idle_s),
                "artim_s": timeouts.artim_s,
            },
        },
        "listener": {
            "folder": listener.folder,
            "host": listener.host,
            "port": listener.port,
            "ae_title": str(listener.ae_title),
            "fsync": listener.fsync,
            "check_called_ae": listener.check_called_ae,
            "any_sop_class": listener.any_sop_class,
        },
        "trace": {"keep_full": settings.trace_full},
        "window": {"theme": settings.theme.value},
    }


def _theme(value: object) -> Theme:
    name = checks.text(value)
    if name not in set(Theme):
        raise checks.wrong(f"it is none of {', '.join(Theme)}")
    return Theme(name)
