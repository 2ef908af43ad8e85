from __future__ import annotations

import pytest

from dicomgui.network.dimse import CommandField
from dicomgui.network.status import Service
from dicomgui.network.tracing import Direction
from dicomgui.trace.exchanges import Exchange, ExchangeTable, SubOperations, operation_name, service_of

CT = "1.2.840.10008.5.1.4.1.1.2"


def a_find(table: ExchangeTable) -> int:
    number = table.add(3, Direction.SENT, 5, 10)
    table.command_field[number] = CommandField.C_FIND_RQ
    table.sop_class[number] = table.intern("1.2.840.10008.5.1.4.1.2.2.1")
    table.began[number], table.sent[number] = 100.0, 100.25
    return number


def test_an_exchange_comes_out_of_the_table_as_it_went_in() -> None:
    table = ExchangeTable()
    number = a_find(table)
    table.pending[number] = 37
    exchange = table[number]
    assert (exchange.number, exchange.association, exchange.context_id, exchange.first_seq) == (1, 3, 5, 10)
    assert (exchange.operation, exchange.pending, exchange.status) == ("C-FIND", 37, -1)
    assert exchange.is_open
    assert (exchange.seconds, exchange.thinking_s) == (0.0, 0.0)
    assert len(table) == 1


def test_times_and_verdict_of_a_finished_one() -> None:
    table = ExchangeTable()
    number = a_find(table)
    table.first[number], table.ended[number], table.status[number] = 100.5, 102.0, 0xA700
    exchange = table[number]
    assert (exchange.seconds, exchange.thinking_s) == (2.0, 0.25)
    assert exchange.failed
    assert not exchange.warned


@pytest.mark.parametrize(
    ("status", "counts", "failed", "warned"),
    [
        (0x0000, SubOperations(0, 3, 0, 0), False, False),
        (0x0000, SubOperations(0, 2, 1, 0), True, False),  # success, and yet something failed
        (0xB000, SubOperations(0, 2, 0, 1), False, True),
        (0xFE00, SubOperations(), False, False),
        (-1, SubOperations(1, 0, 1, 0), False, False),  # not ended
    ],
)
def test_counted_failures_are_failures(status: int, counts: SubOperations, failed: bool, warned: bool) -> None:
    table = ExchangeTable()
    number = a_find(table)
    table.status[number], table.counts[number] = status, counts
    assert (table[number].failed, table[number].warned) == (failed, warned)


def test_one_line() -> None:
    table = ExchangeTable()
    number = a_find(table)
    assert table.describe(number).startswith("C-FIND · Study Root")
    table.pending[number], table.status[number] = 1234, 0xA700
    table.cancelled.add(number)
    assert table.describe(number).startswith("C-FIND → 1,234 pending → C-CANCEL → 0xA700 Refused")


def test_children() -> None:
    table = ExchangeTable()
    parent, child = a_find(table), a_find(table)
    table.add_child(parent, child)
    assert (table[child].parent, list(table.children[parent])) == (parent, [child])


def test_a_peer_cannot_fill_the_memory_with_names_of_classes() -> None:
    table = ExchangeTable()
    numbers = {table.intern(f"1.2.{number}") for number in range(10_000)}
    assert len(numbers) <= 4096
    assert table.intern("1.2.3") == table.intern("1.2.3")
    assert table.sop_classes[table.intern("1.2.9999")] == ""


def test_there_is_no_exchange_of_a_wrong_number() -> None:
    with pytest.raises(IndexError):
        ExchangeTable()[1]
    with pytest.raises(IndexError):
        ExchangeTable()[0]


@pytest.mark.parametrize(
    ("field", "name"),
    [
        (0x0001, "C-STORE"),
        (0x8021, "C-MOVE"),
        (0x0100, "N-EVENT-REPORT"),
        (0x0FFF, "C-CANCEL"),
        (0x1234, "command 1234H"),
    ],
)
def test_operation_names(field: int, name: str) -> None:
    assert operation_name(field) == name


def test_whose_statuses_they_are() -> None:
    assert service_of(0x0020) is Service.FIND
    assert service_of(0x8020, "1.2.840.10008.5.1.4.31") is Service.WORKLIST
    assert service_of(0x0140) is None


def test_an_exchange_is_a_value() -> None:
    table = ExchangeTable()
    number = a_find(table)
    before: Exchange = table[number]
    table.pending[number] = 1
    assert before.pending == 0
