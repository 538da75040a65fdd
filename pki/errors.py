"""Everything the library raises on purpose.

```
PkiError
├── UnsupportedAlgorithmError    an algorithm or scheme that the table or the key does not have
├── EncodingError                bytes that are not what they should be: broken PEM or DER, or another object
├── ProfileError                 a profile that cannot be found or does not fit the call
├── SecretError                  a PIN or passphrase that cannot be had
├── KeyAccessError               a key that cannot be used
│   ├── KeyNotFoundError
│   ├── KeyExistsError           generating over a key that is there
│   ├── KeyAmbiguousError        two keys answer to one name
│   ├── KeyMismatchError         not the type, size or public key that was asked for
│   ├── PassphraseError          the passphrase does not open the key
│   ├── PinError                 the token refused the PIN, or must not be asked
│   └── TokenError               the module or token does not answer
├── RequestError                 a CSR that cannot be accepted
├── IssuanceError                something that must not be signed
├── VerificationError            a signature or chain that does not hold
└── StoreError                   state on disk
    ├── StateCorruptError
    ├── NewerFormatError         written by a newer qpki
    ├── AlreadyExistsError
    ├── PathEscapeError          a path that leaves its root
    └── LockTimeoutError         another process holds the lock
```

`pki.findings.FindingsError` is a `PkiError` too: many problems, reported at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class PkiError(Exception):
    """A failure with one line for a person and, where there is one, a way out.

    `hint` says what to do next. `exit_code` is what a command-line caller should end with.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UnsupportedAlgorithmError(PkiError):
    pass


class EncodingError(PkiError):
    pass


class ProfileError(PkiError):
    pass


class SecretError(PkiError):
    pass


class KeyAccessError(PkiError):
    pass


class KeyNotFoundError(KeyAccessError):
    pass


class KeyExistsError(KeyAccessError):
    pass


class KeyAmbiguousError(KeyAccessError):
    pass


class KeyMismatchError(KeyAccessError):
    pass


class PassphraseError(KeyAccessError):
    pass


class PinError(KeyAccessError):
    pass


class TokenError(KeyAccessError):
    pass


class RequestError(PkiError):
    pass


class IssuanceError(PkiError):
    pass


class VerificationError(PkiError):
    exit_code = 3


class StoreError(PkiError):
    pass


class StateCorruptError(StoreError):
    pass


class NewerFormatError(StoreError):
    pass


class AlreadyExistsError(StoreError):
    pass


class PathEscapeError(StoreError):
    pass


class LockTimeoutError(StoreError):
    exit_code = 5


@contextmanager
def about(place: object, *, of: type[PkiError] = PkiError, hint: str | None = None) -> Iterator[None]:
    """Put a place, such as a file, before the message of an error of this type that leaves the block.

    `hint` is for an error that has none.
    """
    try:
        yield
    except of as error:
        error.message = f"{place}: {error.message}"
        error.args = (error.message,)
        error.hint = error.hint or hint
        raise
