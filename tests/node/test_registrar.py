"""The making side: admission, sheets, retirement, and the commands a registrar types."""

import json
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from node.cli.directory import app
from node.errors import (
    ConfigError,
    InputError,
    KeyRetiredError,
    MalformedMessageError,
    NodeError,
    RollbackError,
    SignatureError,
)
from node.federation.founding import PROPOSED, Plan, Quorum, init
from node.federation.registrar import (
    Retirement,
    admit,
    admit_all,
    publish,
    retire,
    show,
)
from node.federation.repository import KeyFile
from node.ids import Ags, MemberId
from node.trust.admission import AdmissionRequest
from node.trust.places import parse_places, shipped_places
from tests.support.federation import Federation, found, present
from tests.support.town import SAECKINGEN, WEHR, Town, make_town

DAY = timedelta(days=1)
STUEHLINGEN = "08337106-stadt-stuehlingen"
runner = CliRunner()


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Federation:
    made = found(tmp_path_factory.mktemp("founded"))
    made.admit(make_town())
    return made


@pytest.fixture
def federation(founded: Federation, tmp_path: Path) -> Federation:
    return founded.copy(tmp_path)


def refusal(federation: Federation, town: Town) -> tuple[type[NodeError], str]:
    before = federation.snapshot_of_files().keys()
    with pytest.raises(NodeError) as caught:
        federation.admit(town)
    assert federation.snapshot_of_files().keys() == before
    return type(caught.value), str(caught.value)


# Founding.


def test_keys_lie_apart_and_only_their_owner_reads_them(federation: Federation) -> None:
    modes = {stat.S_IMODE(p.stat().st_mode) for p in federation.keys.iterdir()}
    published = b"".join(federation.snapshot_of_files().values())
    assert modes == {0o600}
    for path in federation.keys.iterdir():
        key = KeyFile.load(path).key
        assert key.seed not in published
        assert key.seed.hex().encode() not in published
        assert str(json.loads(path.read_bytes())["seed"]).encode() not in published


@pytest.mark.parametrize(
    ("folder", "keys"), [("a", "a"), ("a", "a/keys"), ("a/public", "a")]
)
def test_keys_inside_the_published_folder_are_refused(
    tmp_path: Path, folder: str, keys: str
) -> None:
    plan = Plan("08", "08337", demo=True, quorums={})
    with pytest.raises(ConfigError):
        init(
            tmp_path / folder,
            tmp_path / keys,
            plan=plan,
            at=present(),
            randomness=bytes,
        )


def test_a_folder_in_use_is_refused(federation: Federation, tmp_path: Path) -> None:
    plan = Plan("08", "08337", demo=True, quorums={})
    for folder, keys in (
        (federation.folder, tmp_path / "new"),
        (tmp_path / "new", federation.keys),
    ):
        with pytest.raises(ConfigError, match="not empty"):
            init(folder, keys, plan=plan, at=present(), randomness=bytes)


@pytest.mark.parametrize(
    "plan",
    [
        Plan("08", "09162", demo=True, quorums={}),
        Plan("8", "08337", demo=True, quorums={}),
        Plan("08", "0833", demo=True, quorums={}),
        Plan("08", "08337", quorums={"root": Quorum(1, 1)}),
        Plan("08", "08337", quorums={}),
        Plan("08", "08337", quorums=PROPOSED | {"land": Quorum(4, 3)}),
        Plan("08", "08337", quorums=PROPOSED | {"land": Quorum(0, 3)}),
        Plan("08", "08337", quorums=PROPOSED | {"08": Quorum(1, 3)}),
    ],
)
def test_a_plan_that_does_not_fit_together_is_refused(plan: Plan) -> None:
    with pytest.raises(InputError):
        plan.check()


def test_the_proposed_quorums_are_those_of_the_specification() -> None:
    Plan("08", "08337").check()
    assert PROPOSED["root"] == Quorum(3, 5)
    assert PROPOSED["revoker"] == Quorum(2, 5)


# Admission.


def test_an_admitted_town_is_routed_and_has_its_sheet(federation: Federation) -> None:
    record = federation.admit(make_town(STUEHLINGEN))
    directory = federation.refresh()
    assert directory.faults == ()
    assert directory.member(record.id) == record
    assert directory.route(Ags("08337106"), federation.at.date()) == STUEHLINGEN
    assert directory.sheet(record.id).serial == 1


def test_a_place_that_is_on_no_list_is_refused(federation: Federation) -> None:
    town = make_town("08337999-nirgendwo")
    assert refusal(federation, town) == (InputError, "ags: not-on-the-official-list")


def test_a_place_of_somebody_else_is_refused(federation: Federation) -> None:
    town = make_town("08337-landratsamt", "08337116")
    assert refusal(federation, town) == (InputError, "ags: taken")


@pytest.mark.spec("HO-96")
def test_a_member_id_is_never_used_again(federation: Federation) -> None:
    assert refusal(federation, make_town()) == (InputError, "id: taken")
    assert refusal(federation, make_town(keys="x")) == (InputError, "id: taken")


@pytest.mark.spec("HO-96")
def test_a_town_of_another_kreis_is_refused(federation: Federation) -> None:
    town = make_town("08336008-stadt-kandern")
    assert refusal(federation, town) == (InputError, "id: other-directory")
    town = make_town("08-landesamt", "08337106")
    assert refusal(federation, town) == (InputError, "id: other-directory")


@pytest.mark.parametrize("age", [-DAY, 31 * DAY])
def test_a_request_that_is_old_or_from_the_future_is_refused(
    federation: Federation, age: timedelta
) -> None:
    data = make_town(STUEHLINGEN).request(federation.at - age)
    with pytest.raises(InputError, match="too-old-or-early"):
        admit(
            federation.folder,
            [federation.keys],
            request=AdmissionRequest.parse(data),
            places=shipped_places(),
            at=federation.at,
        )


@pytest.mark.spec("HO-97")
def test_a_key_of_another_member_is_refused(federation: Federation) -> None:
    town, wehr = make_town(STUEHLINGEN), make_town()
    thief = replace(town, keyring=replace(town.keyring, sign=wehr.keyring.sign))
    assert refusal(federation, thief)[0] is RollbackError


@pytest.mark.spec("HO-97")
def test_a_key_of_another_purpose_is_refused(federation: Federation) -> None:
    town, wehr = make_town(STUEHLINGEN), make_town()
    thief = replace(town, keyring=replace(town.keyring, log=wehr.keyring.sheet))
    assert refusal(federation, thief)[0] is RollbackError


@pytest.mark.spec("HO-97")
def test_a_sealing_key_of_another_member_is_refused(federation: Federation) -> None:
    town, wehr = make_town(STUEHLINGEN), make_town()
    openings = {"k9": wehr.keyring.openings["k1"]}
    thief = replace(town, keyring=replace(town.keyring, openings=openings))
    assert refusal(federation, thief)[0] is RollbackError


@pytest.mark.spec("HO-97")
@pytest.mark.parametrize(
    ("name", "field"), [("origin", "log"), ("witness_name", "witness")]
)
def test_a_log_or_witness_name_of_another_member_is_refused(
    federation: Federation, name: str, field: str
) -> None:
    town, wehr = make_town(STUEHLINGEN), make_town()
    taken = replace(town.applicant, **{name: getattr(wehr.applicant, name)})
    code, said = refusal(federation, replace(town, applicant=taken))
    assert code is InputError
    assert field in said
    assert "taken" in said


@pytest.mark.spec("HO-97")
def test_two_requests_at_once_with_one_log_origin_admit_nobody(
    federation: Federation,
) -> None:
    first, second = make_town(STUEHLINGEN), make_town("08337106-stadt-wutach")
    same = replace(second.applicant, origin=first.applicant.origin)
    before = federation.snapshot_of_files().keys()
    with pytest.raises(InputError, match="log"):
        admit_all(
            federation.folder,
            [federation.keys],
            requests=[
                AdmissionRequest.parse(t.request(federation.at))
                for t in (first, replace(second, applicant=same))
            ],
            places=shipped_places(),
            at=federation.at,
        )
    assert federation.snapshot_of_files().keys() == before


@pytest.mark.spec("HO-97")
def test_the_name_of_a_struck_off_members_log_is_never_given_again(
    federation: Federation,
) -> None:
    retired = Retirement(MemberId(WEHR), None, "stolen")
    retire(federation.folder, [federation.keys], target=retired, at=federation.at)
    town, wehr = make_town(STUEHLINGEN), make_town()
    taken = replace(town.applicant, origin=wehr.applicant.origin)
    assert refusal(federation, replace(town, applicant=taken))[0] is InputError


def test_a_key_on_the_deny_list_is_refused(federation: Federation) -> None:
    retired = Retirement(MemberId(WEHR), "log", "stolen")
    retire(federation.folder, [federation.keys], target=retired, at=federation.at)
    town, wehr = make_town(STUEHLINGEN), make_town()
    thief = replace(town, keyring=replace(town.keyring, log=wehr.keyring.log))
    assert refusal(federation, thief)[0] in {RollbackError, KeyRetiredError}


def test_missing_keys_admit_nobody_and_leave_the_place_free(tmp_path: Path) -> None:
    federation = found(tmp_path, quorums={"kreis": Quorum(2, 2)})
    second = tmp_path / "second"
    second.mkdir()
    (federation.keys / "08337-2.key").rename(second / "08337-2.key")
    town = make_town()
    with pytest.raises(ConfigError, match="not enough keys of the role 08337"):
        federation.admit(town)
    assert federation.refresh().members() == ()
    admit(
        federation.folder,
        [federation.keys, second],
        request=AdmissionRequest.parse(town.request(federation.at)),
        places=shipped_places(),
        at=federation.at,
    )
    assert len(federation.refresh().members()) == 1


def test_another_official_list_may_be_used(federation: Federation) -> None:
    data = make_town("08337999-neustadt").request(federation.at)
    admit(
        federation.folder,
        [federation.keys],
        request=AdmissionRequest.parse(data),
        places=parse_places("ags,name\n08337999,Neustadt\n"),
        at=federation.at,
    )
    assert federation.refresh().member(MemberId("08337999-neustadt"))


# Sheets, time, retirement.


def sheet_of(town: Town, serial: int, federation: Federation) -> str:
    return town.signed(town.sheet(serial, federation.at)).decode()


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda f: sheet_of(make_town(), 1, f), InputError),
        (lambda f: sheet_of(make_town(SAECKINGEN), 2, f), InputError),
        (lambda f: sheet_of(make_town(keys="x"), 2, f), SignatureError),
        (lambda f: "no sheet", MalformedMessageError),
    ],
)
@pytest.mark.spec("HO-98")
def test_a_bad_sheet_is_not_listed(
    federation: Federation, make: Callable[[Federation], str], error: type[NodeError]
) -> None:
    before = federation.snapshot_of_files()
    with pytest.raises(error):
        publish(
            federation.folder,
            [federation.keys],
            at=federation.at,
            sheets=[make(federation)],
        )
    assert federation.snapshot_of_files() == before


def test_a_clock_behind_the_last_publication_is_refused(federation: Federation) -> None:
    with pytest.raises(ConfigError, match="clock"):
        publish(federation.folder, [federation.keys], at=federation.at - DAY)


def test_a_list_of_sheets_is_signed_again_before_it_ends(
    federation: Federation,
) -> None:
    later = federation.at + 20 * DAY
    publish(federation.folder, [federation.keys], at=later)
    states, _ = show(federation.folder)
    ends = {state.role: state.expires_at for state in states}
    assert ends["08337-keys"] == later + 30 * DAY
    assert ends["timestamp"] == later + 7 * DAY
    assert ends["08337"] == federation.at + 365 * DAY


@pytest.mark.parametrize("kid", ["s1", "h1", "k1", "log", "witness", None])
@pytest.mark.spec("HO-106")
def test_what_is_retired_once_cannot_be_retired_twice(
    federation: Federation, kid: str | None
) -> None:
    first = federation.refresh()
    target = Retirement(MemberId(WEHR), kid, "stolen")
    retire(federation.folder, [federation.keys], target=target, at=federation.at)
    later = federation.refresh(first)
    assert later.faults == ()
    assert later.holdings.revocations.serial == 2
    assert later.is_retired(MemberId(WEHR)) == (kid is None)
    with pytest.raises(InputError, match="already"):
        retire(federation.folder, [federation.keys], target=target, at=federation.at)


@pytest.mark.parametrize(
    ("member", "kid"), [(WEHR, "s9"), (SAECKINGEN, "s1"), (SAECKINGEN, None)]
)
def test_what_nobody_has_cannot_be_retired(
    federation: Federation, member: str, kid: str | None
) -> None:
    target = Retirement(MemberId(member), kid, "stolen")
    with pytest.raises(InputError, match="unknown"):
        retire(federation.folder, [federation.keys], target=target, at=federation.at)


# Key files and content on disk.


def test_a_key_file_that_others_may_read_is_refused(federation: Federation) -> None:
    (federation.keys / "timestamp-1.key").chmod(0o640)
    with pytest.raises(ConfigError, match="readable by others"):
        publish(federation.folder, [federation.keys], at=federation.at)


@pytest.mark.parametrize("text", [b"", b"{}", b'{"role":"a","seed":"AA"}'])
def test_a_broken_key_file_is_refused(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "a.key"
    path.write_bytes(text)
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="no key file"):
        KeyFile.load(path)


def test_a_key_file_is_never_replaced(federation: Federation) -> None:
    path = federation.keys / "root-1.key"
    with pytest.raises(FileExistsError):
        KeyFile("root", KeyFile.load(path).key).save(path)


def test_a_changed_file_in_the_published_folder_is_noticed(
    federation: Federation,
) -> None:
    (file,) = federation.folder.glob("targets/members/*.json")
    file.write_bytes(file.read_bytes().replace(b"Wehr", b"Werr"))
    with pytest.raises(ConfigError, match="missing or changed"):
        federation.admit(make_town(STUEHLINGEN))


def test_a_folder_that_is_no_directory_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        show(tmp_path)


# The commands.


def call(*words: object) -> str:
    result = runner.invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return result.output


def test_the_commands_lead_from_nothing_to_a_listed_town(tmp_path: Path) -> None:
    folder, request = tmp_path / "verzeichnis", tmp_path / "antrag.json"
    town = make_town()
    request.write_bytes(town.request(present()))
    output = call("init", folder, "--kreis", "08337", "--land", "08", "--demo")
    assert str(folder / "root.json") in output
    asked = AdmissionRequest.parse(request.read_bytes())
    result = runner.invoke(app, ["admit", str(folder), str(request)], input="y\n")
    assert result.exit_code == 0
    assert asked.fingerprint in result.output
    assert "08337116 Wehr, Stadt" in result.output
    sheet = tmp_path / "neu.jws"
    sheet.write_bytes(town.signed(town.sheet(2, present())))
    assert call("publish", folder, "--sheet", sheet) == "Veröffentlicht.\n"
    assert call("retire", folder, WEHR, "--why", "stolen", "--key", "k1")
    shown = json.loads(call("show", folder, "--json"))
    assert [member["id"] for member in shown["members"]] == [WEHR]
    assert {role["role"] for role in shown["roles"]} == {
        "root",
        "targets",
        "snapshot",
        "timestamp",
        "revoker",
        "08",
        "08337",
        "08337-keys",
    }
    assert WEHR in call("show", folder)


def test_the_commands_speak_json(tmp_path: Path) -> None:
    folder, request = tmp_path / "verzeichnis", tmp_path / "antrag.json"
    request.write_bytes(make_town().request(present()))
    words = ["--kreis", "08337", "--land", "08", "--demo", "--json"]
    made = json.loads(call("init", folder, *words))
    assert len(made["fingerprint"].split()) == 12
    admitted = json.loads(call("admit", folder, request, "--yes", "--json"))
    assert admitted["id"] == WEHR


def test_nobody_is_admitted_without_a_yes(tmp_path: Path) -> None:
    folder, request = tmp_path / "verzeichnis", tmp_path / "antrag.json"
    request.write_bytes(make_town().request(present()))
    call("init", folder, "--kreis", "08337", "--land", "08", "--demo")
    result = runner.invoke(app, ["admit", str(folder), str(request)], input="n\n")
    assert result.exit_code == 1
    assert show(folder)[1] == []


def test_quorums_can_be_chosen(tmp_path: Path) -> None:
    folder = tmp_path / "verzeichnis"
    words = ["--kreis", "08337", "--land", "08", "--quorum", "root=2/3"]
    assert "verteilen" in call("init", folder, *words)
    states, _ = show(folder)
    assert (states[0].threshold, states[0].keys) == (2, 3)


@pytest.mark.parametrize(
    "words",
    [
        ["init", "neu", "--kreis", "08337", "--land", "09"],
        ["init", "neu", "--kreis", "08337", "--land", "08", "--quorum", "root"],
        ["init", "neu", "--kreis", "08337", "--land", "08", "--quorum", "alle=1/2"],
        ["admit", "neu", "fehlt.json"],
        ["publish", "neu"],
        ["retire", "neu", "wehr", "--why", "stolen"],
        ["show", "neu"],
    ],
)
def test_an_error_is_one_line_and_the_answer_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    result = runner.invoke(app, words)
    assert result.exit_code == 1
    assert result.output.startswith("Fehler (")
    assert result.output.count("\n") == 1


def test_the_commands_load_tuf_only_when_they_run() -> None:
    code = "import sys, node.cli.directory; sys.exit('tuf' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
