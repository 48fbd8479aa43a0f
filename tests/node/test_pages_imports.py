"""S17: the town's own lists through their pages, on a real node."""

import io
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from time import perf_counter

import openpyxl
import pytest

from node.bootstrap import own_hands
from node.cases.listsheet import MAX_BYTES
from node.casework.cases import new_record, save_record
from node.ids import AccountId
from node.store.sweeper import Sweeper
from tests.support import build
from tests.support import uglyfiles as ugly
from tests.support.listwalk import Walk, form_on, numbers
from tests.support.office import LEADER, open_office
from tests.support.pair import APPROVER, CLERK, WEHR, found_pair, open_case

PEOPLE = (
    b"Nachname;Vorname;Geburtsdatum;Familie Nr.;Status;Ort;Telefon\n"
    b"Demo-Birke;Farid;01.02.1990;1;Duldg.;Wehr;0171 3920011\n"
    b"Demo-Birke;Samira;03.04.1991;1;Duldg.;Irgendwo;0171 3920012\n"
    b"Demo-Linde;Abel;31.02.1990;2;Duldung;Wehr;\n"
)
# What was looked at, who is signed in, and the lists themselves.
NEVER_THE_SAME = frozenset(
    ("access_log", "session", "import_batch", "import_case", "import_memory")
)


@pytest.fixture(scope="module")
def founded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("towns")
    return folder, found_pair(folder, own_hands())


@pytest.fixture
async def office(founded):
    """A fresh office: the folders of the founded pair are copied back afterwards."""
    folder, folders = founded
    kept = folder / "kept"
    if not kept.exists():
        shutil.copytree(folders[WEHR], kept)
    async with open_office(folder, folders=folders) as opened:
        yield opened
    shutil.rmtree(folders[WEHR])
    shutil.copytree(kept, folders[WEHR])


@pytest.fixture
async def walk(office):
    return Walk(await office.enter(CLERK))


def dump(office, *, without=NEVER_THE_SAME):
    """The whole database, row by row, but the log of looks and the lists themselves."""
    path = office.node.settings.folder / "node.db"
    with closing(sqlite3.connect(path)) as connection:
        names = [
            row[0]
            for row in connection.execute(
                "select name from sqlite_master where type = 'table' order by name"
            )
        ]
        return {
            name: sorted(map(repr, connection.execute(wanted(connection, name))))
            for name in names
            if name not in without
        }


def wanted(connection, name):
    """All columns but the count of writes to a case, which only grows."""
    columns = [row[1] for row in connection.execute(f'pragma table_info("{name}")')]
    kept = [c for c in columns if (name, c) != ("case_file", "version")]
    listed = ", ".join(f'"{column}"' for column in kept)
    return f'select {listed} from "{name}"'


def contents(office):
    return office.node.store.read_sync(
        lambda uow: [uow.cases.content(case) for case in uow.readings.versions()]
    )


def names_of(office):
    return sorted(
        f"{c.person.text('given_names')} {c.person.text('family_name')}".strip()
        for c in contents(office)
    )


# ---- The way through -------------------------------------------------------------------


@pytest.mark.spec("SC-64", "DO-42")
async def test_a_list_is_tried_taken_over_and_taken_back_to_the_last_byte(office, walk):
    open_case(office.node)
    before = dump(office)
    await walk.put_down(PEOPLE, "liste.csv")
    trial = await walk.decide()
    assert numbers(trial)["Neue Personen"] == "2"
    assert numbers(trial)["Zeilen mit Fehlern"] == "1"
    assert "Diesen Tag gibt es nicht." in trial.text
    assert dump(office) == before, "a trial writes nothing"
    done = await walk.take_over()
    assert "Übernommen: 2 neue Personen" in done.text
    assert "Farid Demo-Birke" in names_of(office)
    assert dump(office) != before
    undone = await walk.take_back()
    assert "Alles aus dieser Liste wurde rückgängig gemacht." in undone.text
    assert dump(office) == before
    people = await walk.browser.get("/cases")
    assert "Demo-Birke" not in people.text


@pytest.mark.spec("FR-8", "SC-64")
async def test_what_is_taken_over_is_of_the_list_and_complete(office, walk):
    await walk.put_down(PEOPLE, "liste.csv")
    page = await walk.send("columns")
    values = await walk.see("values")
    form = form_on(values, "/values")
    assert dict(form.values)[form.name_of("Duldg.")] == "AufenthG-60a"
    place = form.name_of("Irgendwo")
    assert dict(form.values)[place] == ""
    page = await walk.send("values", **{place: "08337096"})
    assert page.location.endswith("/trial")
    await walk.take_over()
    farid, samira = sorted(contents(office), key=lambda c: c.person.text("given_names"))
    assert {r.origin for r in (*farid.records, *samira.records)} == {"list"}
    assert farid.file.household == samira.file.household
    assert farid.file.caseworker == CLERK.account
    assert farid.of("residence")[0].values["residence"] == "AufenthG-60a"
    assert samira.of("accommodation")[0].values["ags"] == "08337096"
    assert farid.person.values["phones"] == ["+491713920011"]


@pytest.mark.spec("SC-64", "DO-42")
async def test_the_same_file_again_brings_nobody_new(office, walk):
    for expected in ("2", "0"):
        await walk.put_down(PEOPLE, "liste.csv")
        trial = await walk.decide()
        assert numbers(trial)["Neue Personen"] == expected
        if expected == "2":
            await walk.take_over()
    assert "0 neue" in trial.text
    assert "/apply" not in trial.text
    assert len(contents(office)) == 2


@pytest.mark.spec("SC-64")
async def test_what_was_decided_is_remembered_for_the_same_titles(office, walk):
    content = b"Nachname;Vorname;Kommt aus\nA;B;Syr.\n"
    await walk.put_down(content, "januar.csv")
    await walk.send("columns", c2="citizenship")
    await walk.send("values")
    await walk.put_down(content.replace(b"A;B", b"C;D"), "februar.csv")
    columns = await walk.see("columns")
    assert "wie für eine frühere Liste" in columns.text
    assert dict(form_on(columns, "/columns").values)["c2"] == "citizenship"
    await walk.send("columns")
    values = form_on(await walk.see("values"), "/values")
    assert dict(values.values)[values.name_of("Syr.")] == "SY"


@pytest.mark.spec("SC-64")
async def test_the_error_sheet_holds_the_original_row_and_its_reason(office, walk):
    content = b"Nachname;Vorname;Geburtsdatum\n=1+1;Anna;31.02.1990\nB;Berta;1990\n"
    await walk.put_down(content, "liste.csv")
    await walk.decide()
    answer = await walk.see("errors.xlsx")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    sheet = openpyxl.load_workbook(io.BytesIO(answer.body)).active
    rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert rows[0] == ["Nachname", "Vorname", "Geburtsdatum", "Zeile", "Grund"]
    assert rows[1][:4] == ["=1+1", "Anna", "31.02.1990", "2"]
    assert rows[1][4].startswith("Geburtsdatum: Diesen Tag gibt es nicht.")
    assert sheet["A2"].data_type == "s", "a text never becomes a formula"
    assert len(rows) == 2


# ---- Talks -----------------------------------------------------------------------------


TALKS = (
    "Datum;Nachname;Vorname;Form;Dauer;Thema;Notiz\n"
    "01.02.2021;Demo-Birke;Farid;Telefonat;15 min;Arbeit;Bewerbung\n"
    "02.02.2021;Farid;Demo-Birke;;30;;\n"
    "30.02.2021;Demo-Birke;Farid;Tel.;10;;\n"
    "03.02.2021;Demo-Niemand;Nora;Büro;10;;\n"
    "01.02.2021;Demo-Birke;Farid;Telefonat;15 min;Arbeit;Bewerbung\n"
).encode()


def by_day(content):
    return sorted(content.of("contact"), key=lambda record: record.values["date"])


async def with_people(walk):
    await walk.put_down(PEOPLE, "liste.csv")
    await walk.decide()
    await walk.take_over()


@pytest.mark.spec("FR-8", "DO-42", "FR-6")
async def test_talks_are_written_into_the_cases_of_known_people_and_taken_back(
    office, walk
):
    await with_people(walk)
    before = dump(office)
    await walk.put_down(TALKS, "talks.csv")
    await walk.send("columns")
    values = form_on(await walk.see("values"), "/values")
    nothing = values.name_of("(keine Angabe)")
    await walk.send("values", **{nothing: "office"})
    trial = await walk.see("trial")
    assert numbers(trial)["Neue Gespräche"] == "2"
    assert numbers(trial)["Zeilen mit Fehlern"] == "2"
    assert numbers(trial)["Schon bekannt"] == "1"
    assert "Niemand mit diesem Namen" in trial.text
    assert dump(office) == before
    await walk.take_over()
    (farid,) = [c for c in contents(office) if c.of("contact")]
    first, second = by_day(farid)
    assert first.values["date"] == "2021-02-01"
    assert first.values["form"] == "phone"
    assert first.values["kind"] == "talk"
    assert first.values["minutes"] == 15
    assert first.values["topics"] == ["04"]
    assert first.values["persons"] == [str(farid.file.id)]
    assert second.values["form"] == "office"
    assert "counted" not in first.values, "FR-8: not held by this office"
    assert first.origin == "list"
    await walk.take_back()
    assert dump(office) == before


@pytest.mark.spec("FR-8")
@pytest.mark.parametrize("is_held", [True, False])
async def test_talks_count_only_if_this_office_held_them(office, walk, is_held):
    await with_people(walk)
    await walk.put_down(TALKS, "talks.csv")
    await walk.decide()
    page = await walk.see("apply")
    assert ("held", "yes") not in form_on(page, "/apply").values, "the default is no"
    await walk.take_over(**({"held": "yes"} if is_held else {}))
    row = office.node.store.read_sync(
        lambda uow: uow.readings.month(
            CLERK.account, date(2021, 2, 1), date(2021, 2, 28)
        )
    )
    assert row.talks == (1 if is_held else 0)


async def test_the_same_talks_again_are_no_talks(office, walk):
    await with_people(walk)
    for expected in ("1", "0"):
        await walk.put_down(TALKS, "talks.csv")
        trial = await walk.decide()
        assert numbers(trial)["Neue Gespräche"] == expected
        if expected == "1":
            await walk.take_over()


# ---- Changed people --------------------------------------------------------------------


@pytest.mark.spec("DO-42")
async def test_what_a_later_list_knows_more_is_added_and_taken_back(office, walk):
    await walk.put_down(
        b"Nachname;Vorname;Geburtsdatum\nDemo-A;Anna;01.02.1990\n", "a.csv"
    )
    await walk.decide()
    await walk.take_over()
    before = dump(office)
    await walk.put_down(
        "Nachname;Vorname;Geburtsdatum;Geburtsort;Straße;Ort\n"
        "Demo-A;Anna;01.02.1990;Aleppo;Demoweg 7;Wehr\n".encode(),
        "b.csv",
    )
    trial = await walk.decide()
    assert numbers(trial)["Geänderte Personen"] == "1"
    assert numbers(trial)["Schon bekannt"] == "0"
    await walk.take_over()
    (anna,) = contents(office)
    assert anna.person.text("birth_place") == "Aleppo"
    assert anna.of("accommodation")[0].text("street") == "Demoweg 7"
    await walk.take_back()
    assert dump(office) == before


async def test_nothing_that_stands_in_a_case_is_written_over(office, walk):
    for number, place in enumerate(("Aleppo", "Homs")):
        await walk.put_down(
            "Nachname;Vorname;Geburtsdatum;Geburtsort\n"
            f"Demo-A;Anna;01.02.1990;{place}\n".encode(),
            "a.csv",
        )
        trial = await walk.decide()
        assert numbers(trial)["Geänderte Personen"] == "0", number
        if not number:
            await walk.take_over()
    (anna,) = contents(office)
    assert anna.person.text("birth_place") == "Aleppo"


# ---- Taking back -----------------------------------------------------------------------


@pytest.mark.spec("SC-64", "DO-42")
async def test_who_was_edited_since_is_listed_and_stays(office, walk):
    await walk.put_down(PEOPLE, "liste.csv")
    await walk.decide()
    await walk.take_over()
    farid = min(contents(office), key=lambda c: c.person.text("given_names"))
    await with_note(office, farid.file.id)
    page = await walk.see("undo")
    assert numbers(page)["Fälle, die entfernt werden"] == "1"
    assert numbers(page)["Fälle, die bleiben"] == "1"
    assert "Farid Demo-Birke" in page.text
    assert "wurde seitdem bearbeitet" in page.text
    done = await walk.take_back()
    assert "1 Fall bleibt" in done.text
    assert names_of(office) == ["Farid Demo-Birke"]


async def with_note(office, case):
    record = new_record(
        office.node.office, case, "side_note", {"text": "x"}, by=CLERK.account
    )
    await office.node.run.write(
        save_record, office.node.office, record, epoch=1, by=CLERK
    )


@pytest.mark.spec("SC-64")
async def test_a_talk_that_was_edited_stays_and_the_others_go(office, walk):
    await with_people(walk)
    await walk.put_down(TALKS, "talks.csv")
    await walk.send("columns")
    values = form_on(await walk.see("values"), "/values")
    await walk.send("values", **{values.name_of("(keine Angabe)"): "office"})
    await walk.take_over()
    (farid,) = [c for c in contents(office) if c.of("contact")]
    office.node.store.write_sync(change_one, by_day(farid)[0])
    done = await walk.take_back()
    assert "1 Fall bleibt" in done.text
    (farid,) = [c for c in contents(office) if c.of("contact")]
    assert [r.values["date"] for r in farid.of("contact")] == ["2021-02-01"]


def change_one(uow, record):
    with uow:
        uow.cases.put([replace(record, values={**record.values, "minutes": 20})])
        uow.commit()


@pytest.mark.spec("SC-64")
async def test_taking_back_ends_after_30_days_and_the_list_is_erased(office, walk):
    await walk.put_down(PEOPLE, "liste.csv")
    await walk.decide()
    await walk.take_over()
    token = (await walk.see("undo")).form_token
    office.clock.offset = timedelta(days=29, hours=23)
    Sweeper(office.node.store, office.node.means, grace=True)()
    assert len(dump(office, without=())["import_batch"]) == 1
    office.clock.offset = timedelta(days=30, minutes=1)
    browser = walk.browser = await office.enter(CLERK)
    token = (await browser.get("/imports")).form_token
    answer = await browser.post(walk.address + "/undo", token)
    assert answer.status == 409
    Sweeper(office.node.store, office.node.means, grace=True)()
    everything = dump(office, without=())
    assert everything["import_batch"] == []
    assert everything["import_case"] == []
    assert (await walk.see()).status == 404
    assert len(contents(office)) == 2


async def test_a_list_that_was_not_taken_over_cannot_be_taken_back(office, walk):
    await walk.put_down(PEOPLE, "liste.csv")
    await walk.decide()
    token = (await walk.see("values")).form_token
    assert (await walk.browser.post(walk.address + "/undo", token)).status == 409


async def test_a_list_that_was_taken_over_is_not_deleted_before_its_time(office, walk):
    await with_people(walk)
    token = (await walk.see("undo")).form_token
    answer = await walk.browser.post(walk.address + "/discard", token)
    assert answer.status == 409
    assert len(contents(office)) == 2


# ---- Who, and when not -----------------------------------------------------------------


@pytest.mark.spec("SR-B9")
async def test_nobody_else_sees_a_list(office, walk):
    await walk.put_down(PEOPLE, "liste.csv")
    for actor in (APPROVER, LEADER):
        other = await office.enter(actor)
        assert (await other.get(walk.address)).status == 403
    assert (await walk.browser.get("/imports/" + "0" * 32)).status == 404


async def test_a_trial_that_is_outdated_takes_nothing_in(office, walk):
    await walk.put_down(PEOPLE, "liste.csv")
    await walk.decide()
    page = await walk.take_over(_digest="0" * 64)
    assert page.status == 409
    assert "Seit dem Probelauf hat sich etwas geändert" in page.text
    assert contents(office) == []
    assert "2 neue" in (await walk.take_over()).text


async def test_taking_over_twice_takes_over_once(office, walk):
    await walk.put_down(PEOPLE, "liste.csv")
    await walk.decide()
    form = form_on(await walk.see("apply"), "/apply")
    fields = {name: value for name, value in form.values if name != "_token"}
    token = dict(form.values)["_token"]
    for _ in range(2):
        answer = await walk.browser.post(form.action, token, **fields)
        assert answer.status == 303
    while (await walk.see("apply")).headers.get("Refresh"):
        pass
    assert len(contents(office)) == 2


@pytest.mark.spec("SC-10")
async def test_two_columns_for_one_field_are_refused_and_the_choice_stays(office, walk):
    await walk.put_down(PEOPLE, "liste.csv")
    answer = await walk.send("columns", c5="family_name")
    assert answer.status == 422
    assert "steht zweimal" in answer.text
    assert dict(form_on(answer, "/columns").values)["c5"] == "family_name"


async def test_a_list_without_names_cannot_go_on(office, walk):
    await walk.put_down(PEOPLE, "liste.csv")
    answer = await walk.send("columns", c0="", c1="")
    assert answer.status == 422
    assert "in welcher Spalte der Name steht" in answer.text


async def test_an_older_page_does_not_overwrite_a_later_decision(office, walk):
    await walk.put_down(PEOPLE, "liste.csv")
    await walk.send("columns")
    assert (await walk.send("columns", _version="1")).status == 409


async def test_steps_come_in_their_order(office, walk):
    await walk.put_down(PEOPLE, "liste.csv")
    for step in ("trial", "apply", "undo"):
        answer = await walk.see(step)
        assert answer.status == 303
        assert answer.location == walk.address
    assert (await walk.see("values")).location == walk.address + "/columns"
    assert (await walk.see("errors.xlsx")).status == 404


async def test_a_deleted_list_is_gone(office, walk):
    await walk.put_down(PEOPLE, "liste.csv")
    token = (await walk.see()).form_token
    answer = await walk.browser.post(walk.address + "/discard", token)
    assert answer.location == "/imports"
    assert (await walk.see()).status == 404
    assert "Noch keine Liste." in (await walk.browser.get("/imports")).text


@pytest.mark.spec("SR-K1")
async def test_nothing_of_a_list_can_be_read_in_the_database(office, walk):
    await walk.put_down(PEOPLE, "geheime-liste.csv")
    await walk.decide()
    folder = office.node.settings.folder
    for path in folder.rglob("node.db*"):
        content = path.read_bytes()
        for word in (b"Demo-Birke", b"Samira", b"geheime-liste", b"Duldg"):
            assert word not in content, (path.name, word)


@pytest.mark.spec("SC-16")
async def test_no_title_or_address_names_a_file_or_person(office, walk):
    await walk.put_down(PEOPLE, "Familie-Demo-Birke.csv")
    await walk.decide()
    for step in ("", "file", "columns", "values", "trial", "apply"):
        page = await walk.see(step)
        title = page.text.partition("<title>")[2].partition("</title>")[0]
        assert title
        assert "Birke" not in title
    assert "Birke" not in walk.address


def open_threatened(uow):
    """A colleague's case of somebody whom nobody else may find."""
    file = build.case_file(77, caseworker=AccountId("d" * 32))
    person = {"family_name": "Demo-Birke", "given_names": "Farid"}
    with uow:
        uow.cases.open_new(file)
        uow.cases.put(
            [
                build.record(701, case=77, kind="person", values=person),
                build.record(
                    702, case=77, kind="protection", values={"protection": "threatened"}
                ),
            ]
        )
        uow.commit()


@pytest.mark.spec("FR-16")
async def test_a_list_does_not_tell_that_a_threatened_person_is_known(office, walk):
    office.node.store.write_sync(open_threatened)
    await walk.put_down(PEOPLE, "liste.csv")
    trial = await walk.decide()
    assert numbers(trial)["Neue Personen"] == "2"
    assert numbers(trial)["Schon bekannt"] == "0"


async def test_a_similar_name_with_the_same_birth_date_is_pointed_out(office, walk):
    content = b"Nachname;Vorname;Geburtsdatum\nDemo-Ulmen;Amina;04.05.1990\n"
    open_case(office.node)
    await walk.put_down(content, "liste.csv")
    trial = await walk.decide()
    assert numbers(trial)["Neue Personen"] == "1"
    assert "Jemand mit ähnlichem Namen" in trial.text


# ---- The twelve ugly files, as far as their pages --------------------------------------


UGLY = {
    "01_cp1252.csv": (ugly.CP1252, "3", "0"),
    "02_bom_tab.csv": (ugly.BOM_TAB, "3", "0"),
    "03_utf16.txt": (ugly.UTF16, "2", "0"),
    "04_titles.xls": (ugly.titles_xls(), "3", "0"),
    "05_dates.xlsx": (ugly.dates_xlsx(), "10", "1"),
    "06_zeros.xlsx": (ugly.zeros_xlsx(), "2", "4"),
    "07_blocks.ods": (ugly.blocks_ods(), "1", "5"),
    "08_names.csv": (ugly.NAMES, "0", "5"),
    "09_matrix.xlsx": (ugly.matrix_xlsx(), "3", "0"),
    "10_dupes.csv": (ugly.DUPES, "2", "0"),
    "11_mojibake.csv": (ugly.MOJIBAKE, "2", "3"),
    "12_hostile.xlsx": (ugly.hostile_xlsx(), "3", "0"),
}


@pytest.mark.spec("SC-64", "DO-42")
@pytest.mark.parametrize("name", UGLY)
async def test_an_ugly_file_gives_its_trial_and_can_be_taken_back(office, walk, name):
    content, new, failed = UGLY[name]
    before = dump(office)
    assert (await walk.put_down(content, name)).status == 303
    trial = await walk.decide()
    assert numbers(trial)["Neue Personen"] == new
    assert numbers(trial)["Zeilen mit Fehlern"] == failed
    assert dump(office) == before
    if new != "0":
        await walk.take_over()
        await walk.take_back()
        assert dump(office) == before


@pytest.mark.spec("SC-64")
async def test_04_titles_sums_and_free_codes_are_shown(office, walk):
    await walk.put_down(ugly.titles_xls(), "04_titles.xls")
    page = await walk.see("file")
    for said in ("Zeile 1: Titel", "Zeile 4: Überschriften", "Zeile 9: Summe"):
        assert said in page.text
    await walk.send("columns")
    form = form_on(await walk.see("values"), "/values")
    assert dict(form.values)[form.name_of("AE 25 II 1. Alt")] == "AufenthG-25.2.1"
    assert dict(form.values)[form.name_of("irgendwas")] == ""


@pytest.mark.spec("SC-64")
async def test_07_households_are_proposed_and_read_once_confirmed(office, walk):
    await walk.put_down(ugly.blocks_ods(), "07_blocks.ods")
    await walk.decide()
    page = await walk.see("values")
    assert "Zeilen ohne Nachnamen gehören zum Haushalt darüber" in page.text
    assert ("accepted", "households") not in form_on(page, "/values").values
    trial = await walk.decide(accept=("households",))
    assert numbers(trial)["Neue Personen"] == "5"
    await walk.take_over()
    assert names_of(office) == [
        "Abel Demo-Eiche",
        "Farid Demo-Birke",
        "Kind Demo-Birke",
        "Omar Demo-Linde",
        "Samira Demo-Birke",
    ]
    assert len({c.file.household for c in contents(office)}) == 3


@pytest.mark.spec("SC-64")
async def test_09_months_as_columns_are_explained_and_become_no_talks(office, walk):
    await walk.put_down(ugly.matrix_xlsx(), "09_matrix.xlsx")
    page = await walk.see("file")
    assert "Monate als Spalten sind keine Gespräche" in page.text
    assert numbers(page)["Ausgeblendete Zeilen, mitgenommen"] == "1"
    assert {"0", "1"} <= set(form_on(page, "/file").ticks["sheet"])
    columns = form_on(await walk.see("columns"), "/columns")
    assert "c2" not in columns.options
    await walk.decide()
    await walk.take_over()
    assert not any(c.of("contact") for c in contents(office))


@pytest.mark.spec("SC-64")
async def test_11_a_repair_is_offered_and_done_only_after_a_yes(office, walk):
    await walk.put_down(ugly.MOJIBAKE, "11_mojibake.csv")
    assert numbers(await walk.decide())["Neue Personen"] == "2"
    trial = await walk.decide(accept=("encoding",))
    assert numbers(trial)["Neue Personen"] == "3"
    assert "Anna Müller" in trial.text


REFUSED = [
    (b"", "Die Datei ist leer."),
    (b"%PDF-1.7\n", "Das ist keine Liste."),
    (b"PK\x03\x04 nothing", "Die Datei ist beschädigt"),
    (bytes(MAX_BYTES + 1), "Die Datei ist größer als 20 MB."),
    (ugly.sealed_xlsx(), "mit einem Kennwort geschützt"),
    (ugly.doctype_xlsx(), "Die Datei ist beschädigt"),
    (b"A;" * 300, "mehr als 200 Spalten"),
]


@pytest.mark.spec("SC-64", "SR-U6")
@pytest.mark.parametrize(("content", "said"), REFUSED, ids=[s for _, s in REFUSED])
async def test_a_file_that_is_no_list_is_one_sentence_and_leaves_nothing(
    office, walk, content, said
):
    answer = await walk.put_down(content, "liste.xlsx")
    assert answer.status == 422
    assert said in answer.text
    assert dump(office, without=())["import_batch"] == []


async def test_a_file_without_a_table_says_what_is_missing(office, walk):
    assert (await walk.put_down(b"A;B\nC;D\n", "liste.csv")).status == 303
    page = await walk.see("file")
    assert "keine Überschriften, die wir kennen" in page.text
    assert (await walk.see("columns")).location == walk.address + "/file"


async def test_a_form_without_a_file_asks_for_one(office, walk):
    answer = await walk.put_down(b"", "")
    assert answer.status in {400, 422}


# ---- A long list -----------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.spec("SC-64", "DO-42")
async def test_5000_people_are_read_tried_taken_over_and_taken_back(office, walk):
    content = ugly.many_people(5000)
    before = dump(office)
    spent = {}

    async def timed(name, waiting):
        started = perf_counter()
        answer = await waiting
        spent[name] = round(perf_counter() - started, 1)
        return answer

    await timed("read", walk.put_down(content))
    trial = await timed("decide and try", walk.decide())
    assert numbers(trial)["Neue Personen"] == "5.000"
    await timed("take over", walk.take_over())
    assert len(office.node.store.read_sync(lambda uow: uow.readings.versions())) == 5000
    await timed("take back", walk.take_back())
    assert dump(office) == before
    print("5,000 rows, seconds:", spent)
