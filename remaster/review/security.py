"""Admits one person's browser to the page, and nobody else.

A random token stands in the address that the program prints. Who has it gets a cookie, by which all later requests are
known. A request under a foreign host name (DNS rebinding) or from another site's page (its ``Origin``) is refused
before any of it is looked at, web sockets included.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (
        b"content-security-policy",
        b"default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
        b"img-src 'self' data: blob:; font-src 'self' data:; object-src 'none'; base-uri 'self'; "
        b"form-action 'self'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
"""Sent with every answer: nothing is loaded from elsewhere, and no other site can embed or read the page."""
ENTER = (
    b'<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="0;url=/">'
    b'<title>remaster review</title><p><a href="/">Open the review</a>'
)
"""What the address with the token answers. It goes on to the page by itself: after a redirect a browser that came from
a link on another site would not send the cookie."""
REFUSED = b"403: open the address that the program printed, with its token\n"


@dataclass(frozen=True)
class Access:
    """Who may ask: with a ``token``, under one of the host ``names``; ``port`` tells servers' cookies apart."""

    names: frozenset[str]
    port: int
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))

    @property
    def cookie(self) -> str:
        """The name of the cookie; browsers send those of all ports of a machine."""
        return f"remaster_review_{self.port}"

    def knows_host(self, host: str) -> bool:
        """Whether a request may name this host, with or without a port (a tunnel's differs)."""
        return _name(host) in self.names

    def is_own(self, origin: str, host: str) -> bool:
        """Whether the page that sent the request is this one: its origin has the host that the request names."""
        parts = urlsplit(origin)
        return parts.scheme in ("http", "https") and parts.netloc.lower() == host.lower()

    def has_cookie(self, header: str) -> bool:
        """Whether the header ``Cookie`` has the token."""
        try:
            found = SimpleCookie(header).get(self.cookie)
        except CookieError:
            return False
        return found is not None and self.is_token(found.value)

    def is_token(self, value: str) -> bool:
        """Compare in constant time."""
        return secrets.compare_digest(value.encode(), self.token.encode())


def _name(host: str) -> str:
    """The host name of a header ``Host``, in lower case; empty where it is none."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


class Guard:
    """An ASGI application around another: it refuses what ``Access`` does not admit, and adds ``HEADERS``."""

    def __init__(self, app: App, access: Access) -> None:
        self.app = app
        self.access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if not self._is_asked_rightly(_header(scope, b"host"), _header(scope, b"origin")):
            await _refuse(scope, send)
        elif self.access.has_cookie(_header(scope, b"cookie") or ""):
            await self.app(scope, receive, _with_headers(send))
        elif self._brings_token(scope):
            cookie = f"{self.access.cookie}={self.access.token}; Path=/; HttpOnly; SameSite=Strict"
            await _answer(send, 200, ENTER, b"text/html; charset=utf-8", [(b"set-cookie", cookie.encode())])
        else:
            await _refuse(scope, send)

    def _is_asked_rightly(self, host: str | None, origin: str | None) -> bool:
        """Whether the host is known and the asking page, where there is one, is this one."""
        if host is None or origin is None or not self.access.knows_host(host):
            return False
        return origin == "" or self.access.is_own(origin, host)

    def _brings_token(self, scope: Scope) -> bool:
        if scope["type"] != "http" or scope["method"] != "GET" or scope["path"] != "/":
            return False
        tokens = parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
        return len(tokens) == 1 and self.access.is_token(tokens[0])


def _header(scope: Scope, name: bytes) -> str | None:
    """A header of the request: empty where it is missing, None where it is there more than once."""
    found = [value for key, value in scope["headers"] if key == name]
    if len(found) > 1:
        return None
    return found[0].decode("latin-1") if found else ""


async def _refuse(scope: Scope, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
    else:
        await _answer(send, 403, REFUSED, b"text/plain; charset=utf-8", [])


async def _answer(send: Send, status: int, body: bytes, kind: bytes, more: list[tuple[bytes, bytes]]) -> None:
    headers = [(b"content-type", kind), (b"cache-control", b"no-store"), *HEADERS, *more]
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _with_headers(send: Send) -> Send:
    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", []), *HEADERS]}
        await send(message)

    return sending
