"""The sender's end of a handover, from the permit to the receipt.

Enters: decisions of people, statements of the recipient (verified and in order), the own
clock. Leaves: transactions that change the transfer, the cases, the exchange log and the
outbox together. Must never happen: share B leaves without the gate's yes in the same
transaction; a transfer ends by anything but a statement or, before the grant, our own
clock or will. Implements handover 4.1, 5.1 and P1, P4, P7, P11.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, assert_never

from node.cases.consent import Permit, Recipient, Wish, Withheld, gate
from node.cases.extract import member_of
from node.cases.model import Baton, CaseFile
from node.crypto.hpke import unwrap
from node.crypto.jws import b64u
from node.crypto.seal import wrap_share_b
from node.errors import KeyRetiredError, TransitionError, UnknownKeyError, UsageError
from node.failpoints import Point
from node.ids import CaseId, KeyId, TransferId
from node.sync.issue import issue
from node.sync.limits import RETENTION
from node.sync.logbook import SYSTEM, Act, Subject, Who, record
from node.sync.message import Statement, StatementType
from node.sync.ports import Office, PacketRow, UnitOfWork, Wake
from node.sync.transfer import (
    HOLDING,
    Effect,
    Outbound,
    OutboundTransfer,
    OutEvent,
    OutStep,
    Refusal,
    Why,
)

type_bodies = Mapping[Effect, Mapping[str, Any]]
