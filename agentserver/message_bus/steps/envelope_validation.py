"""The envelope against `schemas/envelope.xsd`; what is inside the payload is not looked at.

Takes `envelope_tree`; changes nothing. `xsi:type` and `xsi:nil` are refused anywhere in the message: they would let a
sender choose another type than the contract's.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from agentserver.errors import EnvelopeError, MissingInput
from agentserver.message_bus.guard import Step, guard
from agentserver.message_bus.input_lines import line_in_envelope
from agentserver.message_bus.message_state import MessageState
from agentserver.wire import ENVELOPE_NS, FROM, THREAD, TO, Element, Schema, envelope_schema, first_violation
from agentserver.wire.schemas import LARGE_BYTES
from agentserver.wire.violations import path_of

_XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
_XSI_BYTES: Final = _XSI.encode()
_LONGEST_TEXT: Final = 128
"""As `schemas/envelope.xsd` has it."""
_NO_PAYLOAD: Final = " (no payload)"
_SWITCHES: Final = (f"{{{_XSI}}}type", f"{{{_XSI}}}nil")


def make_envelope_validation_step(schema: Schema | None = None) -> Step:
    """Make the step that validates envelopes.

    Args:
        schema: The envelope's compiled XSD; the one that ships with AgentServer when left out.
    """
    compiled = schema if schema is not None else envelope_schema()

    @guard("envelope_validation")
    def validate(state: MessageState) -> None:
        tree = state.envelope_tree
        if tree is None:
            raise MissingInput("no envelope_tree to validate")
        if state.canonical is None or len(state.canonical) > LARGE_BYTES:
            _refuse_long_texts(state, tree)
        if violation := first_violation(compiled, tree):
            line = line_in_envelope(state, violation.element)
            hint = _hint(tree)
            if hint == _NO_PAYLOAD:  # its schema allows almost any element, which takes many words
                violation, hint = replace(violation, expected="a payload"), ""
            raise EnvelopeError(f"{violation}{hint}", line=line)
        if state.canonical is None or _XSI_BYTES in state.canonical:
            _refuse_type_switches(state, tree)

    return validate


def _refuse_long_texts(state: MessageState, tree: Element) -> None:
    """Refuse what is far too long before a schema looks at it: libxml2 writes a value of a MiB into each error."""
    for child in tree[0] if len(tree) else ():
        if child.tag in (FROM, TO, THREAD) and len(child.text or "") > _LONGEST_TEXT:
            name = child.tag.rpartition("}")[2]
            raise EnvelopeError(
                f"message/meta/{name}: found {len(child.text or '')} characters, expected at most {_LONGEST_TEXT}",
                line=line_in_envelope(state, child),
            )


def _refuse_type_switches(state: MessageState, tree: Element) -> None:
    for element in tree.iter():
        for name in _SWITCHES:
            if name in element.attrib:
                line = line_in_envelope(state, element)
                inside = len(tree) > 1 and tree[1] in (element, *element.iterancestors())
                path = path_of(element, tree[1] if inside else tree)
                raise EnvelopeError(f"{path}: xsi:{name.rpartition('}')[2]} is not taken", line=line)


def _hint(tree: Element) -> str:
    """Say what is meant most often when an envelope is refused."""
    namespace, _, local = tree.tag.rpartition("}")
    if namespace != f"{{{ENVELOPE_NS}":
        return f" (an envelope is <message xmlns='{ENVELOPE_NS}'>, this is <{local}> in {namespace[1:]!r})"
    names = [child.tag.removeprefix(f"{{{ENVELOPE_NS}}}") for child in tree]
    if local != "message":
        return f" (an envelope is <message>, this is <{local}>)"
    if "meta" not in names:
        return " (missing <meta>)"
    if names[0] == "meta" and (not len(tree[0]) or tree[0][0].tag != f"{{{ENVELOPE_NS}}}from"):
        return " (missing <from>, which comes first)"
    if len(names) == 1:
        return _NO_PAYLOAD
    if len(names) > 2 and "meta" not in names[1:]:
        return " (multiple payload roots: one envelope carries one payload)"
    if tree[-1].tag.startswith(f"{{{ENVELOPE_NS}}}"):
        return f' (the payload stands in the envelope\'s namespace: write <{names[-1]} xmlns="">)'
    return ""


envelope_validation_step = make_envelope_validation_step()
