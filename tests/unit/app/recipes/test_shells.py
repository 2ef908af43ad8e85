"""Arguments for shells: read back by models of the shells, and by a real one."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomgui.app.recipes.shells import Shell, UnspeakableError, join, quote

HOSTILE = (
    "", " ", "a b", "'", '"', "\\", 'a"b & calc', "$(id)", "`id`", "$HOME", "%PATH%", "%", "!x!", "^", "a;b|c>d<e&f",
    "DOE^JOHN*", "-rf", "C:\\dir\\", 'C:\\dir\\" x', "Müller", "王^小東", "山田　太郎", "=1,2", "#x", "~", "(a)",
    "*?[x]",
)  # fmt: skip
TEXTS = st.text(st.characters(exclude_categories=("Cc", "Cf", "Cs", "Cn", "Zl", "Zp")))


def as_cmd_reads(line: str) -> str:
    """What cmd.exe hands to a program: names between per cents would be variables, carets escape outside of quotes."""
    assert "%%" not in line
    if line.count("%") > 1:
        first, *others = line.split("%")[:-1]
        assert all(name.endswith("^") for name in (first, *others)), f"cmd would replace a variable in {line}"
    read, is_quoted, characters = [], False, iter(line)
    for character in characters:
        if character == "^" and not is_quoted:
            read.append(next(characters))
            continue
        if character == '"':
            is_quoted = not is_quoted
        assert is_quoted or character not in "&|<>()", f"cmd would act on {character} in {line}"
        read.append(character)
    return "".join(read)


def as_c_reads(line: str) -> list[str]:
    """The arguments of a program of Microsoft's C run-time."""
    arguments: list[str] = []
    current: list[str] = []
    is_quoted = has_argument = False
    position = 0
    while position < len(line):
        backslashes = len(line[position:]) - len(line[position:].lstrip("\\"))
        position += backslashes
        at = line[position : position + 1]
        if at == '"':
            current.append("\\" * (backslashes // 2))
            if backslashes % 2:
                current.append('"')
            else:
                is_quoted, has_argument = not is_quoted, True
            position += 1
            continue
        current.append("\\" * backslashes)
        has_argument = has_argument or bool(backslashes)
        if at == " " and not is_quoted:
            if has_argument:
                arguments.append("".join(current))
            current, has_argument = [], False
        elif at:
            current.append(at)
            has_argument = True
        position += 1
    return [*arguments, "".join(current)] if has_argument else arguments


@pytest.mark.parametrize("text", HOSTILE)
def test_posix_reads_one_argument_as_it_was(text: str) -> None:
    assert shlex.split(quote(text, Shell.POSIX)) == [text]


@pytest.mark.parametrize("text", HOSTILE)
def test_cmd_reads_one_argument_as_it_was(text: str) -> None:
    assert as_c_reads(as_cmd_reads(quote(text, Shell.CMD))) == [text]


@given(st.lists(TEXTS, min_size=1, max_size=4))
def test_any_texts_come_back_from_both_shells(texts: list[str]) -> None:
    assert shlex.split(join(texts, Shell.POSIX)) == texts
    if sum(text.count("%") for text in texts) <= 1:
        assert as_c_reads(as_cmd_reads(join(texts, Shell.CMD))) == texts


@pytest.mark.interop("sh")
def test_a_real_shell_reads_them_as_they_were() -> None:
    program = [sys.executable, "-c", "import json, sys; print(json.dumps(sys.argv[1:]))"]
    line = join([*program, *HOSTILE], Shell.POSIX)
    done = subprocess.run(["/bin/sh", "-c", line], capture_output=True, check=True)
    assert json.loads(done.stdout) == list(HOSTILE)


@pytest.mark.parametrize("shell", Shell)
@pytest.mark.parametrize("text", ["a\nb", "a\rb", "\x1b[2J", "\0", "\x7f", "a\u202eb", "\u200b", "\u2028", "\x85"])
def test_what_a_terminal_acts_on_or_hides_is_refused(text: str, shell: Shell) -> None:
    with pytest.raises(UnspeakableError, match="U\\+"):
        quote(text, shell)


@pytest.mark.parametrize("text", ['a"b', "%PATH%", "!x!"])
def test_a_batch_file_gets_nothing_that_it_would_read_again(text: str) -> None:
    with pytest.raises(UnspeakableError):
        quote(text, Shell.CMD, is_batch=True)


@pytest.mark.parametrize("text", ["a=b", "a,b", "a;b", "a b", "a&b", "a^b", "DOE*"])
def test_a_batch_file_gets_quotes_where_it_would_cut(text: str) -> None:
    assert quote(text, Shell.CMD, is_batch=True) == f'"{text}"'
