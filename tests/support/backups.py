"""A node of its own for tests of backups: founded in a folder, on either dialect."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from node.accounts.model import Account
from node.bootstrap import own_hands
from node.cli.opened import Opened, office_of, open_store
from node.crypto.backupbox import backup_keys
from node.crypto.recoverykey import RecoverySheet
from node.founding import Paths, Town, found, new_recovery_keys
from node.ids import Ags, MemberId
from node.store.backup import Backups, Vault
from node.store.backupduty import BackupDuty
from node.store.runner import Store
from node.store.unit import SqlUnitOfWork
from node.sync.office import Office
from node.trust.member import Contact
from tests.support.desk import CLERK


@dataclass(frozen=True, slots=True)
class Keeper:
    """A node without listeners, and what keeps its backups."""

    opened: Opened
    office: Office
    duty: BackupDuty

    @property
    def store(self) -> Store:
        """The node's store."""
        return self.opened.store

    @property
    def backups(self) -> Backups:
        """Where its backups are made."""
        return self.duty.backups


def found_node(folder: Path, database: str = "") -> tuple[RecoverySheet, ...]:
    """A node in a folder; gives its recovery sheets."""
    hands, paths = own_hands(), Paths(folder)
    found(
        paths,
        Town(
            member=MemberId("08337116-stadt-wehr"),
            name="Wehr",
            ags=(Ags("08337116"),),
            contact=Contact("Amt", "000", "amt@example.org"),
            web_url="http://wehr.localhost:1",
            peer_url="http://wehr.localhost:2",
            web_port=1,
            peer_port=2,
            directory="",
            database=database,
            demo=True,
        ),
        clock=hands.clock,
        randomness=hands.randomness,
    )
    return new_recovery_keys(paths, paths.master.read_bytes(), hands.randomness)


@contextmanager
def keeper(folder: Path) -> Iterator[Keeper]:
    """Open the node of a folder, with one clerk."""
    with open_store(folder) as opened:
        office = office_of(opened)
        vault = Vault(
            folder,
            folder.parent / "content",
            folder.parent / "keys",
            backup_keys(opened.paths.master.read_bytes()),
            kept=3,
        )
        backups = Backups(opened.store, opened.means, vault)
        duty = BackupDuty(backups, opened.store, opened.means, office, hour=2)
        yield Keeper(opened, office, duty)


def add_clerk(uow: SqlUnitOfWork) -> None:
    """The account that acts in these tests."""
    assert CLERK.account is not None
    with uow:
        uow.accounts.add(
            Account(
                id=CLERK.account,
                login="c" * 8,
                name="Demo C",
                roles=CLERK.roles,
                active_from=date(2020, 1, 1),
            )
        )
        uow.commit()
