"""The same document in JSON: how instances of a contract are written as JSON, and read from it.

| in Python and XML | in JSON |
|---|---|
| a dataclass | an object, whose keys are the names of the fields; attributes are ordinary keys |
| `X | None` | the key is left out for None; `null` is taken for it, too |
| list, set, tuple of any length | an array; it may be left out when it may be empty |
| tuple of fixed length | an array of that length, `null` for a member that is absent |
| dict with keys that are str | an object |
| any other dict | an array of `{"key": ..., "value": ...}` |
| `A | B` | an object with one key, the name of the element: `{"Circle": {"radius": 1}}` |
| `RawXml` | a string of XML |
| simple types | as `json_texts` has them |
| what only foreign XSDs hold | as `json_keys` has it; `null` for an element that is nil |

What is read from JSON becomes an element first, which the contract's own reader then reads, so that JSON brings in
nothing that XML could not. Knows no files and no HTTP.
"""

from __future__ import annotations

from typing import Any, TypeVar

from lxml import etree

from agentserver.errors import BindingError
from agentserver.xmlable.contract import contract_of
from agentserver.xmlable.json_input import json_to_element
from agentserver.xmlable.json_output import element_to_json
from agentserver.xmlable.json_path import json_error
from agentserver.xmlable.outline_walk import prefixes

__all__ = ["element_to_json", "from_json", "json_to_element", "to_json"]

T = TypeVar("T")


def from_json(cls: type[T], data: Any) -> T:
    """Read an instance of an xmlified class from its JSON notation.

    Args:
        cls: The class.
        data: What `json.loads` gave.

    Raises:
        BindingError: The data do not fit the class; its path has the keys of JSON, as `Order/lines[2]/price`.
        ContractError: The class has no contract.
    """
    contract = contract_of(cls)
    element = json_to_element(contract.outline, data)
    try:
        return contract.read(element)
    except BindingError as error:
        raise json_error(contract.outline, error) from error.__cause__


def to_json(instance: object) -> Any:
    """Give the JSON notation of an instance of an xmlified class: values that `json.dumps` takes.

    Raises:
        BindingError: A value does not fit its field.
        ContractError: The class has no contract.
    """
    contract = contract_of(type(instance))
    element = etree.Element(contract.root_tag, nsmap=prefixes(contract.outline))
    contract.fill(instance, element)
    return element_to_json(contract.outline, element)
