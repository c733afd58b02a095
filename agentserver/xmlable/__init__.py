"""Contracts: a dataclass, its XSD and its XML, which agree.

`@xmlify` above `@dataclass` checks that every field has one exact shape in XML and refuses the class with
`ContractError` when one has not. From then on what the XSD accepts the reader reads, and what the writer
writes the XSD accepts; all else is a `BindingError` that names the path.

This package knows elements. It knows nothing of bytes, messages, envelopes or listeners.
"""

from agentserver.xmlable.contract import Contract, contract_of, parse_element, xmlify
from agentserver.xmlable.json_notation import from_json, to_json
from agentserver.xmlable.markers import Doc, Pattern, RawXml, Secret, xml

__all__ = [
    "Contract",
    "Doc",
    "Pattern",
    "RawXml",
    "Secret",
    "contract_of",
    "from_json",
    "parse_element",
    "to_json",
    "xml",
    "xmlify",
]
