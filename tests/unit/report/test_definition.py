"""Definitions of reports: what is shipped can be read, and nothing else gets through."""

import pytest

from node.errors import ConfigError, NotFoundError
from node.report.definition import (
    LAND,
    Audience,
    definition,
    definitions,
    read_definition,
)

GOOD = """\
id: probe
version: 1
title: {de: Probe, en: Trial}
about: {de: Eine Probe, en: A trial}
audience: land
period: required
rows: total
columns:
  - {id: zustaendig, label: {de: Z, en: R}, indicator: responsible}
  - {id: betreut, label: {de: B, en: C}, indicator: cared_for, window: P36M}
  - {id: plaene, label: {de: P, en: P}, indicator: plans_created}
  - {id: quote, label: {de: Q, en: Q}, ratio: [betreut, zustaendig]}
suppress: {below: 5, exact_totals: [zustaendig]}
"""


def test_every_shipped_definition_can_be_read_and_the_land_comes_first():
    found = definitions()
    assert [one.id for one in found] == [
        LAND,
        "betreuung",
        "gespraeche",
        "ziele",
        "uebergaben",
    ]
    assert found[0].audience is Audience.LAND
    assert all(one.digest != found[0].digest for one in found[1:])


def test_a_definition_says_what_its_file_says():
    found = read_definition(GOOD.encode())
    assert found.column("betreut").window_months == 36
    assert found.column("quote").ratio == ("betreut", "zustaendig")
    assert found.exact_totals == {"zustaendig"}


@pytest.mark.spec("DO-2")
def test_no_report_can_offer_plans_by_persons_as_a_rate():
    wrong = GOOD.replace("[betreut, zustaendig]", "[plaene, zustaendig]")
    with pytest.raises(ConfigError, match="plans_created by responsible"):
        read_definition(wrong.encode())


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("period: required", "period: required\nfarbe: rot", "farbe"),
        ("below: 5", "below: 5, above: 3", "suppress.above"),
        ("window: P36M", "fenster: P36M", "fenster"),
        ("window: P36M", "window: 36", "window"),
        ("window: P36M", "window: P1Y", "window"),
        ("window: P36M", "by: language", "language"),
        ("window: P36M", "measure: median", "measure"),
        ("indicator: responsible", "indicator: residents", "residents"),
        ("rows: total", "rows: street", "street"),
        ("rows: total", "rows: total\nrows: caseworker", "rows"),
        ("audience: land", "audience: council", "exact_totals"),
        ("audience: land", "audience: everybody", "everybody"),
        ("period: required", "period: optional", "period"),
        ("version: 1", "version: eins", "version"),
        ("version: 1", "version: true", "version"),
        ("id: plaene", "id: betreut", "two have one id"),
        ("id: plaene", "id: Pläne", "id"),
        ("[betreut, zustaendig]", "[betreut, fehlt]", "fehlt"),
        ("[betreut, zustaendig]", "[betreut]", "two parts"),
        ("exact_totals: [zustaendig]", "exact_totals: [fehlt]", "fehlt"),
        ("{de: Probe, en: Trial}", "{de: Probe}", "title.en"),
        ("{de: Probe, en: Trial}", "Probe", "title"),
        ("{de: Probe, en: Trial}", "&a {de: P, en: T}\nx: *a", "references"),
        ("version: 1", "version: !!python/name:os.system 1", "no YAML"),
        ("version: 1", "version: [1", "no YAML"),
    ],
)
def test_what_is_not_known_is_refused_by_name(old, new, named):
    assert old in GOOD
    with pytest.raises(ConfigError, match=named):
        read_definition(GOOD.replace(old, new).encode())


@pytest.mark.parametrize("name", ["fehlt", "../betreuung", "Betreuung", ""])
def test_a_report_that_is_not_there_is_not_found(name):
    with pytest.raises(NotFoundError):
        definition(name)


def test_a_file_that_is_too_long_is_not_read():
    with pytest.raises(ConfigError, match="64 KiB"):
        read_definition(b"#" * 70_000)
