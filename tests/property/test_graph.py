"""What holds for the order and closures of every graph."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from reconciler.graph import CycleError, closure, dependents, inverse, order

nodes = st.integers(min_value=0, max_value=12)
graphs = st.dictionaries(nodes, st.sets(nodes, max_size=4), max_size=12)
acyclic = graphs.map(
    lambda graph: {node: {below for below in targets if below < node} for node, targets in graph.items()}
)


def shuffled(graph: dict[int, set[int]], seed: int) -> dict[int, list[int]]:
    """Return the same graph, written down in another order."""
    chance = random.Random(seed)
    entries = [(node, chance.sample(sorted(targets), len(targets))) for node, targets in graph.items()]
    chance.shuffle(entries)
    return dict(entries)


@given(acyclic)
def test_an_order_has_every_node_once_and_after_what_it_depends_on(graph):
    found = order(graph, lambda node: -node)

    assert sorted(found) == sorted(graph)
    assert all(found.index(below) < found.index(node) for node in graph for below in graph[node] if below in graph)


@given(acyclic, st.integers())
def test_an_order_is_a_function_of_the_graph_not_of_how_it_is_written_down(graph, seed):
    assert order(graph, lambda node: -node) == order(shuffled(graph, seed), lambda node: -node)


@given(acyclic)
def test_in_an_order_whatever_could_have_come_earlier_is_greater_by_the_key(graph):
    done: set[int] = set()
    for node in order(graph, lambda each: each):
        ready = [each for each in graph if each not in done and {b for b in graph[each] if b in graph} <= done]
        assert node == min(ready)
        done.add(node)


@given(graphs)
def test_a_graph_has_an_order_or_a_cycle_that_is_one(graph):
    try:
        order(graph, lambda node: node)
    except CycleError as refused:
        path = refused.path
        assert path[0] == path[-1] == min(path)
        assert len(set(path)) == len(path) - 1
        assert all(below in graph[node] for node, below in pairwise(path))
    else:
        assert all(node not in dependents(node, graph) for node in graph)


@given(graphs, st.integers())
def test_the_same_cycle_is_told_however_the_graph_is_written_down(graph, seed):
    paths = []
    for each in (graph, shuffled(graph, seed)):
        try:
            order(each, lambda node: node)
        except CycleError as refused:
            paths.append(refused.path)
    assume(paths)

    assert paths[0] == paths[1]


@given(graphs, st.sets(nodes, max_size=3))
def test_a_closure_is_closed_and_holds_no_more_than_it_has_to(graph, start):
    found = closure(start, graph)

    assert start <= found
    assert all(below in found for node in found for below in graph.get(node, ()))
    assert all(node in start or any(node in graph.get(each, ()) for each in found) for node in found)
    assert closure(found, graph) == found


@given(graphs, nodes)
def test_dependents_are_those_whose_closure_has_the_node(graph, node):
    assert dependents(node, graph) == {each for each in graph if each != node and node in closure([each], graph)}


@given(graphs)
def test_an_inverse_turned_again_is_the_graph_without_its_loose_nodes(graph):
    again = {node: set(below) for node, below in inverse(inverse(graph)).items()}

    assert again == {node: below for node, below in graph.items() if below}


@pytest.mark.parametrize("size", [20_000])
def test_a_long_chain_is_no_deep_recursion(size):
    chain = {node: [node - 1] for node in range(1, size)}

    assert order(chain, lambda node: node) == list(range(1, size))
    assert len(closure([size - 1], chain)) == size
