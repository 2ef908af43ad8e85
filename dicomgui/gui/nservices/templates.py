"""The menu of requests that are made already, and what they are filled in from: instances and a picture of files."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QMenu, QPushButton

from dicomgui.app.nservices.grouped_references import NOWHERE, Home, Homes, homes_of_files
from dicomgui.app.nservices.picture import read_picture
from dicomgui.app.nservices.requests import NResult
from dicomgui.app.nservices.templates import TEMPLATES, Draft, Known, Template, learned
from dicomgui.app.transfers.send import prepare
from dicomgui.gui.panels.panel import Panel
from dicomgui.gui.widgets.buttons import push_button
from dicomgui.gui.widgets.dialogs import Ask, ask_paths
from dicomgui.gui.widgets.text import count_text, error_text
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.service_classes.references import Reference
from dicomgui.storage import IndexFault
from dicomgui.storage.contents import series_of_instances

__all__ = ["TemplateButton"]


class TemplateButton(QPushButton):
    """A button with the templates.

    :ivar known: what they are filled in from.

    :param panel: its tasks read the files.
    :param say: shows a line of text, with its tone.
    """

    chosen = Signal(object)
    """This :class:`Template` was chosen."""

    def __init__(self, panel: Panel, say: Callable[[str, str], object]) -> None:
        super().__init__()
        prefix = panel.key
        made = push_button(f"{prefix}_template", "&Template", "file")
        self.setText(made.text())
        self.setIcon(made.icon())
        self.setObjectName(made.objectName())
        self.setAccessibleName("Template")
        self.setToolTip("A request that is made already, to be changed and sent")
        self.setAutoDefault(False)
        self.known = Known()
        self._panel = panel
        self._say = say
        self.setMenu(self._made_menu(prefix))

    def _made_menu(self, prefix: str) -> QMenu:
        menu = QMenu(self)
        menu.setObjectName(f"{prefix}_template_menu")
        groups: dict[str, QMenu] = {}
        for template in TEMPLATES:
            group = groups.get(template.group)
            if group is None:
                group = groups[template.group] = menu.addMenu(template.group)
            action = group.addAction(template.title)
            action.setObjectName(f"{prefix}_template_{template.key}")
            action.triggered.connect(partial(self._on_chosen, template))
        menu.addSeparator()
        for name, text, slot in (
            ("instances", "Take instances from files …", partial(self._on_take, Ask.FILES)),
            ("folder", "Take instances from a folder …", partial(self._on_take, Ask.FOLDER)),
            ("picture", "Take a picture to print …", self._on_take_picture),
        ):
            action = menu.addAction(text)
            action.setObjectName(f"{prefix}_take_{name}")
            action.triggered.connect(slot)
        return menu

    def _on_chosen(self, template: Template) -> None:
        self.chosen.emit(template)

    @property
    def known_now(self) -> Known:
        """What templates are filled in from now."""
        place = self._panel.place
        ours = place.choice.calling_ae.strip() or str(place.config.settings.calling_ae)
        return replace(self.known, our_ae=ours)

    def draft(self, template: Template) -> Draft:
        """The request that a template makes now."""
        return template.make(self.known_now)

    def learn(self, result: NResult) -> None:
        """Take over what an answer told."""
        self.known = learned(self.known, result)

    def take_instances(self, references: tuple[Reference, ...], homes: Homes = NOWHERE) -> None:
        """What templates refer to from now on.

        :param homes: their studies and series; without them they are looked for in the archive, where it is open.
        """
        self.known = replace(self.known, references=tuple(dict.fromkeys(references)), homes=homes)
        if not homes and self._panel.place.archive.is_open:
            self._panel.tasks.spawn(self._find_homes(self.known.references), name="find series")
        count = count_text(len(self.known.references), "instance")
        self._say(f"{count} taken: templates refer to them from now on.", "muted")

    async def _find_homes(self, references: tuple[Reference, ...]) -> None:
        archive, uids = self._panel.place.archive.archive, [one.sop_instance_uid for one in references]
        try:
            found = await archive.in_thread(lambda: series_of_instances(archive.index, uids))
        except IndexFault:
            return
        if self.known.references == references:
            self.known = replace(self.known, homes={uid: Home(*home) for uid, home in found.items()})

    def _on_take(self, ask: Ask) -> None:
        self._panel.tasks.spawn(self._take(ask), name="take instances")

    async def _take(self, ask: Ask) -> None:
        paths = await ask_paths(self, ask, "Instances to refer to")
        if paths:
            await self.take_files(paths)

    async def take_files(self, paths: list[Path]) -> None:
        """Have templates refer to the instances of files and folders."""
        with await prepare(self._panel.place.context, paths) as selection:
            found = tuple(Reference(one.head.sop_class_uid, one.head.sop_instance_uid) for one in selection.items)
            files = [(one.head.sop_instance_uid, one.path) for one in selection.items]
            pool = self._panel.place.context.file_pool
            homes = await asyncio.get_running_loop().run_in_executor(pool, homes_of_files, files)
        if found:
            self.take_instances(found, homes)
        else:
            self._say("There is no DICOM instance in what was chosen.", "error")

    def _on_take_picture(self) -> None:
        self._panel.tasks.spawn(self._ask_picture(), name="take a picture")

    async def _ask_picture(self) -> None:
        paths = await ask_paths(self, Ask.FILES, "Picture to print")
        if paths:
            await self.take_picture(paths[0])

    async def take_picture(self, path: Path) -> None:
        """Have the template of an image box hold the picture of a file."""
        pool = self._panel.place.context.file_pool
        try:
            picture = await asyncio.get_running_loop().run_in_executor(pool, read_picture, path)
        except ConfigurationError as error:
            self._say(error_text(error), "error")
            return
        self.known = replace(self.known, image=picture)
        self._say(f"{path.name} is taken: the template of the image box holds it from now on.", "muted")
