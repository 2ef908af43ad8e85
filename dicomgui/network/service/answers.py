"""Responses as messages, made of what a handler replied."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import cache
from typing import Any

from dicomgui.network.dimse.commands import (
    MESSAGE_TYPES,
    RESPONSE_BIT,
    Command,
    NActionRQ,
    NEventReportRQ,
    Response,
    UnknownCommand,
    answer,
)
from dicomgui.network.service.handlers import Reply
from dicomgui.network.status import Status

__all__ = ["response_to"]


def response_to(command: Command, outcome: Status | Reply, has_dataset: bool) -> Response | UnknownCommand:
    """The response to ``command`` that says ``outcome``."""
    assert not isinstance(command, Response)  # those go to whoever asked
    if isinstance(outcome, Status):
        response = answer(command, outcome, has_dataset=has_dataset)
    else:
        response = answer(
            command,
            outcome.status,
            has_dataset=has_dataset,
            error_comment=outcome.comment,
            offending_elements=outcome.offending,
        )
    if isinstance(outcome, Status) and type(command) not in _WITH_TYPE_ID:
        return response
    more = _more(command, outcome)
    return replace(response, **more) if more else response


_WITH_TYPE_ID = frozenset({NActionRQ, NEventReportRQ})


def _more(command: Command, outcome: Status | Reply) -> dict[str, Any]:
    """What only some responses have, as far as this one has it."""
    values: dict[str, Any] = {}
    if isinstance(command, NEventReportRQ):
        values["event_type_id"] = command.event_type_id
    elif isinstance(command, NActionRQ):
        values["action_type_id"] = command.action_type_id
    if isinstance(outcome, Reply):
        if outcome.sop_instance_uid:
            values["affected_sop_instance_uid"] = outcome.sop_instance_uid
        if outcome.attribute_identifiers:
            values["attribute_identifiers"] = outcome.attribute_identifiers
        if outcome.error_id is not None:
            values["error_id"] = outcome.error_id
        if outcome.progress is not None:
            progress = outcome.progress
            values.update(
                remaining=progress.remaining,
                completed=progress.completed,
                failed=progress.failed,
                warning=progress.warning,
            )
    if not values or isinstance(command, UnknownCommand):
        return {}
    known = _fields_of(command.command_field)
    return {name: value for name, value in values.items() if name in known}


@cache
def _fields_of(command_field: int) -> frozenset[str]:
    return frozenset(field.name for field in fields(MESSAGE_TYPES[command_field | RESPONSE_BIT]))
