"""Carrying a plan out: order, lanes, isolation of failures, and the record of what was done."""

from reconciler.apply.execute import JournaledKeys, Observer, Run
from reconciler.apply.outcomes import Outcome, Report, Verdict
from reconciler.apply.schedule import Stop
from reconciler.apply.secrets import Remembered

__all__ = ["JournaledKeys", "Observer", "Outcome", "Remembered", "Report", "Run", "Stop", "Verdict"]
