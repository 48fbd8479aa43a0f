"""What registrars change after the admission, and how several holders sign it."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tuf.api.metadata import Root
from typer.testing import CliRunner

from node.cli.app import app
from node.crypto.checkpoint import COSIGNATURE, ED25519, NoteKey
from node.crypto.keys import OpeningKey, SigningKey
from node.errors import (
    ConfigError,
    InputError,
    KeyRetiredError,
    NodeError,
    RollbackError,
    SignatureError,
    UnknownKeyError,
)
from node.federation.changes import (
    close,
    drop_retired,
    move,
    recover,
    rotate,
)
from node.federation.delegations import Tools, delegate, renew
from node.federation.founding import ONE, PROPOSED, Quorum
from node.federation.registrar import Retirement, admit, publish, retire, show
from node.federation.registry import Registry
from node.federation.rounds import Outcome, discard, sign_drafts, waiting
from node.ids import Ags, KeyId, MemberId
from node.trust.admission import AdmissionRequest, admission_request
from node.trust.fingerprint import words_of
from node.trust.member import Purpose
from node.trust.places import shipped_places
from node.trust.rotation import OVERLAP, RotationRequest, rotation_request
from tests.support.federation import Federation, found
from tests.support.town import SAECKINGEN, WEHR, Town, make_town, seed

DAY = timedelta(days=1)
LOERRACH = "08336050-stadt-loerrach"
runner = CliRunner()


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Federation:
    made = found(tmp_path_factory.mktemp("registry"))
    made.admit(make_town())
    made.admit(make_town(SAECKINGEN))
    return made


@pytest.fixture
def federation(founded: Federation, tmp_path: Path) -> Federation:
    return founded.copy(tmp_path)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Federation:
    """A directory with the proposed quorums: root 3 of 5, Kreis 2 of 3."""
    return found(tmp_path_factory.mktemp("guarded"), quorums=PROPOSED, demo=False)


def tools(federation: Federation, *, rounds: bool = False) -> Tools:
    return Tools(federation.folder, [federation.keys], federation.at, rounds)


def counted() -> Callable[[int], bytes]:
    numbers = iter(range(100))
    return lambda size: seed("delegate", str(next(numbers)))[:size]


def stick(federation: Federation, folder: Path, *names: str) -> Path:
    """One holder's stick: some key files, and nothing else."""
    folder.mkdir()
    for name in names:
        file = folder / f"{name}.key"
        file.write_bytes((federation.keys / file.name).read_bytes())
        file.chmod(0o600)
    return folder


def asked(town: Town, federation: Federation, *, kid: str = "s2") -> RotationRequest:
    ring, key = town.keyring, SigningKey(seed("next", kid))
    data = rotation_request(
        town.id,
        Purpose.SIGN,
        kid,
        str(key.public),
        signers=((ring.sign_kid, ring.sign), (kid, key)),
        at=federation.at,
    )
    return RotationRequest.parse(data)


def returning(federation: Federation, member: str = WEHR) -> Town:
    """The same body with new keys of new names."""
    town = make_town(member, keys="new")
    return replace(town, keyring=replace(town.keyring, sign_kid="s2", sheet_kid="h2"))


def come_back(town: Town, federation: Federation, serial: int = 2) -> AdmissionRequest:
    sheet = town.signed(town.sheet(serial, federation.at)).decode()
    data = admission_request(town.keyring, town.applicant, key_sheet=sheet)
    return AdmissionRequest.parse(data)


# Rounds.


def test_three_of_five_holders_renew_the_root_one_after_the_other(
    guarded: Federation, tmp_path: Path
) -> None:
    federation = guarded.copy(tmp_path)
    sticks = [stick(federation, tmp_path / f"s{n}", f"root-{n}") for n in (1, 2, 3)]
    online = stick(federation, tmp_path / "online", "snapshot-1", "timestamp-1")
    first = Tools(federation.folder, [sticks[0]], federation.at, rounds=True)
    before = federation.snapshot_of_files()
    assert renew(first, Root.type) is False
    assert federation.snapshot_of_files() == before
    (draft,) = waiting(federation.folder)
    assert (draft.role, draft.version, draft.signatures, draft.threshold) == (
        "root",
        2,
        1,
        3,
    )
    at = federation.at
    assert sign_drafts(federation.folder, [sticks[1]], at=at) is Outcome.WAITING
    done = sign_drafts(federation.folder, [sticks[2], online], at=at)
    assert done is Outcome.PUBLISHED
    assert waiting(federation.folder) == []
    assert replace(federation, at=at).repository().load(Root.type, Root).version == 2


def test_two_registrars_admit_a_town_in_two_rounds(
    guarded: Federation, tmp_path: Path
) -> None:
    federation = guarded.copy(tmp_path)
    one = stick(federation, tmp_path / "one", "08337-1")
    other = stick(federation, tmp_path / "other", "08337-2", "08337-keys-1")
    request = AdmissionRequest.parse(make_town().request(federation.at))
    admit(
        federation.folder,
        [one],
        request=request,
        places=shipped_places(),
        at=federation.at,
        rounds=True,
    )
    changes = {
        change for draft in waiting(federation.folder) for change in draft.changes
    }
    assert f"+ members/{WEHR}.json" in changes
    done = sign_drafts(federation.folder, [other], at=federation.at)
    assert done is Outcome.COMPLETE
    online = stick(federation, tmp_path / "online", "snapshot-1", "timestamp-1")
    publish(federation.folder, [online], at=federation.at)
    assert [member.id for member in show(federation.folder)[1]] == [WEHR]


def test_the_same_holder_twice_is_one_holder(
    guarded: Federation, tmp_path: Path
) -> None:
    federation = guarded.copy(tmp_path)
    one = stick(federation, tmp_path / "one", "root-1")
    renew(Tools(federation.folder, [one], federation.at, rounds=True), Root.type)
    with pytest.raises(ConfigError, match="no new signature"):
        sign_drafts(federation.folder, [one], at=federation.at)
    assert waiting(federation.folder)[0].signatures == 1


def test_a_key_of_another_role_signs_nothing(
    guarded: Federation, tmp_path: Path
) -> None:
    federation = guarded.copy(tmp_path)
    one = stick(federation, tmp_path / "one", "root-1")
    wrong = stick(federation, tmp_path / "wrong", "08337-1", "targets-1")
    renew(Tools(federation.folder, [one], federation.at, rounds=True), Root.type)
    with pytest.raises(ConfigError, match="no new signature"):
        sign_drafts(federation.folder, [wrong], at=federation.at)


def test_a_role_has_one_draft_at_a_time(guarded: Federation, tmp_path: Path) -> None:
    federation = guarded.copy(tmp_path)
    one = stick(federation, tmp_path / "one", "root-1")
    first = Tools(federation.folder, [one], federation.at, rounds=True)
    renew(first, Root.type)
    with pytest.raises(ConfigError, match="draft of root"):
        renew(first, Root.type)
    assert discard(federation.folder) == ["root"]
    assert renew(first, Root.type) is False


def test_a_draft_that_was_overtaken_is_refused(
    guarded: Federation, tmp_path: Path
) -> None:
    federation = guarded.copy(tmp_path)
    one = stick(federation, tmp_path / "one", "root-1")
    drafts = federation.folder.with_name("directory-drafts")
    renew(Tools(federation.folder, [one], federation.at, rounds=True), Root.type)
    kept = (drafts / "001.root.json").read_bytes()
    discard(federation.folder)
    for _ in range(2):
        renew(tools(federation), Root.type)
    (drafts / "001.root.json").write_bytes(kept)
    with pytest.raises(ConfigError, match="too old"):
        sign_drafts(federation.folder, [federation.keys], at=federation.at)


def test_without_rounds_too_few_keys_change_nothing(
    guarded: Federation, tmp_path: Path
) -> None:
    federation = guarded.copy(tmp_path)
    one = stick(federation, tmp_path / "one", "root-1")
    before = federation.snapshot_of_files()
    with pytest.raises(ConfigError, match="not enough keys"):
        renew(Tools(federation.folder, [one], federation.at), Root.type)
    assert (federation.snapshot_of_files(), waiting(federation.folder)) == (before, [])


def test_nothing_to_sign_is_told(federation: Federation) -> None:
    with pytest.raises(ConfigError, match="nothing waits"):
        sign_drafts(federation.folder, [federation.keys], at=federation.at)


# Delegations follow the AGS.


def test_another_kreis_gets_keys_of_its_own_and_admits(
    federation: Federation, tmp_path: Path
) -> None:
    new = tmp_path / "keys-08336"
    assert delegate(
        tools(federation), "08336", new_keys=new, randomness=counted(), quorum=ONE
    )
    town = make_town(LOERRACH)
    request = AdmissionRequest.parse(town.request(federation.at))
    keys = [federation.keys, new]
    admit(
        federation.folder,
        keys,
        request=request,
        places={Ags("08336050"): "Lörrach, Stadt"},
        at=federation.at,
    )
    directory = federation.refresh()
    assert directory.route(Ags("08336050"), federation.at.date()) == LOERRACH
    assert directory.route(Ags("08337116"), federation.at.date()) == WEHR
    assert directory.faults == ()


@pytest.mark.spec("HO-96")
def test_a_kreis_cannot_list_what_another_kreis_answers_for(
    federation: Federation, tmp_path: Path
) -> None:
    new = tmp_path / "keys-08336"
    delegate(tools(federation), "08336", new_keys=new, randomness=counted(), quorum=ONE)
    land = Registry(federation.folder, ()).land_of("08336")
    assert land.delegations is not None
    # Whoever asks for the path is led to 08337 alone: its delegation ends the search.
    roles = land.delegations.get_roles_for_target(f"members/{WEHR}.json")
    assert list(roles) == [("08337", True)]


def test_a_second_land_stands_beside_the_first(
    federation: Federation, tmp_path: Path
) -> None:
    land, kreis = tmp_path / "keys-09", tmp_path / "keys-09162"
    assert delegate(
        tools(federation), "09", new_keys=land, randomness=counted(), quorum=ONE
    )
    both = Tools(federation.folder, [federation.keys, land], federation.at)
    numbers = iter(range(50, 90))
    assert delegate(
        both,
        "09162",
        new_keys=kreis,
        randomness=lambda size: seed("bavaria", str(next(numbers)))[:size],
        quorum=Quorum(1, 1),
    )
    assert "09162" in federation.refresh().holdings.routes


@pytest.mark.spec("DIR-1")
@pytest.mark.parametrize(
    ("prefix", "error"),
    [
        ("08337", "prefix: taken"),
        ("08", "prefix: taken"),
        ("09162", "prefix: land-not-listed"),
        ("0833", "prefix: length"),
    ],
)
def test_a_delegation_that_does_not_follow_the_ags_is_refused(
    federation: Federation, tmp_path: Path, prefix: str, error: str
) -> None:
    with pytest.raises(InputError, match=error):
        delegate(
            tools(federation), prefix, new_keys=tmp_path / "n", randomness=counted()
        )


def test_new_keys_never_land_in_a_folder_in_use(federation: Federation) -> None:
    with pytest.raises(ConfigError, match="not empty"):
        delegate(
            tools(federation),
            "08336",
            new_keys=federation.keys,
            randomness=counted(),
        )


def test_a_delegation_waits_for_the_holders_of_the_land(
    guarded: Federation, tmp_path: Path
) -> None:
    federation = guarded.copy(tmp_path)
    one = stick(federation, tmp_path / "one", "08-1")
    new = tmp_path / "new"
    done = delegate(
        Tools(federation.folder, [one], federation.at, rounds=True),
        "08336",
        new_keys=new,
        randomness=counted(),
        quorum=Quorum(1, 1),
    )
    assert done is False
    assert [draft.role for draft in waiting(federation.folder)] == [
        "08",
        "08336",
        "08336-keys",
    ]
    other = stick(federation, tmp_path / "other", "08-2", "snapshot-1", "timestamp-1")
    done_now = sign_drafts(federation.folder, [other], at=federation.at)
    assert done_now is Outcome.PUBLISHED
    assert "08336" in Registry(federation.folder, ()).kreise()


# Rotation of a statement key.


def test_a_new_key_is_listed_and_the_old_one_ends_in_90_days(
    federation: Federation,
) -> None:
    directory = federation.refresh()
    record, done = rotate(tools(federation), asked(make_town(), federation))
    assert done
    assert record.serial == 2
    after = federation.refresh(directory)
    old, new = KeyId(f"{WEHR}#s1"), KeyId(f"{WEHR}#s2")
    late = federation.at + OVERLAP
    assert after.sign_key(old, late - DAY) != after.sign_key(new, federation.at + DAY)
    with pytest.raises(KeyRetiredError):
        after.sign_key(old, late)
    assert after.sign_key(new, late)


def test_a_request_that_only_the_new_key_signed_is_refused(
    federation: Federation,
) -> None:
    thief = make_town(keys="thief")
    thief = replace(thief, keyring=replace(thief.keyring, sign_kid="s1"))
    with pytest.raises(SignatureError):
        rotate(tools(federation), asked(thief, federation))


@pytest.mark.spec("DIR-18")
def test_two_requests_under_one_cover_are_refused(federation: Federation) -> None:
    one = json.loads(rotation_of(federation, "s2"))
    two = json.loads(rotation_of(federation, "s3"))
    both = json.dumps({"v": 1, "old": one["old"], "new": two["new"]}).encode()
    with pytest.raises(SignatureError):
        RotationRequest.parse(both)


def rotation_of(federation: Federation, kid: str) -> bytes:
    ring, key = make_town().keyring, SigningKey(seed("next", kid))
    return rotation_request(
        make_town().id,
        Purpose.SIGN,
        kid,
        str(key.public),
        signers=((ring.sign_kid, ring.sign), (kid, key)),
        at=federation.at,
    )


@pytest.mark.spec("HO-106")
def test_a_retired_key_asks_for_nothing(federation: Federation) -> None:
    request = asked(make_town(), federation)
    target = Retirement(MemberId(WEHR), "s1", "stolen")
    retire(federation.folder, [federation.keys], target=target, at=federation.at)
    with pytest.raises(KeyRetiredError):
        rotate(tools(federation), request)


@pytest.mark.spec("HO-97")
def test_a_key_of_another_member_is_not_taken_as_a_new_one(
    federation: Federation,
) -> None:
    ring, stolen = make_town().keyring, make_town(SAECKINGEN).keyring.sign
    data = rotation_request(
        ring.member,
        Purpose.SIGN,
        "s2",
        str(stolen.public),
        signers=((ring.sign_kid, ring.sign), ("s2", stolen)),
        at=federation.at,
    )
    with pytest.raises(RollbackError):
        rotate(tools(federation), RotationRequest.parse(data))


@pytest.mark.spec("DIR-18")
@pytest.mark.parametrize("days", [-1, 31])
def test_an_old_or_early_rotation_is_refused(federation: Federation, days: int) -> None:
    request = asked(make_town(), federation)
    late = replace(tools(federation), at=federation.at + days * DAY)
    with pytest.raises(InputError, match="too-old-or-early"):
        rotate(late, request)


def test_a_sheet_key_is_rotated_by_itself_and_not_by_the_statement_key(
    federation: Federation,
) -> None:
    ring, key = make_town().keyring, SigningKey(seed("next", "h2"))
    for kid, signer, fits in (("s1", ring.sign, False), ("h1", ring.sheet, True)):
        data = rotation_request(
            ring.member,
            Purpose.SHEET,
            "h2",
            str(key.public),
            signers=((kid, signer), ("h2", key)),
            at=federation.at,
        )
        request = RotationRequest.parse(data)
        if fits:
            assert len(rotate(tools(federation), request)[0].sheet) == 2
        else:
            with pytest.raises(SignatureError):
                rotate(tools(federation), request)


@pytest.mark.parametrize("use", [Purpose.LOG, Purpose.WITNESS])
def test_log_and_witness_keys_are_asked_for_by_both_other_keys(
    federation: Federation, use: Purpose
) -> None:
    town = make_town()
    ring, key = town.keyring, SigningKey(seed("next", use))
    name = town.applicant.origin if use is Purpose.LOG else town.applicant.witness_name
    kind = ED25519 if use is Purpose.LOG else COSIGNATURE
    data = rotation_request(
        ring.member,
        use,
        "",
        str(NoteKey(name, key.public, kind)),
        signers=(("s1", ring.sign), ("h1", ring.sheet)),
        at=federation.at,
    )
    record, _ = rotate(tools(federation), RotationRequest.parse(data))
    notes = record.log if use is Purpose.LOG else record.witness
    assert [entry.key.key for entry in notes.keys][-1] == key.public
    assert len(notes.keys) == 2


@pytest.mark.spec("HO-106", "DIR-22")
def test_a_retired_key_leaves_the_record_so_that_new_nodes_take_it(
    federation: Federation,
) -> None:
    member = MemberId(WEHR)
    rotate(tools(federation), asked(make_town(), federation))
    target = Retirement(member, "s1", "stolen")
    retire(federation.folder, [federation.keys], target=target, at=federation.at)
    codes = {fault.path: fault.code for fault in federation.refresh().faults}
    assert codes[f"members/{WEHR}.json"] == "not-a-peer"
    record, _ = drop_retired(tools(federation), member)
    assert [entry.kid for entry in record.sig] == ["s2"]
    assert federation.refresh().member(member).serial == 3
    with pytest.raises(InputError, match="nothing-retired"):
        drop_retired(tools(federation), member)


def test_a_body_without_any_key_left_must_come_back(federation: Federation) -> None:
    member = MemberId(WEHR)
    target = Retirement(member, "s1", "stolen")
    retire(federation.folder, [federation.keys], target=target, at=federation.at)
    with pytest.raises(InputError, match="needs-recovery"):
        drop_retired(tools(federation), member)


# Lost keys.


@pytest.mark.spec("HO-98", "DIR-21")
def test_a_body_that_lost_its_keys_comes_back_and_waits_72_hours(
    federation: Federation,
) -> None:
    directory = federation.refresh()
    federation.at += timedelta(seconds=1)
    town = returning(federation)
    record, done = recover(tools(federation), come_back(town, federation))
    assert done
    assert (record.serial, record.readmitted_on) == (2, federation.at.date())
    after = federation.refresh(directory)
    member = MemberId(WEHR)
    with pytest.raises(UnknownKeyError):
        after.sealing_key(member, federation.at + timedelta(hours=71, minutes=59))
    assert after.sealing_key(member, federation.at + timedelta(hours=72)).kid == "k1new"
    assert after.readmitted(member, federation.at)
    assert not after.readmitted(member, federation.at + timedelta(hours=72))
    with pytest.raises(KeyRetiredError):
        after.sign_key(KeyId(f"{WEHR}#s1"), federation.at)
    with pytest.raises(KeyRetiredError):
        after.kem_key(KeyId(f"{WEHR}#k1"))


def test_who_still_has_an_old_key_was_not_robbed_of_all(federation: Federation) -> None:
    town = returning(federation)
    kept = replace(town, keyring=replace(town.keyring, sign=make_town().keyring.sign))
    with pytest.raises(InputError, match="seen-before"):
        recover(tools(federation), come_back(kept, federation))


def test_an_old_sealing_key_does_not_come_back(federation: Federation) -> None:
    town = returning(federation)
    openings = {"k2": OpeningKey(seed(WEHR, "kem"))}
    kept = replace(town, keyring=replace(town.keyring, openings=openings))
    with pytest.raises(InputError, match="seen-before"):
        recover(tools(federation), come_back(kept, federation))


def test_a_returning_sheet_is_newer_than_the_lost_one(federation: Federation) -> None:
    with pytest.raises(InputError, match="not-newer"):
        recover(tools(federation), come_back(returning(federation), federation, 1))


def test_a_stranger_cannot_come_back(federation: Federation) -> None:
    town = make_town("08337106-stadt-stuehlingen")
    with pytest.raises(InputError, match="unknown"):
        recover(tools(federation), come_back(town, federation))


@pytest.mark.spec("HO-97")
def test_a_key_name_does_not_move_to_another_key(federation: Federation) -> None:
    town = returning(federation)
    again = replace(town, keyring=replace(town.keyring, sign_kid="s1"))
    with pytest.raises(RollbackError):
        recover(tools(federation), come_back(again, federation))


# Places move, bodies end.


@pytest.mark.spec("HO-107", "DIR-5")
def test_a_place_moves_on_one_day_without_a_gap(federation: Federation) -> None:
    body = make_town("08337-gemeindeverwaltungsverband", "08337013")
    federation.admit(body)
    day = federation.at.date() + 30 * DAY
    _, done = move(tools(federation), Ags("08337116"), to=body.id, on=day)
    assert done
    directory = federation.refresh()
    assert directory.route(Ags("08337116"), day - DAY) == WEHR
    assert directory.route(Ags("08337116"), day) == body.id
    assert directory.route(Ags("08337013"), day) == body.id


@pytest.mark.parametrize(
    ("ags", "to", "days", "error"),
    [
        ("08337116", SAECKINGEN, 3, "outside-scope"),
        ("08337013", "08337-verband", 3, "nobody-answers"),
        ("08337116", "08337-verband", -1, "on: past"),
        ("08337116", "08337-niemand", 3, "unknown"),
        ("08337116", "08337-verband", 0, "before-present-period"),
        ("08337126", "08337-verband", 3, "taken"),
    ],
)
def test_a_place_moves_only_where_it_may(
    federation: Federation, ags: str, to: str, days: int, error: str
) -> None:
    federation.admit(make_town("08337-verband", "08337126"))
    on = federation.at.date() + days * DAY
    with pytest.raises(InputError, match=error):
        move(tools(federation), Ags(ags), to=MemberId(to), on=on)


def test_a_closed_body_hands_on_to_its_successor(federation: Federation) -> None:
    day = federation.at.date() + 10 * DAY
    close(tools(federation), MemberId(WEHR), on=day, successor=MemberId(SAECKINGEN))
    directory = federation.refresh()
    assert directory.route(Ags("08337116"), day - DAY) == WEHR
    assert directory.route(Ags("08337116"), day) == SAECKINGEN


def test_two_bodies_never_succeed_each_other(federation: Federation) -> None:
    day = federation.at.date() + 10 * DAY
    close(tools(federation), MemberId(WEHR), on=day, successor=MemberId(SAECKINGEN))
    with pytest.raises(InputError, match="leads-back"):
        close(tools(federation), MemberId(SAECKINGEN), on=day, successor=MemberId(WEHR))


def test_a_body_ends_once(federation: Federation) -> None:
    day = federation.at.date() + 10 * DAY
    close(tools(federation), MemberId(WEHR), on=day, successor=None)
    assert federation.refresh().route(Ags("08337116"), day) is None
    with pytest.raises(InputError, match="already-closed"):
        close(tools(federation), MemberId(WEHR), on=day, successor=None)


def test_roles_that_end_are_signed_again(federation: Federation) -> None:
    late = replace(tools(federation), at=federation.at + 30 * DAY)
    for role in ("root", "targets", "revoker", "08", "08337", "08337-keys"):
        assert renew(late, role)
    ends = dict(federation.refresh().head.ends)
    assert ends["08337"] == federation.at + 395 * DAY
    for role, error in (
        ("snapshot", "published"),
        ("09", "other"),
        ("x-keys", "other"),
    ):
        with pytest.raises(NodeError, match=error):
            renew(late, role)


# As typed.


def test_the_commands_of_registrars_lead_through_a_rotation(
    federation: Federation, tmp_path: Path
) -> None:
    request = tmp_path / "rotation.json"
    request.write_bytes(rotation_of(federation, "s2"))
    folder, keys = str(federation.folder), str(federation.keys)
    no = runner.invoke(
        app,
        ["directory", "rotate", folder, str(request), "--keys", keys],
        input="n\n",
    )
    assert no.exit_code == 1
    yes = runner.invoke(
        app, ["directory", "rotate", folder, str(request), "--keys", keys, "--yes"]
    )
    assert yes.exit_code == 0, yes.output
    assert RotationRequest.parse(request.read_bytes()).fingerprint in yes.output
    assert len(federation.refresh().member(MemberId(WEHR)).sig) == 2


def test_the_commands_collect_signatures(guarded: Federation, tmp_path: Path) -> None:
    federation = guarded.copy(tmp_path)
    folder = str(federation.folder)
    sticks = [stick(federation, tmp_path / f"s{n}", f"root-{n}") for n in (1, 2, 3)]
    online = stick(federation, tmp_path / "online", "snapshot-1", "timestamp-1")
    told = runner.invoke(
        app,
        ["directory", "renew", folder, "root", "--keys", str(sticks[0]), "--rounds"],
    )
    assert "Wartet auf weitere Unterschriften" in told.output
    listed = runner.invoke(app, ["directory", "pending", folder, "--json"])
    assert json.loads(listed.output)[0]["signatures"] == 1
    told = runner.invoke(
        app, ["directory", "sign", folder, "--keys", str(sticks[1]), "--yes"]
    )
    assert "root: 1 Unterschrift(en)" in told.output
    told = runner.invoke(
        app,
        [
            "directory",
            "sign",
            folder,
            "--keys",
            str(sticks[2]),
            "--keys",
            str(online),
            "--yes",
        ],
    )
    assert "veröffentlicht" in told.output
    told = runner.invoke(app, ["directory", "discard", folder, "--yes"])
    assert "nichts" in told.output


def test_the_fingerprint_of_a_root_is_its_bytes(federation: Federation) -> None:
    assert words_of(federation.root) != words_of(federation.root + b" ")
