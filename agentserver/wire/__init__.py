"""The format: bytes to trees and back, and nothing of what they mean.

Takes bytes and lxml elements, gives lxml elements and bytes, raises `WireError`. Knows no listeners, no queue, no
pump. `parser.py` is the way in, `roots.py` the one for several roots, `repair.py` mends what a model wrote,
`envelope.py` holds the envelope's names and shape, `schemas.py` compiles and applies XSDs, `violations.py` says what a
document breaks, `source_lines.py` finds its line, `splitter.py` cuts a stream of bytes into messages.
"""

from agentserver.wire.envelope import ENVELOPE_NS, FROM, MESSAGE, META, THREAD, TO, EnvelopeBuilder, compact
from agentserver.wire.parser import StrictParser, canonical
from agentserver.wire.repair import Repaired, fenced_alone, recover, repair_safely
from agentserver.wire.roots import RootsParser, whole_roots
from agentserver.wire.schemas import Schema, envelope_schema, first_violation, violations_of
from agentserver.wire.source_lines import line_of, place_of
from agentserver.wire.splitter import MessageSplitter
from agentserver.wire.structure import Element, ParseLimits
from agentserver.wire.violations import Violation

__all__ = [
    "ENVELOPE_NS",
    "FROM",
    "MESSAGE",
    "META",
    "THREAD",
    "TO",
    "Element",
    "EnvelopeBuilder",
    "MessageSplitter",
    "ParseLimits",
    "Repaired",
    "RootsParser",
    "Schema",
    "StrictParser",
    "Violation",
    "canonical",
    "compact",
    "envelope_schema",
    "fenced_alone",
    "first_violation",
    "line_of",
    "place_of",
    "recover",
    "repair_safely",
    "violations_of",
    "whole_roots",
]
