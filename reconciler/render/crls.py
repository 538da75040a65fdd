"""Certificate revocation lists as facts and text."""

from __future__ import annotations

from typing import Any

from pki.names import display
from pki.store.layout import CaLayout
from pki.x509.certificates import serial_hex
from pki.x509.crls import Crl
from reconciler.render.layout import Facts, bare, fields, instant, or_unknown, readable, table


def crl_facts(crl: Crl) -> dict[str, Any]:
    return {
        "type": "crl",
        "issuer": display(crl.issuer),
        "number": None if crl.number is None else str(crl.number),
        "this_update": instant(crl.this_update),
        "next_update": crl.next_update and instant(crl.next_update),
        "signature": or_unknown(lambda: crl.scheme.label),
        "authority_key_id": crl.authority_key_id and crl.authority_key_id.hex(),
        "revoked": [
            {
                "serial": f"0x{serial_hex(entry.serial)}",
                "revoked_at": instant(entry.at),
                "reason": entry.reason or "unspecified",
            }
            for entry in crl.revocations
        ],
    }


def verified_facts(crl: Crl) -> dict[str, Any]:
    return {"valid": True, **crl_facts(crl)}


def published_facts(crl: Crl, layout: CaLayout) -> dict[str, Any]:
    """Return what to know of a CRL just published; who is on it is for `crl_facts`."""
    return {
        "number": str(crl.number),
        "revoked": crl.size,
        "this_update": instant(crl.this_update),
        "next_update": crl.next_update and instant(crl.next_update),
        "size": len(crl.der),
        "path": str(layout.crl_der),
        "pem_path": str(layout.crl_pem),
    }


def crl_text(facts: Facts) -> str:
    entries = [(bare(entry["serial"]), readable(entry["revoked_at"]), entry["reason"]) for entry in facts["revoked"]]
    listed = f"\n\n{table(('SERIAL', 'REVOKED', 'REASON'), entries)}" if entries else ""
    return f"Certificate revocation list:\n{fields(_rows(facts))}{listed}"


def verified_text(facts: Facts) -> str:
    return f"CRL is VALID\n{fields(_rows(facts))}"


def published_text(facts: Facts) -> str:
    return "CRL generated successfully.\n" + fields(
        [
            ("Revoked certificates", facts["revoked"]),
            ("Number", facts["number"]),
            ("CRL file", facts["path"]),
            ("PEM file", facts["pem_path"]),
            ("Size", f"{facts['size']} bytes"),
            ("This update", readable(facts["this_update"])),
            ("Next update", readable(facts["next_update"])),
        ]
    )


def _rows(facts: Facts) -> list[tuple[str, object]]:
    return [
        ("Issuer", facts["issuer"]),
        ("Number", facts["number"]),
        ("This Update", readable(facts["this_update"])),
        ("Next Update", facts["next_update"] and readable(facts["next_update"])),
        ("Signature", facts["signature"]),
        ("Authority Key ID", facts["authority_key_id"]),
        ("Revoked", len(facts["revoked"])),
    ]
