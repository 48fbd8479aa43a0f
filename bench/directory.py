"""What a directory of all German municipalities costs a node (P18).

``python -m bench.directory [MEMBERS]``: founds a directory of so many bodies with real keys
in sixteen Länder and 400 Kreise, then measures a node's first verification of everything
and a refresh in which nothing changed. Source: a folder on this machine, so the network is
not in the figures. The verifying runs in a process of its own, so that its memory is not
that of the founding.
"""

import hashlib
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tuf.api.metadata import DelegatedRole, Delegations, Role, Root, TargetFile, Targets

from node.crypto.keys import Keyring, OpeningKey, SigningKey
from node.federation.fetcher import Source
from node.federation.repository import KeyFile, Repository, load_keys
from node.federation.tufkey import NodeKey, use_one_verifier
from node.federation.updater import refresh
from node.ids import Ags, MemberId
from node.trust.admission import AdmissionRequest, Applicant, admission_request
from node.trust.directory import Directory
from node.trust.head import DEMO, REVOKER
from node.trust.keylife import KEM_LIFE, KEM_OPEN
from node.trust.keysheet import KemKey, KeySheet, Limits, sign_sheet
from node.trust.member import Contact, Member
from node.trust.renewal import REVOCATIONS_PATH, record_path, routes_path, sheet_path
from node.trust.revocations import Revocations
from node.trust.routes import Routes

MEMBERS = 10_750
LANDS = [f"{n:02}" for n in range(1, 17)]
KREISE_PER_LAND = 25
YEAR = timedelta(days=365)
RUNS = 20


def places(count: int) -> Iterator[Ags]:
    """So many places, spread evenly over all Kreise."""
    kreise = [f"{land}{n:03}" for n in range(1, KREISE_PER_LAND + 1) for land in LANDS]
    for number in range(count):
        turn, kreis = divmod(number, len(kreise))
        yield Ags(f"{kreise[kreis]}{turn + 1:03}")


def body(ags: Ags, at: datetime) -> tuple[Member, bytes]:
    """One body with keys of its own: its record and its sheet."""
    member = MemberId(f"{ags}-gemeinde")
    ring = Keyring(
        member=member,
        sign_kid="s1",
        sign=SigningKey(os.urandom(32)),
        sheet_kid="h1",
        sheet=SigningKey(os.urandom(32)),
        log=SigningKey(os.urandom(32)),
        witness=SigningKey(os.urandom(32)),
        openings={"k1": OpeningKey.generate()},
        tag_key=os.urandom(32),
    )
    host = f"g{ags}.example"
    end = at + KEM_LIFE
    sheet = KeySheet(
        iss=member,
        serial=1,
        iat=at,
        kem=(KemKey("k1", ring.openings["k1"].public, at, end, end + KEM_OPEN),),
        url=f"https://{host}/",
        relays=(),
        suites=(1,),
        proto=(1,),
        schema=("case/1",),
        limits=Limits(64 * 1024 * 1024, 25 * 1024 * 1024),
    )
    signed = sign_sheet(sheet, ring.sheet, kid="h1")
    asked = admission_request(
        ring,
        Applicant(
            f"Gemeinde {ags}",
            (ags,),
            Contact("Integrationsbüro", "0000 000", f"im@{host}"),
            f"{host}/log/1",
            f"{host}/witness/1",
        ),
        key_sheet=signed,
    )
    record = AdmissionRequest.parse(asked).record(at.date(), exp=at + YEAR)
    return record, signed.encode("ascii")


class Builder:
    """Writes the folder without syncing each file: only reading is measured."""

    def __init__(self, folder: Path, keys: Path) -> None:
        keys.mkdir()
        self.folder, self.keys = folder, keys

    def key(self, role: str) -> NodeKey:
        key = SigningKey(os.urandom(32))
        KeyFile(role, key).save(self.keys / f"{role}-1.key")
        return NodeKey.of(key.public)

    def put(self, part: Targets, path: str, content: bytes) -> None:
        info = TargetFile.from_data(path, content, ["sha256"])
        place, _, name = path.rpartition("/")
        digest = hashlib.sha256(content).hexdigest()
        file = self.folder / "targets" / place / f"{digest}.{name}"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        part.targets[path] = info

    def delegations(self, roles: dict[str, list[str]]) -> Delegations:
        keys = {role: self.key(role) for role in roles}
        return Delegations(
            {key.keyid: key for key in keys.values()},
            {
                role: DelegatedRole(
                    role, [keys[role].keyid], 1, terminating=True, paths=paths
                )
                for role, paths in roles.items()
            },
        )


def build(folder: Path, keys: Path, count: int, at: datetime) -> bytes:
    """Found and fill the directory; its root."""
    use_one_verifier()
    builder = Builder(folder, keys)
    root = Root(expires=at + 2 * YEAR)
    root.unrecognized_fields[DEMO] = True
    for role in ("root", "targets", "snapshot", "timestamp"):
        root.roles[role] = Role([], 1)
        root.add_key(builder.key(role), role)
    listed = {land: [f"{d}/{land}*" for d in KINDS] for land in LANDS}
    top = builder.delegations({REVOKER: [REVOCATIONS_PATH], **listed})
    targets = Targets(expires=at + YEAR, delegations=top)
    revoker = Targets(expires=at + YEAR)
    builder.put(revoker, REVOCATIONS_PATH, Revocations(1).encode())
    by_kreis: dict[str, list[tuple[Member, bytes]]] = {}
    for ags in places(count):
        by_kreis.setdefault(ags.kreis, []).append(body(ags, at))
    parts: dict[str, tuple[Targets, Targets]] = {REVOKER: (revoker, targets)}
    for land in LANDS:
        kreise = sorted(k for k in by_kreis if k.startswith(land))
        roles = {k: [f"{d}/{k}*" for d in KINDS[:3]] for k in kreise}
        roles |= {f"{k}-keys": [f"keys/{k}*"] for k in kreise}
        above = Targets(expires=at + YEAR, delegations=builder.delegations(roles))
        parts[land] = (above, targets)
        for kreis in kreise:
            records, sheets = Targets(expires=at + YEAR), Targets(expires=at + YEAR)
            for record, sheet in by_kreis[kreis]:
                builder.put(records, record_path(record.id), record.encode())
                builder.put(sheets, sheet_path(record.id), sheet)
            members = [record for record, _ in by_kreis[kreis]]
            index = Routes.of(kreis, members).encode()
            builder.put(records, routes_path(kreis), index)
            parts[kreis] = (records, above)
            parts[f"{kreis}-keys"] = (sheets, above)
    repository = Repository(folder, load_keys([keys]))
    repository.save("root", root, root)
    repository.save("targets", targets, root)
    for role, (part, delegator) in parts.items():
        repository.save(role, part, delegator)
    repository.publish(root, at)
    return (folder / "metadata" / "1.root.json").read_bytes()


KINDS = ("members", "routes", "policy", "keys")


def measure(source: Source, own: Path, root: bytes, at: datetime) -> None:
    """Print the first verification, refreshes without change, and one from the store."""
    begun, spent = time.perf_counter(), os.times()
    directory = refresh(source, own, previous=None, root=root, at=at)
    first, used = time.perf_counter() - begun, os.times()
    user, system = used.user - spent.user, used.system - spent.system
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert directory.faults == ()
    times, spent = [], time.process_time()
    for _ in range(RUNS):
        begun = time.perf_counter()
        directory = refresh(source, own, previous=directory, root=root, at=at)
        times.append(time.perf_counter() - begun)
    idle = (time.process_time() - spent) / RUNS
    spent = time.process_time()
    Directory.decode(directory.files)
    again = time.process_time() - spent
    size = sum(p.stat().st_size for p in own.rglob("*") if p.is_file())
    members = len(directory.members())
    show("members verified", members)
    show("first verification, s (goal 5)", first)
    show("  of it CPU in the program, s", user)
    show("  of it CPU in the system: files, network, s", system)
    show("  CPU per member, ms", 1000 * (user + system) / members)
    show(
        "refresh without change, ms, median (goal 50)", 1000 * statistics.median(times)
    )
    show("refresh without change, ms, slowest", 1000 * max(times))
    show("  of it CPU, ms, mean", 1000 * idle)
    show("read back from the store's rows, CPU, s", again)
    show("memory at most, MiB", peak_kib / 1024)
    show("verified copy on disk, MiB", size / 2**20)


def show(what: str, value: float) -> None:
    """One line of figures."""
    print(
        f"  {what:48s}{value:10.1f}"
        if isinstance(value, float)
        else f"  {what:48s}{value:>10}"
    )


def verify(work: Path) -> None:
    """Measure against a directory that was founded before."""
    at = datetime.fromisoformat((work / "at").read_text())
    source = Source(str(work / "published"), demo=True, timeout_s=600)
    measure(source, work / "own", (work / "root.json").read_bytes(), at)


def main() -> None:
    """Found a directory, then verify it."""
    if sys.argv[1:2] == ["--verify"]:
        verify(Path(sys.argv[2]))
        return
    count = int(sys.argv[1]) if len(sys.argv) > 1 else MEMBERS
    at = datetime.now(UTC).replace(microsecond=0)
    work = Path(tempfile.mkdtemp(prefix="bench-directory-"))
    try:
        begun = time.perf_counter()
        root = build(work / "published", work / "keys", count, at)
        (work / "root.json").write_bytes(root)
        (work / "at").write_text(at.isoformat())
        print(
            f"Directory of {count} members, {len(LANDS)} Länder, "
            f"{len(LANDS) * KREISE_PER_LAND} Kreise, made in "
            f"{time.perf_counter() - begun:.0f} s.\n"
            f"{platform.system()}, {os.cpu_count()} cores (load {os.getloadavg()[0]:.1f}), "
            f"Python {platform.python_version()}; one process; source: a folder.",
            flush=True,
        )
        again = [sys.executable, "-m", "bench.directory", "--verify", str(work)]
        subprocess.run(again, check=True)
    finally:
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
