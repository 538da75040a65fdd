"""What depends on what: order, closures, and the graph of a manifest's resources.

Edges lead from each node to what it depends on. What is no node itself stands already, and orders nothing. Plain walks
over dictionaries do; networkx, which costs 160 ms to import, draws and names cycles.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import Any, Generic, TypeVar

from pki.errors import PkiError
from reconciler.kinds.authority import CaSpec
from reconciler.kinds.credential import CredentialSpec
from reconciler.kinds.desired import Manifest
from reconciler.model import Address, Kind

N = TypeVar("N", bound=Hashable)

Edges = Mapping[N, Collection[N]]
"""From each node to what it depends on."""

_RANKS = {kind: rank for rank, kind in enumerate(Kind)}


class CycleError(PkiError, Generic[N]):
    """Things that wait for each other; `path` begins and ends with the same one."""

    def __init__(self, path: tuple[N, ...]) -> None:
        super().__init__(
            f"these depend on each other: {' -> '.join(map(str, path))}", hint="take away one of these references"
        )
        self.path = path


def listing(address: Address) -> tuple[int, str, int]:
    """Return the sort key of a listing: keys, CAs, credentials, CRLs, each by name, `issuing.10` after `issuing.2`."""
    name, _, generation = address.name.partition(".")
    return _RANKS[address.kind], name, int(generation) if generation.isdecimal() else 0


def order(edges: Edges[N], key: Callable[[N], Any]) -> list[N]:
    """Return the nodes, each after all that it depends on, and otherwise by `key`, which must tell any two apart.

    Raises:
        CycleError: some depend on each other.
    """
    waiting = {node: {below for below in targets if below in edges} for node, targets in edges.items()}
    above = inverse(waiting)
    ready = [(key(node), node) for node, targets in waiting.items() if not targets]
    heapify(ready)
    done: list[N] = []
    while ready:
        _, node = heappop(ready)
        done.append(node)
        for parent in above.get(node, ()):
            waiting[parent].discard(node)
            if not waiting[parent]:
                heappush(ready, (key(parent), parent))
    if len(done) < len(edges):
        raise CycleError(_cycle({node: targets for node, targets in waiting.items() if targets}, key))
    return done


def closure(nodes: Iterable[N], edges: Edges[N]) -> set[N]:
    """Return these nodes and all that they depend on, directly or not."""
    found = set(nodes)
    unseen = list(found)
    while unseen:
        further = set(edges.get(unseen.pop(), ())) - found
        found |= further
        unseen.extend(further)
    return found


def dependents(node: N, edges: Edges[N]) -> set[N]:
    """Return all that depends on a node, directly or not; never the node itself."""
    return closure([node], inverse(edges)) - {node}


def inverse(edges: Edges[N]) -> dict[N, list[N]]:
    """Return, for everything that is depended on, what depends on it directly, in the order of `edges`."""
    turned: dict[N, list[N]] = {}
    for node, targets in edges.items():
        for below in targets:
            turned.setdefault(below, []).append(node)
    return turned


@dataclass(frozen=True, slots=True)
class ResourceGraph:
    """Resources and the CRLs of CAs, in an order in which they can be made."""

    edges: Mapping[Address, tuple[Address, ...]] = field(hash=False)
    """From each to what it names: a credential to its issuer and standing keys, a CRL to its CA."""

    @classmethod
    def of(cls, manifest: Manifest, generations: Iterable[str] = ()) -> ResourceGraph:
        """Return the graph of a manifest.

        `generations` names directories of CA generations in state, whose CRLs are nodes as well.

        Raises:
            CycleError: CAs issue each other.
        """
        edges = dict(_references(manifest, generations))
        return cls({address: edges[address] for address in order(edges, listing)})

    def path_to_root(self, address: Address) -> tuple[Address, ...]:
        """Return the CAs above an address, nearest first."""
        path: list[Address] = []
        while issuer := next((below for below in self.edges.get(address, ()) if below.kind is Kind.CA), None):
            path.append(issuer)
            address = issuer
        return tuple(path)

    def essential(self) -> Mapping[Address, tuple[Address, ...]]:
        """Return the edges that a drawing needs: none that follows from others."""
        import networkx as nx  # noqa: PLC0415  costs 160 ms, and most commands draw nothing

        reduced = nx.transitive_reduction(nx.DiGraph((a, b) for a, below in self.edges.items() for b in below))
        return {a: tuple(b for b in below if reduced.has_edge(a, b)) for a, below in self.edges.items()}


def _references(manifest: Manifest, generations: Iterable[str]) -> Iterator[tuple[Address, tuple[Address, ...]]]:
    for resource in manifest.resources():
        yield resource.address, references(resource) if isinstance(resource, CaSpec | CredentialSpec) else ()
    for name in sorted({*manifest.cas, *generations}):
        yield Address(Kind.CRL, name), (Address(Kind.CA, name.partition(".")[0]),)


def references(resource: CaSpec | CredentialSpec) -> tuple[Address, ...]:
    """Return what a CA or credential names: its issuer, then the standing keys that it uses."""
    keys = (resource.key,) if isinstance(resource, CaSpec) else resource.keys
    issuer = (Address(Kind.CA, resource.issuer),) if resource.issuer is not None else ()
    standing = {Address(Kind.KEY, key.resource): None for key in keys if key.resource is not None}
    return *issuer, *standing


def _cycle(edges: Edges[N], key: Callable[[N], Any]) -> tuple[N, ...]:
    """Return one cycle among nodes that all stand on or above one, beginning with its least node by `key`."""
    import networkx as nx  # noqa: PLC0415  costs 160 ms, and only an error needs it

    graph = nx.DiGraph()
    graph.add_edges_from((node, below) for node in sorted(edges, key=key) for below in sorted(edges[node], key=key))
    nodes = [node for node, _ in nx.find_cycle(graph)]
    first = nodes.index(min(nodes, key=key))
    return (*nodes[first:], *nodes[:first], nodes[first])
