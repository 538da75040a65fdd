"""What moves and what leaves: reviewed configuration that is without effect once it is done."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from pki.keyrefs import SoftwareKeyRef
from pki.store.forms import Status
from reconciler.kinds.workspace import Moved, Removal, Removed
from reconciler.model import Action, Address, ReasonCode
from reconciler.plan.model import Difference, Need
from reconciler.snapshot import ObservedCa
from tests.support.desired import at, ca, credential, standing_key
from tests.support.planning import Bench, bench, codes, done, refusal, steps
from tests.support.plans import NOW

DAY = timedelta(days=1)


def moved(source: str, target: str) -> Moved:
    return Moved(Address.parse(source), Address.parse(target), at(5))


def removed(address: str, action: Removal = Removal.FORGET, **more: Any) -> Removed:
    return Removed(Address.parse(address), action, at(5), **more)


def rename(found: Bench, source: str, target: str) -> None:
    """Declare a resource under another name, and say so."""
    address = Address.parse(source)
    spec = found.manifest.find(address)
    assert spec is not None
    found.undeclare(source)
    found.declare(replace(spec, name=target.partition("/")[2]))
    found.settings(moved=(*found.manifest.workspace.moved, moved(source, target)))


class TestMoved:
    def test_a_credential_moves_and_is_otherwise_as_it_should_be(self):
        found = bench(ca("ca"), credential("web", issuer="ca"))
        rename(found, "credential/web", "credential/www")

        plan = found.plan()

        assert steps(plan) == ["move credential/www"]
        change = plan.changes[0]
        assert (codes(change), change.previous) == ([ReasonCode.MOVED], Address.parse("credential/web"))
        assert change.reasons[0].message == "`moved` says that it was credential/web"
        assert plan.unmanaged == ()

    def test_once_it_is_done_it_says_nothing(self):
        found = bench(ca("ca"), credential("www", issuer="ca"))
        found.settings(moved=(moved("credential/web", "credential/www"),))

        assert found.plan().changes == ()

    def test_what_is_declared_under_its_old_name_stays_there(self):
        found = bench(ca("ca"), credential("web", issuer="ca"))
        found.settings(moved=(moved("credential/web", "credential/www"),))

        assert found.plan().changes == ()

    def test_a_move_comes_before_all_else_of_the_address(self):
        found = bench(ca("ca"), credential("web", issuer="ca"))
        record = found.snapshot.credentials["web"].record
        found.edit("credential/web", not_before=record.not_before - 80 * DAY, not_after=NOW + 3 * DAY)
        rename(found, "credential/web", "credential/www")

        assert steps(found.plan()) == ["move credential/www", "rekey credential/www"]

    def test_a_ca_moves_with_all_its_generations_and_crls(self):
        found = bench(ca("ca", generation=2), credential("web", issuer="ca"))
        found.touch("ca/ca", lambda each: replace(each, last_expiry=NOW + DAY, crl=None))
        rename(found, "ca/ca", "ca/pki")
        found.declare(replace(found.manifest.credentials["web"], issuer="pki"))

        plan = found.plan()

        assert steps(plan) == ["move ca/pki", "refresh crl/pki"]
        assert plan.changes[1].depends_on == (Address.parse("ca/pki"),)
        assert plan.changes[1].needs == (Need("ca/pki", "sign", path="state/ca/pki/private/ca.ecdsa-p256.key"),)

    def test_what_is_signed_by_a_ca_that_moves_waits_for_it(self):
        found = bench(ca("ca"), credential("web", issuer="ca"))
        found.drop("credential/web")
        rename(found, "ca/ca", "ca/pki")
        found.declare(replace(found.manifest.credentials["web"], issuer="pki"))

        change = found.change("credential/web")

        assert (change.depends_on, change.issuer) == ((Address.parse("ca/pki"),), "pki")
        assert change.needs[0].path == "state/ca/pki/private/ca.ecdsa-p256.key"

    def test_holders_of_a_key_that_moves_follow_it(self):
        found = bench(ca("ca", resource="old"), standing_key("old"))
        rename(found, "key/old", "key/new")
        found.declare(ca("ca", resource="new"))

        plan = found.plan()

        assert steps(plan) == ["move key/new", "update ca/ca"]
        assert plan.changes[1].depends_on == (Address.parse("key/new"),)
        assert plan.changes[1].differences == (
            Difference("key.path", "state/key/old/private/key.pem", "state/key/new/private/key.pem"),
        )

    def test_a_holder_that_was_left_behind_when_its_key_moved_keeps_that_key(self):
        found = bench(ca("ca", resource="new"), standing_key("new"))
        (key,) = found.generation("ca").record.keys
        before = replace(key, storage=SoftwareKeyRef("../../key/old/private/key.pem"))
        found.edit("ca/ca", keys=(before,))
        found.settings(moved=(moved("key/old", "key/new"),))

        plan = found.plan()

        assert steps(plan) == ["update ca/ca"]
        assert plan.changes[0].differences == (
            Difference("key.path", "state/key/old/private/key.pem", "state/key/new/private/key.pem"),
        )

    def test_a_crl_waits_until_the_record_of_its_ca_names_the_key_that_moves(self):
        found = bench(ca("ca", resource="old"), credential("web", issuer="ca", resource="old"), standing_key("old"))
        found.touch("ca/ca", lambda each: replace(each, crl=None))
        rename(found, "key/old", "key/new")
        found.declare(ca("ca", resource="new"), credential("web", issuer="ca", resource="new"))

        plan = found.plan()

        assert steps(plan) == ["move key/new", "update ca/ca", "update credential/web", "refresh crl/ca"]
        assert [list(map(str, each.depends_on)) for each in plan.changes] == [
            [], ["key/new"], ["key/new"], ["ca/ca"],
        ]  # fmt: skip

    def test_a_name_that_is_taken_blocks_the_move(self):
        found = bench(ca("ca"), credential("web", issuer="ca"), credential("www", issuer="ca"))
        found.undeclare("credential/web")
        found.settings(moved=(moved("credential/web", "credential/www"),))

        change = found.change("credential/www")

        assert done(change) == (Action.MOVE, [ReasonCode.MOVED], True)
        assert [each.code for each in change.blocked] == ["move.taken"]

    def test_a_name_of_what_is_forgotten_blocks_the_move(self):
        found = bench(ca("ca"), credential("web", issuer="ca"), credential("www", issuer="ca"))
        found.forget("credential/www")
        found.undeclare("credential/web")
        found.settings(moved=(moved("credential/web", "credential/www"),))

        assert [each.code for each in found.plan().changes[0].blocked] == ["move.taken"]

    def test_a_name_of_what_is_damaged_blocks_the_move(self):
        found = bench(ca("ca"), credential("web", issuer="ca"))
        found.undeclare("credential/web")
        found.snapshot = replace(found.snapshot, damaged={"credential/www": refusal().findings[0]})
        found.settings(moved=(moved("credential/web", "credential/www"),))

        assert [each.code for each in found.change("credential/www").blocked] == ["move.taken"]

    def test_a_move_of_a_ca_that_was_cut_off_goes_on(self):
        found = bench(ca("ca", generation=2))
        first, second = found.snapshot.cas["ca"].generations
        gone = replace(second, name="pki.2", directory="state/ca/pki.2", record=second.record)
        same = replace(first, record=replace(first.record, subject=second.record.subject))
        cas = {"ca": ObservedCa("ca", (same,)), "pki": ObservedCa("pki", (gone,))}
        found.snapshot = replace(found.snapshot, cas=cas)
        rename(found, "ca/ca", "ca/pki")

        plan = found.plan()

        assert steps(plan) == ["move ca/pki"]
        assert plan.changes[0].blocked == ()

    @pytest.mark.parametrize("order", [1, -1])
    def test_several_moves_lead_to_the_last_place(self, order):
        found = bench(ca("ca"), credential("a", issuer="ca"))
        found.undeclare("credential/a")
        found.declare(credential("c", issuer="ca"))
        ways = (moved("credential/a", "credential/b"), moved("credential/b", "credential/c"))
        found.settings(moved=ways[::order])
        found.edit("credential/a", variables={"cn": "c"})
        found.declare(replace(found.manifest.credentials["c"], variables={"cn": "a"}))

        plan = found.plan()

        assert plan.changes[0].address == Address.parse("credential/c")
        assert plan.changes[0].previous == Address.parse("credential/a")

    def test_moves_in_a_circle_end(self):
        found = bench(ca("ca"), credential("a", issuer="ca"))
        found.undeclare("credential/a")
        ways = (moved("credential/a", "credential/b"), moved("credential/b", "credential/a"))
        found.settings(moved=ways)

        assert steps(found.plan()) == ["x move credential/a"]


class TestForget:
    def test_what_leaves_is_forgotten_and_not_destroyed(self):
        found = bench(ca("ca"), credential("web", issuer="ca"))
        found.undeclare("credential/web")
        found.settings(removed=(removed("credential/web"),))

        plan = found.plan()

        assert [done(each) for each in plan.changes] == [(Action.FORGET, [ReasonCode.REMOVED], False)]
        assert plan.unmanaged == ()

    @pytest.mark.parametrize("text", ["ca/ca", "key/k", "credential/web"])
    def test_once_it_is_done_it_says_nothing(self, text):
        found = bench(ca("ca"), credential("web", issuer="ca"), standing_key("k"))
        found.undeclare(text)
        if text == "ca/ca":
            found.undeclare("credential/web")
            found.drop("credential/web")
        found.settings(removed=(removed(text),))
        found.forget(text)

        assert found.plan().changes == ()
        assert found.plan().unmanaged == ()

    def test_what_is_still_declared_stays(self):
        found = bench(ca("ca"), credential("web", issuer="ca"))
        found.settings(removed=(removed("credential/web"),))

        assert found.plan().changes == ()

    @pytest.mark.parametrize("action", Removal)
    @pytest.mark.parametrize("text", ["ca/sub", "credential/web", "key/k"])
    def test_what_state_protects_stays_even_when_the_block_is_gone(self, text, action):
        found = bench(ca("ca"), ca("sub", issuer="ca"), credential("web", issuer="ca"), standing_key("k"))
        found.edit(text, prevent_destroy=True)
        found.undeclare(text)
        found.settings(removed=(removed(text, action),))

        (change,) = found.plan().changes

        assert [each.code for each in change.blocked] == ["removal.protected"]

    @pytest.mark.parametrize("text", ["ca/sub", "ca/sub.2"])
    def test_one_protected_generation_of_a_ca_protects_it(self, text):
        found = bench(ca("ca"), ca("sub", issuer="ca", generation=2))
        found.edit(text, prevent_destroy=True)
        found.undeclare("ca/sub")
        found.settings(removed=(removed("ca/sub"),))

        assert [each.code for each in found.change("ca/sub").blocked] == ["removal.protected"]

    def test_a_damaged_record_blocks_it(self):
        found = bench(ca("ca"))
        found.snapshot = replace(found.snapshot, damaged={"credential/web": refusal().findings[0]})
        found.settings(removed=(removed("credential/web", Removal.REVOKE),))

        assert done(found.change("credential/web")) == (Action.REVOKE, [ReasonCode.REMOVED], True)


class TestRevoke:
    def test_a_credential_is_revoked_where_it_was_issued(self):
        found = bench(ca("ca"), credential("web", issuer="ca"))
        found.undeclare("credential/web")
        found.settings(removed=(removed("credential/web", Removal.REVOKE, reason="superseded"),))

        plan = found.plan()

        assert steps(plan) == ["revoke credential/web", "forget credential/web", "refresh crl/ca"]
        assert plan.changes[0].reasons[0].message == "`removed` says that it is revoked: superseded"
        assert [reason for _, reason in plan.changes[2].preview["added"]] == ["superseded"]

    def test_what_is_revoked_already_is_only_forgotten(self):
        found = bench(ca("ca"), credential("web", issuer="ca"))
        found.edit("credential/web", status=Status.REVOKED)
        found.undeclare("credential/web")
        found.settings(removed=(removed("credential/web", Removal.REVOKE),))

        assert steps(found.plan()) == ["forget credential/web"]

    def test_what_has_ended_is_only_forgotten(self):
        found = bench(ca("ca"), credential("web", issuer="ca"))
        (certificate,) = found.snapshot.credentials["web"].record.certificates
        found.edit("credential/web", certificates=(replace(certificate, not_after=NOW),))
        found.undeclare("credential/web")
        found.settings(removed=(removed("credential/web", Removal.REVOKE),))

        assert steps(found.plan()) == ["forget credential/web"]

    def test_a_ca_is_revoked_at_its_parent_with_all_certificates_of_all_generations(self):
        found = bench(ca("ca"), ca("sub", issuer="ca", generation=2))
        facts = found.generation("sub").record.certificate
        assert facts is not None
        record = replace(found.generation("sub").record, previous=(replace(facts, serial=9),))
        found.touch("ca/sub", lambda each: replace(each, record=record))
        found.undeclare("ca/sub")
        found.settings(removed=(removed("ca/sub", Removal.REVOKE),))

        plan = found.plan()

        assert steps(plan) == ["revoke ca/sub", "forget ca/sub", "refresh crl/ca"]
        assert len(plan.changes[0].preview["serials"]) == 3
        assert plan.changes[2].depends_on == (Address.parse("ca/sub"),)

    def test_a_ca_that_its_parent_has_revoked_is_only_forgotten(self):
        found = bench(ca("ca"), ca("sub", issuer="ca"))
        facts = found.generation("sub").record.certificate
        assert facts is not None
        found.edit("ca/sub", certificate=replace(facts, not_after=NOW))
        found.undeclare("ca/sub")
        found.settings(removed=(removed("ca/sub", Removal.REVOKE),))

        assert steps(found.plan()) == ["forget ca/sub"]

    @pytest.mark.parametrize("text", ["ca/old", "key/k"])
    def test_what_nobody_can_revoke_can_only_be_forgotten(self, text):
        found = bench(ca("ca"), ca("old"), standing_key("k"))
        found.undeclare(text)
        found.settings(removed=(removed(text, Removal.REVOKE),))

        (change,) = found.plan().changes

        assert [each.code for each in change.blocked] == ["removal.irrevocable"]

    def test_a_revocation_that_no_crl_will_tell_is_said(self):
        found = bench(ca("ca"), credential("web", issuer="ca"))
        found.undeclare("credential/web")
        found.undeclare("ca/ca")
        found.settings(removed=(removed("credential/web", Removal.REVOKE), removed("ca/ca")))

        plan = found.plan()

        assert steps(plan) == ["forget ca/ca", "revoke credential/web", "forget credential/web"]
        assert [each.code for each in plan.changes[1].notices] == ["revocation.unlisted"]


def test_a_key_file_in_its_own_directory_is_where_it_should_be_after_a_move():
    found = bench(ca("ca"), credential("web", issuer="ca"))
    (certificate,) = found.snapshot.credentials["web"].record.certificates
    assert certificate.storage == (SoftwareKeyRef("private/key.pem"),)
    rename(found, "credential/web", "credential/www")

    assert steps(found.plan()) == ["move credential/www"]
