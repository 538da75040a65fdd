"""Which changes a plan has: all, or those that somebody chose and what they depend on."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase, translate

from pki.errors import PkiError
from reconciler.graph import closure, inverse
from reconciler.model import Address, Kind
from reconciler.plan.model import Change, Selection

Changes = Mapping[Address, Sequence[Change]]


class SelectionError(PkiError):
    """A glob that matches no address; nothing was planned."""


@dataclass(frozen=True, slots=True)
class Selector:
    """Globs over addresses, ready to be asked."""

    only: re.Pattern[str] | None
    exclude: re.Pattern[str] | None

    @classmethod
    def of(cls, selection: Selection) -> Selector:
        return cls(_any(selection.only), _any(selection.exclude))

    @property
    def is_all(self) -> bool:
        return self.only is None and self.exclude is None

    def names(self, address: Address) -> bool:
        """Say whether an address is chosen by itself."""
        chosen = self.only is None or self.only.match(str(address)) is not None
        return chosen and not self.excludes(address)

    def excludes(self, address: Address) -> bool:
        return self.exclude is not None and self.exclude.match(str(address)) is not None


def select(changes: Changes, selector: Selector, wanted: Collection[Address] = ()) -> set[Address]:
    """Return the addresses whose changes are made.

    That is what was chosen, what is `wanted` because of something that was, and all that these depend on, but nothing
    that was excluded, nor what depends on that.
    """
    if selector.is_all:
        return set(changes)
    edges = edges_of(changes)
    out = closure((address for address in changes if selector.excludes(address)), inverse(edges))
    chosen = {address for address in changes if selector.names(address) or address in wanted}
    return closure(chosen - out, edges) - out


def edges_of(changes: Changes) -> dict[Address, set[Address]]:
    """Return what each address depends on among those that have changes."""
    return {
        address: {below for change in each for below in change.depends_on if below in changes and below != address}
        for address, each in changes.items()
    }


def forced(globs: Sequence[str], known: Iterable[Address]) -> frozenset[Address]:
    """Return the addresses that are to get a new key, or of a CRL a new one."""
    pattern = _any(globs)
    return frozenset(address for address in known if pattern.match(str(address))) if pattern else frozenset()


def require_known(selection: Selection, known: Iterable[Address]) -> None:
    """Refuse globs that match nothing, which are misspelt more often than not.

    Raises:
        SelectionError: there is one.
    """
    options = (("--only", selection.only), ("--exclude", selection.exclude), ("--replace", selection.replace))
    texts = [str(address) for address in known]
    for option, globs in options:
        for glob in globs:
            if not any(fnmatchcase(text, glob) for text in texts):
                raise SelectionError(f"{option} {glob!r} matches no address", hint=_hint(glob, texts))


def _any(globs: Sequence[str]) -> re.Pattern[str] | None:
    return re.compile("|".join(map(translate, globs))) if globs else None


def _hint(glob: str, texts: Sequence[str]) -> str:
    from pki.schemas import closest  # noqa: PLC0415  only for an error

    kinds = ", ".join(f"{kind}/NAME" for kind in Kind)
    return closest(glob, texts) or f"an address is one of {kinds}; `qpki graph` shows them all"
