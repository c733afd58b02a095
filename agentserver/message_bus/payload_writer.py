"""A payload that somebody here gives, put into an envelope: an instance of a contract's class, or an element.

Takes values; gives trees, and says what a payload that leaves breaks. Raises what the contract raises. Which contract a
class has, the routing table says, since foreign ones stand nowhere else. Knows no handlers and no queue.
"""

from __future__ import annotations

from typing import Any, Final

from agentserver.message_bus.held_contracts import HeldContracts
from agentserver.message_bus.routing import RoutingTable
from agentserver.name_dictionary import with_own_names
from agentserver.wire import Element, EnvelopeBuilder, canonical, compact, first_violation
from agentserver.xmlable import Contract
from agentserver.xmlable.foreign import AnyContract
from agentserver.xmlable.written_form import WrittenForm, written_form

MAX_FORMS: Final = 256
"""Classes whose written form is remembered."""


class PayloadWriter:
    """Write payloads.

    Args:
        table: Knows the contracts.
    """

    __slots__ = ("_builder", "_forms", "_held", "_table")

    def __init__(self, table: RoutingTable) -> None:
        self._table = table
        self._forms: dict[type[Any], WrittenForm] = {}
        self._builder = EnvelopeBuilder()
        self._held = HeldContracts()

    def contract_of(self, payload: Any) -> AnyContract | None:
        """Return the contract of an instance; None for an element, which may be of any.

        It is the contract that the class had at the first time, whatever was put in its place since.

        Raises:
            ContractError: Its class has none.
        """
        if isinstance(payload, Element):
            return None
        cls = type(payload)
        held = self._held.get(cls)
        if held is not None:
            return held
        contract = self._table.contract_of(cls)
        self._held.keep(cls, contract)
        return contract

    def write(
        self,
        payload: Any,
        contract: AnyContract | None,
        from_id: str,
        to_id: str | None,
        thread_id: str | None,
    ) -> tuple[bytes, Element]:
        """Make the envelope; return its bytes, in a canonical form, and the payload in it.

        Args:
            payload: An instance, or an element, of which a copy is taken.
            contract: As `contract_of` gave it.
            from_id: The sender.
            to_id: The receiver; None leaves the address to the payload's tag.
            thread_id: The conversation.

        Raises:
            BindingError: The payload does not fit its contract.
            WireError: The element has no canonical form, or nests too deep.
        """
        if isinstance(contract, Contract):
            form = self._forms.get(contract.cls) or self._learn(contract)
            where = from_id, to_id, thread_id or "", contract.root_tag, form.prefix
            build = self._builder.build
            tree, root = with_own_names(build, *where) if form.raw else build(*where)
            contract.fill(payload, root)
            return (compact if form.raw else canonical)(tree), root
        element = payload if contract is None else contract.write(payload)
        tree = self._builder.wrap(from_id, to_id, thread_id, element)
        return compact(tree, parsed=True), tree[-1]

    def _learn(self, contract: Contract[Any]) -> WrittenForm:
        if len(self._forms) >= MAX_FORMS:  # a handler may make a class for each of its replies
            self._forms.clear()
        form = self._forms[contract.cls] = written_form(contract.outline)
        return form

    def violation(self, root: Element, contract: AnyContract | None) -> str:
        """Say what a payload that leaves breaks, which nobody further on would look at; empty when nothing.

        Args:
            root: The payload.
            contract: Its own; None for those that listeners have for such a root, of which one must take it.
        """
        contracts = [contract] if contract is not None else self._table.contracts_for(str(root.tag))
        first = ""
        for each in contracts:
            violation = first_violation(each.schema, root)
            if violation is None:
                return ""
            first = first or str(violation)
        return first
