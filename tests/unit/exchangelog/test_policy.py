"""Policies: the public form read strictly, and quorums against truth tables."""

from itertools import chain, combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.crypto.checkpoint import COSIGNATURE, ED25519, NoteKey
from node.crypto.keys import SigningKey
from node.errors import MalformedMessageError
from node.exchangelog.policy import Policy, judge, parse_policy


def witness(number: int, kind: int = COSIGNATURE) -> NoteKey:
    key = SigningKey.from_seed(bytes([number]) * 32)
    return NoteKey(f"w{number}.example/witness/1", key.public, kind)


KEYS = {f"W{n}": witness(n) for n in range(1, 7)}
LINES = "".join(f"witness {name} {key}\n" for name, key in KEYS.items())
OWN = witness(9)


def policy(rest: str, lines: str = LINES) -> Policy:
    return parse_policy((lines + rest).encode())


def subsets(names):
    names = list(names)
    return chain.from_iterable(combinations(names, n) for n in range(len(names) + 1))


RULES = [
    ("quorum none\n", lambda _: True),
    ("quorum W1\n", lambda s: "W1" in s),
    ("group g any W1 W2 W3\nquorum g\n", lambda s: bool(s & {"W1", "W2", "W3"})),
    ("group g all W1 W2 W3\nquorum g\n", lambda s: s >= {"W1", "W2", "W3"}),
    ("group g 2 W1 W2 W3\nquorum g\n", lambda s: len(s & {"W1", "W2", "W3"}) >= 2),
    (
        "group x 2 W1 W2 W3\ngroup y any W4 W5 W6\ngroup xy all x y\nquorum xy\n",
        lambda s: len(s & {"W1", "W2", "W3"}) >= 2 and bool(s & {"W4", "W5", "W6"}),
    ),
    (
        "group x all W1 W2\ngroup y all W3 W4\ngroup xy any x y W5\nquorum xy\n",
        lambda s: s >= {"W1", "W2"} or s >= {"W3", "W4"} or "W5" in s,
    ),
]


@pytest.mark.spec("LR-20")
@pytest.mark.parametrize(("rest", "rule"), RULES)
def test_a_quorum_is_what_its_truth_table_says(rest, rule):
    found = policy(rest)
    for names in subsets(KEYS):
        lacking = found.lacking([KEYS[name] for name in names])
        assert (lacking == 0) == rule(set(names)), names


@given(st.data())
def test_lacking_is_the_fewest_cosignatures_that_would_do(data):
    members = data.draw(st.permutations(list(KEYS)))
    cut = data.draw(st.integers(1, 5))
    first, second = members[:cut], members[cut:]
    k = data.draw(st.integers(1, len(first)))
    m = data.draw(st.integers(1, len(second)))
    top = data.draw(st.sampled_from(["any", "all"]))
    found = policy(
        f"group a {k} {' '.join(first)}\ngroup b {m} {' '.join(second)}\n"
        f"group c {top} a b\nquorum c\n"
    )
    have = set(data.draw(st.lists(st.sampled_from(list(KEYS)))))
    fewest = min(
        len(set(names) - have)
        for names in subsets(KEYS)
        if found.lacking([KEYS[name] for name in names]) == 0
    )
    assert found.lacking([KEYS[name] for name in have]) == fewest


@pytest.mark.spec("LR-21", "WIT-8")
def test_the_own_cosignature_never_counts():
    found = policy("group g 2 W1 W2 W3\nquorum g\n")
    own, recipient = KEYS["W1"], KEYS["W2"]
    got = judge(found, [own, recipient], recipient=recipient, own=own)
    assert (got.met, got.got, got.needed) == (False, 1, 2)
    assert got.missing == (
        KEYS["W3"].name,
        *sorted(KEYS[f"W{n}"].name for n in (4, 5, 6)),
    )
    more = [own, recipient, KEYS["W3"]]
    assert judge(found, more, recipient=recipient, own=own).met


@pytest.mark.spec("LR-21")
def test_a_quorum_that_only_the_own_cosignature_could_fill_is_never_met():
    found = policy("quorum W1\n")
    own = KEYS["W1"]
    assert not judge(found, list(KEYS.values()), recipient=KEYS["W2"], own=own).met


@pytest.mark.spec("LR-20")
@pytest.mark.parametrize("rest", ["quorum none\n", "group g 2 W1 W2\nquorum g\n"])
def test_no_quorum_stands_in_for_the_recipient(rest):
    found = policy(rest)
    most = [KEYS["W1"], KEYS["W2"]]
    assert not judge(found, most, recipient=KEYS["W6"], own=OWN).met
    assert judge(found, [*most, KEYS["W6"]], recipient=KEYS["W6"], own=OWN).met


@pytest.mark.spec("WIT-8")
def test_the_recipient_counts_inside_groups():
    found = policy("group g 2 W1 W2\nquorum g\n")
    assert judge(found, [KEYS["W1"], KEYS["W2"]], recipient=KEYS["W2"], own=OWN).met


def test_comments_blank_lines_and_tabs_are_read_past():
    text = (
        f"# a\n\n \t# b\n\twitness\tX  {KEYS['W1']} https://w.example/w \n quorum X\n"
    )
    found = parse_policy(text.encode())
    assert (found.quorum, found.witnesses[0].url) == ("X", "https://w.example/w")


def test_names_are_not_normalised():
    kelvin = f"witness \u212a {KEYS['W1']}\nquorum K\n"
    with pytest.raises(MalformedMessageError):
        parse_policy(kelvin.encode())


LOG = witness(20, ED25519)
BAD = {
    "no quorum": LINES,
    "two quorums": LINES + "quorum W1\nquorum W1\n",
    "quorum before its name": "quorum W1\n" + LINES,
    "unknown quorum": LINES + "quorum X\n",
    "group of nobody": LINES + "group g any\nquorum g\n",
    "threshold zero": LINES + "group g 0 W1\nquorum g\n",
    "threshold above": LINES + "group g 3 W1 W2\nquorum g\n",
    "threshold with zero": LINES + "group g 01 W1\nquorum g\n",
    "threshold with sign": LINES + "group g +1 W1\nquorum g\n",
    "threshold in other digits": LINES + "group g \u0661 W1\nquorum g\n",
    "member twice": LINES + "group g 2 W1 W1\nquorum g\n",
    "member of two groups": LINES + "group g any W1\ngroup h any W1\nquorum h\n",
    "none as a member": LINES + "group g any none W1\nquorum g\n",
    "group of itself": LINES + "group g any g\nquorum g\n",
    "group of a later one": LINES + "group g any h\ngroup h any W1\nquorum g\n",
    "name twice": LINES + "group W1 any W2\nquorum W1\n",
    "none defined": LINES + "group none any W1\nquorum none\n",
    "key twice": LINES + f"witness Z {KEYS['W1']}\nquorum Z\n",
    "log key as a witness": f"witness Z {LOG}\nquorum Z\n",
    "witness key as a log": f"log {KEYS['W1']}\nquorum none\n",
    "log twice": f"log {LOG}\nlog {LOG}\nquorum none\n",
    "broken vkey": "witness Z abc+00000000+AAAA\nquorum Z\n",
    "unknown word": LINES + "witnesses 3\nquorum W1\n",
    "capital word": LINES + "Quorum W1\n",
    "too many items": LINES + "quorum W1 W2\n",
    "no last newline": LINES + "quorum W1",
    "carriage return": LINES.replace("\n", "\r\n") + "quorum W1\r\n",
    "form feed": LINES + "\fquorum W1\n",
    "nul": LINES + "# \x00\nquorum W1\n",
    "empty": "",
    "too long": "#" * 70_000 + "\nquorum none\n",
    "too many groups": LINES + "".join(f"group g{n} any W1\n" for n in range(1)) * 2,
}


@pytest.mark.spec("EL-17", "WIT-1", "WIT-2")
@pytest.mark.parametrize("text", BAD.values(), ids=BAD.keys())
def test_a_policy_of_another_form_is_refused(text):
    with pytest.raises(MalformedMessageError):
        parse_policy(text.encode())


@given(st.binary(max_size=300))
def test_any_bytes_are_a_policy_or_one_error(content):
    try:
        parse_policy(content)
    except MalformedMessageError:
        return


@given(st.data())
def test_a_changed_policy_is_another_policy_or_one_error(data):
    whole = (LINES + "group g 2 W1 W2 W3\nquorum g\n").encode()
    place = data.draw(st.integers(0, len(whole) - 1))
    changed = bytearray(whole)
    changed[place] = data.draw(st.integers(0, 255))
    try:
        parse_policy(bytes(changed))
    except MalformedMessageError:
        return
