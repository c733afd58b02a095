"""A process that works on a queue's file, mostly until it is killed, and says on its output what it was promised.

Lines: `put ID` once a message is safe, `took ID`, `settled ID` once that is safe, at the end `done True` if the books
balance. Arguments: the file, the first part of ids, how many messages to put, how many hops follow from each, and what
to do: `work`; only `put` and wait; put and `leave`; take and `hold` all; take all and `set_aside`, or `take_up` one
again; or work where one message is `poison` and ends the process.
"""

from __future__ import annotations

import asyncio
import os
import sys

from agentserver.queues import QueuedMessage, Settlement
from agentserver.queues.sqlite import SqliteQueue

POISON = "run-13"


async def main(path: str, prefix: str, count: int, hops: int, mode: str) -> None:
    queue = SqliteQueue(path)

    async def put() -> None:
        for number in range(count):
            name = f"{prefix}-{number}"
            await queue.put([QueuedMessage(name, b"<x/>", "alice", f"thread-{number % 7}")])
            say("put", name)

    async def work() -> None:
        while deliveries := await queue.take(20):
            for delivery in deliveries:
                say("took", delivery.message.id)
            if mode == "poison" and any(delivery.message.id == POISON for delivery in deliveries):
                os.abort()
            puts = [child(delivery.message) for delivery in deliveries if delivery.message.hop < hops]
            await queue.settle(Settlement(acks=deliveries, puts=puts if mode == "work" else []))
            for delivery in deliveries:
                say("settled", delivery.message.id)

    if mode in ("put", "hold", "leave", "set_aside", "take_up"):
        await put()
        if mode == "leave":
            await queue.aclose()
            return
        if mode == "hold":
            await queue.take(count)
            say("holds", "all")
        if mode in ("set_aside", "take_up"):
            deliveries = await queue.take(count)
            queue.set_aside(deliveries)
            queue.take_up(deliveries[:1] if mode == "take_up" else [])
            say("holds", "all")
        say("ready", "now")
        await asyncio.sleep(60)
    if mode == "poison":
        await put()
        working = asyncio.create_task(work())
    else:
        working = asyncio.create_task(work())
        await put()
    await queue.idle()
    queue.close()
    await working
    await queue.aclose()
    say("done", str(queue.books.balanced))


def say(word: str, name: str) -> None:
    sys.stdout.write(f"{word} {name}\n")  # in one call, so that a line is there whole or not at all
    sys.stdout.flush()


def child(message: QueuedMessage) -> QueuedMessage:
    name, hop = f"{message.id}.0", message.hop + 1
    return QueuedMessage(name, b"<y/>", "worker", message.thread_id, parent_id=message.id, hop=hop)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]))
