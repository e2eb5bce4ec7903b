"""The configuration of ``remaster.jobs.review``."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

from remaster.errors import UserError

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class ReviewSettings:
    """Where the page is served: ``port`` 0 takes a free one.

    ``names`` are further host names under which a browser may ask for it, such as those of a tunnel or a proxy.
    """

    host: str = "127.0.0.1"
    port: int = 0
    names: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ReviewOutput:
    """``dir``: the output folder of the run to look at."""

    dir: str | None = None


@dataclass(frozen=True)
class ReviewConfig:
    """The whole configuration of the program."""

    output: ReviewOutput = field(default_factory=ReviewOutput)
    review: ReviewSettings = field(default_factory=ReviewSettings)


def allowed_names(settings: ReviewSettings) -> frozenset[str]:
    """The host names under which the page may be asked for, in lower case.

    Raises ``UserError`` where the page would listen on all interfaces and no name is given: under which names it is
    asked for is then unknown, and a page that answers to any name can be read by foreign web pages (DNS rebinding).
    """
    if not 0 <= settings.port <= 65535:
        raise UserError(f"review.port={settings.port} is no port; pass 0 (any free one) to 65535")
    names = {name.lower() for name in settings.names}
    try:
        address = ipaddress.ip_address(settings.host)
    except ValueError:
        return frozenset({settings.host.lower(), *names, *LOOPBACK_NAMES})
    if address.is_unspecified and not names:
        raise UserError(
            f"review.host={settings.host} listens on every interface;"
            " name this machine as browsers will: review.names=[HOST]"
        )
    own = set() if address.is_unspecified else {settings.host.lower()}
    return frozenset({*own, *names, *LOOPBACK_NAMES})
