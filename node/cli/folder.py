"""The data folder of a node, opened by one command, beside a running node or without one.

Enters: a folder. Leaves: its settings, keys and store, closed again at the end. Must never
happen: a private key printed; a command that talks to the network.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from node.bootstrap import Hands, open_keyring, own_hands
from node.config import Settings, load_settings
from node.crypto.keys import Keyring
from node.founding import Paths, log_origin, means_of
from node.store.engine import open_engine
from node.store.migrate import check_schema
from node.store.runner import Store


@dataclass(frozen=True, slots=True)
class Opened:
    """What a command works with."""

    settings: Settings
    paths: Paths
    keyring: Keyring
    store: Store
    hands: Hands

    @property
    def origin(self) -> str:
        """The name of the node's exchange log."""
        return log_origin(self.settings.peer_url)


@contextmanager
def opened(folder: Path) -> Iterator[Opened]:
    """Open a data folder.

    Raises:
        ConfigError, SchemaError: It holds no node, or one of another schema.
        StoreError: The database does not answer.
    """
    settings, hands, paths = load_settings(folder), own_hands(), Paths(folder)
    master, keyring = open_keyring(paths)
    engines = open_engine(settings.database_url, durable=not settings.demo)
    try:
        check_schema(engines)
    except BaseException:
        engines.close()
        raise
    means = means_of(
        paths,
        master,
        keyring,
        log_origin=log_origin(settings.peer_url),
        clock=hands.clock,
        randomness=hands.randomness,
    )
    # A running node finds what is due here by itself: it looks every minute.
    store = Store(engines, means, listener=lambda _what, _key: None)
    try:
        yield Opened(settings, paths, keyring, store, hands)
    finally:
        store.close()
