"""Listeners of an organism whose queue is a file: one asks another, which fails until a file is there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from annotated_types import MaxLen

from agentserver import HandlerMetadata, HandlerResponse, Secret, xmlify


@xmlify
@dataclass
class Question:
    """Asks the worker, through the desk, whether a file is there."""

    file: str


@xmlify
@dataclass
class Job:
    """Asks the worker."""

    file: str


@xmlify
@dataclass
class Answer:
    """Is one."""

    text: str


@xmlify
@dataclass
class Login:
    """Asks to be let in."""

    user: str
    password: Annotated[str, Secret]


async def on_question(payload: Question, metadata: HandlerMetadata) -> HandlerResponse:
    return HandlerResponse(Job(payload.file), to="worker")


async def on_answer(payload: Answer, metadata: HandlerMetadata) -> HandlerResponse:
    return HandlerResponse.respond(Answer(f"the desk says: {payload.text}"))


async def on_job(payload: Job, metadata: HandlerMetadata) -> HandlerResponse:
    if not Path(payload.file).exists():  # noqa: ASYNC240  # a look that takes microseconds
        raise FileNotFoundError(payload.file)
    return HandlerResponse.respond(Answer("it is there"))


async def refuse(payload: Login, metadata: HandlerMetadata) -> None:
    raise PermissionError(f"{payload.user} may not, with {payload.password}")


@xmlify(name="Job")
@dataclass
class NarrowJob:
    """Asks the worker for little."""

    file: Annotated[str, MaxLen(3)]


@xmlify(name="Login")
@dataclass
class NarrowLogin:
    """Lets in whoever has a short password."""

    user: str
    password: Annotated[str, Secret, MaxLen(3)]
