"""Order, closures and cycles, by small graphs written as text."""

from __future__ import annotations

import subprocess
import sys

import pytest

from reconciler.graph import CycleError, ResourceGraph, closure, dependents, inverse, listing, order
from reconciler.model import Address
from tests.support.desired import ca, credential, desired, standing_key

TWO_TIER = {
    "crl/root": ["ca/root"],
    "crl/issuing": ["ca/issuing", "credential/web"],
    "credential/web": ["ca/issuing", "key/shared"],
    "ca/issuing": ["ca/root"],
    "ca/root": ["key/root"],
    "key/root": [],
}


def edges(graph: dict[str, list[str]]) -> dict[Address, list[Address]]:
    return {Address.parse(node): list(map(Address.parse, below)) for node, below in graph.items()}


def texts(addresses: object) -> list[str]:
    return list(map(str, addresses))  # type: ignore[call-overload]  # any iterable


def test_each_comes_after_what_it_depends_on_and_otherwise_as_a_listing_has_it():
    assert texts(order(edges(TWO_TIER), listing)) == [
        "key/root",
        "ca/root",
        "ca/issuing",
        "credential/web",
        "crl/issuing",
        "crl/root",
    ]


def test_what_is_no_node_orders_nothing():
    assert texts(order(edges({"credential/b": ["ca/there"], "credential/a": ["ca/there"]}), listing)) == [
        "credential/a",
        "credential/b",
    ]


def test_a_listing_counts_generations_as_numbers():
    names = ["crl/b", "crl/a.10", "crl/a.2", "credential/z", "crl/a", "ca/z", "key/z"]

    assert texts(sorted(map(Address.parse, names), key=listing)) == [
        "key/z",
        "ca/z",
        "credential/z",
        "crl/a",
        "crl/a.2",
        "crl/a.10",
        "crl/b",
    ]


def test_nothing_has_no_order():
    assert order({}, listing) == []


def test_a_closure_has_all_that_is_needed_and_a_set_of_dependents_all_that_is_affected():
    graph = edges(TWO_TIER)

    assert {"credential/web", "ca/issuing", "ca/root", "key/root", "key/shared"} == set(
        texts(closure([Address.parse("credential/web")], graph))
    )
    assert {"ca/issuing", "credential/web", "crl/issuing", "crl/root"} == set(
        texts(dependents(Address.parse("ca/root"), graph))
    )


def test_an_inverse_keeps_the_order_of_the_edges():
    assert texts(inverse(edges(TWO_TIER))[Address.parse("ca/root")]) == ["crl/root", "ca/issuing"]


@pytest.mark.parametrize(
    ("graph", "path"),
    [
        ({"ca/a": ["ca/a"]}, "ca/a -> ca/a"),
        ({"ca/b": ["ca/a"], "ca/a": ["ca/b"]}, "ca/a -> ca/b -> ca/a"),
        (
            {"ca/c": ["ca/b"], "ca/b": ["ca/d"], "ca/d": ["ca/c"], "credential/x": ["ca/c"], "ca/free": []},
            "ca/b -> ca/d -> ca/c -> ca/b",
        ),
    ],
)
def test_a_cycle_is_an_error_that_prints_its_path(graph, path):
    with pytest.raises(CycleError) as refused:
        order(edges(graph), listing)

    assert refused.value.message == f"these depend on each other: {path}"
    assert path == " -> ".join(map(str, refused.value.path))
    assert refused.value.hint == "take away one of these references"


def test_the_graph_of_a_manifest_has_a_crl_for_each_ca_and_each_generation_in_state():
    manifest = desired(
        standing_key("shared"),
        ca("root"),
        ca("issuing", issuer="root", resource="shared"),
        credential("web", issuer="issuing", resource="shared"),
    )
    graph = ResourceGraph.of(manifest, ["issuing", "issuing.2", "root"])

    assert {str(node): texts(below) for node, below in graph.edges.items()} == {
        "key/shared": [],
        "ca/root": [],
        "ca/issuing": ["ca/root", "key/shared"],
        "credential/web": ["ca/issuing", "key/shared"],
        "crl/issuing": ["ca/issuing"],
        "crl/issuing.2": ["ca/issuing"],
        "crl/root": ["ca/root"],
    }
    assert texts(graph.path_to_root(Address.parse("credential/web"))) == ["ca/issuing", "ca/root"]
    assert texts(graph.path_to_root(Address.parse("crl/issuing.2"))) == ["ca/issuing", "ca/root"]
    assert texts(graph.path_to_root(Address.parse("key/shared"))) == []


def test_a_drawing_leaves_out_what_follows_from_other_edges():
    manifest = desired(
        standing_key("shared"), ca("root", resource="shared"), ca("issuing", issuer="root", resource="shared")
    )
    essential = ResourceGraph.of(manifest).essential()

    assert texts(essential[Address.parse("ca/issuing")]) == ["ca/root"]
    assert texts(essential[Address.parse("ca/root")]) == ["key/shared"]


def test_cas_that_issue_each_other_have_no_graph():
    with pytest.raises(CycleError, match="ca/a -> ca/b -> ca/a"):
        ResourceGraph.of(desired(ca("a", issuer="b"), ca("b", issuer="a")))


def test_an_order_costs_no_networkx_and_equal_things_no_deepdiff():
    code = (
        "import sys, reconciler.graph as g, reconciler.diff as d; g.order({2: [1], 1: []}, abs); "
        "d.differences({'a': [1]}, {'a': [1]}); print([m for m in ('networkx', 'deepdiff') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"
