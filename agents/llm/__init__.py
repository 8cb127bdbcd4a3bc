"""The model port: any server that speaks the OpenAI protocol, behind one `complete`."""

from .address import Access
from .endpoint import Endpoint
from .prices import Price, cost, parse_price, price
from .probe import Check, probe
from .records import MOST_OUTPUT, Message, ModelError, Reply, Request, Role, Usage, estimate_tokens
from .replies import parse_reply
from .strict import strict_schema

__all__ = [
    "MOST_OUTPUT",
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
