"""``staffelstab backup``: sentences, JSON and exit codes."""

import json

import pytest
from typer.testing import CliRunner

from node.cli.app import app
from node.cli.backup import hand_out
from node.errors import ConfigError
from node.founding import Paths
from tests.support.backups import found_node


@pytest.fixture
def node(tmp_path):
    found_node(tmp_path / "node")
    return tmp_path / "node"


def run(*words):
    return CliRunner().invoke(app, ["backup", *map(str, words)])


def made(node, tmp_path):
    result = run("create", "--to", tmp_path / "out", "--data", node, "--json")
    assert result.exit_code == 0, result.output
    set_ = json.loads(result.output)["set"]
    out = tmp_path / "out"
    return out / f"content/content-{set_}.backup", out / f"keys/keys-{set_}.backup"


@pytest.mark.spec("SR-R2")
def test_a_set_is_made_verified_listed_and_restored(node, tmp_path):
    content, keys = made(node, tmp_path)
    assert run("list", "--data", node).exit_code == 0
    told = run("verify", content, "--data", node)
    assert (told.exit_code, "geprüft" in told.output) == (0, True)
    assert run("verify", keys, "--data", node).exit_code == 0
    # From paper: new sheets, a new set, the second sheet.
    assert run("keys", "new", "--to", tmp_path / "safe", "--data", node).exit_code == 0
    content, keys = made(node, tmp_path)
    sheet = tmp_path / "safe" / "rettungsblatt-2.txt"
    back = tmp_path / "back"
    result = run("restore", content, keys, "--recovery-key", sheet, "--data", back)
    assert result.exit_code == 0, result.output
    assert "wiederhergestellt" in result.output
    assert not Paths(back).mark.exists()
    assert run("list", "--data", back).exit_code == 0


def test_a_damaged_file_exits_with_1(node, tmp_path):
    content, _ = made(node, tmp_path)
    raw = bytearray(content.read_bytes())
    raw[len(raw) // 2] ^= 1
    content.write_bytes(raw)
    result = run("verify", content, "--data", node)
    assert (result.exit_code, result.stdout) == (1, "")


def test_a_file_that_is_not_there_proves_nothing(node, tmp_path):
    result = run("verify", tmp_path / "absent.backup", "--data", node)
    assert result.exit_code == 1
    assert "errno 2" in result.output


def test_without_a_verified_backup_the_list_exits_with_4(node):
    result = run("list", "--data", node, "--json")
    assert result.exit_code == 4
    assert json.loads(result.output) == {"v": 1, "overdue": True, "files": []}


def test_an_old_sheet_does_not_open_a_new_set(node, tmp_path):
    run("keys", "new", "--to", tmp_path / "old", "--data", node)
    run("keys", "new", "--to", tmp_path / "new", "--data", node)
    content, keys = made(node, tmp_path)
    sheet = tmp_path / "old" / "rettungsblatt-1.txt"
    back = tmp_path / "back"
    result = run("restore", content, keys, "--recovery-key", sheet, "--data", back)
    assert result.exit_code == 1
    assert not (back / "node.toml").exists()


def test_a_mistyped_sheet_is_wrong_use(node, tmp_path):
    content, keys = made(node, tmp_path)
    sheet = tmp_path / "typed.txt"
    sheet.write_text("STFR1-AAAA\n")
    back = tmp_path / "back"
    result = run("restore", content, keys, "--recovery-key", sheet, "--data", back)
    assert result.exit_code == 3
    assert not back.exists()


def test_a_node_without_folders_for_backups_says_what_to_set(node):
    settings = node / "node.toml"
    text = settings.read_text("utf-8").replace("demo = true\n", "")
    settings.write_text(text.replace("http://", "https://"), "utf-8")
    result = run("create", "--data", node)
    assert result.exit_code == 3
    assert "backup_folder" in result.output


@pytest.mark.parametrize(
    "lines",
    [
        'backup_folder = "/srv/a"',
        'backup_folder = "/srv/a"\nbackup_keys_folder = "/srv/a"',
        'backup_folder = "/srv/a"\nbackup_keys_folder = "/srv/a/keys"',
        'backup_folder = "/srv/a/content"\nbackup_keys_folder = "/srv/a"',
        'backup_folder = "a"\nbackup_keys_folder = "b"',
    ],
)
def test_folders_that_do_not_lie_apart_are_refused(node, lines):
    with (node / "node.toml").open("a", encoding="utf-8") as file:
        file.write(lines + "\n")
    result = run("create", "--data", node)
    assert result.exit_code == 3, result.output


def test_the_sheets_are_never_written_over_others(tmp_path):
    hand_out([("STFR1-A", "STFV1-B")], tmp_path)
    before = (tmp_path / "rettungsblatt-1.txt").read_text("utf-8")
    assert (tmp_path / "rettungsblatt-1.txt").stat().st_mode & 0o077 == 0
    with pytest.raises(ConfigError):
        hand_out([("STFR1-C", "STFV1-D")], tmp_path)
    assert (tmp_path / "rettungsblatt-1.txt").read_text("utf-8") == before


def test_the_node_keeps_no_private_part_of_a_recovery_key(node, tmp_path):
    result = run("keys", "new", "--data", node)
    assert result.output.count("STFR1-") == 2
    private = [line for line in result.output.split() if line.startswith("STFR1-")]
    for path in node.rglob("*"):
        if path.is_file():
            raw = path.read_bytes()
            assert not any(line.encode() in raw for line in private)
    public = Paths(node).recovery.read_text("ascii").split()
    assert len(public) == 2
