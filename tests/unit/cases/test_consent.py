"""The gate: every reason, every boundary instant, and no way around it."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from node.cases import consent as room
from node.cases.consent import (
    RESPONSIBLE_AT_NEW_PLACE,
    Basis,
    Consent,
    GivenBy,
    Member,
    Permit,
    Reason,
    Recipient,
    Wish,
    Withheld,
    auto_allowed,
    explain,
    gate,
    may_announce,
)
from node.cases.model import PartialDate
from node.errors import UsageError
from node.ids import AccountId, Ags, CaseId, MemberId
from tests.support.people import (
    ADA,
    BEN,
    CEM,
    EVERYDAY,
    NOON,
    RECIPIENT,
    SAECKINGEN,
    SECOND,
    WEHR,
    WORKER,
    adult,
    consent,
    record_id,
)

MICROSECOND = timedelta(microseconds=1)
MOTHER = CEM
FATHER = BEN


def ask(
    *members: Member,
    wishes: dict[CaseId, Wish] | None = None,
    recipient: Recipient = RECIPIENT,
    at: datetime = NOON,
    purpose: str = "relocation",
    second: AccountId | None = None,
    prepared_by: AccountId | None = WORKER,
    statutes: frozenset[str] = frozenset(),
) -> Permit | Withheld:
    return gate(
        members,
        wishes or {},
        recipient,
        purpose=purpose,
        at=at,
        second=second,
        prepared_by=prepared_by,
        statutes=statutes,
    )


def permitted(answer: Permit | Withheld) -> Permit:
    assert isinstance(answer, Permit), answer
    return answer


def reason(answer: Permit | Withheld) -> Reason:
    assert isinstance(answer, Withheld)
    [(case, code)] = answer.reasons
    assert case == ADA
    return code


def child(*consents: Consent, birth: str = "2015-03-01", **changes: object) -> Member:
    member = Member(
        ADA, consents, PartialDate(birth), custody="joint", guardians=(FATHER, MOTHER)
    )
    return replace(member, **changes)  # type: ignore[arg-type]


def both(number: int = 1, **changes: object) -> Consent:
    return consent(
        number=number,
        **{"given_by": GivenBy.BOTH_GUARDIANS, "guardians": (FATHER, MOTHER)} | changes,
    )


def statute(number: int = 5, **changes: object) -> Consent:
    base: dict[str, object] = {
        "basis": Basis.STATUTE,
        "statute": "p1",
        "second": SECOND,
        "recorded_by": WORKER,
    }
    return consent(number=number, **base | changes)


class TestTheYes:
    @pytest.mark.spec("HO-27")
    def test_names_recipient_purpose_categories_documents_basis_and_end(self) -> None:
        ticked = frozenset({record_id(1)})
        yes = consent(documents=ticked)
        permit = permitted(ask(adult(ADA, yes)))
        [case] = permit.cases
        assert (permit.recipient, permit.purpose) == (SAECKINGEN, "relocation")
        assert (case.case, case.categories, case.documents) == (ADA, EVERYDAY, ticked)
        assert (case.basis, case.ground) == (yes, str(yes.id))
        assert permit.until == datetime(2026, 12, 31, 23, tzinfo=UTC)
        assert permit.of(ADA) is case
        with pytest.raises(KeyError):
            permit.of(BEN)

    def test_ends_with_the_first_of_all_bases(self) -> None:
        short = consent(BEN, valid_until=date(2026, 6, 1))
        permit = permitted(ask(adult(ADA), adult(BEN, short)))
        assert permit.until == datetime(2026, 6, 1, 22, tzinfo=UTC)

    def test_leaves_sensitive_categories_out_until_somebody_ticks_them(self) -> None:
        yes = consent(categories=EVERYDAY | {"K12", "K15", "K09"})
        assert permitted(ask(adult(ADA, yes))).cases[0].categories == EVERYDAY
        ticked = {ADA: Wish(frozenset({"K01", "K12", "K15"}))}
        assert permitted(ask(adult(ADA, yes), wishes=ticked)).cases[0].categories == {
            "K01",
            "K12",
            "K15",
        }

    def test_covers_no_documents_when_their_category_stays(self) -> None:
        yes = consent(documents=frozenset({record_id(1)}))
        wish = {ADA: Wish(frozenset({"K01"}))}
        assert not permitted(ask(adult(ADA, yes), wishes=wish)).cases[0].documents


class TestTheStatement:
    def test_missing_is_no_basis(self) -> None:
        nobody = Member(ADA, (), PartialDate("1990"))
        assert reason(ask(nobody)) is Reason.NO_BASIS

    def test_of_another_person_is_no_basis(self) -> None:
        assert reason(ask(adult(ADA, consent(BEN)))) is Reason.NO_BASIS

    def test_for_another_purpose_is_no_basis(self) -> None:
        yes = consent(purpose="statistics")
        assert reason(ask(adult(ADA, yes))) is Reason.NO_BASIS

    def test_without_the_minimum_is_no_basis(self) -> None:
        yes = consent(categories=EVERYDAY - {"K01"})
        assert reason(ask(adult(ADA, yes))) is Reason.NO_BASIS

    @pytest.mark.spec("HO-31")
    @pytest.mark.parametrize(
        ("first_day", "begins"),
        [
            (date(2026, 1, 1), datetime(2025, 12, 31, 23, tzinfo=UTC)),
            (date(2026, 3, 29), datetime(2026, 3, 28, 23, tzinfo=UTC)),
            (date(2026, 3, 30), datetime(2026, 3, 29, 22, tzinfo=UTC)),
            (date(2026, 10, 25), datetime(2026, 10, 24, 22, tzinfo=UTC)),
            (date(2026, 10, 26), datetime(2026, 10, 25, 23, tzinfo=UTC)),
        ],
    )
    def test_begins_at_midnight_in_berlin(
        self, first_day: date, begins: datetime
    ) -> None:
        yes = adult(ADA, consent(valid_from=first_day))
        assert reason(ask(yes, at=begins - MICROSECOND)) is Reason.NOT_YET_VALID
        assert isinstance(ask(yes, at=begins), Permit)

    @pytest.mark.spec("HO-31")
    @pytest.mark.parametrize(
        ("last_day", "ends"),
        [
            (date(2026, 3, 28), datetime(2026, 3, 28, 23, tzinfo=UTC)),
            (date(2026, 3, 29), datetime(2026, 3, 29, 22, tzinfo=UTC)),
            (date(2026, 7, 31), datetime(2026, 7, 31, 22, tzinfo=UTC)),
            (date(2026, 10, 24), datetime(2026, 10, 24, 22, tzinfo=UTC)),
            (date(2026, 10, 25), datetime(2026, 10, 25, 23, tzinfo=UTC)),
            (date(2026, 12, 31), datetime(2026, 12, 31, 23, tzinfo=UTC)),
        ],
    )
    def test_ends_at_24_o_clock_in_berlin_exclusively(
        self, last_day: date, ends: datetime
    ) -> None:
        yes = adult(ADA, consent(valid_until=last_day))
        assert permitted(ask(yes, at=ends - MICROSECOND)).until == ends
        assert reason(ask(yes, at=ends)) is Reason.EXPIRED

    def test_declined_withholds_whatever_was_said_before(self) -> None:
        no = consent(number=2, categories=frozenset(), declined_on=date(2026, 2, 1))
        assert reason(ask(adult(ADA, consent(), no))) is Reason.DECLINED

    def test_declined_towards_nobody_in_particular_withholds_from_everybody(
        self,
    ) -> None:
        no = consent(number=2, recipients=(), declined_on=date(2026, 2, 1))
        assert reason(ask(adult(ADA, consent(), no))) is Reason.DECLINED

    def test_declined_towards_another_body_withholds_nothing(self) -> None:
        no = consent(
            number=2, recipients=(f"member:{WEHR}",), declined_on=date(2026, 2, 1)
        )
        assert isinstance(ask(adult(ADA, consent(), no)), Permit)

    def test_a_yes_after_a_no_counts(self) -> None:
        no = consent(number=1, declined_on=date(2026, 1, 1))
        assert isinstance(ask(adult(ADA, no, consent(number=2))), Permit)

    def test_withdrawn_withholds_even_if_the_clock_was_set_back_since(self) -> None:
        gone = consent(withdrawn_at=NOON + timedelta(days=30))
        assert reason(ask(adult(ADA, gone))) is Reason.WITHDRAWN

    def test_a_withdrawal_is_not_undone_by_an_older_yes(self) -> None:
        older = consent(number=1)
        newer = consent(number=2, withdrawn_at=NOON - timedelta(days=1))
        assert reason(ask(adult(ADA, older, newer))) is Reason.WITHDRAWN

    def test_a_withdrawal_of_an_older_yes_is_the_latest_word(self) -> None:
        older = consent(number=1, withdrawn_at=NOON - timedelta(days=1))
        assert reason(ask(adult(ADA, older, consent(number=2)))) is Reason.WITHDRAWN

    def test_a_yes_after_the_withdrawal_counts(self) -> None:
        newer = consent(number=2)
        before = newer.recorded_at - MICROSECOND
        older = consent(number=1, withdrawn_at=before)
        assert isinstance(ask(adult(ADA, older, newer)), Permit)

    def test_a_yes_in_the_very_instant_of_the_withdrawal_does_not(self) -> None:
        newer = consent(number=2)
        older = consent(number=1, withdrawn_at=newer.recorded_at)
        assert reason(ask(adult(ADA, older, newer))) is Reason.WITHDRAWN

    def test_the_latest_yes_counts_even_if_it_covers_less(self) -> None:
        narrow = consent(number=2, categories=frozenset({"K01", "K04"}))
        permit = permitted(ask(adult(ADA, consent(number=1), narrow)))
        assert permit.cases[0].categories == {"K01", "K04"}

    def test_a_replaced_yes_never_comes_back(self) -> None:
        newer = consent(number=2, recipients=(f"member:{WEHR}",))
        older = consent(number=1, replaced_by=newer.id)
        assert reason(ask(adult(ADA, older, newer))) is Reason.OTHER_RECIPIENT
        assert reason(ask(adult(ADA, older))) is Reason.NO_BASIS


class TestTheRecipient:
    @pytest.mark.parametrize(
        ("named", "recipient", "covered"),
        [
            (f"member:{SAECKINGEN}", RECIPIENT, True),
            (f"member:{SAECKINGEN}", replace(RECIPIENT, responsible=False), True),
            (f"member:{WEHR}", RECIPIENT, False),
            (f"member:{SAECKINGEN}x", RECIPIENT, False),
            (str(SAECKINGEN), RECIPIENT, False),
            (RESPONSIBLE_AT_NEW_PLACE, RECIPIENT, True),
            (RESPONSIBLE_AT_NEW_PLACE, replace(RECIPIENT, responsible=False), False),
            ("class:anybody", RECIPIENT, False),
            ("ags:08337096", RECIPIENT, True),
            ("ags:08337", RECIPIENT, True),
            ("ags:08", RECIPIENT, True),
            ("ags:08337", replace(RECIPIENT, responsible=False), False),
            ("ags:08336", RECIPIENT, False),
            ("ags:", RECIPIENT, False),
            ("ags:0", RECIPIENT, False),
            ("ags:0833", RECIPIENT, False),
            ("ags:08337096", Recipient(WEHR, Ags("08337096"), responsible=True), False),
            (
                "ags:08337",
                Recipient(MemberId("08-land"), Ags("08337096"), responsible=True),
                False,
            ),
            ("", RECIPIENT, False),
        ],
    )
    def test_is_named_by_id_by_class_or_by_a_prefix_over_place_and_body(
        self, named: str, recipient: Recipient, *, covered: bool
    ) -> None:
        answer = ask(adult(ADA, consent(recipients=(named,))), recipient=recipient)
        if covered:
            assert isinstance(answer, Permit)
        else:
            assert reason(answer) is Reason.OTHER_RECIPIENT


@pytest.mark.spec("DO-17")
class TestMinors:
    def test_joint_custody_needs_both(self) -> None:
        one = consent(given_by=GivenBy.GUARDIAN, guardians=(MOTHER,))
        assert reason(ask(child(one))) is Reason.GUARDIAN_MISSING
        assert isinstance(ask(child(both())), Permit)

    def test_both_means_every_guardian_on_record(self) -> None:
        assert reason(ask(child(both(guardians=(MOTHER,))))) is Reason.GUARDIAN_MISSING

    def test_one_of_two_may_answer_with_recorded_authority(self) -> None:
        one = consent(given_by=GivenBy.AUTHORISED_GUARDIAN, guardians=(MOTHER,))
        assert isinstance(ask(child(one)), Permit)
        assert reason(ask(child(one, custody="sole"))) is Reason.GUARDIAN_MISSING

    @pytest.mark.parametrize(
        ("custody", "given_by", "signed", "known", "covered"),
        [
            ("sole", GivenBy.GUARDIAN, (MOTHER,), (MOTHER,), True),
            ("sole", GivenBy.GUARDIAN, (), (), True),
            ("sole", GivenBy.GUARDIAN, (), (MOTHER,), False),
            ("sole", GivenBy.GUARDIAN, (FATHER,), (MOTHER,), False),
            ("sole", GivenBy.BOTH_GUARDIANS, (MOTHER,), (MOTHER,), True),
            ("sole", GivenBy.APPOINTED_GUARDIAN, (), (), False),
            ("joint", GivenBy.BOTH_GUARDIANS, (), (), True),
            ("joint", GivenBy.APPOINTED_GUARDIAN, (), (), False),
            ("guardian", GivenBy.APPOINTED_GUARDIAN, (), (), True),
            ("guardian", GivenBy.GUARDIAN, (), (), False),
            ("guardian", GivenBy.BOTH_GUARDIANS, (), (), False),
            ("none", GivenBy.BOTH_GUARDIANS, (), (), False),
            ("unclear", GivenBy.BOTH_GUARDIANS, (), (), False),
            (None, GivenBy.BOTH_GUARDIANS, (), (), False),
            ("zz-test", GivenBy.BOTH_GUARDIANS, (), (), False),
        ],
    )
    def test_the_holder_of_custody_decides(
        self,
        custody: str | None,
        given_by: GivenBy,
        signed: tuple[CaseId, ...],
        known: tuple[CaseId, ...],
        *,
        covered: bool,
    ) -> None:
        yes = consent(given_by=given_by, guardians=signed)
        answer = ask(child(yes, custody=custody, guardians=known))
        if covered:
            assert isinstance(answer, Permit)
        else:
            assert reason(answer) is Reason.GUARDIAN_MISSING

    def test_a_childs_own_yes_is_not_enough(self) -> None:
        assert reason(ask(child(consent()))) is Reason.GUARDIAN_MISSING

    def test_nobody_answered_is_no_basis(self) -> None:
        assert reason(ask(child())) is Reason.NO_BASIS

    def test_guardians_yes_is_held_against_dates_and_recipient_too(self) -> None:
        late = both(valid_until=date(2026, 1, 31))
        assert reason(ask(child(late))) is Reason.EXPIRED
        elsewhere = both(recipients=(f"member:{WEHR}",))
        assert reason(ask(child(elsewhere))) is Reason.OTHER_RECIPIENT

    @pytest.mark.parametrize(
        ("birth", "withheld"),
        [("2010-04-02", False), ("2010-04-01", True), ("2010", True)],
    )
    def test_the_own_no_counts_from_16(self, birth: str, *, withheld: bool) -> None:
        no = consent(number=2, declined_on=date(2026, 3, 1))
        answer = ask(child(both(), no, birth=birth))
        if withheld:
            assert reason(answer) is Reason.DECLINED
        else:
            assert isinstance(answer, Permit)

    def test_the_own_withdrawal_counts_from_16(self) -> None:
        gone = consent(number=2, withdrawn_at=NOON)
        answer = ask(child(both(), gone, birth="2009-01-01"))
        assert reason(answer) is Reason.WITHDRAWN

    def test_from_16_the_own_answer_narrows_what_the_guardians_gave(self) -> None:
        own = consent(number=2, categories=frozenset({"K01", "K04"}))
        permit = permitted(ask(child(both(), own, birth="2009-01-01")))
        assert permit.cases[0].categories == {"K01", "K04"}
        younger = permitted(ask(child(both(), own, birth="2015-01-01")))
        assert younger.cases[0].categories == EVERYDAY

    def test_a_guardians_no_after_the_own_yes_withholds(self) -> None:
        no = both(number=3, declined_on=date(2026, 3, 1))
        own = consent(number=2)
        answer = ask(child(both(), own, no, birth="2009-01-01"))
        assert reason(answer) is Reason.DECLINED


class TestComingOfAge:
    EVE = datetime(2026, 4, 1, 22, tzinfo=UTC)  # 2 April begins in Berlin

    @pytest.mark.spec("DO-17")
    def test_guardians_consent_lapses_on_the_18th_birthday(self) -> None:
        young = child(both(), birth="2008-04-02")
        permit = permitted(ask(young, at=self.EVE - MICROSECOND))
        assert permit.until == self.EVE
        assert reason(ask(young, at=self.EVE)) is Reason.GUARDIAN_CONSENT_LAPSED

    def test_born_on_29_february_comes_of_age_on_1_march(self) -> None:
        young = child(both(), birth="2008-02-29")
        march = datetime(2026, 2, 28, 23, tzinfo=UTC)
        assert isinstance(ask(young, at=march - MICROSECOND), Permit)
        assert reason(ask(young, at=march)) is Reason.GUARDIAN_CONSENT_LAPSED

    @pytest.mark.spec("DO-18", "FR-14")
    def test_a_year_of_birth_asks_both_until_the_last_possible_birthday(self) -> None:
        ends = {"valid_from": date(2023, 1, 1), "valid_until": date(2025, 12, 31)}
        guardians, own = both(1, **ends), consent(number=2, **ends)
        between = datetime(2024, 6, 1, 10, tzinfo=UTC)
        of_age = datetime(2025, 1, 1, 10, tzinfo=UTC)

        only_own = child(own, birth="2006")
        assert reason(ask(only_own, at=between)) is Reason.GUARDIAN_MISSING
        assert isinstance(ask(only_own, at=of_age), Permit)

        only_theirs = child(guardians, birth="2006")
        lapsed = Reason.GUARDIAN_CONSENT_LAPSED
        assert reason(ask(only_theirs, at=between)) is lapsed
        assert reason(ask(only_theirs, at=of_age)) is lapsed

        everybody = child(guardians, own, birth="2006")
        permit = permitted(ask(everybody, at=between))
        assert permit.cases[0].bases == (guardians, own)
        assert permit.cases[0].ground == f"{guardians.id}+{own.id}"
        assert permit.until == datetime(2024, 12, 30, 23, tzinfo=UTC)
        assert permitted(ask(everybody, at=of_age)).cases[0].bases == (own,)

    def test_guardians_alone_are_good_until_the_first_possible_birthday(self) -> None:
        young = child(both(valid_from=date(2023, 1, 1)), birth="2006")
        first = datetime(2023, 12, 31, 23, tzinfo=UTC)
        assert permitted(ask(young, at=first - MICROSECOND)).until == first
        assert reason(ask(young, at=first)) is Reason.GUARDIAN_CONSENT_LAPSED

    def test_two_grounds_cover_what_both_cover(self) -> None:
        own = consent(number=2, categories=frozenset({"K01", "K09", "K04"}))
        unknown = child(both(), own, birth="2008")
        assert permitted(ask(unknown)).cases[0].categories == {"K01", "K04"}

    def test_an_unknown_birth_date_may_be_any(self) -> None:
        assert reason(ask(adult(birth=None))) is Reason.GUARDIAN_MISSING
        together = child(both(), consent(number=2))
        assert isinstance(ask(replace(together, birth=None)), Permit)

    def test_an_expired_guardian_consent_has_not_lapsed_it_is_gone(self) -> None:
        gone = both(valid_until=date(2026, 1, 2))
        assert reason(ask(child(gone, birth="1999"))) is Reason.NO_BASIS

    def test_an_own_yes_that_expired_is_expired(self) -> None:
        own = consent(number=2, valid_until=date(2026, 1, 2))
        assert reason(ask(child(both(), own, birth="2008"))) is Reason.EXPIRED


class TestTheWish:
    @pytest.mark.spec("HO-28")
    @pytest.mark.parametrize(
        "wish",
        [
            Wish(frozenset({"K01", "K09"})),
            Wish(frozenset({"K04"})),
            Wish(frozenset()),
            Wish(frozenset({"K01", "K99"})),
            Wish(frozenset({"K01", "k04"})),
            Wish(frozenset({"K01", "K13"}), frozenset({record_id(9)})),
            Wish(frozenset({"K01"}), frozenset({record_id(1)})),
            Wish(basis="c" * 32),
        ],
    )
    def test_for_more_than_is_covered_withholds(self, wish: Wish) -> None:
        yes = consent(documents=frozenset({record_id(1)}))
        assert reason(ask(adult(ADA, yes), wishes={ADA: wish})) is Reason.NO_BASIS

    @pytest.mark.spec("HO-31")
    def test_unknown_categories_never_pass_even_if_the_consent_lists_them(self) -> None:
        yes = adult(ADA, consent(categories=frozenset({"K01", "K17", "k02", "K1"})))
        assert permitted(ask(yes)).cases[0].categories == {"K01"}
        wish = {ADA: Wish(frozenset({"K01", "K17"}))}
        assert reason(ask(yes, wishes=wish)) is Reason.NO_BASIS

    def test_for_the_ground_it_was_built_on_passes(self) -> None:
        yes = consent()
        wish = {ADA: Wish(EVERYDAY, frozenset(), str(yes.id))}
        assert isinstance(ask(adult(ADA, yes), wishes=wish), Permit)

    def test_for_a_ground_that_was_replaced_by_a_wider_one_withholds(self) -> None:
        wider = consent(number=2, categories=EVERYDAY | {"K12"})
        older = consent(number=1, replaced_by=wider.id)
        wish = {ADA: Wish(EVERYDAY, frozenset(), str(older.id))}
        assert reason(ask(adult(ADA, older, wider), wishes=wish)) is Reason.NO_BASIS

    def test_for_somebody_who_is_not_a_member_withholds(self) -> None:
        answer = ask(adult(BEN), wishes={ADA: Wish()})
        assert reason(answer) is Reason.NO_BASIS

    def test_for_nobody_is_withheld_without_reasons(self) -> None:
        assert ask() == Withheld(())


@pytest.mark.spec("DO-20")
class TestTheSecondPerson:
    @pytest.mark.parametrize("category", ["K09", "K14"])
    def test_is_needed_for_health_and_protection(self, category: str) -> None:
        member = adult(ADA, consent(categories=EVERYDAY | {category}))
        wish = {ADA: Wish(frozenset({"K01", category}))}
        missing = Reason.SECOND_PERSON_MISSING
        assert reason(ask(member, wishes=wish)) is missing
        assert reason(ask(member, wishes=wish, second=WORKER)) is missing
        assert isinstance(ask(member, wishes=wish, second=SECOND), Permit)

    def test_is_not_needed_for_what_stays(self) -> None:
        member = adult(ADA, consent(categories=EVERYDAY | {"K09"}))
        assert isinstance(ask(member), Permit)

    def test_is_needed_whenever_somebody_has_a_flag(self) -> None:
        member = adult(protection=(("threatened", None),))
        assert reason(ask(member)) is Reason.SECOND_PERSON_MISSING
        assert isinstance(ask(member, second=SECOND), Permit)


@pytest.mark.spec("DO-32")
class TestStatute:
    LIST = frozenset({"p1"})

    def test_is_unconfirmed_while_the_list_is_empty(self) -> None:
        answer = ask(adult(ADA, statute()), second=SECOND)
        assert reason(answer) is Reason.STATUTE_UNCONFIRMED

    def test_passes_with_paragraph_and_two_persons(self) -> None:
        answer = ask(adult(ADA, statute()), second=SECOND, statutes=self.LIST)
        assert permitted(answer).cases[0].ground == "statute:p1"

    def test_needs_its_paragraph(self) -> None:
        for code in (None, "p2"):
            answer = ask(
                adult(ADA, statute(statute=code)), second=SECOND, statutes=self.LIST
            )
            assert reason(answer) is Reason.STATUTE_UNCONFIRMED

    @pytest.mark.parametrize("second", [None, WORKER])
    def test_needs_a_second_person_when_it_is_recorded(
        self, second: AccountId | None
    ) -> None:
        member = adult(ADA, statute(second=second))
        answer = ask(member, second=SECOND, statutes=self.LIST)
        assert reason(answer) is Reason.SECOND_PERSON_MISSING

    def test_needs_a_second_person_when_it_is_sent(self) -> None:
        answer = ask(adult(ADA, statute()), statutes=self.LIST)
        assert reason(answer) is Reason.SECOND_PERSON_MISSING

    def test_stops_when_the_person_objects(self) -> None:
        member = adult(ADA, statute(withdrawn_at=NOON))
        answer = ask(member, second=SECOND, statutes=self.LIST)
        assert reason(answer) is Reason.WITHDRAWN

    def test_does_not_outweigh_a_later_no(self) -> None:
        no = consent(number=9, declined_on=date(2026, 3, 1))
        answer = ask(adult(ADA, statute(), no), second=SECOND, statutes=self.LIST)
        assert reason(answer) is Reason.DECLINED

    def test_is_not_asked_of_guardians(self) -> None:
        answer = ask(child(statute()), second=SECOND, statutes=self.LIST)
        assert isinstance(answer, Permit)

    def test_gives_way_to_a_later_consent(self) -> None:
        yes = consent(number=9)
        answer = ask(adult(ADA, statute(), yes), second=SECOND)
        assert permitted(answer).cases[0].bases == (yes,)

    def test_never_goes_by_policy_auto(self) -> None:
        member = adult(ADA, statute())
        permit = permitted(ask(member, second=SECOND, statutes=self.LIST))
        assert not auto_allowed(permit, [member])


class TestSecrecyAndProtection:
    @pytest.mark.spec("DO-32")
    def test_a_bound_caseworker_needs_the_release(self) -> None:
        bound = adult(secrecy_bound=True)
        assert reason(ask(bound)) is Reason.SECRECY_RELEASE_MISSING
        released = adult(ADA, consent(secrecy_release=True), secrecy_bound=True)
        assert isinstance(ask(released), Permit)

    @pytest.mark.spec("DO-19")
    def test_a_transfer_with_both_cannot_be_built(self) -> None:
        apart = adult(protection=(("no_joint_transfer", BEN),))
        answer = ask(apart, adult(BEN), second=SECOND)
        assert reason(answer) is Reason.PROTECTION
        assert isinstance(ask(apart, adult(CEM), second=SECOND), Permit)
        assert isinstance(ask(apart, second=SECOND), Permit)

    def test_a_flag_that_names_nobody_keeps_from_everybody(self) -> None:
        apart = adult(protection=(("no_joint_transfer", None),))
        assert reason(ask(apart, adult(BEN), second=SECOND)) is Reason.PROTECTION
        assert isinstance(ask(apart, second=SECOND), Permit)

    def test_a_flag_that_stays_keeps_address_and_phones_here(self) -> None:
        member = adult(protection=(("address_blocked", BEN),))
        [case] = permitted(ask(member, second=SECOND)).cases
        assert case.categories == EVERYDAY - {"K07"}
        assert not case.contact_data

    def test_the_caseworker_may_decide_otherwise(self) -> None:
        member = adult(
            ADA,
            consent(categories=EVERYDAY | {"K14"}),
            protection=(("address_blocked", BEN),),
        )
        for ticked in ({"K01", "K07"}, {"K01", "K14"}):
            wish = {ADA: Wish(frozenset(ticked))}
            [case] = permitted(ask(member, wishes=wish, second=SECOND)).cases
            assert case.contact_data


@pytest.mark.spec("HO-29")
class TestTheWhole:
    def test_one_withheld_member_withholds_all_and_each_gets_a_code(self) -> None:
        answer = ask(adult(ADA), Member(BEN, (), PartialDate("1980")), adult(CEM))
        assert answer == Withheld(((BEN, Reason.NO_BASIS),))

    def test_a_case_cannot_be_in_it_twice(self) -> None:
        with pytest.raises(UsageError):
            ask(adult(ADA), adult(ADA))

    def test_an_instant_without_time_zone_is_refused(self) -> None:
        with pytest.raises(UsageError):
            ask(adult(ADA), at=NOON.replace(tzinfo=None))

    def test_no_argument_of_the_gate_overrides_it(self) -> None:
        parameters = set(gate.__kwdefaults__ or {}) | {"purpose", "at"}
        assert parameters == {"purpose", "at", "second", "prepared_by", "statutes"}
        assert "force" not in dir(room)


@pytest.mark.spec("DO-27")
class TestPolicyAuto:
    def test_sends_what_names_the_body_or_the_class(self) -> None:
        for named in (f"member:{SAECKINGEN}", RESPONSIBLE_AT_NEW_PLACE):
            member = adult(ADA, consent(recipients=(named,)))
            assert auto_allowed(permitted(ask(member)), [member])

    def test_does_not_send_on_a_prefix_alone(self) -> None:
        member = adult(ADA, consent(recipients=("ags:08337",)))
        assert not auto_allowed(permitted(ask(member)), [member])

    def test_leaves_notes_out_that_were_consented_to(self) -> None:
        member = adult(ADA, consent(categories=EVERYDAY | {"K12"}))
        permit = permitted(ask(member))
        assert "K12" not in permit.cases[0].categories
        assert auto_allowed(permit, [member])

    def test_does_not_send_notes_that_somebody_ticked(self) -> None:
        member = adult(ADA, consent(categories=EVERYDAY | {"K12"}))
        wish = {ADA: Wish(frozenset({"K01", "K12"}))}
        assert not auto_allowed(permitted(ask(member, wishes=wish)), [member])

    def test_does_not_send_when_anybody_has_a_flag(self) -> None:
        flagged = adult(BEN, protection=(("other", None),))
        permit = permitted(ask(adult(ADA), flagged, second=SECOND))
        assert not auto_allowed(permit, [adult(ADA), flagged])


@pytest.mark.spec("HO-61")
class TestAnnouncement:
    def test_needs_the_word_of_every_member(self) -> None:
        named = adult(ADA, consent(announce_by_name=True))
        permit = permitted(ask(named))
        assert may_announce(permit, [named])
        permit = permitted(ask(named, adult(BEN)))
        assert not may_announce(permit, [named, adult(BEN)])

    def test_is_stopped_by_a_flag(self) -> None:
        named = adult(
            ADA,
            consent(announce_by_name=True),
            protection=(("no_announcement", None),),
        )
        permit = permitted(ask(named, second=SECOND))
        assert not may_announce(permit, [named])


class TestExplaining:
    def explain(self, member: Member, wish: Wish | None = None) -> room.Coverage:
        wishes = {member.case: wish} if wish else {}
        [coverage] = explain([member], wishes, RECIPIENT, purpose="relocation", at=NOON)
        return coverage

    def test_covered(self) -> None:
        coverage = self.explain(adult(), Wish(frozenset({"K01", "K04"})))
        assert coverage.is_complete
        assert coverage.covered == EVERYDAY
        assert coverage.until == datetime(2026, 12, 31, 23, tzinfo=UTC)

    def test_in_part_says_what_is_missing(self) -> None:
        wish = Wish(frozenset({"K01", "K12"}), frozenset({record_id(4)}))
        coverage = self.explain(adult(), wish)
        assert not coverage.is_complete
        assert coverage.reason is None
        assert coverage.missing == {"K12"}
        assert coverage.missing_documents == {record_id(4)}

    def test_not_at_all_gives_the_reason(self) -> None:
        coverage = self.explain(Member(ADA, (), PartialDate("1990")), Wish())
        assert coverage.reason is Reason.NO_BASIS
        assert not coverage.is_complete
        assert not coverage.covered

    def test_announces_the_second_person_and_asks_for_none(self) -> None:
        member = adult(ADA, consent(categories=EVERYDAY | {"K09"}))
        assert not self.explain(member).needs_second
        coverage = self.explain(member, Wish(frozenset({"K01", "K09"})))
        assert coverage.needs_second
        assert coverage.is_complete

    def test_shows_who_cannot_travel_together(self) -> None:
        apart = adult(protection=(("no_joint_transfer", BEN),))
        coverages = explain(
            [apart, adult(BEN)], {}, RECIPIENT, purpose="relocation", at=NOON
        )
        assert [c.reason for c in coverages] == [Reason.PROTECTION, None]
