"""The page: filters, the filmstrip, one shot large, and what a person decides about it.

``View`` is one open page. What it shows comes from ``Review``, which all pages share; ``review.js`` moves the wipe and
turns keys into clicks on the page's own buttons, so that keyboard, mouse and touch do the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement
from nicegui.run import io_bound

from remaster.errors import UserError
from remaster.review.form import DecisionForm
from remaster.review.model import Filters, Run, Shot, chosen
from remaster.review.review import Review
from remaster.review.shot_view import ShotView
from remaster.review.strip import strip
from remaster.review.widgets import button, cells

HEAD = '<link rel="stylesheet" href="/static/review.css">'
HEAD += "".join(f'<script src="/static/{name}" defer></script>' for name in ("review.js", "paint.js"))
ANY = {"video": "every video", "method": "every method", "status": "every status", "set_id": "every set"}
DECISIONS = {
    "": "decided or not",
    "open": "not decided",
    "decided": "decided",
    "accepted": "accepted",
    "rejected": "rejected",
}
PAGE = 200
"""Shots that the strip shows at first, and how many more it shows when asked."""
REFRESH_SECONDS = 2.0
NOTHING = '<p class="none">No shot passes the filters.</p>'
NO_SHOT_YET = '<p class="none">The run has no shots yet. They appear here as they are made.</p>'
HELP = (
    ("→ or N", "next shot"),
    ("← or P", "previous shot"),
    ("A", "accept"),
    ("R", "reject"),
    ("W", "wipe: before, half, after; then the arrow keys move it"),
    ("1 2 3", "before/after, loop, background"),
    ("O", "overlay of the background"),
    ("F", "search"),
    ("T", "try other fills"),
    ("M", "make it"),
    ("? or H", "this help"),
    ("Esc", "closes it"),
)


def show(review: Review) -> None:
    """Build a page for one browser."""
    ui.add_head_html(HEAD)
    View(review).build()


class View:
    """One open page: its filters, and the shot that it shows."""

    def __init__(self, review: Review) -> None:
        self.review = review
        self.run: Run = review.read()
        self.filters = Filters()
        self.decided = review.decided
        self.limit = PAGE
        self.shots: list[Shot] = []
        self.current: str | None = None
        self.wanted: str | None = None  # a shot that is made again is gone for a while
        self.selects: dict[str, Any] = {}

    def build(self) -> None:
        """Lay the page out."""
        with ui.element("header").classes("top"):
            TextElement(tag="h1", text="remaster review").classes("name")
            ui.label(self.review.root.name).classes("folder").tooltip(str(self.review.root))
            self.counts = ui.label().classes("counts").props('role="status"')
            self.making = ui.label().classes("making").props('role="status"')
            with ui.element("div").classes("actions"):
                button("Make it", self._make, "make", "M")
                button("Help", self._help, "help", "?")
        self.trouble = ui.label().classes("trouble").props('role="alert"')
        with ui.element("div").classes("overwritten").props('role="alert"') as self.lost_panel:
            self.lost = ui.label()
            button("Put back", lambda: self._about_lost(self.review.desk.put_back), "put-back")
            button("Leave it so", lambda: self._about_lost(self.review.desk.give_up), "give-up")
        with ui.element("nav").classes("filters").props('aria-label="Filters"'):
            self._filters()
        with ui.element("div").classes("work"):
            with ui.element("section").classes("strip").props('aria-label="Shots, the riskiest first"'):
                self.strip = cells("", self._choose)
                self.more = button("Show more", self._more).classes("more")
            with ui.element("main").classes("one") as self.main:
                with ui.element("div").classes("look"):
                    self.one = ShotView(self._step, self._choose, lambda other: self.form.unlink(other))
                self.form = DecisionForm(self.review, self._decided)
        with ui.expansion("What the batch prints").classes("log").props("dense") as self.log_panel:
            self.log = TextElement(tag="pre", text="").props('role="log" tabindex="0"')
        self._shown(scroll=False)
        self._show_progress()
        ui.timer(REFRESH_SECONDS, self._refresh)

    def _filters(self) -> None:
        ui.input(placeholder="search", on_change=lambda e: self._filter(text=e.value or "")).props(
            'dense outlined clearable debounce=200 aria-label="Search" data-key="search"'
        ).classes("search")
        for name, label in ANY.items():
            self.selects[name] = ui.select(
                {"": label}, value="", on_change=lambda e, name=name: self._filter(**{name: e.value or ""})
            ).props(f'dense outlined options-dense aria-label="{label}"')
        ui.select(DECISIONS, value="", on_change=lambda e: self._filter(decision=e.value or "")).props(
            'dense outlined options-dense aria-label="decision"'
        )

    def _filter(self, **changed: str) -> None:
        self.filters = replace(self.filters, **changed)
        self.limit = PAGE
        self._shown()

    def _options(self) -> None:
        for name, label in ANY.items():
            values = {value: f"{value} ({count})" for value, count in self.run.values(name).items()}
            options = {"": label, **values}
            if self.selects[name].options != options:
                self.selects[name].set_options(options)

    def _shown(self, scroll: bool = True) -> None:
        """Show what passes the filters, and keep the present shot where it does."""
        self.shots = chosen(self.run, self.filters, self.decided)
        self._options()
        keys = [shot.key for shot in self.shots]
        if self.wanted in keys:
            self.current = self.wanted
        elif self.current not in keys:
            self.current = keys[0] if keys else None
        self.wanted = self.wanted or self.current
        self._draw_strip()
        self._draw_one(scroll)

    def _draw_strip(self) -> None:
        shown = self.shots[: self.limit]
        self.strip.content = (
            strip(shown, self.decided, self.current) if shown else NOTHING if self.run.shots else NO_SHOT_YET
        )
        self.more.set_visibility(len(self.shots) > len(shown))
        decided = sum(key in self.decided for key in self.run.by_key)
        self.counts.text = f"{len(self.shots)} of {len(self.run.shots)} shots, {decided} decided"

    def _draw_one(self, scroll: bool = True) -> None:
        shot = self.run.by_key.get(self.current or "")
        self.one.show(self.run, self.decided, shot)
        self.form.show(shot)
        self.main.set_visibility(shot is not None)
        if scroll:
            ui.run_javascript("remasterReview.current()")

    def _choose(self, key: str) -> None:
        if key in self.run.by_key:
            self.current = self.wanted = key
            self._draw_strip()
            self._draw_one()

    def _step(self, by: int) -> None:
        """Show the shot ``by`` places further on; the first and the last have none beyond."""
        keys = [shot.key for shot in self.shots]
        if not keys:
            return
        at = keys.index(self.current) if self.current in keys else 0
        place = min(max(at + by, 0), len(keys) - 1)
        self.limit = max(self.limit, place + 1)
        self._choose(keys[place])

    def _more(self) -> None:
        self.limit += PAGE
        self._draw_strip()

    async def _refresh(self) -> None:
        """Show what has changed in the folder since."""
        found = await io_bound(self.review.read)
        if found is None:  # the program ends
            return
        run = found
        if run is not self.run or self.review.decided is not self.decided:
            self.run, self.decided = run, self.review.decided
            self._shown(scroll=False)
        self.form.show_takes()
        self._show_progress()

    def _decided(self) -> None:
        """Show a decision that was just kept, where it stands in the strip."""
        self.review.read()
        self.decided = self.review.decided
        self._draw_strip()

    def _show_progress(self) -> None:
        progress = self.review.maker.progress()
        self.making.text = progress.said
        self.log.text = "\n".join(progress.lines)
        self.log_panel.set_visibility(bool(progress.lines))
        self.trouble.text = self.review.trouble
        self.trouble.set_visibility(bool(self.review.trouble))
        lost = self.review.lost
        self.lost.text = f"Another program has overwritten what was decided here: {'; '.join(lost)}"
        self.lost_panel.set_visibility(bool(lost))

    def _about_lost(self, what: Callable[[], None]) -> None:
        """Do something about overwritten decisions; where that fails, say why."""
        try:
            what()
        except (UserError, OSError) as error:
            ui.notify(str(error), type="negative", timeout=8000)
        self.review.read()
        self.decided = self.review.decided
        self._shown(scroll=False)
        self._show_progress()

    def _make(self) -> None:
        """Start the batch that obeys the decisions."""
        try:
            self.review.maker.start()
        except (UserError, OSError) as error:
            ui.notify(str(error), type="warning", timeout=8000)
        self._show_progress()

    def _help(self) -> None:
        with ui.dialog(value=True) as dialog, ui.card().classes("help"):
            ui.label("Keys").classes("title")
            with ui.element("dl"):
                for keys, what in HELP:
                    TextElement(tag="dt", text=keys)
                    TextElement(tag="dd", text=what)
            button("Close", dialog.close).props("autofocus")
        dialog.on("hide", dialog.delete)
