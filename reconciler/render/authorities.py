"""Certification authorities as facts and text."""

from __future__ import annotations

from typing import Any

from pki.authority import Authority
from pki.store.meta import CrlFacts
from reconciler.render.certificates import certificate_facts, summary_rows
from reconciler.render.extensions import extension_rows
from reconciler.render.keys import storage_facts, where
from reconciler.render.layout import Facts, count, day, fields, instant, readable, table


def authority_facts(authority: Authority) -> dict[str, Any]:
    layout, record = authority.layout, authority.meta
    return {
        "type": "ca",
        "directory": str(layout.root),
        "profile": record.profile,
        "created": instant(record.created),
        "certificate": certificate_facts(authority.certificate),
        "certificate_path": str(layout.certificate),
        "chain_path": str(layout.chain) if authority.chain else None,
        "keys": [
            {
                "id": key.id,
                "algorithm": key.algorithm,
                "spki_sha256": key.spki_sha256,
                "storage": storage_facts(key.storage.to_dict(), str(layout.root)),
            }
            for key in record.keys
        ],
        "crl": record.crl and {**_crl(record.crl), "path": str(layout.crl_der), "pem_path": str(layout.crl_pem)},
        "urls": {
            "crl": list(record.urls.crl),
            "ca_issuers": list(record.urls.ca_issuers),
            "ocsp": list(record.urls.ocsp),
        },
    }


def initialized_text(facts: Facts) -> str:
    kind = "CA" if facts["chain_path"] is None else "Subordinate CA"
    return f"{kind} initialized successfully!\n{fields([*summary_rows(facts['certificate']), *_place_rows(facts)])}"


def authority_text(facts: Facts) -> str:
    certificate, crl, urls = facts["certificate"], facts["crl"], facts["urls"]
    rows = [
        ("Directory", facts["directory"]),
        ("Profile", facts["profile"]),
        ("Created", readable(facts["created"])),
        *summary_rows(certificate),
        ("Path Length", certificate["path_length"]),
        *extension_rows(certificate),
        ("SHA-256", certificate["fingerprint"]),
        *_place_rows(facts),
        ("CRL", f"number {crl['number']}, next update {readable(crl['next_update'])}" if crl else "none yet"),
        ("CRL URLs", urls["crl"]),
        ("CA Issuers URLs", urls["ca_issuers"]),
        ("OCSP URLs", urls["ocsp"]),
    ]
    return f"CA:\n{fields(rows)}"


def authorities_text(facts: Facts) -> str:
    rows = [
        (
            ca["directory"],
            ca["certificate"]["subject"],
            ca["certificate"]["algorithm"],
            day(ca["certificate"]["not_after"]),
            day(ca["crl"]["next_update"]) if ca["crl"] else None,
        )
        for ca in facts["cas"]
    ]
    if not rows and not facts["damaged"]:
        return f"No CAs in {facts['directory']}"
    header = ("DIRECTORY", "SUBJECT", "ALGORITHM", "EXPIRES", "NEXT CRL")
    return f"{table(header, rows)}\n\nTotal: {count(len(rows), 'CA')}"


def _place_rows(facts: Facts) -> list[tuple[str, object]]:
    return [
        ("Certificate", facts["certificate_path"]),
        ("Chain", facts["chain_path"]),
        ("Private Key", [where(key["storage"]) for key in facts["keys"]]),
    ]


def _crl(crl: CrlFacts) -> dict[str, Any]:
    return {"number": str(crl.number), "this_update": instant(crl.this_update), "next_update": instant(crl.next_update)}
