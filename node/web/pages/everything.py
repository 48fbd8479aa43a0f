"""All pages, and what the frame of each shows beside them.

A page that is not listed here does not exist: routes and navigation follow from this list.
"""

from typing import Final

from node.accounts.model import Role
from node.casework.inbox import count_waiting
from node.exchangelog.standing import Standing
from node.sync.courier import Runner
from node.sync.firstword import standing
from node.web.frame import AccountView, Outlook, Route
from node.web.language import Words, msgid
from node.web.pages import (
    accounts,
    aftermath,
    arrivals,
    casefile,
    cases,
    consentcards,
    consents,
    contacts,
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
        *settings.routes(),
        *statutes.routes(),
        *programs.routes(),
        *status.routes(),
    ]


async def outlook(run: Runner, account: AccountView, words: Words) -> Outlook:
    """Counts for the navigation and sentences that concern this account now."""
    counts = {}
    if Role.APPROVER in account.roles:
        counts["/inbox"] = await run.read(count_waiting)
    stand = await run.read(standing)
    if stand.standing is Standing.QUARANTINE:
        return Outlook(counts, reading_only=words.gettext(READING_ONLY))
    return Outlook(counts)
