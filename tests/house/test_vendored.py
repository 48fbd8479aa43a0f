"""What we took from others is what we wrote down, and nothing else lies there."""

import hashlib
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "node" / "web" / "static"
FILES = tomllib.loads((ROOT / "deploy" / "VENDOR.toml").read_text())["file"]


@pytest.mark.spec("SR-S3", "SC-71")
@pytest.mark.parametrize("entry", FILES, ids=lambda entry: entry["path"])
def test_a_vendored_file_has_its_recorded_digest(entry):
    body = (STATIC / entry["path"]).read_bytes()
    assert hashlib.sha256(body).hexdigest() == entry["sha256"]


@pytest.mark.spec("SR-S3")
def test_every_vendored_file_is_in_the_manifest():
    found = {p.relative_to(STATIC).as_posix() for p in STATIC.rglob("vendor/**/*.*")}
    found |= {
        p.relative_to(STATIC).as_posix() for p in STATIC.rglob("vendor/*/LICENSE")
    }
    recorded = {entry["path"] for entry in FILES if entry["path"] != "icons.css"}
    assert found == recorded


@pytest.mark.spec("SR-S3")
@pytest.mark.parametrize("entry", FILES, ids=lambda entry: entry["path"])
def test_an_entry_names_origin_version_and_licence(entry):
    assert entry["origin"].startswith("npm:")
    assert entry["version"]
    assert entry["licence"] in {"EUPL-1.2", "OFL-1.1", "Apache-2.0"}


def test_the_licence_text_lies_beside_what_it_covers():
    for folder in (STATIC / "vendor").iterdir():
        assert list(folder.glob("LICENSE*")), folder.name
