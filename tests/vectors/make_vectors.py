"""Writes the published vectors; run it from the root: ``python -m tests.vectors.make_vectors``.

The same program gives the same files: seeds determine all but the HPKE encapsulations,
which are kept in ``encapsulations.json``. A vector changes only with a version number
(HO-119).
"""

import json

from node.crypto.base64url import b64u
from tests.vectors import (
    packet_recipes,
    packet_vectors,
    statement_vectors,
    text_vectors,
    tree_vectors,
)
from tests.vectors.drawn import FOLDER, Encapsulations


def public_keys():
    """Public keys whose secrets are published: no node ever enrols one of them."""
    signing = (
        text_vectors.SIGNER,
        text_vectors.STRANGER,
        text_vectors.LOG,
        text_vectors.WITNESS,
    )
    opening = (packet_recipes.RECIPIENT, packet_recipes.STRANGER)
    return {
        "about": "Test keys: their private parts are public, so a node refuses them",
        "ed25519": [str(key.public) for key in signing],
        "mlkem768_x25519_sha256": [b64u(key.public.thumbprint) for key in opening],
    }


def build():
    """Every file by its name."""
    drawn = Encapsulations()
    files = {
        "packet.json": packet_vectors.build(drawn),
        "sign.json": text_vectors.signatures(),
        "jws.json": text_vectors.statements(),
        "statement.json": statement_vectors.build(),
        "note.json": text_vectors.notes(),
        "merkle.json": tree_vectors.tree(),
        "commit.json": tree_vectors.commitments(),
        "keys.json": public_keys(),
    } | drawn.files()
    return {name: f"{json.dumps(file, indent=1)}\n" for name, file in files.items()}


def main():
    """Write them all."""
    for name, text in build().items():
        (FOLDER / name).write_text(text)


if __name__ == "__main__":
    main()
