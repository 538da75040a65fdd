"""Certificate revocation lists as facts and text."""

from __future__ import annotations

from typing import Any

from pki.names import display
from pki.x509.certificates import serial_hex
from pki.x509.crls import Crl
from reconciler.render.certificates import bare, or_unknown
from reconciler.render.layout import Facts, fields, instant, readable, table


def crl_facts(crl: Crl) -> dict[str, Any]:
    return {
        "type": "crl",
        "issuer": display(crl.issuer),
        "number": crl.number,
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


def crl_text(facts: Facts) -> str:
    entries = [(bare(entry["serial"]), readable(entry["revoked_at"]), entry["reason"]) for entry in facts["revoked"]]
    listed = f"\n\n{table(('SERIAL', 'REVOKED', 'REASON'), entries)}" if entries else ""
    return f"Certificate revocation list:\n{fields(rows(facts))}{listed}"


def generated_text(facts: Facts) -> str:
    return "CRL generated successfully.\n" + fields(
        [
            ("Revoked certificates", len(facts["revoked"])),
            ("Number", facts["number"]),
            ("CRL file", facts["path"]),
            ("PEM", facts["pem_path"]),
            ("Size", f"{facts['size']} bytes"),
            ("This update", readable(facts["this_update"])),
            ("Next update", readable(facts["next_update"])),
        ]
    )


def verified_text(facts: Facts) -> str:
    return "The CRL is valid: signed by this CA, and current.\n" + fields(rows(facts))


def rows(facts: Facts) -> list[tuple[str, object]]:
    return [
        ("Issuer", facts["issuer"]),
        ("Number", facts["number"]),
        ("This Update", readable(facts["this_update"])),
        ("Next Update", facts["next_update"] and readable(facts["next_update"])),
        ("Signature", facts["signature"]),
        ("Authority Key ID", facts["authority_key_id"]),
        ("Revoked", len(facts["revoked"])),
    ]
