"""Which certificates could have signed which: candidate paths, found by names and key identifiers alone."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

from pki.names import display
from pki.x509.certificates import Certificate, is_self_issued, may_have_issued
from pki.x509.path.model import Chain, Fault, PathError, describe

MAX_LENGTH = 10
MAX_STEPS = 1000


def candidate_paths(
    leaf: Certificate, intermediates: Sequence[Certificate], anchors: Sequence[Certificate]
) -> Iterator[Chain]:
    """Yield paths from the leaf to an anchor, shortest first; signatures are for the caller to check.

    Certificates that cross-certify each other make exponentially many paths, so the search is bounded.

    Raises:
        PathError: nothing leads to an anchor (untrusted), or the bound was met (too-complex); after what was yielded.
    """
    if leaf in anchors:
        yield (leaf,)
    pool = [certificate for certificate in dict.fromkeys(intermediates) if certificate not in anchors]
    pending: deque[Chain] = deque([(leaf,)])
    for _ in range(MAX_STEPS):
        if not pending:
            return
        chain = pending.popleft()
        yield from ((*chain, anchor) for anchor in anchors if _extends(chain, anchor))
        if len(chain) < MAX_LENGTH - 1:
            pending.extend((*chain, issuer) for issuer in pool if _extends(chain, issuer))
    raise PathError(Fault.TOO_COMPLEX, "the certificates given cross-certify each other in too many ways")


def untrusted(leaf: Certificate, intermediates: Sequence[Certificate]) -> PathError:
    """Say where the way from the leaf to a trust anchor ends."""
    chain: Chain = (leaf,)
    while len(chain) < MAX_LENGTH and (above := next((c for c in intermediates if _extends(chain, c)), None)):
        chain = (*chain, above)
    top = chain[-1]
    if is_self_issued(top):
        return PathError(Fault.UNTRUSTED, f"{describe(top)} is self-signed and not a trust anchor", certificate=top)
    return PathError(
        Fault.UNTRUSTED,
        f'nothing leads from {describe(top)} to a trust anchor: its issuer "{display(top.issuer)}" was not given',
        certificate=top,
        hint="name the missing CA certificate; one of that name but with another key identifier does not do",
    )


def _extends(chain: Chain, issuer: Certificate) -> bool:
    return issuer not in chain and may_have_issued(issuer, chain[-1])
