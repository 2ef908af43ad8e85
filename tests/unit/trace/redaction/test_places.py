from __future__ import annotations

from dicomgui.trace.redaction.places import Places


def test_kept_places_stay() -> None:
    places = Places(keep=True)
    assert places.endpoint("pacs:104") == "pacs:104"
    assert places.host("pacs") == "pacs"
    assert places.without("to pacs") == "to pacs"


def test_hosts_are_replaced_the_same_each_time() -> None:
    places = Places(keep=False)
    assert places.endpoint("pacs.example:104") == "192.0.2.1:104"
    assert places.endpoint("10.0.0.7:104") == "192.0.2.2:104"
    assert places.host("pacs.example") == "192.0.2.1"
    assert places.host("fe80::1") == "2001:db8::3"
    assert places.endpoint("[fe80::1]:11112") == "[2001:db8::3]:11112"
    assert places.without("pacs.example did not answer, nor 10.0.0.7") == "192.0.2.1 did not answer, nor 192.0.2.2"
    assert places.endpoint("lonely") == "192.0.2.4"


def test_what_is_the_same_everywhere_stays() -> None:
    places = Places(keep=False)
    for host in ("127.0.0.1", "::1", "0.0.0.0", "localhost", ""):
        assert places.host(host) == host
    assert places.endpoint("") == ""


def test_there_are_enough() -> None:
    places = Places(keep=False)
    made = {places.host(f"host{number}") for number in range(2000)}
    assert len(made) == 2000
    assert "198.51.100.1" in made
    assert "203.0.113.254" in made
