"""Fetch the foreign browser assets, check them, and write down where each came from.

Run by a developer, never at run time: ``python deploy/vendor.py`` needs npm and a way to
its registry. Enters: the table below. Leaves: unchanged files in ``node/web/static/vendor``,
their licence texts beside them, ``icons.css`` drawn from the named symbols, and
``deploy/VENDOR.toml`` with origin, version, licence and SHA-256 of each file. The result is
committed; ``tests/house/test_vendored.py`` recomputes the digests. axe-core serves the
browser tests and is no part of the product. Implements SR-S3.
"""

import hashlib
import io
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

ROOT: Final = Path(__file__).resolve().parent.parent
WEB: Final = "node/web/static"
TESTS: Final = "tests/browser/vendor"
ICON_SHEET: Final = f"{WEB}/icons.css"
MANIFEST: Final = ROOT / "deploy" / "VENDOR.toml"


@dataclass(frozen=True, slots=True)
class Package:
    """One npm package: which bytes we accept, and which of its files we take.

    ``files`` maps a path in the package to a path in the repository. ``integrity`` is the
    registry's SHA-512 of the archive; another archive is refused.
    """

    name: str
    version: str
    integrity: str
    licence: str
    files: dict[str, str]


_WEIGHTS: Final = (400, 500, 600)
_SUBSETS: Final = ("latin", "latin-ext")

KERN: Final = Package(
    name="@kern-ux/native",
    version="2.7.2",
    integrity=(
        "sha512-TN0Mqbasp7S1IOqurXickde8MDj5hIcgT4s3f1i33wyv2iVgA1dTO/FoQyi6rgM9KYTYkI"
        "thl9k72g7fBUUvHg=="
    ),
    licence="EUPL-1.2",
    files={
        "dist/kern.min.css": f"{WEB}/vendor/kern/kern.min.css",
        "LICENSE.md": f"{WEB}/vendor/kern/LICENSE.md",
    },
)

# All Latin and Cyrillic in two files; the licence of the font lies in another package.
NOTO_SANS: Final = Package(
    name="@kern-ux/native",
    version="2.7.2",
    integrity=KERN.integrity,
    licence="OFL-1.1",
    files={
        f"dist/fonts/noto-sans/NotoSans-{face}.woff2": (
            f"{WEB}/vendor/noto-sans/NotoSans-{face}.woff2"
        )
        for face in ("Regular", "Bold")
    },
)

NOTO_SANS_LICENCE: Final = Package(
    name="@fontsource/noto-sans",
    version="5.3.0",
    integrity=(
        "sha512-fBCog2PY7DiVVTEEqtI/Qdinx/knobHYfoGpjFXdfBX5RoJaBp1Prw2G75p0OIsdlMZg3c"
        "Lo0c+YbIUYOxnQJw=="
    ),
    licence="OFL-1.1",
    files={"LICENSE": f"{WEB}/vendor/noto-sans/LICENSE"},
)


def _noto(script: str, subset: str, integrity: str) -> Package:
    return Package(
        name=f"@fontsource/{script}",
        version="5.3.0",
        integrity=integrity,
        licence="OFL-1.1",
        files={
            f"files/{script}-{subset}-{weight}-normal.woff2": (
                f"{WEB}/vendor/{script}/{script}-{weight}.woff2"
            )
            for weight in (400, 700)
        }
        | {"LICENSE": f"{WEB}/vendor/{script}/LICENSE"},
    )


NASKH: Final = _noto(
    "noto-naskh-arabic",
    "arabic",
    "sha512-S/GDgQ6mh/PKo4mz5+eXNYbEarvpI7yh6eCdOz8tTVbeM7+OUiacIEscaYEibr/+egDtGbO2ZB00"
    "sjy1bJC1kQ==",
)

ETHIOPIC: Final = _noto(
    "noto-sans-ethiopic",
    "ethiopic",
    "sha512-ivXPkx5Grhse+0GEyedQysDI5vSMUIeDNBhev6OIcSX6WyAPtvutU/CSWqf2wv67POnvQ0QaQ8Aq"
    "36vy9WfZpw==",
)

FIRA: Final = Package(
    name="@fontsource/fira-sans",
    version="5.3.0",
    integrity=(
        "sha512-z1SKSG7eRhm3srlb7rQ3j77QP4TP7OFxCZ4wUWhCdt+3hOF9K0AyvybpAsz6+JWNcCVV7A"
        "qC7dbOT3e67P2r5A=="
    ),
    licence="OFL-1.1",
    files={
        f"files/fira-sans-{subset}-{weight}-normal.woff2": (
            f"{WEB}/vendor/fira-sans/fira-sans-{subset}-{weight}.woff2"
        )
        for subset in _SUBSETS
        for weight in _WEIGHTS
    }
    | {"LICENSE": f"{WEB}/vendor/fira-sans/LICENSE"},
)

SYMBOLS: Final = Package(
    name="@material-symbols/svg-400",
    version="0.48.2",
    integrity=(
        "sha512-JJXRvRoHhMbrSFQIkiUwjFkCnurH0Yg+cGMCn9xS0PRtLXovIAQCz7NltNn/teQ9VRYmbz"
        "ZB75Uw6Hx0umu5Bg=="
    ),
    licence="Apache-2.0",
    files={"LICENSE": f"{WEB}/vendor/material-symbols/LICENSE"},
)

AXE: Final = Package(
    name="axe-core",
    version="4.14.1",
    integrity=(
        "sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuF"
        "ooJpZe37OgudVGtQ=="
    ),
    licence="MPL-2.0",
    files={
        "axe.min.js": f"{TESTS}/axe.min.js",
        "LICENSE": f"{TESTS}/LICENSE",
    },
)

PACKAGES: Final = (
    KERN, FIRA, NOTO_SANS, NOTO_SANS_LICENCE, NASKH, ETHIOPIC, SYMBOLS, AXE,
)  # fmt: skip

# Our name of an icon and the symbol it is drawn from. KERN's own icons are not repeated.
ICONS: Final = {
    "call": "call",
    "chat": "chat",
    "document": "description",
    "event": "event",
    "groups": "groups",
    "handover": "move_item",
    "history": "history",
    "inbox": "inbox",
    "key": "key",
    "lock": "lock",
    "lock-open": "lock_open_right",
    "pause": "pause_circle",
    "person": "person",
    "print": "print",
    "schedule": "schedule",
    "send": "send",
    "shield": "shield",
    "undo": "undo",
}

_ICON_HEAD: Final = """\
/* Icons beside those of KERN, as masks in the colour of their text.
   Written by deploy/vendor.py from Material Symbols (Apache-2.0); do not edit. */
"""


def fetch(package: Package, folder: Path) -> dict[str, bytes]:
    """Download one package and read it.

    Args:
        package: What to fetch.
        folder: An empty place for the archive.

    Returns:
        The bytes of each file of the archive, by its path in the package.

    Raises:
        SystemExit: The archive is not the one the table names.
    """
    spec = f"{package.name}@{package.version}"
    packed = subprocess.run(
        ["npm", "pack", "--json", spec],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    )
    archive = (folder / json.loads(packed.stdout)[0]["filename"]).read_bytes()
    found = "sha512-" + b64encode(hashlib.sha512(archive).digest()).decode()
    if found != package.integrity:
        sys.exit(f"{spec}: integrity is {found}, expected {package.integrity}")
    contents: dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        for member in tar:
            source = tar.extractfile(member)
            if source is not None:
                contents[member.name.removeprefix("package/")] = source.read()
    return contents


def draw_icons(symbols: dict[str, bytes]) -> bytes:
    """Write the style sheet of masks from the named symbols."""
    parts = [_ICON_HEAD]
    for name, symbol in ICONS.items():
        svg = symbols[f"outlined/{symbol}.svg"].decode()
        path = re.search(r'<path d="[^"]+"/>', svg)
        if path is None:
            sys.exit(f"{symbol}: not one path")
        drawing = (
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 -960 960 960">'
            f"{path[0]}</svg>"
        )
        parts.append(
            f'.icon--{name} {{ mask-image: url("data:image/svg+xml,'
            f'{quote(drawing, safe=" /:=")}"); }}\n'
        )
    return "".join(parts).encode()


def main() -> None:
    """Fetch everything and rewrite the manifest."""
    entries: list[tuple[Package, str, str, bytes]] = []
    for package in PACKAGES:
        with tempfile.TemporaryDirectory() as folder:
            contents = fetch(package, Path(folder))
        entries += [
            (package, source, target, contents[source])
            for source, target in package.files.items()
        ]
        if package is SYMBOLS:
            entries.append(
                (package, "outlined/*.svg", ICON_SHEET, draw_icons(contents))
            )
    lines = ["# Written by deploy/vendor.py.\n"]
    for package, source, target, body in entries:
        place = ROOT / target
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(body)
        lines.append(
            f'\n[[file]]\npath = "{target}"\norigin = "npm:{package.name}"\n'
            f'source = "{source}"\nversion = "{package.version}"\n'
            f'licence = "{package.licence}"\n'
            f'sha256 = "{hashlib.sha256(body).hexdigest()}"\n'
        )
    MANIFEST.write_text("".join(lines))


if __name__ == "__main__":
    main()
