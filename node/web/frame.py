"""The frame of every page: what a page is given, and how it answers.

Enters: a request that the middlewares have let through. Leaves: a rendered page or a
redirect. Must never happen here: personal data in a title or an address, or a page that
finds its things anywhere but in ``Parts``. Implements screens chapter 2.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Protocol, TypeVar

import aiohttp_jinja2
import jinja2
from aiohttp import web

from node.accounts.model import Role
from node.accounts.policy import Actor
from node.accounts.session import IDLE
from node.casework.settings import TownUnit
from node.clock import Clock
from node.crypto.checkpoint import Checkpoint
from node.crypto.keys import Randomness
from node.errors import MalformedMessageError, NotFoundError, UnreachableError
from node.exchangelog.witness import WitnessMemory
from node.ids import AccountId, Ags, CaseId, Identifier, MemberId
from node.report.identities import Identities
from node.report.logaudit import PeerList
from node.report.logview import LogIndex
from node.report.people import People
from node.sync.courier import Runner
from node.sync.office import Office
from node.sync.ports import PacketFiles
from node.web.forms import Form
from node.web.guard import FORM, nonce_of
from node.web.handbook import HELP, help_for
from node.web.jobs import Jobs
from node.web.keptform import KEPT_PAGE, filled, kept_for, stands_here
from node.web.language import Language, Words
from node.web.navigation import Entry, entries_for, home_of
from node.web.press import NoPrinter, Printer
from node.web.session import SessionStorage, Undo, remember_saved, take_saved


@dataclass(frozen=True, slots=True)
class WebSettings:
    """What the pages need to know about their node.

    Args:
        body: The name people know, like ``Stadt Wehr``.
        origin: Our own origin as browsers spell it, like ``https://fall.wehr.de``.
        version: The software's version, shown in the footer.
        demo: Whether all data are invented and sign-in is one button.
        help_contact: Who helps, in one line; may be empty.
        sends_mail: Whether people are told by mail that something waits.
    """

    body: str
    origin: str
    version: str
    demo: bool
    help_contact: str = ""
    sends_mail: bool = False


@dataclass(frozen=True, slots=True)
class AccountView:
    """A person who works here, as pages show them."""

    id: AccountId
    name: str
    roles: frozenset[Role]
    language: Language = Language.GERMAN
    theme: str = "system"
    single_keys: bool = True
    login: str = ""
    stands_in_for: frozenset[AccountId] = frozenset()
    emergencies: Mapping[CaseId, bool] = field(default_factory=dict)
    changes_waiting: int = 0

    @property
    def actor(self) -> Actor:
        """The person as the permission table knows them, with what is in their hands."""
        return Actor(
            self.id,
            self.roles,
            stands_in_for=self.stands_in_for,
            emergencies=frozenset(self.emergencies),
            protection_open=frozenset(
                case for case, is_open in self.emergencies.items() if is_open
            ),
        )


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of a try to come in.

    ``account`` is set if it was good. ``locked_until`` says from when on passwords are
    taken again, ``needs_code`` that a second step is still missing, ``last_at`` when the
    person had come in before.
    """

    account: AccountView | None = None
    needs_code: bool = False
    locked_until: datetime | None = None
    last_at: datetime | None = None


class Accounts(Protocol):
    """Who may sign in; each call is one unit of work."""

    async def check_password(self, name: str, password: str, address: str) -> Attempt:
        """The account with this name and password; one answer for all that is wrong.

        ``address`` is where the try comes from. 503 if too many are being tried.
        """
        ...

    async def check_code(self, account: AccountId, code: str, address: str) -> Attempt:
        """The second step after a right password: six digits or a recovery code."""
        ...

    async def check_passkey(
        self, answer: str, challenge: bytes, only: AccountId | None = None
    ) -> Attempt:
        """The account whose passkey answered this challenge; ``only`` it, if set."""
        ...

    async def find(self, account: AccountId) -> AccountView | None:
        """The account while it may work here; roles count from the next request on."""
        ...

    async def demo_accounts(self) -> Sequence[AccountView]:
        """The invented people who sign in by a button; empty outside the demo."""
        ...


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the frame shows of the node's state to one account.

    Args:
        counts: Open items by address of a navigation entry, like ``{"/inbox": 2}``.
        notices: Sentences in the reader's language that concern this account now.
        reading_only: Why nothing can be written just now, in the reader's language; empty
            where all is well. Forms that write are absent then, not grey.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    notices: Sequence[str] = ()
    reading_only: str = ""


AskPeer = Callable[[MemberId, WitnessMemory | None], Awaitable[PeerList]]


async def _no_line(peer: MemberId, memory: WitnessMemory | None) -> PeerList:  # noqa: ARG001
    raise UnreachableError("no line to other nodes")


async def _no_answer(peer: MemberId) -> bool:  # noqa: ARG001
    return False


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything a page may use; made once by bootstrap.

    ``mark`` reads the log signer's memory outside the database, None if there is none.
    ``ask_peer`` fetches a peer's list of shared transfers, given what we remember of it;
    ``greet`` asks a peer whether it is there. ``read_town`` reads the town's settings anew.
    ``printer`` makes PDFs, or says that it cannot.
    ``address_of`` says where a request comes from, also behind a proxy we trust.
    """

    settings: WebSettings
    clock: Clock
    randomness: Randomness
    accounts: Accounts
    sessions: SessionStorage
    run: Runner
    office: Office
    files: PacketFiles
    places: Mapping[Ags, str]
    outlook: Callable[[AccountView, Words], Awaitable[Outlook]]
    people: People = field(default_factory=People)
    identities: Identities = field(default_factory=Identities)
    log_index: LogIndex = field(default_factory=LogIndex)
    mark: Callable[[], Checkpoint | None] = lambda: None
    jobs: Jobs = field(default_factory=Jobs)
    address_of: Callable[[web.Request], str] = lambda request: request.remote or ""
    ask_peer: AskPeer = _no_line
    greet: Callable[[MemberId], Awaitable[bool]] = _no_answer
    read_town: Callable[[TownUnit], None] = lambda _uow: None
    printer: Printer = field(default_factory=NoPrinter)


@dataclass(frozen=True, slots=True)
class Route:
    """One address of a page.

    Args:
        method: ``GET`` or ``POST``.
        path: Its address; variable parts in braces.
        handler: What answers.
        roles: Who may come here at all; None is everybody who signed in. Use cases ask
            the permission table themselves.
        is_public: Answered without signing in.
        takes_file: Its form is an upload: fields first, then one file.
        asks_proof: What it does weighs: who signed in more than five minutes ago shows
            again who they are (SR-B7).
        is_kiosk: Answered only while the device is in a client's hands; nothing else is
            answered then (SC-34).
    """

    method: str
    path: str
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    roles: frozenset[Role] | None = None
    is_public: bool = False
    takes_file: bool = False
    asks_proof: bool = False
    is_kiosk: bool = False


@dataclass(frozen=True, slots=True)
class Visit:
    """Who makes this request."""

    account: AccountView | None
    form_token: str


@dataclass(frozen=True, slots=True)
class Frame:
    """What base.html and the macros of kern.html read."""

    settings: WebSettings
    account: AccountView | None
    words: Words
    form_token: str
    now: datetime
    path: str
    home: str
    nonce: str = ""
    navigation: Sequence[Entry] = ()
    record_contact: str = ""
    help: str = ""
    outlook: Outlook = field(default_factory=Outlook)
    saved: str = ""
    undo: Undo | None = None
    idle_s: int = int(IDLE.total_seconds())


PARTS: Final = web.AppKey("parts", Parts)
KNOWN_PATHS: Final[web.AppKey[AbstractSet[str]]] = web.AppKey("known_paths")
ENVIRONMENTS: Final = {
    language: web.AppKey(f"templates_{language}", jinja2.Environment)
    for language in Language
}
WORDS: Final = web.AppKey("words", dict[Language, Words])
VISIT: Final = web.RequestKey("visit", Visit)
_RECORD_CONTACT: Final = "/contacts/new"
_Id = TypeVar("_Id", bound=Identifier)


def parts_of(request: web.Request) -> Parts:
    """What this page may use."""
    return request.config_dict[PARTS]


def account_of(request: web.Request) -> AccountView:
    """Who is signed in; only for routes that are not public."""
    account = request[VISIT].account
    if account is None:
        raise NotFoundError("no account")
    return account


def home_for(request: web.Request, account: AccountView) -> str:
    """Where this account's work begins."""
    return home_of(account.roles, request.config_dict[KNOWN_PATHS])


def form_of(request: web.Request) -> Form:
    """What was sent; the guard has read and checked it."""
    return request[FORM]


def words_of(request: web.Request) -> Words:
    """The reader's language."""
    visit = request.get(VISIT)
    account = visit.account if visit else None
    language = account.language if account else Language.GERMAN
    return request.config_dict[WORDS][language]


def path_id(request: web.Request, name: str, kind: type[_Id]) -> _Id:
    """An identifier in the address.

    Raises:
        NotFoundError: It has another form; that answers like an absent one (SR-B9).
    """
    try:
        return kind(request.match_info[name])
    except MalformedMessageError:
        raise NotFoundError(name) from None


async def page(
    request: web.Request, template: str, *, status: int = 200, **context: object
) -> web.Response:
    """Render a page in its frame.

    Args:
        request: The request being answered.
        template: A file in ``templates``.
        status: 422 puts "Error:" before the title.
        context: What the template reads.
    """
    frame = bare_frame(request)
    parts, account = parts_of(request), frame.account
    if account is not None:
        saved, undo = await take_saved(request)
        frame = replace(
            frame,
            outlook=await parts.outlook(account, frame.words),
            saved=saved,
            undo=undo,
        )
        late = await kept_for(request, parts.sessions, account.id)
        if late is not None and stands_here(request, late):
            shown = context.get("form")
            if not isinstance(shown, Form):
                return web.Response(status=303, headers={"Location": KEPT_PAGE})
            context["form"] = filled(shown, late)
    return render(request, template, frame, status=status, **context)


def render(
    request: web.Request,
    template: str,
    frame: Frame,
    *,
    status: int = 200,
    **context: object,
) -> web.Response:
    """Render a page in a frame that needs nothing more of the node."""
    return aiohttp_jinja2.render_template(
        template,
        request,
        {"frame": frame, "status": status, **context},
        app_key=ENVIRONMENTS[frame.words.language],
        status=status,
    )


def bare_frame(request: web.Request) -> Frame:
    """The frame without anything that must be asked of the store."""
    parts = parts_of(request)
    visit = request.get(VISIT) or Visit(None, "")
    known = request.config_dict[KNOWN_PATHS]
    roles = visit.account.roles if visit.account else frozenset[Role]()
    records = Role.CASEWORKER in roles and _RECORD_CONTACT in known
    town = parts.office.town()
    return Frame(
        settings=replace(
            parts.settings,
            help_contact=town.help_contact or parts.settings.help_contact,
        ),
        account=visit.account,
        words=words_of(request),
        form_token=visit.form_token,
        now=parts.clock.now(),
        path=request.path,
        home=home_of(roles, known),
        nonce=nonce_of(request, parts.randomness),
        navigation=entries_for(roles, known),
        record_contact=_RECORD_CONTACT if records else "",
        help=help_for(request.path) if HELP in known else "",
    )


async def see_other(
    request: web.Request, path: str, *, saved: str = "", undo: Undo | None = None
) -> web.Response:
    """Send the browser on after a form, so that reloading repeats nothing.

    Args:
        request: The request being answered.
        path: An address of our own; opaque ids only.
        saved: The green line for the next page, in the reader's language.
        undo: What takes it back.
    """
    if saved:
        await remember_saved(request, saved, undo)
    return web.Response(status=303, headers={"Location": path})
