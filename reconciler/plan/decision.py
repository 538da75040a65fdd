"""From reasons to one action: a new key, other content, the same again, or only a note in the record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.model import Action, Reason
from reconciler.plan import reasons
from reconciler.plan.certificates import Comparison


@dataclass(frozen=True, slots=True)
class Case:
    """All that speaks for a new certificate.

    `keyed` asks for a new key. `content` is why what a certificate says may differ, and `comparison` whether it does;
    None when nothing can differ, or nobody can say. `again` is why it has to be signed anew whatever it says.
    `rotates`: a renewal makes a new key. `at_once`: so does other content, and other content of a CA does not, for what
    stands below it holds on to its key. `renames`: a new name needs a new key.
    """

    keyed: Sequence[Reason] = ()
    content: Sequence[Reason] = ()
    comparison: Comparison | None = None
    again: Sequence[Reason] = ()
    time: Sequence[Reason] = ()
    rotates: bool = False
    at_once: bool = True
    renames: bool = False

    @property
    def _says_the_same(self) -> bool:
        return self.comparison is not None and not self.comparison.differences

    @property
    def _content(self) -> Sequence[Reason]:
        return () if self._says_the_same else self.content

    @property
    def _keyed(self) -> tuple[Reason, ...]:
        return (*self.keyed, *(self.comparison.key_reasons if self.comparison else ()))

    @property
    def only_time(self) -> bool:
        """Whether nothing but its end speaks for a new certificate."""
        return bool(self.time) and not (self._keyed or self._content or self.again)

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Return why a new certificate is wanted, or only a note in the record."""
        return reasons.ranked((*self._keyed, *self._content, *self.again, *self.time) or self.content)

    @property
    def action(self) -> Action | None:
        """Return what is to be done; None for nothing, `update` for a note in the record."""
        other = bool(self._content or self.again)
        if not (self._keyed or other or self.time):
            return Action.UPDATE if self.content else None
        renamed = self.renames and self.comparison is not None and self.comparison.renames
        if self._keyed or renamed or (self.rotates and (self.time or (other and self.at_once))):
            return Action.REKEY
        return Action.REISSUE if other else Action.RENEW
