"""Coming in by a real way: set-up links, passwords with an app, passkeys."""

import html
import re
import secrets
from dataclasses import dataclass, field

import pyotp

from node.accounts.model import Account, Bearer, Role
from node.accounts.ports import StaffUnit
from node.casework import staff
from node.casework.signin import subjects_of
from node.casework.staff import Invitation, Newcomer
from node.ids import AccountId
from tests.support.browser_by_hand import Browser, Page, words
from tests.support.office import LEADER, OpenOffice
from tests.support.softkey import SoftKey

GOOD = "Regenschirm sieben Kacheln im Mai"


def hidden(page: Page, name: str) -> str:
    """The first hidden value of this name."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page.text)
    assert found, name
    return html.unescape(found[1])


def options(page: Page, mode: str = "get") -> str:
    """What the page asks a passkey."""
    found = re.search(rf'data-passkey="{mode}" data-options="([^"]*)"', page.text)
    assert found, "no passkey is asked for"
    return html.unescape(found[1])


def secret(page: Page) -> str:
    """The key of an app, as it can be typed."""
    found = re.search(r'id="f-secret"[^>]*>\s*([A-Z2-7 ]+)<', page.text)
    assert found, "no key is shown"
    return found[1].replace(" ", "")


def codes(page: Page) -> list[str]:
    """The recovery codes of a page."""
    return re.findall(r"\b[2-9A-Z]{4}(?:-[2-9A-Z]{4}){3}\b", page.text)


def forget_wrong_tries(office: OpenOffice) -> None:
    """All tests come from one address: what one of them tried must not lock another."""

    def act(uow: StaffUnit) -> None:
        with uow:
            for subject in subjects_of("", "127.0.0.1"):
                uow.accounts.clear_failures(subject)
            uow.commit()

    office.node.store.write_sync(act)


def invited(
    office: OpenOffice,
    login: str,
    roles: frozenset[Role] = frozenset({Role.APPROVER}),
) -> tuple[Account, Bearer]:
    """Somebody new, and the link they were given."""
    link = Bearer.of(secrets.token_bytes(32))
    account = office.node.store.write_sync(
        staff.invite,
        Newcomer(login, f"Demo {login}", roles),
        Invitation(AccountId.of(secrets.token_bytes(16)), link, office.clock.now()),
        by=LEADER,
    )
    return account, link


@dataclass
class Person:
    """Somebody with a password, an app and codes on paper."""

    office: OpenOffice
    account: Account
    secret: str = ""
    codes: list[str] = field(default_factory=list)
    key: SoftKey | None = None
    password: str = GOOD

    def code(self, steps: int = 0) -> str:
        """What the app shows now, or some steps of 30 seconds later."""
        now = int(self.office.clock.now().timestamp()) + 30 * steps
        return pyotp.TOTP(self.secret).at(now)

    async def first_step(self, browser: Browser, *, password: str = "") -> Page:
        """Name and password."""
        door = await browser.get("/login")
        return await browser.post(
            "/login",
            door.form_token,
            name=self.account.login,
            password=password or self.password,
        )

    async def enter(self, browser: Browser, code: str = "") -> Page:
        """Name, password and code."""
        second = await self.first_step(browser)
        return await self.second_step(browser, second, code or self.code())

    async def second_step(self, browser: Browser, page: Page, code: str) -> Page:
        """The code, on the page that asks for it."""
        return await browser.post(
            "/login/code", page.form_token, code=code, _note=hidden(page, "_note")
        )

    async def touch(self, browser: Browser) -> Page:
        """The passkey."""
        assert self.key is not None
        door = await browser.get("/login")
        answer = self.key.get(options(door))
        return await browser.post("/login/passkey", door.form_token, _passkey=answer)


async def set_up(
    office: OpenOffice, link: str, text: str = GOOD, again: str = "", code: str = ""
) -> tuple[Page, str]:
    """Open a link, take a password with an app; gives the answer and the app's key."""
    browser = Browser(office.client)
    page = await browser.get(f"/setup/{link}")
    if page.status != 200:
        return page, ""
    key = secret(page)
    now = pyotp.TOTP(key).at(int(office.clock.now().timestamp()))
    answer = await browser.post(
        f"/setup/{link}",
        page.form_token,
        password=text,
        again=again or text,
        code=code or now,
        _note=hidden(page, "_note"),
    )
    return answer, key


async def somebody(
    office: OpenOffice, login: str, *roles: Role, with_passkey: bool = False
) -> Person:
    """Somebody who can sign in."""
    account, link = invited(office, login, frozenset(roles or (Role.APPROVER,)))
    if with_passkey:
        browser, origin = Browser(office.client), office.node.settings.web_url
        page = await browser.get(f"/setup/{link}")
        key = SoftKey(origin, id=secrets.token_bytes(16))
        made = key.create(options(page, "create"))
        done = await browser.post(
            f"/setup/{link}/passkey",
            page.form_token,
            label="Prüfschlüssel",
            _passkey=made,
        )
        assert done.status == 200, words(done)
        return Person(office, account, key=key)
    done, shared = await set_up(office, link)
    assert done.status == 200, words(done)
    return Person(office, account, shared, codes(done))
