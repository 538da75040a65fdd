"""A workspace with a past, made by hand: a CA with two generations, revoked and expired certificates, damage."""

from __future__ import annotations

from datetime import timedelta

from pki.findings import Finding, Severity
from pki.keyrefs import TokenKeyRef
from reconciler.model import Address
from reconciler.plan.explain import Explanation, explain, find
from reconciler.plan.model import Due, Plan
from reconciler.snapshot import Fault, RevokedRow
from tests.support import plans
from tests.support.desired import ca, credential, desired, standing_key
from tests.support.observed import (
    ca_in_state,
    certificate,
    credential_in_state,
    crl,
    generation,
    in_state,
    key_in_state,
)
from tests.support.plans import NOW

MANIFEST = desired(
    ca("root"),
    ca("issuing", issuer="root", prevent_destroy=True),
    credential("web", issuer="issuing", fleet="servers"),
    credential("mail", issuer="issuing", csr="csr/mail.csr"),
    credential("new", issuer="issuing"),
    standing_key("shared"),
    hsms={"hsm/prod.yaml": "Prod HSM"},
)
OLD = generation(
    "issuing",
    issuer="root",
    crl=crl(serials=(0x51,)),
    last_expiry=NOW + timedelta(days=60),
    revoked=(RevokedRow(0x51, NOW - timedelta(days=3), "superseded", NOW + timedelta(days=60), "/CN=web"),),
)
CURRENT = generation(
    "issuing.2",
    issuer="root",
    storage=TokenKeyRef("../../../hsm/prod.yaml", "ca-issuing", "0a"),
    crl=crl(9, days=-1),
    faults=(Fault("state/ca/issuing.2/chain.crt", missing=True, detail="is missing"),),
    crl_faults=(Fault("state/ca/issuing.2/crl/ca.crl.pem", missing=False, detail="is not what the record says"),),
)
SNAPSHOT = in_state(
    ca_in_state(generation("root", crl=crl())),
    ca_in_state(OLD, CURRENT),
    credential_in_state(
        "web",
        certificate(0x53, number=2, issuer_key_id="69737375696E672E32"),
        issuer="issuing.2",
        previous=(
            certificate(0x50, days=-1, issuer_key_id="69737375696E67"),
            certificate(0x51, issuer_key_id="69737375696E67"),
        ),
    ),
    credential_in_state(
        "early",
        certificate(0x98, number=2, age=-2),
        issuer="issuing.2",
        previous=(certificate(0x97, not_before=None, not_after=None),),
    ),
    credential_in_state("old", certificate(0x99, days=-3), issuer="issuing.2"),
    key_in_state("shared"),
    damaged={"credential/mail": Finding(Severity.ERROR, "state.damaged", "credential.meta.json is cut off")},
    forgotten={Address.parse("ca/gone"): ca_in_state(generation("gone"))},
)
DUE = Due(plans.address("credential/web"), plans.on("2027-01-01"), "renewal", plans.on("2027-02-01"))
PLAN = plans.make(plans.rekeyed(), due=(DUE,), due_total=1)


def told(text: str, plan: Plan = PLAN) -> Explanation:
    return explain(find(text, MANIFEST, SNAPSHOT), MANIFEST, SNAPSHOT, plan)
