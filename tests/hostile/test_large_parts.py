"""The parts of an upload: hashed as they come, and believed only as they were kept."""

import hashlib
import secrets

import pytest

from node.errors import ConflictError
from node.sync.rows import Upload
from node.sync.uploading import Digests, Intake
from tests.support import transfers as rows
from tests.support.lonely import lonely


def begin_upload(town) -> Upload:
    """An upload of nothing yet."""

    def begin(uow):
        with uow:
            uow.inbound.add(rows.inbound())
            uow.uploads.start(rows.transfer_id(), bytes(32), town.clock.now())
            uow.commit()

    town.node.store.write_sync(begin)
    return Upload(bytes(32), 0)


def intake_of(town, digests: Digests | None = None) -> Intake:
    node = town.node
    return Intake(node.run, node.office, node.courier.files, digests or Digests())


@pytest.mark.spec("HO-87", "HO-88")
async def test_a_digest_that_nobody_remembers_is_made_anew_from_the_parts(tmp_path):
    pieces = [secrets.token_bytes(size) for size in (300_000, 1, 70_000)]
    async with lonely(tmp_path) as town:
        upload = begin_upload(town)
        for piece in pieces:
            # Each part comes to a process that knows nothing of those before.
            upload = await intake_of(town).add(rows.transfer_id(), upload, piece)
        assert upload.received == sum(map(len, pieces))
        container = b"".join(pieces)
        digest = hashlib.sha256(container).digest()
        start = await intake_of(town).whole(rows.transfer_id(), upload, digest)
        assert start
        assert container.startswith(start)
        other = hashlib.sha256(container + b"x").digest()
        assert await intake_of(town).whole(rows.transfer_id(), upload, other) is None


@pytest.mark.spec("HO-87")
@pytest.mark.parametrize("harm", ["gone", "changed", "swapped"])
async def test_a_part_that_is_not_what_was_kept_makes_no_container(tmp_path, harm):
    async with lonely(tmp_path) as town:
        upload, digest = begin_upload(town), hashlib.sha256()
        for piece in (b"a" * 1000, b"b" * 1000):
            digest.update(piece)
            upload = await intake_of(town).add(rows.transfer_id(), upload, piece)
        files = town.node.courier.files
        parts = town.node.store.read_sync(
            lambda uow: uow.uploads.parts(rows.transfer_id())
        )
        one, two = (files._path(part.name) for part in parts)
        if harm == "gone":
            one.unlink()
        elif harm == "changed":
            one.write_bytes(one.read_bytes()[:-1] + b"x")
        else:
            first, second = one.read_bytes(), two.read_bytes()
            one.write_bytes(second)
            two.write_bytes(first)
        whole = intake_of(town).whole(rows.transfer_id(), upload, digest.digest())
        assert await whole is None


@pytest.mark.spec("HO-87")
async def test_two_requests_for_one_place_keep_one_part(tmp_path):
    async with lonely(tmp_path) as town:
        upload, intake = begin_upload(town), intake_of(town)
        after = await intake.add(rows.transfer_id(), upload, b"first")
        with pytest.raises(ConflictError):
            await intake.add(rows.transfer_id(), upload, b"other")
        # The one that lost has not moved the digest of the one that won.
        digest = hashlib.sha256(b"first").digest()
        assert await intake.whole(rows.transfer_id(), after, digest) == b"first"


def test_digests_remember_the_newest_and_lend_copies():
    digests, first, second = Digests(1), "1" * 32, "2" * 32
    digests.keep(first, 3, hashlib.sha256(b"abc"))
    lent = digests.at(first, 3)
    lent.update(b"d")
    assert digests.at(first, 3).digest() == hashlib.sha256(b"abc").digest()
    assert digests.at(first, 4) is None
    digests.keep(second, 1, hashlib.sha256(b"x"))
    assert digests.at(first, 3) is None
    digests.forget(second)
    assert digests.at(second, 1) is None
