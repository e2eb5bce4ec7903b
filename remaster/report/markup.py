"""The small pieces of HTML that the report's page is made of; they escape all text but what is called ``html``."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from remaster.report import text
from remaster.report.wings import WingUse

_TONES = {"ok": "good", "finished": "good", "failed": "bad", "interrupted": "bad"}
WING_KINDS = {
    "recovered": "of the wings recovered from other frames",
    "propagated": "carried from frames near in time",
    "generated": "generated",
    "soft": "soft fill",
}


def badge(status: str) -> str:
    """A status word in its colour."""
    return f'<span class="badge {_TONES.get(status, "warn")}">{escape(status)}</span>'


def cell(label: str, html: str, kind: str = "") -> str:
    """A table cell with ready ``html``; ``label`` stands above it where the screen is narrow."""
    of_class = f' class="{kind}"' if kind else ""
    return f'<td data-label="{escape(label)}"{of_class}>{html}</td>'


def head(names: Sequence[str], numbers: Sequence[str] = ()) -> str:
    """A table's head; columns that are in ``numbers`` are aligned right."""
    cells = (f'<th scope="col"{" class=n" if name in numbers else ""}>{escape(name)}</th>' for name in names)
    return f"<thead><tr>{''.join(cells)}</tr></thead>"


def tile(label: str, value: str, detail: str) -> str:
    """One number of a description list, large, with what it is and a remark."""
    return f'<div class="card"><dt>{escape(label)}</dt><dd>{escape(value)}</dd><dd>{escape(detail)}</dd></div>'


def wing_bar(wings: WingUse) -> str:
    """The sources of the wings as one bar; their numbers stand beside it as text."""
    shares = ((kind, wings.share(kind) or 0.0) for kind in WING_KINDS)
    strips = "".join(f'<i class="{kind}" style="width:{100 * part:.2f}%"></i>' for kind, part in shares)
    return f'<div class="bar" aria-hidden="true">{strips}</div>'


def wing_legend(wings: WingUse) -> str:
    """What the colours of ``wing_bar`` mean, with the shares."""
    shares = wings.shares()
    items = (f'<li><i class="{kind}"></i>{escape(shares[kind])} {meaning}</li>' for kind, meaning in WING_KINDS.items())
    return f'<ul class="legend">{"".join(items)}</ul>'


def wing_cell(wings: WingUse) -> str:
    """``wing_bar`` with the shares of what is there; a dash where there are no wings."""
    if not wings.pixels:
        return text.DASH
    shares = "<br>".join(f"{escape(share)} {kind}" for kind, share in wings.shares().items() if wings.share(kind))
    return f"{wing_bar(wings)}<small>{shares}</small>"
