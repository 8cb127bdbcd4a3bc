"""The model port: any server that speaks the OpenAI protocol, behind one `complete`.

In reading order:
- `records`: requests, replies and errors, the same for every server
- `endpoint`: one server: bounded tries within one deadline
- `client`: one try, through the OpenAI SDK
- `address`: where the server is, and the key that opens it
- `dialects`: how a request is written and a reply is read
- `faults`, `limits`, `effort`: what went wrong, what the server's limits are, whether to try again
- `traits`: what a model was found not to take
- `strict`, `replies`, `loose`: a form as a JSON schema, and a reply read back into it
- `usage`, `prices`: tokens and dollars
- `probe`: what a server can do, for `ratchet doctor`
"""

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
