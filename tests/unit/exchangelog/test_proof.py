"""The log gate refuses each wrong thing at its own step, and nothing else."""

from dataclasses import replace

import pytest

from node.crypto.checkpoint import Checkpoint, sign_checkpoint
from node.errors import MalformedMessageError, UsageError
from node.exchangelog.attachment import (
    EntryProof,
    attachment_from_json,
    attachment_json,
)
from node.exchangelog.kinds import EntryType
from node.exchangelog.proof import (
    NAMED_BY,
    Conflict,
    GateCode,
    Heads,
    PeerBehind,
    Proven,
    Unproven,
    WeBehind,
    check,
)
from node.exchangelog.witness import Extension, WitnessMemory
from node.ids import TransferId
from tests.support.exchangelog import (
    MemoryLog,
    digest,
    expect,
    facts,
    opened,
    received,
    recorded,
    sent,
    tell,
    transfer_entry,
)


class Scene:
    """A sent a packet; B is about to judge the offer, having seen A at size 1."""

    def __init__(self):
        self.a = MemoryLog("wehr.example", 1)
        self.b = MemoryLog("bad-saeckingen.example", 2)
        opened(self.a)
        opened(self.b)
        first = self.a.sign()
        self.b.sign()
        self.b.remember(WitnessMemory(self.a.origin, 1, first.head.root, first.note))
        self.consent = recorded(self.a)
        self.a.sign()
        self.sent = sent(self.a, self.b, self.consent)
        self.a.sign()
        self.attachment = self.a.attach(self.sent, self.consent, self.consent, since=1)
        self.claims = self.a.claims(self.sent, self.b)
        self.expected = expect("offer", self.b)

    @property
    def knowledge(self):
        return self.b.knowledge_of(self.a)

    def judge(self, **changes):
        return check(
            changes.get("claims", self.claims),
            changes.get("attachment", self.attachment),
            changes.get("heads", Heads(self.a.log_key)),
            knowledge=changes.get("knowledge", self.knowledge),
            expected=changes.get("expected", self.expected),
        )


@pytest.fixture
def scene():
    return Scene()


def test_a_proven_offer_moves_our_memory_to_its_checkpoint(scene):
    verdict = scene.judge()
    assert isinstance(verdict, Proven)
    assert verdict.advanced
    assert verdict.memory.size == 3
    assert verdict.memory.note == scene.a.newest().note
    assert verdict.entry == scene.sent.entry
    assert verdict.proof.index == 2


def test_the_attachment_survives_its_json(scene):
    again = attachment_from_json(attachment_json(scene.attachment))
    assert again == scene.attachment
    assert isinstance(scene.judge(attachment=again), Proven)


def test_an_attachment_may_lack_what_nobody_needs(scene):
    bare = replace(scene.attachment, history=None, since=None, entries=())
    assert attachment_from_json(attachment_json(bare)) == bare


def test_one_note_is_opened_once_for_a_whole_list(scene):
    heads = Heads(scene.a.log_key)
    first = heads.open(scene.attachment.checkpoint)
    assert first is not None
    assert isinstance(scene.judge(heads=heads), Proven)
    assert heads.open(scene.attachment.checkpoint) is first


@pytest.mark.spec("HO-49", "HO-12")
def test_without_attachment_a_statement_waits(scene):
    assert scene.judge(attachment=None) == Unproven(GateCode.ATTACHMENT)


def test_hello_and_ack_need_no_proof(scene):
    claims = replace(scene.claims, entry=None)
    verdict = scene.judge(claims=claims, attachment=None, expected=None)
    assert verdict == Proven(
        scene.knowledge.memory, advanced=False, proof=None, entry=None
    )


def test_what_comes_beside_a_hello_is_checked_all_the_same(scene):
    claims = replace(scene.claims, entry=None)
    assert scene.judge(claims=claims, expected=None).memory.size == 3
    other = replace(scene.attachment, since=None)
    verdict = scene.judge(claims=claims, attachment=other, expected=None)
    assert verdict == Unproven(GateCode.SINCE)


def test_stored_needs_no_proof_but_a_false_one_is_refused(scene):
    b = scene.b
    item = received(b, scene.a)
    b.sign()
    expected = expect("stored", scene.a, proof_required=False)
    known = scene.a.knowledge_of(b)
    claims = b.claims(item, scene.a)
    heads = Heads(b.log_key)
    bare = check(claims, None, heads, knowledge=known, expected=expected)
    assert isinstance(bare, Proven)
    good = b.attach(item, since=0)
    proven = check(claims, good, heads, knowledge=known, expected=expected)
    assert proven.entry == item.entry
    false = replace(good, entries=(replace(good.entries[0], index=0),))
    assert check(claims, false, heads, knowledge=known, expected=expected) == Unproven(
        GateCode.ENTRY
    )
    empty = replace(good, entries=())
    assert check(claims, empty, heads, knowledge=known, expected=expected).advanced


@pytest.mark.spec("LR-33", "LOG-10")
def test_a_statement_that_must_name_an_entry_and_does_not_is_refused_for_good(scene):
    claims = replace(scene.claims, entry=None)
    assert scene.judge(claims=claims) == Unproven(GateCode.ENTRY, final=True)
    assert scene.judge(expected=None) == Unproven(GateCode.ENTRY, final=True)


def test_step_2_a_note_of_another_key_is_not_the_issuers(scene):
    stranger = MemoryLog("wehr.example", 9)
    assert scene.judge(heads=Heads(stranger.log_key)) == Unproven(GateCode.KEY)


def test_step_2_a_note_of_another_origin_is_not_the_issuers(scene):
    assert scene.judge(heads=Heads(scene.b.log_key)) == Unproven(GateCode.KEY)


def test_step_2_something_else_than_a_note_is_not_the_issuers(scene):
    other = replace(scene.attachment, checkpoint="hello")
    assert scene.judge(attachment=other) == Unproven(GateCode.KEY)


@pytest.mark.spec("LR-28")
def test_step_3_the_first_head_ever_is_taken_as_memory(scene):
    knowledge = replace(scene.knowledge, memory=None, past=lambda _: None)
    attachment = replace(scene.attachment, since=None)
    assert scene.judge(knowledge=knowledge, attachment=attachment).memory.size == 3


@pytest.mark.parametrize(
    "since",
    [
        None,
        Extension(0, ()),
        Extension(1, ()),
        Extension(2, ()),
        Extension(1, (bytes(32),)),
    ],
)
def test_step_3_a_newer_head_without_proof_waits(scene, since):
    other = replace(scene.attachment, since=since)
    assert scene.judge(attachment=other) == Unproven(GateCode.SINCE)


@pytest.mark.spec("LR-18")
def test_step_3_another_root_at_the_remembered_size_is_a_conflict(scene):
    forged = WitnessMemory(scene.a.origin, 3, digest("other"), "the other note")
    knowledge = replace(scene.knowledge, memory=forged)
    verdict = scene.judge(knowledge=knowledge)
    assert verdict == Conflict("checkpoint", "the other note", scene.a.newest().note)


@pytest.mark.spec("LR-18")
def test_step_3_another_root_at_any_size_we_ever_cosigned_is_a_conflict(scene):
    knowledge = replace(
        scene.knowledge, past=lambda size: digest("other") if size == 3 else None
    )
    assert isinstance(scene.judge(knowledge=knowledge), Conflict)


def test_step_3_an_older_head_we_cannot_place_is_behind(scene):
    newer = WitnessMemory(scene.a.origin, 9, digest("nine"), "note of nine")
    knowledge = replace(scene.knowledge, memory=newer)
    assert scene.judge(knowledge=knowledge) == PeerBehind("note of nine")


def test_step_3_an_older_head_we_once_cosigned_is_taken_and_moves_nothing(scene):
    root = scene.a.newest().head.root
    newer = WitnessMemory(scene.a.origin, 9, digest("nine"), "note of nine")
    knowledge = replace(
        scene.knowledge,
        memory=newer,
        past=lambda size: root if size == 3 else None,
    )
    verdict = scene.judge(knowledge=knowledge)
    assert verdict.memory == newer
    assert not verdict.advanced


def test_step_3_the_memory_of_another_log_is_our_own_mistake(scene):
    other = WitnessMemory(scene.b.origin, 3, digest("x"), "")
    with pytest.raises(UsageError):
        scene.judge(knowledge=replace(scene.knowledge, memory=other))


def test_step_4_cp_may_be_absent_before_the_first_checkpoint(scene):
    claims = replace(scene.claims, cp=None)
    assert isinstance(scene.judge(claims=claims), Proven)


def test_step_4_cp_may_be_older_than_the_checkpoint_shown(scene):
    claims = replace(scene.claims, cp=scene.a.head(2))
    from node.crypto.merkle import consistency_proof

    history = Extension(2, consistency_proof(2, 3, scene.a.tree))
    attachment = replace(scene.attachment, history=history)
    assert isinstance(scene.judge(claims=claims, attachment=attachment), Proven)
    for wrong in (None, Extension(2, ()), Extension(1, history.path)):
        attachment = replace(scene.attachment, history=wrong)
        verdict = scene.judge(claims=claims, attachment=attachment)
        assert verdict == Unproven(GateCode.HISTORY)


def test_step_4_cp_newer_than_the_checkpoint_shown_waits(scene):
    claims = replace(scene.claims, cp=Checkpoint(scene.a.origin, 4, digest("x")))
    assert scene.judge(claims=claims) == Unproven(GateCode.HISTORY)


def test_step_4_cp_of_another_log_is_refused_for_good(scene):
    claims = replace(scene.claims, cp=scene.b.head())
    assert scene.judge(claims=claims) == Unproven(GateCode.HISTORY, final=True)


@pytest.mark.spec("LR-18")
def test_step_4_cp_that_contradicts_the_checkpoint_is_a_conflict(scene):
    cp = Checkpoint(scene.a.origin, 3, digest("x"))
    verdict = scene.judge(claims=replace(scene.claims, cp=cp))
    assert verdict == Conflict("cp", cp.body(), scene.a.newest().note)


@pytest.mark.spec("LR-18")
def test_step_4_cp_that_contradicts_our_memory_is_a_conflict(scene):
    knowledge = replace(
        scene.knowledge, past=lambda size: digest("other") if size == 2 else None
    )
    claims = replace(scene.claims, cp=scene.a.head(2))
    assert isinstance(scene.judge(claims=claims, knowledge=knowledge), Conflict)


def test_step_5_a_head_of_ours_is_fine(scene):
    claims = replace(scene.claims, seen=scene.b.head(1))
    assert isinstance(scene.judge(claims=claims), Proven)


@pytest.mark.spec("LR-19")
def test_step_5_a_claim_about_us_without_our_signature_is_ignored(scene):
    seen = Checkpoint(scene.b.origin, 7, digest("seven"))
    claims = replace(scene.claims, seen=seen)
    assert isinstance(scene.judge(claims=claims), Proven)
    liar = MemoryLog("bad-saeckingen.example", 77)
    for note in (sign_checkpoint(seen, liar.signing), "hello"):
        attachment = replace(scene.attachment, seen_note=note)
        verdict = scene.judge(claims=claims, attachment=attachment)
        assert isinstance(verdict, Proven)


@pytest.mark.spec("LR-19")
def test_step_5_our_own_signature_under_a_head_we_lack_means_we_are_behind(scene):
    seen = Checkpoint(scene.b.origin, 7, digest("seven"))
    note = sign_checkpoint(seen, scene.b.signing)
    claims = replace(scene.claims, seen=seen)
    # Our memory of the peer was restored to nothing useful as well: still found.
    attachment = replace(scene.attachment, seen_note=note, since=Extension(7, ()))
    assert scene.judge(claims=claims, attachment=attachment) == WeBehind(note)


@pytest.mark.spec("LR-19")
def test_step_5_a_note_that_our_log_contains_proves_nothing_about_another_head(scene):
    seen = Checkpoint(scene.b.origin, 7, digest("seven"))
    claims = replace(scene.claims, seen=seen)
    attachment = replace(scene.attachment, seen_note=scene.b.newest().note)
    assert isinstance(scene.judge(claims=claims, attachment=attachment), Proven)


def test_step_6_an_entry_that_is_not_shown_waits(scene):
    other = replace(scene.attachment, entries=())
    assert scene.judge(attachment=other) == Unproven(GateCode.ENTRY)


@pytest.mark.parametrize(
    "change",
    [
        {"c": digest("other")},
        {"index": 1},
        {"index": 3},
        {"path": ()},
        {"path": (bytes(32),)},
    ],
)
def test_step_6_an_entry_that_is_not_included_waits(scene, change):
    first, *rest = scene.attachment.entries
    other = replace(scene.attachment, entries=(replace(first, **change), *rest))
    assert scene.judge(attachment=other) == Unproven(GateCode.ENTRY)


def test_step_6_the_entry_of_another_act_does_not_count(scene):
    claims = replace(scene.claims, entry=scene.consent.c)
    assert scene.judge(claims=claims) == Unproven(GateCode.ENTRY)


@pytest.mark.parametrize("shown", [None, b"", b"\x01", b"\x02" + bytes(40)])
def test_step_6_an_opening_that_does_not_fit_waits(scene, shown):
    first, *rest = scene.attachment.entries
    other = replace(scene.attachment, entries=(replace(first, opening=shown), *rest))
    assert scene.judge(attachment=other) == Unproven(GateCode.OPENING)


def test_step_6_a_widened_opening_does_not_fit(scene):
    first, *rest = scene.attachment.entries
    widened = first.opening.replace(b'["K01","K04"]', b'["K01","K09"]')
    assert widened != first.opening
    other = replace(scene.attachment, entries=(replace(first, opening=widened), *rest))
    assert scene.judge(attachment=other) == Unproven(GateCode.OPENING)


@pytest.mark.spec("LR-5", "LR-31")
def test_step_6_a_committed_entry_that_breaks_the_form_is_refused_for_good(scene):
    a = scene.a
    item = a.written[2]
    from node.crypto.commit import commitment, leaf_input, opening, salt
    from node.crypto.merkle import MemoryTree, leaf_hash

    spelled = item.spelled.replace(b'"attempt":1', b'"attempt":2')
    entry_id = bytes.fromhex(item.entry.id)
    c = commitment(item.key, entry_id, spelled)
    leaves = [leaf_hash(leaf_input(w.c)) for w in a.written[:2]]
    a.tree = MemoryTree([*leaves, leaf_hash(leaf_input(c))])
    a.heads.clear()
    a.sign()
    attachment = a.attach(item, scene.consent, since=1)
    first, *rest = attachment.entries
    first = replace(first, c=c, opening=opening(salt(item.key, entry_id), spelled))
    verdict = scene.judge(
        claims=replace(a.claims(item, scene.b), entry=c),
        attachment=replace(attachment, entries=(first, *rest)),
    )
    assert verdict == Unproven(GateCode.OPENING, final=True)


@pytest.mark.spec("LR-31")
@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"types": NAMED_BY["grant"]}, GateCode.TYPE),
        ({"transfer": TransferId("00" * 16)}, GateCode.TRANSFER),
        ({"peer": "loerrach.example"}, GateCode.PEER),
        ({"epoch": 2}, GateCode.EPOCH),
        ({"epoch": None}, GateCode.EPOCH),
        ({"packet": digest("other packet")}, GateCode.PACKET),
        ({"packet": None}, GateCode.PACKET),
    ],
)
def test_step_6_an_entry_about_something_else_is_refused_for_good(scene, change, code):
    expected = replace(scene.expected, **change)
    assert scene.judge(expected=expected) == Unproven(code, final=True)


def test_step_6_an_entry_of_another_log_is_refused_for_good(scene):
    a = scene.a
    foreign = replace(a.act(), log="other.example/log/1")
    item = a.put(
        transfer_entry(EntryType.TRANSFER_DENIED, foreign, facts(scene.b)), "x"
    )
    a.sign()
    verdict = scene.judge(
        claims=a.claims(item, scene.b),
        attachment=a.attach(item, since=1),
        expected=expect("recall", scene.b),
    )
    assert verdict == Unproven(GateCode.LOG, final=True)


@pytest.mark.spec("EL-8")
def test_step_6_an_offer_without_proof_of_its_consent_waits(scene):
    first = scene.attachment.entries[0]
    other = replace(scene.attachment, entries=(first,))
    assert scene.judge(attachment=other) == Unproven(GateCode.CONSENT)
    false = EntryProof(0, (), scene.consent.c)
    other = replace(scene.attachment, entries=(first, false))
    assert scene.judge(attachment=other) == Unproven(GateCode.CONSENT)


@pytest.mark.spec("EL-8")
def test_step_6_a_consent_recorded_after_the_sending_is_refused_for_good(scene):
    a = scene.a
    late = recorded(a, "consent:late")
    # The commitment is known before the entry stands in the tree, so a liar can name it.
    a.written.remove(late)
    a.tree = type(a.tree)(a.tree(0, i) for i in range(3))
    item = sent(a, scene.b, late)
    a.put(late.entry, "consent:late")
    a.heads.clear()
    a.sign()
    late.index = item.index + 1
    verdict = scene.judge(
        claims=a.claims(item, scene.b), attachment=a.attach(item, late, since=1)
    )
    assert verdict == Unproven(GateCode.CONSENT, final=True)


def test_an_offer_on_a_statute_needs_no_consent_below_it(scene):
    a = scene.a
    more = dict(sent(a, scene.b).entry.more)
    more = {k: more[k] for k in ("persons", "scope", "bytes", "expires", "register")}
    more |= {"basis": "statute:67d", "consents": [{"statute": "67d"}]}
    item = a.append_transfer(EntryType.TRANSFER_SENT, facts(scene.b), more)
    a.sign()
    verdict = scene.judge(
        claims=a.claims(item, scene.b), attachment=a.attach(item, since=1)
    )
    assert isinstance(verdict, Proven)


def test_two_statements_under_one_checkpoint_are_proven_one_after_the_other(scene):
    a, b = scene.a, scene.b
    second = a.append_transfer(EntryType.TRANSFER_GRANTED, facts(b), {"consents": []})
    a.sign()
    assert isinstance(tell(b, a, "offer", scene.sent, scene.consent), Proven)
    verdict = tell(b, a, "grant", second)
    assert isinstance(verdict, Proven)
    assert not verdict.advanced


@pytest.mark.parametrize(
    "spoil",
    [
        lambda found: found.pop("gossip"),
        lambda found: found.update(extra=1),
        lambda found: found.update(checkpoint=None),
        lambda found: found.update(entries={}),
        lambda found: found.update(gossip=["x"] * 5),
        lambda found: found.update(seen_note=1),
        lambda found: found["entries"][0].update(index=-1),
        lambda found: found["entries"][0].update(index=True),
        lambda found: found["entries"][0].update(c="AB" * 32),
        lambda found: found["entries"][0].update(c="zz" * 32),
        lambda found: found["entries"][0].update(c="ab"),
        lambda found: found["entries"][0].update(path=["quEz"]),
        lambda found: found["entries"][0].update(path=["not base64"]),
        lambda found: found["entries"][0].update(opening="QUJ="),
        lambda found: found["entries"][0].update(other="x"),
        lambda found: found["entries"][1].update(opening="QUI="),
        lambda found: found["since"].update(x=1),
        lambda found: found["since"].update(path=[44 * "A"] * 64),
        lambda found: found.update(since=[]),
        lambda found: found.update(history={"from": 1}),
    ],
)
@pytest.mark.spec("EL-17", "LOG-8")
def test_a_malformed_attachment_is_refused(scene, spoil):
    found = attachment_json(scene.attachment)
    spoil(found)
    with pytest.raises(MalformedMessageError):
        attachment_from_json(found)


def test_nothing_above_the_checkpoint_can_be_attached(scene):
    item = received(scene.a, scene.b)
    with pytest.raises(UsageError):
        scene.a.attach(item, since=1)
    with pytest.raises(UsageError):
        scene.a.attach(scene.sent, since=9)
