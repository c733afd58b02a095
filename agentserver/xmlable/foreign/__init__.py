"""Contracts by an XSD that nobody here wrote: loaded offline, compiled once, shared.

`SchemaLibrary.load` gives a `ForeignSchema`, `foreign_contract` puts it together with what a handler gets: the
element itself, or an instance of a class that xsdata generated.
"""

from agentserver.xmlable.foreign.foreign_contract import AnyContract, ForeignContract, foreign_contract
from agentserver.xmlable.foreign.foreign_schema import ForeignSchema
from agentserver.xmlable.foreign.schema_library import SchemaLibrary

__all__ = ["AnyContract", "ForeignContract", "ForeignSchema", "SchemaLibrary", "foreign_contract"]
