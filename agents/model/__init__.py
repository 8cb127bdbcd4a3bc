"""The model port: any server that speaks the OpenAI protocol, behind one `complete`."""

from .address import Access
from .endpoint import Endpoint
from .prices import Price, cost, parse_price, price
from .probe import Check, probe
from .records import Message, ModelError, Reply, Request, Role, Usage, estimate_tokens
from .strict import parse_reply, strict_schema

__all__ = [
    "Access",
    "Check",
    "Endpoint",
    "Message",
    "ModelError",
    "Price",
    "Reply",
    "Request",
    "Role",
    "Usage",
    "cost",
    "estimate_tokens",
    "parse_price",
    "parse_reply",
    "price",
    "probe",
    "strict_schema",
]
