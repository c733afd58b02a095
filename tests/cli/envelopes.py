"""Envelopes as a sender writes them."""

from uuid import uuid4


def envelope(payload: str, to: str = "greeter", from_id: str = "visitor") -> bytes:
    meta = f"<meta><from>{from_id}</from><to>{to}</to><thread>{uuid4()}</thread></meta>"
    return f'<message xmlns="https://xml-pipeline.org/ns/envelope/v1">{meta}{payload}</message>\n'.encode()


def greeting(name: str) -> bytes:
    return envelope(f'<Greeting xmlns=""><Name>{name}</Name></Greeting>')
