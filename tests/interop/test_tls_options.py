"""Own ciphers, expected server names, and keys in DER, beside DCMTK and OpenSSL's own programs."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from helpers import peers, programs
from helpers.certificates import Authority, Pair, encrypted_key
from helpers.command_line import Providing, dicomgui

CHOSEN, OTHER, CBC = "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES128-GCM-SHA256", "AES128-SHA"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


def der_of(path: Path, kind: str) -> Path:
    """The same in DER, as OpenSSL's own tool writes it."""
    made = path.with_suffix(f"{path.suffix}.der")
    command = [programs.find("openssl"), kind, "-in", path, "-outform", "DER", "-out", made]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return made


@contextlib.contextmanager
def s_server(folder: Path, pair: Pair, *options: str) -> Iterator[peers.Peer]:
    def arguments(port: int) -> tuple[object, ...]:
        return ("s_server", "-www", "-accept", f"127.0.0.1:{port}", "-cert", pair.cert, "-key", pair.key, *options)

    with peers.serving("openssl", "", folder / "server", arguments) as peer:
        yield peer


def said_by(done: subprocess.CompletedProcess[bytes]) -> str:
    return (done.stdout + done.stderr).decode()


@pytest.mark.interop("storescp", "openssl")
def test_everything_in_der_to_storescp(tmp_path: Path, authority: Authority) -> None:
    theirs, ours = authority.issue("localhost"), authority.issue("me.example")
    key = serialization.load_pem_private_key(ours.key.read_bytes(), None)
    encrypted = tmp_path / "encrypted.der"
    subprocess.run(
        [programs.find("openssl"), "pkcs8", "-topk8", "-v2", "aes256", "-passout", "pass:secret", "-outform", "DER",
         "-in", ours.key, "-out", encrypted],
        check=True, timeout=60, capture_output=True,
    )  # fmt: skip
    assert serialization.load_der_private_key(encrypted.read_bytes(), b"secret").key_size == key.key_size
    ca, cert, crl = der_of(authority.file, "x509"), der_of(ours.cert, "x509"), der_of(authority.revoke(), "crl")
    with peers.storescp(tmp_path / "scp", "+tls", theirs.key, theirs.cert, "+cf", authority.file, "-rc") as peer:
        place = f"STORESCP@localhost:{peer.port}"
        common = ("echo", place, "--tls", "--tls-ca", ca, "--tls-crl", crl, "--tls-cert", cert)
        done = dicomgui(*common, "--tls-key", der_of(ours.key, "rsa"))
        assert done.returncode == 0, said_by(done)
        refused = dicomgui(*common, "--tls-key", crl)
        assert f"{crl} holds no key, but a revocation list" in said_by(refused)
        without = dicomgui(*common, "--tls-key", encrypted)
        assert f"{encrypted} is encrypted" in said_by(without)
        password, wrong = tmp_path / "password", tmp_path / "wrong"
        password.write_text("secret\n", encoding="utf-8")
        wrong.write_text("public\n", encoding="utf-8")
        opened = dicomgui(*common, "--tls-key", encrypted, "--tls-key-password-file", password)
        assert opened.returncode == 0, said_by(opened)
        refused = dicomgui(*common, "--tls-key", encrypted, "--tls-key-password-file", wrong)
        assert f"the TLS key {encrypted} does not open with this password" in said_by(refused)


@pytest.mark.interop("openssl")
async def test_a_listener_with_an_encrypted_key_in_der(tmp_path: Path, authority: Authority) -> None:
    pair, password = authority.issue("localhost"), tmp_path / "password"
    password.write_text("secret\n", encoding="utf-8")
    options = ("--tls", "--tls-cert", der_of(pair.cert, "x509"), "--tls-key", encrypted_key(pair, "secret"))
    options += ("--tls-key-password-file", password)
    with Providing("listen", "--port", 0, "--dir", tmp_path / "in", *options) as listener:
        place = f"127.0.0.1:{listener.port}"
        done = await peers.run("openssl", "s_client", "-connect", place, "-CAfile", authority.file)
    assert "Verify return code: 0 (ok)" in done.output, done


@pytest.mark.interop("openssl")
@pytest.mark.parametrize("theirs", [CHOSEN, OTHER])
def test_own_ciphers_as_a_caller(tmp_path: Path, authority: Authority, theirs: str) -> None:
    with s_server(tmp_path, authority.issue("localhost"), "-tls1_2", "-cipher", theirs) as peer:
        place = f"X@localhost:{peer.port}"
        done = dicomgui(
            "echo", place, "--tls", "--tls-ca", authority.file, "--tls-ciphers", CHOSEN, "--timeout", 1, "--json"
        )
    text = said_by(done)
    assert ("no version or cipher in common" in text) is (theirs == OTHER), text
    assert (CHOSEN in text) is (theirs == CHOSEN), text


@pytest.mark.interop("openssl", "echoscu")
async def test_own_ciphers_as_a_listener(tmp_path: Path, authority: Authority) -> None:
    pair = authority.issue()
    options = ("--tls", "--tls-cert", pair.cert, "--tls-key", pair.key, "--tls-ciphers", f"{CHOSEN}:{CBC}")
    with Providing("listen", "--port", 0, "--dir", tmp_path / "in", *options) as listener:
        place = f"127.0.0.1:{listener.port}"
        for cipher, fits in ((CHOSEN, True), (CBC, True), (OTHER, False)):
            done = await peers.run("openssl", "s_client", "-connect", place, "-tls1_2", "-cipher", cipher)
            assert (f"Cipher is {cipher}" in done.output) is fits, done.output
        done = await peers.run("echoscu", "+tla", "+cf", authority.file, "127.0.0.1", listener.port)
        assert done.code == 0, done.output
        _, _, errors = listener.stop()
    assert b"Weaker than the TLS profile bcp195 asks for: AES128-SHA." in errors


@pytest.mark.interop("openssl", "echoscu")
async def test_the_expected_server_name(tmp_path: Path, authority: Authority) -> None:
    pair = authority.issue("pacs.example")
    trace = tmp_path / "t.dgtrace"
    options = ("--tls", "--tls-cert", pair.cert, "--tls-key", pair.key, "--tls-expect-server-name", "PACS.example")
    with Providing("listen", "--port", 0, "--dir", tmp_path / "in", *options, "--trace", trace) as listener:
        place = f"127.0.0.1:{listener.port}"
        scu = ("echoscu", "+tla", "+cf", authority.file)
        assert (await peers.run(*scu, "--request-sni", "pacs.example", "127.0.0.1", listener.port)).code == 0
        assert (await peers.run(*scu, "--request-sni", "other.example", "127.0.0.1", listener.port)).code != 0
        assert (await peers.run(*scu, "127.0.0.1", listener.port)).code != 0
        for version in ("-tls1_2", "-tls1_3"):
            done = await peers.run("openssl", "s_client", "-connect", place, version, "-servername", "no.example")
            assert "unrecognized name" in done.output, done.output
        ours = ("echo", f"DICOMGUI@{place}", "--tls", "--tls-ca", authority.file)
        assert dicomgui(*ours, "--tls-server-name", "pacs.example").returncode == 0
        refused = dicomgui(*ours, "--tls-server-name", "localhost")
        assert "does not answer to the server name that we asked it for" in said_by(refused)
    found = said_by(dicomgui("trace", "explain", trace))
    assert "asked for the server name 'other.example'" in found
    assert "asked for no server name" in found


@pytest.mark.interop("openssl")
def test_a_server_of_openssl_that_knows_another_name(tmp_path: Path, authority: Authority) -> None:
    pair = authority.issue("localhost")
    options = ("-servername", "other.example", "-servername_fatal", "-cert2", str(pair.cert), "-key2", str(pair.key))
    with s_server(tmp_path, pair, *options) as peer:
        done = dicomgui("echo", f"X@localhost:{peer.port}", "--tls", "--tls-ca", authority.file)
    assert "does not answer to the server name that we asked it for" in said_by(done)


def test_a_cipher_that_nobody_knows() -> None:
    done = dicomgui("echo", "X@127.0.0.1:104", "--tls", "--tls-ciphers", f"{CHOSEN}:NO-SUCH-SUITE")
    assert done.returncode == 2
    assert "'NO-SUCH-SUITE'" in said_by(done)


@pytest.mark.interop("storescp")
def test_the_whole_chain_of_storescp(tmp_path: Path, authority: Authority) -> None:
    """With an authority between; in the command's text, in its JSON and in the trace, also where it is refused."""
    middle = authority.below("middle")
    theirs, trace = middle.issue("localhost"), tmp_path / "trace.dgtrace"
    sent = [x509.load_pem_x509_certificate(path.read_bytes()) for path in (theirs.cert, middle.file)]
    prints = [":".join(f"{byte:02X}" for byte in one.fingerprint(hashes.SHA256())) for one in sent]
    with peers.storescp(tmp_path / "scp", "+tls", theirs.key, theirs.cert, "-ic", "+cf", authority.file) as peer:
        place = f"STORESCP@localhost:{peer.port}"
        text = said_by(dicomgui("echo", place, "--tls", "--tls-ca", authority.file, "--trace", trace))
        [refused] = _tls_events(dicomgui("echo", place, "--tls", "--tls-ca", theirs.key.with_suffix(".crt"), "--json"))
    assert [line.split()[-1] for line in text.splitlines() if "fingerprint" in line] == prints
    assert "  certificate 2 of 2: OU=" in text
    [told] = _tls_events(dicomgui("trace", "show", trace, "--json"))
    for event in (refused, told):
        found = event["certificates"]
        assert [one["sha256"] for one in found] == prints
        assert [one["names"] for one in found] == [["localhost"], []]
        assert {one["key"] for one in found} == {"RSA, 2048 bits"}
        assert found[0]["issuer"] == found[1]["subject"]
        assert [one["not_after"] for one in found] == [one.not_valid_after_utc.isoformat() for one in sent]


def _tls_events(done: subprocess.CompletedProcess[bytes]) -> list[dict[str, Any]]:
    return [event for event in map(json.loads, done.stdout.splitlines()) if event["event"] == "tls"]
