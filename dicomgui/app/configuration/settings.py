"""What the user has set: ``settings.toml``.

No secret is ever part of it: passcodes and keys are asked for, or kept by the system's keyring.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Final, Literal, cast

from dicomgui.app.configuration import values as checks
from dicomgui.app.configuration.files import (
    CONFIG_VARIABLE,
    SettingsError,
    TomlFile,
    config_folder,
    data_folder,
    is_portable,
)
from dicomgui.app.configuration.listener_options import CallerRule, ListenerOptions
from dicomgui.app.configuration.move_rules import parse_move_rule
from dicomgui.app.configuration.negotiation_file import NegotiationFile, negotiation_of, negotiation_table
from dicomgui.app.configuration.provided import USUAL, Provided, check_choice, check_networks
from dicomgui.app.configuration.quotas import USUAL_QUOTAS, Quotas
from dicomgui.app.configuration.received_commands import ReceivedCommands
from dicomgui.app.configuration.values import Table, Values, overlay
from dicomgui.app.connection import ConnectionOptions, check_operations
from dicomgui.network.association.extended import QueryFlags
from dicomgui.network.association.params import DEFAULT_MAX_PDU_LENGTH, AETitle, Limits, Timeouts
from dicomgui.network.service import Strictness
from dicomgui.network.transport import ClientAuth, TlsConfig
from dicomgui.storage import DuplicatePolicy, FolderLayout, FolderPatterns, IdentifierRule
from dicomgui.trace.filter.grammar import MAX_LENGTH

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
MAX_TRACE_FILTERS = 50
"""Filters of the trace that are kept; further ones in a file are left out."""


_QUOTAS = {
    "associations": "caller_associations",
    "instances_per_hour": "caller_instances_per_hour",
    "bytes_per_hour": "caller_bytes_per_hour",
    "max_bytes": "archive_max_bytes",
    "min_free_bytes": "archive_min_free_bytes",
}


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
    :ivar use_tls: speak TLS with everyone, as ``tls`` says; that is kept while it is off.
    :ivar callers: what callers have to say of their user.
    :ivar users: who is let in where users are listed; their passcodes are in the keyring.
    :ivar async_ops: operations at a time that a caller may invoke, and perform for us; 0 for no limit.
    :ivar max_associations: at one time; one more is rejected for the moment.
    :ivar max_sent_pdu_length: send no longer PDUs, even if a caller takes them, in bytes; 0 for what it takes.
    :ivar grant_scp_role: let callers be providers where they ask for it.
    :ivar extended: what is granted by extended negotiation.
    :ivar negotiation: the file and the name of the negotiation profile; who starts the listener reads it.
    :ivar services: what is given beside verification.
    :ivar calling_networks: ranges of addresses from which callers are let in; all if empty.
    :ivar calling_ae_titles: who is let in, patterns with ``*`` and ``?``; everybody if empty.
    :ivar sop_classes: what is stored and retrieved; the standard's storage classes if empty.
    :ivar transfer_syntaxes: of instances, in our order of preference; any if empty.
    :ivar layout: in which folders the instances can be found besides.
    :ivar patterns: of these folders and of the file names in them, where the layout is by pattern.
    :ivar move_rules: which caller may move where, by patterns of both AE titles; everybody everywhere if empty.
    :ivar on_duplicate: what becomes of another data set with a UID that is there already.
    :ivar strictness: the treatment of instances that are broken, or others than their command says.
    :ivar identifiers: the treatment of queries and retrievals whose identifier is not as PS3.4 C.4 wants it.
    :ivar commands: the operator's, for objects and studies that came; not run where nothing is kept.
    :ivar discards: answer Success for instances and keep none.
    :ivar quotas: what callers may take at most, and how far the archive may grow.
    :ivar index_folder: where the index of the archive lies; relative to the folder of the settings. Empty for the
        archive's own folder.
    :raises ConfigurationError: a value is unusable.
    """

    folder: str = ""
    host: str = "127.0.0.1"
    port: int = 11112
    ae_title: str = "DICOMGUI"
    fsync: bool = True
    check_called_ae: bool = False
    any_sop_class: bool = False
    use_tls: bool = False
    tls: TlsConfig = field(default=TlsConfig())
    negotiation: NegotiationFile | None = None
    callers: CallerRule = CallerRule.ANY
    users: tuple[str, ...] = ()
    async_ops: tuple[int, int] = (1, 1)
    max_associations: int = 256
    max_sent_pdu_length: int = 0
    grant_scp_role: bool = False
    extended: QueryFlags = field(default=QueryFlags())
    grants_unperformed: bool = False
    services: frozenset[Provided] = USUAL
    calling_ae_titles: tuple[str, ...] = ()
    calling_networks: tuple[str, ...] = ()
    sop_classes: tuple[str, ...] = ()
    transfer_syntaxes: tuple[str, ...] = ()
    layout: FolderLayout = FolderLayout.UID
    patterns: FolderPatterns = field(default=FolderPatterns())
    move_rules: tuple[tuple[str, str], ...] = ()
    on_duplicate: DuplicatePolicy = DuplicatePolicy.KEEP_BOTH
    strictness: Strictness = Strictness.STRICT
    identifiers: IdentifierRule = IdentifierRule.USUAL
    quotas: Quotas = USUAL_QUOTAS
    index_folder: str = ""
    discards: bool = False
    commands: ReceivedCommands = field(default=ReceivedCommands())

    def __post_init__(self) -> None:
        object.__setattr__(self, "ae_title", AETitle(self.ae_title))
        check_operations(*self.async_ops)
        checks.associations(self.max_associations)
        Limits(max_sent_pdu_length=self.max_sent_pdu_length)
        check_choice((*self.sop_classes, *self.transfer_syntaxes), self.calling_ae_titles)
        check_networks(self.calling_networks)
        _host(self.host)
        checks.port(self.port)
        _folder(self.folder)
        _folder(self.index_folder)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that the user has set.

    :ivar calling_ae: our AE title, where a node names no other.
    :ivar timeouts: for every connection, where a node names no others, and for the listener.
    :ivar max_pdu_length: what we advertise, in bytes; 0 for no limit.
    :ivar trace_full: keep the data sets of C-STORE in the trace as well.
    :ivar trace_filters: filters of the trace that the user keeps, oldest first.
    :ivar show_steps: show the first steps on the page that the window opens on.
    :raises ConfigurationError: a value is unusable.
    """

    calling_ae: str = "DICOMGUI"
    timeouts: Timeouts = field(default=Timeouts())
    max_pdu_length: int = DEFAULT_MAX_PDU_LENGTH
    trace_full: bool = False
    trace_filters: tuple[str, ...] = ()
    theme: Theme = Theme.SYSTEM
    show_steps: bool = True
    listener: ListenerSettings = field(default=ListenerSettings())

    def __post_init__(self) -> None:
        object.__setattr__(self, "calling_ae", AETitle(self.calling_ae))
        Limits(max_pdu_length=self.max_pdu_length)

    def connection_options(self) -> ConnectionOptions:
        """How to connect to a peer that says nothing else, :meth:`~dicomgui.app.configuration.peers.Node.options`."""
        return ConnectionOptions(
            calling_ae=self.calling_ae,
            timeouts=self.timeouts,
            max_pdu_length=self.max_pdu_length,
            trace_full=self.trace_full,
        )

    def listener_options(self, folder: Path, listener: ListenerSettings | None = None) -> ListenerOptions:
        """How to listen, without secrets: passwords and passcodes are added by who has them.

        :param folder: where received instances are kept.
        :param listener: instead of those that are set.
        """
        listener = listener or self.listener
        return ListenerOptions(
            folder=folder,
            host=listener.host,
            port=listener.port,
            ae_title=listener.ae_title,
            fsync=listener.fsync,
            on_duplicate=listener.on_duplicate,
            strictness=listener.strictness,
            identifiers=listener.identifiers,
            discards=listener.discards,
            commands=ReceivedCommands() if listener.discards else listener.commands,
            check_called_ae=listener.check_called_ae,
            any_sop_class=listener.any_sop_class,
            max_pdu_length=self.max_pdu_length,
            timeouts=self.timeouts,
            trace_full=self.trace_full,
            tls=listener.tls if listener.use_tls else None,
            callers=listener.callers,
            async_ops=listener.async_ops,
            max_associations=listener.max_associations,
            max_sent_pdu_length=listener.max_sent_pdu_length,
            grant_scp_role=listener.grant_scp_role,
            extended=listener.extended,
            grants_unperformed=listener.grants_unperformed,
            services=listener.services,
            calling_ae_titles=listener.calling_ae_titles,
            calling_networks=listener.calling_networks,
            move_rules=listener.move_rules,
            sop_classes=frozenset(listener.sop_classes),
            transfer_syntaxes=listener.transfer_syntaxes,
            quotas=listener.quotas,
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
            self._file.write(
                overlay(table, _table_of(settings)), keep_aside=problem is not None and not problem.is_kept
            )
            self.problem = None

    def archive_folder(self, settings: Settings) -> Path:
        """Where received instances are kept. In a named folder of settings this is a part of it, so that a stick
        takes it along.
        """
        named = settings.listener.folder
        if named:
            return (self.folder / Path(named).expanduser()).absolute()
        return data_folder(self.folder if self.is_portable else None) / "received"

    def index_folder(self, settings: Settings) -> Path | None:
        """The folder of the archive's index; ``None`` for the archive's own folder."""
        named = settings.listener.index_folder
        return (self.folder / Path(named).expanduser()).absolute() if named else None

    def listener_options(self, settings: Settings) -> ListenerOptions:
        """How to listen; see :meth:`Settings.listener_options`."""
        options = settings.listener_options(self.archive_folder(settings))
        return replace(options, index_folder=self.index_folder(settings))

    def _read(self) -> tuple[Settings, Table, SettingsError | None]:
        document = self._file.read()
        values = Values(document.table, lines=document.lines)
        settings = _settings_of(values)
        unknown = _unknown(values, document.table, _KNOWN | {"version": VERSION})
        return settings, document.table, document.problem or self._file.problem_with(values.faults, unknown)


# ---------------------------------------------------------------------------------------------- between file and value


def _unknown(values: Values, table: Table, known: Table) -> list[str]:
    """Remarks on the keys that nothing reads, table by table."""
    found = values.unknown(known)
    for name, inside in known.items():
        if isinstance(inside, dict) and isinstance(table.get(name), dict):
            found += _unknown(values.inside(name), table[name], inside)
    return found


def _settings_of(values: Values) -> Settings:
    usual = Settings()
    connection, trace = values.inside("connection"), values.inside("trace")
    return Settings(
        calling_ae=connection.take("calling_ae", usual.calling_ae, checks.ae_title),
        timeouts=_timeouts_of(connection.inside("timeouts")),
        max_pdu_length=connection.take("max_pdu_length", usual.max_pdu_length, checks.max_pdu_length),
        trace_full=trace.take("keep_full", usual.trace_full, checks.flag),
        trace_filters=trace.take("filters", usual.trace_filters, _filters),
        theme=values.inside("window").take("theme", usual.theme, checks.one_of(Theme)),
        show_steps=values.inside("window").take("show_steps", usual.show_steps, checks.flag),
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
        use_tls=values.take("tls", usual.use_tls, checks.flag),
        tls=_tls_of(values),
        negotiation=negotiation_of(values),
        callers=values.take("callers", usual.callers, checks.one_of(CallerRule)),
        users=values.take("users", usual.users, _users),
        async_ops=(
            values.take("operations_invoked", 1, checks.operations),
            values.take("operations_performed", 1, checks.operations),
        ),
        max_associations=values.take("max_associations", usual.max_associations, checks.associations),
        max_sent_pdu_length=values.take("max_sent_pdu_length", 0, checks.max_pdu_length),
        grant_scp_role=values.take("grant_scp_role", usual.grant_scp_role, checks.flag),
        extended=values.take("extended_negotiation", usual.extended, checks.query_flags),
        grants_unperformed=values.take("grants_unperformed", usual.grants_unperformed, checks.flag),
        services=values.take("services", usual.services, _services),
        calling_ae_titles=values.take("calling_ae_titles", (), _titles),
        calling_networks=values.take("calling_networks", (), _networks),
        sop_classes=values.take("sop_classes", (), _uids),
        transfer_syntaxes=values.take("transfer_syntaxes", (), _uids),
        layout=values.take("folder_layout", usual.layout, checks.one_of(FolderLayout)),
        patterns=_patterns_of(values),
        move_rules=values.take("move_rules", (), _move_rules),
        on_duplicate=values.take("on_duplicate", usual.on_duplicate, checks.one_of(DuplicatePolicy)),
        strictness=values.take("strictness", usual.strictness, checks.one_of(Strictness)),
        identifiers=values.take("identifiers", usual.identifiers, checks.one_of(IdentifierRule)),
        quotas=_quotas_of(values),
        index_folder=values.take("index_folder", usual.index_folder, _folder),
        discards=values.take("discard", usual.discards, checks.flag),
        commands=_commands_of(values),
    )


def _patterns_of(values: Values) -> FolderPatterns:
    usual = FolderPatterns()
    return FolderPatterns(
        values.take("folder_pattern", usual.folder, lambda value: FolderPatterns(checks.text(value)).folder),
        values.take("file_pattern", usual.file, lambda value: FolderPatterns(file=checks.text(value)).file),
    )


def _commands_of(values: Values) -> ReceivedCommands:
    usual = ReceivedCommands()
    return ReceivedCommands(
        values.take(
            "on_object", usual.on_object, lambda value: ReceivedCommands(on_object=checks.text(value)).on_object
        ),
        values.take("on_study", usual.on_study, lambda value: ReceivedCommands(on_study=checks.text(value)).on_study),
        values.take("study_timeout_s", usual.study_timeout_s, _wait),
        values.take("command_limit_s", usual.time_limit_s, _wait),
    )


def _wait(value: object) -> float:
    """Seconds that a study or a command has."""
    return ReceivedCommands(time_limit_s=checks.seconds(value)).time_limit_s


def _quotas_of(values: Values) -> Quotas:
    return Quotas(**{
        name: values.take(key, getattr(USUAL_QUOTAS, name), checks.limit) for name, key in _QUOTAS.items()
    })  # fmt: skip


def _tls_of(values: Values) -> TlsConfig:
    def written(name: str) -> str | None:
        return values.take(name, "", checks.text) or None

    cert = written("tls_cert_file")
    key = written("tls_key_file")
    return TlsConfig(
        profile=values.take("tls_profile", TlsConfig().profile, checks.tls_profile),
        ca_file=written("tls_ca_file"),
        cert_file=cert,
        key_file=key if cert is not None else None,
        client_auth=values.take("tls_client_auth", "none", _client_auth),
        minimum_version=_version_of(values),
        crl_file=written("tls_crl_file"),
        keylog_file=written("tls_keylog_file"),
        ciphers=values.take("tls_ciphers", "", checks.tls_ciphers),
        expected_server_name=values.take("tls_expected_server_name", "", checks.tls_name) or None,
    )


def _version_of(values: Values) -> Literal["1.2", "1.3"] | None:
    """The file knows no null: an empty text is the version of the profile."""

    def check(value: object) -> Literal["1.2", "1.3"] | None:
        return None if value == "" else checks.tls_version(value)

    return values.take("tls_minimum_version", None, check)


def _client_auth(value: object) -> ClientAuth:
    return TlsConfig(client_auth=cast(ClientAuth, checks.text(value))).client_auth


def _users(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) and name.strip() for name in value):
        raise checks.wrong("it is no list of names")
    return tuple(dict.fromkeys(name.strip() for name in value))


def _filters(value: object) -> tuple[str, ...]:
    return tuple(text[:MAX_LENGTH] for text in _users(value)[:MAX_TRACE_FILTERS])


def _services(value: object) -> frozenset[Provided]:
    return frozenset(map(checks.one_of(Provided), _users(value)))


def _titles(value: object) -> tuple[str, ...]:
    titles = _users(value)
    check_choice((), titles)
    return titles


def _networks(value: object) -> tuple[str, ...]:
    return check_networks(_users(value))


def _move_rules(value: object) -> tuple[tuple[str, str], ...]:
    return tuple(map(parse_move_rule, _users(value)))


def _uids(value: object) -> tuple[str, ...]:
    uids = _users(value)
    check_choice(uids, ())
    return uids


def _timeouts_of(values: Values) -> Timeouts:
    usual = Timeouts()
    return Timeouts(
        connect_s=values.take("connect_s", usual.connect_s, checks.seconds_or_ever),
        tls_s=values.take("tls_s", usual.tls_s, checks.seconds_or_ever),
        associate_s=values.take("associate_s", usual.associate_s, checks.seconds_or_ever),
        response_s=values.take("response_s", usual.response_s, checks.seconds_or_ever),
        retrieve_s=values.take("retrieve_s", usual.retrieve_s, checks.seconds_or_ever),
        release_s=values.take("release_s", usual.release_s, checks.seconds_or_ever),
        cancel_s=values.take("cancel_s", usual.cancel_s, checks.seconds_or_ever),
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
                "tls_s": checks.written_seconds(timeouts.tls_s),
                "associate_s": checks.written_seconds(timeouts.associate_s),
                "response_s": checks.written_seconds(timeouts.response_s),
                "retrieve_s": checks.written_seconds(timeouts.retrieve_s),
                "release_s": checks.written_seconds(timeouts.release_s),
                "cancel_s": checks.written_seconds(timeouts.cancel_s),
                "idle_s": checks.written_seconds(timeouts.idle_s),
                "artim_s": timeouts.artim_s,
            },
        },
        "listener": _listener_table(listener),
        "trace": {"keep_full": settings.trace_full, "filters": list(settings.trace_filters)},
        "window": {"theme": settings.theme.value, "show_steps": settings.show_steps},
    }


def _listener_table(listener: ListenerSettings) -> Table:
    tls = listener.tls
    return {
        "folder": listener.folder,
        "host": listener.host,
        "port": listener.port,
        "ae_title": str(listener.ae_title),
        "fsync": listener.fsync,
        "folder_layout": listener.layout.value,
        "folder_pattern": listener.patterns.folder,
        "file_pattern": listener.patterns.file,
        "move_rules": ["=".join(rule) for rule in listener.move_rules],
        "index_folder": listener.index_folder,
        "on_duplicate": listener.on_duplicate.value,
        "strictness": listener.strictness.value,
        "identifiers": listener.identifiers.value,
        "discard": listener.discards,
        "on_object": listener.commands.on_object,
        "on_study": listener.commands.on_study,
        "study_timeout_s": listener.commands.study_timeout_s,
        "command_limit_s": listener.commands.time_limit_s,
        "check_called_ae": listener.check_called_ae,
        "any_sop_class": listener.any_sop_class,
        "tls": listener.use_tls,
        "tls_profile": tls.profile,
        "tls_ca_file": str(tls.ca_file or ""),
        "tls_cert_file": str(tls.cert_file or ""),
        "tls_key_file": str(tls.key_file or ""),
        "tls_client_auth": tls.client_auth,
        "tls_minimum_version": tls.minimum_version or "",
        "tls_ciphers": tls.ciphers,
        "tls_expected_server_name": tls.expected_server_name or "",
        "tls_crl_file": str(tls.crl_file or ""),
        "tls_keylog_file": str(tls.keylog_file or ""),
        "callers": listener.callers.value,
        "users": list(listener.users),
        "operations_invoked": listener.async_ops[0],
        "operations_performed": listener.async_ops[1],
        "max_associations": listener.max_associations,
        "max_sent_pdu_length": listener.max_sent_pdu_length,
        "grant_scp_role": listener.grant_scp_role,
        "extended_negotiation": checks.written_flags(listener.extended),
        "grants_unperformed": listener.grants_unperformed,
        "services": sorted(service.value for service in listener.services),
        "calling_ae_titles": list(listener.calling_ae_titles),
        "calling_networks": list(listener.calling_networks),
        "sop_classes": list(listener.sop_classes),
        "transfer_syntaxes": list(listener.transfer_syntaxes),
        **({"negotiation_file": "", "negotiation_profile": ""} | negotiation_table(listener.negotiation)),
        **{key: getattr(listener.quotas, name) for name, key in _QUOTAS.items()},
    }


_KNOWN: Final = _table_of(Settings())
"""Every key that is read."""
