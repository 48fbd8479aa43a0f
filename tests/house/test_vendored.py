"""What we took from others is what we wrote down, and nothing else lies there."""

import hashlib
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = (
    ROOT / "node/web/static/vendor",
    ROOT / "node/web/paperfonts",
    ROOT / "tests/browser/vendor",
)
FILES = tomllib.loads((ROOT / "deploy" / "VENDOR.toml").read_text())["file"]
DRAWN = {"node/web/static/icons.css", "node/web/paperfonts/coverage.json"}
OUTSIDE = {"node/web/static/icons.css"}
LICENCES = {"EUPL-1.2", "OFL-1.1", "Apache-2.0", "MPL-2.0"}


@pytest.mark.spec("SR-S3", "SC-71")
@pytest.mark.parametrize("entry", FILES, ids=lambda entry: entry["path"])
def test_a_vendored_file_has_its_recorded_digest(entry):
    body = (ROOT / entry["path"]).read_bytes()
    assert hashlib.sha256(body).hexdigest() == entry["sha256"]


@pytest.mark.spec("SR-S3")
def test_every_vendored_file_is_in_the_manifest():
    found = {
        path.relative_to(ROOT).as_posix()
        for folder in FOLDERS
        for path in folder.rglob("*")
        if path.is_file()
    }
    assert found == {entry["path"] for entry in FILES} - OUTSIDE


@pytest.mark.spec("SR-S3")
@pytest.mark.parametrize("entry", FILES, ids=lambda entry: entry["path"])
def test_an_entry_names_origin_version_and_licence(entry):
    assert entry["origin"].startswith("npm:")
    assert entry["version"]
    assert entry["licence"] in LICENCES


def test_the_licence_text_lies_beside_what_it_covers():
    for entry in FILES:
        if entry["path"] not in DRAWN:
            folder = (ROOT / entry["path"]).parent
            assert list(folder.glob("LICENSE*")), folder.name
