"""Calls that break asyncio inside Qt, or tasks that nobody owns, do not get into the product.

Why each is banned stands with it. The allowed places are few, and each has a reason.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from helpers.source import names_used, python_files, tree_of


class Ban(NamedTuple):
    """A pattern of dotted names, why it is banned, and the files that may have it, each with its reason."""

    name: str
    pattern: str
    reason: str
    allowed: dict[str, str]


DIALOGS = (
    r"QMessageBox\.(question|information|warning|critical|about|aboutQt)"
    r"|QFileDialog\.(getOpenFileNames?|getOpenFileUrls?|getSaveFileName|getSaveFileUrl|getExistingDirectory(Url)?)"
    r"|QInputDialog\.(getText|getMultiLineText|getItem|getInt|getDouble)"
    r"|Q(Color|Font)Dialog\.(getColor|getFont)"
)

BANS = (
    Ban(
        "nested loop",
        rf"(.*\.)?({DIALOGS})|.+\.(exec|exec_|processEvents)|(.*\.)?QEventLoop",
        "a nested loop inside a task's step strands every other task: use dialog.open() and await a future",
        {"dicomgui/gui/running/loop.py": "the product's loop is made from qasync's QEventLoop"},
    ),
    Ban(
        "task without an owner",
        # A TaskGroup owns its tasks: by convention it is called `group`, or something that ends in `_group`.
        r"asyncio\.(create_task|ensure_future)|ensure_future|create_task|(?!(.*[._])?group\.).+\.create_task",
        "every task has a name and an owner: use TaskOwner.spawn or a TaskGroup called `group`",
        {
            "dicomgui/network/transport/tasks.py": "the network's owner of tasks",
            "dicomgui/gui/running/tasks.py": "the window's owner of tasks",
        },
    ),
    Ban(
        "qasync's decorators",
        r"(.*\.)?(asyncSlot|asyncClose)",
        "they start tasks that nobody owns: a plain slot spawns through its owner",
        {},
    ),
    Ban(
        "time-out object",
        r"(.*\.)?wait_for|asyncio\.timeout(_at)?|timeout_at",
        "one timer for each read or message halves the Qt loop's speed: one deadline per association, armed lazily",
        {
            "dicomgui/network/transport/connect.py": "one for each connection attempt",
            "dicomgui/network/client/association.py": "one when an association is left after a fault",
            "dicomgui/network/transport/listen.py": "one when the listener is closed",
            "dicomgui/app/listening/step_watchers.py": "one when the listener is closed",
            "dicomgui/network/server/acceptor.py": "one a request that a coroutine decides about",
            "dicomgui/network/server/server.py": "one when the server is closed",
            "dicomgui/network/service/operation.py": "one when an operation is cancelled",
            "dicomgui/gui/main.py": "one when the program ends",
            "dicomgui/app/selftest.py": "one for each check of an installation",
        },
    ),
    Ban(
        "blocking sleep",
        r"time\.sleep",
        "it stops the whole program; a thread waits on an Event",
        {},
    ),
)

PRODUCT = python_files("dicomgui")


def offences(ban: Ban, tree: ast.AST) -> Iterator[tuple[int, str]]:
    pattern = re.compile(ban.pattern)
    return ((line, name) for line, name in names_used(tree) if pattern.fullmatch(name))


@pytest.mark.parametrize("ban", BANS, ids=lambda ban: ban.name)
def test_product_has_no_banned_call(ban: Ban) -> None:
    found = [
        f"{path}:{line}: {name}"
        for path in PRODUCT
        if path not in ban.allowed
        for line, name in offences(ban, tree_of(path))
    ]
    assert not found, "\n".join([f"{ban.name}: {ban.reason}", *found])


def test_coroutines_emit_no_qt_signals() -> None:
    """The one who started it gets a return value; everyone else reads buffers that a timer drains."""
    found = []
    for path in PRODUCT:
        for function in ast.walk(tree_of(path)):
            if isinstance(function, ast.AsyncFunctionDef):
                found += [f"{path}:{line}" for line, name in names_used(function) if name.endswith(".emit")]
    assert not found, found


@pytest.mark.parametrize(
    ("ban", "source"),
    [
        ("nested loop", "dialog.exec()"),
        ("nested loop", "QMessageBox.question(self, 'a', 'b')"),
        ("nested loop", "QtWidgets.QFileDialog.getOpenFileName(self)"),
        ("nested loop", "QApplication.processEvents()"),
        ("nested loop", "from PySide6.QtCore import QEventLoop"),
        ("task without an owner", "asyncio.create_task(f())"),
        ("task without an owner", "loop.create_task(f())"),
        ("task without an owner", "asyncio.get_running_loop().create_task(f())"),
        ("task without an owner", "from asyncio import ensure_future"),
        ("qasync's decorators", "@qasync.asyncSlot()\nasync def f(): ..."),
        ("time-out object", "await asyncio.wait_for(x, 1)"),
        ("time-out object", "async def f():\n    async with asyncio.timeout(3): ..."),
        ("blocking sleep", "time.sleep(1)"),
    ],
)
def test_bans_find_what_they_ban(ban: str, source: str) -> None:
    tree = ast.parse(source)
    assert list(offences(next(b for b in BANS if b.name == ban), tree)), source


@pytest.mark.parametrize(
    "source",
    [
        "group.create_task(f())",
        "self._group.create_task(f())",
        "dialog.open()",
        "cursor.execute('')",
        "owner.spawn(f())",
    ],
)
def test_bans_leave_the_right_way_alone(source: str) -> None:
    tree = ast.parse(source)
    assert not [name for ban in BANS for name in offences(ban, tree)]


def test_tests_do_not_sleep_to_synchronise() -> None:
    """A test waits for what it needs; only the code that polls foreign programs may pause between two looks."""
    found = []
    for path in python_files("tests"):
        if path.startswith(("tests/helpers/", "tests/bench/")):
            continue
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Call) and re.fullmatch(r"(time|asyncio)\.sleep", ".".join(_call_name(node))):
                zero = isinstance(node.args[0], ast.Constant) and node.args[0].value == 0
                if not zero:
                    found.append(f"{path}:{node.lineno}")
    assert not found, found


def _call_name(node: ast.Call) -> tuple[str, ...]:
    function = node.func
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        return function.value.id, function.attr
    return ()


@pytest.mark.parametrize("path", python_files("dicomgui"))
def test_pydicom_is_imported_as_a_whole(path: str) -> None:
    """Its modules need each other: two threads that begin with different ones get them half made.

    Who imports the package first waits for the other thread. Imports for type checkers alone are none.
    """
    tree = tree_of(path)
    for_checkers = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    first_of_scopes = []
    for nodes in (tree.body, *(list(ast.walk(function)) for function in functions)):
        imports = [node for node in nodes if isinstance(node, ast.ImportFrom) and id(node) not in for_checkers]
        modules = [node.module or "" for node in sorted(imports, key=lambda node: node.lineno)]
        first_of_scopes += [module for module in modules if module.split(".")[0] == "pydicom"][:1]
    wrong = [module for module in first_of_scopes if module != "pydicom"]
    assert not wrong, "say `from pydicom import …` first"
