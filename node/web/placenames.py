"""Places as people type and read them.

Enters: the official list, a name in any spelling. Leaves: the places that may be meant, told
apart by their Kreis. Must never happen: a name that routes; it only finds a number (FR-27).
"""

from collections.abc import Mapping, Sequence

from node.cases.folding import fold
from node.ids import Ags
from node.trust.places import kreis_name


def place_words(ags: Ags, name: str) -> str:
    """A place so that two of one name can be told apart."""
    kreis = kreis_name(ags)
    return f"{name} ({kreis})" if kreis else f"{name} ({ags})"


def search_places(places: Mapping[Ags, str], text: str) -> list[tuple[Ags, str]]:
    """Places that may be meant: the very name, else names that begin with what was typed."""
    typed = fold(text.partition("(")[0].partition(",")[0])
    if not typed:
        return []
    folded = {ags: fold(name.partition(",")[0]) for ags, name in places.items()}
    same = [ags for ags, words in folded.items() if words == typed]
    begins = [ags for ags, words in folded.items() if _begins(words, typed)]
    return [(ags, places[ags]) for ags in same or begins]


def _begins(words: Sequence[str], typed: Sequence[str]) -> bool:
    return all(any(word.startswith(part) for word in words) for part in typed)
