"""The strongly connected components of a graph: the groups of nodes of which each can be reached from each.

Tarjan's algorithm, without recursion, so that a chain of any length does; linear in nodes and edges. Knows numbers
only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator


def components(count: int, followers: Callable[[int], Iterable[int]]) -> list[list[int]]:
    """Return the components of the graph with the nodes 0 to `count` - 1; each node is in one of them.

    Args:
        count: How many nodes there are.
        followers: Gives the nodes that edges lead to from a node; asked once for each.
    """
    order: dict[int, int] = {}  # when each node was found
    lowest: dict[int, int] = {}  # the earliest found node that is on the stack and can be reached from it
    stack: list[int] = []
    on_stack: set[int] = set()
    found: list[list[int]] = []
    for root in range(count):
        work: list[tuple[int, Iterator[int]]] = [] if root in order else [(root, iter(followers(root)))]
        while work:
            node, rest = work[-1]
            if node not in order:
                order[node] = lowest[node] = len(order)
                stack.append(node)
                on_stack.add(node)
            for follower in rest:
                if follower not in order:
                    work.append((follower, iter(followers(follower))))
                    break
                if follower in on_stack:
                    lowest[node] = min(lowest[node], order[follower])
            else:
                work.pop()
                if work:
                    above = work[-1][0]
                    lowest[above] = min(lowest[above], lowest[node])
                if lowest[node] == order[node]:
                    found.append(_taken_down_to(node, stack, on_stack))
    return found


def _taken_down_to(node: int, stack: list[int], on_stack: set[int]) -> list[int]:
    """Take a component, which ends in `node`, from the stack."""
    component = [stack.pop()]
    while component[-1] != node:
        component.append(stack.pop())
    on_stack.difference_update(component)
    return component
