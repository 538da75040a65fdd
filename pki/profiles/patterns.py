r"""Regular expressions that cannot hang.

A profile's `pattern` is matched against names that strangers send in CSRs, and a backtracking engine can be made to
search for ever. This one follows all alternatives at once (Thompson 1968), so its time is bounded by the length of the
pattern times that of the text. The syntax is what RE2 and Python share: literals, `.`, `[...]`, `\d \w \s` and their
capitals, groups, `|`, `* + ? {m,n}`, `^` and `$`. Look-around and back-references do not exist here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

_MAX_STATES = 2000
_MAX_REPEAT = 256
_MAX_DEPTH = 30

Ranges = tuple[tuple[str, str], ...]

_LAST = chr(0x10FFFF)
_CLASSES: dict[str, Ranges] = {
    "d": (("0", "9"),),
    "w": (("0", "9"), ("A", "Z"), ("_", "_"), ("a", "z")),
    "s": (("\t", "\r"), (" ", " ")),
}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


@dataclass(frozen=True, slots=True)
class _Characters:
    ranges: Ranges


@dataclass(frozen=True, slots=True)
class _Anchor:
    at_end: bool


@dataclass(frozen=True, slots=True)
class _Sequence:
    parts: tuple[_Node, ...]


@dataclass(frozen=True, slots=True)
class _Choice:
    options: tuple[_Node, ...]


@dataclass(frozen=True, slots=True)
class _Repeat:
    part: _Node
    least: int
    most: int | None


_Node = _Characters | _Anchor | _Sequence | _Choice | _Repeat


@dataclass(slots=True)
class _State:
    """A place in the pattern. With `ranges` it consumes a character; otherwise it is passed through for free."""

    to: tuple[int, ...] = ()
    ranges: Ranges | None = None
    anchor: _Anchor | None = None


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern; made by `compile_pattern`."""

    text: str
    _states: list[_State] = field(repr=False)
    _start: int = field(repr=False)

    def search(self, value: str) -> bool:
        """Say whether the pattern is found anywhere in `value`; write `^…$` to hold it to the whole."""
        current: set[int] = set()
        for position in range(len(value) + 1):
            self._enter(current, (self._start,), position, len(value))
            if 0 in current:
                return True
            if position < len(value):
                current = self._step(current, value, position)
        return False

    def _step(self, current: set[int], value: str, position: int) -> set[int]:
        char = value[position]
        following: set[int] = set()
        for index in current:
            state = self._states[index]
            if state.ranges is not None and any(low <= char <= high for low, high in state.ranges):
                self._enter(following, state.to, position + 1, len(value))
        return following

    def _enter(self, current: set[int], targets: Iterable[int], position: int, length: int) -> None:
        """Add the targets and all that can be reached from them without consuming a character."""
        waiting = list(targets)
        while waiting:
            index = waiting.pop()
            if index in current:
                continue
            state = self._states[index]
            if state.anchor is not None and position != (length if state.anchor.at_end else 0):
                continue
            current.add(index)
            if state.ranges is None:
                waiting += state.to


@lru_cache(maxsize=256)
def compile_pattern(text: str) -> Pattern:
    """Return the compiled pattern.

    Raises:
        ValueError: it is not one, uses what this engine leaves out, or is too large.
    """
    parser = _Parser(text)
    node = parser.choice()
    if parser.position != len(text):
        raise parser.fault("unbalanced )")
    states = [_State()]  # the accepting state
    return Pattern(text, states, _build(node, 0, states))


def _build(node: _Node, after: int, states: list[_State]) -> int:
    """Add the states of `node`, leading on to `after`, and return where it begins.

    Every node adds one at least, so that the bound on states bounds the work too: `(((){256}){256}){256}` is small.
    """
    match node:
        case _Characters(ranges):
            return _add(states, _State((after,), ranges))
        case _Anchor():
            return _add(states, _State((after,), anchor=node))
        case _Sequence(parts):
            for part in reversed(parts):
                after = _build(part, after, states)
            return _add(states, _State((after,)))
        case _Choice(options):
            return _add(states, _State(tuple(_build(option, after, states) for option in options)))
        case _Repeat(part, least, most):
            entry = _optional(part, _add(states, _State((after,))), states, None if most is None else most - least)
            for _ in range(least):
                entry = _build(part, entry, states)
            return entry


def _optional(part: _Node, after: int, states: list[_State], times: int | None) -> int:
    if times is None:
        loop = _add(states, _State())
        states[loop].to = (_build(part, loop, states), after)
        return loop
    entry = after
    for _ in range(times):
        entry = _add(states, _State((_build(part, entry, states), after)))
    return entry


def _add(states: list[_State], state: _State) -> int:
    if len(states) >= _MAX_STATES:
        raise ValueError("the pattern is too large; repeat less")
    states.append(state)
    return len(states) - 1


@dataclass(slots=True)
class _Parser:
    text: str
    position: int = 0
    depth: int = 0

    def fault(self, message: str) -> ValueError:
        return ValueError(f"the pattern {self.text!r} is not valid at character {self.position + 1}: {message}")

    def peek(self) -> str:
        return self.text[self.position : self.position + 1]

    def take(self) -> str:
        char = self.peek()
        if not char:
            raise self.fault("it ends too early")
        self.position += 1
        return char

    def accept(self, expected: str) -> bool:
        found = self.text.startswith(expected, self.position)
        self.position += len(expected) if found else 0
        return found

    def choice(self) -> _Node:
        options = [self.sequence()]
        while self.accept("|"):
            options.append(self.sequence())
        return options[0] if len(options) == 1 else _Choice(tuple(options))

    def sequence(self) -> _Node:
        parts: list[_Node] = []
        while self.peek() not in {"", "|", ")"}:
            parts.append(self.repeated(self.atom()))
        return _Sequence(tuple(parts))

    def repeated(self, part: _Node) -> _Node:
        bounds = self.bounds()
        if bounds is None:
            return part
        if isinstance(part, _Anchor):
            raise self.fault("an anchor cannot be repeated")
        self.accept("?")  # lazy or greedy makes no difference to whether there is a match
        if self.peek() in {"*", "+", "?", "{"}:
            raise self.fault("a repetition of a repetition needs a group")
        return _Repeat(part, *bounds)

    def bounds(self) -> tuple[int, int | None] | None:
        simple: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
        if self.peek() in simple:
            return simple[self.take()]
        if not self.accept("{"):
            return None
        inside, closed, rest = self.text[self.position :].partition("}")
        least, comma, most = inside.partition(",")
        if not closed or not least.isdecimal() or not (most.isdecimal() or not most):
            raise self.fault("a repetition is {m}, {m,} or {m,n}")
        self.position = len(self.text) - len(rest)
        low, high = int(least), int(most) if most else (None if comma else int(least))
        if max(low, high or 0) > _MAX_REPEAT or (high is not None and high < low):
            raise self.fault(f"a repetition counts up, to at most {_MAX_REPEAT}")
        return low, high

    def atom(self) -> _Node:
        char = self.take()
        match char:
            case "(":
                return self.group()
            case "[":
                return _Characters(self.character_class())
            case ".":
                return _Characters((("\0", "\t"), ("\v", _LAST)))
            case "^" | "$":
                return _Anchor(at_end=char == "$")
            case "\\":
                return _Characters(self.escape())
            case "*" | "+" | "?" | "{":
                raise self.fault(f"{char} has nothing to repeat")
            case _:
                return _Characters(((char, char),))

    def group(self) -> _Node:
        if self.peek() == "?" and not self.accept("?:"):
            raise self.fault("look-around, flags and named groups are not supported")
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise self.fault(f"groups nest at most {_MAX_DEPTH} deep")
        inside = self.choice()
        if not self.accept(")"):
            raise self.fault("a group is not closed")
        self.depth -= 1
        return inside

    def escape(self) -> Ranges:
        char = self.take()
        if char.lower() in _CLASSES:
            ranges = _CLASSES[char.lower()]
            return ranges if char.islower() else _complement(ranges)
        if char.isalnum() and char not in _ESCAPES:
            raise self.fault(f"\\{char} is not supported")
        char = _ESCAPES.get(char, char)
        return ((char, char),)

    def character_class(self) -> Ranges:
        negated = self.accept("^")
        ranges: list[tuple[str, str]] = []
        first = True
        while first or not self.accept("]"):
            first = False
            low = self.member()
            if self.text.startswith("-", self.position) and not self.text.startswith("-]", self.position):
                self.take()
                low = self.span(low, self.member())
            ranges += low
        return _complement(ranges) if negated else tuple(ranges)

    def member(self) -> Ranges:
        char = self.take()
        return self.escape() if char == "\\" else ((char, char),)

    def span(self, low: Ranges, high: Ranges) -> Ranges:
        ends = (*low, *high)
        if any(start != end for start, end in ends) or len(ends) != 2 or low > high:  # noqa: PLR2004  two ends
            raise self.fault("a range goes from one character up to another")
        return ((low[0][0], high[0][0]),)


def _complement(ranges: Iterable[tuple[str, str]]) -> Ranges:
    gaps: list[tuple[str, str]] = []
    following = 0
    for low, high in sorted(ranges):
        if following < ord(low):
            gaps.append((chr(following), chr(ord(low) - 1)))
        following = max(following, ord(high) + 1)
    if following <= ord(_LAST):
        gaps.append((chr(following), _LAST))
    return tuple(gaps)
