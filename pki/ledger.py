"""What a CA has promised: its certificates, index and journal, kept in step.

Under the CA's lock, a certificate goes through the same steps every time: the intent is journaled and fsynced, the key
signs, the certificate is filed under `certs/`, its row is appended to `index.txt`, the intent is marked done. Whatever
step a crash hits, the next holder of the lock finds the intent open and settles it: a certificate that reached the disk
is adopted, a serial whose certificate did not is entered as revoked, so that the next CRL disowns it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pki.errors import EncodingError, IssuanceError, StateCorruptError
from pki.issuance import Intend
from pki.names import openssl_oneline
from pki.ports import SerialSource
from pki.profiles.model import CertificateTemplate
from pki.store import files, index, meta
from pki.store.index import IndexEntry
from pki.store.journal import Intent, Journal
from pki.store.layout import CaLayout
from pki.x509.certificates import Certificate, parse_certificates, serial_hex
from pki.x509.crls import Crl, Revocation

LOCK_TIMEOUT = 60.0
"""Seconds to wait for another process that uses the same CA; an HSM signature takes well under one."""

RESTORE = "nothing was changed; restore the file from git or a backup"
"""The way out when a file of ours is missing, damaged or another."""


@dataclass(frozen=True, slots=True)
class Ledger:
    layout: CaLayout

    @contextmanager
    def exclusive(self, now: datetime) -> Iterator[None]:
        """Hold the CA's lock, with what a crashed run left settled first.

        Raises:
            LockTimeoutError: another process holds it for too long.
        """
        with files.locked(self.layout.lock, timeout=LOCK_TIMEOUT) as abandoned:
            if abandoned:
                self._sweep()
            self._make_directories()
            self._settle(now)
            self._require_index()
            yield

    def settle(self, now: datetime) -> None:
        """Settle what a crashed run left, and refuse damaged records before a key is made for what would go into them.

        Raises:
            StoreError: they are damaged, cannot be written, or another process holds their lock for too long.
        """
        with self.exclusive(now):
            """Taking the lock does it."""

    def entries(self, now: datetime) -> list[IndexEntry]:
        """Return the rows of the index, without one that another run is writing, or was killed while it wrote."""
        return index.read(self.layout.index, begun=self._begun(now))

    def find(self, serial: int) -> IndexEntry | None:
        """Return the row of one serial, without reading the others: for who holds the lock, and so reads whole rows."""
        return index.find(self.layout.index, serial)

    def is_free(self, serial: int) -> bool:
        """Say whether no certificate of this CA has the serial; of 159 random bits it always is, and we look."""
        return not files.exists(self.layout.issued(serial_hex(serial)))

    def free_serial(self, source: SerialSource) -> int:
        """Return a serial that is free.

        Raises:
            IssuanceError: the source gives the same ones again and again.
        """
        for _ in range(3):
            if self.is_free(serial := source()):
                return serial
        raise IssuanceError("the serial source repeats itself", hint="check the machine's random number generator")

    def intend_certificate(
        self, template: CertificateTemplate, serial: int, now: datetime, *, holder: str = ""
    ) -> Intend:
        """Return what makes the intent to sign a certificate durable; `holder` is the address of what it is for."""

        def intend(tbs: bytes) -> None:
            self._journal.intend(
                [
                    Intent(
                        kind="certificate",
                        serial=serial,
                        tbs_sha256=_digest(tbs),
                        at=now,
                        subject=openssl_oneline(template.subject),
                        not_after=template.not_after,
                        profile=template.profile,
                        holder=holder,
                    )
                ]
            )

        return intend

    def intend_crl(self, number: int, now: datetime) -> Intend:
        """Return what makes the intent to sign a CRL durable: its number is used up from then on."""

        def intend(tbs: bytes) -> None:
            self._journal.intend([Intent(kind="crl", serial=number, tbs_sha256=_digest(tbs), at=now)])

        return intend

    def file(self, certificate: Certificate) -> None:
        """File a certificate that the CA issued, then enter it in the index: from here on it can be revoked."""
        files.create(self.layout.issued(certificate.serial_hex), certificate.pem())
        index.append(self.layout.index, _valid(certificate))
        self.settled(certificate.serial)

    def settled(self, serial: int) -> None:
        self._journal.done([serial])

    def revoke(
        self, serials: Sequence[int], reason: str | None, at: datetime, *, invalidity_date: datetime | None = None
    ) -> list[IndexEntry]:
        """Enter all these serials as revoked, or none of them.

        Raises:
            StoreError: a serial that this CA did not issue, or that is revoked already (its date and reason stay).
        """
        return index.revoke(self.layout.index, serials, at=at, reason=reason, invalidity_date=invalidity_date)

    def revocations(self, previous: Crl | None, now: datetime, *, keep_expired: bool = False) -> tuple[Revocation, ...]:
        """Return what the next CRL lists: all that is revoked, each entry until a CRL after its expiry had it.

        That is RFC 5280 section 3.3: an entry appears on one regularly scheduled CRL beyond the certificate's validity.
        With `keep_expired` entries stay for ever, and those that had gone come back.

        Raises:
            StateCorruptError: the index has lost a revocation that the previous CRL lists.
        """
        listed_until = previous.this_update if previous else datetime.min.replace(tzinfo=UTC)
        revoked = [revocation(entry) for entry in index.read_revoked(self.layout.index, begun=self._begun(now))]
        lost = previous.serials() - {each.serial for each in revoked} if previous else frozenset()
        if lost:
            raise StateCorruptError(
                f"{self.layout.index}: the last CRL lists {serial_hex(min(lost))}, which is not revoked here",
                hint=RESTORE,
            )
        if keep_expired:
            return tuple(revoked)
        return tuple(each for each in revoked if each.not_after is None or each.not_after > listed_until)

    def open_crl_numbers(self) -> list[int]:
        """Return CRL numbers that a crashed run may have used without publishing them."""
        return [intent.serial for intent in self._journal.unfinished() if intent.kind == "crl"]

    def crl_published(self) -> None:
        """Settle the CRL numbers up to the one just published."""
        self._journal.done(self.open_crl_numbers())

    def _sweep(self) -> None:
        """Remove the staged files of a killed run; listing a million certificates is for that case alone."""
        layout = self.layout
        for directory in (layout.root, layout.certificates, layout.own_certificates, layout.crl_der.parent):
            files.sweep(directory)

    def _make_directories(self) -> None:
        """Make what git does not keep when it is empty, before a key is used for what goes there."""
        for directory in (self.layout.certificates, self.layout.journal.parent):
            files.make_directory(directory)

    def _require_index(self) -> None:
        if not files.read_tail(self.layout.index, 1).data and files.list_directory(self.layout.certificates):
            raise StateCorruptError(f"{self.layout.index} is gone or empty, but certificates were issued", hint=RESTORE)

    def _settle(self, now: datetime) -> None:
        intents = self._open_certificates()
        index.mend(self.layout.index, [_disowned(intent, now) for intent in intents])  # refuses a row torn by others
        if not intents:
            return
        for intent in intents:
            self._settle_certificate(intent, now)
        self._journal.done([intent.serial for intent in intents])

    def _settle_certificate(self, intent: Intent, now: datetime) -> None:
        if self._is_own(intent) or self.find(intent.serial) is not None:
            return
        path = self.layout.issued(serial_hex(intent.serial))
        if files.exists(path) and _is_intended(certificate := stored_certificates(path)[0], intent):
            index.append(self.layout.index, _valid(certificate))
        else:
            index.append(self.layout.index, _disowned(intent, now))

    def _is_own(self, intent: Intent) -> bool:
        """Say whether the intent became a self-signed certificate of this CA's own, which no index lists.

        It did when the record names it. Otherwise a run was killed before that, and the next one makes another.
        """
        if not files.exists(self.layout.meta):
            return False
        record = meta.load_ca(self.layout.meta)
        own = (*record.previous, record.certificate)
        return any(facts is not None and facts.serial == intent.serial for facts in own)

    def _begun(self, now: datetime) -> list[IndexEntry]:
        return [_disowned(intent, now) for intent in self._open_certificates()]

    def _open_certificates(self) -> list[Intent]:
        return [intent for intent in self._journal.unfinished() if intent.kind == "certificate"]

    @property
    def _journal(self) -> Journal:
        return Journal(self.layout.journal)


@contextmanager
def intact(path: Path) -> Iterator[None]:
    """Say which file of ours it is that the block finds missing or damaged, and what to do.

    Raises:
        StateCorruptError: it is one of the two.
    """
    if not files.exists(path):
        raise StateCorruptError(f"{path} is not there", hint=RESTORE)
    try:
        yield
    except EncodingError as error:
        raise StateCorruptError(f"{path}: {error.message}", hint=RESTORE) from error


def stored_certificates(path: Path) -> list[Certificate]:
    """Return the certificates, at least one, in a file of a CA or credential; raises as `intact` does."""
    with intact(path):
        return parse_certificates(files.read(path))


def revocation(entry: IndexEntry) -> Revocation:
    """Return a revoked row as a CRL lists it.

    Raises:
        StateCorruptError: the row is not revoked.
    """
    if entry.revoked_at is None:
        raise StateCorruptError(f"certificate {serial_hex(entry.serial)} is not revoked", hint=RESTORE)
    return Revocation(entry.serial, entry.revoked_at, entry.reason, entry.invalidity_date, entry.not_after)


def _valid(certificate: Certificate) -> IndexEntry:
    subject = openssl_oneline(certificate.subject)
    return IndexEntry("V", certificate.not_after, None, None, certificate.serial, subject)


def _disowned(intent: Intent, now: datetime) -> IndexEntry:
    return IndexEntry("R", intent.not_after or now, now, None, intent.serial, intent.subject)


def _is_intended(certificate: Certificate, intent: Intent) -> bool:
    return _digest(certificate.tbs) == intent.tbs_sha256


def _digest(tbs: bytes) -> str:
    return hashlib.sha256(tbs).hexdigest()
