"""Each attack is told in the trace by one finding: what the peer did, in one line, with the record that shows it."""

from __future__ import annotations

import pytest
from helpers import attacks
from helpers.bad_peer import Attack, dial, rows, short, target

from dicomgui.network.tracing import Record
from dicomgui.trace.diagnosis.diagnose import diagnose
from dicomgui.trace.finding import Finding, Severity

REQUESTS = rows(attacks.REQUEST_HEADS, attacks.REQUEST_CONTEXTS, attacks.USER_ITEMS, attacks.SUB_ITEMS)
CLASSES: dict[str, tuple[list[Attack], bool, set[str]]] = {
    "not DICOM at all": (attacks.NOT_DICOM, False, {"caller-not-dicom", "caller-uses-tls", "protocol-violation"}),
    "PDUs before an association": (
        attacks.BEFORE, False, {"protocol-violation", "caller-not-dicom", "caller-aborted", "caller-left"},
    ),
    "requests": ([one for one in REQUESTS if one.answer != "AC"], False, {"protocol-violation", "we-rejected"}),
    "PDUs in an association": (
        [one for one in attacks.IN_ASSOCIATION if one.answer != "RP"], True, {"protocol-violation", "caller-aborted"},
    ),
    "P-DATA": (attacks.P_DATA, True, {"protocol-violation"}),
    "command sets": (attacks.COMMAND_SETS, True, {"protocol-violation"}),
}  # fmt: skip


async def findings_of(attack: Attack, *, associated: bool) -> list[Finding]:
    records: list[Record] = []
    async with target(tracer=records.append) as listener:
        async with await dial(listener.port) as peer:
            if associated:
                await peer.associate()
            await peer.send(attack.payload)
            assert short(await peer.read()) == attack.answer
        await listener.is_empty()
        number = min(record.association for record in records if record.association)
        return diagnose(record for record in records if record.association == number)


@pytest.mark.parametrize("kind", CLASSES)
async def test_each_attack_has_one_finding(kind: str) -> None:
    table, associated, codes = CLASSES[kind]
    told: set[str] = set()
    for attack in table:
        found = await findings_of(attack, associated=associated)
        assert len(found) == 1, (attack.name, found)
        [finding] = found
        assert finding.severity in (Severity.ERROR, Severity.WARNING)
        assert finding.what.isprintable(), attack.name
        assert finding.evidence, attack.name
        told.add(finding.code)
    assert told <= codes
