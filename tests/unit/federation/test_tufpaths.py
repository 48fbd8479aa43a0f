"""Looking at the beginning of a path first changes no verdict of the framework."""

from hypothesis import given
from hypothesis import strategies as st
from tuf.api.metadata import DelegatedRole

from node.federation.tufpaths import _judged, beginnings, look_at_beginnings

look_at_beginnings()
PIECES = st.sampled_from(
    ["a", "b", "08", "/", "*", "?", "[a-b]", "[!a]", "[*]", "[", "."]
)
PATTERNS = st.lists(PIECES, max_size=6).map("".join)
PATHS = st.lists(st.sampled_from(["a", "b", "08", "/", "*", "[", "."]), max_size=6).map(
    "".join
)


@given(st.lists(PATTERNS, max_size=4), PATHS)
def test_the_verdict_is_always_that_of_the_framework(patterns, path):
    role = DelegatedRole("r", ["k"], 1, terminating=True, paths=patterns)
    assert role.is_delegated_path(path) == _judged(role, path)


def test_roles_by_hash_are_left_to_the_framework():
    role = DelegatedRole("r", ["k"], 1, terminating=True, path_hash_prefixes=["", "f"])
    assert role.is_delegated_path("members/a")


def test_a_path_begins_as_its_pattern_does_up_to_the_first_wildcard():
    assert beginnings(("members/08*", "a/[b]", "c")) == ("members/08", "a/", "c")
