"""What a plan shows of a change beyond what it binds: `Change.preview` says which keys there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reconciler.model import Kind
from reconciler.plan.certificates import Comparison, Wanted
from reconciler.snapshot import Generation, ObservedCredential


def certificate_preview(profiles: Sequence[str], wanted: Wanted, issuer: str | None) -> dict[str, Any]:
    """Return what is shown of the certificates to be, signed by a generation of a CA; None for a root."""
    shown: dict[str, Any] = {"issuer": None if issuer is None else f"{Kind.CA}/{issuer}"}
    if wanted.certificates:
        shown["certificates"] = [
            {
                "profile": profile,
                "algorithm": each.content.algorithm,
                "not_before": each.not_before,
                "not_after": each.not_after,
                "clipped": each.clipped,
            }
            for profile, each in zip(profiles, wanted.certificates, strict=True)
        ]
    return shown


def replaced_ca(generation: Generation) -> list[dict[str, Any]]:
    """Return what is shown of the certificate that a new one takes the place of."""
    record = generation.record
    shown: dict[str, Any] = {"profile": record.profile, "algorithm": record.keys[0].algorithm}
    if (facts := generation.certificate) is not None:
        shown |= {"serial": facts.serial, "not_before": facts.not_before, "not_after": facts.not_after}
    return [shown]


def replaced(observed: ObservedCredential, wanted: Wanted, comparison: Comparison | None) -> list[dict[str, Any]]:
    """Return what is shown of the certificates that new ones take the place of.

    Older records do not name the algorithm of the key: that is known from comparing, or is what it was.
    """
    known = comparison.algorithms if comparison else tuple(each.content.algorithm for each in wanted.certificates)
    return [
        {
            "serial": each.serial,
            "profile": each.profile,
            **_algorithm(each.key_algorithm or (known[position] if position < len(known) else None)),
            "not_before": each.not_before or observed.record.not_before,
            "not_after": each.not_after or observed.record.not_after,
        }
        for position, each in enumerate(observed.record.certificates)
    ]


def _algorithm(name: str | None) -> dict[str, Any]:
    return {} if name is None else {"algorithm": name}
