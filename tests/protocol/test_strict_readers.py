"""Every reader of the log is strict: one spelling, no change unnoticed, own errors only."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.fuzzing import corpus, fuzz, hold, mutate
from tests.support.readers import OUR_ERRORS, READERS, trouble

SHARE = 1500


@pytest.mark.spec("EL-17")
@pytest.mark.parametrize("name", READERS)
def test_a_reader_gives_back_what_its_writer_was_given(name):
    reader = READERS[name]
    for sample in reader.samples:
        assert trouble(reader, sample) is None
        if reader.write is not None:
            assert reader.write(reader.read(sample)) == sample


@pytest.mark.spec("EL-17")
@pytest.mark.parametrize("name", READERS)
def test_every_change_of_one_bit_is_refused_or_means_itself(name):
    reader = READERS[name]
    for sample in reader.samples:
        # Each byte of what is short, every second or third of a long attachment.
        for place in range(0, len(sample), 1 + len(sample) // 1500):
            for bit in range(8):
                changed = bytes([sample[place] ^ 1 << bit])
                hold(name, reader, sample[:place] + changed + sample[place + 1 :])


@pytest.mark.spec("EL-17")
@pytest.mark.parametrize("name", READERS)
@given(
    raw=st.binary(max_size=400)
    | st.text(max_size=200).map(lambda t: t.encode("utf-8", "replace"))
)
@settings(max_examples=60, deadline=None)
def test_arbitrary_bytes_are_our_own_error(name, raw):
    hold(name, READERS[name], raw)


@pytest.mark.spec("EL-17")
@pytest.mark.parametrize("name", READERS)
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_a_cut_or_lengthened_input_is_refused_or_means_itself(name, data):
    reader = READERS[name]
    sample = data.draw(st.sampled_from(reader.samples))
    at = data.draw(st.integers(0, len(sample)))
    hold(name, reader, sample[:at])
    hold(name, reader, sample[:at] + data.draw(st.binary(max_size=9)) + sample[at:])


@pytest.mark.spec("EL-17")
@pytest.mark.parametrize("name", READERS)
def test_a_reader_stands_a_share_of_the_fuzzing(name):
    assert fuzz(name, seed=20261130, count=SHARE) == SHARE


@pytest.mark.parametrize("name", READERS)
def test_the_kept_inputs_of_a_reader_are_read_or_refused(name):
    kept = corpus(name)
    assert kept
    for raw in kept:
        hold(name, READERS[name], raw)
    assert set(READERS[name].samples) <= set(kept), (
        "run tests.support.fuzzing --keep-samples"
    )


def test_mutations_reach_beyond_the_first_check():
    """A fuzzer whose inputs are all refused at once would show nothing."""
    for name, reader in READERS.items():
        chance, accepted = random.Random(1), 0
        for _ in range(400):
            try:
                accepted += reader.read(mutate(chance, reader.samples)) is not None
            except OUR_ERRORS:
                continue
        assert accepted or name == "opening", name
