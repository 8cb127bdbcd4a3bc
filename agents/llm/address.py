"""Where a model server is and what opens it; the one place that holds a key."""

import base64
import ipaddress
import re
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import unquote, urlsplit

from ...sandbox.text import line
from .records import ModelError

OPENAI = "https://api.openai.com/v1"
URL_VARIABLE, KEY_VARIABLE = "OPENAI_BASE_URL", "OPENAI_API_KEY"
SECRET = 12  # characters; shorter keys are placeholders such as "not-needed", as text may hold
SHORT = 4  # characters of what is hidden as a whole word in what a server complains of
LONGEST_DETAIL = 200
HIDDEN = "[hidden]"

_LOOKS_SECRET = re.compile(r"(?i)\b(?:bearer|basic)\s+[\w.~+/=*-]{8,}|\bsk-[\w*-]{6,}")


@dataclass(frozen=True)
class Access:
    """A server's address without credentials, and apart from it what opens it."""

    url: str
    key: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    proxy: str = ""  # that the environment names for it, without credentials

    @classmethod
    def parse(cls, url: str, key: str = "", custom: str = "") -> Self:
        """Take a URL apart, or raise ModelError; `custom` holds `Name: value` lines to hide."""
        try:
            parts = urlsplit(url.strip())
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ModelError(
                f"{URL_VARIABLE} is no address of a model server: set it to one that begins with "
                "http:// or https://, such as http://localhost:8000/v1"
            )
        if parts.query or parts.fragment:
            raise ModelError(
                f"the model server's address has a part after ? or #, which would end up in logs: "
                f"take it out of {URL_VARIABLE}"
            )
        key = key.strip()
        if not (key.isascii() and key.isprintable()) or " " in key:
            raise ModelError(f"{KEY_VARIABLE} holds characters that no key has: set it again")
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        place = f"{parts.scheme}://{host}{f':{port}' if port else ''}{parts.path.rstrip('/')}"
        name, password = unquote(parts.username or ""), unquote(parts.password or "")
        basic = base64.b64encode(f"{name}:{password}".encode()).decode() if name else ""
        values = [header.partition(":")[2].strip() for header in custom.splitlines()]
        proxy, inside = _proxy(parts.scheme, parts.hostname)
        hidden = [key, basic, password, *values, *inside]
        return cls(
            url=place,
            key=key,
            headers={"Authorization": f"Basic {basic}"} if basic else {},
            secrets=tuple(secret for secret in hidden if secret),
            proxy=proxy,
        )

    @property
    def local(self) -> bool:
        """Whether the server is on this machine or its private network."""
        return is_local(self.url)

    @property
    def official(self) -> bool:
        """Whether this is OpenAI's own server."""
        return (urlsplit(self.url).hostname or "").endswith("api.openai.com")

    def hide(self, text: str) -> str:
        """The text without any secret of this server in it."""
        for secret in self.secrets:
            if len(secret) >= SECRET:
                text = text.replace(secret, HIDDEN)
        return text

    def detail(self, text: str, most: int = LONGEST_DETAIL) -> str:
        """Words of a server, made fit to be shown in a sentence; short secrets are hidden too."""
        text = self.hide(text)
        for secret in self.secrets:
            if len(secret) >= SHORT:
                text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", HIDDEN, text)
        return line(_LOOKS_SECRET.sub(HIDDEN, text), most).strip(" .")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine itself, which no proxy can reach for us."""
    host = host.rstrip(".").lower()
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _proxy(scheme: str, host: str) -> tuple[str, list[str]]:
    """The proxy of the environment for a host, as it may be shown, and the secrets in it."""
    proxies = urllib.request.getproxies()
    url = proxies.get(scheme) or proxies.get("all") or ""
    if not url or is_loopback(host) or urllib.request.proxy_bypass(host):
        return "", []
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        shown, port = parts.hostname or "", parts.port
    except ValueError:
        return "", []
    name, password = unquote(parts.username or ""), unquote(parts.password or "")
    basic = base64.b64encode(f"{name}:{password}".encode()).decode() if name else ""
    shown = f"[{shown}]" if ":" in shown else shown
    hidden = [password, parts.password or "", basic]
    return f"{parts.scheme}://{shown}{f':{port}' if port else ''}", hidden


def is_local(url: str) -> bool:
    """Whether a URL's host is loopback, in a private network, or a name without a public part."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        public = "." in host and not host.endswith((".localhost", ".local", ".docker.internal"))
        return bool(host) and not public
    return address.is_loopback or address.is_private or address.is_link_local
