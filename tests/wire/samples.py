"""Documents that several tests of the wire format are made of."""

import time
from collections.abc import Callable

from agentserver.errors import WireError
from agentserver.wire import ENVELOPE_NS, ParseLimits, StrictParser

MESSAGE = (
    f'<message xmlns="{ENVELOPE_NS}"><meta><from>alice</from><to>greeter</to><thread>t-1</thread></meta>'
    '<Greeting xmlns=""><Name>Bob</Name></Greeting></message>'
).encode()


def verdict(data: bytes, limits: ParseLimits | None = None, parser: StrictParser | None = None) -> str:
    """Return `accept`, or the code with which a strict parser, a new one by default, refuses `data`."""
    try:
        (parser or StrictParser(limits)).parse(data)
    except WireError as error:
        return error.code
    return "accept"


def nested(depth: int) -> bytes:
    """Return elements nested `depth` deep."""
    return b"<a>" * (depth - 1) + b"<a/>" + b"</a>" * (depth - 1)


def with_attributes(count: int) -> bytes:
    """Return one element with `count` attributes."""
    return b"<a " + b" ".join(b'a%d=""' % n for n in range(count)) + b"/>"


def with_elements(count: int) -> bytes:
    """Return a document of `count` elements."""
    return b"<a>" + b"<b/>" * (count - 1) + b"</a>"


def seconds(work: Callable[[], object]) -> float:
    """Return the least time of three that `work` takes: that of this thread, whatever else runs on the machine."""
    times = []
    for _ in range(3):
        start = time.thread_time()
        work()
        times.append(time.thread_time() - start)
    return min(times)


def is_linear(work: Callable[[int], Callable[[], object]], size: int, factor: int = 8) -> bool:
    """Whether work on `factor` times the size takes about so many times as long: quadratic would be its square.

    On a busy machine one look may err, and not each of three.
    """
    return any(
        seconds(work(size * factor)) < factor * factor / 2 * max(seconds(work(size)), 0.001) for _ in range(3)
    )
