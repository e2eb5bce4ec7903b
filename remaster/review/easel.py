"""The controls for what is painted: a brush for masks of characters, and a background to edit elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from urllib.parse import quote

from nicegui import ui

from remaster.review.model import Shot
from remaster.review.strip import picture_url
from remaster.review.widgets import button

BRUSHES = {"mask": "is a character", "unmask": "is no character"}
"""The kinds of mask, and what the painted parts say."""


class Easel:
    """The part of a page's controls for masks and backgrounds; ``saved`` is called after each."""

    def __init__(self, saved: Callable[[], None]) -> None:
        self.saved = saved
        self.shot: Shot | None = None
        self.drawn = ""
        with ui.element("div").classes("line easel"):
            button("Paint mask", lambda: self._paint("mask"), "paint-mask")
            button("Unmask", lambda: self._paint("unmask"), "paint-unmask")
        self.background = ui.html("", sanitize=False).classes("line")
        self.background.on("saved", lambda: self.saved(), js_handler=_SAVED)

    def show(self, shot: Shot | None) -> None:
        """Work on this shot."""
        self.shot = shot
        content = "" if shot is None else _background(shot)
        if content != self.drawn:
            self.drawn = content
            self.background.content = content

    def _paint(self, kind: str) -> None:
        shot = self.shot
        if shot is None:
            return
        with ui.dialog(value=True).props("maximized") as dialog, ui.card().classes("paint-card"):
            easel = ui.html(_easel(shot, kind), sanitize=False).classes("painting")
            easel.on("saved", lambda: (self.saved(), dialog.close()), js_handler=_SAVED)
            with ui.element("div").classes("line ends"):
                button("Save", lambda: ui.run_javascript("remasterPaint.save()"), "paint-save")
                button("Clear", lambda: ui.run_javascript("remasterPaint.clear()"), "paint-clear")
                button("Cancel", dialog.close, "paint-cancel")
        dialog.on("show", lambda: ui.run_javascript("remasterPaint.open()"))
        dialog.on("hide", dialog.delete)


_SAVED = "() => emit()"


def _easel(shot: Shot, kind: str) -> str:
    """A frame with a transparent canvas over it; ``paint.js`` paints there and sends what is painted."""
    address = f"/mask/{quote(shot.key, safe='')}/{kind}"
    return (
        f'<div class="paint" data-url="{escape(address)}"><p class="said">Paint what {BRUSHES[kind]}; it holds for all '
        "keyframes of the scene. Right button or eraser: take away.</p>"
        f'<div class="sheet"><img alt="frame" src="{escape(picture_url(shot, "frame"))}"><canvas></canvas></div>'
        '<div class="line"><label><input type="checkbox" class="eraser"> eraser</label>'
        '<label>brush <input type="range" class="size" min="2" max="120" value="24" aria-label="Brush size"></label>'
        '<span class="said result" role="status"></span></div></div>'
    )


def _background(shot: Shot) -> str:
    """Links to take the background away, and to bring it back edited."""
    down = picture_url(shot, "canvas")
    up = f"/background/{quote(shot.key, safe='')}"
    name = escape(f"{shot.scene_id}-{shot.frames[0]}.png")
    return (
        f'<span class="said">background</span><a class="link" download="{name}" href="{escape(down)}">download</a>'
        f'<label class="link">upload<input type="file" accept="image/png" data-url="{escape(up)}" '
        'onchange="remasterPaint.upload(this)" aria-label="Upload an edited background"></label>'
        '<span class="said result" role="status"></span>'
    )
