"""The pages of help: Markdown files of the program's own, for the window and the command line.

Links between pages are file names, ``tls.md`` or ``tls.md#certificates``; what follows ``#`` is a heading's text in
small letters with hyphens.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from dicomgui.app.assets import resource_folder

__all__ = [
    "KEYS",
    "START",
    "HelpPage",
    "Match",
    "find_pages",
    "help_page",
    "help_pages",
    "keys_page",
    "slug",
    "text_of",
]

START: Final = "start"
"""The page that is shown first."""

KEYS: Final = "keys"
"""The page of keyboard shortcuts, which the window makes of its own."""

_ORDER: Final = (
    START, "trace", "filter", "trouble", "capture", "trace-format", "query", "worklist", "nservices", "send",
    "listener", "answers", "viewer", "tls", "negotiation", "practice", "copy-as", "privacy", "command-line", KEYS,
)  # fmt: skip
_LINK: Final = re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)")
_NOISE: Final = re.compile(r"[`*_|#>]+|\[|\]\([^)]*\)")
_AROUND: Final = 60


@dataclass(frozen=True, slots=True)
class HelpPage:
    """One page.

    :ivar name: of its file, without the ending.
    :ivar title: its first heading.
    :ivar markdown: all of it.
    """

    name: str
    title: str
    markdown: str

    @property
    def links(self) -> tuple[str, ...]:
        """Where its links lead, as they are written."""
        return tuple(match[2] for match in _LINK.finditer(self.markdown))


@dataclass(frozen=True, slots=True)
class Match:
    """A page that holds what was looked for.

    :ivar around: some words of where it stands; empty where it is in the title.
    """

    page: HelpPage
    around: str = ""


@cache
def help_pages() -> tuple[HelpPage, ...]:
    """All pages in the order in which they are to be read. Reads the files, once.

    :raises FileNotFoundError: the installation lacks them.
    """
    files = {path.stem: path for path in (resource_folder() / "help").glob("*.md")}
    if START not in files:
        raise FileNotFoundError(f"dicomgui has no help in {resource_folder()}: the installation is broken")
    names = [*(name for name in _ORDER if name in files), *sorted(files.keys() - set(_ORDER))]
    return tuple(_page(name, files[name]) for name in names)


def _page(name: str, path: Path) -> HelpPage:
    text = path.read_text(encoding="utf-8")
    return HelpPage(name, text.partition("\n")[0].lstrip("# ").strip(), text)


def help_page(name: str) -> HelpPage | None:
    """One page by its name."""
    return next((page for page in help_pages() if page.name == name), None)


def keys_page(page: HelpPage, rows: Sequence[tuple[str, str, str]]) -> HelpPage:
    """The page of keys with a table of all that there are.

    :param rows: where a key works, the key, what it does.
    """
    lines = ["| Where | Key | What it does |", "|---|---|---|"]
    lines += [f"| {where} | `{keys}` | {what} |" for where, keys, what in rows]
    return HelpPage(page.name, page.title, page.markdown.rstrip() + "\n\n" + "\n".join(lines) + "\n")


def slug(heading: str) -> str:
    """What a link writes after ``#`` for a heading."""
    return re.sub(r"[^a-z0-9]+", "-", heading.lower()).strip("-")


def find_pages(text: str, pages: Sequence[HelpPage] | None = None) -> list[Match]:
    """The pages that hold all words of ``text``, those with one in the title first; all pages for no words."""
    words = text.casefold().split()
    found: list[tuple[bool, Match]] = []
    for page in help_pages() if pages is None else pages:
        content = page.markdown.casefold()
        if not all(word in content for word in words):
            continue
        in_title = not words or any(word in page.title.casefold() for word in words)
        found.append((not in_title, Match(page, "" if in_title else _around(page, words[0]))))
    return [match for _, match in sorted(found, key=lambda one: one[0])]


def _around(page: HelpPage, word: str) -> str:
    plain = " ".join(_NOISE.sub(" ", page.markdown).split())
    at = plain.casefold().find(word)
    if at < 0:
        return ""
    start, end = max(0, at - _AROUND), at + len(word) + _AROUND
    before, after = "… " if start else "", " …" if end < len(plain) else ""
    return f"{before}{plain[start:end].strip()}{after}"


def text_of(page: HelpPage) -> str:
    """The page for a terminal: Markdown is readable as it is, but links to pages say the page's name."""

    def written(match: re.Match[str]) -> str:
        target = match[2].partition("#")[0]
        if not target:
            return match[1]
        is_page = target.endswith(".md")
        return f"{match[1]} (help {target.removesuffix('.md')})" if is_page else f"{match[1]} <{match[2]}>"

    return _LINK.sub(written, page.markdown)
