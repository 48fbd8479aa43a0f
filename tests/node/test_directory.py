"""The directory over files and HTTP: what a node believes, and what it refuses."""

import hashlib
import shutil
import socket
import ssl
import time
from dataclasses import replace
from datetime import timedelta
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from securesystemslib.formats import encode_canonical
from securesystemslib.signer import KEY_FOR_TYPE_AND_SCHEME, Key
from tuf.api.exceptions import DownloadError
from tuf.api.metadata import (
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

from node.crypto.keys import SigningKey
from node.errors import (
    ConfigError,
    DirectoryExpiredError,
    DirectoryFileError,
    NodeError,
    RollbackError,
    UnknownNodeError,
    UnreachableError,
)
from node.federation.fetcher import Source, make_fetcher
from node.federation.founding import PROPOSED, Quorum
from node.federation.registrar import publish
from node.federation.repository import KeyFile
from node.federation.tufkey import NodeKey, NodeSigner, use_one_verifier
from node.federation.updater import MAX_FILE_BYTES
from node.federation.wholefile import write_whole
from node.ids import Ags, MemberId
from node.trust.directory import Directory, Freshness
from node.trust.member import Member
from node.trust.routes import Routes
from tests.support.federation import (
    Federation,
    FileHandler,
    certificate,
    found,
    present,
    serving,
)
from tests.support.town import SAECKINGEN, WEHR, make_town, seed

AGS = Ags("08337116")
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def two_towns(tmp_path_factory: pytest.TempPathFactory) -> Federation:
    made = found(tmp_path_factory.mktemp("two-towns"))
    made.admit(make_town())
    made.admit(make_town(SAECKINGEN))
    return made


@pytest.fixture
def federation(two_towns: Federation, tmp_path: Path) -> Federation:
    return two_towns.copy(tmp_path)


def codes(directory: Directory) -> list[tuple[str, str]]:
    return [(fault.path, fault.code) for fault in directory.faults]


def refused(
    federation: Federation, previous: Directory | None = None
) -> type[NodeError]:
    with pytest.raises(NodeError) as caught:
        federation.refresh(previous)
    return type(caught.value)


# What works.


def test_a_node_reads_the_directory_from_a_folder(federation: Federation) -> None:
    directory = federation.refresh()
    assert directory.faults == ()
    assert directory.route(AGS, federation.at.date()) == WEHR
    assert directory.sealing_key(MemberId(WEHR), federation.at).kid == "k1"
    assert directory.stale(federation.at) is Freshness.FRESH
    assert directory.timestamp_version == 3
    assert directory.head.demo
    assert [role for role, _ in directory.head.ends] == [
        "08",
        "08337",
        "08337-keys",
        "revoker",
    ]


@pytest.mark.spec("HO-104", "DIR-9")
def test_a_node_reads_the_same_directory_over_http(federation: Federation) -> None:
    with serving(federation.folder) as url:
        directory = federation.refresh(source=Source(url, demo=True))
    assert directory.route(AGS, federation.at.date()) == WEHR
    again = federation.refresh(directory)
    assert again.holdings.records == directory.holdings.records


@pytest.mark.spec("HO-104", "DIR-9")
def test_a_node_is_a_mirror_for_others(federation: Federation, tmp_path: Path) -> None:
    town = make_town().rotated("k2")
    for step in range(3):
        directory = federation.refresh()
        other = replace(federation, own=tmp_path / "other")
        with serving(federation.own) as url:
            seen = other.refresh(source=Source(url, demo=True))
        assert (seen.head, seen.holdings.records) == (
            directory.head,
            directory.holdings.records,
        )
        if step == 0:
            publish(federation.folder, [federation.keys], at=federation.at)
        else:
            sheet = town.signed(town.sheet(2, federation.at)).decode()
            sheets = [sheet] if step == 1 else []
            publish(
                federation.folder, [federation.keys], at=federation.at, sheets=sheets
            )


def test_a_mirror_keeps_no_files_of_former_times(federation: Federation) -> None:
    first = federation.refresh()
    town = make_town().rotated("k2")
    sheet = town.signed(town.sheet(2, federation.at)).decode()
    publish(federation.folder, [federation.keys], at=federation.at, sheets=[sheet])
    federation.refresh(first)
    files = [path.name for path in federation.own.glob("targets/keys/*wehr.jws")]
    assert len(files) == 1
    roles = [path.name for path in federation.own.glob("metadata/*-keys.json")]
    assert roles == ["4.08337-keys.json"]


@pytest.mark.parametrize("digest", ["../../../../etc/hostname", "A" * 64, None])
def test_a_digest_that_is_none_never_becomes_a_path(
    federation: Federation, digest: str | None
) -> None:
    def spoil(part: Targets) -> None:
        info = part.targets[f"keys/{WEHR}.jws"]
        info.hashes = {"sha512": "0" * 128} if digest is None else {"sha256": digest}

    federation.forge("08337-keys", Targets, spoil)
    assert codes(federation.refresh()) == [(f"keys/{WEHR}.jws", "directory-file")]


def test_one_connection_serves_the_whole_refresh(federation: Federation) -> None:
    peers = set[object]()

    class Counting(FileHandler):
        def do_GET(self) -> None:  # noqa: N802 - the library's name
            peers.add(self.client_address)
            super().do_GET()

    with serving(federation.folder, Counting) as url:
        federation.refresh(source=Source(url, demo=True))
    # The question for the next root is answered by 404, after which we start afresh.
    assert len(peers) <= 2


@pytest.mark.spec("HO-102")
def test_an_unchanged_directory_costs_one_timestamp(federation: Federation) -> None:
    first = federation.refresh()
    publish(federation.folder, [federation.keys], at=federation.at)
    asked = FileHandler.asked
    with serving(federation.folder) as url:
        asked.clear()
        second = federation.refresh(first, Source(url, demo=True))
    assert second.timestamp_version == first.timestamp_version + 1
    assert second.holdings.records is first.holdings.records
    names = [path.rsplit("/", 1)[1] for path in asked]
    assert names == ["2.root.json", "timestamp.json", "4.snapshot.json"]


def test_a_new_town_arrives_and_the_others_stay(federation: Federation) -> None:
    first = federation.refresh()
    federation.admit(make_town("08337106-stadt-stuehlingen"))
    second = federation.refresh(first)
    assert second.faults == ()
    assert len(second.members()) == 3
    assert len(first.members()) == 2


@pytest.mark.spec("HO-98")
def test_a_changed_sheet_reaches_the_node_and_waits(federation: Federation) -> None:
    first = federation.refresh()
    town = make_town().rotated("k2")
    sheet = town.signed(town.sheet(2, federation.at)).decode()
    publish(federation.folder, [federation.keys], at=federation.at, sheets=[sheet])
    second = federation.refresh(first)
    assert second.sheet(town.id).serial == 2
    assert second.sealing_key(town.id, federation.at).kid == "k1"


def test_a_directory_survives_the_store(federation: Federation) -> None:
    first = federation.refresh()
    stored = Directory.decode(first.files)
    assert federation.refresh(stored).head.mark == first.head.mark


def test_a_whole_quorum_of_three_out_of_five_works(tmp_path: Path) -> None:
    federation = found(tmp_path, quorums=PROPOSED, demo=False)
    federation.admit(make_town())
    source = Source(str(federation.folder))
    directory = federation.refresh(source=source)
    assert directory.route(AGS, federation.at.date()) == WEHR
    assert not directory.head.demo


@pytest.mark.spec("HO-103")
def test_the_only_verifier_is_ours(federation: Federation) -> None:
    federation.refresh()
    assert dict(KEY_FOR_TYPE_AND_SCHEME) == {("ed25519", "ed25519"): NodeKey}


# The demo root.


@pytest.mark.spec("HO-94")
def test_a_demo_root_is_refused_outside_a_demo(federation: Federation) -> None:
    with pytest.raises(ConfigError, match="demonstrations"):
        federation.refresh(source=Source(str(federation.folder)))


@pytest.mark.spec("HO-94")
def test_a_root_of_one_key_without_the_mark_is_refused_too(tmp_path: Path) -> None:
    federation = found(tmp_path)

    def unmark(root: Root) -> None:
        root.unrecognized_fields.clear()

    federation.forge("root", Root, unmark)
    with pytest.raises(ConfigError):
        federation.refresh(source=Source(str(federation.folder)))


# Attacks on the metadata.


def test_a_rollback_is_refused(federation: Federation) -> None:
    old = federation.snapshot_of_files()
    publish(federation.folder, [federation.keys], at=federation.at)
    directory = federation.refresh()
    federation.put_back(old)
    assert refused(federation, directory) is RollbackError


def test_a_rollback_is_refused_after_the_own_folder_was_lost(
    federation: Federation,
) -> None:
    old = federation.snapshot_of_files()
    publish(federation.folder, [federation.keys], at=federation.at)
    directory = federation.refresh()
    federation.put_back(old)
    shutil.rmtree(federation.own)
    assert refused(federation, directory) is RollbackError


@pytest.mark.spec("DIR-8")
def test_frozen_metadata_is_refused_and_the_former_directory_stays(
    tmp_path: Path,
) -> None:
    federation = found(tmp_path, at=present() - 8 * DAY)
    assert refused(federation) is DirectoryExpiredError


@pytest.mark.parametrize(
    ("role", "kind"), [("snapshot", Snapshot), ("targets", Targets), ("root", Root)]
)
def test_ended_metadata_of_the_top_is_refused(
    federation: Federation, role: str, kind: Any
) -> None:
    def end(part: Any) -> None:
        part.expires = present() - DAY

    directory = federation.refresh()
    federation.forge(role, kind, end)
    assert refused(federation, directory) is DirectoryExpiredError


@pytest.mark.parametrize("role", ["snapshot", "08337"])
def test_mixed_files_of_different_times_are_refused(
    federation: Federation, role: str
) -> None:
    directory = federation.refresh()
    kind: Any = Snapshot if role == "snapshot" else Targets
    old = federation.path(role, kind).read_bytes()
    federation.admit(make_town("08337106-stadt-stuehlingen"))
    federation.path(role, kind).write_bytes(old)
    if role == "snapshot":
        assert refused(federation, directory) is RollbackError
    else:
        later = federation.refresh(directory)
        assert set(codes(later)) == {("routes/08337.json", "rollback")}
        assert later.route(AGS, federation.at.date()) == WEHR


def test_a_snapshot_that_forgets_a_role_is_refused(federation: Federation) -> None:
    def forget(snapshot: Snapshot) -> None:
        del snapshot.meta["08337.json"]

    directory = federation.refresh()
    federation.forge("snapshot", Snapshot, forget)
    assert refused(federation, directory) is DirectoryFileError


def test_a_role_that_goes_back_is_refused(federation: Federation) -> None:
    def older(snapshot: Snapshot) -> None:
        snapshot.meta["08337.json"] = MetaFile(1)

    directory = federation.refresh()
    federation.forge("snapshot", Snapshot, older)
    assert refused(federation, directory) is RollbackError


@pytest.mark.parametrize(
    ("role", "kind"), [("targets", Targets), ("revoker", Targets), ("root", Root)]
)
def test_too_few_keys_of_a_role_are_refused(
    tmp_path: Path, role: str, kind: Any
) -> None:
    quorums = {name: Quorum(2, 3) for name in ("root", "targets", "revoker")}
    federation = found(tmp_path, quorums=quorums)
    directory = federation.refresh()
    federation.forge(role, kind, lambda part: None, signers=1)
    assert refused(federation, directory) is DirectoryFileError


def test_too_few_keys_of_a_kreis_stop_its_news_only(tmp_path: Path) -> None:
    federation = found(tmp_path, quorums={"kreis": Quorum(2, 2)})
    federation.admit(make_town())
    directory = federation.refresh()
    federation.forge("08337", Targets, lambda part: None, signers=1)
    later = federation.refresh(directory)
    assert set(codes(later)) == {("routes/08337.json", "directory-file")}
    assert later.route(AGS, federation.at.date()) == WEHR


def signed_by(
    federation: Federation, part: Root | Snapshot | Targets | Timestamp, key: str
) -> bytes:
    """Metadata of one role with the signature of another role's key."""
    metadata: Metadata[Any] = Metadata(part)  # type: ignore[type-var]
    metadata.sign(NodeSigner(KeyFile.load(federation.keys / f"{key}-1.key").key))
    return metadata.to_bytes()


@pytest.mark.parametrize("key", ["snapshot", "targets", "08337", "root"])
def test_a_timestamp_signed_by_another_role_is_refused(
    federation: Federation, key: str
) -> None:
    part = federation.repository().load("timestamp", Timestamp)
    part.version += 1
    file = federation.path("timestamp", Timestamp)
    file.write_bytes(signed_by(federation, part, key))
    assert refused(federation) is DirectoryFileError


def test_a_list_signed_by_the_role_above_or_beside_it_brings_no_news(
    federation: Federation,
) -> None:
    directory = federation.refresh()
    for key in ("08", "08337-keys", "revoker", "targets"):
        part = federation.repository().load("08337", Targets)
        federation.forge("08337", Targets, lambda _: None)
        part.version += 1
        name = f"metadata/{part.version}.08337.json"
        (federation.folder / name).write_bytes(signed_by(federation, part, key))
        after = federation.refresh(directory)
        assert ("routes/08337.json", "directory-file") in codes(after)
        assert after.holdings.routes == directory.holdings.routes
        assert after.route(AGS, federation.at.date()) == WEHR


def test_one_key_signing_twice_is_one_key(tmp_path: Path) -> None:
    federation = found(tmp_path, quorums={"targets": Quorum(2, 2)})
    directory = federation.refresh()
    federation.forge("targets", Targets, lambda part: None, signers=1)
    path = federation.path("targets", Targets)
    text = path.read_bytes()
    start = text.index(b'"signatures":[') + len(b'"signatures":[')
    end = text.index(b"]", start)
    twice = text[start:end] + b"," + text[start:end]
    path.write_bytes(text[:start] + twice + text[end:])
    assert refused(federation, directory) is DirectoryFileError


@pytest.mark.spec("DIR-3")
def test_one_key_under_two_key_ids_is_refused(federation: Federation) -> None:
    def double(targets: Targets) -> None:
        assert targets.delegations is not None
        assert targets.delegations.roles is not None
        role = targets.delegations.roles["08"]
        key = targets.delegations.keys[role.keyids[0]]
        copy = NodeKey("0" * 64, key.keytype, key.scheme, dict(key.keyval))
        targets.delegations.keys[copy.keyid] = copy
        role.keyids.append(copy.keyid)
        role.threshold = 2

    directory = federation.refresh()
    federation.forge("targets", Targets, double)
    assert refused(federation, directory) is DirectoryFileError


def test_a_key_that_is_no_point_is_refused_under_its_right_id() -> None:
    use_one_verifier()
    for public in ("00" * 32, "00", "zz"):
        keyval = {"public": public}
        form = {"keytype": "ed25519", "scheme": "ed25519", "keyval": keyval}
        key_id = hashlib.sha256(encode_canonical(form).encode()).hexdigest()
        with pytest.raises(ValueError):
            Key.from_dict(key_id, dict(form))


@pytest.mark.parametrize(
    "change",
    [
        {"keytype": "rsa", "scheme": "rsassa-pss-sha256"},
        {"keyval": {"public": "00" * 32}},
        {"keyval": {"public": "zz"}},
        {"surplus": 1},
    ],
)
@pytest.mark.spec("HO-94")
def test_a_key_of_another_kind_is_refused(change: dict[str, Any]) -> None:
    listed = NodeKey.of(SigningKey(seed("a")).public)
    form = listed.to_dict() | change
    use_one_verifier()
    with pytest.raises(ValueError):
        Key.from_dict(listed.keyid, form)


def test_a_fast_forward_is_cured_by_a_new_root(federation: Federation) -> None:
    def run_ahead(timestamp: Timestamp) -> None:
        timestamp.version = 2**40

    federation.forge("timestamp", Timestamp, run_ahead)
    directory = federation.refresh()
    assert directory.timestamp_version == 2**40
    before = federation.repository().load("root", Root)
    new = SigningKey(seed("new timestamp"))

    def rotate(root: Root) -> None:
        root.revoke_key(before.roles["timestamp"].keyids[0], "timestamp")
        root.add_key(NodeKey.of(new.public), "timestamp")

    federation.forge("root", Root, rotate)
    (federation.keys / "timestamp-1.key").unlink()
    KeyFile("timestamp", new).save(federation.keys / "timestamp-1.key")

    def restart(timestamp: Timestamp) -> None:
        timestamp.version = 5

    federation.forge("timestamp", Timestamp, restart)
    later = federation.refresh(directory)
    assert (later.head.root, later.timestamp_version) == (2, 5)


def test_roots_are_followed_one_by_one(federation: Federation) -> None:
    directory = federation.refresh()
    for _ in range(2):
        federation.forge("root", Root, lambda root: None)
    assert federation.refresh(directory).head.root == 3


def test_a_root_of_strangers_is_refused(federation: Federation, tmp_path: Path) -> None:
    stranger = found(tmp_path / "stranger", at=federation.at - DAY)
    with pytest.raises(NodeError):
        federation.refresh(source=stranger.source, root=b"{}")
    other = KeyFile("root", SigningKey(seed("stranger")))
    (federation.keys / "root-1.key").unlink()
    other.save(federation.keys / "root-1.key")
    federation.forge("root", Root, lambda root: None)
    assert refused(federation) is DirectoryFileError


@pytest.mark.spec("DIR-2")
def test_a_timestamp_without_its_instant_is_refused(federation: Federation) -> None:
    def strip(timestamp: Timestamp) -> None:
        timestamp.unrecognized_fields.clear()

    federation.forge("timestamp", Timestamp, strip)
    assert refused(federation) is DirectoryFileError


def test_a_deny_list_that_is_not_listed_is_refused(federation: Federation) -> None:
    def hide(revoker: Targets) -> None:
        revoker.targets.clear()

    federation.forge("revoker", Targets, hide)
    assert refused(federation) is DirectoryFileError


def test_metadata_that_is_no_json_is_refused(federation: Federation) -> None:
    federation.path("timestamp", Timestamp).write_bytes(b"<html>")
    assert refused(federation) is DirectoryFileError


# Single files and single Kreise.


def test_an_ended_list_of_sheets_brings_no_news_and_an_alarm(
    federation: Federation,
) -> None:
    def end(part: Targets) -> None:
        part.expires = present() - DAY

    directory = federation.refresh()
    federation.forge("08337-keys", Targets, end)
    later = federation.refresh(directory)
    assert {code for _, code in codes(later)} == {"directory-expired"}
    assert later.stale(federation.at) is Freshness.FRESH
    assert later.sign_key(make_town().keyring.key_id)
    # What was verified before stays in force until its own end.
    assert later.head.ends == directory.head.ends
    assert later.sealing_key(MemberId(WEHR), federation.at)


@pytest.mark.parametrize("change", [b"{}", None])
def test_a_changed_or_missing_file_is_a_fault_and_tried_again(
    federation: Federation, change: bytes | None
) -> None:
    (file,) = federation.folder.glob("targets/members/*wehr.json")
    good = file.read_bytes()
    if change is None:
        file.unlink()
    else:
        file.write_bytes(change.ljust(len(good)))
    first = federation.refresh()
    code = "unreachable" if change is None else "directory-file"
    assert (f"members/{WEHR}.json", code) in codes(first)
    assert first.member(MemberId(SAECKINGEN))
    with pytest.raises(UnknownNodeError):
        first.member(MemberId(WEHR))
    file.write_bytes(good)
    assert federation.refresh(first).faults == ()


def list_file(federation: Federation, role: str, path: str, content: bytes) -> None:
    info = TargetFile.from_data(path, content, ["sha256"])
    folder, name = path.rsplit("/", 1)
    target = federation.folder / "targets" / folder
    write_whole(target / f"{info.hashes['sha256']}.{name}", content)

    def add(part: Targets) -> None:
        part.targets[path] = info

    federation.forge(role, Targets, add)


@pytest.mark.spec("HO-96")
def test_a_kreis_cannot_list_a_body_of_another_prefix(federation: Federation) -> None:
    stranger = make_town("08-landesamt", "08337106").record(federation.at)
    records = [make_town().record(federation.at), stranger]
    routes = Routes.of("08337", records).encode()
    list_file(federation, "08337", f"members/{stranger.id}.json", stranger.encode())
    list_file(federation, "08337", "routes/08337.json", routes)
    directory = federation.refresh()
    assert (f"members/{stranger.id}.json", "directory-file") in codes(directory)
    assert directory.route(Ags("08337106"), federation.at.date()) is None


@pytest.mark.spec("HO-97")
def test_a_stolen_key_in_a_record_is_a_fault(federation: Federation) -> None:
    directory = federation.refresh()
    mine = directory.member(MemberId(WEHR))
    other = directory.member(MemberId(SAECKINGEN))
    bad = Member.parse(mine.encode().replace(b'"serial":1', b'"serial":2'))
    text = bad.encode().replace(
        str(mine.sig[0].key).encode(), str(other.sig[0].key).encode()
    )
    list_file(federation, "08337", f"members/{WEHR}.json", text)
    later = federation.refresh(directory)
    assert codes(later) == [(f"members/{WEHR}.json", "rollback")]
    assert later.member(MemberId(WEHR)) == mine
    # The fault stays told although nothing is fetched again.
    assert federation.refresh(later).faults == later.faults


@pytest.mark.spec("HO-97", "DIR-4")
@pytest.mark.parametrize("part", ["log", "witness"])
def test_a_record_that_speaks_under_another_members_name_is_a_fault(
    federation: Federation, part: str
) -> None:
    directory = federation.refresh()
    mine = directory.member(MemberId(WEHR))
    other = directory.member(MemberId(SAECKINGEN))
    own, foreign = getattr(mine, part), getattr(other, part)
    keys = tuple(
        replace(listed, key=replace(listed.key, name=foreign.name))
        for listed in own.keys
    )
    bad = replace(mine, serial=2, **{part: replace(own, name=foreign.name, keys=keys)})
    list_file(federation, "08337", f"members/{WEHR}.json", bad.encode())
    later = federation.refresh(directory)
    assert codes(later) == [(f"members/{WEHR}.json", "rollback")]
    assert later.member(MemberId(WEHR)) == mine


@pytest.mark.spec("HO-98")
def test_the_online_role_cannot_write_a_sheet(federation: Federation) -> None:
    directory = federation.refresh()
    thief = make_town(keys="x")
    forged = thief.signed(thief.sheet(2, federation.at))
    list_file(federation, "08337-keys", f"keys/{WEHR}.jws", forged)
    later = federation.refresh(directory)
    assert codes(later) == [(f"keys/{WEHR}.jws", "bad-signature")]
    assert later.sheet(MemberId(WEHR)).serial == 1


def test_a_file_beyond_every_limit_is_not_fetched(federation: Federation) -> None:
    def boast(part: Targets) -> None:
        part.targets[f"keys/{WEHR}.jws"].length = MAX_FILE_BYTES + 1

    federation.forge("08337-keys", Targets, boast)
    assert codes(federation.refresh()) == [(f"keys/{WEHR}.jws", "directory-file")]


def test_a_land_that_is_out_of_scope_is_not_read(federation: Federation) -> None:
    source = Source(str(federation.folder), demo=True, lands=frozenset({"09"}))
    directory = federation.refresh(source=source)
    assert (directory.members(), directory.faults) == ((), ())


# The way there.


class Endless(FileHandler):
    """Never stops sending a timestamp."""

    def do_GET(self) -> None:  # noqa: N802 - the library's name
        if not self.path.endswith("timestamp.json"):
            super().do_GET()
            return
        self.send_response(200)
        self.end_headers()
        try:
            while True:
                self.wfile.write(b" " * 65_536)
        except OSError:
            self.close_connection = True


class Dripping(FileHandler):
    """Sends one byte now and then, so that no single wait is long."""

    def do_GET(self) -> None:  # noqa: N802 - the library's name
        self.send_response(200)
        self.send_header("Content-Length", "10000")
        self.end_headers()
        try:
            while True:
                self.wfile.write(b" ")
                time.sleep(0.05)
        except OSError:
            self.close_connection = True


class Silent(FileHandler):
    """Takes the request and waits until the other side hangs up."""

    def do_GET(self) -> None:  # noqa: N802 - the library's name
        self.rfile.read(1)
        self.close_connection = True


class Redirecting(FileHandler):
    """Sends everybody elsewhere."""

    def do_GET(self) -> None:  # noqa: N802 - the library's name
        self.send_response(302)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()


class Failing(FileHandler):
    """Is broken, or denies all knowledge."""

    def do_GET(self) -> None:  # noqa: N802 - the library's name
        self.send_error(503)


def served(
    federation: Federation,
    handler: type[SimpleHTTPRequestHandler],
    timeout_s: float = 5,
) -> type[NodeError]:
    with serving(federation.folder, handler) as url:
        source = Source(url, demo=True, timeout_s=timeout_s)
        with pytest.raises(NodeError) as caught:
            federation.refresh(source=source)
    return type(caught.value)


def test_endless_data_is_cut_off(federation: Federation) -> None:
    assert served(federation, Endless) is DirectoryFileError


@pytest.mark.parametrize("handler", [Dripping, Silent])
def test_a_slow_source_is_given_up(federation: Federation, handler: Any) -> None:
    assert served(federation, handler, timeout_s=0.3) is UnreachableError


def test_a_redirect_is_not_followed(federation: Federation) -> None:
    FileHandler.asked.clear()
    assert served(federation, Redirecting) is UnreachableError
    assert "/elsewhere" not in FileHandler.asked


def test_a_broken_server_is_unreachable(federation: Federation) -> None:
    assert served(federation, Failing) is UnreachableError


def test_a_connection_cut_in_between_stops_the_run(federation: Federation) -> None:
    class Cutting(FileHandler):
        def do_GET(self) -> None:  # noqa: N802 - the library's name
            if "/members/" in self.path:
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
            else:
                super().do_GET()

    assert served(federation, Cutting) is UnreachableError


def served_with(
    file: Path, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = version
    context.load_cert_chain(file)
    return context


def test_a_trusted_certificate_is_accepted(
    federation: Federation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with serving(federation.folder, tls=served_with(file)) as url:
        directory = federation.refresh(source=Source(url, demo=True))
    assert len(directory.members()) == 2


@pytest.mark.parametrize("what", ["stranger", "other name", "old version"])
@pytest.mark.spec("SR-F10")
def test_a_bad_certificate_or_version_is_unreachable(
    federation: Federation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    file = certificate(tmp_path, "127.0.0.2" if what == "other name" else "127.0.0.1")
    if what != "stranger":
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
    version = (
        ssl.TLSVersion.TLSv1_2 if what == "old version" else ssl.TLSVersion.TLSv1_3
    )
    with serving(federation.folder, tls=served_with(file, version)) as url:
        source = Source(url, demo=True)
        with pytest.raises(UnreachableError):
            federation.refresh(source=source)


def test_a_connection_closed_between_two_files_is_opened_again(
    federation: Federation,
) -> None:
    class Closing(FileHandler):
        def do_GET(self) -> None:  # noqa: N802 - the library's name
            super().do_GET()
            self.close_connection = True  # without a word to the client

    with serving(federation.folder, Closing) as url:
        directory = federation.refresh(source=Source(url, demo=True))
    assert directory.faults == ()


@pytest.mark.parametrize("name", ["../secret", "/etc/hostname", "metadata"])
def test_a_folder_gives_only_its_own_files(federation: Federation, name: str) -> None:
    fetcher = make_fetcher(federation.source)
    with pytest.raises(DownloadError):
        fetcher.download_bytes(f"folder:///{name}", 100)
    fetcher.close()


def test_an_ended_land_is_an_alarm_and_the_directory_stays(
    federation: Federation,
) -> None:
    def end(part: Targets) -> None:
        part.expires = present() - DAY

    directory = federation.refresh()
    federation.forge("08", Targets, end)
    later = federation.refresh(directory)
    assert codes(later) == [("routes/08000.json", "directory-expired")]
    assert later.route(AGS, federation.at.date()) == WEHR


def test_nobody_there_is_unreachable(federation: Federation) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(UnreachableError):
        federation.refresh(source=Source(f"http://127.0.0.1:{port}/", demo=True))


@pytest.mark.spec("SR-F10")
def test_loopback_is_refused_outside_a_demo(federation: Federation) -> None:
    with pytest.raises(UnreachableError):
        federation.refresh(source=Source("https://127.0.0.1:9/"))


@pytest.mark.parametrize(
    "location",
    [
        "http://example.org/",
        "https://user@example.org/",
        "https://example.org/?a",
        "https:///nowhere",
    ],
)
def test_a_strange_address_is_a_wrong_setting(
    federation: Federation, location: str
) -> None:
    with pytest.raises(ConfigError):
        federation.refresh(source=Source(location))


def test_an_empty_folder_is_unreachable(federation: Federation, tmp_path: Path) -> None:
    source = Source(str(tmp_path / "nothing"), demo=True)
    with pytest.raises(UnreachableError):
        federation.refresh(source=source)


def test_a_file_instead_of_our_folder_is_a_wrong_setting(
    federation: Federation,
) -> None:
    federation.own.write_text("in the way")
    with pytest.raises(ConfigError):
        federation.refresh()


def test_signing_again_needs_no_offline_key(federation: Federation) -> None:
    for role in ("root", "targets", "revoker", "08", "08337"):
        (federation.keys / f"{role}-1.key").unlink()
    first = federation.refresh()
    publish(federation.folder, [federation.keys], at=federation.at)
    assert federation.refresh(first).timestamp_version == 4
