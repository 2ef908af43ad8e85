"""The parser of the command line, and the way from a command's name to the code that does it.

Only the command that was asked for is loaded.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NoReturn, TypeAlias, cast

import dicomgui
from dicomgui.cli.capture_parsers import add_import_options, add_key_options
from dicomgui.cli.exits import Exit
from dicomgui.cli.output import safe
from dicomgui.cli.provider_parsers import (
    add_answers,
    add_commands,
    add_folders,
    add_granting,
    add_identifiers,
    add_keeping,
    add_limits,
    add_move_rules,
    add_negotiation,
    add_peers,
    add_practice,
    add_strictness,
)
from dicomgui.cli.query_parsers import add_query_commands
from dicomgui.cli.repeat_parsers import add_repeating
from dicomgui.cli.send_parsers import add_sending
from dicomgui.cli.template_parser import add_template_command
from dicomgui.cli.values import checked, flags, keepalive, max_pdu, operations, peer, port, seconds
from dicomgui.network.association.params import DEFAULT_MAX_PDU_LENGTH, AETitle
from dicomgui.network.errors import ConfigurationError

if TYPE_CHECKING:
    from dicomgui.network.transport.proxy import Proxy

__all__ = ["build_parser", "main"]

EXIT_CODES = """\
exit codes:
  0    done; warnings are shown
  1    a DICOM failure status, or a refused presentation context
  2    wrong usage
  3    network, association or time-out
  4    local files
  130  cancelled
"""


def main(arguments: Sequence[str] | None = None, *, on_loaded: Callable[[], None] | None = None) -> int:
    """Run one command and return its exit code.

    :param arguments: without the program's name; those of the process when left out.
    :param on_loaded: called once the command is loaded, before it runs; not for wrong usage.
    """
    try:
        options = build_parser().parse_args(arguments)
    except SystemExit as stop:  # argparse's way to end; its code for wrong usage is ours
        return int(stop.code or 0)
    module, function = options.run
    run = cast(Callable[[argparse.Namespace], int], getattr(importlib.import_module(module), function))
    if on_loaded is not None:
        on_loaded()
    try:
        return int(run(options))
    except KeyboardInterrupt:
        sys.stderr.write("cancelled\n")
        return Exit.CANCELLED
    except ConfigurationError as error:  # what only the command itself can judge, such as a certificate's file
        sys.stderr.write(f"dicomgui: error: {safe(f'{error}. {error.hint}'.strip())}\n")
        return Exit.USAGE


def build_parser() -> _Parser:
    """The parser of all commands."""
    parser = _Parser(
        prog="dicomgui",
        description="See, test and explain what two DICOM systems say to each other. Without arguments: the window.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"dicomgui {dicomgui.__version__}")
    # Only shown here: the program looks for them before there is a parser, since they need the window.
    parser.add_argument("--window", metavar="FILE", nargs="*", help="open the window, with these files")
    parser.add_argument("--selftest", action="store_true", help="say whether this installation works, and end")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)
    shown, traced, requesting = _shown(), _traced(), _requesting()
    calling = [_securing(is_server=False), _agreeing()]
    _add_echo(commands, [requesting, traced, *calling, shown])
    _add_send(commands, [requesting, _hurrying(), traced, *calling, shown])
    add_query_commands(commands, [requesting, traced, *calling, shown], _hurrying())
    add_template_command(commands, [requesting, traced, *calling, shown])
    granting = _Parser(add_help=False)
    add_granting(granting)
    providing = [traced, _securing(is_server=True), granting, shown]
    _add_listen(commands, providing)
    add_practice(commands, providing)
    _add_trace(commands, [shown])
    _add_help(commands, [shown])
    return parser


class _Parser(argparse.ArgumentParser):
    """Reports a wrong argument without handing its control characters to the terminal."""

    def error(self, message: str) -> NoReturn:
        """Print usage and message, and end with exit code 2."""
        super().error(safe(message))


def _shown() -> _Parser:
    options = _Parser(add_help=False)
    group = options.add_argument_group("output")
    group.add_argument("--json", action="store_true", help="print one JSON object a line")
    group.add_argument("-v", "--verbose", action="store_true", help="print more")
    return options


def _traced() -> _Parser:
    options = _Parser(add_help=False)
    group = options.add_argument_group("connection")
    group.add_argument("--timeout", metavar="S", type=seconds, help="wait so many seconds for each answer")
    group.add_argument(
        "--max-pdu",
        metavar="N",
        type=max_pdu,
        help=f"maximum PDU length to advertise, 0 for no limit (default: {DEFAULT_MAX_PDU_LENGTH})",
    )
    group.add_argument(
        "--max-send-pdu", metavar="N", type=max_pdu, help="send no longer PDUs, even if the peer takes them"
    )
    group.add_argument("--trace", metavar="FILE", help="save what goes over the wire (.dgtrace; holds patient data)")
    group.add_argument("--trace-append", action="store_true", help="continue that file instead of replacing it")
    group.add_argument("--trace-full", action="store_true", help="keep the sent and received objects in it as well")
    return options


def _securing(*, is_server: bool) -> _Parser:
    options = _Parser(add_help=False)
    group = options.add_argument_group("TLS")
    group.add_argument("--tls", action="store_true", help="speak TLS (PS3.15 B.12 unless a profile is named)")
    trusted = "required of callers" if is_server else "trusted; without it, what the system trusts"
    group.add_argument("--tls-ca", metavar="FILE", help=f"certificates of issuers, or their folder: {trusted}")
    group.add_argument("--tls-crl", metavar="FILE", help="lists of revoked certificates of the issuers")
    group.add_argument(
        "--tls-cert", metavar="FILE", help="our certificate and its chain (PEM, DER, or PKCS#12 with key)"
    )
    group.add_argument("--tls-key", metavar="FILE", help="its key (PEM or DER), unless it is in the same file")
    group.add_argument(
        "--tls-key-password-file",
        metavar="FILE",
        help="file whose first line is the password of the key; without it, from the keyring, or asked for here",
    )
    group.add_argument(
        "--tls-profile",
        metavar="NAME",
        help="bcp195 (default), modified-bcp195; retired: bcp195-rfc7525, non-downgrading, extended, aes, basic",
    )
    group.add_argument(
        "--tls-ciphers",
        metavar="LIST",
        help="cipher suites instead of the profile's, in order of preference: OpenSSL's names, parted by colons",
    )
    group.add_argument("--tls-min-version", choices=("1.2", "1.3"), help="where the profile's is not strict enough")
    group.add_argument("--tls-keylog", metavar="FILE", help="append the session keys, for Wireshark: a secret")
    if is_server:
        group.add_argument(
            "--tls-expect-server-name",
            metavar="NAME",
            help="refuse callers that ask for another server name (SNI), or for none",
        )
        group.add_argument(
            "--tls-client-auth",
            choices=("require", "verify", "none"),
            help="ask callers for a certificate (default: require with --tls-ca, else none)",
        )
    else:
        group.add_argument("--tls-server-name", metavar="NAME", help="name in the peer's certificate, if not its host")
        group.add_argument("--tls-insecure", action="store_true", help="trust any certificate (for tests)")
    return options


def _agreeing() -> _Parser:
    options = _Parser(add_help=False)
    group = options.add_argument_group("user and association")
    group.add_argument("--user", metavar="NAME", help="say who we are; without a passcode nothing proves it")
    group.add_argument("--password-file", metavar="FILE", help="file whose first line is the user's passcode")
    group.add_argument("--ask-password", action="store_true", help="passcode from the keyring, or asked for here")
    group.add_argument("--user-token", metavar="KIND:FILE", help="a token instead: saml, jwt or kerberos (in base64)")
    group.add_argument("--user-confirm", action="store_true", help="ask the peer to confirm the identity")
    group.add_argument("--user-required", action="store_true", help="abort where the peer does not confirm it")
    group.add_argument(
        "--async-ops",
        metavar="N[,M]",
        type=operations,
        help="ask for N requests of ours at once, and M of the peer's (default: 1); 0 for no limit",
    )
    group.add_argument(
        "--ext-neg",
        metavar="LIST",
        type=flags,
        help="extended negotiation to ask for: relational,date-time,fuzzy,timezone,enhanced-multi-frame",
    )
    group.add_argument("--role", choices=("scu", "scp", "both"), help="roles to ask for by role selection")
    add_negotiation(group)
    return options


def _requesting() -> _Parser:
    options = _Parser(add_help=False)
    options.add_argument("peer", metavar="PEER", type=checked(peer), help="AET@host:port, or the name of a saved node")
    options.add_argument("--calling", metavar="AET", type=checked(AETitle), help="our AE title (default: DICOMGUI)")
    options.add_argument(
        "--cancel-timeout",
        metavar="S",
        type=seconds,
        help="after a C-CANCEL wait so many seconds for the final response (default: the node's, or 10)",
    )
    group = options.add_argument_group("TCP")
    group.add_argument("--local", metavar="ADDR", help="local address to connect from")
    group.add_argument("--family", choices=("any", "ipv4", "ipv6"), help="addresses of the peer's name to try")
    group.add_argument(
        "--proxy",
        metavar="URL",
        type=checked(_proxy),
        help="proxy to go through: http://USER@HOST:PORT, or socks5h, socks5, socks4a, socks4",
    )
    group.add_argument(
        "--keepalive", metavar="S", type=keepalive, help="let the system ask after S seconds of silence, 0 for never"
    )
    return options


def _proxy(text: str) -> Proxy:
    from dicomgui.network.transport.proxy import parse_proxy

    return parse_proxy(text)


def _hurrying() -> _Parser:
    options = _Parser(add_help=False)
    options.add_argument("--priority", choices=("low", "medium", "high"), default="medium", help="default: %(default)s")
    return options


_Commands: TypeAlias = "argparse._SubParsersAction[_Parser]"


def _add_echo(commands: _Commands, parents: list[_Parser]) -> None:
    text = "test a peer by C-ECHO: each step to it timed, and where it fails, why"
    parser = commands.add_parser("echo", help=text, description=text, parents=parents, allow_abbrev=False)
    add_repeating(parser, repeats="send N C-ECHOs on one association")
    parser.set_defaults(run=("dicomgui.cli.commands", "echo"))


def _add_send(commands: _Commands, parents: list[_Parser]) -> None:
    text = "send files, folders, ZIP archives and DICOMDIRs by C-STORE"
    parser = commands.add_parser("send", help=text, description=text, parents=parents, allow_abbrev=False)
    parser.add_argument(
        "paths",
        metavar="PATH",
        nargs="*",
        help="a file, folder, ZIP archive or DICOMDIR; may be left out with --invent",
    )
    parser.add_argument(
        "--convert",
        choices=("never", "uncompressed", "lossless", "all"),
        default="uncompressed",
        help="what may be converted where the peer does not take it as it is: uncompressed files, losslessly "
        "compressed ones too, or all (default: %(default)s)",
    )
    parser.add_argument(
        "--report",
        metavar="FILE",
        help="write what became of each file to FILE: .csv, .json or .html; also where the send broke off",
    )
    parser.add_argument(
        "--send-broken",
        action="store_true",
        help="send files whose data sets break off or cannot be read as well, to test receivers",
    )
    add_sending(parser)
    parser.add_argument(
        "--commit",
        action="store_true",
        help="ask the peer to answer for what it has taken (storage commitment), and wait for that",
    )
    parser.add_argument(
        "--commit-listen",
        metavar="PORT",
        type=port,
        help="listen there for the answer as our AE title; without it the peer can only answer on the association of "
        "the request",
    )
    parser.add_argument(
        "--commit-host", metavar="ADDR", default="127.0.0.1", help="the address for that (default: %(default)s)"
    )
    parser.add_argument(
        "--commit-wait", metavar="S", type=seconds, default=300.0, help="seconds to wait for it (default: %(default)g)"
    )
    parser.set_defaults(run=("dicomgui.cli.commands", "send"))


def _network(text: str) -> str:
    from dicomgui.network.transport.networks import parse_network

    return str(parse_network(text))


def _add_listen(commands: _Commands, parents: list[_Parser]) -> None:
    text = "receive what is sent to us, keep it in a folder, and answer queries and retrievals from it"
    parser = commands.add_parser("listen", help=text, description=text, parents=parents, allow_abbrev=False)
    parser.add_argument("--port", metavar="N", type=port, default=11112, help="default: %(default)s; 0 for a free one")
    parser.add_argument("--aet", metavar="NAME", type=checked(AETitle), default="DICOMGUI", help="our AE title")
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("--dir", metavar="DIR", help="folder for what is received; made if needed")
    target.add_argument(
        "--discard",
        action="store_true",
        help="answer Success for instances and keep none, for load tests: no folder, no index, and no answers that "
        "need one (queries, C-MOVE, C-GET, storage commitment)",
    )
    parser.add_argument(
        "--index", metavar="DIR", help="folder for the index, on a disk with room (default: in the folder itself)"
    )
    parser.add_argument(
        "--host", metavar="ADDR", default="127.0.0.1", help="address to listen on, 0.0.0.0 for all (default: 127.0.0.1)"
    )
    parser.add_argument(
        "--no-fsync", action="store_true", help="faster: acknowledge before the disk has it safe from a power cut"
    )
    add_keeping(parser)
    add_folders(parser)
    add_strictness(parser)
    add_identifiers(parser)
    add_peers(parser)
    add_move_rules(parser)
    parser.add_argument(
        "--check-called", action="store_true", help="reject callers that call another AE title than --aet (1/1/7)"
    )
    parser.add_argument(
        "--allow", metavar="AET", action="append", default=[], help="let only these callers in, with * and ?"
    )
    parser.add_argument(
        "--allow-network",
        metavar="NET",
        dest="networks",
        action="append",
        default=[],
        type=checked(_network),
        help="take connections from these addresses only, e.g. 192.0.2.0/24",
    )
    add_limits(parser)
    add_commands(parser)
    add_answers(parser)
    parser.set_defaults(run=("dicomgui.cli.commands", "listen"))


def _add_help(commands: _Commands, parents: list[_Parser]) -> None:
    text = "print a page of help, or what pages there are"
    parser = commands.add_parser("help", help=text, description=text, parents=parents, allow_abbrev=False)
    parser.add_argument("page", metavar="PAGE", nargs="?", help="by its name; without it, the list")
    parser.set_defaults(run=("dicomgui.cli.help_command", "show"))


def _add_decisions(parser: _Parser) -> None:
    """The options for values that a redacted copy would still have, and that no rule can judge."""
    group = parser.add_argument_group("what may still identify somebody, in a redacted copy")
    text = "values to replace as well, by the numbers that the command tells: 1,3 or all"
    group.add_argument("--replace-left", metavar="N,N", default="", help=text)
    group.add_argument("--keep-left", metavar="N,N", default="", help="values that may stay: 1,3 or all")
    text = "another text that must stand nowhere in the copy; may be given again"
    group.add_argument("--also", metavar="TEXT", action="append", default=[], help=text)


def _add_trace(commands: _Commands, parents: list[_Parser]) -> None:
    text = "look into saved traces and single PDUs"
    group = commands.add_parser("trace", help=text, description=text, allow_abbrev=False)
    actions = group.add_subparsers(required=True, metavar="ACTION", parser_class=_Parser)

    def add(name: str, text: str) -> _Parser:
        parser = actions.add_parser(name, help=text, description=text, parents=parents, allow_abbrev=False)
        parser.set_defaults(run=("dicomgui.cli.trace_commands", name))
        return parser

    add("show", "list the associations and PDUs of a trace").add_argument("file", metavar="FILE")
    add("explain", "say what failed in a trace, why, and what to try").add_argument("file", metavar="FILE")
    export = add("export", "write a trace for Wireshark, as text, JSON lines or a report")
    export.add_argument("file", metavar="FILE")
    export.add_argument("-o", "--output", metavar="OUT", required=True, help="OUT.pcapng, .txt, .jsonl, .md, .dgtrace")
    formats = ("pcapng", "txt", "jsonl", "md", "dgtrace")
    export.add_argument("--format", choices=formats, help="the format, where the name of OUT does not say it")
    extent = export.add_mutually_exclusive_group()
    extent.add_argument("--redact", action="store_true", help="replace patient data (default for reports in Markdown)")
    extent.add_argument("--whole", action="store_true", help="leave everything as it is (default for all others)")
    _add_decisions(export)
    export.add_argument("--keylog", metavar="FILE", help="put a TLS key log into the .pcapng as well: a secret")
    add_import_options(add("import", "read the associations of a capture file (pcap, pcapng) into a trace"))
    add_key_options(add("add-keys", "put a TLS key log into a capture of the wire, so that Wireshark can decrypt it"))
    redact = add("redact", "write a copy of a trace without patient data, in which every byte stands where it stood")
    redact.add_argument("file", metavar="FILE")
    redact.add_argument("-o", "--output", metavar="OUT", help="OUT.dgtrace, or any format of export")
    redact.add_argument("--preview", action="store_true", help="only tell what would be replaced, if there is no OUT")
    redact.add_argument("--mask-ae", action="store_true", help="AE titles as well")
    redact.add_argument("--mask-addresses", action="store_true", help="host names and addresses as well")
    redact.add_argument("--mask-certificates", action="store_true", help="certificates of TLS as well")
    _add_decisions(redact)
    decode = add("decode", "decode a PDU or a command set, field by field, as JSON")
    decode.add_argument("file", metavar="FILE", nargs="?", default="-", help="- or nothing for standard input")
    decode.add_argument("--hex", action="store_true", help="the input is text in hexadecimal digits")
    decode.add_argument("--kind", choices=("pdu", "command"), help="what it is; found out when left out")
