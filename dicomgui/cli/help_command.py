"""The command that prints a page of help."""

from __future__ import annotations

import argparse

from dicomgui.app.help_pages import KEYS, help_page, help_pages, text_of
from dicomgui.cli.exits import Exit
from dicomgui.cli.output import Output
from dicomgui.network.errors import ConfigurationError

__all__ = ["show"]


def show(options: argparse.Namespace) -> int:
    """``dicomgui help``: the names of the pages, or one of them."""
    output = Output(as_json=options.json, verbose=options.verbose)
    pages = [one for one in help_pages() if one.name != KEYS]  # those are the window's
    if options.page is None:
        for one in pages:
            output.event("page", name=one.name, title=one.title)
            output.line(f"{one.name:<14}{one.title}")
        output.line("")
        output.line("dicomgui help PAGE prints one; dicomgui COMMAND --help says what a command takes.")
        return output.finish(Exit.OK)
    page = help_page(options.page)
    if page is None:
        hint = f"There are {', '.join(one.name for one in pages)}."
        raise ConfigurationError(f"there is no page {options.page!r}", phase="configure", hint=hint)
    output.event("page", name=page.name, title=page.title, text=text_of(page))
    for line in text_of(page).rstrip().splitlines():
        output.line(line)
    return output.finish(Exit.OK)
