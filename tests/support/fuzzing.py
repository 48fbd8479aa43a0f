"""Seeded, structure-aware mutations for the strict readers: ``make fuzz SECONDS=60``.

Inputs begin as samples and are changed by bytes, by tokens that readers stumble over, by
lines, by fields of JSON and by pieces of other samples. If ``atheris`` can be imported, the
same targets run under it with ``--atheris NAME``.
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from tests.support.readers import READERS, Reader, trouble

CORPUS: Final = Path(__file__).parent.parent / "fuzz" / "corpus"
SLOW_S: Final = 0.5
_TOKENS: Final = (
    b"", b"\n", b"\n\n", b" ", b"\x00", b"\xff", b"\xc2\xa0", b"\xe2\x80\x94 ", b"=", b"==",
    b"+", b"/", b"A", b"old ", b"0", b"-1", b"00", b"9223372036854775807",
    b"9223372036854775808", b"18446744073709551616", b"1e9", b"0.5", b"NaN", b"null",
    b"true", b"[]", b"{}", b"[" * 40, b'{"a":' * 30, b'"', b"\\u0000", b"\\ud800",
    b"A" * 300, b"9" * 5000, b"\r", b"\r\n", b"\xef\xbb\xbf", b"\xf0\x9f\x8c\xb2",
)  # fmt: skip
_VALUES: Final[tuple[Any, ...]] = (
    None, True, False, 0, -1, 1, 2**53, 2**63, 2**64, 0.5, "", "a", "\u0000", "\ud800",
    "A" * 9000, [], {}, [[]], [None] * 70, {"a": 1}, "00" * 32, "AA==", "\u2014 x AAAA\n",
)  # fmt: skip

Mutation = Callable[[random.Random, bytes, tuple[bytes, ...]], bytes]


def _bit(chance: random.Random, raw: bytes, _: tuple[bytes, ...]) -> bytes:
    if not raw:
        return b"\x00"
    at = chance.randrange(len(raw))
    return raw[:at] + bytes([raw[at] ^ 1 << chance.randrange(8)]) + raw[at + 1 :]


def _token(chance: random.Random, raw: bytes, _: tuple[bytes, ...]) -> bytes:
    at = chance.randrange(len(raw) + 1)
    end = min(len(raw), at + chance.choice((0, 0, 1, 2, 8)))
    return raw[:at] + chance.choice(_TOKENS) + raw[end:]


def _cut(chance: random.Random, raw: bytes, _: tuple[bytes, ...]) -> bytes:
    at = chance.randrange(len(raw) + 1)
    return raw[:at] if chance.random() < 0.5 else raw[at:]


def _double(chance: random.Random, raw: bytes, _: tuple[bytes, ...]) -> bytes:
    at = chance.randrange(len(raw) + 1)
    end = chance.randrange(at, len(raw) + 1)
    return raw[:end] + raw[at:end] * chance.choice((1, 1, 2, 100)) + raw[end:]


def _lines(chance: random.Random, raw: bytes, _: tuple[bytes, ...]) -> bytes:
    lines = raw.split(b"\n")
    one, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    dice = chance.randrange(3)
    if dice == 0:
        lines[one], lines[other] = lines[other], lines[one]
    elif dice == 1:
        lines.insert(other, lines[one])
    else:
        del lines[one]
    return b"\n".join(lines)


def _splice(chance: random.Random, raw: bytes, samples: tuple[bytes, ...]) -> bytes:
    other = chance.choice(samples)
    return raw[: chance.randrange(len(raw) + 1)] + other[chance.randrange(len(other)) :]


def _field(chance: random.Random, raw: bytes, samples: tuple[bytes, ...]) -> bytes:
    """Change one place of a JSON document; other inputs lose a token instead."""
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return _token(chance, raw, samples)
    places: list[tuple[Any, Any]] = []
    waiting = [value]
    while waiting:
        item = waiting.pop()
        keys = (
            list(item)
            if isinstance(item, dict)
            else range(len(item))
            if isinstance(item, list)
            else ()
        )
        for key in keys:
            places.append((item, key))
            waiting.append(item[key])
    if not places:
        return _token(chance, raw, samples)
    holder, key = chance.choice(places)
    if isinstance(holder, dict) and chance.random() < 0.3:
        moved = holder.pop(key)
        if chance.random() < 0.5:
            holder[str(key) + "x"] = moved
    else:
        holder[key] = chance.choice(_VALUES)
    spaced = chance.random() < 0.2
    text = json.dumps(value, sort_keys=True, separators=None if spaced else (",", ":"))
    return text.encode("utf-8", "surrogatepass")


_MUTATIONS: Final[tuple[Mutation, ...]] = (
    _bit, _bit, _token, _token, _cut, _double, _lines, _splice, _field, _field,
)  # fmt: skip


def mutate(chance: random.Random, samples: tuple[bytes, ...]) -> bytes:
    """An input: a sample after one to four changes."""
    raw = chance.choice(samples)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 4))):
        raw = chance.choice(_MUTATIONS)(chance, raw, samples)
    return raw[:200_000]


def corpus(name: str) -> tuple[bytes, ...]:
    """The inputs that are kept for a reader."""
    return tuple(path.read_bytes() for path in sorted((CORPUS / name).iterdir()))


def hold(name: str, reader: Reader, raw: bytes) -> None:
    """Hold a reader against an input.

    Raises:
        AssertionError: It misbehaves; the message holds the input.
    """
    start = time.perf_counter()
    try:
        wrong = trouble(reader, raw)
    except Exception as error:  # noqa: BLE001 - any foreign error is what we look for
        wrong = f"{type(error).__name__}: {error}"
    if time.perf_counter() - start > SLOW_S:
        wrong = wrong or "too slow"
    assert wrong is None, f"{name}: {wrong}: {raw[:2000]!r}"


def fuzz(
    name: str, *, seed: int, count: int | None = None, seconds: float = 1e9
) -> int:
    """Feed one reader.

    Returns:
        How many inputs it got.
    """
    reader, done = READERS[name], 0
    samples = tuple(dict.fromkeys((*reader.samples, *corpus(name))))
    chance, end = random.Random(f"{seed} {name}"), time.perf_counter() + seconds
    while (count is None or done < count) and time.perf_counter() < end:
        hold(name, reader, mutate(chance, samples))
        done += 1
    return done


def keep_samples(readers: Mapping[str, Reader]) -> None:
    """Write the samples of each reader into its corpus."""
    for name, reader in readers.items():
        folder = CORPUS / name
        folder.mkdir(parents=True, exist_ok=True)
        for number, sample in enumerate(reader.samples):
            (folder / f"sample-{number}").write_bytes(sample)


def _run_atheris(name: str, rest: list[str]) -> None:
    import atheris  # type: ignore[import-untyped]  # not among our own tools

    atheris.Setup([name, *rest], lambda raw: hold(name, READERS[name], raw))
    atheris.Fuzz()


def main() -> int:
    """Feed all readers in turn.

    Returns:
        1 if one misbehaved.
    """
    options = argparse.ArgumentParser()
    options.add_argument("--seconds", type=float, default=60)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--keep-samples", action="store_true")
    options.add_argument("--atheris", choices=READERS)
    found, rest = options.parse_known_args()
    if found.keep_samples:
        keep_samples(READERS)
        return 0
    if found.atheris:
        _run_atheris(found.atheris, rest)
        return 0
    total, failed = 0, 0
    for name in READERS:
        try:
            share = found.seconds / len(READERS)
            done = fuzz(name, seed=found.seed, seconds=share)
            print(f"{name:22}{done:10} inputs")
            total += done
        except AssertionError as error:
            print(error)
            failed += 1
    print(
        f"{'all':22}{total:10} inputs, seed {found.seed}, readers that failed: {failed}"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
