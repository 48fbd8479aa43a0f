"""Imports point down: the contracts of pyproject.toml hold."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))[
    "tool"
]["importlinter"]["contracts"]


def listed():
    """Every module that a contract names, as a path without its ending."""
    for contract in CONTRACTS:
        for container in contract.get("containers", []):
            for layer in contract["layers"]:
                for name in re.split(r"\s*\|\s*", layer):
                    yield f"{container}.{name}"
        yield from contract.get("source_modules", [])
        yield from contract.get("protected_modules", [])
        yield from contract.get("allowed_importers", [])


def missing():
    return sorted(
        name
        for name in set(listed())
        if not (ROOT / name.replace(".", "/")).is_dir()
        and not (ROOT / (name.replace(".", "/") + ".py")).is_file()
    )


def test_the_contracts_are_the_ones_the_house_rests_on():
    assert {contract["name"] for contract in CONTRACTS} >= {
        "Storeys: imports point down",
        "The core is pure",
        "SQL stays in the store",
        "One room seals, one room opens",
        "No cycles between siblings",
    }


def test_imports_point_down():
    if missing():
        pytest.skip(f"the contracts name rooms that are not there: {missing()}")
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
