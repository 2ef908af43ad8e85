"""Templates sent one after the other over one association, each filled in from the answers before it.

A step is the key of a template, and what is changed in its data set: ``film-session``,
``annotation-box:TextString=Left``, ``ups-subscribe-filtered:ScheduledProcedureStepPriority=HIGH``. Several changes
stand between semicolons.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from dicomgui.app.asking.keys import identifier_of, parse_key
from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.context import AppContext
from dicomgui.app.nservice_events import NEvent
from dicomgui.app.nservices.requests import NRequest, NResult
from dicomgui.app.nservices.session import NSession
from dicomgui.app.nservices.templates import TEMPLATES, Draft, Known, Template, learned
from dicomgui.network.association.params import PeerAddress
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.service_classes import mpps, ups_attributes
from dicomgui.network.service_classes.attributes import dataset_of, items_of

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["Step", "known_of", "parse_step", "run_steps"]

_BY_KEY: Final = {template.key: template for template in TEMPLATES}


@dataclass(frozen=True, slots=True)
class Step:
    """A template, and the elements that are put into its data set.

    :ivar changes: keys with values, as they are written.
    """

    template: Template
    changes: tuple[str, ...] = ()

    def request(self, known: Known) -> NRequest:
        """The request.

        :raises ConfigurationError: it names no instance, or a change has no place.
        """
        draft = self.template.make(known)
        if self.changes:
            draft = replace(draft, dataset=_changed(draft, self.changes))
        if draft.operation.needs_instance and not draft.sop_instance_uid:
            raise ConfigurationError(
                f"{self.template.key} needs an instance",
                phase="configure",
                hint="Send what makes one before it, or name it with --instance.",
            )
        return draft.request()


def parse_step(text: str) -> Step:
    """A step as it is written.

    :raises ConfigurationError: there is no such template, or a change is none.
    """
    key, _, changes = text.partition(":")
    template = _BY_KEY.get(key.strip())
    if template is None:
        raise ConfigurationError(
            f"there is no template {key[:80]!r}", phase="configure", hint=f"Give one of {', '.join(_BY_KEY)}."
        )
    written = tuple(change.strip() for change in changes.split(";") if change.strip())
    for change in written:
        parse_key(change)
    return Step(template, written)


def known_of(our_ae: str, *, instance: str = "", transaction: str = "") -> Known:
    """The values that templates are filled in from before the first answer.

    :param our_ae: our AE title, which is told of events as well.
    :param instance: an instance that there is already: a unified or a performed procedure step.
    :param transaction: Transaction UID of its claim.
    """
    made = {uid: (instance, "") for uid in (ups_attributes.PUSH, mpps.SOP_CLASS)} if instance else {}
    return Known(our_ae=our_ae, created=made, transaction_uid=transaction)


async def run_steps(
    context: AppContext,
    peer: PeerAddress,
    options: ConnectionOptions,
    steps: Sequence[Step],
    known: Known,
    *,
    wait_s: float = 0.0,
    on_result: Callable[[NResult], object] | None = None,
    on_event: Callable[[NEvent], object] | None = None,
) -> list[NResult]:
    """Send steps in their order; the first that is not done ends it. Then release.

    :param wait_s: how long the association is kept open afterwards, for reports of the peer.
    :param on_result: told of each answer when it has come.
    :param on_event: told of each N-EVENT-REPORT on the association.
    :raises ConfigurationError: a step cannot be made, or goes with the others on no association.
    """
    session = NSession(context, peer, options, on_event=on_event)
    results: list[NResult] = []
    try:
        for step in steps:
            result = await session.send(step.request(known), keep=len(steps) > 1 or wait_s > 0)
            results.append(result)
            if on_result is not None:
                on_result(result)
            if not result.ok:
                break
            known = learned(known, result)
        if wait_s > 0 and session.is_open:
            await asyncio.sleep(wait_s)
    finally:
        await session.release()
    return results


def _changed(draft: Draft, changes: Sequence[str]) -> Dataset:
    """The data set of a draft with elements put in; the first item of a sequence is changed, not replaced."""
    dataset = draft.dataset if draft.dataset is not None else dataset_of({})
    _merge(dataset, identifier_of(map(parse_key, changes)).dataset)
    return dataset


def _merge(dataset: Dataset, changes: Dataset) -> None:
    for element in changes:
        there = items_of(dataset, element.tag) if element.VR == "SQ" else ()
        if there:
            _merge(there[0], element.value[0])
        elif element.tag != _CHARACTER_SET or element.value:
            dataset[element.tag] = element


_CHARACTER_SET: Final = 0x00080005
