"""What lists say: fields, reasons, repairs, states, in words.

Enters: codes of the rooms that read lists. Leaves: message ids, or sentences in the
reader's language. Must never happen: a reason without a sentence and a way out (S17).
"""

from collections.abc import Mapping
from typing import Final

from node.cases.importports import BatchState, Standing
from node.cases.townchoices import Offer
from node.web.language import Words, msgid

FIELD_WORDS: Final[Mapping[str, str]] = {
    "family_name": msgid("Family name"),
    "given_names": msgid("Given names"),
    "full_name": msgid("Family name and given names in one cell"),
    "birth_name": msgid("Name at birth"),
    "birth_date": msgid("Birth date"),
    "birth_place": msgid("Place of birth"),
    "birth_country": msgid("Country of birth"),
    "gender": msgid("Gender"),
    "marital_status": msgid("Marital status"),
    "citizenship": msgid("Citizenship"),
    "origin_country": msgid("Country of origin"),
    "language": msgid("First language"),
    "german_level": msgid("Level of German"),
    "household": msgid("Number or name of the household"),
    "role": msgid("Place in the household"),
    "street": msgid("Street"),
    "number": msgid("House number"),
    "postcode": msgid("Postcode"),
    "town": msgid("Town"),
    "ags": msgid("Municipality key (AGS)"),
    "housing": msgid("Kind of housing"),
    "move_in": msgid("Moved in on"),
    "phone": msgid("Phone number"),
    "email": msgid("E-mail address"),
    "residence": msgid("Residence status"),
    "residence_until": msgid("Residence status valid until"),
    "arrival_town": msgid("Moved to this town on"),
    "arrival_germany": msgid("Arrived in Germany on"),
    "counselling_start": msgid("Counselling since"),
    "case_number": msgid("File number"),
    "talk_date": msgid("Talk: day"),
    "talk_form": msgid("Talk: form"),
    "talk_minutes": msgid("Talk: minutes"),
    "talk_topic": msgid("Talk: topic"),
    "talk_note": msgid("Talk: note"),
}

_REASONS: Final[Mapping[str, str]] = {
    # What is wrong with a file.
    "empty": msgid("The file is empty. Please save the list again and choose it anew."),
    "too_large": msgid(
        "The file is larger than 20 MB. Please divide it, or save it without pictures."
    ),
    "too_large_unpacked": msgid(
        "Unpacked, the file is larger than 200 MB. Please copy the table into a new file."
    ),
    "too_many_rows": msgid(
        "The file has more than 20,000 rows. Please divide it into several files."
    ),
    "too_many_columns": msgid(
        "A table has more than 200 columns. Please delete those you do not need."
    ),
    "password": msgid(
        "The file is protected by a password. Please save it without one and choose it"
        " anew."
    ),
    "damaged": msgid(
        "The file is damaged or no table. Please open it in your spreadsheet program and"
        " save it anew."
    ),
    "no_list": msgid(
        "This is no list. Please save the table as Excel, ODS or CSV and choose it anew."
    ),
    "too_much_work": msgid(
        "Reading this file took too long or too much memory. Please copy the table into"
        " a new file."
    ),
    "encoding": msgid(
        "The letters of this row cannot be read. Please save the list as UTF-8."
    ),
    "no_header": msgid(
        "No row with titles was found in the first 20 rows. It needs at least two titles,"
        " such as family name and given names."
    ),
    "column_twice": msgid(
        "Two columns are meant to be the same field. Please take only one of them."
    ),
    "quote_not_closed": msgid(
        "A quotation mark is never closed. Please delete it, or save the list anew."
    ),
    "not_readable": msgid("The file is not there, or we may not read it."),
    # What is wrong with a row.
    "control_character": msgid(
        "Holds invisible or lost characters. Please type the cell anew."
    ),
    "mixed_encoding": msgid(
        "The row is encoded in another way than the rest. Please type its umlauts anew."
    ),
    "quoting": msgid("A quotation mark stands in the wrong place."),
    "too_long": msgid("The text is too long for this field. Please shorten it."),
    "too_many_cells": msgid("The row has more cells than there are titles."),
    "date_incomplete": msgid("Here a date is needed to the day."),
    "date_missing": msgid("The day is missing."),
    "in_future": msgid("The date lies in the future."),
    "no_such_day": msgid("There is no such day. Please write it as day.month.year."),
    "not_a_date": msgid("This is no date that we know. Please write it as 31.12.1990."),
    "too_old": msgid("The year lies before 1900."),
    "name_missing": msgid("Neither family name nor given names."),
    "name_not_split": msgid(
        "Nobody can say which is the family name. Please write it as: family name, given"
        " names."
    ),
    "not_a_phone": msgid("No phone number with its area code."),
    "number_damaged": msgid(
        "The spreadsheet rounded this number, and it is lost. Please type it anew."
    ),
    "number_ambiguous": msgid(
        "Zeros or a plus in front of this number are lost, and it can mean two. Please"
        " type it anew."
    ),
    "not_a_postcode": msgid("No postcode."),
    "not_an_ags": msgid("No municipality key that we know."),
    "not_an_email": msgid("No e-mail address."),
    "not_minutes": msgid("No number of minutes from 0 to 480."),
    "person_not_found": msgid(
        "Nobody with this name or number has a case here. Please take the person in first."
    ),
    "person_not_unique": msgid(
        "Several people here fit. Please add the birth date or the file number."
    ),
    "person_not_own": msgid("The case of this person is not yours, or is not active."),
    "form_missing": msgid("It is not said how the talk was held."),
    # What is good to know of a row that is taken.
    "birth_date_fictitious": msgid("1 January: noted as an assumed birth date."),
    "clock_is_over": msgid("The counselling time is over already."),
    "counted_days": msgid("The date was stored as a bare number of days."),
    "maybe_known": msgid(
        "Somebody with a similar name and this birth date is known here."
    ),
    "place_unknown": msgid("A place without a municipality key: it stays as text."),
    "row_hidden": msgid("The row is hidden in the file."),
    "value_unknown": msgid(
        "In no list of ours: it stays as text, and is to be settled."
    ),
    "zero_restored": msgid("A lost zero in front was put back."),
    # Rows that are nobody.
    "blank": msgid("empty"),
    "caption": msgid("Name of a family"),
    "header": msgid("Titles"),
    "sum": msgid("Sum"),
    "title": msgid("Heading"),
    # Rows that wait for a yes.
    "offer_split_name": msgid("Two names stand in one cell. They can be taken apart."),
    "offer_birth_name": msgid(
        "A name at birth stands in the cell. It can be taken apart."
    ),
    "offer_small_letters": msgid(
        "Names stand in capitals. They can be written as usual."
    ),
    "offer_encoding": msgid(
        "Umlauts are damaged, like in “MÃ¼ller”. They can be repaired."
    ),
    "offer_households": msgid(
        "Below a row with a surname stand rows without one. They can be read as a"
        " household."
    ),
}

OFFER_WORDS: Final[Mapping[Offer, str]] = {
    Offer.SPLIT_NAME: msgid("Take family name and given names apart"),
    Offer.BIRTH_NAME: msgid("Take the name at birth apart"),
    Offer.SMALL_LETTERS: msgid("Write names in capitals as usual"),
    Offer.ENCODING: msgid("Repair damaged umlauts"),
    Offer.HOUSEHOLDS: msgid("Rows without a surname belong to the household above"),
}

STATE_WORDS: Final[Mapping[BatchState, tuple[str, str]]] = {
    BatchState.OPEN: (msgid("not taken over yet"), "info"),
    BatchState.APPLIED: (msgid("taken over"), "success"),
    BatchState.UNDONE: (msgid("undone"), ""),
}

STAYS_WORDS: Final[Mapping[Standing, str]] = {
    Standing.EDITED: msgid("was edited since"),
    Standing.MOVED: msgid("was handed over or closed since"),
}


def reason_of(code: str, words: Words) -> str:
    """The sentence for a reason."""
    return words.gettext(_REASONS[code])


def known_reasons() -> frozenset[str]:
    """Every code that has a sentence."""
    return frozenset(_REASONS)
