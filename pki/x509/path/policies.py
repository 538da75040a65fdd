"""Certificate policies along a path: RFC 5280 section 6.1, over the policy graph of RFC 9618.

The valid policy tree of RFC 5280 is kept as one mapping per level, from each policy as the level names it to the set of
policies, in the trust anchor's terms, that it stands for. That is all of the tree that the outcome depends on, and it
cannot grow exponentially.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from cryptography import x509
from cryptography.hazmat import asn1

from pki import der
from pki.errors import EncodingError
from pki.x509.certificates import Certificate, is_self_issued
from pki.x509.path.model import Chain, Fault, PathError, describe

ANY_POLICY = "2.5.29.32.0"
POLICY_MAPPINGS = "2.5.29.33"

Level = dict[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class _State:
    """The state variables of section 6.1.2; a counter says after how many more certificates its restriction begins."""

    level: Level
    explicit_policy: int
    policy_mapping: int
    inhibit_any_policy: int


@asn1.sequence
class _Mapping:
    issuer_domain: x509.ObjectIdentifier
    subject_domain: x509.ObjectIdentifier


def valid_policies(chain: Chain, required: Collection[str] = ()) -> frozenset[str]:
    """Return the policies that the path is valid for, among the `required` ones where there are any.

    Raises:
        PathError: a policy is required, by the caller or by a certificate, and the path has none that will do.
    """
    below_anchor = chain[-2::-1] if len(chain) > 1 else ()
    never = len(below_anchor) + 1
    state = _State({ANY_POLICY: frozenset([ANY_POLICY])}, 0 if required else never, never, never)
    for depth, certificate in enumerate(below_anchor, start=1):
        is_leaf = depth == len(below_anchor)
        state = replace(state, level=_next_level(state, certificate, is_leaf=is_leaf))
        if state.explicit_policy == 0 and not state.level:
            raise _not_valid(certificate, required)
        state = _wrap_up(state, certificate) if is_leaf else _prepare_next(state, certificate)
    found = frozenset[str]().union(*state.level.values())
    valid = _acceptable(found, frozenset(required))
    if state.explicit_policy == 0 and not valid:
        raise _not_valid(chain[0], required)
    return valid


def _next_level(state: _State, certificate: Certificate, *, is_leaf: bool) -> Level:
    """Section 6.1.3 (d) and (e)."""
    extension = certificate.extension(x509.CertificatePolicies)
    if extension is None:
        return {}
    asserted = {policy.policy_identifier.dotted_string for policy in extension}
    under_any = {policy: frozenset([policy]) for policy in asserted} if ANY_POLICY in state.level else {}
    parents = under_any | state.level
    level = {policy: parents[policy] for policy in asserted - {ANY_POLICY} if policy in parents}
    exempt = is_self_issued(certificate) and not is_leaf
    if ANY_POLICY in asserted and (state.inhibit_any_policy > 0 or exempt):
        level = state.level | level
    return level


def _prepare_next(state: _State, certificate: Certificate) -> _State:
    """Section 6.1.4 (a), (b) and (h) to (j)."""
    state = replace(state, level=_mapped(state, certificate))
    if not is_self_issued(certificate):
        state = _State(
            state.level,
            max(state.explicit_policy - 1, 0),
            max(state.policy_mapping - 1, 0),
            max(state.inhibit_any_policy - 1, 0),
        )
    constraints = certificate.extension(x509.PolicyConstraints)
    inhibit = certificate.extension(x509.InhibitAnyPolicy)
    return _State(
        state.level,
        _sooner(state.explicit_policy, constraints.require_explicit_policy if constraints else None),
        _sooner(state.policy_mapping, constraints.inhibit_policy_mapping if constraints else None),
        _sooner(state.inhibit_any_policy, inhibit.skip_certs if inhibit else None),
    )


def _wrap_up(state: _State, certificate: Certificate) -> _State:
    """Section 6.1.5 (a) and (b)."""
    constraints = certificate.extension(x509.PolicyConstraints)
    explicit = max(state.explicit_policy - 1, 0)
    if constraints and constraints.require_explicit_policy == 0:
        explicit = 0
    return replace(state, explicit_policy=explicit)


def _mapped(state: _State, certificate: Certificate) -> Level:
    """Rename the policies that the certificate maps; where mapping is inhibited they are lost."""
    mappings = _mappings(certificate)
    issuer_domain = {source for source, _ in mappings}
    level = {policy: roots for policy, roots in state.level.items() if policy not in issuer_domain}
    if state.policy_mapping == 0:
        return level
    under_any = {source: frozenset([source]) for source in issuer_domain} if ANY_POLICY in state.level else {}
    parents = under_any | state.level
    for source, target in mappings:
        if source in parents:
            level[target] = level.get(target, frozenset()) | parents[source]
    return level


def _mappings(certificate: Certificate) -> list[tuple[str, str]]:
    """Read the policyMappings extension, which pyca does not know.

    Raises:
        PathError: it maps to or from anyPolicy, which section 6.1.4 (a) forbids, or it is broken.
    """
    found = [extension for extension in certificate.extensions if extension.oid.dotted_string == POLICY_MAPPINGS]
    broken = PathError(Fault.POLICY, f"{describe(certificate)} has invalid policy mappings", certificate=certificate)
    try:
        items = [item for extension in found for item in der.elements(extension.value.value, "the policy mappings")]
        decoded = [der.decode(_Mapping, der.octets(item), "the policy mappings") for item in items]
    except EncodingError as error:
        raise broken from error
    mappings = [(item.issuer_domain.dotted_string, item.subject_domain.dotted_string) for item in decoded]
    if any(ANY_POLICY in mapping for mapping in mappings):
        raise broken
    return mappings


def _sooner(counter: int, limit: int | None) -> int:
    return counter if limit is None else min(counter, limit)


def _acceptable(found: frozenset[str], required: frozenset[str]) -> frozenset[str]:
    """Section 6.1.5 (g): anyPolicy stands for every policy that is asked for."""
    if not required or ANY_POLICY in required:
        return found
    return required if ANY_POLICY in found else found & required


def _not_valid(certificate: Certificate, required: Collection[str]) -> PathError:
    which = f"the policies required ({', '.join(sorted(required))})" if required else "any policy, and one is required"
    return PathError(Fault.POLICY, f"{describe(certificate)} is not valid for {which}", certificate=certificate)
