"""A node's store for a command: opened beside a running node, without its listeners.

Enters: a data folder. Leaves: settings, keys and a store, until the command is done. Must
never happen: a command that starts on a schema it does not know; a listener or a worker
started by a command. Serves the commands of this package.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from node.bootstrap import open_keyring, own_hands
from node.config import Settings, load_settings
from node.crypto.keys import Keyring
from node.errors import UnknownNodeError
from node.founding import Paths, first_names, means_of
from node.store.engine import open_engine
from node.store.migrate import check_schema
from node.store.ownnames import OwnNames, own_names
from node.store.runner import Store
from node.store.work import Means
from node.sync.office import Office
from node.sync.rows import Wake
from node.trust.directory import Directory


@dataclass(frozen=True, slots=True)
class Opened:
    """What a command works with."""

    settings: Settings
    paths: Paths
    keyring: Keyring
    means: Means
    store: Store
    names: OwnNames


@contextmanager
def open_store(folder: Path) -> Iterator[Opened]:
    """Open the store of the node in a data folder.

    Raises:
        ConfigError, SchemaError, StoreError: It is none, or does not fit this program.
    """
    settings = load_settings(folder)
    paths = Paths(settings.folder)
    master, keyring = open_keyring(paths)
    hands = own_hands()
    engines = open_engine(settings.database_url, durable=not settings.demo)
    with ExitStack() as stack:
        stack.callback(engines.close)
        check_schema(engines)
        names = own_names(engines, first_names(settings.peer_url))
        means = means_of(
            paths,
            master,
            keyring,
            log_origin=names.log_origin,
            clock=hands.clock,
            randomness=hands.randomness,
        )
        store = Store(engines, means, listener=_nobody)
        stack.callback(store.close)
        yield Opened(settings, paths, keyring, means, store, names)


def office_of(opened: Opened) -> Office:
    """Keys, clock and the directory as the node last kept it, for a use case."""
    hands = own_hands()

    def kept() -> Directory:
        found = opened.store.read_sync(lambda uow: uow.directory.load())
        if found is None:
            raise UnknownNodeError("no directory yet")
        return found

    known = cache(kept)
    return Office(
        keys=lambda: opened.keyring,
        clock=hands.clock,
        randomness=hands.randomness,
        directory=known,
        failpoints=hands.failpoints,
        log_origin=opened.names.log_origin,
        witness_name=opened.names.witness_name,
        continues=opened.names.continues,
    )


def _nobody(what: Wake, key: str) -> None:
    """A command has no worker to wake; the node finds the row by itself."""
