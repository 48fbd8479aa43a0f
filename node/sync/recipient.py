"""The recipient's end of a handover, from the offer to the case in its new home.

Enters: statements and containers of the sender (verified and in order), decisions of the
approver. Leaves: transactions that change the transfer, the cases, the exchange log and
the outbox together. Must never happen: a plaintext byte before the grant and before the
whole container is verified; half a case; an approval by a party to the case. Implements
handover 4.2, 5.2, 8.6 and P5, P8.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import assert_never

from node.accounts.policy import require
from node.cases.intake import StaleEpoch, plan_intake
from node.crypto.hpke import wrap
from node.crypto.jws import b64u, unb64u
from node.crypto.keys import OpeningKey
from node.crypto.seal import (
    Prelude,
    open_preview,
    open_share_a,
    open_share_b,
    open_stream,
    read_prelude,
)
from node.errors import (
    ConflictError,
    InputError,
    MalformedMessageError,
    NotFoundError,
    PacketUnreadableError,
    UsageError,
)
from node.failpoints import Point
