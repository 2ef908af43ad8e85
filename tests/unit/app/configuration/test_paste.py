"""A peer in whatever was pasted."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dicomgui.app.configuration.paste import Pasted, parse_paste
from dicomgui.network.errors import ConfigurationError

JSON = "JSON as Orthanc has it"
NO_PORT = "No port is named: 104 is assumed."

MAIL = """Hello John,

thank you for your call. Here is what you need for our archive:

  AE Title:\u00a0PACS_MAIN
  IP address: 10.20.30.40
  Port: 11112

Your AE title should be DICOMGUI. The gateway is 10.20.30.1.
Regards, Ann
ann@hospital.example
"""

ORTHANC = """
  // The list of the known DICOM modalities // by name
  "DicomModalities" : {
    /**
     * "old" : [ "OLD", "10.9.9.9", 1 ]
     **/
    "sample" : [ "STORESCP", "127.0.0.1", 2000 ], // comment
    "other" : { "AET" : "ORTHANC2", "Host" : "pacs2", "Port" : 4242, "LocalAet" : "ME", },
  },
"""

# text -> form, called AE title, host, port, calling AE title, name
CASES = [
    ("PACS@10.0.0.1:104", "AET@host:port", "PACS", "10.0.0.1", 104, "", ""),
    ('  "PACS@10.0.0.1:11112". ', "AET@host:port", "PACS", "10.0.0.1", 11112, "", ""),
    ("dicom://PACS@[::1]:104/", "AET@host:port", "PACS", "::1", 104, "", ""),
    ("\ufeffMY PACS@pacs\u200b1:104", "AET@host:port", "MY PACS", "pacs1", 104, "", ""),
    ("please send to (PACS1@10.1.1.1:104), thanks", "AET@host:port within a text", "PACS1", "10.1.1.1", 104, "", ""),
    ("PACS 10.0.0.1 104", "AE title, host and port", "PACS", "10.0.0.1", 104, "", ""),
    ("PACS pacs1 104", "AE title, host and port", "PACS", "pacs1", 104, "", ""),
    ("PACS [fe80::1] 104", "AE title, host and port", "PACS", "fe80::1", 104, "", ""),
    ("PACS fe80::1 104", "AE title, host and port", "PACS", "fe80::1", 104, "", ""),
    ("10.0.0.1:104 PACS", "AE title, host and port", "PACS", "10.0.0.1", 104, "", ""),
    ("PACS 10.0.0.1:104", "AE title, host and port", "PACS", "10.0.0.1", 104, "", ""),
    ("10.0.0.1 104 PACS", "AE title, host and port", "PACS", "10.0.0.1", 104, "", ""),
    ("10.0.0.1 PACS 104", "AE title, host and port", "PACS", "10.0.0.1", 104, "", ""),
    ("localhost PACS 104", "AE title, host and port", "PACS", "localhost", 104, "", ""),
    ("PACS:10.0.0.1:104", "AE title, host and port", "PACS", "10.0.0.1", 104, "", ""),
    ("pacs.example.org:11112\tMY PACS", "AE title, host and port", "MY PACS", "pacs.example.org", 11112, "", ""),
    ("Main archive; PACS; pacs1; 104", "AE title, host and port", "PACS", "pacs1", 104, "", "Main archive"),
    ("AE Title\tIP\tPort\nPACS1\t10.1.1.1\t104\nX\t10.1.1.2\t104", "AE title, host and port within a text",
     "PACS1", "10.1.1.1", 104, "", ""),
    ("$ echoscu -v -to 30 -aet ME -aec PACS host 104 && echo ok", "echoscu command line",
     "PACS", "host", 104, "ME", ""),
    ("storescu \\\n  -aec 'MY PACS' \\\n  10.0.0.1 104 *.dcm", "storescu command line",
     "MY PACS", "10.0.0.1", 104, "", ""),
    ('"C:\\dcmtk 3.6\\bin\\echoscu.exe" -aec PACS 10.0.0.1 104', "echoscu command line",
     "PACS", "10.0.0.1", 104, "", ""),
    ("try this:\nfindscu -S -k 0008,0052=STUDY -aec PACS pacs1 104", "findscu command line",
     "PACS", "pacs1", 104, "", ""),
    ("./storescu -c PACS@host:11112 -b ME@0.0.0.0:11113 dir/", "storescu command line",
     "PACS", "host", 11112, "ME", ""),
    ("findscu --connect=PACS@host:11112 --bind=ME", "findscu command line", "PACS", "host", 11112, "ME", ""),
    ("dcmecho PACS@host:11112 -L ME", "dcmecho command line", "PACS", "host", 11112, "ME", ""),
    ("python -m pynetdicom echoscu 127.0.0.1 11112 -aec PACS", "echoscu command line",
     "PACS", "127.0.0.1", 11112, "", ""),
    ("gdcmscu --echo -H host -p 104 --call PACS --aetitle ME", "gdcmscu command line", "PACS", "host", 104, "ME", ""),
    ("dicom-echoscu --called-ae-title PACS host:104", "echoscu command line", "PACS", "host", 104, "", ""),
    ("dicomgui echo PACS@host:104 --calling ME", "dicomgui command line", "PACS", "host", 104, "ME", ""),
    ("echoscu me@host:x -aec PACS host 104", "echoscu command line", "PACS", "host", 104, "", ""),
    ("echoscu -v -x@y -aec PACS -to 30 'the host 104", "echoscu command line", "PACS", "host", 104, "", ""),
    ('"sample" : [ "STORESCP", "127.0.0.1", 2000 ],', JSON, "STORESCP", "127.0.0.1", 2000, "", "sample"),
    ('["P@CS", "[::1]", "104"]', JSON, "P@CS", "::1", 104, "", ""),
    ('{"name": "x", "aet": "PACS", "host": "h", "port": 104}', JSON, "PACS", "h", 104, "", "x"),
    ("The AE title is \u201cMy Pacs\u201d, IP 10.0.0.5, port 104. Thanks", "text", "My Pacs", "10.0.0.5", 104, "", ""),
    ("Use AET PACS1 on pacs.example.org:104", "text", "PACS1", "pacs.example.org", 104, "", ""),
    ("Hostname = pacs1\nAE = FOO\nTCP port number 4242", "text", "FOO", "pacs1", 4242, "", ""),
    ("Calling AE: ME; Called AE: YOU; server 10.1.1.1/104", "text", "YOU", "10.1.1.1", 104, "ME", ""),
    ("Local AE: ME, Remote AE: you, Host: pacs-1:104", "text", "you", "pacs-1", 104, "ME", ""),
    ("AET: PACS1\nIP: fe80::1\nPort (TCP): 104", "text", "PACS1", "fe80::1", 104, "", ""),
    ("AE Title: MY PACS\nHost: localhost:11112", "text", "MY PACS", "localhost", 11112, "", ""),
    ("AE title: MAIN PACS 10.0.0.1\nport 104", "text", "MAIN PACS", "10.0.0.1", 104, "", ""),
    ("AE [::1]:104", "text", "", "::1", 104, "", ""),
    ("AE title: PACS1 port 104", "text", "PACS1", "", 104, "", ""),
    ("AE title: PACS1; port 70000; version 300.1.1.1", "text", "PACS1", "", 104, "", ""),
    (MAIL, "text", "PACS_MAIN", "10.20.30.40", 11112, "DICOMGUI", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "form", "called", "host", "port", "calling", "name"), CASES)
def test_what_is_found(text: str, form: str, called: str, host: str, port: int, calling: str, name: str) -> None:
    found = parse_paste(text)
    assert replace_remarks(found) == Pasted(form, called, host, port, calling, name)


def replace_remarks(found: Pasted) -> Pasted:
    return Pasted(found.form, found.called_ae, found.host, found.port, found.calling_ae, found.name)


@pytest.mark.parametrize(
    ("text", "remarks"),
    [
        ("PACS@host", (NO_PORT,)),
        ("PACS@host:104", ()),
        ("storescu -c PACS@host dir", (NO_PORT,)),
        ("gdcmscu -H host --call PACS", (NO_PORT,)),
        ("echoscu localhost 104", ("The command names no called AE title; ANY-SCP is what is called then.",)),
        ('{"AET": "PACS", "Host": "h"}', (NO_PORT,)),
        ("AE title PACS, host: pacs1", (NO_PORT,)),
        (ORTHANC, ("More peers are in it: other.",)),
        (MAIL, ("Other addresses are there as well: 10.20.30.1.",)),
    ],
)
def test_what_is_remarked(text: str, remarks: tuple[str, ...]) -> None:
    assert parse_paste(text).remarks == remarks


def test_comments_and_commas_of_orthanc() -> None:
    found = parse_paste(ORTHANC)
    assert (found.called_ae, found.host, found.port, found.name) == ("STORESCP", "127.0.0.1", 2000, "sample")
    second = parse_paste(ORTHANC[ORTHANC.index('"other"') :])
    assert (second.called_ae, second.host, second.port, second.calling_ae) == ("ORTHANC2", "pacs2", 4242, "ME")


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \0\n ",
        "hello world",
        "PACS",
        "104",
        "PACS pacs1 70000",
        "PACS b@d 104",
        "one two three four 104",
        "AE titles must be agreed before",
        "the host is slow",
        "the AE title 'much too long for a title'",
        "UID 1.2.840.10008.1.1",
        "echoscu --help",
        "storescu file.dcm",
        "echoscu -aec PACS --x=a@b@:y",
        "[1, 2, 3]",
        "[1, 2]",
        "echoscu host -aec",
        "storescu -c",
        "storescu -aec PACS",
        '{"AET": "PACS", "Host": "h", "Port": 0}',
        '{"AET": "PACS"}',
        "[[[[",
        "ann@hospital.example\nbye",
    ],
)
def test_nothing_is_found(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_paste(text)
    assert len(str(caught.value)) < 200


def test_a_candidate_tells_what_it_has_and_what_is_missing() -> None:
    found = parse_paste("AE title: PACS1, port 105, your AE title: ME")
    assert found.missing == ("host",)
    assert found.recognised == (("called AE title", "PACS1"), ("port", "105"), ("calling AE title", "ME"))
    with pytest.raises(ConfigurationError, match="is no host name"):
        found.address()


def test_a_whole_candidate_is_an_address() -> None:
    found = parse_paste("PACS 10.0.0.1 104")
    assert found.missing == ()
    assert str(found.address()) == "PACS@10.0.0.1:104"


@given(st.text(max_size=200) | st.text('AE title:"@[]{}/\\1.0 port\nhost,-', max_size=200))
@example('{"a": [1, "b", 3]}')
def test_any_text_gives_a_candidate_or_an_error(text: str) -> None:
    try:
        found = parse_paste(text)
    except ConfigurationError:
        return
    assert found.host or found.called_ae
    assert 1 <= found.port <= 65535


@pytest.mark.parametrize(
    "unit",
    ["a", "a-", "a.", "[", "[1,", '{"a":', "/*", "/", "AE ", "AE A B ", "port(", "1.1.1.1 ", "host ", '"', '"a":', "@",
     "a@", ":", "f:", "a\n", " ", "echoscu "],
)  # fmt: skip
def test_a_long_text_takes_no_long_time(unit: str) -> None:
    text = f"AE{unit * (40_000 // len(unit))}x"
    started = time.process_time()
    with suppress(ConfigurationError):
        parse_paste(text)
    assert time.process_time() - started < 3
