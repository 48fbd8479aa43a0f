"""The copy for the person: every stored field, and nothing of anybody else (DO-34)."""

import dataclasses
import json
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from node.cases.dictionary import DICTIONARY, FOREIGN
from node.cases.model import Baton, CaseContent, CaseFile, Former, Origin
from node.cases.relocation import Relocation, Routing, Source
from node.cases.standing import Basis, Consent
from node.ids import AccountId, Ags, CaseId, MemberId, RecordId, TransferId
from node.report.blackening import BLACK, passages, without
from node.report.fieldwords import FIELDS, KINDS
from node.report.personcopy import Holdings, Look, Receipt, Todo, as_json
from node.report.personpaper import _FOR_PROGRAMS, as_blocks, looks_by_day
from node.report.sheet import blocks_as_json, texts_of
from tests.support.casefiles import person, record
from tests.support.people import ADA, consent

OTHER = CaseId("0dd1" * 8)
WORKER = AccountId("a" * 32)
WEHR = MemberId("08337116-stadt-wehr")
AT = datetime(2026, 11, 30, 10, 0, tzinfo=UTC)
FILE = CaseFile(
    id=ADA,
    epoch=3,
    baton=Baton.ACTIVE,
    version=7,
    opened_on=date(2024, 1, 2),
    household=RecordId("b" * 32),
    caseworker=WORKER,
    transfer=TransferId("e" * 32),
    responsible_from=date(2024, 2, 3),
    responsible_until=date(2025, 3, 4),
    handed_to=WEHR,
    came_from=WEHR,
    restricted_on=date(2026, 4, 5),
)


def holdings(*records, consents=(), **more):
    return Holdings(
        content=CaseContent(FILE, tuple(records)),
        consents=consents,
        receipts=more.get("receipts", ()),
        looks=more.get("looks", ()),
        story=more.get("story", ()),
        former=more.get("former", ()),
        relocations=more.get("relocations", ()),
        tasks=more.get("tasks", ()),
        names={WORKER: "Frau Kleiber"},
        bodies={str(WEHR): "Stadt Wehr"},
    )


def data_of(held):
    return json.dumps(as_json(held, "Stadt X", AT), ensure_ascii=False)


def text_of(held):
    return " | ".join(texts_of(blocks_as_json(list(as_blocks(held, "Stadt X")))))


def mark(kind, name):
    return f"wert-{kind}-{name}"


def every_record():
    """One record of each kind with every field the dictionary knows."""
    for number, (kind, fields) in enumerate(DICTIONARY.items(), 1):
        values = {
            name: [str(ADA), str(OTHER)] if field.names_cases else mark(kind, name)
            for name, field in fields.items()
        }
        yield replace(
            record(kind, number, **values),
            origin=Origin.TRANSFER,
            origin_node=WEHR,
            recorded_by=WORKER,
        )


@pytest.mark.spec("DO-34")
@pytest.mark.parametrize("kind", DICTIONARY)
def test_every_field_of_every_kind_is_in_the_copy(kind):
    held = without(holdings(*every_record()), frozenset())
    data, text = data_of(held), text_of(held)
    for name, field in DICTIONARY[kind].items():
        if field.names_cases:
            continue
        assert f'"{name}": "{mark(kind, name)}"' in data
        if name not in _FOR_PROGRAMS or (kind, name) == ("accommodation", "persons"):
            assert mark(kind, name) in text, name


@pytest.mark.spec("DO-34")
def test_no_number_of_another_case_is_in_the_copy_but_ones_own_stays():
    made = consent(guardians=(OTHER,))
    held = without(holdings(*every_record(), consents=(made,)), frozenset())
    assert OTHER not in data_of(held)
    assert OTHER not in text_of(held)
    assert as_json(held, "X", AT)["records"][0]["values"]["guardians"] == [ADA]


@pytest.mark.spec("DO-34")
@pytest.mark.parametrize("kind", DICTIONARY)
def test_every_kind_and_field_has_a_word_on_paper(kind):
    assert kind in KINDS
    assert [name for name in DICTIONARY[kind] if name not in FIELDS] == []


# ``id`` of the file is ``number``; ``version`` and ``transfer`` are how we store it, and
# ``case`` of a consent is the file's.
STORED_ONLY = {"id", "version", "transfer", "case", "guardians"}


@pytest.mark.spec("DO-34")
def test_every_field_of_the_file_is_in_the_data():
    said = as_json(holdings(person()), "X", AT)["case"]
    known = {"number": "id", "state": "baton"}
    assert {known.get(name, name) for name in said} == {
        field.name for field in dataclasses.fields(CaseFile)
    } - (STORED_ONLY - {"id"})
    assert None not in said.values()
    assert said["handed_to"] == "Stadt Wehr"
    assert said["caseworker"] == "Frau Kleiber"


@pytest.mark.spec("DO-34")
def test_every_field_of_a_consent_is_in_the_data():
    (said,) = as_json(holdings(consents=(consent(),)), "X", AT)["consents"]
    assert set(said) == {field.name for field in dataclasses.fields(Consent)} - (
        STORED_ONLY - {"id"}
    )


@pytest.mark.spec("FR-21")
def test_a_basis_without_consent_is_said():
    made = consent(basis=Basis.STATUTE, statute="§ 5 Beispielgesetz", second=WORKER)
    text = text_of(holdings(consents=(made,)))
    assert "Ohne Einwilligung nach | § 5 Beispielgesetz" in text


@pytest.mark.spec("DO-34")
def test_recipients_days_story_and_looks_are_in_words_and_in_the_data():
    held = holdings(
        receipts=(
            Receipt(date(2026, 3, 4), "Stadt Y", "Haushalt", "7K3P-9QX", "ohne, § 5 X"),
        ),
        looks=(
            Look(AT, "Frau Kleiber", "hat sie geöffnet"),
            Look(AT, "Frau Kleiber", "hat sie geöffnet"),
            Look(AT, "Herr Meise", "Notfall", "Anruf der Klinik"),
        ),
        story=("04.03.2026: Stadt Y hat die Daten gesperrt.",),
    )
    for said in (data_of(held), text_of(held)):
        for part in (
            *("Stadt Y", "Haushalt", "§ 5 X", "Anruf der Klinik", "Herr Meise"),
            "Stadt Y hat die Daten gesperrt.",
        ):
            assert part in said, part
    assert looks_by_day(held.looks) == [
        (AT.date(), "Herr Meise", "Notfall: Anruf der Klinik"),
        (AT.date(), "Frau Kleiber", "hat sie geöffnet (2-mal)"),
    ]


# -- Passages ----------------------------------------------------------------------------


def shown(*records, others=(), **more):
    return passages(holdings(person(), *records, **more), others)


@pytest.mark.spec("DO-34")
@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("contact", "note"),
        ("contact", "others_present"),
        ("side_note", "text"),
        ("correction", "text"),
        ("correction", "decision_reason"),
        ("protection", "reason"),
        ("protection", "concerns_text"),
        ("third_person", "name"),
        ("third_person", "phone"),
        ("contact", FOREIGN),
        ("zz_unknown", FOREIGN),
    ],
)
def test_a_text_that_may_speak_of_others_is_shown_first(kind, name):
    (found,) = shown(record(kind, **{name: "Ein Satz."}))
    assert found.text == "Ein Satz."


@pytest.mark.parametrize(
    ("kind", "name"), [("goal", "text"), ("plan", "situation"), ("course", "provider")]
)
def test_another_text_is_shown_only_if_it_names_somebody(kind, name):
    assert shown(record(kind, **{name: "Mit Xaver reden."})) == ()
    (found,) = shown(
        record(kind, **{name: "Mit Xaver reden."}), others=("Xaver", "Demo")
    )
    assert found.is_likely


@pytest.mark.spec("DO-34")
@pytest.mark.parametrize("name", ["XAVER", "Xaver Anderer", "محمد"])
def test_a_name_is_found_in_any_case_and_script(name):
    said = f"Gespräch mit {name}. Danach Tee."
    first, second = shown(record("contact", note=said), others=(name.title(), name))
    assert (first.is_likely, second.is_likely) == (True, False)


def test_ones_own_family_name_is_no_sign_of_others():
    (found,) = passages(
        holdings(
            person(family_name="Ulme"), record("contact", note="Frau Ulme kam zu uns.")
        ),
        ("Ulme", "Ben"),
    )
    assert not found.is_likely


def test_a_record_that_names_another_case_is_proposed_whole():
    found = shown(record("contact", note="Eins. Zwei.", persons=[ADA, OTHER]))
    assert [p.is_likely for p in found] == [True, True]


def test_codes_days_and_numbers_are_no_passages():
    values = {"form": "office", "date": "2026-01-02", "minutes": 30, "topics": ["04"]}
    assert shown(record("contact", **values), others=("office",)) == ()


@pytest.mark.spec("DO-34")
def test_evidence_of_a_consent_is_read_as_well_but_a_picture_is_none():
    said = {"evidence_witness": "Frau Zeugin", "evidence_scan": "A" * 500, "v": 1}
    made = consent(evidence=json.dumps(said).encode())
    (found,) = shown(consents=(made,))
    assert found.text == "Frau Zeugin"
    held = without(holdings(consents=(made,)), {found.id})
    assert "Zeugin" not in data_of(held)
    assert "A" * 500 in data_of(held)


def test_evidence_that_is_no_text_stays_as_bytes():
    held = without(holdings(consents=(consent(evidence=b"\xff\x00"),)), frozenset())
    assert '"bytes": "/wA="' in data_of(held)


@pytest.mark.spec("DO-34")
def test_what_is_ticked_is_gone_from_data_and_paper_and_nothing_else_is():
    note = "Erster Satz. Zweiter über Xaver! Dritter?\nVierter."
    made = record("contact", note=note, others_present=["Xaver, Bruder", "Dolmetscher"])
    found = shown(made, others=("Xaver",))
    assert [p.text for p in found] == [
        *("Erster Satz.", "Zweiter über Xaver!", "Dritter?", "Vierter."),
        *("Xaver, Bruder", "Dolmetscher"),
    ]
    held = without(holdings(made), {p.id for p in found if p.is_likely})
    for said in (data_of(held), text_of(held)):
        assert "Xaver" not in said
        for part in ("Erster Satz.", BLACK, "Dritter?", "Vierter.", "Dolmetscher"):
            assert part in said


@pytest.mark.parametrize("black", [(), ("x.note.0",), ("",), ("....",)])
def test_ticks_that_belong_nowhere_change_nothing(black):
    made = record("contact", note="Ein Satz.")
    assert without(holdings(made), frozenset(black)).content.records == (made,)


# -- What stood there before, what is to be done -----------------------------------------


def before(made, on=AT, **values):
    """An earlier version of a record."""
    return Former(replace(made, values={**made.values, **values}, version=1), on)


@pytest.mark.spec("DO-34")
def test_earlier_versions_are_in_the_data_and_on_paper_only_where_they_differ():
    goal = replace(record("goal", text="Arbeit finden", status="open"), version=2)
    held = holdings(goal, former=(before(goal, text="Ausbildung finden"),))
    said = as_json(held, "X", AT)["former"]
    assert [(f["values"]["text"], f["superseded_at"]) for f in said] == [
        ("Ausbildung finden", AT.isoformat())
    ]
    text = text_of(held)
    assert "bis 30.11.2026" in text
    assert "Text | Ausbildung finden" in text
    assert text.count("offen") <= 1


@pytest.mark.spec("DO-34")
def test_words_that_are_black_now_are_black_in_every_earlier_version():
    note = record("contact", note="Mit Xaver geredet. Gut.")
    old = before(note, note="Mit Xaver geredet. Schlecht.")
    held = holdings(note, former=(old,))
    found = passages(held, ("Xaver",))
    assert [p.text for p in found] == ["Mit Xaver geredet.", "Gut.", "Schlecht."]
    cleaned = without(held, {p.id for p in found if p.is_likely})
    assert "Xaver" not in data_of(cleaned) + text_of(cleaned)
    assert "Schlecht." in data_of(cleaned)


@pytest.mark.spec("DO-34")
def test_words_that_stand_in_an_earlier_version_only_can_be_blackened():
    note = record("contact", note="Gut.")
    held = holdings(note, former=(before(note, note="Mit Xaver geredet."),))
    found = passages(held, ("Xaver",))
    cleaned = without(held, {p.id for p in found if p.is_likely})
    assert "Xaver" not in data_of(cleaned) + text_of(cleaned)


@pytest.mark.spec("DO-34")
def test_moves_and_open_tasks_are_there():
    move = Relocation(
        id=RecordId("d" * 32),
        cases=(ADA, OTHER),
        ags=Ags("08337096"),
        move_on=date(2026, 12, 1),
        source=Source.FORM,
        routing=Routing.ROUTED,
        recorded_at=AT,
        recorded_by=WORKER,
        recipient=WEHR,
    )
    held = holdings(
        relocations=(move,), tasks=(Todo("transfer.closed", "Übernommen.", AT, None),)
    )
    assert "01.12.2026 | 08337096 | 30.11.2026" in text_of(held)
    assert "30.11.2026: Übernommen." in text_of(held)
    said = as_json(held, "X", AT)
    assert said["relocations"][0]["recipient"] == "Stadt Wehr"
    assert said["tasks"][0]["kind"] == "transfer.closed"
    assert OTHER not in data_of(held)
