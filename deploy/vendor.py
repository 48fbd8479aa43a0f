"""Fetch the foreign browser assets, check them, and write down where each came from.

Run by a developer, never at run time: ``python deploy/vendor.py`` needs npm and a way to
its registry, and fontTools. Enters: the table below. Leaves: unchanged files in
``node/web/static/vendor``, their licence texts beside them, ``icons.css`` drawn from the
named symbols, the fonts for PDF as TTF in ``node/web/paperfonts`` with ``coverage.json``
(which characters they can print), and ``deploy/VENDOR.toml`` with origin, version, licence
and SHA-256 of each file. The result is committed; ``tests/house/test_vendored.py``
recomputes the digests. axe-core serves the browser tests and is no part of the product.
Implements SR-S3.
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
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from urllib.parse import quote

from fontTools.ttLib import TTFont

ROOT: Final = Path(__file__).resolve().parent.parent
WEB: Final = "node/web/static"
TESTS: Final = "tests/browser/vendor"
ICON_SHEET: Final = f"{WEB}/icons.css"
PAPER: Final = "node/web/paperfonts"
COVERAGE: Final = f"{PAPER}/coverage.json"
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

# The whole face, all Latin and Cyrillic letters, as KERN ships it.
NOTO: Final = Package(
    name=KERN.name,
    version=KERN.version,
    integrity=KERN.integrity,
    licence="OFL-1.1",
    files={
        f"dist/fonts/noto-sans/NotoSans-{face}.woff2": (
            f"{PAPER}/noto-sans/NotoSans-{face}.ttf"
        )
        for face in ("Regular", "Bold")
    },
)

# KERN's package holds no licence text of its font; this one does.
NOTO_LICENCE: Final = Package(
    name="@fontsource/noto-sans",
    version="5.3.0",
    integrity=(
        "sha512-fBCog2PY7DiVVTEEqtI/Qdinx/knobHYfoGpjFXdfBX5RoJaBp1Prw2G75p0OIsdlMZg3c"
        "Lo0c+YbIUYOxnQJw=="
    ),
    licence="OFL-1.1",
    files={"LICENSE": f"{PAPER}/noto-sans/LICENSE"},
)

_FACES: Final = {"Regular": 400, "Bold": 700}

NASKH: Final = Package(
    name="@fontsource/noto-naskh-arabic",
    version="5.3.0",
    integrity=(
        "sha512-S/GDgQ6mh/PKo4mz5+eXNYbEarvpI7yh6eCdOz8tTVbeM7+OUiacIEscaYEibr/+egDtGb"
        "O2ZB00sjy1bJC1kQ=="
    ),
    licence="OFL-1.1",
    files={
        f"files/noto-naskh-arabic-arabic-{weight}-normal.woff2": (
            f"{PAPER}/noto-naskh-arabic/NotoNaskhArabic-{face}.ttf"
        )
        for face, weight in _FACES.items()
    }
    | {"LICENSE": f"{PAPER}/noto-naskh-arabic/LICENSE"},
)

ETHIOPIC: Final = Package(
    name="@fontsource/noto-sans-ethiopic",
    version="5.3.0",
    integrity=(
        "sha512-ivXPkx5Grhse+0GEyedQysDI5vSMUIeDNBhev6OIcSX6WyAPtvutU/CSWqf2wv67POnvQ0"
        "QaQ8Aq36vy9WfZpw=="
    ),
    licence="OFL-1.1",
    files={
        f"files/noto-sans-ethiopic-ethiopic-{weight}-normal.woff2": (
            f"{PAPER}/noto-sans-ethiopic/NotoSansEthiopic-{face}.ttf"
        )
        for face, weight in _FACES.items()
    }
    | {"LICENSE": f"{PAPER}/noto-sans-ethiopic/LICENSE"},
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


def _for_the_screen(package: Package) -> Package:
    """The same faces once more, as they are: what paper needs as TTF, browsers take so."""
    return replace(
        package,
        files={
            source: target.replace(PAPER, f"{WEB}/vendor").replace(".ttf", ".woff2")
            for source, target in package.files.items()
        },
    )


PACKAGES: Final = (
    KERN, FIRA, SYMBOLS, NOTO_LICENCE, NOTO, NASKH, ETHIOPIC, AXE,
    *map(_for_the_screen, (NOTO_LICENCE, NOTO, NASKH, ETHIOPIC)),
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


def as_truetype(font: bytes) -> bytes:
    """The same face without its compression: reading it is what PDFs spend time on."""
    face = TTFont(io.BytesIO(font), recalcTimestamp=False)
    face.flavor = None
    plain = io.BytesIO()
    face.save(plain, reorderTables=True)
    return plain.getvalue()


def coverage_of(faces: dict[str, bytes]) -> bytes:
    """Which characters can be printed: in the regular and in the bold face of a family.

    Args:
        faces: TrueType faces by their path; one folder is one family.

    Returns:
        JSON: ascending pairs of first and last code point.
    """
    families: dict[str, list[set[int]]] = {}
    for path, face in faces.items():
        held = set(TTFont(io.BytesIO(face)).getBestCmap())
        families.setdefault(path.rpartition("/")[0], []).append(held)
    covered = sorted(set().union(*(set.intersection(*f) for f in families.values())))
    spans: list[list[int]] = []
    for point in covered:
        if spans and point == spans[-1][1] + 1:
            spans[-1][1] = point
        else:
            spans.append([point, point])
    return (json.dumps(spans) + "\n").encode()


def main() -> None:
    """Fetch everything and rewrite the manifest."""
    entries: list[tuple[Package, str, str, bytes]] = []
    faces: dict[str, bytes] = {}
    for package in PACKAGES:
        with tempfile.TemporaryDirectory() as folder:
            contents = fetch(package, Path(folder))
        for source, target in package.files.items():
            body = contents[source]
            if target.endswith(".ttf"):
                body = faces[target] = as_truetype(body)
            entries.append((package, source, target, body))
        if package is SYMBOLS:
            entries.append(
                (package, "outlined/*.svg", ICON_SHEET, draw_icons(contents))
            )
    entries.append((NOTO, "*.ttf", COVERAGE, coverage_of(faces)))
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
