"""What a form of contact counts as, unless a caseworker says otherwise (FR-6)."""

from collections.abc import Mapping
from typing import Final

KIND_OF: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        ("office", "drop_in", "home_visit", "accompaniment", "phone", "video", "group"),
        "talk",
    ),
    **dict.fromkeys(("email", "messenger", "letter"), "contact"),
    "third_party": "coordination",
    "no_show": "attempt",
}
"""Code of ``contact_form`` -> code of ``contact_kind``."""
