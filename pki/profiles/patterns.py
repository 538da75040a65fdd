r"""Regular expressions that cannot hang, by RE2.

A profile's `pattern` is matched against names that strangers send in CSRs, and a backtracking engine can be made to
search for ever. RE2 takes time in proportion to the text. Its syntax is Python's without look-around and
back-references; `$` is the very end of the text.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol


class Pattern(Protocol):
    """A compiled pattern. `search` finds it anywhere in a value; write `^...$` to hold it to the whole."""

    @property
    def pattern(self) -> str: ...

    def search(self, value: str) -> object | None: ...


@lru_cache(maxsize=256)
def compile_pattern(text: str) -> Pattern:
    """Return the compiled pattern.

    Raises:
        ValueError: it is not one, uses what RE2 leaves out, or is too large.
    """
    import re2  # noqa: PLC0415 - most profiles have no pattern

    options = re2.Options()
    options.log_errors = False
    try:
        compiled: Pattern = re2.compile(text, options)
    except re2.error as error:
        raise ValueError(f"the pattern {text!r} is not valid: {_reason(error)}") from error
    return compiled


def _reason(error: Exception) -> str:
    reason = error.args[0]
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
