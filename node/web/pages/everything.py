"""All pages, and what the frame of each shows beside them.

A page that is not listed here does not exist: routes and navigation follow from this list.
"""

from node.accounts.model import Role
from node.casework.inbox import count_waiting
from node.sync.courier import Runner
from node.web.frame import AccountView, Outlook, Route
from node.web.language import Words
from node.web.pages import (
    accounts,
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
    inbox,
    logaccess,
    logcompare,
    login,
    logreveal,
    moves,
    outbox,
    relocations,
    setup,
    status,
    withdrawals,
    witnesses,
    work,
)


def all_routes() -> list[Route]:
    """Every address of the pages."""
    return [
        *login.routes(),
        *setup.routes(),
        *work.routes(),
        *cases.routes(),
        *casefile.routes(),
        *documents.routes(),
        *consents.routes(),
        *consentcards.routes(),
        *withdrawals.routes(),
        *contacts.routes(),
        *moves.routes(),
        *relocations.routes(),
        *outbox.routes(),
        *inbox.routes(),
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
        *status.routes(),
    ]


async def outlook(run: Runner, account: AccountView, words: Words) -> Outlook:  # noqa: ARG001
    """Counts for the navigation and sentences that concern this account now."""
    counts = {}
    if Role.APPROVER in account.roles:
        counts["/inbox"] = await run.read(count_waiting)
    return Outlook(counts)
