"""One shot large: before and after under a wipe, the loop, the background with its overlay, its numbers and its set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from html import escape
from typing import Any

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from remaster.review.model import Run, Shot
from remaster.review.strip import numbers, picture_url, risk_step, strip, video_url
from remaster.review.widgets import button, cells, press

VIEWS = {"wipe": "Wipe", "loop": "Loop", "background": "Background"}
LEGEND = (
    ("plain", "seen by frames of this scene"),
    ("lent", "dots: seen by other scenes"),
    ("made", "lines: generated"),
    ("unseen", "crosses: visible in no frame"),
)
MISSING = 'onerror="remasterReview.missing(this)"'


class ShotView:
    """The large part of a page; ``step`` goes some shots on, ``choose`` to one by its key.

    ``unlink`` decides that the shot never shares a set with another.
    """

    def __init__(
        self, step: Callable[[int], None], choose: Callable[[str], None], unlink: Callable[[Shot], None]
    ) -> None:
        self.step = step
        self.choose = choose
        self.unlink = unlink
        self.view = "wipe"
        self.shot: Shot | None = None
        self._drawn: tuple[Any, ...] = ()
        self._build()

    def _build(self) -> None:
        with ui.element("div").classes("head"):
            self.title = TextElement(tag="h2", text="").classes("title")
            self.why = ui.label().classes("why")
        self.error = ui.label().classes("error")
        with ui.element("div").classes("views"):
            button("←", lambda: self.step(-1), "previous", "P").props('aria-label="Previous shot"')
            button("→", lambda: self.step(1), "next", "N").props('aria-label="Next shot"')
            self.buttons = {
                name: button(label, partial(self._look, name), f"view-{name}", str(number))
                for number, (name, label) in enumerate(VIEWS.items(), 1)
            }
        self.stage = ui.html("", sanitize=False).classes("stage")
        self.sides = ui.element("div").classes("sides")
        with self.sides:
            self.same_set = ui.element("section").classes("same-set")
            with ui.expansion("Numbers").classes("numbers").props("dense"):
                self.table = ui.html("", sanitize=False)

    def show(self, run: Run, decided: Mapping[str, Mapping[str, Any]], shot: Shot | None) -> None:
        """Show a shot; None: none. ``decided`` has the decisions on shots, by their keys."""
        self.shot = shot
        others = run.set_of(shot) if shot is not None else []
        state = shot and (shot.key, shot.version), self.view, [(one.version, decided.get(one.key)) for one in others]
        if state == self._drawn:
            return
        self._drawn = state
        self.title.text = "" if shot is None else f"{shot.video} · frames {shot.frames[0]}–{shot.frames[1] - 1}"
        self.why.text = "" if shot is None else _why(shot)
        self.error.text = "" if shot is None else _error(shot)
        self.error.set_visibility(bool(self.error.text))
        self._draw_stage()
        rows = [] if shot is None else numbers(shot)
        self.table.content = (
            "<table>"
            + "".join(f"<tr><th scope='row'>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows)
            + "</table>"
        )
        self._draw_set(others, decided)

    def _look(self, view: str) -> None:
        self.view = view
        self._draw_stage()

    def _draw_stage(self) -> None:
        for name, made in self.buttons.items():
            press(made, name == self.view)
        self.stage.content = "" if self.shot is None else STAGES[self.view](self.shot)

    def _draw_set(self, others: list[Shot], decided: Mapping[str, Mapping[str, Any]]) -> None:
        self.same_set.clear()
        if others:
            with self.same_set:
                ui.label(f"The same set in {len(others)} other shot{'s' if len(others) > 1 else ''}").classes(
                    "subtitle"
                )
                with ui.element("div").classes("row"):
                    for other in others:
                        self._draw_other(other, decided)

    def _draw_other(self, other: Shot, decided: Mapping[str, Mapping[str, Any]]) -> None:
        with ui.element("div").classes("other"):
            cells(strip([other], decided, None), self.choose)
            made = button("Never link", partial(self.unlink, other), f"unlink-{other.key}")
            made.props(f'aria-label="Never link with {escape(other.video)}, frame {other.frames[0]}"')


def _why(shot: Shot) -> str:
    word, sign = risk_step(shot.risk)
    reasons = ", ".join(shot.reasons) or "nothing to note"
    return f"{sign} {word} risk {shot.risk:.2f}: {reasons} · {shot.method}, {shot.status}"


def _error(shot: Shot) -> str:
    """What went wrong with a shot, and in which step; empty where nothing did."""
    stage, error = shot.row["error_stage"], shot.row["error"]
    return "" if error is None else f"{stage}: {error}" if stage else str(error)


def wipe(shot: Shot) -> str:
    """Before and after over each other; a slider moves the line between them."""
    if shot.row["segment"] is None and not shot.row["stills"]:
        return '<p class="none">Nothing of this shot was encoded.</p>'
    return (
        f'<div class="wipe loading" style="--shape:{int(shot.row["out_width"]) / int(shot.row["out_height"]):.4f}">'
        f'<img class="after" alt="after" src="{escape(picture_url(shot, "after"))}" '
        f'onload="remasterReview.shaped(this)" {MISSING}>'
        f'<img class="before" alt="before" src="{escape(picture_url(shot, "before"))}">'
        '<span class="tag left">before</span><span class="tag right">after</span><span class="edge"></span>'
        '<input type="range" min="0" max="100" value="50" step="1" data-key="wipe" '
        'aria-label="Wipe: how much of the picture is before, in percent"></div>'
    )


def loop(shot: Shot) -> str:
    """The shot as it moves: its preview's loop, else its segment, where the browser plays that."""
    kind = "segment" if shot.row["segment"] is not None else "loop"
    other = video_url(shot, "loop") if kind == "segment" and shot.row["loop"] is not None else ""
    if shot.row[kind] is None:
        return '<p class="none">Nothing of this shot was encoded.</p>'
    return (
        f'<div class="loop"><video autoplay muted loop playsinline controls src="{escape(video_url(shot, kind))}" '
        f'data-other="{escape(other)}" onerror="remasterReview.unplayable(this)"></video></div>'
    )


def background(shot: Shot) -> str:
    """The background with the overlay that says where its pixels come from."""
    legend = "".join(f'<li class="{kind}"><span class="swatch"></span>{escape(what)}</li>' for kind, what in LEGEND)
    return (
        '<div class="canvas overlaid"><div class="sheet">'
        f'<img alt="background" src="{escape(picture_url(shot, "background"))}" {MISSING}>'
        f'<img class="over" alt="" src="{escape(picture_url(shot, "overlay"))}" onerror="this.remove()"></div>'
        '<label class="toggle"><input type="checkbox" checked data-key="overlay" '
        "onchange=\"this.closest('.canvas').classList.toggle('overlaid', this.checked)\"> where it comes from</label>"
        f'<ul class="legend">{legend}</ul></div>'
    )


STAGES: dict[str, Callable[[Shot], str]] = {"wipe": wipe, "loop": loop, "background": background}
