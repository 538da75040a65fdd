"""Reasons, by importance."""

from __future__ import annotations

from reconciler.model import ReasonCode
from reconciler.plan.reasons import RANK


def test_every_code_has_one_rank():
    assert sorted(RANK) == sorted(ReasonCode)
