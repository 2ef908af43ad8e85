from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from helpers.certificates import Authority, Pair
from hypothesis import given
from hypothesis import strategies as st

from dicomgui.trace.capture.tls import TlsWatcher, begins_like_tls
from dicomgui.trace.certificate import read_chain


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def pair(authority: Authority) -> Pair:
    return authority.issue()


def talk(ca: Path | None, pair: Pair, version: ssl.TLSVersion) -> list[tuple[int, bytes]]:
    """What a client (side 0) and a server write, in turn, until both have done with the handshake and said hello."""
    client_context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client_context.minimum_version = client_context.maximum_version = version
    if ca is not None:
        client_context.load_verify_locations(ca)
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(pair.cert, pair.key)
    pipes = [ssl.MemoryBIO() for _ in range(4)]
    client = client_context.wrap_bio(pipes[0], pipes[1], server_hostname="127.0.0.1")
    server = server_context.wrap_bio(pipes[2], pipes[3], server_side=True)
    written: list[tuple[int, bytes]] = []
    for _ in range(6):
        for side, end in enumerate((client, server)):
            try:
                end.do_handshake()
                end.write(b"hello")
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError:
                if side:
                    return written
            if data := pipes[1 + 2 * side].read():
                written.append((side, data))
                pipes[2 - 2 * side].write(data)
    return written


@pytest.mark.parametrize("size", [1, 7, 100_000])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_version_cipher_and_certificate(authority: Authority, pair: Pair, version: ssl.TLSVersion, size: int) -> None:
    watcher = TlsWatcher()
    for side, data in talk(authority.file, pair, version):
        for start in range(0, len(data), size):
            watcher.feed(side, data[start : start + size])
    is_new = version is ssl.TLSVersion.TLSv1_3
    assert watcher.version == ("TLSv1.3" if is_new else "TLSv1.2")
    assert watcher.cipher in {"TLS_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384"}
    expected = ssl.PEM_cert_to_DER_cert(pair.cert.read_text().split("-----BEGIN")[1].join(["-----BEGIN", ""]))
    assert watcher.certificates == (() if is_new else (expected,))
    assert watcher.is_encrypted == [True, True]
    assert watcher.alert == ""


def test_the_whole_chain(authority: Authority) -> None:
    watcher, below = TlsWatcher(), authority.below("middle").issue()
    for side, data in talk(authority.file, below, ssl.TLSVersion.TLSv1_2):
        watcher.feed(side, data)
    own, middle = read_chain(b"".join(watcher.certificates))
    assert own.issuer == middle.subject
    assert middle.is_authority


def test_an_alert_in_the_clear(pair: Pair) -> None:
    watcher = TlsWatcher()
    for side, data in talk(None, pair, ssl.TLSVersion.TLSv1_2):
        watcher.feed(side, data)
    assert (watcher.alert, watcher.alert_side) == ("unknown ca", 0)


def test_a_close_notify_is_no_fault() -> None:
    watcher = TlsWatcher()
    watcher.feed(0, b"\x15\3\3\0\2\1\0")
    assert watcher.alert == ""
    watcher.feed(1, b"\x15\3\3\0\2\2\xc8")
    assert (watcher.alert, watcher.alert_side) == ("alert 200", 1)


def test_it_holds_little() -> None:
    watcher = TlsWatcher()
    for _ in range(100):
        watcher.feed(0, b"\x16\3\3\xff\xff" + bytes(65_530))
    assert watcher.is_encrypted[0]
    assert not watcher._held[0]


@pytest.mark.parametrize(
    ("data", "is_tls"), [(b"\x16\3\1", True), (b"\x15\3", True), (b"\x16\2", False), (b"\x16", False)]
)
def test_how_tls_begins(data: bytes, is_tls: bool) -> None:
    assert begins_like_tls(data) is is_tls


@given(
    st.lists(
        st.tuples(
            st.integers(0, 1),
            st.one_of(
                st.binary(max_size=80),
                st.binary(max_size=60).map(lambda body: b"\x16\3\3" + len(body).to_bytes(2, "big") + body),
            ),
        ),
        max_size=10,
    )
)
def test_no_bytes_are_too_strange(pieces: list[tuple[int, bytes]]) -> None:
    watcher = TlsWatcher()
    for side, data in pieces:
        watcher.feed(side, data)
