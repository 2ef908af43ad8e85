"""The manual page, made of the command line's own parsers, so that it never says anything else.

python packaging/man_page.py > dicomgui.1
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import dicomgui
from dicomgui.cli.main import build_parser


def escaped(text: str) -> str:
    """As roff reads it: hyphens stay hyphens, and no line is a request by chance."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join(f"\\&{line}" if line.startswith((".", "'")) else line for line in text.splitlines())


def help_of(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    """What an option says of itself, with its default put in."""
    if not action.help:
        return ""
    return str(parser._get_formatter()._expand_help(action))


def subcommands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The commands of a parser by name; none where it has none."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def usage_of(parser: argparse.ArgumentParser) -> str:
    return " ".join(parser.format_usage().removeprefix("usage: ").split())


def actions_of(parser: argparse.ArgumentParser, seen: set[str]) -> Iterator[str]:
    """The arguments, each as a paragraph; those that were described before are left out."""
    for group in parser._action_groups:
        for action in group._group_actions:
            is_told = isinstance(action, argparse._HelpAction) and len(parser.prog.split()) > 1
            if isinstance(action, argparse._SubParsersAction) or is_told:
                continue
            formatter = parser._get_formatter()
            name = formatter._format_action_invocation(action)
            text = help_of(parser, action)
            if f"{name}\n{text}" in seen:
                continue
            if len(parser.prog.split()) > 1:
                seen.add(f"{name}\n{text}")
            yield f".TP\n.B {escaped(name)}\n{escaped(text)}"


def commands_below(name: str, parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    below = subcommands(parser)
    if not below:
        yield name, parser
    for more, inner in below.items():
        yield from commands_below(f"{name} {more}".strip(), inner)


def page() -> str:
    """The whole page."""
    parser = build_parser()
    lines = [
        f'.TH DICOMGUI 1 "" "dicomgui {dicomgui.__version__}" "User Commands"',
        ".SH NAME",
        "dicomgui \\- see, test and explain what two DICOM systems say to each other",
        ".SH SYNOPSIS",
        ".B dicomgui\n.br\n.B dicomgui \\-\\-window\n[\\fIFILE\\fR ...]\n.br\n.B dicomgui\n\\fICOMMAND\\fR ...",
        ".SH DESCRIPTION",
        escaped(parser.description or ""),
        "\n.PP\nOptions that several commands have are described at the first of them.",
        ".SH OPTIONS",
        *actions_of(parser, set()),
        ".SH COMMANDS",
    ]
    seen: set[str] = set()
    for name, inner in commands_below("", parser):
        lines += [f".SS dicomgui {escaped(name)}", escaped(inner.description or ""), ".PP", escaped(usage_of(inner))]
        lines += actions_of(inner, seen)
    lines += [".SH EXIT STATUS", ".nf", escaped(parser.epilog or ""), ".fi"]
    lines += [
        ".SH FILES",
        ".TP\n.I ~/.config/dicomgui/\nsettings.toml and nodes.toml; $DICOMGUI_CONFIG names another folder.",
        ".TP\n.I /etc/xdg/dicomgui/nodes.toml\nNodes for all users, whom they cannot change.",
        ".TP\n.I ~/.local/share/dicomgui/\nThe archive, unless another folder was chosen.",
        ".SH NOTES",
        "It is a tool for testing and learning, not a medical device.",
    ]
    return "\n".join(line for line in lines if line) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
