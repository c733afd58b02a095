"""Virtual time, where tests looked for it before it became a part of `agentserver.testing`."""

from agentserver.testing.virtual_time import VirtualTimeLoop, in_virtual_time

__all__ = ["VirtualTimeLoop", "in_virtual_time"]
