"""The artefacts that can be asked for, by the word that the command line has for each.

Takes an entry of the catalogue; gives what `agentserver.xmlable.artefacts` makes of it, as a text or as a JSON value.
"""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias, get_args

from agentserver.cli.contracts_catalogue import Entry
from agentserver.xmlable import artefacts

Artefact: TypeAlias = Literal["xsd", "example", "json-schema", "prompt", "markdown"]

ARTEFACTS: Final[tuple[Artefact, ...]] = get_args(Artefact)


def texts_of(entry: Entry, artefact: Artefact) -> dict[str, str]:
    """Return an artefact as the files that it is written to: one, but for an XSD of several namespaces."""
    name, row, contract = entry.name, entry.row, entry.contract
    match artefact:
        case "xsd":
            return artefacts.schema_texts(contract)
        case "example":
            return {f"{name}.example.xml": artefacts.example_text(contract)}
        case "json-schema":
            return {f"{name}.schema.json": artefacts.json_schema_text(contract, row.description)}
        case "markdown":
            return {f"{name}.md": artefacts.markdown_text(contract, row.name, row.description)}
        case "prompt":
            text = artefacts.prompt_text(contract, row.name, row.description, row.peers)
            return {f"{name}.prompt.txt": text}


def value_of(entry: Entry, artefact: Artefact) -> Any:
    """Return an artefact as a JSON value: an object for a JSON Schema and for the files of an XSD, else a text."""
    if artefact == "json-schema":
        return artefacts.json_schema_value(entry.contract, entry.row.description)
    texts = texts_of(entry, artefact)
    return texts if artefact == "xsd" else next(iter(texts.values()))
