"""Two real towns after one handover, and the bundles both can make of it."""

import hashlib
from contextlib import asynccontextmanager

from node import strictjson
from node.casework import exporting
from node.crypto.jws import sign_jws
from node.exchangelog.bundle import EVIDENCE_TYP, pack_files, read_files
from node.report.fingerprints import fingerprints
from node.sync import decision
from node.sync.transfer import Inbound, Outbound
from tests.support.handed import inbound, outbound, set_off
from tests.support.office import AUDITOR, add_more
from tests.support.pair import (
    APPROVER,
    SAECKINGEN,
    give_consent,
    open_case,
    running,
    until,
)
from tests.support.towns import two_nodes


@asynccontextmanager
async def handed_over(folder):
    """Sender, recipient and the transfer that went all the way; both are quiet."""
    async with two_nodes(folder, runs=False) as (wehr, saeckingen):
        for node in (wehr, saeckingen):
            node.store.write_sync(add_more)
        case = open_case(wehr)
        give_consent(wehr, case)
        transfer = set_off(wehr, case, SAECKINGEN)
        async with running(wehr), running(saeckingen):

            def state():
                found = inbound(saeckingen, transfer)
                return found.state if found else None

            await until(lambda: state() is Inbound.WAITING)
            saeckingen.store.write_sync(
                decision.approve, saeckingen.office, transfer, by=APPROVER
            )
            await until(lambda: outbound(wehr, transfer).state is Outbound.CLOSED)
            await until(lambda: state() is Inbound.CLOSED)
        for node in (wehr, saeckingen):
            node.publisher.publish()
        yield wehr, saeckingen, transfer


def bundle_of(node, query, other=None):
    """What one node hands out."""
    return node.store.read_sync(
        exporting.make_bundle, node.office, query, AUDITOR, other
    )


def trust_of(node):
    """The auditor's own list, from the keys of the directory."""
    return frozenset(fingerprints(node.office.directory()))


def resealed(raw, changes, keyring=None):
    """The bundle with other files in it; with a keyring its list of contents is signed anew."""
    files = dict(read_files(raw)) | changes
    files = {name: content for name, content in files.items() if content is not None}
    if keyring is not None:
        files |= new_manifest(files, keyring)
    return pack_files(files)


def new_manifest(files, keyring):
    """List and signature over these files, as whoever has the exporter's key can make."""
    found = strictjson.parse_object(files["manifest.json"], members=10_000)
    found["files"] = [
        {
            "path": name,
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        for name, content in sorted(files.items())
        if not name.startswith("manifest.")
    ]
    raw = strictjson.encode(found)
    payload = strictjson.encode({"v": 1, "manifest": hashlib.sha256(raw).hexdigest()})
    jws = sign_jws(payload, keyring.sign, keyring.key_id, EVIDENCE_TYP)
    return {"manifest.json": raw, "manifest.jws": jws.encode()}
