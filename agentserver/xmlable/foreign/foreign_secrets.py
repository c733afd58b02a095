"""What is secret by a contract, whoever wrote its XSD.

The outline of a foreign schema is made late and costs time, so the documents are asked first whether they mark
anything as secret, as the XSDs of this project do in `xs:appinfo`. Hardly any does.
"""

from __future__ import annotations

from agentserver.xmlable.foreign.foreign_contract import AnyContract, ForeignContract
from agentserver.xmlable.secrets import secret_names
from agentserver.xmlable.xsd.annotations import SECRET


def secret_names_of(contract: AnyContract) -> frozenset[str]:
    """Give the names of what is secret in a contract's documents, folded; empty when nothing is."""
    if isinstance(contract, ForeignContract):
        documents = contract.foreign.documents.values()
        if all(next(document.root.iter(SECRET), None) is None for document in documents):
            return frozenset()
    if not hasattr(contract, "outline"):
        return frozenset()
    return secret_names(contract.outline)
