"""Tasks in the order that they need, several at a time where nothing keeps them apart.

A task runs when all that it comes after is done and its lanes are free. A lane is something that only one task may use
at a time: the directory of a CA, a token. When a task fails, what comes after it is skipped, and nothing else is. What
only stands behind it runs all the same, once there is nothing more to wait for.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from heapq import heappop, heappush
from queue import SimpleQueue
from typing import Generic, TypeVar

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Task(Generic[R]):
    """`run` does the work, in another thread.

    `after` and `behind` are places in the sequence of tasks, all below the task's own: those that must be done, and
    those that must have ended, however they did. What is `urgent` begins before what could begin as well.
    """

    run: Callable[[], R]
    after: frozenset[int] = frozenset()
    behind: frozenset[int] = frozenset()
    lanes: frozenset[str] = frozenset()
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class Done(Generic[R]):
    value: R


@dataclass(frozen=True, slots=True)
class Failed:
    error: Exception


@dataclass(frozen=True, slots=True)
class Skipped:
    """`because` is the place of the task that failed."""

    because: int


@dataclass(frozen=True, slots=True)
class Left:
    """Its turn never came: somebody asked to stop."""


Result = Done[R] | Failed | Skipped | Left


@dataclass(slots=True)
class Stop:
    """A request to finish what is in hand and begin nothing more; a signal handler may make it."""

    requested: bool = False


@dataclass(slots=True)
class _Progress(Generic[R]):
    """Which tasks wait for what, and which could run at once if their lanes are free: heaps of turns, by lanes."""

    tasks: Sequence[Task[R]]
    results: dict[int, Result[R]] = field(default_factory=dict)
    missing: dict[int, set[int]] = field(default_factory=dict)
    followers: dict[int, list[int]] = field(default_factory=dict)
    ready: dict[frozenset[str], list[tuple[bool, int]]] = field(default_factory=dict)
    busy: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        for place, task in enumerate(self.tasks):
            self.missing[place] = {*task.after, *task.behind}
            for earlier in self.missing[place]:
                self.followers.setdefault(earlier, []).append(place)
            if not self.missing[place]:
                self._admit(place)

    def next(self) -> int | None:
        """Return the first task that can run now, of urgent ones if there are, and take its lanes."""
        free = [turns[0] for lanes, turns in self.ready.items() if self.busy.isdisjoint(lanes)]
        if not free:
            return None
        _, place = min(free)
        lanes = self.tasks[place].lanes
        heappop(self.ready[lanes])
        if not self.ready[lanes]:
            del self.ready[lanes]
        self.busy |= lanes
        return place

    def ended(self, place: int, result: Result[R]) -> list[int]:
        """Take a task's result, free its lanes, and return those to skip because of it."""
        self.results[place] = result
        self.busy -= self.tasks[place].lanes
        skipped: list[int] = []
        over = [place]
        while over:
            earlier = over.pop()
            for follower in self.followers.get(earlier, ()):
                self.missing[follower].discard(earlier)
                if follower in self.results:
                    continue
                if earlier in self.tasks[follower].after and not isinstance(self.results[earlier], Done):
                    self.results[follower] = Skipped(place)
                    skipped.append(follower)
                    over.append(follower)
                elif not self.missing[follower]:
                    self._admit(follower)
        return skipped

    def _admit(self, place: int) -> None:
        heappush(self.ready.setdefault(self.tasks[place].lanes, []), (not self.tasks[place].urgent, place))


def run_all(
    tasks: Sequence[Task[R]],
    *,
    workers: int,
    stop: Stop,
    started: Callable[[int], None] = lambda _: None,
    ended: Callable[[int, Result[R]], None] = lambda *_: None,
) -> list[Result[R]]:
    """Run all tasks and return their results in the same order; `started` and `ended` are called in this thread.

    An exception from them ends the run at once: what is in hand goes on in its thread, and nobody waits for it.
    """
    progress: _Progress[R] = _Progress(tasks)
    running = 0
    with _pool(tasks, min(workers, len(tasks))) as (work, finished):
        while True:
            while running < workers and not stop.requested and (place := progress.next()) is not None:
                started(place)
                work.put(place)
                running += 1
            if not running:
                break
            place, result = finished.get()
            running -= 1
            skipped = progress.ended(place, result)
            ended(place, result)
            for each in skipped:
                ended(each, progress.results[each])
    return [progress.results.get(place, Left()) for place in range(len(tasks))]


@contextmanager
def _pool(
    tasks: Sequence[Task[R]], workers: int
) -> Iterator[tuple[SimpleQueue[int | None], SimpleQueue[tuple[int, Result[R]]]]]:
    """Give a queue of work and one of results. Threads are daemons, so that whoever must end at once can.

    When the block ends as it should, nothing is in hand, and the threads end with it.
    """
    work: SimpleQueue[int | None] = SimpleQueue()
    finished: SimpleQueue[tuple[int, Result[R]]] = SimpleQueue()
    threads = [threading.Thread(target=_serve, args=(tasks, work, finished), daemon=True) for _ in range(workers)]
    for thread in threads:
        thread.start()
    try:
        yield work, finished
    finally:
        for _ in threads:
            work.put(None)
    for thread in threads:
        thread.join()


def _serve(
    tasks: Sequence[Task[R]], work: SimpleQueue[int | None], finished: SimpleQueue[tuple[int, Result[R]]]
) -> None:
    while (place := work.get()) is not None:
        finished.put((place, _result(tasks[place])))


def _result(task: Task[R]) -> Result[R]:
    try:
        return Done(task.run())
    except Exception as error:  # noqa: BLE001 - whatever it is, it is this task's alone, and is reported as its result
        return Failed(error)
