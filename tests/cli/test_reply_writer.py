"""The writer in the background: all of it, in order, and not too much at once."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator

import pytest

from agentserver.cli.reply_writer import MAX_UNWRITTEN_BYTES, ReplyWriter


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    for fd in (reading, writing):
        try:
            os.close(fd)
        except OSError:
            continue


async def test_everything_is_written_in_order(pipe: tuple[int, int]) -> None:
    writer = ReplyWriter(pipe[1])
    for number in range(100):
        writer.put(b"%d\n" % number)

    assert await writer.aclose(5)
    assert os.read(pipe[0], 65536).split() == [b"%d" % number for number in range(100)]


async def test_there_is_room_again_when_the_reader_has_read(pipe: tuple[int, int]) -> None:
    writer = ReplyWriter(pipe[1])
    writer.put(b"x" * (MAX_UNWRITTEN_BYTES + 1))
    waiting = asyncio.create_task(writer.room())
    await asyncio.sleep(0)
    assert not waiting.done()

    left = MAX_UNWRITTEN_BYTES + 1
    while left:
        left -= len(await asyncio.to_thread(os.read, pipe[0], 65536))
    await waiting
    assert await writer.aclose(5)


async def test_a_reader_that_does_not_read_is_not_waited_for(pipe: tuple[int, int]) -> None:
    writer = ReplyWriter(pipe[1])
    writer.put(b"x" * 1_000_000)

    assert not await writer.aclose(0.01)


async def test_a_reader_that_left_is_noticed(pipe: tuple[int, int]) -> None:
    os.close(pipe[0])
    writer = ReplyWriter(pipe[1])
    writer.put(b"x")

    with pytest.raises(BrokenPipeError):
        await writer.failed()
