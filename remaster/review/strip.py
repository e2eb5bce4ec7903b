"""The filmstrip as HTML: one button a shot, with its picture, risk, method and what was decided.

Every text from the run or its files is escaped here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import quote

from remaster.report import text
from remaster.review.model import Shot

RISK_STEPS = ((0.5, "high", "▲▲"), (0.25, "medium", "▲"), (0.0, "low", "·"))
"""From which risk on a shot is marked so: by a word, a sign and a colour."""
MARKS = {"accepted": "✓", "rejected": "✗"}


def picture_url(shot: Shot, kind: str) -> str:
    """The address of a picture of a shot; it changes when the shot was made again."""
    return f"/picture/{quote(shot.key, safe='')}/{kind}?v={quote(shot.version, safe='')}"


def video_url(shot: Shot, kind: str) -> str:
    """The address of a shot's segment or loop."""
    return f"/video/{quote(shot.key, safe='')}/{kind}?v={quote(shot.version, safe='')}"


def take_url(shot: Shot, number: int) -> str:
    """The address of a take of a shot."""
    return f"/take/{quote(shot.key, safe='')}/{number}?v={quote(shot.version, safe='')}"


def risk_step(risk: float) -> tuple[str, str]:
    """The word and the sign for a risk."""
    return next((word, sign) for least, word, sign in RISK_STEPS if risk >= least)


def strip(shots: Sequence[Shot], decided: Mapping[str, Mapping[str, Any]], current: str | None) -> str:
    """The cells of these shots in their order; ``current`` is the key of the one that is shown large."""
    return "".join(cell(shot, decided.get(shot.key, {}), shot.key == current) for shot in shots)


def cell(shot: Shot, decision: Mapping[str, Any], is_current: bool) -> str:
    """One shot of the strip."""
    word, sign = risk_step(shot.risk)
    begin, _ = shot.seconds
    what = f"{shot.video}, {text.clock(begin, 1)}, {shot.method}, {shot.status}, risk {shot.risk:.2f}"
    said = decision_text(decision)
    title = escape(f"{what}: {', '.join(shot.reasons) or 'nothing to note'}{'; ' + said if said else ''}")
    mark = f'<span class="mark">{escape(_mark(decision))}</span>' if decision else ""
    current = ' aria-current="true"' if is_current else ""
    picture = (
        f'<img loading="lazy" alt="" src="{escape(picture_url(shot, "thumb"))}" onerror="this.classList.add(\'gone\')">'
    )
    if shot.row["preview"] is None:
        picture = '<span class="nothing">no picture</span>'
    return (
        f'<button type="button" class="cell" data-shot="{escape(shot.key)}"{current} aria-label="{title}" '
        f'title="{title}">{picture}'
        f'<span class="line"><span class="risk {word}">{sign} {shot.risk:.2f}</span>'
        f"<span>{escape(shot.method)}</span>{mark}</span>"
        f'<span class="line small"><span class="of">{escape(shot.video)}</span>'
        f"<span>{text.clock(begin, 1)}</span></span></button>"
    )


def decision_text(decision: Mapping[str, Any]) -> str:
    """What was decided, in words."""
    return ", ".join(_said(key, value) for key, value in decision.items())


def _said(key: str, value: Any) -> str:
    if key == "review":
        return str(value)
    if key == "link":
        return "may share a set" if value else "in no set"
    if key == "unlink":
        return f"never linked with {len(value)} {'other' if len(value) == 1 else 'others'}"
    if key == "inpainter":
        return " ".join([f"inpainter {value['name']}", *(f"{k}={v}" for k, v in value.items() if k != "name")])
    return f"{key} {value}"


def _mark(decision: Mapping[str, Any]) -> str:
    changes = "✎" if any(key != "review" for key in decision) else ""
    return MARKS.get(str(decision.get("review")), "") + changes


def numbers(shot: Shot) -> list[tuple[str, str]]:
    """The row's numbers with their names, for a person; those that are missing are left out."""
    row = shot.row
    begin, end = shot.seconds
    found = {
        "frames": f"{shot.frames[0]}–{shot.frames[1] - 1} ({shot.frames[1] - shot.frames[0]})",
        "time": f"{text.clock(begin, 2)}–{text.clock(end, 2)}",
        "size": f"{row['width']}×{row['height']} → {row['out_width']}×{row['out_height']}",
        "framing": text.ratio(row["framing"]),
        "method": shot.method,
        "status": shot.status,
        "confidence": text.ratio(row["confidence"]),
        "recovered": text.share(row["recovered"]),
        "of other scenes": text.share(row["recovered_from_other_scenes"]),
        "propagated": text.share(row["propagated"]),
        "generated": text.share(row["generated"]),
        "soft": text.share(row["soft"]),
        "cut characters": text.share(row["cut_foreground"]),
        "continued": text.share(row["continued"]),
        "keyframes": text.count(row["keyframes"]),
        "segmenter": row["segmenter"] or text.DASH,
        "inpainter": row["inpainter"] or text.DASH,
        "seed": str(row["seed"]),
        "set": shot.set_id or text.DASH,
        "scene": shot.scene_id,
        "attempts": text.count(row["attempts"]),
        "failed step": row["error_stage"] or text.DASH,
        "error": row["error"] or text.DASH,
    }
    return [(name, value) for name, value in found.items() if value != text.DASH]
