"""Real functions in real threads; barriers and events in place of sleeping."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from reconciler.apply.schedule import Done, Failed, Left, Skipped, Stop, Task, run_all

PATIENCE = 10.0
"""Seconds until a thread that waits for another gives up: a test then fails instead of hanging."""


def after(*places: int) -> frozenset[int]:
    return frozenset(places)


def lanes(*names: str) -> frozenset[str]:
    return frozenset(names)


def value(result: object) -> Callable[[], object]:
    return lambda: result


def boom() -> object:
    raise ValueError("boom")


def test_results_come_in_the_order_of_the_tasks() -> None:
    tasks = [Task(value(number)) for number in range(5)]
    assert run_all(tasks, workers=3, stop=Stop()) == [Done(number) for number in range(5)]


def test_nothing_to_do_needs_no_thread() -> None:
    assert run_all([], workers=4, stop=Stop()) == []


def test_a_task_runs_after_all_that_it_comes_after() -> None:
    seen: list[int] = []
    tasks = [
        Task(lambda: seen.append(0)),
        Task(lambda: seen.append(1), after(0)),
        Task(lambda: seen.append(2), after(0)),
        Task(lambda: seen.append(3), after(1, 2)),
    ]
    run_all(tasks, workers=4, stop=Stop())
    assert seen[0] == 0
    assert seen[-1] == 3


def test_tasks_without_a_common_lane_run_at_the_same_time() -> None:
    """Each waits for the other: they would never meet one after the other."""
    meeting = threading.Barrier(2, timeout=PATIENCE)
    tasks = [Task(lambda: meeting.wait() >= 0, lanes=lanes("a")), Task(lambda: meeting.wait() >= 0, lanes=lanes("b"))]
    assert run_all(tasks, workers=2, stop=Stop()) == [Done(True), Done(True)]


def test_a_lane_has_one_task_at_a_time_and_keeps_their_order() -> None:
    told: list[tuple[str, int]] = []
    run_all(
        [Task(value(name), lanes=lanes("ca", name)) for name in "abcdefgh"],
        workers=4,
        stop=Stop(),
        started=lambda place: told.append(("started", place)),
        ended=lambda place, _: told.append(("ended", place)),
    )
    assert told == [(event, place) for place in range(8) for event in ("started", "ended")]


def test_what_is_urgent_begins_as_soon_as_it_can() -> None:
    """Before all that could begin as well, but not before what it comes after."""
    seen: list[int] = []
    tasks = [
        Task(lambda: seen.append(0), lanes=lanes("ca")),
        Task(lambda: seen.append(1), lanes=lanes("ca")),
        Task(lambda: seen.append(2), after(0), lanes=lanes("ca"), urgent=True),
        Task(lambda: seen.append(3), lanes=lanes("ca"), urgent=True),
    ]
    run_all(tasks, workers=1, stop=Stop())
    assert seen == [3, 0, 2, 1]


def test_no_more_than_the_workers_run_at_once() -> None:
    running, most = 0, 0
    counting = threading.Lock()

    def work() -> None:
        nonlocal running, most
        with counting:
            running += 1
            most = max(most, running)
        with counting:
            running -= 1

    run_all([Task(work, lanes=lanes(str(number))) for number in range(20)], workers=2, stop=Stop())
    assert 1 <= most <= 2


def test_a_failure_skips_what_comes_after_it_and_nothing_else() -> None:
    error = ValueError("boom")

    def fail() -> object:
        raise error

    tasks = [Task(fail), Task(value("b"), after(0)), Task(value("c"), after(1)), Task(value("d"))]
    assert run_all(tasks, workers=1, stop=Stop()) == [Failed(error), Skipped(0), Skipped(0), Done("d")]


def test_what_stands_behind_a_failure_runs_all_the_same() -> None:
    error = ValueError("boom")

    def fail() -> object:
        raise error

    tasks = [Task(fail), Task(value("b"), after(0)), Task(value("c"), behind=after(0, 1))]
    assert run_all(tasks, workers=1, stop=Stop()) == [Failed(error), Skipped(0), Done("c")]


def test_what_stands_behind_waits_for_the_end() -> None:
    seen: list[str] = []
    tasks = [
        Task(lambda: seen.append("first")),
        Task(lambda: seen.append("second"), after(0)),
        Task(lambda: seen.append("behind"), behind=after(1)),
    ]
    run_all(tasks, workers=3, stop=Stop())
    assert seen == ["first", "second", "behind"]


def test_what_waits_for_two_is_skipped_once_for_the_first_that_fails() -> None:
    ended: list[int] = []
    tasks = [Task(boom), Task(boom), Task(value("c"), after(0, 1))]
    results = run_all(tasks, workers=1, stop=Stop(), ended=lambda place, _: ended.append(place))
    assert results[2] == Skipped(0)
    assert sorted(ended) == [0, 1, 2]


def test_stop_finishes_what_is_in_hand_and_leaves_the_rest() -> None:
    stop = Stop()

    def work() -> str:
        stop.requested = True
        return "finished"

    assert run_all([Task(work), Task(value("never"), after(0)), Task(value("neither"))], workers=1, stop=stop) == [
        Done("finished"),
        Left(),
        Left(),
    ]


def test_callbacks_come_in_the_calling_thread_a_start_before_its_end() -> None:
    told: list[tuple[str, int, int]] = []
    here = threading.get_ident()
    run_all(
        [Task(value("a")), Task(value("b"), after(0))],
        workers=2,
        stop=Stop(),
        started=lambda place: told.append(("started", place, threading.get_ident())),
        ended=lambda place, _: told.append(("ended", place, threading.get_ident())),
    )
    assert told == [("started", 0, here), ("ended", 0, here), ("started", 1, here), ("ended", 1, here)]


def test_an_exception_of_a_callback_ends_the_run_at_once() -> None:
    """While another task still runs, which nobody waits for."""
    never_before_the_end = threading.Event()

    def refuse(place: int, _: object) -> None:
        raise KeyboardInterrupt(place)

    tasks = [Task(value("a")), Task(lambda: never_before_the_end.wait(PATIENCE))]
    with pytest.raises(KeyboardInterrupt):
        run_all(tasks, workers=2, stop=Stop(), ended=refuse)
    never_before_the_end.set()


def test_ten_thousand_tasks_of_one_lane_are_no_matter() -> None:
    """Choosing the next one looks at lanes, not at all that waits."""
    tasks = [Task(value(number), lanes=lanes("ca")) for number in range(10_000)]
    assert run_all(tasks, workers=4, stop=Stop())[-1] == Done(9_999)
