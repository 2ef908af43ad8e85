"""Lists of ciphers: which names are known, and which are weaker than a profile."""

from __future__ import annotations

import ssl

import pytest

from dicomgui.network import ConfigurationError, TlsConfig
from dicomgui.network.transport import ciphers
from dicomgui.network.transport.ciphers import choose_ciphers

GOOD, GOOD_256, CBC = "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384", "AES128-SHA"


def test_the_order_is_kept() -> None:
    assert choose_ciphers(f" {GOOD_256}, {GOOD}:{GOOD_256}") == ((GOOD_256, GOOD), ())
    context = TlsConfig(ciphers=f"{GOOD_256}:{GOOD}").client_context()
    assert [one["name"] for one in context.get_ciphers() if not one["name"].startswith("TLS_")] == [GOOD_256, GOOD]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{GOOD}:NO-SUCH", "no cipher called 'NO-SUCH'"), ("HIGH", "'HIGH'"), (f"{GOOD}:!aNULL", "'!aNULL'"),
        (" : ", "list of ciphers is empty"), ("NULL-SHA256", "encrypts nothing"),
        ("ADH-AES128-SHA", "knows no certificate"), ("PSK-AES128-CBC-SHA", "knows no certificate"),
    ],
)  # fmt: skip
def test_what_cannot_be_chosen(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        TlsConfig(ciphers=text)


def test_tls_1_2_and_a_newer_least_version_contradict() -> None:
    with pytest.raises(ConfigurationError, match=r"TLS 1\.3 is the least version"):
        TlsConfig(ciphers=GOOD, minimum_version="1.3")


def test_suites_of_tls_1_3_need_a_newer_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(ssl.SSLContext, "set_ciphersuites", raising=False)
    with pytest.raises(ConfigurationError, match="this Python cannot choose TLS_AES_128_GCM_SHA256") as caught:
        TlsConfig(ciphers=f"{GOOD}:TLS_AES_128_GCM_SHA256")
    assert "3.15" in caught.value.hint

    chosen: list[str] = []

    def choose(context: ssl.SSLContext, names: str) -> None:
        if "TLS_NONE" in names:
            raise ssl.SSLError("no cipher match")
        chosen.append(names)

    monkeypatch.setattr(ssl.SSLContext, "set_ciphersuites", choose, raising=False)
    TlsConfig(ciphers="TLS_AES_128_GCM_SHA256", minimum_version="1.3").client_context()
    assert chosen[-1] == "TLS_AES_128_GCM_SHA256"
    with pytest.raises(ConfigurationError, match="no cipher called 'TLS_NONE'"):
        TlsConfig(ciphers="TLS_NONE")


@pytest.mark.parametrize(
    ("profile", "names", "weaker"),
    [
        ("bcp195", GOOD, ()),
        ("bcp195", f"{GOOD}:ECDHE-RSA-CHACHA20-POLY1305:DHE-RSA-AES128-GCM-SHA256", ()),
        (
            "bcp195",
            f"{GOOD}:{CBC}:AES128-GCM-SHA256:ECDHE-RSA-AES128-SHA",
            (CBC, "AES128-GCM-SHA256", "ECDHE-RSA-AES128-SHA"),
        ),
        ("aes", f"{CBC}:AES256-SHA", ()),
        ("bcp195", "", ()),
    ],
)
def test_what_is_weaker_is_told(profile: str, names: str, weaker: tuple[str, ...]) -> None:
    assert TlsConfig(profile, ciphers=names).weaker_ciphers == weaker


def test_a_suite_that_openssl_has_forgotten_is_weak() -> None:
    assert ciphers.weaker_ciphers(("GONE",), "", is_strict=False) == ("GONE",)
