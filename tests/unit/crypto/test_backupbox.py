"""The sealed backup and the recovery sheet: who opens what, and what is refused."""

import pytest

from node.crypto.backupbox import backup_keys, check_backup, open_backup, seal_backup
from node.crypto.keys import OpeningKey
from node.crypto.recoverykey import RecoverySheet
from node.errors import BackupError, ConfigError

OWN = backup_keys(b"\x07" * 32)
RECOVERY = OpeningKey(b"\x08" * 32)
PLAIN = [b"a" * 70_000, b"", b"b" * 9]


def sealed(plain=PLAIN, readers=(OWN.opening.public, RECOVERY.public)):
    chunks = seal_backup(
        b'{"v":1}', plain, readers=readers, signer=OWN.sign, randomness=_drawn()
    )
    return b"".join(chunks)


def _drawn():
    import secrets

    return secrets.token_bytes


def cut_up(raw, size):
    return lambda: (raw[at : at + size] for at in range(0, len(raw), size))


@pytest.mark.spec("SR-R1")
@pytest.mark.parametrize("key", [OWN.opening, RECOVERY], ids=["own", "recovery"])
@pytest.mark.parametrize("size", [1, 63, 64, 65, 4096, 10**6])
def test_each_reader_opens_a_backup_read_in_any_portions(key, size):
    raw = sealed([b"c" * 3000])
    read = cut_up(raw, size)
    found = check_backup(read, OWN.sign.public)
    assert found.header == b'{"v":1}'
    assert b"".join(open_backup(found, key, read)) == b"c" * 3000


def test_a_long_backup_comes_out_as_it_went_in():
    read = cut_up(sealed(), 10_000)
    found = check_backup(read, OWN.sign.public)
    assert b"".join(open_backup(found, RECOVERY, read)) == b"".join(PLAIN)


def test_the_same_content_sealed_twice_shares_no_bytes_of_its_stream():
    assert sealed()[-70_000:] != sealed()[-70_000:]


def test_a_file_that_changes_between_check_and_reading_gives_an_error():
    raw = bytearray(sealed())
    found = check_backup(cut_up(bytes(raw), 4096), OWN.sign.public)
    raw[-40_000] ^= 1
    with pytest.raises(BackupError, match="changed"):
        list(open_backup(found, RECOVERY, cut_up(bytes(raw), 4096)))


def test_a_file_that_grows_between_check_and_reading_gives_an_error():
    raw = sealed()
    found = check_backup(cut_up(raw, 4096), OWN.sign.public)
    with pytest.raises(BackupError, match="changed"):
        list(open_backup(found, RECOVERY, cut_up(raw + b"\0" * 64, 4096)))


def test_a_stranger_opens_nothing():
    read = cut_up(sealed(), 4096)
    found = check_backup(read, OWN.sign.public)
    with pytest.raises(BackupError, match="not sealed to this key"):
        list(open_backup(found, OpeningKey.generate(), read))


def test_what_was_wrapped_for_another_header_does_not_open():
    """A signer's own key cannot make a reader take the wrong secret for the right one."""
    read = cut_up(sealed(), 4096)
    found = check_backup(read, OWN.sign.public)
    moved = type(found)(
        found.header,
        found.readers,
        bytes(32),
        found.commitment,
        found.prelude,
        found.digest,
    )
    with pytest.raises(BackupError, match="does not open"):
        list(open_backup(moved, RECOVERY, read))


def test_another_master_key_gives_other_keys():
    other = backup_keys(b"\x09" * 32)
    assert other.sign.public != OWN.sign.public
    assert other.opening.public != OWN.opening.public
    with pytest.raises(BackupError, match="signature"):
        check_backup(cut_up(sealed(), 4096), other.sign.public)


def test_no_secret_stands_in_a_repr():
    sheet = RecoverySheet(RECOVERY, OWN.sign.public)
    for shown in (repr(OWN), repr(sheet)):
        assert "\\x08" not in shown
        assert RECOVERY.raw.hex() not in shown


SHEET = RecoverySheet(RECOVERY, OWN.sign.public)


def test_a_sheet_is_read_from_what_somebody_typed():
    private, public = SHEET.lines()
    typed = f"Blatt 1\n{private.lower().replace('-', ' ')}\nund\n  {public}\n"
    found = RecoverySheet.parse(typed)
    assert found.opening.raw == RECOVERY.raw
    assert found.signer == OWN.sign.public


@pytest.mark.parametrize("which", [0, 1])
def test_every_mistyped_letter_of_a_sheet_is_noticed(which):
    lines = list(SHEET.lines())
    line = lines[which]
    for place in range(len("STFR1-"), len(line)):
        if line[place] == "-":
            continue
        wrong = "A" if line[place] != "A" else "B"
        lines[which] = line[:place] + wrong + line[place + 1 :]
        with pytest.raises(ConfigError):
            RecoverySheet.parse("\n".join(lines))


@pytest.mark.parametrize(
    "text",
    [
        "",
        SHEET.lines()[0],
        SHEET.lines()[1],
        "\n".join(
            (*SHEET.lines(), RecoverySheet(OWN.opening, OWN.sign.public).lines()[0])
        ),
        SHEET.lines()[0].replace("STFR1", "STFR2") + "\n" + SHEET.lines()[1],
    ],
    ids=["empty", "private only", "public only", "two keys", "another version"],
)
def test_a_sheet_that_is_not_whole_is_refused(text):
    with pytest.raises(ConfigError):
        RecoverySheet.parse(text)
