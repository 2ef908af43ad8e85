"""Passcodes, tokens and passwords of keys on their way to a connection: from the keyring, else from the user.

What was typed is kept nowhere but in the keyring, and there only if the user says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import replace
from functools import partial
from typing import TypeVar

from PySide6.QtWidgets import QWidget

from dicomgui.app.configuration.listener_options import CallerRule, ListenerOptions
from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.credentials import Keyring, KeyringError, Need
from dicomgui.gui.keeping.secret_dialog import SecretDialog, secret_from
from dicomgui.gui.running.reporter import Reporter
from dicomgui.gui.running.tasks import PanelTasks
from dicomgui.gui.widgets.dialogs import Ask, accepted, ask_paths
from dicomgui.network.association.params import PeerAddress

__all__ = ["Secrets"]

_T = TypeVar("_T")


class Secrets:
    """Completes options with the secrets that they need. One dialog at a time asks for what the keyring has not.

    :ivar keyring: the system's.
    :ivar callers: passcodes of the users who may call our listener, for the life of the window; where there is no
        keyring they are nowhere else.
    """

    def __init__(
        self, executor: Executor, reporter: Reporter, parent: QWidget | None = None, keyring: Keyring | None = None
    ) -> None:
        self.keyring = keyring or Keyring()
        self.callers: dict[str, str] = {}
        self._executor = executor
        self._parent = parent
        self._asking = asyncio.Lock()
        self._tasks = PanelTasks("secrets", reporter)

    async def complete(self, options: ConnectionOptions, peer: PeerAddress) -> ConnectionOptions:
        """``options`` with their secrets. What the user does not want to give stays missing; connecting says so."""
        if options.identity is None and options.tls is None and options.sockets.proxy is None:
            return options
        for need in await self._in_thread(partial(options.needs, peer)):
            secret = await self._secret(need, partial(options.fits, need))
            if secret:
                options = options.with_secret(need, secret, peer)
        return options

    async def complete_listener(self, options: ListenerOptions, users: tuple[str, ...]) -> ListenerOptions:
        """``options`` with the password of the key, and with the passcodes of ``users`` where they are listed."""
        if options.callers is CallerRule.LISTED:
            options = replace(options, passcodes=await self._in_thread(lambda: self._passcodes(users)))
        if options.tls is not None:
            for need in await self._in_thread(options.needs):
                password = await self._secret(need, options.fits)
                if password:
                    options = options.with_password(password)
        return options

    def _passcodes(self, users: tuple[str, ...]) -> dict[str, str]:
        found = {name: self.callers.get(name) or self.keyring.get(Need.of_caller(name)) for name in users}
        return {name: passcode for name, passcode in found.items() if passcode}

    async def set_caller(self, name: str, passcode: str) -> str:
        """Keep the passcode of a user who may call our listener; gives why the keyring did not keep it, if so."""
        self.callers[name] = passcode
        return await self._in_thread(lambda: self._kept(Need.of_caller(name), passcode))

    async def forget_caller(self, name: str) -> None:
        """Forget the passcode of a user."""
        self.callers.pop(name, None)
        await self.forget(Need.of_caller(name))

    async def forget(self, need: Need) -> None:
        """Have the keyring forget a secret."""
        await self._in_thread(lambda: self.keyring.forget(need))

    async def _secret(self, need: Need, fits: Callable[[str], bool]) -> str | None:
        """The secret that is kept, unless it is known to be wrong, else what the user says."""

        def kept() -> str | None:
            found = self.keyring.get(need)
            return found if found and fits(found) else None

        async with self._asking:
            return await self._in_thread(kept) or await self._ask(need)

    async def _ask(self, need: Need) -> str | None:
        """Ask the user; ``None`` when the dialog was cancelled."""
        can_keep = await self._in_thread(lambda: self.keyring.is_available)
        dialog = SecretDialog(need.what, can_keep=can_keep, parent=self._parent)
        dialog.file_wanted.connect(lambda: self._tasks.spawn(self._take_file(dialog), name="ask for a token's file"))
        try:
            is_accepted = await accepted(dialog)
            secret, is_kept = dialog.secret, dialog.is_kept
        finally:
            await self._tasks.close()
            dialog.close()
            dialog.deleteLater()
        if not is_accepted or not secret:
            return None
        if is_kept:
            await self._in_thread(lambda: self._kept(need, secret))
        return secret

    async def _take_file(self, dialog: SecretDialog) -> None:
        paths = await ask_paths(dialog, Ask.FILES, "Token or ticket")
        if not paths:
            return
        try:
            dialog.take(await self._in_thread(lambda: secret_from(paths[0])))
        except OSError as error:
            dialog.show_problem(f"{paths[0]} cannot be used: {error.strerror or error}")

    def _kept(self, need: Need, secret: str) -> str:
        try:
            self.keyring.keep(need, secret)
        except KeyringError as error:
            return str(error)
        return ""

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)
