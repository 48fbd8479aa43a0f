"""Backups: made of a live node, refused when touched, restored to what there was."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from node.crypto.backupbox import check_backup
from node.crypto.keys import OpeningKey
from node.errors import BackupError, ConfigError
from node.failpoints import NoFailpoints
from node.founding import Paths
from node.report.backups import Kind
from node.store.backup import (
    DOCUMENTS,
    KEY_FILES,
    PACKETS,
    SETTINGS_FILES,
    STATE_FILES,
    WEEK_FILES,
)
from node.store.backupduty import backups_of
from node.store.backupfile import open_file
from node.store.backuprestore import open_keys, restore
from node.store.backupverify import verify_set
from node.store.engine import open_engine
from node.store.weekturn import turn_of
from tests.support.backups import add_clerk, found_node, keeper
from tests.support.seen import spilled
from tests.support.staged import CANARIES, NAME, open_rich_case


@pytest.fixture
def sheets(tmp_path, dialect, request):
    """A node on the dialect with one rich case; gives its recovery sheets."""
    url = ""
    if dialect == "postgresql":
        server = request.getfixturevalue("postgres")
        url = server.url(server.empty())
    made = found_node(tmp_path / "node", url)
    with keeper(tmp_path / "node") as node:
        node.store.write_sync(add_clerk)
        open_rich_case(node)
    return made


@pytest.fixture
def node(tmp_path, sheets):
    with keeper(tmp_path / "node") as opened:
        yield opened


@pytest.fixture(scope="module")
def lite(tmp_path_factory):
    """A SQLite node, its sheets and one verified set, shared by tests that only read."""
    root = tmp_path_factory.mktemp("lite")
    sheets = found_node(root / "node")
    with keeper(root / "node") as node:
        node.store.write_sync(add_clerk)
        open_rich_case(node)
        set_ = node.duty.verify(node.backups.create()).set
    content = root / "content" / f"content-{set_}.backup"
    keys = root / "keys" / f"keys-{set_}.backup"
    return root, sheets, content, keys


def make_set(node):
    set_ = node.backups.create()
    vault = node.backups.vault
    return (
        vault.content / f"content-{set_}.backup",
        vault.keys / f"keys-{set_}.backup",
    )


@pytest.mark.spec("SR-R1")
def test_a_backup_of_a_node_under_writes_restores_to_one_moment(node, sheets, tmp_path):
    stop, opened = threading.Event(), []

    def go_on_writing():
        while not stop.is_set():
            opened.append(open_rich_case(node, f"Demo-{len(opened)}"))

    writer = threading.Thread(target=go_on_writing)
    writer.start()
    try:
        while not opened:
            stop.wait(0.01)
        content, keys = make_set(node)
    finally:
        stop.set()
        writer.join()
    verified = node.duty.verify(content.name[len("content-") : -len(".backup")])
    assert verified.keys_opened > 0
    sheet = sheets[1]
    made = restore(
        open_file(content, sheet.opening, sheet.signer),
        open_file(keys, sheet.opening, sheet.signer),
        tmp_path / "back",
    )
    with keeper(tmp_path / "back") as back:
        found = back.store.read_sync(lambda uow: uow.dump.counts())
        assert found == dict(made.manifest.counts)
        assert 1 < found["case_file"] <= len(opened) + 1
        case = opened[0]
        person = back.store.read_sync(lambda uow: uow.cases.content(case)).of("person")
        assert person[0].values["family_name"] == "Demo-0"


@pytest.mark.spec("SR-R1")
def test_a_backup_restores_into_a_database_of_the_same_dialect(
    node, sheets, tmp_path, dialect, request
):
    content, keys = make_set(node)
    url = ""
    if dialect == "postgresql":
        server = request.getfixturevalue("postgres")
        url = server.url(server.empty())
    before = node.store.read_sync(lambda uow: uow.dump.counts())
    sheet = sheets[0]
    restore(
        open_file(content, sheet.opening, sheet.signer),
        open_file(keys, sheet.opening, sheet.signer),
        tmp_path / "back",
        database=url,
    )
    with keeper(tmp_path / "back") as back:
        after = back.store.read_sync(lambda uow: uow.dump.counts())
        assert after == before | {"backup": 0}
        open_rich_case(back, "Demo-Danach")


@pytest.mark.spec("LR-11")
def test_a_restored_node_finds_no_mark_and_keeps_the_old_one_for_reading(
    lite, tmp_path
):
    root, sheets, content, keys = lite
    restore_set(sheets[0], content, keys, tmp_path / "back")
    assert not Paths(tmp_path / "back").mark.exists()
    copy = tmp_path / "back" / "state" / "log.mark.backup"
    assert copy.read_bytes() == Paths(root / "node").mark.read_bytes()


def restore_set(sheet, content, keys, folder):
    return restore(
        open_file(content, sheet.opening, sheet.signer),
        open_file(keys, sheet.opening, sheet.signer),
        folder,
    )


def test_a_restore_goes_into_an_empty_folder_only(lite, tmp_path):
    _, sheets, content, keys = lite
    (tmp_path / "back").mkdir()
    (tmp_path / "back" / "note.txt").write_text("mine")
    with pytest.raises(ConfigError, match="empty"):
        restore_set(sheets[0], content, keys, tmp_path / "back")
    assert [path.name for path in (tmp_path / "back").iterdir()] == ["note.txt"]


def test_a_restored_node_does_not_open_the_database_that_was_lost(lite, tmp_path):
    root, sheets, content, keys = lite
    settings = (root / "node" / "node.toml").read_text("utf-8")
    assert "database =" not in settings
    restore_set(sheets[0], content, keys, tmp_path / "back")
    assert "database =" not in (tmp_path / "back" / "node.toml").read_text("utf-8")


@pytest.mark.parametrize("which", [2, 3], ids=["content", "keys"])
def test_every_changed_byte_is_refused(lite, which):
    raw = bytearray(lite[which].read_bytes())
    # Every byte of the keys; of the content the prelude, the end, and samples between.
    places = set(range(len(raw)))
    if len(raw) > 30_000:
        between = range(0, len(raw), len(raw) // 500)
        places = {*range(4000), *between, *range(len(raw) - 100, len(raw))}
    for place in places:
        raw[place] ^= 1 << place % 8
        with pytest.raises(BackupError):
            check_backup(lambda: iter((raw,)), lite[1][0].signer)
        raw[place] ^= 1 << place % 8
    check_backup(lambda: iter((raw,)), lite[1][0].signer)


@pytest.mark.parametrize("which", [2, 3], ids=["content", "keys"])
def test_a_file_that_was_cut_or_continued_is_refused(lite, which):
    raw = lite[which].read_bytes()
    lengths = {0, 1, 18, 19, 23, 64, *range(100, len(raw), len(raw) // 200)}
    cut = (raw[:length] for length in (*lengths, len(raw) - 1))
    for content in (*cut, raw + b"\0", raw + raw):
        with pytest.raises(BackupError):
            check_backup(lambda content=content: iter((content,)), lite[1][0].signer)


def test_a_wrong_recovery_key_opens_nothing(lite):
    _, sheets, content, _ = lite
    stranger = open_file(content, OpeningKey.generate(), sheets[0].signer)
    with pytest.raises(BackupError, match="not sealed to this key"):
        list(stranger.members())


def test_a_backup_signed_by_another_node_is_refused(lite, tmp_path):
    _, sheets, content, _ = lite
    other = found_node(tmp_path / "other")
    with pytest.raises(BackupError, match="signature"):
        open_file(content, sheets[0].opening, other[0].signer)


def test_content_and_keys_of_two_moments_do_not_pass_for_a_set(lite, tmp_path):
    _, sheets, content, keys = lite
    with pytest.raises(BackupError, match="no backup of keys"):
        restore_set(sheets[0], content, content, tmp_path / "back")
    with pytest.raises(BackupError, match="no backup of content"):
        restore_set(sheets[0], keys, keys, tmp_path / "again")


@pytest.mark.spec("I9")
def test_no_text_of_a_person_and_no_key_lies_in_a_backup(lite, tmp_path):
    root, _, content, _ = lite
    assert spilled(content.parent, CANARIES) == []
    assert spilled(root / "keys", CANARIES) == []
    master = Paths(root / "node").master.read_bytes()
    for path in (*content.parent.iterdir(), *(root / "keys").iterdir()):
        assert master not in path.read_bytes()
    # Nor anywhere else, such as in what a verification left.
    assert spilled(root / "node", CANARIES) == []
    assert not list((root / "node" / "state" / "verify").glob("set-*"))


def test_the_search_for_texts_finds_them(tmp_path):
    (tmp_path / "plain.backup").write_bytes(b"\0" * 99 + NAME.encode())
    assert spilled(tmp_path, CANARIES) == [str(tmp_path / "plain.backup")]


def damage(node, statement):
    def change(uow):
        with uow:
            uow.upkeep._work.change(text(statement))
            uow.commit()

    node.store.write_sync(change)


@pytest.mark.spec("SR-R2")
@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE case_file SET wrapped = sealed FROM consent", "does not open"),
        ("UPDATE case_file SET wrapped = substr(wrapped, 1, 40)", "does not open"),
        ("UPDATE log_key SET wrapped = substr(wrapped, 1, 40)", "does not open"),
        ("DELETE FROM document_file", ""),
    ],
    ids=["other", "cut", "log", "none"],
)
def test_a_damaged_key_fails_the_verification(node, statement, said):
    if "consent" in statement:
        statement = "UPDATE case_file SET wrapped = (SELECT max(wrapped) FROM log_key)"
    damage(node, statement)
    set_ = node.backups.create()
    if not said:
        assert node.duty.verify(set_).files == 0
        return
    with pytest.raises(BackupError, match=said):
        node.duty.verify(set_)
    rows = node.store.read_sync(lambda uow: uow.backups.rows())
    assert {row.verified_at for row in rows} == {None}


@pytest.mark.spec("SR-R2")
def test_a_log_that_was_changed_fails_the_verification(node, dialect):
    if dialect == "postgresql":
        damage(node, "ALTER TABLE log_leaf DISABLE TRIGGER log_leaf_no_update")
    else:
        damage(node, "DROP TRIGGER log_leaf_no_update")
    change = "substr(input, 1, 32) || substr(input, 1, 1)"
    if dialect == "sqlite":
        change = f"CAST({change} AS BLOB)"
    damage(node, f"UPDATE log_leaf SET input = {change} WHERE idx = 0")
    set_ = node.backups.create()
    with pytest.raises(BackupError, match="the log in the backup is"):
        node.duty.verify(set_)


def test_a_file_that_a_row_names_and_the_disk_lost_makes_no_backup(node):
    for path in node.opened.paths.documents.glob("*/*"):
        path.unlink()
    with pytest.raises(Exception, match="missing"):
        node.backups.create()
    assert not list(node.backups.vault.content.glob("*"))


def test_without_recovery_keys_no_backup_is_made(node):
    node.opened.paths.recovery.unlink()
    with pytest.raises(ConfigError, match="backup keys new"):
        node.backups.create()
    assert not list(node.backups.vault.content.glob("*"))


@pytest.mark.spec("SR-K5")
def test_only_a_verified_key_backup_that_is_still_there_holds_a_week_key(node):
    week = node.opened.means.week_keys.newest.week
    assert not node.backups.holds_week_key(week)
    set_ = node.backups.create()
    assert not node.backups.holds_week_key(week)
    node.duty.verify(set_)
    assert node.backups.holds_week_key(week)
    assert not node.backups.holds_week_key("1999-W01")
    path = node.backups.vault.keys / f"keys-{set_}.backup"
    path.write_bytes(path.read_bytes()[:-1])
    assert not node.backups.holds_week_key(week)


@pytest.mark.spec("SR-K5")
def test_a_forgotten_week_key_goes_with_the_key_backups_that_hold_it(node):
    keys = node.opened.means.week_keys
    old = keys.newest.week
    first = node.duty.create_keys()
    with pytest.raises(ConfigError):
        node.backups.forget_week(old)
    keys.make("9999-W01", node.opened.means.randomness)
    both = node.duty.create_keys()
    keys.erase(old)
    alone = node.duty.create_keys()
    node.backups.forget_week(old)
    left = {path.name for path in node.backups.vault.keys.iterdir()}
    assert left == {f"keys-{alone}.backup"}
    assert first != both
    assert not node.backups.holds_week_key(old)
    assert node.backups.holds_week_key("9999-W01")


def test_old_key_backups_are_destroyed_and_the_newest_verified_set_stays(node):
    sets = [node.backups.create() for _ in range(5)]
    node.duty.verify(sets[0])
    later = replace(
        node.opened.means, clock=_Later(node.office.clock, timedelta(days=29))
    )
    node.backups._means = later
    node.backups.prune()
    vault = node.backups.vault
    assert {p.name for p in vault.keys.iterdir()} == {f"keys-{sets[0]}.backup"}
    assert {p.name for p in vault.content.iterdir()} == {
        f"content-{name}.backup" for name in (sets[0], *sets[2:])
    }
    rows = node.store.read_sync(lambda uow: uow.backups.rows())
    assert sum(row.destroyed_at is not None for row in rows) == 5


class _Later:
    def __init__(self, clock, by):
        self._clock, self._by = clock, by

    def now(self):
        return self._clock.now() + self._by


def test_the_duty_takes_up_a_set_that_a_crash_left_unverified(node):
    set_ = node.backups.new_set()
    node.backups.create_content(set_)
    node.duty()
    rows = node.store.read_sync(lambda uow: uow.backups.rows())
    assert {(row.set, row.kind) for row in rows if row.verified_at} == {
        (set_, Kind.CONTENT),
        (set_, Kind.KEYS),
    }
    node.duty()
    assert len(node.store.read_sync(lambda uow: uow.backups.rows())) == 2


def test_the_names_in_a_backup_are_those_of_the_data_folder(lite, tmp_path):
    root, sheets, _, keys = lite
    paths = Paths(root / "node")
    assert [root / "node" / name for name in KEY_FILES] == [
        paths.master,
        paths.keyring,
        paths.recovery,
    ]
    assert [root / "node" / name for name in STATE_FILES] == [
        paths.register,
        paths.mark,
    ]
    assert (root / "node" / WEEK_FILES).parent == paths.week_keys
    assert (root / "node" / PACKETS, root / "node" / DOCUMENTS) == (
        paths.packets,
        paths.documents,
    )
    assert root / "node" / SETTINGS_FILES[1] == paths.root
    opened = open_keys(open_file(keys, sheets[1].opening, sheets[1].signer))
    assert opened.master == paths.master.read_bytes()


def test_every_table_of_the_database_is_in_a_backup(node):
    tables = node.store.read_sync(lambda uow: uow.dump.counts()).keys()
    engines = open_engine(node.opened.settings.database_url, durable=False)
    query = (
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        if engines.one_writer
        else "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    )
    with engines.reader.connect() as connection:
        found = {row[0] for row in connection.execute(text(query))}
    engines.close()
    assert found - {"alembic_version"} == set(tables)


@pytest.mark.spec("LR-38", "SR-K5")
def test_erasing_at_once_turns_to_a_backed_up_key_and_makes_older_backups_useless(
    node, sheets, tmp_path
):
    turn = turn_of(node.store, node.opened.means, NoFailpoints(), backups_of(node.duty))
    before = node.duty.verify(node.backups.create())
    old_content = tmp_path / "content" / f"content-{before.set}.backup"
    old_keys = tmp_path / "keys" / f"keys-{before.set}.backup"
    turned = turn.at_once()
    assert turned.erased
    # The old key went from the folder and from every key backup; the new one is in both.
    assert not old_keys.exists()
    assert node.backups.holds_week_key(turned.in_use)
    assert not any(map(node.backups.holds_week_key, turned.erased))
    # What was sealed before can be unpacked still, and nothing in it opens.
    newest = max((tmp_path / "keys").glob("keys-*.backup"))
    with pytest.raises(BackupError, match="does not open"):
        verify_set(
            old_content,
            newest,
            node.backups.vault.own,
            node.opened.means,
            folder=tmp_path / "node",
        )
    # A backup of today is whole.
    assert node.duty.verify(node.backups.create()).keys_opened > 0
