"""The commands ``listen`` and ``practice``: what comes in, line by line, until a signal ends it."""

from __future__ import annotations

import argparse
import asyncio
import gc
import shlex
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

from dicomgui.app.configuration.destinations import destinations_of
from dicomgui.app.configuration.listener_options import PERFORMED, CallerRule
from dicomgui.app.configuration.peers import NodeStore
from dicomgui.app.configuration.quotas import Quotas
from dicomgui.app.configuration.received_commands import ReceivedCommands
from dicomgui.app.configuration.values import query_flags, written_flags
from dicomgui.app.explaining import explain_no_listener
from dicomgui.app.listening.listener import (
    ArchiveRepaired,
    ArchiveStateChanged,
    AssociationBegan,
    AssociationEnded,
    CommandEnded,
    ContextsRefused,
    EchoAnswered,
    InstanceDiscarded,
    Listener,
    ListenerCounts,
    ListenerEvent,
    ListenerOptions,
    ReceivedInstance,
    Refusal,
    RequestAnswered,
    StoreFailed,
)
from dicomgui.app.practice.pacs import PracticePACS
from dicomgui.cli.answering import answering
from dicomgui.cli.exits import Exit
from dicomgui.cli.instance_text import remark_fields, remark_lines
from dicomgui.cli.output import Output, size_text
from dicomgui.cli.secret_files import secret_of
from dicomgui.cli.session import Session, stop_signals, timeouts_of
from dicomgui.cli.target import negotiation_of
from dicomgui.cli.tls import tls_of
from dicomgui.network.association.params import DEFAULT_MAX_PDU_LENGTH, AETitle, PeerAddress
from dicomgui.network.errors import ConfigurationError, ListenError
from dicomgui.network.server import Destination
from dicomgui.network.service import AssociationFacts, Strictness
from dicomgui.network.status import Service
from dicomgui.network.transport import TlsConfig
from dicomgui.storage import DuplicatePolicy, FolderLayout, FolderPatterns, IdentifierRule, StorageError

__all__ = ["run", "run_practice"]


_DUPLICATES: Final = {
    "keep": DuplicatePolicy.KEEP_BOTH,
    "refuse": DuplicatePolicy.REFUSE,
    "replace": DuplicatePolicy.REPLACE,
}


class _Provider(Protocol):
    """A listener, or the practice PACS."""

    @property
    def address(self) -> str: ...

    @property
    def port(self) -> int: ...

    @property
    def counts(self) -> ListenerCounts: ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


async def run(options: argparse.Namespace, folder: Path, session: Session) -> Exit:
    """Listen until SIGINT or SIGTERM."""
    layout, patterns = _folders(options)
    desk, services = await asyncio.to_thread(answering, options, session.output)
    listener = Listener(
        session.context,
        _granting(
            options,
            tls_of(options),
            ListenerOptions(
                folder,
                host=options.host,
                port=options.port,
                ae_title=options.aet,
                fsync=not options.no_fsync,
                check_called_ae=options.check_called,
                any_sop_class=options.any_sop_class,
                sop_classes=frozenset(options.sop_classes),
                transfer_syntaxes=tuple(options.transfer_syntaxes),
                on_duplicate=_DUPLICATES[options.duplicates],
                timeouts=timeouts_of(options.timeout),
                trace_full=options.trace_full,
                calling_ae_titles=tuple(options.allow),
                calling_networks=tuple(options.networks),
                peers=dict(options.peers),
                move_rules=tuple(options.move_rules),
                services=services,
                discards=options.discard,
                commands=ReceivedCommands(
                    options.on_object, options.on_study, options.study_timeout, options.command_limit
                ),
                identifiers=IdentifierRule(options.identifiers),
                layout=layout,
                patterns=patterns,
                index_folder=None if options.index is None else Path(options.index),
                quotas=Quotas(
                    options.caller_associations,
                    options.caller_instances,
                    options.caller_bytes,
                    options.max_size,
                    options.min_free,
                ),
            ),
        ),
        desk=desk,
        on_event=partial(_show, session.output),
    )
    listener.find = _saved(options.aet).get
    return await _attend(listener, options.host, options.aet, session.output)


async def run_practice(options: argparse.Namespace, session: Session) -> Exit:
    """Be the practice PACS until SIGINT or SIGTERM."""
    practice = PracticePACS(
        session.context,
        ae_title=options.aet,
        port=options.port,
        peers={**_saved(options.aet), OUR_AE_TITLE: OUR_LISTENER, **dict(options.peers)},
        timeouts=timeouts_of(options.timeout),
        trace_full=options.trace_full,
        on_event=partial(_show, session.output),
        adapt=partial(_granting, options, tls_of(options)),
    )
    return await _attend(practice, "127.0.0.1", options.aet, session.output)


def _granting(options: argparse.Namespace, tls: TlsConfig | None, usual: ListenerOptions) -> ListenerOptions:
    """``usual`` with what is asked of callers and granted to them."""
    rule, passcodes = _callers(options)
    extended = usual.extended if options.ext_neg is None else query_flags(options.ext_neg.split(","))
    if extended != extended.common(PERFORMED) and not options.grant_unperformed:
        raise ConfigurationError(
            f"only {' and '.join(written_flags(PERFORMED))} can be granted by --ext-neg: the rest is not performed",
            phase="configure",
            hint="To test what callers do, grant it all the same with --grant-unperformed.",
        )
    negotiation = negotiation_of(options)
    return replace(
        usual,
        negotiation=None if negotiation is None else negotiation[1],
        strictness=Strictness(options.strictness),
        tls=tls,
        callers=rule,
        passcodes=passcodes,
        async_ops=options.async_ops,
        extended=extended,
        grants_unperformed=options.grant_unperformed,
        grant_scp_role=options.grant_scp,
        max_pdu_length=DEFAULT_MAX_PDU_LENGTH if options.max_pdu is None else options.max_pdu,
        max_sent_pdu_length=options.max_send_pdu or 0,
    )


def _folders(options: argparse.Namespace) -> tuple[FolderLayout | None, FolderPatterns | None]:
    """The layout of the folders for people, and its patterns."""
    layout = None if options.folder_layout is None else FolderLayout(options.folder_layout)
    named = {"folder": options.folder_pattern, "file": options.file_pattern}
    has_patterns = any(named.values())
    if (has_patterns and layout not in (None, FolderLayout.PATTERN)) or (options.discard and (layout or has_patterns)):
        raise ConfigurationError(
            "folders for people cannot be laid out like this",
            phase="configure",
            hint="Patterns go with --dir, and with --folder-layout pattern or without it.",
        )
    if not has_patterns:
        return layout, None
    return FolderLayout.PATTERN, FolderPatterns(**{name: text for name, text in named.items() if text})


def _callers(options: argparse.Namespace) -> tuple[CallerRule, dict[str, str]]:
    if (options.user is None) != (options.password_file is None):
        raise ConfigurationError(
            "--user and --password-file belong together", phase="configure",
            hint="Give both, or let everybody in who says who he is, with --user-required.",
        )  # fmt: skip
    if options.user is not None:
        return CallerRule.LISTED, {options.user: secret_of(options.password_file, first_line=True)}
    return CallerRule.REQUIRED if options.user_required else CallerRule.ANY, {}


OUR_AE_TITLE = "DICOMGUI"
OUR_LISTENER = PeerAddress(AETitle(OUR_AE_TITLE), "127.0.0.1", 11112)
"""Where ``dicomgui listen`` listens unless told otherwise: the practice PACS moves to it."""


def _saved(ae_title: str) -> dict[str, Destination]:
    """The saved nodes as move destinations."""
    return destinations_of(NodeStore().load().nodes, ae_title)


async def _attend(provider: _Provider, host: str, ae_title: str, output: Output) -> Exit:
    stopped = asyncio.Event()
    restore = stop_signals(stopped.set)
    output.on_lost = stopped.set
    output.write_by_threads(asyncio.get_running_loop().call_soon_threadsafe)
    try:
        code = await _start(provider, output)
        if code is Exit.OK:
            output.event("ready", host=host, port=provider.port, aet=ae_title)
            output.line(f"listening on {provider.address} as {ae_title}")
            await stopped.wait()
            await provider.stop()
    finally:
        restore()
    _sum_up(output, provider.counts, code)
    output.stop_threads()
    return code


async def _start(provider: _Provider, output: Output) -> Exit:
    try:
        await provider.start()
    except ListenError as error:
        output.findings([explain_no_listener(error)])
        return Exit.NETWORK
    except StorageError as error:
        output.note(f"error: {error}")
        if error.hint:
            output.note(f"  try     {error.hint}")
        return Exit.FILES
    gc.freeze()  # what is there now stays: the collector need not look at it again while instances come
    return Exit.OK


def _sum_up(output: Output, counts: ListenerCounts, code: Exit) -> None:
    output.event(
        "summary",
        ok=code is Exit.OK,
        exit_code=int(code),
        stored=counts.stored,
        duplicates=counts.duplicates,
        discarded=counts.discarded,
        failed=counts.failed,
        refused=counts.refused,
        echoes=counts.echoes,
        associations=counts.associations,
        commands=counts.commands,
        failed_commands=counts.failed_commands,
        bytes=counts.size_bytes,
    )
    if code is Exit.OK:
        through = f"{counts.discarded} discarded" if counts.discarded else f"{counts.stored} stored"
        text = f"stopped: {through}, {size_text(counts.size_bytes)}"
        for word, count in (
            ("duplicates", counts.duplicates),
            ("failed", counts.failed),
            ("refused", counts.refused),
            ("commands failed", counts.failed_commands),
        ):
            if count:
                text += f"; {count} {word}"
        output.line(text)


# ------------------------------------------------------------------------------------------------------------ events


def _show(output: Output, event: ListenerEvent) -> None:
    _SHOWERS[type(event)](output, event)


def _who(facts: AssociationFacts) -> str:
    return f"{facts.calling_ae_title}@{facts.peer}"


def _caller(facts: AssociationFacts) -> dict[str, object]:
    return {"calling_aet": facts.calling_ae_title, "peer": facts.peer, "association": facts.association}


def _show_received(output: Output, event: ReceivedInstance) -> None:
    output.event(
        "stored",
        path=str(event.path),
        **_caller(event.facts),
        sop_class_uid=event.sop_class_uid,
        sop_instance_uid=event.sop_instance_uid,
        transfer_syntax_uid=event.transfer_syntax_uid,
        bytes=event.size_bytes,
        outcome=event.outcome.value,
        **remark_fields(event.problem, event.anomalies),
    )
    output.line(f"{event.outcome.value:<13}{_who(event.facts)}  {size_text(event.size_bytes):>9}  {event.path}")
    for line in remark_lines(event.problem, event.anomalies):
        output.line(line)


def _show_discarded(output: Output, event: InstanceDiscarded) -> None:
    output.event(
        "discarded",
        **_caller(event.facts),
        sop_class_uid=event.sop_class_uid,
        sop_instance_uid=event.sop_instance_uid,
        transfer_syntax_uid=event.transfer_syntax_uid,
        bytes=event.size_bytes,
    )
    output.detail(f"{'discarded':<13}{_who(event.facts)}  {size_text(event.size_bytes):>9}  {event.sop_instance_uid}")


def _show_failed(output: Output, event: StoreFailed) -> None:
    output.event(
        "failed",
        **_caller(event.facts),
        sop_class_uid=event.sop_class_uid,
        sop_instance_uid=event.sop_instance_uid,
        status=int(event.status),
        meaning=event.status.meaning(Service.STORAGE),
        reason=event.reason,
        hint=event.hint,
    )
    output.line(f"{'failed':<13}{_who(event.facts)}  0x{event.status:04X}  {event.reason}  {event.hint}")


def _show_refusal(output: Output, event: Refusal) -> None:
    word = "gone" if event.is_gone else "refused"
    output.event(
        word,
        peer=event.peer,
        association=event.association,
        reason=event.reason,
        calling_aet=event.calling_ae_title,
        called_aet=event.called_ae_title,
    )
    output.line(f"{word:<13}{event.peer}  {event.reason}")


def _show_echo(output: Output, event: EchoAnswered) -> None:
    output.event("echo", **_caller(event.facts))
    output.detail(f"{'echo':<13}{_who(event.facts)}")


def _show_began(output: Output, event: AssociationBegan) -> None:
    output.event("began", **_caller(event.facts))
    output.detail(f"{'began':<13}{_who(event.facts)}  called {event.facts.called_ae_title}")


def _show_ended(output: Output, event: AssociationEnded) -> None:
    error = "" if event.error is None else str(event.error)
    output.event("ended", **_caller(event.facts), error=error or None)
    if event.error is not None or output.is_verbose:
        output.line(f"{'ended':<13}{_who(event.facts)}  {error or 'released'}")


def _show_contexts(output: Output, event: ContextsRefused) -> None:
    for context in event.refused:
        output.event(
            "context_refused",
            **_caller(event.facts),
            sop_class_uid=context.abstract_syntax,
            transfer_syntax_uids=list(context.transfer_syntaxes),
            reason=context.text,
        )
        output.detail(f"{'refused':<13}{_who(event.facts)}  {context.abstract_syntax}: {context.text}")


def _show_answered(output: Output, event: RequestAnswered) -> None:
    output.event(
        "answered",
        **_caller(event.facts),
        service=event.service,
        detail=event.detail,
        problem=event.problem or None,
        anomalies=list(event.anomalies),
    )
    if event.problem or event.anomalies or output.is_verbose:
        said = event.problem or "; ".join(event.anomalies)
        output.line(f"{'answered':<13}{_who(event.facts)}  {event.service} {event.detail}  {said}".rstrip())


def _show_command(output: Output, event: CommandEnded) -> None:
    output.event(
        "command",
        **_caller(event.facts),
        command=event.command,
        arguments=list(event.arguments),
        exit_code_of_command=event.exit_code,
        seconds=round(event.seconds, 3),
        output=event.output,
        problem=event.problem or None,
    )
    if event.problem or output.is_verbose:
        shown = shlex.join(event.arguments) or event.command
        output.line(f"{'command':<13}{_who(event.facts)}  {event.problem or 'done'}: {shown}")
        for line in event.output.splitlines():
            output.line(f"{'':<13}{line}")


def _show_repaired(output: Output, event: ArchiveRepaired) -> None:
    for sentence in event.report.sentences:
        output.event("archive", text=sentence)
        output.line(f"{'archive':<13}{sentence}")
    for path, text in event.report.broken:
        output.event("broken", path=str(path), reason=text)
        output.line(f"{'broken':<13}{path}: {text}")


def _show_state(output: Output, event: ArchiveStateChanged) -> None:
    state = event.state
    for sentence in state.sentences:
        output.event(
            "archive",
            text=sentence,
            behind=state.behind,
            index_problem=state.trouble or None,
            refuses_instances=state.full or None,
        )
        output.line(f"{'archive':<13}{sentence}")


_SHOWERS: dict[type, Callable[[Output, Any], None]] = {
    ReceivedInstance: _show_received,
    InstanceDiscarded: _show_discarded,
    StoreFailed: _show_failed,
    Refusal: _show_refusal,
    EchoAnswered: _show_echo,
    AssociationBegan: _show_began,
    AssociationEnded: _show_ended,
    ContextsRefused: _show_contexts,
    RequestAnswered: _show_answered,
    CommandEnded: _show_command,
    ArchiveRepaired: _show_repaired,
    ArchiveStateChanged: _show_state,
}
