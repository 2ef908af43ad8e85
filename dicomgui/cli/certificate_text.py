"""The certificates of a peer as a command prints them."""

from __future__ import annotations

import time
from collections.abc import Sequence

from dicomgui.cli.output import Output
from dicomgui.trace.certificate import Certificate, certificate_json, certificate_rows

__all__ = ["chain_fields", "show_chain"]


def chain_fields(chain: Sequence[Certificate]) -> list[dict[str, object]]:
    """The certificates for ``--json``, the peer's own first."""
    return [certificate_json(one) for one in chain]


def show_chain(output: Output, chain: Sequence[Certificate], utc: float | None = None) -> None:
    """Print the certificates for people, the peer's own first.

    :param utc: the time that their validity is compared with, in seconds since 1970; by default now.
    """
    when = time.time() if utc is None else utc
    for number, certificate in enumerate(chain, start=1):
        rows = certificate_rows(certificate, when)
        output.line(f"  certificate {number} of {len(chain)}: {rows.pop('Certificate of')}")
        for title, text in rows.items():
            output.line(f"    {title.lower():<13}{text}")
