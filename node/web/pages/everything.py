"""All pages, and what the frame of each shows beside them.

A page that is not listed here does not exist: routes and navigation follow from this list.
"""

from typing import Final, Protocol

from node.accounts.model import Role
from node.casework.inbox import count_waiting
from node.casework.programs import ProgramsUnit, waiting_for
from node.exchangelog.standing import Standing
from node.report.readings import ReadingUnit
from node.sync.courier import Runner
from node.sync.firstword import standing
from node.sync.office import Office
from node.web.frame import AccountView, Outlook, Route
from node.web.language import Words, msgid
from node.web.networkwords import directory_notices
from node.web.pages import (
    accounts,
    aftermath,
    arrivals,
    casefile,
    cases,
    consentcards,
    consents,
    contacts,
    directory,
    documents,
    erasures,
    evidence,
    exchangelog,
    exports,
    inbox,
    logaccess,
    logcompare,
    login,
    logreveal,
    moves,
    notifications,
    outbox,
    programs,
    relocations,
    restricted,
    returns,
    sealedimport,
    settings,
    setup,
    sidenotes,
    status,
    statutes,
    withdrawals,
    witnesses,
    work,
)

PROGRAM_WAITS: Final = msgid(
    "A program wants to work in your caseload: see “Programs” under “My account”."
)
READING_ONLY: Final = msgid(
    "Only reading is possible just now: after a restore other offices may know more than"
    " this one. Nothing can be saved or sent until the administration has recovered it."
)


def all_routes() -> list[Route]:
    """Every address of the pages."""
    return [
        *login.routes(),
        *setup.routes(),
        *work.routes(),
        *cases.routes(),
        *casefile.routes(),
        *sidenotes.routes(),
        *restricted.routes(),
        *documents.routes(),
        *consents.routes(),
        *consentcards.routes(),
        *withdrawals.routes(),
        *contacts.routes(),
        *moves.routes(),
        *relocations.routes(),
        *outbox.routes(),
        # Before the pages of single offers, whose pattern would fit as well.
        *sealedimport.routes(),
        *exports.routes(),
        *returns.routes(),
        *inbox.routes(),
        *aftermath.routes(),
        *arrivals.routes(),
        # Before the pages of single transfers, whose pattern would fit as well.
        *erasures.routes(),
        *witnesses.routes(),
        *exchangelog.routes(),
        *logaccess.routes(),
        *logcompare.routes(),
        *logreveal.routes(),
        *evidence.routes(),
        *accounts.routes(),
        *notifications.routes(),
        *directory.routes(),
        *settings.routes(),
        *statutes.routes(),
        *programs.routes(),
        *status.routes(),
    ]


class _FrameUnit(ReadingUnit, ProgramsUnit, Protocol):
    """What the frame of a page asks, in one reading unit."""


async def outlook(
    run: Runner, office: Office, account: AccountView, words: Words
) -> Outlook:
    """Counts for the navigation and sentences that concern this account now."""
    notices = directory_notices(office, account.roles, office.clock.now(), words)
    offers, programs, stand = await run.read(_seen, account)
    counts = {"/inbox": offers} if Role.APPROVER in account.roles else {}
    if programs:
        notices.append(words.gettext(PROGRAM_WAITS))
    if stand is Standing.QUARANTINE:
        return Outlook(counts, notices, reading_only=words.gettext(READING_ONLY))
    return Outlook(counts, notices)


def _seen(uow: _FrameUnit, account: AccountView) -> tuple[int, int, Standing]:
    """Offers that wait, programs that wait for this caseworker, whether we may write."""
    is_approver = Role.APPROVER in account.roles
    advises = Role.CASEWORKER in account.roles
    return (
        count_waiting(uow) if is_approver else 0,
        waiting_for(uow, account.id) if advises else 0,
        standing(uow).standing,
    )
