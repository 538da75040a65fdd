"""A plan with something of everything in it, made by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from pki.findings import Finding, Location, Severity
from reconciler.model import Action, Address, Reason, ReasonCode
from reconciler.plan.model import Change, Difference, Due, Need, Plan, Selection
from tests.support.checkout import ROOT

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
DIGEST = "sha256:7c1e4fa90f12d0c36f1f2ff6bb2eb5eb8a8a2ef3f9b3e5c2b1a0f9e8d7c6b5a4"

ROOT_HSM = {"hsm": "hsm/root.yaml", "token": "Root HSM", "secret_env": "ROOT_PIN"}
PROD_HSM = {"hsm": "hsm/prod.yaml", "token": "Prod HSM", "secret_file": "/run/secrets/prod-pin"}


def on(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def address(text: str) -> Address:
    return Address.parse(text)


def certificate(profile: str, algorithm: str, start: str, end: str, **more: Any) -> dict[str, Any]:
    return {"profile": profile, "algorithm": algorithm, "not_before": on(start), "not_after": on(end), **more}


def reason(code: ReasonCode, message: str, since: str | None = None, deadline: str | None = None) -> Reason:
    return Reason(code, message, (since and on(since)) or None, (deadline and on(deadline)) or None)


def created_ca() -> Change:
    return Change(
        address("ca/issuing"),
        Action.CREATE,
        (reason(ReasonCode.MISSING, "the manifest has it, state does not"),),
        depends_on=(address("ca/root"),),
        needs=(
            Need("ca/issuing", "generate", label="ca-issuing", **PROD_HSM),
            Need("ca/root", "sign", label="ca-root", **ROOT_HSM),
        ),
        generation=1,
        preview={
            "issuer": "ca/root",
            "certificates": [certificate("ec/issuing-ca", "ecdsa-p384", "2026-11-23", "2031-11-22")],
        },
    )


def rekeyed() -> Change:
    return Change(
        address("credential/web"),
        Action.REKEY,
        (
            reason(
                ReasonCode.RENEWAL_DUE,
                "renewal window open from 2026-11-20, expires 2026-12-20",
                "2026-11-20",
                "2026-12-20",
            ),
            reason(ReasonCode.SPEC_CHANGED, "what the manifest asks of the certificate changed"),
        ),
        differences=(
            Difference("subject", "CN=www.example.com,O=Example", "CN=www.example.com,O=Example Ltd"),
            Difference("subjectAltName", ("DNS:old.example.com",), ("DNS:new.example.com", "DNS:www.example.net")),
            Difference("lifetime", timedelta(days=398), timedelta(days=90)),
            Difference("certificatePolicies", None, ("2.23.140.1.2.1",)),
        ),
        depends_on=(address("ca/issuing"),),
        needs=(
            Need(
                "credential/web",
                "generate",
                path="state/credential/web/private/key.g2.pem",
                secret_env="WEB_PASSPHRASE",
            ),
            Need("ca/issuing", "sign", label="ca-issuing", **PROD_HSM),
        ),
        generation=2,
        preview={
            "issuer": "ca/issuing",
            "certificates": [certificate("ec/tls-server", "ecdsa-p256", "2026-11-23", "2027-02-21")],
            "replaces": [certificate("ec/tls-server", "rsa-2048", "2025-11-20", "2026-12-20", serial=0x5A01)],
        },
    )


def refreshed() -> Change:
    return Change(
        address("crl/root"),
        Action.REFRESH,
        (
            reason(ReasonCode.CRL_REFRESH_DUE, "refresh window open from 2026-11-22, expires 2026-11-25", "2026-11-22",
                   "2026-11-25"),
            reason(ReasonCode.REVOCATION_ADDED, "1 certificate was revoked since the last CRL"),
        ),
        depends_on=(address("credential/api"),),
        needs=(Need("ca/root", "sign", label="ca-root", **ROOT_HSM),),
        preview={
            "number": 1790000000000001, "this_update": on("2026-11-18"), "next_update": on("2026-11-25"),
            "entries": 41, "new_entries": 41, "new_next_update": on("2026-11-30"),
            "added": [(0x5A3F09E177C1, "keyCompromise")],
            "expired": [(0x0B00112233445566778899AABB77, None)],
        },
    )  # fmt: skip


def first_crl() -> Change:
    return Change(
        address("crl/issuing"),
        Action.REFRESH,
        (reason(ReasonCode.CRL_MISSING, "the CA has no CRL yet"),),
        depends_on=(address("ca/issuing"),),
        needs=(Need("ca/issuing", "sign", label="ca-issuing", **PROD_HSM),),
        preview={"new_entries": 0, "new_next_update": on("2026-11-30")},
    )


def revoked() -> Change:
    return Change(
        address("credential/api"),
        Action.REVOKE,
        (reason(ReasonCode.SPEC_CHANGED, "the manifest revokes it: keyCompromise"),),
        generation=3,
        preview={"serials": [(0x5A3F09E177C1, "keyCompromise")]},
    )


def blocked() -> Change:
    return Change(
        address("credential/legacy-gateway"),
        Action.CREATE,
        (reason(ReasonCode.MISSING, "the manifest has it, state does not"),),
        needs=(Need("ca/old", "sign", hsm="hsm/old.yaml", token="Old"),),
        blocked=(
            Finding(
                Severity.ERROR,
                "policy.denied",
                "rule no-rsa of policy baseline refuses rsa-2048",
                Location("pki/policy.yaml", 12, 7),
                hint="choose an algorithm of ec-*, or change the rule",
            ),
        ),
        preview={"issuer": "ca/old", "certificates": [certificate("rsa/tls", "rsa-2048", "2026-11-23", "2027-02-21")]},
    )


def hybrid() -> Change:
    return Change(
        address("credential/dual"),
        Action.CREATE,
        (reason(ReasonCode.MISSING, "the manifest has it, state does not"),),
        preview={
            "issuer": "ca/issuing",
            "certificates": [
                certificate("ec/tls-server", "ecdsa-p256", "2026-11-23", "2027-02-21"),
                certificate("ml/tls-server", "ml-dsa-65", "2026-11-23", "2026-12-24", clipped=True),
            ],
        },
        notices=(
            Finding(
                Severity.WARNING,
                "validity.clipped",
                "the certificate of ml/tls-server ends with its issuer on 2026-12-24",
            ),
        ),
    )


def moved() -> Change:
    return Change(
        address("credential/ldap"),
        Action.MOVE,
        (reason(ReasonCode.MOVED, "the workspace says that it moved"),),
        previous=address("credential/directory"),
    )


def fleet(size: int) -> tuple[Change, ...]:
    """Return device certificates that differ in their names only."""
    return tuple(
        Change(
            address(f"credential/device-{number:05}"),
            Action.CREATE,
            (reason(ReasonCode.MISSING, "the manifest has it, state does not"),),
            differences=(Difference("subject", None, f"CN=device-{number:05}"),),
            needs=(Need("ca/issuing", "sign", label="ca-issuing", **PROD_HSM),),
            generation=1,
            preview={
                "issuer": "ca/issuing",
                "certificates": [certificate("ec/client", "ecdsa-p256", "2026-11-23", "2027-02-21")],
            },
        )
        for number in range(1, size + 1)
    )


def make(*changes: Change, **more: Any) -> Plan:
    return Plan(changes, "0" * 64, "1" * 64, NOW, timedelta(days=1), **more)


def everything() -> Plan:
    changes = (
        created_ca(), rekeyed(), hybrid(), blocked(), revoked(), moved(), *fleet(12), refreshed(), first_crl(),
    )  # fmt: skip
    return make(
        *changes,
        unchanged=12,
        unmanaged=(address("ca/abandoned"),),
        due=(
            Due(address("crl/root"), on("2026-11-28"), "crl-refresh", on("2026-11-30")),
            Due(address("credential/mail"), on("2026-12-01"), "renewal", on("2026-12-31")),
        ),
        warnings=(
            Finding(
                Severity.WARNING,
                "unmanaged.crl",
                "crl/abandoned is not refreshed, and its next update is 2026-12-01",
                hint="take ca/abandoned into the manifests, or let `removed` name it",
            ),
        ),
    )


def hostile(text: str) -> Plan:
    """Return a plan in which every text that somebody else could choose is this one."""
    change = Change(
        address(f"credential/{text}"),
        Action.REISSUE,
        (Reason(ReasonCode.SPEC_CHANGED, f"{text} changed"),),
        differences=(Difference(text, text, f"{text}2"), Difference("subjectAltName", (text,), (f"DNS:{text}",))),
        needs=(Need(text, "sign", hsm=text, token=text, label=text, secret_env=text),),
        blocked=(Finding(Severity.ERROR, "a.b", text, Location(text), hint=text),),
        preview={"issuer": text, "certificates": [certificate(text, text, "2026-11-23", "2027-02-21")] * 2},
    )
    signed = Change(address(f"crl/{text}"), Action.REFRESH, change.reasons, needs=change.needs)
    return make(
        change,
        signed,
        unmanaged=(address(f"ca/{text}"),),
        warnings=(Finding(Severity.WARNING, "a.b", text, hint=text),),
        selection=Selection(only=(text,)),
        due=(Due(address(f"crl/{text}"), on("2026-11-28"), "crl-refresh", on("2026-11-30")),),
    )


DEVICES = {change.address: "device" for change in fleet(12)}
GOLDEN = ROOT / "tests" / "golden"


def renderings() -> dict[str, str]:
    """Return what is in `tests/golden`, by the name of the file."""
    from reconciler.render.plan_markdown import plan_markdown
    from reconciler.render.plans import plan_text

    return {
        "plan.txt": plan_text(everything(), DIGEST, DEVICES) + "\n",
        "plan.md": plan_markdown(everything(), DIGEST, fleets=DEVICES),
        "plan-empty.txt": plan_text(make(unchanged=3), DIGEST) + "\n",
    }


def explanations() -> dict[str, str]:
    """Return the rest of it: a resource explained, and the state as a table."""
    from reconciler.render.explanations import explanation_text
    from reconciler.render.states import state_facts, state_text
    from tests.support import history

    addresses = {"ca": "ca/issuing", "credential": "credential/web", "crl": "crl/issuing.2"}
    return {
        **{f"explain-{kind}.txt": explanation_text(history.told(text)) + "\n" for kind, text in addresses.items()},
        "show.txt": state_text(state_facts(history.MANIFEST, history.SNAPSHOT, NOW)) + "\n",
    }


if __name__ == "__main__":  # python -m tests.support.plans: write them anew, then read the difference
    for name, text in (renderings() | explanations()).items():
        (GOLDEN / name).write_text(text, encoding="utf-8")
