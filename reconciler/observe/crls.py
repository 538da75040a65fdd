"""The CRL of one generation of a CA: both files of it, against each other, the record and the CA's key."""

from __future__ import annotations

from dataclasses import dataclass

from pki.errors import PkiError
from pki.store.meta import CrlFacts
from pki.x509.certificates import Certificate
from pki.x509.crls import parse_crl
from pki.x509.signatures import verify
from reconciler.observe.reading import Reader
from reconciler.snapshot import CrlState, Fault


def observe_crl(
    reader: Reader, directory: str, facts: CrlFacts | None, certificate: Certificate | None
) -> tuple[CrlState | None, tuple[Fault, ...]]:
    """Return the CRL on disk, and what is wrong with its files.

    Each form can be restored from the other. Without the CA's certificate nobody can check the signature.
    """
    paths = f"{directory}/crl/ca.crl", f"{directory}/crl/ca.crl.pem"
    contents = [reader.read(path) for path in paths]
    if facts is None and contents == [None, None]:
        return None, ()
    checked = [_checked(data, certificate) for data in contents]
    whole = [found for found in checked if isinstance(found, _Published)]
    if not whole:
        return None, tuple(_unreadable(*pair, mendable=False) for pair in zip(paths, checked, strict=True))
    newest = max(whole, key=lambda each: each.state.number)
    differing = (_form_fault(*pair, newest.der) for pair in zip(paths, checked, strict=True))
    faults = [fault for fault in differing if fault is not None]
    faults += [Fault(paths[0], missing=False, detail=it, mendable=False) for it in _differences(newest.state, facts)]
    return newest.state, tuple(faults)


@dataclass(frozen=True, slots=True)
class _Published:
    """A file that holds a CRL of this CA's."""

    der: bytes
    state: CrlState


def _checked(data: bytes | None, certificate: Certificate | None) -> _Published | str | None:
    """Return the CRL, or why it is none, or None when there is no file."""
    if data is None:
        return None
    try:
        crl = parse_crl(data)
        if certificate is not None:
            verify(certificate.spki, crl.scheme, crl.tbs, crl.signature)
    except PkiError as error:
        return error.message
    if crl.number is None or crl.next_update is None:
        return "it has no number or no nextUpdate"
    return _Published(crl.der, CrlState(crl.number, crl.this_update, crl.next_update, crl.serials()))


def _form_fault(path: str, found: _Published | str | None, der: bytes) -> Fault | None:
    if not isinstance(found, _Published):
        return _unreadable(path, found, mendable=True)
    return None if found.der == der else Fault(path, missing=False, detail="is not the same CRL as its other form")


def _unreadable(path: str, found: object, *, mendable: bool) -> Fault:
    if found is None:
        return Fault(path, missing=True, detail="is missing", mendable=mendable)
    return Fault(path, missing=False, detail=f"is damaged: {found}", mendable=mendable)


def _differences(crl: CrlState, facts: CrlFacts | None) -> list[str]:
    if facts is None:
        return ["is not on record"]
    if crl.number != facts.number:
        return [f"is number {crl.number}, and number {facts.number} is on record"]
    dates = (crl.this_update, crl.next_update) == (facts.this_update, facts.next_update)
    return [] if dates else ["has other dates than those on record"]
