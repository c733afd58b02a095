"""Trees of calls, many branches at once, each branch in listeners that know nothing of the others: every answer comes
home, on the thread on which was asked, and tells which question it answers.

Checked against a small model of the chain: a thread is the way that led to it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st

from agentserver import HandlerMetadata, HandlerResponse, MessageState, StreamPump, running, xmlify
from tests.organisms import envelope, listener, pump_of

Tree: TypeAlias = "list[Any]"
"""One call: the callee, how often it lets others go first, and the calls that it makes in turn; none for a leaf."""
Way: TypeAlias = "tuple[str, ...]"
"""What a thread is in the model: the sender, then each caller and callee that led to it."""

NAMES = ("ada", "ben", "cy", "dot")


@xmlify
@dataclass
class Ask:
    """Asks for the number of leaves below, of the tree that is given as JSON."""

    place: str
    tree: str


@xmlify
@dataclass
class Tell:
    """The answer, and to the question of which place."""

    place: str
    leaves: int


@dataclass
class Asked:
    """A question, as it arrived."""

    listener: str
    metadata: HandlerMetadata


@dataclass
class Told:
    """An answer, as it arrived."""

    listener: str
    metadata: HandlerMetadata
    leaves: int


@dataclass
class Office:
    """The handlers of all listeners, and what they saw, by the place in the tree."""

    asked: dict[str, Asked] = field(default_factory=dict)
    told: dict[str, Told] = field(default_factory=dict)
    open: dict[str, list[int]] = field(default_factory=dict)

    def pump(self) -> StreamPump:
        rows = []
        for name in NAMES:
            rows += [listener(name, Ask, self.asking(name)), listener(name, Tell, self.telling(name))]
        return pump_of(*rows)

    def asking(self, name: str) -> Any:
        async def ask(payload: Ask, metadata: HandlerMetadata) -> list[HandlerResponse]:
            assert payload.place not in self.asked
            self.asked[payload.place] = Asked(name, metadata)
            _, waits, calls = json.loads(payload.tree)
            for _ in range(waits):
                await asyncio.sleep(0)
            if not calls:
                return [HandlerResponse.respond(Tell(payload.place, 1))]
            self.open[payload.place] = [len(calls), 0]
            return [
                HandlerResponse(Ask(f"{payload.place}/{number}", json.dumps(call)), to=call[0])
                for number, call in enumerate(calls)
            ]

        return ask

    def telling(self, name: str) -> Any:
        async def tell(payload: Tell, metadata: HandlerMetadata) -> HandlerResponse | None:
            assert payload.place not in self.told
            self.told[payload.place] = Told(name, metadata, payload.leaves)
            place = payload.place.rpartition("/")[0]
            count = self.open[place]
            count[0] -= 1
            count[1] += payload.leaves
            return None if count[0] else HandlerResponse.respond(Tell(place, count[1]))

        return tell


def places(tree: Tree, place: str, way: Way, caller: str) -> Iterator[tuple[str, Tree, Way, str]]:
    """List the calls of a tree, as the model has them: where, what, on which thread, and who called."""
    yield place, tree, way, caller
    for number, call in enumerate(tree[2]):
        yield from places(call, f"{place}/{number}", (*way, tree[0], call[0]), tree[0])


def leaves(tree: Tree) -> int:
    return sum(map(leaves, tree[2])) or 1


async def asked_by(office: Office, trees: dict[str, Tree]) -> list[MessageState]:
    """Let each of several people outside ask for one tree, all at once; return what they are told."""
    pump = office.pump()
    seen: list[MessageState] = []
    pump.add_outlet(seen.append)
    async with running(pump):
        for sender, tree in trees.items():
            question = f'<Ask xmlns=""><Place>{sender}</Place><Tree>{json.dumps(tree)}</Tree></Ask>'
            await pump.inject(envelope(question, to=tree[0], thread=None), None, sender)
        await pump.drained()
    assert pump.books.balanced
    return seen


def check(trees: dict[str, Tree]) -> None:
    """Ask, and hold all that arrived anywhere to the model."""
    office = Office()
    replies = asyncio.run(asked_by(office, trees))
    assert {state.to_id: (state.from_id, state.error) for state in replies} == {
        sender: (tree[0], None) for sender, tree in trees.items()
    }
    assert {state.to_id: state.payload for state in replies} == {
        sender: Tell(sender, leaves(tree)) for sender, tree in trees.items()
    }
    calls = [
        each for sender, tree in trees.items() for each in places(tree, sender, (sender, tree[0]), sender)
    ]
    threads: dict[Way, str] = {}
    for place, tree, way, caller in calls:
        asked = office.asked[place]
        assert (asked.listener, asked.metadata.from_id) == (tree[0], caller)
        assert asked.metadata.is_self_call == (tree[0] == caller)
        assert threads.setdefault(way, asked.metadata.thread_id) == asked.metadata.thread_id
        for number, call in enumerate(tree[2]):
            question, answer = office.asked[f"{place}/{number}"], office.told[f"{place}/{number}"]
            assert (answer.listener, answer.metadata.from_id) == (tree[0], call[0])
            assert answer.metadata.thread_id == asked.metadata.thread_id
            assert answer.metadata.in_reply_to == question.metadata.message_id
            assert answer.leaves == leaves(call)
    assert len(set(threads.values())) == len(threads)
    assert (len(office.asked), len(office.told)) == (len(calls), len(calls) - len(trees))
    assert {state.to_id: state.thread_id for state in replies} == {
        sender: threads[sender, tree[0]] for sender, tree in trees.items()
    }


def calls_of(below: st.SearchStrategy[list[Any]]) -> st.SearchStrategy[Tree]:
    return st.tuples(st.sampled_from(NAMES), st.integers(0, 3), below).map(list)


TREES = st.recursive(
    calls_of(st.just([])),
    lambda trees: calls_of(st.lists(trees, min_size=1, max_size=4)),
    max_leaves=20,
)


@settings(max_examples=60, deadline=None)
@given(trees=st.lists(TREES, min_size=1, max_size=3))
def test_every_answer_lands_where_it_was_asked(trees: list[Tree]) -> None:
    check({f"user{number}": tree for number, tree in enumerate(trees)})


def full(levels: int, branches: int) -> Tree:
    calls = [full(levels - 1, branches) for _ in range(branches)] if levels > 1 else []
    return [NAMES[levels % len(NAMES)], levels % 3, calls]


def test_a_tree_of_five_levels_with_three_branches_each_comes_home() -> None:
    tree = full(5, 3)
    assert leaves(tree) == 81
    check({"user": tree})


def test_whoever_passes_a_question_on_passes_the_answer_back() -> None:
    """The callee forwards to another, who forwards again, and to itself."""
    tree: Tree = ["ada", 0, [["ben", 0, [["cy", 0, [["cy", 0, [["ada", 0, []]]]]]]]]]
    check({"user": tree})


def test_two_calls_of_one_listener_at_once_are_told_apart_by_their_questions() -> None:
    leaf: Tree = ["ben", 3, []]
    check({"user": ["ada", 0, [leaf, ["ben", 0, [["cy", 0, []]]], ["ben", 0, []], leaf]]})
