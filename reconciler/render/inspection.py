"""What is in a file, whatever its name: PEM blocks, DER objects, and the records of qpki."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pki import der
from pki.errors import EncodingError, PkiError
from pki.signers import software
from pki.signers.base import spki_sha256
from pki.store import meta, records
from pki.store.meta import CaMeta, CredentialMeta, KeyMeta
from pki.x509.certificates import parse_certificate
from pki.x509.crls import parse_crl
from pki.x509.requests import parse_request
from reconciler.render.certificates import certificate_facts, certificate_text
from reconciler.render.crls import crl_facts, crl_text
from reconciler.render.keys import information_text, signer_facts, storage_facts, where
from reconciler.render.layout import Facts, bare, fields, readable
from reconciler.render.requests import request_facts, request_text

_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.DOTALL)
_RECORDS: dict[str, type[CaMeta | CredentialMeta | KeyMeta]] = {
    "ca-meta": CaMeta,
    "credential-meta": CredentialMeta,
    "key-meta": KeyMeta,
}


def inspect(data: bytes, file: Path) -> dict[str, Any]:
    """Return what `data`, read from `file`, holds.

    Raises:
        PkiError: nothing that is known, or a known kind that is broken.
    """
    if data.lstrip().startswith(b"{"):
        return {"file": str(file), "objects": [_record(data, file)]}
    blocks = [(found[1].decode(), found[0]) for found in _BLOCK.finditer(data)]
    objects = [_pem(label, block) for label, block in blocks] if blocks else [_der(data, file)]
    return {"file": str(file), "objects": objects}


def text(facts: Facts) -> str:
    return "\n\n".join(_TEXTS[found["type"]](found) for found in facts["objects"])


def _pem(label: str, block: bytes) -> dict[str, Any]:
    if label.endswith("PRIVATE KEY"):
        return _private_key(block)
    reader = _PEM_READERS.get(label)
    return reader(block) if reader else {"type": "unknown", "label": label}


def _der(data: bytes, file: Path) -> dict[str, Any]:
    for reader in (_certificate, _crl, _request, _public_key):
        try:
            return reader(data)
        except PkiError:
            continue
    raise EncodingError(
        f"{file} holds nothing that qpki knows",
        hint="certificates, requests, CRLs and keys in PEM or DER, and *.meta.json",
    )


def _record(data: bytes, file: Path) -> dict[str, Any]:
    kind = _record_kind(data, file)
    record = records.loads(_RECORDS[kind], data, file)
    return {"type": kind, "directory": str(file.parent), **json.loads(meta.dump(record))}


def _record_kind(data: bytes, file: Path) -> str:
    """Tell by the name, which a record cut off still has, then by the fields that only one kind has."""
    for kind in _RECORDS:
        if file.name == f"{kind.removesuffix('-meta')}.meta.json":
            return kind
    for field, kind in (("certificates", "credential-meta"), ("keys", "ca-meta"), ("storage", "key-meta")):
        if f'"{field}":'.encode() in data:
            return kind
    raise EncodingError(f"{file} is JSON, but no record of qpki's")


def _certificate(data: bytes) -> dict[str, Any]:
    return certificate_facts(parse_certificate(data))


def _crl(data: bytes) -> dict[str, Any]:
    return crl_facts(parse_crl(data))


def _request(data: bytes) -> dict[str, Any]:
    return request_facts(parse_request(data))


def _public_key(data: bytes) -> dict[str, Any]:
    spki = der.der_of(data, "PUBLIC KEY")
    algorithm = der.spki_algorithm(spki)
    return {"type": "public-key", "algorithm": algorithm.name, "spki_sha256": spki_sha256(spki)}


def _private_key(block: bytes) -> dict[str, Any]:
    if software.is_encrypted(block):
        return {"type": "private-key", "encrypted": True, "algorithm": None, "spki_sha256": None}
    return {**signer_facts(software.load(block, None)), "encrypted": False}


def _public_key_text(facts: Facts) -> str:
    return f"Public key:\n{fields([('Algorithm', facts['algorithm']), ('SPKI SHA-256', facts['spki_sha256'])])}"


def _unknown_text(facts: Facts) -> str:
    return f"Unknown PEM block:\n{fields([('Label', facts['label'])])}"


def _ca_text(facts: Facts) -> str:
    crl = facts.get("crl")
    rows = [
        ("Profile", facts["profile"]),
        ("Created", readable(facts["created"])),
        ("Serial", bare(facts.get("certificate", {}).get("serial", ""))),
        ("Not After", readable(facts.get("certificate", {}).get("not_after", ""))),
        (
            "Keys",
            [f"{key['id']}: {key['algorithm']}, {_where(key, facts)}" for key in facts["keys"]],
        ),
        ("CRL", crl and f"number {crl['number']}, next update {readable(crl['next_update'])}"),
    ]
    return f"CA record (ca.meta.json):\n{fields(rows)}"


def _credential_text(facts: Facts) -> str:
    certificates = [f"{bare(it['serial'])}: {it['profile']}, {it['algorithm']}" for it in facts["certificates"]]
    rows = [
        ("ID", facts["id"]),
        ("Status", facts["status"]),
        ("Profiles", ", ".join(facts["profiles"])),
        ("Created", readable(facts["created"])),
        ("Not After", readable(facts["not_after"])),
        ("Certificates", certificates),
    ]
    return f"Credential record (credential.meta.json):\n{fields(rows)}"


def _key_text(facts: Facts) -> str:
    rows = [
        ("ID", facts["id"]),
        ("Algorithm", facts["algorithm"]),
        ("Created", readable(facts["created"])),
        ("Key", _where(facts, facts)),
        ("SPKI SHA-256", facts["spki_sha256"]),
    ]
    return f"Key record (key.meta.json):\n{fields(rows)}"


def _where(key: Facts, record: Facts) -> str:
    return where(storage_facts(key["storage"], record["directory"]))


_PEM_READERS: dict[str, Callable[[bytes], dict[str, Any]]] = {
    der.CERTIFICATE: _certificate,
    der.CRL: _crl,
    der.REQUEST: _request,
    "NEW CERTIFICATE REQUEST": _request,
    "PUBLIC KEY": _public_key,
}
_TEXTS: dict[str, Callable[[Facts], str]] = {
    "certificate": certificate_text,
    "crl": crl_text,
    "certificate-request": request_text,
    "public-key": _public_key_text,
    "private-key": information_text,
    "unknown": _unknown_text,
    "ca-meta": _ca_text,
    "credential-meta": _credential_text,
    "key-meta": _key_text,
}
