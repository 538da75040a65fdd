"""What every driver works with: the workspace, and its CAs, each opened once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import takewhile
from pathlib import Path
from posixpath import relpath
from typing import Protocol

from pki.authority import Authority
from pki.errors import StoreError
from pki.keyrefs import KeyRef, SoftwareKeyRef, shared_key_name
from pki.ports import Ports, SecretRef
from pki.profiles.model import Profile
from pki.store import files, meta
from pki.store.layout import CaLayout, CredentialLayout, KeyLayout, inside
from pki.store.meta import CaMeta, CertificateFacts
from pki.store.wire import serial_hex
from reconciler.kinds.authority import CaSpec
from reconciler.kinds.credential import CredentialSpec
from reconciler.kinds.desired import Manifest
from reconciler.kinds.keys import KeySpec, StandaloneKeySpec
from reconciler.model import Address, Kind
from reconciler.plan.context import ca_of
from reconciler.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class TokenKey:
    """A key of ours on a token, before it is made. `hsm` is the path of the token's config in the workspace."""

    holder: Address
    generation: int
    hsm: str
    label: str
    key_id: str


class TokenKeys(Protocol):
    """Knows which keys on tokens are ours, before any record does."""

    def is_ours(self, key: TokenKey) -> bool:
        """Say whether an earlier run was about to make this very key, and never came to record it."""
        ...

    def intend(self, key: TokenKey) -> None:
        """Make it durable that this key is about to be made."""
        ...

    def recorded(self, key: TokenKey) -> None:
        """Take note that a record names the key by now."""
        ...


@dataclass(slots=True)
class Context:
    """One run's view of the workspace, shared by its threads: lanes keep two changes of one CA apart."""

    root: Path
    manifest: Manifest
    snapshot: Snapshot
    ports: Ports
    token_keys: TokenKeys
    _held: dict[str, tuple[Authority, ExitStack]] = field(default_factory=dict)

    def ca_directory(self, name: str) -> Path:
        """Return the directory of a CA's generation, by its name (`issuing.2`)."""
        return self._inside("ca", name)

    def credential(self, name: str) -> CredentialLayout:
        return CredentialLayout(self._inside("credential"), name)

    def key(self, name: str) -> KeyLayout:
        return KeyLayout(self._inside("key"), name)

    def ca_spec(self, address: Address) -> CaSpec:
        return self.manifest.cas[address.name]

    def credential_spec(self, address: Address) -> CredentialSpec:
        return self.manifest.credentials[address.name]

    def key_spec(self, address: Address) -> StandaloneKeySpec:
        return self.manifest.keys[address.name]

    def profile(self, name: str) -> Profile:
        """Return a profile, as it was when the plan was made."""
        return self.manifest.catalog.get(name)

    def generations(self, name: str) -> list[str]:
        """Return the names of a CA's generations, oldest first, as they are on disk now."""
        return sorted(takewhile(lambda each: ca_of(each).name == name, self._all_generations(name)), key=_number)

    def current(self, name: str) -> str:
        """Return the name of a CA's present generation.

        Raises:
            StoreError: there is none.
        """
        names = self.generations(name)
        if not names:
            raise StoreError(f"there is no ca/{name} in state", hint="it is made first: plan again")
        return names[-1]

    def place(self, directory: Path) -> str:
        """Return a directory as records of the workspace name it: relative to the root."""
        return directory.relative_to(self.root).as_posix()

    def ca_record(self, name: str) -> CaMeta:
        return meta.load_ca(self._ca(name).meta)

    def authority(self, name: str) -> Authority:
        """Return a generation of a CA, as its records are now; its key is not opened."""
        return Authority.open(self.ca_directory(name), self.ports)

    def held(self, name: str) -> Authority:
        """Return a generation of a CA with its key open; it stays so until `release`, for the next who signs with it.

        Raises:
            KeyAccessError: the key cannot be opened.
            SecretError: its PIN or passphrase cannot be had.
        """
        if name not in self._held:
            stack = ExitStack()
            self._held[name] = stack.enter_context(self.authority(name).held()), stack
        return self._held[name][0]

    def release(self, name: str) -> None:
        """Close a CA: its record has changed, and whoever needs it opens it again."""
        _, stack = self._held.pop(name, (None, ExitStack()))
        stack.close()

    def close(self) -> None:
        """Close all that is open."""
        for name in list(self._held):
            self.release(name)

    def signer(self, key_id: str | None, issuer: str | None = None) -> str:
        """Return which generation of a CA has that subject key identifier, those of `issuer` first.

        Without an identifier, as in records of old, it is the present generation of `issuer`.

        Raises:
            StoreError: none has it.
        """
        if key_id is None and issuer is not None:
            return self.current(issuer)
        for name in self._all_generations(issuer):
            if key_id and (self._key_id(name) or "").upper() == key_id.upper():
                return name
        raise StoreError(f"no CA in state has the key {key_id} that signed it", hint="restore its directory from git")

    def issuer_of(self, serial: int, key_id: str | None = None) -> str | None:
        """Return which generation of a CA has issued the certificate of that serial; it keeps a copy.

        The one whose key had that identifier when the run began is looked at first.
        """
        text, likely = serial_hex(serial), self.snapshot.by_key_id().get((key_id or "").upper())
        names = self._all_generations(ca_of(likely.name).name if likely else None)
        return next((name for name in names if files.exists(self._ca(name).issued(text))), None)

    def secret(self, spec: KeySpec) -> SecretRef | None:
        """Return where the passphrase of a key file comes from, by the manifest."""
        if spec.passphrase_env is None and spec.passphrase_file is None:
            return None
        file = None if spec.passphrase_file is None else inside(self.root, spec.passphrase_file)
        return SecretRef(spec.passphrase_env, file)

    def storage(self, spec: KeySpec, stored: KeyRef, place: str) -> KeyRef:
        """Return where a record in `place` is to say that its key is: the same key, by the manifest's words.

        That is another source of a passphrase, or a new name of the standalone key whose file it is.
        """
        if not isinstance(stored, SoftwareKeyRef) or spec.hsm is not None:
            return stored
        shared = shared_key_name(stored.path)
        if shared is not None:
            return replace(stored, path=stored.path.replace(f"/key/{shared}/", f"/key/{self._key_now(shared)}/"))
        file = spec.passphrase_file and relpath(spec.passphrase_file, place)
        return replace(stored, passphrase_env=spec.passphrase_env, passphrase_file=file)

    def _key_now(self, name: str) -> str:
        """Return what a standalone key is called now that may have been moved, be it more than once."""
        ways = {each.source: each.target for each in self.manifest.workspace.moved}
        address, unseen = Address(Kind.KEY, name), dict(ways)
        while address in unseen and not files.exists(self.key(address.name).meta):
            address = unseen.pop(address)
        return address.name

    def _key_id(self, name: str) -> str | None:
        """Return the identifier of a generation's key; a record of old leaves it to the certificate."""
        facts = self.ca_record(name).certificate
        if facts is None and files.exists(self._ca(name).certificate):
            facts = CertificateFacts.of(self.authority(name).certificate)
        return facts.subject_key_id if facts else None

    def _all_generations(self, first: str | None) -> Iterator[str]:
        """Give the directories of CAs that have a record, those of the CA `first` before all others."""
        names = files.list_directory(self._inside("ca"))
        for name in sorted(names, key=lambda each: ca_of(each).name != first):
            if files.exists(self._ca(name).meta):
                yield name

    def _ca(self, name: str) -> CaLayout:
        return CaLayout(self.ca_directory(name))

    def _inside(self, *names: str) -> Path:
        return inside(self.root, "/".join((self.manifest.workspace.state, *names)))


def _number(name: str) -> int:
    digits = name.partition(".")[2]
    return int(digits) if digits.isdecimal() else 1
