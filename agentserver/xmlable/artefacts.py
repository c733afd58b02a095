"""The artefacts of a contract as texts: what is written to files, shown, and sent.

Takes a contract, and what is known of its listener; gives texts that end with a line break, the same for the same
contract in every run. What an artefact says is decided by the module that is called after it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from lxml import etree

from agentserver.xmlable.example import example
from agentserver.xmlable.foreign import AnyContract
from agentserver.xmlable.json_schema import json_schema
from agentserver.xmlable.markdown import markdown
from agentserver.xmlable.prompt import prompt_card


def schema_texts(contract: AnyContract) -> dict[str, str]:
    """Give the XSD documents by their file names, the main one first."""
    return {name: document_text(schema) for name, schema in contract.schema_documents().items()}


def example_element(contract: AnyContract) -> etree._Element:
    """Give an element that the contract allows, a new one at each call.

    Raises:
        ContractError: None is found.
    """
    return example(contract.outline, schema=contract.schema)


def example_text(contract: AnyContract) -> str:
    """Give a document that the contract allows; see `example_element`."""
    return document_text(example_element(contract))


def json_schema_value(contract: AnyContract, description: str) -> dict[str, Any]:
    """Give the JSON Schema of the contract's JSON notation."""
    return json_schema(contract.outline, contract.outline.local_name, description)


def json_schema_text(contract: AnyContract, description: str) -> str:
    """Give the JSON Schema as a text."""
    return json.dumps(json_schema_value(contract, description), indent=2, ensure_ascii=False) + "\n"


def markdown_text(contract: AnyContract, listener: str, description: str) -> str:
    """Give the contract as a page for people."""
    return _ended(markdown(contract.outline, listener, description, contract.schema))


def prompt_text(contract: AnyContract, listener: str, description: str, may_call: Sequence[str]) -> str:
    """Give the contract as a card for a language model.

    Args:
        contract: The contract.
        listener: Who takes it.
        description: What the listener does.
        may_call: Whom the listener may address.
    """
    return _ended(prompt_card(contract.outline, listener, description, may_call, contract.schema))


def written_bytes(value: Any) -> int:
    """Count the bytes of an instance of an `@xmlify` class as XML.

    Raises:
        BindingError: It does not fit its class.
    """
    element: etree._Element = value.xml_value(type(value).__name__)
    return len(etree.tostring(element, encoding="UTF-8"))


def document_text(root: etree._Element) -> str:
    """Give a document as it is written to a file: declared, indented, with a line break at its end."""
    copy = deepcopy(root)
    etree.indent(copy)
    return _ended(etree.tostring(copy, encoding="UTF-8", xml_declaration=True).decode("utf-8"))


def _ended(text: str) -> str:
    return text.rstrip("\n") + "\n"
