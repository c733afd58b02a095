"""A running organism reloads its file, and the log tells what became of that. Whatever goes wrong, it runs on."""

from __future__ import annotations

import logging
from pathlib import Path

from agentserver import ConfigError, StreamPump
from agentserver.config.changes import Changes, ListenerChange
from agentserver.errors import PumpClosed

logger = logging.getLogger(__name__)


async def reload_and_log(pump: StreamPump, path: Path, *, allow_env: bool) -> None:
    """Reload `path`; a refusal is logged fault by fault."""
    logger.info("reloading", extra={"config": str(path)})
    try:
        changes = await pump.reload(path, allow_env=allow_env)
    except ConfigError as exc:
        for fault in exc.faults:
            logger.error("reload: a fault", extra={"config": str(path), "fault": str(fault)})
        logger.error("reload refused: the organism goes on as it was", extra={"faults": len(exc.faults)})
    except PumpClosed:
        logger.warning("reload refused: the organism is shutting down")
    except Exception:  # an edge: a bug here must not end the daemon
        logger.exception("reload failed: the organism goes on as it was")
    else:
        logger.info("reloaded" if changes else "reloaded: nothing has changed", extra=_told(changes))


def _told(changes: Changes) -> dict[str, object]:
    fields: dict[str, object] = {
        "added": list(changes.added),
        "removed": list(changes.removed),
        "changed": [_listener(each) for each in changes.changed],
        "settings": [f"{each.key}: {each.old} -> {each.new}" for each in changes.settings],
    }
    return {name: value for name, value in fields.items() if value}


def _listener(change: ListenerChange) -> str:
    return f"{change.name} ({', '.join(each.key for each in change.differences)})"
