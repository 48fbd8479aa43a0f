"""All pages, and what the frame of each shows beside them.

A page that is not listed here does not exist: routes and navigation follow from this list.
"""

from datetime import date
from typing import Final, Protocol

from node.accounts.model import Role
from node.cases.days import local_day
from node.casework.archiving import abandoned
from node.casework.inbox import count_waiting
from node.casework.programs import ProgramsUnit, waiting_for
from node.casework.seconds import waiting
from node.exchangelog.standing import Standing
from node.report.readings import ReadingUnit
from node.sync.courier import Runner
from node.sync.firstword import standing
from node.sync.office import Office
from node.web.frame import AccountView, Outlook, Route
from node.web.language import Words, msgid
from node.web.networkwords import directory_notices
from node.web.pages import (
    accountchanges,
    accounts,
    aftermath,
    archiving,
    arrivals,
    casefile,
    cases,
    consentcards,
    consentpapers,
    consents,
    consenttexts,
    contacts,
    deputies,
    details,
    devices,
    directory,
    documents,
    earlyerasure,
    emergencies,
    erasures,
    evidence,
    exchangelog,
    exports,
    followups,
    guide,
    holding,
    household,
    importends,
    imports,
    importsteps,
    inbox,
    kiosk,
    legalbasis,
    logaccess,
    logcompare,
    login,
    logreveal,
    matching,
    merging,
    moves,
    myaccount,
    newcase,
    notifications,
    outbox,
    pastcontacts,
    personcopy,
    plan,
    planacts,
    programs,
    proof,
    proofsettings,
    protection,
    relocations,
    reports,
    restricted,
    restricting,
    returns,
    rights,
    sealedimport,
    settings,
    setup,
    sheets,
    sidenotes,
    snapshots,
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
        *guide.routes(),
        *work.routes(),
        *followups.routes(),
        *newcase.routes(),
        *cases.routes(),
        *casefile.routes(),
        *details.routes(),
        *sheets.routes(),
        *household.routes(),
        *protection.routes(),
        *plan.routes(),
        *planacts.routes(),
        *sidenotes.routes(),
        *restricted.routes(),
        *restricting.routes(),
        *holding.routes(),
        *earlyerasure.routes(),
        *archiving.routes(),
        *rights.routes(),
        *personcopy.routes(),
        *documents.routes(),
        *consents.routes(),
        # Before the pages of single consents, whose pattern would fit as well.
        *devices.routes(),
        *consentcards.routes(),
        *legalbasis.routes(),
        *consentpapers.routes(),
        *withdrawals.routes(),
        *contacts.routes(),
        *imports.routes(),
        *importsteps.routes(),
        *importends.routes(),
        *pastcontacts.routes(),
        *moves.routes(),
        *relocations.routes(),
        *matching.routes(),
        *merging.routes(),
        *outbox.routes(),
        *proof.routes(),
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
        *kiosk.routes(),
        # The own account and changes first: single accounts would fit them as well.
        *myaccount.routes(),
        *accountchanges.routes(),
        *accounts.routes(),
        *deputies.routes(),
        *emergencies.routes(),
        *consenttexts.routes(),
        # Before the pages of single reports, whose pattern would fit as well.
        *snapshots.routes(),
        *reports.routes(),
        *proofsettings.routes(),
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
    notices = emergency_notices(account, words)
    notices += change_notices(account.changes_waiting, words)
    notices += directory_notices(office, account.roles, office.clock.now(), words)
    offers, programs, stand = await run.read(
        _seen, account, local_day(office.clock.now())
    )
    counts = {"/inbox": offers} if Role.APPROVER in account.roles else {}
    if programs:
        notices.append(words.gettext(PROGRAM_WAITS))
    if stand is Standing.QUARANTINE:
        return Outlook(counts, notices, reading_only=words.gettext(READING_ONLY))
    return Outlook(counts, notices)


def _seen(uow: _FrameUnit, account: AccountView, on: date) -> tuple[int, int, Standing]:
    """What waits for an approver, programs for this caseworker, whether we may write."""
    is_approver = Role.APPROVER in account.roles
    advises = Role.CASEWORKER in account.roles
    return (
        count_waiting(uow)
        + len(waiting(uow, on, by=account.actor))
        + len(abandoned(uow, on, by=account.actor))
        if is_approver
        else 0,
        waiting_for(uow, account.id) if advises else 0,
        standing(uow).standing,
    )


def change_notices(count: int, words: Words) -> list[str]:
    """That a change of an account waits for this person as the second one."""
    if not count:
        return []
    text = words.ngettext(
        "%(num)s change of an account waits for you as second person: see My account.",
        "%(num)s changes of accounts wait for you as second person: see My account.",
        count,
    )
    return [text % {"num": count}]


def emergency_notices(account: AccountView, words: Words) -> list[str]:
    """That an emergency access runs, as long as it does."""
    count = len(account.emergencies)
    if not count:
        return []
    text = words.ngettext(
        "An emergency access to %(num)s case is running. It is on record.",
        "Emergency accesses to %(num)s cases are running. They are on record.",
        count,
    )
    return [text % {"num": count}]
