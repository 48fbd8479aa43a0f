"""Mails over SMTP: one sentence, a link, nothing else.

Enters: settings, a password from its file, rows of the outbox. Leaves: mails, or a failure
that is tried again. Must never happen: a connection without verified TLS; a mail with a
name, a case or a handover in it (DO-47); an address or a password in a log. Implements
screens chapter 2 (mails), SR-F10 (the configured mail server), SR-D3.
"""

import hashlib
import smtplib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit

import structlog

from node.accounts.notices import Notice
from node.casework.notices import Letter, next_letter, plan, went
from node.config import Settings
from node.errors import ConfigError
from node.store.runner import Store
from node.sync.office import Office
from node.web.language import Language, Words
from node.web.noticewords import TEXTS

log = structlog.get_logger("mail")
TIMEOUT_S: Final = 20.0
_MOST: Final = 50


@dataclass(frozen=True, slots=True)
class MailDoor:
    """The mail server of the town, and who we are there."""

    host: str
    port: int
    is_tls_at_once: bool
    sender: str
    user: str = ""
    password: str = field(default="", repr=False)
    authorities: str = ""

    @classmethod
    def load(cls, settings: Settings) -> Self | None:
        """The door of the settings; None where no mails are sent.

        Raises:
            ConfigError: The sender is missing, or the password file is missing or open.
        """
        if not settings.smtp_host:
            return None
        if not settings.smtp_from:
            raise ConfigError("smtp_from: the address that mails come from is missing")
        password = _secret(settings.smtp_password_file) if settings.smtp_user else ""
        return cls(
            settings.smtp_host,
            settings.smtp_port,
            settings.smtp_security == "tls",
            settings.smtp_from,
            settings.smtp_user,
            password,
            settings.smtp_authorities,
        )

    def send(self, message: EmailMessage) -> None:
        """Hand one mail over.

        Raises:
            OSError, smtplib.SMTPException: It was not taken.
        """
        context = ssl.create_default_context(cafile=self.authorities or None)
        if self.is_tls_at_once:
            with smtplib.SMTP_SSL(
                self.host, self.port, timeout=TIMEOUT_S, context=context
            ) as server:
                self._hand_over(server, message)
            return
        with smtplib.SMTP(self.host, self.port, timeout=TIMEOUT_S) as server:
            server.starttls(context=context)
            self._hand_over(server, message)

    def _hand_over(self, server: smtplib.SMTP, message: EmailMessage) -> None:
        if self.user:
            server.login(self.user, self.password)
        server.send_message(message)


def _secret(name: str) -> str:
    path = Path(name)
    try:
        if path.stat().st_mode & 0o077:
            raise ConfigError("smtp_password_file: chmod 600, for its owner only")
        password = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise ConfigError("smtp_password_file cannot be read") from None
    if not password:
        raise ConfigError("smtp_password_file is empty")
    return password


class Notifier:
    """Makes the mails that are due and hands them over; slow, so it belongs in a thread."""

    def __init__(
        self, store: Store, office: Office, door: MailDoor, settings: Settings
    ) -> None:
        """Prepare; nothing is sent yet."""
        self._store = store
        self._office = office
        self._door = door
        self._body = settings.name
        self._url = settings.web_url

    def __call__(self) -> None:
        """Everything that is due now; each mail is settled before the next one is begun."""
        store, clock = self._store, self._office.clock
        store.write_sync(plan, self._office)
        for _ in range(_MOST):
            letter = store.write_sync(next_letter, clock.now())
            if letter is None:
                return
            # Crash here: nobody knows whether it went; it is sent once more (claims).
            sent = self._send(letter)
            store.write_sync(went, letter.notice, clock.now(), sent=sent)

    def _send(self, letter: Letter) -> bool:
        try:
            self._door.send(self.message(letter))
        except (OSError, smtplib.SMTPException, ValueError) as error:
            # The text of a server's answer may quote an address.
            log.warning("mail not sent", code=type(error).__name__)
            return False
        return True

    def message(self, letter: Letter) -> EmailMessage:
        """One sentence and a link, in the reader's language."""
        notice = letter.notice
        words = Words(Language(letter.language))
        subject, sentence, path = TEXTS[notice.says]
        message = EmailMessage()
        message["From"] = self._door.sender
        message["To"] = letter.email
        message["Subject"] = f"Staffelstab, {self._body}: {words.gettext(subject)}"
        message["Date"] = format_datetime(self._office.clock.now())
        message["Message-ID"] = _number(notice, urlsplit(self._url).hostname or "")
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(f"{words.gettext(sentence)}\n\n{self._url}{path}\n")
        return message


def _number(notice: Notice, host: str) -> str:
    """The same for the same mail, so that a mail server can drop the second one."""
    named = f"{notice.account}\0{notice.kind}\0{notice.day.isoformat()}"
    return f"<{hashlib.sha256(named.encode()).hexdigest()[:32]}@{host}>"
