"""The settings of one node: one file, the environment, checked at start.

Enters: ``node.toml`` in the data folder and variables ``STAFFELSTAB_*``. Leaves: a frozen
``Settings``. Must never happen: a secret in the environment or in an error text (SR-D3), a
setting that nobody reads, a wrong value that starts.
"""

import os
import tomllib
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from node.errors import ConfigError, MalformedMessageError
from node.ids import Ags, MemberId

FILE_NAME = "node.toml"
_PREFIX = "STAFFELSTAB_"
_SECRET_WORDS = ("PASSPHRASE", "PASSWORD", "SECRET", "TOKEN", "MASTER_KEY")


def _member(text: str) -> str:
    try:
        return MemberId(text)
    except MalformedMessageError:
        raise ValueError("expected <AGS prefix>-<name>") from None


def _ags(text: str) -> str:
    try:
        return Ags(text)
    except MalformedMessageError:
        raise ValueError("expected the eight digits of an AGS") from None


def _base_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query:
        raise ValueError("expected http(s)://host[:port]/")
    if parts.path not in {"", "/"} or parts.username or parts.fragment:
        raise ValueError("expected no path, user or fragment")
    return f"{parts.scheme}://{parts.netloc}"


def _proxy_url(text: str) -> str:
    parts = urlsplit(text)
    if text and (parts.scheme != "http" or parts.port is None):
        raise ValueError("expected http://host:port")
    return _base_url(text) if text else ""


def _network(text: str) -> str:
    return str(ip_network(text))


class Settings(BaseSettings):
    """Everything an operator can set; the file's keys are these names.

    Attributes:
        folder: The data folder: database, keys, sealed files, directory copy.
        member: Id of this node in the directory, like ``08337116-stadt-wehr``.
        name: Name of the body as people know it, like ``Stadt Wehr``.
        ags: The place the body sits in.
        database: SQLAlchemy URL; empty means SQLite in the data folder.
        web_host, web_port: Where the pages for people listen.
        web_url: Their public address.
        peer_host, peer_port: Where other nodes reach us.
        health_port: Local port for a program that watches the node; 0 opens none.
        peer_url: That listener's public address, as it stands in the key sheet.
        relay: Keep mailboxes for nodes that cannot be called (handover 10.5).
        relays: The mailboxes of this node; with one it opens no port for others.
        proxy: HTTP proxy for everything that goes to other nodes, ``http://host:port``.
        proxy_user: Name at the proxy; empty logs in nowhere.
        proxy_password_file: File with the password at the proxy.
        directory: Where directory files come from: a base URL or a folder.
        delivery: ``auto`` sends by itself when every basis allows it (FR-25).
        demo: Invented data; log-in by one button; http on loopback allowed.
        peer_requests_per_s: Requests that one verified key may make in a second.
        peer_open_transfers: Transfers of one peer that may be open at a time.
        log_transfer_years: Full years after which log entries of a handover are erased.
        log_audit_years: The same for looks into the log, from the day.
        log_operation_years: The same for entries about the node itself.
        allowed_networks: Private networks that peers may live in (SR-F10).
        accept_override: Take containers whose sender's quorum two people waived (LR-24).
        packet_mib: The largest container we take, in MiB; our key sheet tells it.
        document_mib: The largest document we take, in MiB.
        trusted_proxies: Networks whose word about a caller's address counts (SR-F1).
        smtp_host: Mail server for notices to people who work here; empty sends none.
        smtp_port: Its port; 465 is usual where ``smtp_security`` is ``tls``.
        smtp_security: ``starttls``, or ``tls`` from the first byte; both are verified.
        smtp_user: Name at the mail server; empty logs in nowhere.
        smtp_password_file: File with the password there.
        smtp_from: The address that mails come from.
        smtp_authorities: File with the certificates to trust; empty trusts the system's.
        backup_folder: Where content backups go; empty makes none.
        backup_keys_folder: Where key backups go: another disk, another hand.
        backup_hour: The hour of the day from which on the backup is made.
        backup_keep: How many content backups stay.
    """

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, extra="forbid", frozen=True, hide_input_in_errors=True
    )

    folder: Path
    member: Annotated[str, AfterValidator(_member)]
    name: str = Field(min_length=2, max_length=120)
    ags: Annotated[str, AfterValidator(_ags)]
    database: str = ""
    web_host: str = "127.0.0.1"
    web_port: int = Field(default=8080, ge=0, le=65535)
    web_url: Annotated[str, AfterValidator(_base_url)]
    peer_host: str = "127.0.0.1"
    peer_port: int = Field(default=8443, ge=0, le=65535)
    health_port: int = Field(default=0, ge=0, le=65535)
    peer_url: Annotated[str, AfterValidator(_base_url)]
    relay: bool = False
    relays: tuple[Annotated[str, AfterValidator(_base_url)], ...] = Field(
        default=(), max_length=2
    )
    proxy: Annotated[str, AfterValidator(_proxy_url)] = ""
    proxy_user: str = Field(default="", max_length=120, pattern=r"^[^:\s]*$")
    proxy_password_file: str = ""
    directory: str = ""
    delivery: Literal["auto", "confirm"] = "auto"
    demo: bool = False
    peer_requests_per_s: int = Field(default=200, ge=1, le=100_000)
    peer_open_transfers: int = Field(default=200, ge=1, le=100_000)
    log_transfer_years: int = Field(default=3, ge=1, le=30)
    log_audit_years: int = Field(default=2, ge=1, le=30)
    log_operation_years: int = Field(default=10, ge=1, le=30)
    accept_override: bool = True
    packet_mib: int = Field(default=64, ge=1, le=2048)
    document_mib: int = Field(default=25, ge=1, le=2048)
    allowed_networks: tuple[Annotated[str, AfterValidator(_network)], ...] = ()
    trusted_proxies: tuple[Annotated[str, AfterValidator(_network)], ...] = ()
    smtp_host: str = Field(default="", max_length=253, pattern=r"^[A-Za-z0-9.:-]*$")
    smtp_port: int = Field(default=587, ge=1, le=65535)
    smtp_security: Literal["starttls", "tls"] = "starttls"
    smtp_user: str = Field(default="", max_length=120)
    smtp_password_file: str = ""
    smtp_from: str = Field(default="", max_length=200, pattern=r"^([^@\s]+@[^@\s]+)?$")
    smtp_authorities: str = ""
    backup_folder: str = ""
    backup_keys_folder: str = ""
    backup_hour: int = Field(default=2, ge=0, le=23)
    backup_keep: int = Field(default=14, ge=1, le=365)

    @property
    def database_url(self) -> str:
        """The database to open."""
        return self.database or f"sqlite:///{self.folder / 'node.db'}"

    @property
    def is_pull_only(self) -> bool:
        """Whether nobody can call this node: it fetches from its relays."""
        return bool(self.relays)

    @property
    def backup_folders(self) -> tuple[Path, Path] | None:
        """Where content and keys go; None if no backups are made.

        Raises:
            ConfigError: Only one of the two is set, or one lies in the other.
        """
        if not self.backup_folder and not self.backup_keys_folder:
            invented = self.folder / "backup"
            return (invented / "content", invented / "keys") if self.demo else None
        content, keys = Path(self.backup_folder), Path(self.backup_keys_folder)
        if not content.is_absolute() or not keys.is_absolute():
            raise ConfigError("backup_folder, backup_keys_folder: both, absolute")
        if content.is_relative_to(keys) or keys.is_relative_to(content):
            raise ConfigError("backup_folder and backup_keys_folder must lie apart")
        return content, keys

    @property
    def log_years(self) -> tuple[int, int, int]:
        """How long entries of a handover, of audits and of the node may be opened."""
        return self.log_transfer_years, self.log_audit_years, self.log_operation_years

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file; nothing else is read."""
        return env_settings, init_settings


def load_settings(folder: Path) -> Settings:
    """Read and check the settings of the node in this data folder.

    Raises:
        ConfigError: The file is missing, unreadable or wrong, or a secret stands in the
            environment; the message names the setting and the way out, never a value.
    """
    path = folder / FILE_NAME
    for name in os.environ:  # noqa: TID251 - this is the one reader of the environment
        if name.startswith(_PREFIX) and any(word in name for word in _SECRET_WORDS):
            raise ConfigError(f"{name}: secrets come from files, not the environment")
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            f"{FILE_NAME} is missing: run `staffelstab init` first"
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(
            f"{FILE_NAME} is unreadable: {type(error).__name__}"
        ) from None
    try:
        return Settings(folder=folder, **values)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{FILE_NAME}: {where}: {first['msg']}") from None
