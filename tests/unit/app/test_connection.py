"""How the program connects."""

from __future__ import annotations

import pytest

from dicomgui.app.connection import ConnectionOptions
from dicomgui.network import AETitle, ConfigurationError, PeerAddress, Timeouts, presets, serve
from dicomgui.network.tracing import PduRecord, Record


@pytest.mark.parametrize("wrong", [{"calling_ae": "seventeen letters"}, {"calling_ae": ""}, {"max_pdu_length": 7}])
def test_unusable_values_are_refused_at_once(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError):
        ConnectionOptions(**wrong)  # type: ignore[arg-type]


def test_the_title_is_checked_and_stripped() -> None:
    assert ConnectionOptions(calling_ae=" ME ").calling_ae == AETitle("ME")


async def test_the_options_reach_the_association() -> None:
    records: list[Record] = []
    options = ConnectionOptions("ME", Timeouts(connect_s=3.0), max_pdu_length=16_384, trace_full=True)
    async with await serve(port=0) as server:
        peer = PeerAddress.parse(f"X@127.0.0.1:{server.port}")
        async with options.connect(peer, presets.VERIFICATION, records.append) as association:
            assert association.negotiated.calling_ae_title == "ME"
    request = next(record for record in records if isinstance(record, PduRecord))
    assert (16_384).to_bytes(4, "big") in request.segments[0].data
