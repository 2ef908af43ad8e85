"""The upper layer's state transition table (PS3.8 table 9-10) as data.

One row an event, one column a state, in the standard's order, so that it can be held beside the standard. ``.`` is an
empty cell: the event cannot come in that state, unless our own user asks for what is not allowed.

:data:`NEXT_STATES` is the other half (PS3.8 tables 9-6 to 9-9): the state after each action. Two actions have two:
AE-6 depends on the request, AR-8 on our role.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from dicomgui.network.association.states import Action, Event, State

__all__ = ["NEXT_STATES", "TRANSITIONS"]

_TABLE_9_10 = """
        Sta1  Sta2  Sta3  Sta4  Sta5  Sta6  Sta7  Sta8  Sta9  Sta10 Sta11 Sta12 Sta13
Evt1    AE-1  .     .     .     .     .     .     .     .     .     .     .     .
Evt2    .     .     .     AE-2  .     .     .     .     .     .     .     .     .
Evt3    .     AA-1  AA-8  .     AE-3  AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-6
Evt4    .     AA-1  AA-8  .     AE-4  AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-6
Evt5    AE-5  .     .     .     .     .     .     .     .     .     .     .     .
Evt6    .     AE-6  AA-8  .     AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-7
Evt7    .     .     AE-7  .     .     .     .     .     .     .     .     .     .
Evt8    .     .     AE-8  .     .     .     .     .     .     .     .     .     .
Evt9    .     .     .     .     .     DT-1  .     AR-7  .     .     .     .     .
Evt10   .     AA-1  AA-8  .     AA-8  DT-2  AR-6  AA-8  AA-8  AA-8  AA-8  AA-8  AA-6
Evt11   .     .     .     .     .     AR-1  .     .     .     .     .     .     .
Evt12   .     AA-1  AA-8  .     AA-8  AR-2  AR-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-6
Evt13   .     AA-1  AA-8  .     AA-8  AA-8  AR-3  AA-8  AA-8  AR-10 AR-3  AA-8  AA-6
Evt14   .     .     .     .     .     .     .     AR-4  AR-9  .     .     AR-4  .
Evt15   .     .     AA-1  AA-2  AA-1  AA-1  AA-1  AA-1  AA-1  AA-1  AA-1  AA-1  .
Evt16   .     AA-2  AA-3  .     AA-3  AA-3  AA-3  AA-3  AA-3  AA-3  AA-3  AA-3  AA-2
Evt17   .     AA-5  AA-4  AA-4  AA-4  AA-4  AA-4  AA-4  AA-4  AA-4  AA-4  AA-4  AR-5
Evt18   .     AA-2  .     .     .     .     .     .     .     .     .     .     AA-2
Evt19   .     AA-1  AA-8  .     AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-7
"""


def _read(text: str) -> dict[tuple[State, Event], Action]:
    head, *rows = text.strip().splitlines()
    states = [State(int(name.removeprefix("Sta"))) for name in head.split()]
    cells: dict[tuple[State, Event], Action] = {}
    for row in rows:
        name, *actions = row.split()
        event = Event(int(name.removeprefix("Evt")))
        for state, action in zip(states, actions, strict=True):
            if action != ".":
                cells[state, event] = Action(action)
    return cells


TRANSITIONS: Final[Mapping[tuple[State, Event], Action]] = MappingProxyType(_read(_TABLE_9_10))
"""The action of every cell of table 9-10 that is not empty."""

NEXT_STATES: Final[Mapping[Action, tuple[State, ...]]] = MappingProxyType(
    {
        Action.AE_1: (State.STA4,),
        Action.AE_2: (State.STA5,),
        Action.AE_3: (State.STA6,),
        Action.AE_4: (State.STA1,),
        Action.AE_5: (State.STA2,),
        Action.AE_6: (State.STA3, State.STA13),  # the request is acceptable, or it is not
        Action.AE_7: (State.STA6,),
        Action.AE_8: (State.STA13,),
        Action.DT_1: (State.STA6,),
        Action.DT_2: (State.STA6,),
        Action.AR_1: (State.STA7,),
        Action.AR_2: (State.STA8,),
        Action.AR_3: (State.STA1,),
        Action.AR_4: (State.STA13,),
        Action.AR_5: (State.STA1,),
        Action.AR_6: (State.STA7,),
        Action.AR_7: (State.STA8,),
        Action.AR_8: (State.STA9, State.STA10),  # we are the requestor, or the acceptor
        Action.AR_9: (State.STA11,),
        Action.AR_10: (State.STA12,),
        Action.AA_1: (State.STA13,),
        Action.AA_2: (State.STA1,),
        Action.AA_3: (State.STA1,),
        Action.AA_4: (State.STA1,),
        Action.AA_5: (State.STA1,),
        Action.AA_6: (State.STA13,),
        Action.AA_7: (State.STA13,),
        Action.AA_8: (State.STA13,),
    }
)
"""The state after each action; where there are two, the comment says which is when."""
