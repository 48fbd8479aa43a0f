"""The scripts of our own stay small and write text only."""

from importlib.resources import files

import pytest

STATIC = files("node.web").joinpath("static")
SCRIPT = STATIC.joinpath("app.js").read_text("utf-8")
WATCH = STATIC.joinpath("live.js").read_text("utf-8")


@pytest.mark.spec("SC-8")
def test_the_script_is_at_most_6_kib():
    assert len(SCRIPT.encode()) <= 6 * 1024


@pytest.mark.spec("SC-8", "SR-B1")
@pytest.mark.parametrize(
    "sink",
    [
        *("innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval("),
        *("Function(", "setAttribute", ".style", "javascript:", "http:", "https:"),
    ],
)
def test_the_script_has_no_way_to_write_more_than_text(sink):
    assert sink not in SCRIPT + WATCH
