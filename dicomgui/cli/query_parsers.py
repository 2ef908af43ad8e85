"""The parsers of the commands that query, retrieve, and work on normalized instances."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from dicomgui.cli.provider_parsers import add_strictness
from dicomgui.cli.repeat_parsers import add_repeating
from dicomgui.cli.values import checked, count, port, type_number
from dicomgui.network.association.params import AETitle

if TYPE_CHECKING:
    from dicomgui.app.asking.keys import Attribute, Key
    from dicomgui.network.service.models import QueryOperation

__all__ = ["add_query_commands"]

_Commands: TypeAlias = "argparse._SubParsersAction[Any]"
_Parents: TypeAlias = Sequence[argparse.ArgumentParser]

_LEVELS = ("patient", "study", "series", "image")
_OPERATIONS = {
    "n-create": "create an instance by N-CREATE",
    "n-set": "change an instance by N-SET",
    "n-get": "read an instance by N-GET",
    "n-action": "have something done with an instance by N-ACTION",
    "n-event-report": "report an event of an instance by N-EVENT-REPORT",
    "n-delete": "delete an instance by N-DELETE",
}


def add_query_commands(commands: _Commands, parents: _Parents, hurrying: argparse.ArgumentParser) -> None:
    """Add find, worklist, move, get and the six for normalized services.

    :param parents: the options that all commands with a peer share.
    :param hurrying: those of requests that have a priority.
    """
    for add in (_add_find, _add_worklist, _add_move, _add_get):
        add(commands, [*parents, hurrying])
    for operation in _OPERATIONS:
        _add_normalized(commands, parents, operation)


def _add(commands: _Commands, parents: _Parents, name: str, text: str, run: tuple[str, str]) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=text, description=text, parents=list(parents), allow_abbrev=False
    )
    parser.set_defaults(run=run)
    return parser


def _add_find(commands: _Commands, parents: _Parents) -> None:
    text = "query an archive by C-FIND"
    parser = _add(commands, parents, "find", text, ("dicomgui.cli.query_commands", "find"))
    _add_level(parser, "find")
    _add_keys(parser, "PatientName=DOE*, (0010,0020)=17, StudyDate=today")
    _add_queries(parser, "query")
    _add_ids(parser)
    _add_returned(parser)
    _add_folder(parser)


def _add_worklist(commands: _Commands, parents: _Parents) -> None:
    text = "query a modality worklist by C-FIND"
    parser = _add(commands, parents, "worklist", text, ("dicomgui.cli.query_commands", "worklist"))
    _add_keys(parser, "ScheduledProcedureStepSequence[0].Modality=CT")
    _add_queries(parser, "query")
    _add_returned(parser)
    _add_folder(parser)


def _add_move(commands: _Commands, parents: _Parents) -> None:
    text = "have objects sent to an AE by C-MOVE, to ourselves as well"
    parser = _add(commands, parents, "move", text, ("dicomgui.cli.retrieve_commands", "move"))
    parser.add_argument("--to", metavar="AET", type=checked(AETitle), required=True, help="AE title of the destination")
    _add_level(parser, "move")
    _add_keys(parser, "StudyInstanceUID=1.2.3; other keys are looked up by C-FIND first")
    _add_queries(parser, "request")
    _add_ids(parser)
    parser.add_argument("--listen", metavar="PORT", type=port, help="be the destination: listen here meanwhile")
    parser.add_argument("--out", metavar="DIR", help="folder for what arrives (with --listen); made if needed")
    _add_cancelling(parser)
    add_strictness(parser)


def _add_get(commands: _Commands, parents: _Parents) -> None:
    text = "fetch objects by C-GET"
    parser = _add(commands, parents, "get", text, ("dicomgui.cli.retrieve_commands", "get"))
    _add_level(parser, "get")
    _add_keys(parser, "StudyInstanceUID=1.2.3; other keys are looked up by C-FIND first")
    _add_queries(parser, "request")
    _add_ids(parser)
    parser.add_argument("--out", metavar="DIR", required=True, help="folder for what arrives; made if needed")
    _add_cancelling(parser)
    add_strictness(parser)


def _add_normalized(commands: _Commands, parents: _Parents, operation: str) -> None:
    run = ("dicomgui.cli.nservice_commands", "run")
    parser = _add(commands, parents, operation, _OPERATIONS[operation], run)
    parser.set_defaults(operation=operation, dataset=None, type_id=None, attributes=[])
    parser.add_argument(
        "--class", metavar="UID", dest="sop_class", required=True, help="SOP class: its UID, or its keyword in PS3.6"
    )
    add_repeating(parser, repeats="send the request N times on one association; a failure ends that")
    parser.add_argument("--instance", metavar="UID", help="SOP instance; n-create may leave it to the peer")
    parser.add_argument(
        "--context", metavar="UID", help="abstract syntax to propose instead, such as that of a print meta SOP class"
    )
    if operation in ("n-create", "n-set", "n-action", "n-event-report"):
        parser.add_argument(
            "--dataset",
            metavar="FILE",
            required=operation == "n-set",
            help="data set to send: DICOM JSON or a DICOM file; - for standard input",
        )
    if operation == "n-action":
        parser.add_argument(
            "--action", metavar="N", dest="type_id", type=type_number, required=True, help="action type id"
        )
    if operation == "n-event-report":
        parser.add_argument(
            "--event", metavar="N", dest="type_id", type=type_number, required=True, help="event type id"
        )
    if operation == "n-get":
        parser.add_argument(
            "--attribute",
            metavar="KEYWORD",
            dest="attributes",
            action="append",
            type=checked(_attribute),
            help="attribute to read, as often as needed (default: all)",
        )


def _add_level(parser: argparse.ArgumentParser, operation: QueryOperation) -> None:
    parser.add_argument("--level", choices=_LEVELS, default="study", help="default: %(default)s")
    parser.add_argument(
        "--root",
        "--model",
        metavar="NAME",
        type=checked(partial(_model, operation)),
        help="information model (default: what the peer accepts of study, patient and patient-study-only). Others, "
        "such as hanging-protocol, have no level: `dicomgui help query` names them",
    )


def _add_keys(parser: argparse.ArgumentParser, example: str) -> None:
    parser.add_argument(
        "-k", "--key", metavar="Keyword=value", dest="keys", action="append", default=[], type=checked(_key),
        help=f"what to match, as often as needed: {example}",
    )  # fmt: skip


def _add_queries(parser: argparse.ArgumentParser, noun: str) -> None:
    parser.add_argument(
        "--query",
        metavar="FILE",
        dest="queries",
        action="append",
        default=[],
        help="take the keys from a data set, too: DICOM JSON or a DICOM file, or each file of a folder; what is empty "
        f"in it is to be returned. Given again, or for a folder: one {noun} after the other over one association",
    )
    add_repeating(parser, repeats=f"send each {noun} N times on one association")


def _add_ids(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--ids-from",
        metavar="PATH",
        action="append",
        default=[],
        help="take the unique keys of the level from DICOM files: a file, a folder, a ZIP archive or a DICOMDIR, as "
        "often as needed; each is asked for once, at most 500 UIDs in one request",
    )


def _add_returned(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-r", "--return", metavar="Keyword", dest="returned", action="append", default=[], type=checked(_returned),
        help="what to return, as often as needed, instead of the usual",
    )  # fmt: skip
    parser.add_argument(
        "--limit",
        "--cancel-after",
        metavar="N",
        type=count,
        help="stop after N matches, by C-CANCEL (default: no limit)",
    )
    _add_cancel_ms(parser)


def _add_cancelling(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--cancel-after",
        metavar="N",
        type=count,
        help="send a C-CANCEL after N completed sub-operations and ask for nothing more; what came is kept "
        "(default: never)",
    )
    _add_cancel_ms(parser)


def _add_cancel_ms(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--cancel-after-ms",
        metavar="MS",
        type=count,
        help="send a C-CANCEL after so many ms; what came until then is kept (default: never)",
    )


def _add_folder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out", metavar="DIR", help="keep each match as a DICOM file in this folder as well; made if needed"
    )


def _model(operation: QueryOperation, text: str) -> str:
    from dicomgui.app.asking.information_models import model_for

    return model_for(text, operation)


def _key(text: str) -> Key:
    from dicomgui.app.asking.keys import parse_key

    return parse_key(text)


def _returned(text: str) -> Key:
    from dicomgui.app.asking.keys import parse_return_key

    return parse_return_key(text)


def _attribute(text: str) -> Attribute:
    from dicomgui.app.asking.keys import attribute_of

    return attribute_of(text)
