"""Contexts of TLS that are used again, and when they are not."""

from __future__ import annotations

import ssl
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.certificates import Authority

from dicomgui.network import ConfigurationError, TlsConfig
from dicomgui.network.transport import contexts
from dicomgui.network.transport.contexts import requestor_context


@pytest.fixture(autouse=True)
def files_are_old(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of a test have just been written."""
    monkeypatch.setattr(contexts, "_FRESH_NS", 0)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def trusts(context: ssl.SSLContext, authority: Authority) -> bool:
    """Whether a peer with a certificate of this authority gets through the handshake."""
    pair = authority.issue("peer.example")
    pipes = [ssl.MemoryBIO() for _ in range(4)]
    client = context.wrap_bio(pipes[0], pipes[1], server_hostname="peer.example")
    server = TlsConfig(cert_file=pair.cert, key_file=pair.key).server_context()
    serving = server.wrap_bio(pipes[2], pipes[3], server_side=True)
    for _ in range(2):
        for end, source, target in ((client, pipes[1], pipes[2]), (serving, pipes[3], pipes[0])):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLCertVerificationError:
                return False
            target.write(source.read())
    return client.version() is not None


def test_associations_share_a_context(authority: Authority) -> None:
    config = TlsConfig(ca_file=authority.file)
    context = requestor_context(config)
    assert requestor_context(TlsConfig(ca_file=authority.file)) is context
    assert requestor_context(replace(config, minimum_version="1.3")) is not context
    assert trusts(context, authority)


@pytest.mark.parametrize("is_folder", [False, True], ids=["file", "folder"])
def test_who_is_trusted_now_counts(tmp_path: Path, authority: Authority, is_folder: bool) -> None:
    (tmp_path / "trusted").mkdir()
    file = tmp_path / "trusted" / "ca.pem"
    file.write_bytes(authority.file.read_bytes())
    config = TlsConfig(ca_file=file.parent if is_folder else file)
    assert trusts(requestor_context(config), authority)
    other = Authority(tmp_path, "other")
    file.write_bytes(other.file.read_bytes())
    assert not trusts(requestor_context(config), authority)
    assert trusts(requestor_context(config), other)


def test_a_folder_with_one_more_issuer_is_read_again(tmp_path: Path, authority: Authority) -> None:
    folder = tmp_path / "trusted"
    folder.mkdir()
    (folder / "ca.pem").write_bytes(authority.file.read_bytes())
    other = Authority(tmp_path, "other")
    assert not trusts(requestor_context(TlsConfig(ca_file=folder)), other)
    (folder / "other.pem").write_bytes(other.file.read_bytes())
    assert trusts(requestor_context(TlsConfig(ca_file=folder)), other)


def test_a_new_revocation_list_counts(tmp_path: Path, authority: Authority) -> None:
    lists = tmp_path / "list.pem"
    lists.write_bytes(authority.revoke().read_bytes())
    config = TlsConfig(ca_file=authority.file, crl_file=lists)
    before = requestor_context(config)
    assert requestor_context(config) is before
    lists.write_bytes(authority.revoke(authority.issue()).read_bytes())
    assert requestor_context(config) is not before


def test_what_the_system_trusts_is_read_again_when_it_changes(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "system.pem"
    file.write_bytes(authority.file.read_bytes())
    monkeypatch.setattr(contexts, "_SYSTEM_HAS_FILES", True)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    before = requestor_context(TlsConfig())
    assert requestor_context(TlsConfig()) is before
    file.write_bytes(Authority(tmp_path, "other").file.read_bytes())
    assert requestor_context(TlsConfig()) is not before


def test_the_store_of_windows_is_read_each_time(monkeypatch: pytest.MonkeyPatch, authority: Authority) -> None:
    monkeypatch.setattr(contexts, "_SYSTEM_HAS_FILES", False)
    assert requestor_context(TlsConfig()) is not requestor_context(TlsConfig())
    config = TlsConfig(ca_file=authority.file)
    assert requestor_context(config) is requestor_context(config)


def test_a_new_certificate_of_ours_counts(tmp_path: Path, authority: Authority) -> None:
    cert, key = tmp_path / "me.pem", tmp_path / "me.key"
    config = TlsConfig(ca_file=authority.file, cert_file=cert, key_file=key)
    seen = []
    for pair in (authority.issue("one.example"), authority.issue("another.example")):
        cert.write_bytes(pair.cert.read_bytes())
        key.write_bytes(pair.key.read_bytes())
        seen += [requestor_context(config), requestor_context(config)]
    assert seen[0] is seen[1] is not seen[2]
    assert seen[2] is seen[3]


def test_a_context_whose_key_has_a_password_is_not_kept(authority: Authority) -> None:
    pair = authority.issue()
    config = TlsConfig(ca_file=authority.file, cert_file=pair.cert, key_file=pair.key, key_password=lambda: "secret")
    assert requestor_context(config) is not requestor_context(config)


def test_a_context_that_writes_a_key_log_is_not_kept(tmp_path: Path, authority: Authority) -> None:
    config = TlsConfig(ca_file=authority.file, keylog_file=tmp_path / "keys.txt")
    assert requestor_context(config) is not requestor_context(config)


def test_a_file_that_is_gone_is_told_as_ever(tmp_path: Path, authority: Authority) -> None:
    config = TlsConfig(ca_file=authority.file)
    requestor_context(config)
    authority.file.unlink()
    with pytest.raises(ConfigurationError, match="cannot be read"):
        requestor_context(config)


def test_a_file_that_changes_again_on_a_slow_clock_is_read_again(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "ca.pem"
    now = file.parent.stat().st_mtime_ns
    monkeypatch.setattr(contexts, "_FRESH_NS", 3_000_000_000)
    monkeypatch.setattr(contexts, "_mark", lambda place: (str(place), 0, 4096, now, 0))
    monkeypatch.setattr("time.time_ns", lambda: now + 1_000_000_000)
    for issuer in (authority, Authority(tmp_path, "other")):
        file.write_bytes(issuer.file.read_bytes())
        assert trusts(requestor_context(TlsConfig(ca_file=file)), issuer)
    monkeypatch.setattr("time.time_ns", lambda: now + 4_000_000_000)
    config = TlsConfig(ca_file=file)
    assert requestor_context(config) is requestor_context(config)
