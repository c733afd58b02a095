"""The smallest listener: it takes a greeting, and answers whoever sent it."""

from dataclasses import dataclass

from agentserver import HandlerMetadata, HandlerResponse, xmlify


@xmlify
@dataclass
class Greeting:
    """Somebody says hello."""

    name: str


@xmlify
@dataclass
class GreetingResponse:
    """The answer to a greeting."""

    message: str


async def handle_greeting(payload: Greeting, metadata: HandlerMetadata) -> HandlerResponse:
    """Greet back."""
    return HandlerResponse.respond(GreetingResponse(message=f"Hello, {payload.name}!"))
