"""Load `organism.yaml`: text to `OrganismConfig`, or one `ConfigError` with all faults in file order.

Reads the environment only where the file or the caller allows it, and imports the user's modules from the
project that holds the file's folder. Each stage works on what the ones before could read, so that one run
tells everything; only text that is no YAML ends it early. Starts nothing.
"""

from __future__ import annotations

import os
from pathlib import Path

from agentserver.config.bounds import BudgetConfig, RateConfig
from agentserver.config.cross_checks import CrossChecks
from agentserver.config.draft import Draft, ForbidDraft, ListenerDraft, ScheduleDraft, StepDraft, draft_of
from agentserver.config.fault_log import FaultLog
from agentserver.config.forbid_check import ForbidCheck
from agentserver.config.fresh_modules import remember
from agentserver.config.import_check import ImportCheck
from agentserver.config.imports import Importer, put_on_path
from agentserver.config.model import (
    ForbidConfig,
    HandlesConfig,
    Limits,
    ListenerConfig,
    MetaConfig,
    OrganismConfig,
    StepConfig,
)
from agentserver.config.places import given_lines, listener_places
from agentserver.config.resilience import BreakerConfig, RetryConfig
from agentserver.config.retention import IdempotencyConfig, RetentionConfig
from agentserver.config.schedule_check import ScheduleCheck
from agentserver.config.schedules import ScheduleConfig
from agentserver.config.schema_check import SchemaCheck
from agentserver.config.shape import BreakerShape, FileShape, ListenerShape, RetryShape, ScheduleShape
from agentserver.config.shape_check import ShapeCheck
from agentserver.config.source import read_text
from agentserver.config.tree import Document
from agentserver.config.values import ValueReader, asks_for_environment
from agentserver.config.yaml_reader import read_yaml


class ConfigLoader:
    """Make an `OrganismConfig` from YAML."""

    @staticmethod
    def load(path: str | os.PathLike[str], *, allow_env: bool = False) -> OrganismConfig:
        """Read a file, and import what it names.

        The project's root, which is the parent of the folder that holds the file, is put on `sys.path`.

        Args:
            path: The file.
            allow_env: Expand `${VAR}` even if the file does not say `env: true`.

        Returns:
            The configuration, its classes, handlers and steps imported.

        Raises:
            ConfigError: The file cannot be used; it holds every fault found, in the order of the file.
        """
        file = os.fspath(path)
        text = read_text(Path(path), file)
        source = Path(path).resolve()
        root = source.parent.parent
        put_on_path(root)
        config = _read(text, FaultLog(file), Importer(root), allow_env=allow_env, source=source)
        remember(root)
        return config

    @staticmethod
    def loads(text: str, *, file: str = "<text>", allow_env: bool = False) -> OrganismConfig:
        """Read a text instead of a file; modules are looked for on `sys.path` as it is.

        Args:
            text: The YAML.
            file: The name that faults give it.
            allow_env: Expand `${VAR}` even if the text does not say `env: true`.

        Returns:
            The configuration, with no `source`.

        Raises:
            ConfigError: The text cannot be used; it holds every fault found, in the order of the text.
        """
        return _read(text, FaultLog(file), Importer(None), allow_env=allow_env, source=None)


def _read(
    text: str, faults: FaultLog, importer: Importer, *, allow_env: bool, source: Path | None
) -> OrganismConfig:
    document = read_yaml(text, faults)
    variables = os.environ if allow_env or asks_for_environment(document) else None
    reader = ValueReader(variables, faults)
    values = reader.read(document.root)
    shape = ShapeCheck(document, reader.unreadable, faults).check(values)
    draft = draft_of(values, reader.unreadable)
    ImportCheck(document, importer, faults).check(draft)
    SchemaCheck(document, source.parent.parent if source else Path.cwd(), faults).check(draft)
    CrossChecks(document, draft, faults).check()
    ForbidCheck(document, draft, faults).check()
    ScheduleCheck(document, draft, faults).check()
    faults.raise_if_any()
    assert shape is not None, "the shape check gives a fault or a shape"
    return _config(shape, draft, document, source)


def _config(shape: FileShape, draft: Draft, document: Document, source: Path | None) -> OrganismConfig:
    return OrganismConfig(
        name=shape.organism.name,
        identity_path=shape.organism.identity,
        port=shape.organism.port,
        thread_scheduling=shape.thread_scheduling,
        listeners=[_listener(*pair, document) for pair in zip(shape.listeners, draft.listeners, strict=True)],
        max_concurrent_pipelines=shape.max_concurrent_pipelines,
        max_concurrent_handlers=shape.max_concurrent_handlers,
        max_concurrent_per_agent=shape.max_concurrent_per_agent,
        queue=shape.queue,
        limits=Limits(**shape.limits.model_dump()),
        budget=BudgetConfig(**shape.budget.model_dump()),
        repair=shape.repair,
        feedback=shape.feedback,
        pipeline=[_step(step) for step in draft.steps],
        meta=MetaConfig(**shape.meta.model_dump(by_alias=True)),
        forbid=[_forbid(each, document) for each in draft.forbid],
        schedules=[_schedule(*pair, document) for pair in zip(shape.schedules, draft.schedules, strict=True)],
        retry=_retry(shape.retry),
        breaker=_breaker(shape.breaker),
        idempotency=IdempotencyConfig(**shape.idempotency.model_dump()),
        retention=RetentionConfig(**shape.retention.model_dump()),
        source=source,
        given=given_lines(document),
    )


def _listener(shape: ListenerShape, draft: ListenerDraft, document: Document) -> ListenerConfig:
    first, *further = [
        HandlesConfig(
            each.payload_class_path,
            each.handler_path,
            each.payload_class,
            each.handler,
            each.schema_path,
            each.root,
            each.contract if each.schema_path else None,
        )
        for each in draft.contracts
    ]
    return ListenerConfig(
        name=shape.name,
        payload_class_path=first.payload_class_path,
        handler_path=first.handler_path,
        description=shape.description,
        is_agent=shape.agent,
        peers=[peer.text for peer in draft.peers] if "peers" in draft.keys else None,
        broadcast=shape.broadcast,
        payload_class=first.payload_class,
        handler=first.handler,
        handles=further,
        schema_path=first.schema_path,
        root=first.root,
        contract=first.contract,
        timeout_s=shape.timeout_s,
        max_concurrent=shape.max_concurrent,
        on_refusal_path=shape.on_refusal,
        on_refusal=draft.on_refusal,
        rate=RateConfig(**shape.rate.model_dump()) if shape.rate is not None else None,
        repair=shape.repair,
        join=shape.join,
        join_timeout_s=shape.join_timeout_s,
        retry=_retry(shape.retry),
        breaker=_breaker(shape.breaker),
        places=listener_places(document, draft),
    )


def _retry(shape: RetryShape | None) -> RetryConfig | None:
    return None if shape is None else RetryConfig(**{**shape.model_dump(), "on": tuple(shape.on)})


def _breaker(shape: BreakerShape | None) -> BreakerConfig | None:
    return None if shape is None else BreakerConfig(**{**shape.model_dump(), "on": tuple(shape.on)})


def _step(draft: StepDraft) -> StepConfig:
    return StepConfig(draft.step_path, draft.before, draft.after, draft.step)


def _forbid(draft: ForbidDraft, document: Document) -> ForbidConfig:
    return ForbidConfig(draft.sender, draft.receiver, document.value_place(draft.path).line)


def _schedule(shape: ScheduleShape, draft: ScheduleDraft, document: Document) -> ScheduleConfig:
    line = document.value_place(draft.path).line
    return ScheduleConfig(
        shape.name, shape.every, shape.to, shape.payload, shape.from_, shape.at_start, shape.priority, line
    )
