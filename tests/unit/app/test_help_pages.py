"""The pages of help: each is there, leads somewhere, and says what is true."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from dicomgui.app import assets, help_pages
from dicomgui.app.help_pages import (
    KEYS,
    START,
    HelpPage,
    find_pages,
    help_page,
    keys_page,
    slug,
    text_of,
)
from dicomgui.cli.main import build_parser
from dicomgui.trace.diagnosis.catalogue import CATALOGUE
from dicomgui.trace.filter import KEYS as FILTER_KEYS
from dicomgui.trace.filter import WORDS, check, parse

PAGES = help_pages.help_pages()
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
FENCE = re.compile(r"^```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
SYMPTOMS = "trouble"


def commands_in(page: HelpPage) -> list[str]:
    """Whole commands of ours: lines of code, and code within the text that names one."""
    lines = [line for block in FENCE.findall(page.markdown) for line in block.splitlines()]
    lines += CODE.findall(FENCE.sub("", page.markdown))
    return [line for line in lines if line.startswith("dicomgui ") and "…" not in line]


def headings(page: HelpPage) -> set[str]:
    return {slug(line.lstrip("# ")) for line in page.markdown.splitlines() if re.match(r"#{1,4} ", line)}


@each_page
def test_each_page_has_one_title_and_something_to_say(page: HelpPage) -> None:
    assert page.markdown.startswith(f"# {page.title}\n")
    assert len(re.findall(r"^# ", FENCE.sub("", page.markdown), re.MULTILINE)) == 1
    assert len(page.markdown) > 150


@each_page
def test_each_link_leads_to_a_page_and_a_heading_that_are_there(page: HelpPage) -> None:
    for link in page.links:
        name, _, place = link.partition("#")
        target = help_page(name.removesuffix(".md")) if name else page
        assert target is not None, link
        assert not place or place in headings(target), link


def test_each_page_can_be_reached_from_the_first_one() -> None:
    seen, ahead = set(), [START]
    while ahead:
        name = ahead.pop()
        page = help_page(name)
        if name not in seen and page is not None:
            seen.add(name)
            ahead += [link.partition("#")[0].removesuffix(".md") for link in page.links]
    assert seen == {page.name for page in PAGES}


@each_page
def test_each_command_is_one_that_the_parser_takes(page: HelpPage) -> None:
    for line in commands_in(page):
        arguments = shlex.split(line)[1:]
        for placeholder, real in (("PEER", "A@h:1"), ("KEY", "PatientID=1"), ("AET", "ME"), ("DIR", "d")):
            arguments = [real if one == placeholder else one for one in arguments]
        if "--help" not in arguments:
            build_parser().parse_args(arguments)


def test_the_pages_quote_many_commands() -> None:
    assert sum(len(commands_in(page)) for page in PAGES) > 40


def test_each_filter_that_is_quoted_means_something() -> None:
    page = help_page("filter")
    assert page is not None
    rows = [line for line in page.markdown.splitlines() if line.startswith("| `")]
    quoted = [row.split("|")[1] for row in rows[:11]] + [row.split("|")[2] for row in rows[11:]]
    filters = [text for cell in quoted for text in CODE.findall(cell)]
    assert len(filters) > 35
    for text in filters:
        check(parse(text))


def test_each_key_and_word_of_the_filter_language_is_explained() -> None:
    page = help_page("filter")
    assert page is not None
    named = set(CODE.findall(page.markdown))
    assert {key.name for key in (*FILTER_KEYS, *WORDS)} <= named


def without_values(text: str) -> str:
    return " ".join(re.sub(r"\{\w+\}", " ", text).split()).casefold()


def said_in(page: HelpPage) -> list[str]:
    """What a page's tables say that the diagnosis says."""
    parts = re.findall(r"^\| What is said \|.*\n\|---.*\n((?:\|.*\n)+)", page.markdown, re.MULTILINE)
    return [line.split("|")[1].strip() for part in parts for line in part.splitlines()]


def test_what_is_said_is_what_the_diagnosis_says() -> None:
    texts = [without_values(template.what) for template in CATALOGUE.values()]
    said = [cell for page in PAGES for cell in said_in(page)]
    assert len(said) > 20
    for cell in said:
        first = re.split("; or", cell)[0]
        pieces = [without_values(piece) for piece in first.split("…") if piece.strip()]
        assert any(all(piece in text for piece in pieces) for text in texts), cell


@each_page
def test_no_page_leads_out_of_the_program(page: HelpPage) -> None:
    assert "](http" not in page.markdown
    assert "<" not in CODE.sub("", FENCE.sub("", page.markdown)), "HTML"
    assert "![" not in page.markdown


def test_a_search_finds_pages_that_hold_all_words_titles_first() -> None:
    found = find_pages("wildcards")
    assert found[0].page.name == "query"
    assert found[0].around == ""
    assert [match.page.name for match in find_pages("A801")] == ["listener"]
    assert "A801" in find_pages("A801")[0].around
    assert find_pages("no such word zzz") == []
    assert len(find_pages("  ")) == len(PAGES)


def test_the_page_of_keys_gets_its_table() -> None:
    page = help_page(KEYS)
    assert page is not None
    made = keys_page(page, [("Everywhere", "F1", "Help")])
    assert made.markdown.endswith("| Everywhere | `F1` | Help |\n")
    assert made.title == page.title


def test_the_text_for_a_terminal_names_pages_in_the_place_of_links() -> None:
    text = text_of(HelpPage("x", "X", "see [TLS](tls.md#profiles), [that](#below) and [it](https://example.org/)"))
    assert text == "see TLS (help tls), that and it <https://example.org/>"


def test_an_installation_without_help_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(help_pages, "resource_folder", lambda: tmp_path)
    with pytest.raises(FileNotFoundError, match="broken"):
        help_pages.help_pages.__wrapped__()
    assert assets.resource("help/start.md").is_file()
