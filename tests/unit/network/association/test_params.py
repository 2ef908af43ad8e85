"""Titles, addresses, time-outs and limits: what is let in and what is not."""

from __future__ import annotations

import pytest

from dicomgui.network.association.params import AETitle, Implementation, Limits, PeerAddress, Timeouts
from dicomgui.network.errors import ConfigurationError


class TestAETitle:
    @pytest.mark.parametrize("text", ["A", "PACS 1", "SIXTEEN_CHARS_16", "x:/?*~"])
    def test_is_kept(self, text: str) -> None:
        assert AETitle(text) == text

    def test_outer_spaces_do_not_count(self) -> None:
        assert AETitle("  PACS                 ") == "PACS"

    @pytest.mark.parametrize("text", ["", " " * 16, "SEVENTEEN_CHARS17", "BACK\\SLASH", "TAB\t", "NUL\0", "ÄRZTE"])
    def test_is_refused(self, text: str) -> None:
        with pytest.raises(ConfigurationError):
            AETitle(text)


class TestPeerAddress:
    @pytest.mark.parametrize(
        ("text", "title", "host", "port", "place"),
        [
            ("PACS@host:11112", "PACS", "host", 11112, "host:11112"),
            ("PACS@host", "PACS", "host", 104, "host:104"),
            ("PACS@host:", "PACS", "host", 104, "host:104"),
            ("A@B@host:1", "A@B", "host", 1, "host:1"),
            ("PACS@[::1]:104", "PACS", "::1", 104, "[::1]:104"),
            ("PACS@[fe80::1]", "PACS", "fe80::1", 104, "[fe80::1]:104"),
            ("PACS@::1", "PACS", "::1", 104, "[::1]:104"),
        ],
    )
    def test_parse(self, text: str, title: str, host: str, port: int, place: str) -> None:
        peer = PeerAddress.parse(text)
        assert (peer.ae_title, peer.host, peer.port, peer.place) == (title, host, port, place)
        assert str(peer) == f"{title}@{place}"
        assert isinstance(peer.ae_title, AETitle)

    @pytest.mark.parametrize(
        "text",
        ["host:104", "@host:104", "PACS@", "PACS@:104", "PACS@host:x", "PACS@host:0", "PACS@host:65536",
         "PACS@[::1", "PACS@[::1]x", "PACS@ho st", "PACS@host:١"],
    )  # fmt: skip
    def test_parse_refuses(self, text: str) -> None:
        with pytest.raises(ConfigurationError):
            PeerAddress.parse(text)


class TestTimeouts:
    def test_none_waits_for_ever(self) -> None:
        assert Timeouts(connect_s=None, idle_s=None).idle_s is None

    @pytest.mark.parametrize("name", ["connect_s", "associate_s", "response_s", "release_s", "idle_s", "artim_s"])
    @pytest.mark.parametrize("value", [0, -1, float("nan")])
    def test_must_be_above_zero(self, name: str, value: float) -> None:
        with pytest.raises(ConfigurationError, match=name):
            Timeouts(**{name: value})


class TestLimits:
    @pytest.mark.parametrize("length", [0, 4096, 131_072, 0xFFFFFFFF])
    def test_maximum_pdu_length(self, length: int) -> None:
        assert Limits(max_pdu_length=length).max_pdu_length == length
        assert Limits(max_sent_pdu_length=length).max_sent_pdu_length == length

    @pytest.mark.parametrize("length", [-1, 1, 4095, 2**32])
    def test_maximum_pdu_length_out_of_range(self, length: int) -> None:
        with pytest.raises(ConfigurationError):
            Limits(max_pdu_length=length)
        with pytest.raises(ConfigurationError):
            Limits(max_sent_pdu_length=length)


class TestImplementation:
    def test_the_default_is_the_truth(self) -> None:
        ours = Implementation()
        assert ours.class_uid.startswith("2.25.")
        assert ours.version_name.startswith("DICOMGUI_")

    @pytest.mark.parametrize("values", [("x", "OK"), ("", "OK"), ("1.2", "X" * 17), ("1.2", "Ü"), ("1.2", "A\nB")])
    def test_is_refused(self, values: tuple[str, str]) -> None:
        with pytest.raises(ConfigurationError):
            Implementation(*values)
