"""Moving a town through time, so that a demo of 2021 can be shown today.

Enters: a town and a number of weeks. Leaves: the same town that much later: weekdays and
distances stay. Must never happen: a date that stays behind. Birth dates move by whole years
instead, so that 1 January stays 1 January and swapped days stay swapped; ages change by
less than half a year, and nobody of the demo is that near to 18. The end of counselling is
computed anew from its start (FR-1). Implements the field document, chapter 9.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Final

from node import strictjson
from node.accounts.model import Account
from node.cases.consent import Consent
from node.cases.model import CaseFile, Record, counselling_last_day
from node.crypto.base64url import b64u, unb64u
from node.demo.answers import with_evidence
from node.demo.register import DemoCase, DemoTown, Handover
from node.strictjson import Json, JsonObject

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_MONTH: Final = re.compile(r"[0-9]{4}-[0-9]{2}", re.ASCII)
_DAYS_OF_A_YEAR: Final = 365.2425


def shift(town: DemoTown, weeks: int) -> DemoTown:
    """The town so many weeks later; fewer than none is earlier."""
    if weeks == 0:
        return town
    return replace(
        town,
        accounts=tuple(_account(account, weeks) for account in town.accounts),
        cases=tuple(shift_case(case, weeks) for case in town.cases),
    )


def shift_handover(handover: Handover, weeks: int) -> Handover:
    """A handover of the past so many weeks later."""
    if weeks == 0:
        return handover
    return Handover(
        day=handover.day + timedelta(weeks=weeks),
        before=tuple(shift_case(case, weeks) for case in handover.before),
        after=tuple(shift_case(case, weeks) for case in handover.after),
        arrived=tuple(shift_case(case, weeks) for case in handover.arrived),
    )


def shift_case(case: DemoCase, weeks: int) -> DemoCase:
    """One case so many weeks later."""
    return replace(
        case,
        file=_file(case.file, weeks),
        records=tuple(_record(record, weeks) for record in case.records),
        consents=tuple(_consent(consent, weeks) for consent in case.consents),
        birth_year=case.birth_year and case.birth_year + _years(weeks),
    )


def _years(weeks: int) -> int:
    return round(weeks * 7 / _DAYS_OF_A_YEAR)


def _account(account: Account, weeks: int) -> Account:
    later = account.active_from + timedelta(weeks=weeks)
    return replace(account, active_from=later)


def _file(file: CaseFile, weeks: int) -> CaseFile:
    by = timedelta(weeks=weeks)
    return replace(
        file,
        opened_on=file.opened_on + by,
        responsible_from=file.responsible_from and file.responsible_from + by,
        responsible_until=file.responsible_until and file.responsible_until + by,
    )


def _consent(consent: Consent, weeks: int) -> Consent:
    by = timedelta(weeks=weeks)
    return with_evidence(
        replace(
            consent,
            valid_from=consent.valid_from + by,
            valid_until=consent.valid_until + by,
            recorded_at=consent.recorded_at + by,
            declined_on=consent.declined_on and consent.declined_on + by,
        )
    )


def _record(record: Record, weeks: int) -> Record:
    values: JsonObject = {
        name: _later(value, weeks) for name, value in record.values.items()
    }
    if record.kind == "person":
        values |= _person(record.values, values["counselling_start"], weeks)
    if record.kind == "consent_evidence":
        values |= _evidence(record.values["evidence"], weeks)
    return replace(
        record,
        values=values,
        recorded_at=record.recorded_at + timedelta(weeks=weeks),
    )


def _person(before: Mapping[str, Json], start: str, weeks: int) -> JsonObject:
    born: str = before["birth_date"]
    years = _years(weeks)
    last_day = counselling_last_day(date.fromisoformat(start))
    values: JsonObject = {
        "birth_date": f"{int(born[:4]) + years}{born[4:]}",
        "counselling_max_end": last_day.isoformat(),
    }
    if "birth_year" in before:
        values["birth_year"] = before["birth_year"] + years
    return values


def _evidence(evidence: str, weeks: int) -> JsonObject:
    """What was agreed to elsewhere, as the consent itself has been shifted there."""
    said = strictjson.encode(_later(strictjson.parse(unb64u(evidence)), weeks))
    return {"evidence": b64u(said), "digest": hashlib.sha256(said).hexdigest()}


def _later(value: Json, weeks: int) -> Json:
    if isinstance(value, list):
        return [_later(item, weeks) for item in value]
    if isinstance(value, dict):
        return {name: _later(item, weeks) for name, item in value.items()}
    if not isinstance(value, str):
        return value
    if _DAY.fullmatch(value):
        return (date.fromisoformat(value) + timedelta(weeks=weeks)).isoformat()
    if _MONTH.fullmatch(value):
        first = date.fromisoformat(f"{value}-01") + timedelta(weeks=weeks)
        return first.isoformat()[:7]
    return value
