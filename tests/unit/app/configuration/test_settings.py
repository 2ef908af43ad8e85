"""The user's settings."""

from __future__ import annotations

import dataclasses
import math
import re
import tomllib
from pathlib import Path
from typing import Any

import platformdirs
import pytest
import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dicomgui.app.configuration.listener_options import CallerRule
from dicomgui.app.configuration.negotiation_file import NegotiationFile
from dicomgui.app.configuration.provided import Provided
from dicomgui.app.configuration.quotas import Quotas
from dicomgui.app.configuration.received_commands import ReceivedCommands
from dicomgui.app.configuration.settings import ListenerSettings, Settings, SettingsError, SettingsStore, Theme
from dicomgui.network.association.extended import QueryFlags
from dicomgui.network.association.params import Timeouts
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.service import Strictness
from dicomgui.network.transport import TlsConfig
from dicomgui.storage import DuplicatePolicy, FolderLayout, FolderPatterns, IdentifierRule

FULL = Settings(
    trace_filters=("failed", "op:c-store"),
    calling_ae="ME",
    timeouts=Timeouts(
        connect_s=None,
        tls_s=3,
        associate_s=2.5,
        response_s=None,
        retrieve_s=8,
        release_s=1,
        cancel_s=4,
        idle_s=9,
        artim_s=7.5,
    ),
    max_pdu_length=0,
    trace_full=True,
    theme=Theme.DARK,
    show_steps=False,
    listener=ListenerSettings(
        folder="received",
        host="::",
        port=104,
        ae_title="STORE",
        fsync=False,
        check_called_ae=True,
        any_sop_class=True,
        use_tls=True,
        tls=TlsConfig(
            "extended",
            ca_file="ca",
            cert_file="cert",
            key_file="key",
            client_auth="verify",
            ciphers="ECDHE-RSA-AES256-GCM-SHA384",
            expected_server_name="pacs.example",
        ),
        negotiation=NegotiationFile("/etc/profiles.toml", "ct"),
        callers=CallerRule.LISTED,
        users=("anna", "Jürgen"),
        async_ops=(8, 0),
        grant_scp_role=True,
        extended=QueryFlags(relational=True, timezone=True),
        services=frozenset({Provided.STORE, Provided.MPPS}),
        calling_ae_titles=("CT*", "MR1"),
        calling_networks=("192.0.2.0/24", "2001:db8::/32"),
        sop_classes=("1.2.840.10008.5.1.4.1.1.2",),
        transfer_syntaxes=("1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.1"),
        layout=FolderLayout.DATE,
        patterns=FolderPatterns("{PatientID}/{StudyDate:%Y}", "{SOPInstanceUID}"),
        move_rules=(("CT*", "WS1"), ("*", "{caller}")),
        on_duplicate=DuplicatePolicy.REPLACE,
        strictness=Strictness.WARN,
        identifiers=IdentifierRule.LENIENT,
        grants_unperformed=True,
        max_associations=7,
        max_sent_pdu_length=32_768,
        quotas=Quotas(2, 3000, 4_000_000, 5_000_000_000, 6),
        index_folder="indexes",
        discards=True,
        commands=ReceivedCommands("a {path}", "b {file_list}", 2.5, 7.0),
    ),
)


@pytest.fixture(autouse=True)
def _no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DICOMGUI_CONFIG", raising=False)


def write(folder: Path, table: dict[str, Any]) -> None:
    (folder / "settings.toml").write_text(tomli_w.dumps(table), encoding="utf-8")


def test_without_a_file_everything_is_as_usual(tmp_path: Path) -> None:
    store = SettingsStore(tmp_path / "none")
    assert store.load() == Settings()
    assert store.problem is None
    assert not (tmp_path / "none").exists()


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    SettingsStore(tmp_path).save(FULL)
    store = SettingsStore(tmp_path)
    assert store.load() == FULL
    assert store.problem is None


def test_every_field_is_saved(tmp_path: Path) -> None:
    """Each value of FULL differs from the usual one, so a field that is forgotten is found by the test above."""
    for one, usual in ((FULL, Settings()), (FULL.listener, ListenerSettings()), (FULL.timeouts, Timeouts())):
        for entry in dataclasses.fields(one):
            assert getattr(one, entry.name) != getattr(usual, entry.name), entry.name


def test_for_ever_is_written_as_inf(tmp_path: Path) -> None:
    SettingsStore(tmp_path).save(FULL)
    table = tomllib.loads((tmp_path / "settings.toml").read_text(encoding="utf-8"))
    assert table["version"] == 1
    assert table["connection"]["timeouts"]["connect_s"] == math.inf


def test_unknown_keys_stay(tmp_path: Path) -> None:
    table = {"later": [1, 2], "listener": {"port": 5, "new": {"a": 1}}, "window": {"panes": ["x"]}}
    write(tmp_path, table)
    store = SettingsStore(tmp_path)
    loaded = store.load()
    assert store.problem is not None
    assert store.problem.is_kept
    assert loaded.listener.port == 5
    store.save(dataclasses.replace(loaded, theme=Theme.LIGHT))
    saved = tomllib.loads((tmp_path / "settings.toml").read_text(encoding="utf-8"))
    assert saved["later"] == [1, 2]
    assert saved["listener"]["new"] == {"a": 1}
    assert saved["window"] == {"panes": ["x"], "theme": "light", "show_steps": True}


def test_a_damaged_file_gives_the_usual_settings_and_is_kept_aside(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text("[listener\nport = 1")
    store = SettingsStore(tmp_path)
    assert store.load() == Settings()
    assert "settings.toml is damaged" in str(store.problem)
    assert "line 1" in str(store.problem)
    store.save(FULL)
    assert store.problem is None
    assert (tmp_path / "settings.damaged-1.toml").read_text() == "[listener\nport = 1"
    assert SettingsStore(tmp_path).load() == FULL


@pytest.mark.parametrize(
    ("table", "where"),
    [
        ({"connection": {"calling_ae": "MUCH TOO LONG A TITLE"}}, "connection.calling_ae"),
        ({"connection": {"max_pdu_length": 7}}, "connection.max_pdu_length"),
        ({"connection": {"timeouts": {"connect_s": 0}}}, "connection.timeouts.connect_s"),
        ({"connection": {"timeouts": {"artim_s": math.inf}}}, "connection.timeouts.artim_s"),
        ({"connection": 3}, "connection"),
        ({"listener": {"port": 70000}}, "listener.port"),
        ({"listener": {"port": "104"}}, "listener.port"),
        ({"listener": {"host": "a b"}}, "listener.host"),
        ({"listener": {"host": ""}}, "listener.host"),
        ({"listener": {"folder": "a\0b"}}, "listener.folder"),
        ({"listener": {"fsync": 1}}, "listener.fsync"),
        ({"listener": {"tls": "on"}}, "listener.tls"),
        ({"listener": {"tls_profile": "best"}}, "listener.tls_profile"),
        ({"listener": {"tls_client_auth": "maybe"}}, "listener.tls_client_auth"),
        ({"listener": {"tls_client_auth": 1}}, "listener.tls_client_auth"),
        ({"listener": {"callers": "nobody"}}, "listener.callers"),
        ({"listener": {"users": "anna"}}, "listener.users"),
        ({"listener": {"users": ["anna", " "]}}, "listener.users"),
        ({"listener": {"operations_invoked": 70_000}}, "listener.operations_invoked"),
        ({"listener": {"operations_performed": True}}, "listener.operations_performed"),
        ({"listener": {"grant_scp_role": 1}}, "listener.grant_scp_role"),
        ({"listener": {"extended_negotiation": ["x"]}}, "listener.extended_negotiation"),
        ({"listener": {"services": ["store", "telepathy"]}}, "listener.services"),
        ({"listener": {"calling_ae_titles": ["CT\\1"]}}, "listener.calling_ae_titles"),
        ({"listener": {"calling_networks": ["192.0.2.7/24"]}}, "listener.calling_networks"),
        ({"listener": {"sop_classes": ["1.2.x"]}}, "listener.sop_classes"),
        ({"listener": {"transfer_syntaxes": "1.2"}}, "listener.transfer_syntaxes"),
        ({"trace": {"keep_full": "yes"}}, "trace.keep_full"),
        ({"window": {"theme": "pink"}}, "window.theme"),
        ({"window": {"theme": ["dark"]}}, "window.theme"),
    ],
)
def test_a_wrong_value_is_told_of_and_kept_aside(tmp_path: Path, table: dict[str, Any], where: str) -> None:
    write(tmp_path, table | {"extra": 1})
    store = SettingsStore(tmp_path)
    assert store.load() == Settings()
    assert re.search(rf"wrong value: line \d+: {re.escape(where)}: ", str(store.problem))
    store.save(Settings())
    assert tomllib.loads((tmp_path / "settings.damaged-1.toml").read_text(encoding="utf-8")) == table | {"extra": 1}
    assert store.load() == Settings()
    assert store.problem is not None
    assert store.problem.is_kept


def test_one_wrong_value_costs_no_other(tmp_path: Path) -> None:
    write(tmp_path, {"listener": {"port": "x", "ae_title": "STORE"}, "window": {"theme": "dark"}})
    loaded = SettingsStore(tmp_path).load()
    assert (loaded.listener.port, loaded.listener.ae_title, loaded.theme) == (11112, "STORE", Theme.DARK)


def test_a_newer_file_is_used_and_kept(tmp_path: Path) -> None:
    write(tmp_path, {"version": 2, "window": {"theme": "dark"}})
    store = SettingsStore(tmp_path)
    assert store.load().theme is Theme.DARK
    assert "newer version" in str(store.problem)
    store.save(store.load())
    assert (tmp_path / "settings.damaged-1.toml").exists()
    assert tomllib.loads((tmp_path / "settings.toml").read_text(encoding="utf-8"))["version"] == 1


def test_a_failure_to_save_is_raised(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError):
        SettingsStore(tmp_path / "file").save(Settings())


@pytest.mark.parametrize(
    "arguments",
    [{"calling_ae": ""}, {"max_pdu_length": 5}],
)
def test_unusable_settings_cannot_be_made(arguments: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        Settings(**arguments)


@pytest.mark.parametrize(
    "arguments", [{"ae_title": ""}, {"port": -1}, {"host": ""}, {"folder": "\0"}, {"async_ops": (-1, 1)}]
)
def test_unusable_listener_settings_cannot_be_made(arguments: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        ListenerSettings(**arguments)


def test_connection_options() -> None:
    options = FULL.connection_options()
    assert (options.calling_ae, options.timeouts, options.max_pdu_length, options.trace_full) == (
        "ME", FULL.timeouts, 0, True,
    )  # fmt: skip


def test_listener_options(tmp_path: Path) -> None:
    options = SettingsStore(tmp_path).listener_options(FULL)
    assert options.folder == tmp_path / "received"
    assert (options.host, options.port, options.ae_title) == ("::", 104, "STORE")
    assert (options.fsync, options.trace_full) == (False, True)
    assert (options.check_called_ae, options.any_sop_class) == (True, True)
    assert (options.timeouts, options.max_pdu_length) == (FULL.timeouts, 0)
    assert (options.tls, options.callers, options.async_ops) == (FULL.listener.tls, CallerRule.LISTED, (8, 0))
    assert (options.grant_scp_role, options.extended) == (True, FULL.listener.extended)
    assert not options.passcodes
    off = dataclasses.replace(FULL, listener=dataclasses.replace(FULL.listener, use_tls=False))
    assert SettingsStore(tmp_path).listener_options(off).tls is None


def test_a_key_of_tls_without_its_certificate_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, {"listener": {"tls_key_file": "key", "tls_ca_file": "ca"}})
    store = SettingsStore(tmp_path)
    assert store.load().listener.tls == TlsConfig(ca_file="ca")
    assert store.problem is None


class TestArchiveFolder:
    def named(self, folder: str) -> Settings:
        return Settings(listener=ListenerSettings(folder=folder))

    def test_usual(self) -> None:
        folder = platformdirs.user_data_path("dicomgui", appauthor=False) / "received"
        assert SettingsStore().archive_folder(Settings()) == folder

    def test_portable(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        assert SettingsStore(tmp_path).archive_folder(Settings()) == tmp_path / "received"
        monkeypatch.setenv("DICOMGUI_CONFIG", str(tmp_path))
        assert SettingsStore().archive_folder(Settings()) == tmp_path / "received"

    def test_named(self, tmp_path: Path) -> None:
        store = SettingsStore(tmp_path)
        assert store.archive_folder(self.named("in")) == tmp_path / "in"
        assert store.archive_folder(self.named(str(tmp_path / "abs"))) == tmp_path / "abs"
        assert store.archive_folder(self.named("~/in")) == Path.home() / "in"


def test_there_is_no_field_for_a_secret() -> None:
    names = [entry.name for kind in (Settings, ListenerSettings, Timeouts) for entry in dataclasses.fields(kind)]
    assert not [name for name in names if any(word in name for word in ("pass", "secret", "key", "token"))]


def test_no_secret_is_written(tmp_path: Path) -> None:
    tls = TlsConfig(cert_file="cert", key_password=lambda: "hidden")
    SettingsStore(tmp_path).save(dataclasses.replace(FULL, listener=dataclasses.replace(FULL.listener, tls=tls)))
    assert "hidden" not in (tmp_path / "settings.toml").read_text(encoding="utf-8")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
).filter(lambda value: "None" not in repr(value))


@given(
    table=st.dictionaries(
        st.sampled_from(["version", "connection", "listener", "trace", "window"]),
        VALUES
        | st.dictionaries(
            st.sampled_from(
                ["calling_ae", "timeouts", "max_pdu_length", "port", "host", "folder", "theme", "users", "tls"]
            ),
            VALUES,
        ),
    )
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_table_gives_settings_that_can_be_saved(tmp_path: Path, table: dict[str, Any]) -> None:
    (tmp_path / "settings.toml").write_text(tomli_w.dumps(table), encoding="utf-8", newline="")
    store = SettingsStore(tmp_path)
    loaded = store.load()
    store.save(loaded)
    assert store.load() == loaded
    assert store.problem is None or store.problem.is_kept
    for aside in tmp_path.glob("*damaged*"):
        aside.unlink()
