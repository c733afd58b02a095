"""Load the XSDs that a configuration names, and make contracts of them and the payload classes beside them.

Works on drafts, after the imports; leaves the contracts in them, and puts faults into the log. A path is taken from
the project's folder. What a schema may be made of is the business of `xmlable.foreign`.
"""

from __future__ import annotations

from pathlib import Path as FilePath

from agentserver.config.draft import ContractDraft, Draft
from agentserver.config.fault_log import FaultLog
from agentserver.config.tree import Document
from agentserver.errors import ContractError, SchemaError
from agentserver.xmlable.foreign import ForeignSchema, SchemaLibrary, foreign_contract


class SchemaCheck:
    """Make the foreign contracts of one draft; those of one file share what is compiled.

    Args:
        document: Gives the places.
        folder: The project's folder.
        faults: Takes what is wrong with a schema, a root or a class.
    """

    def __init__(self, document: Document, folder: FilePath, faults: FaultLog) -> None:
        self._document = document
        self._folder = folder
        self._faults = faults
        self._library = SchemaLibrary()

    def check(self, draft: Draft) -> None:
        """Make every contract that names a schema."""
        for listener in draft.listeners:
            for contract in listener.contracts:
                if contract.schema_path:
                    self._contract(contract)
                elif "root" in contract.keys and "schema" not in contract.keys:
                    self._add(contract, "root", "'root' without 'schema'; it names an element of an XSD")

    def _contract(self, contract: ContractDraft) -> None:
        schema = self._schema(contract)
        if schema is None or contract.payload_class is None:
            return
        try:
            contract.contract = foreign_contract(contract.payload_class, schema, contract.root)
        except SchemaError as exc:
            self._add(contract, "root" if contract.root else "schema", str(exc))
        except ContractError as exc:
            self._add(contract, "payload_class", str(exc))

    def _schema(self, contract: ContractDraft) -> ForeignSchema | None:
        try:
            return self._library.load(self._folder / contract.schema_path)
        except SchemaError as exc:
            self._add(contract, "schema", str(exc))
            return None

    def _add(self, contract: ContractDraft, key: str, message: str) -> None:
        self._faults.add(self._document.value_place((*contract.path, key)), message)
