"""An entry of `peers:` that narrows a peer to some payload classes, as `{name: bank, payloads: [Quote]}`.

Takes entries, texts or such mappings; gives texts alone, one for each payload class: `bank.Quote`. That is what the
rule of `permissions` knows. Raises `ConfigError` for what is no entry; names nobody bears are not looked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from agentserver.config.fault_log import quote
from agentserver.errors import ConfigError, ConfigFault
from agentserver.xmlable import Contract
from agentserver.xmlable.planner import CONTRACT

_KEYS: Final = frozenset(("name", "payloads"))


def narrowed(name: str, payload: str) -> str:
    """Return the text that stands for one payload class of a peer."""
    return f"{name}.{payload}"


def expanded(entries: Iterable[object], listener: str) -> list[str]:
    """Return entries as texts.

    Args:
        entries: `name`, `name.contract`, or a mapping of a `name` and its `payloads`: names of classes, or classes.
        listener: Whose they are, for the error.

    Raises:
        ConfigError: One is neither.
    """
    if isinstance(entries, str | Mapping):
        raise _fault(listener, entries)
    return [text for entry in entries for text in _texts(entry, listener)]


def _texts(entry: object, listener: str) -> list[str]:
    if isinstance(entry, str) and entry:
        return [entry]
    if isinstance(entry, Mapping) and entry.keys() == _KEYS:
        name, payloads = entry["name"], entry["payloads"]
        if (
            isinstance(name, str)
            and name
            and isinstance(payloads, list | tuple | set | frozenset)
            and payloads
        ):
            texts = [narrowed(name, _payload(each, listener)) for each in payloads]
            return texts if isinstance(payloads, list | tuple) else sorted(texts)
    raise _fault(listener, entry)


def _payload(payload: object, listener: str) -> str:
    if isinstance(payload, type):
        contract = vars(payload).get(CONTRACT)
        return contract.root_tag if isinstance(contract, Contract) else payload.__name__
    if isinstance(payload, str) and payload:
        return payload
    raise _fault(listener, payload)


def _fault(listener: str, found: object) -> ConfigError:
    expected = "a name, or a mapping as {'name': 'bank', 'payloads': ['Quote']}"
    return ConfigError(
        [ConfigFault(listener, 0, 0, f"peers: found {quote(repr(found))}, expected {expected}")]
    )
