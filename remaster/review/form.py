"""The controls by which a person decides about a shot, its set or its video; each change is kept at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from nicegui import ui

from remaster.errors import UserError
from remaster.review.desk import Apart, Scope, apart, kept_apart
from remaster.review.easel import Easel
from remaster.review.model import Shot
from remaster.review.review import Review
from remaster.review.strip import decision_text, take_url
from remaster.review.takes import COUNT, Take
from remaster.review.widgets import button, press
from remaster.steering.checking import DRAWN_METHODS, OF_SETS, STEP_METHODS

SCOPES: dict[Scope, str] = {"shot": "this shot", "set": "its set", "video": "the video"}
AS_MADE = "as made"
CHOICES: dict[str, dict[Any, str]] = {
    "method": {
        "": f"method: {AS_MADE}",
        "leave": "leave: black sides",
        "blur": "blur: enlarged picture",
        "ambient": "ambient: soft fill",
        "mosaic": "mosaic",
        "still": "still",
        "propagated": "propagated",
    },
    "framing": {
        "": f"framing: {AS_MADE}",
        "center": "original in the centre",
        "left": "original at the left",
        "right": "original at the right",
        "auto": "auto",
    },
    "gate": {"": f"gate: {AS_MADE}", "fill": "gate replaced", "keep": "gate kept"},
    "link": {"": f"link: {AS_MADE}", True: "may share a set", False: "in no set"},
}
"""Keys that are chosen from a list, and how the page says their values."""
TEXTS = {"prompt": "prompt", "negative_prompt": "negative prompt"}


class DecisionForm:
    """The controls of one page; ``saved`` is called after each decision."""

    def __init__(self, review: Review, saved: Callable[[], None]) -> None:
        self.review = review
        self.saved = saved
        self.shot: Shot | None = None
        self.scope: Scope = "shot"
        self._filling = False
        self.decided: Mapping[str, Any] = {}
        self._takes_shown: tuple[Any, ...] = ()
        self._filled: dict[str, Any] = {}  # what was put into the fields last, and for which shot
        self._lists: tuple[Any, ...] = ()
        self._build()

    def _build(self) -> None:
        with ui.element("section").classes("form").props('aria-label="Decisions"'):
            with ui.element("div").classes("verdict"):
                self.verdicts = {
                    "accepted": button("✓ Accept", lambda: self._judge("accepted"), "accept", "A"),
                    "rejected": button("✗ Reject", lambda: self._judge("rejected"), "reject", "R"),
                }
            self.said = ui.label().classes("said").props('role="status"')
            with ui.element("div").classes("for"):
                ui.label("for").classes("soft")
                self.scopes = {
                    scope: button(label, partial(self._for, scope), f"for-{scope}") for scope, label in SCOPES.items()
                }
            self.selects = {name: self._select(name) for name in CHOICES}
            with ui.element("div").classes("line"):
                self.seed = ui.number("seed", min=0, max=2**31 - 1, precision=0, format="%d").props("dense outlined")
                self.seed.on("change", lambda: self._keep("seed", _whole(self.seed.value)))
                self.try_takes = button(f"Try {COUNT} takes", self._try, "takes", "T")
            self.takes = ui.element("div").classes("takes").props('role="group" aria-label="Takes"')
            texts = TEXTS if self.review.reads_prompts else {}
            self.texts = {name: self._text(name, label) for name, label in texts.items()}
            self.easel = Easel(self._painted)
            self._cuts()

    def _painted(self) -> None:
        """What was painted is kept by the server already."""
        self.saved()
        self._fill()

    def _select(self, name: str) -> Any:
        return ui.select(
            CHOICES[name], value="", on_change=lambda e: self._keep(name, None if e.value == "" else e.value)
        ).props(f'dense outlined options-dense aria-label="{name}" data-key="set-{name}"')

    def _try(self) -> None:
        if self.shot is not None:
            self.review.takes.start(self.shot)
            self.show_takes()

    def show_takes(self) -> None:
        """Show the takes of the shot that are there, or that they are being made."""
        shot = self.shot
        if shot is None:
            return
        tried, decided = self.review.takes.tried(shot), self.decided
        state = shot.key, tried, tuple(decided.items())
        if state == self._takes_shown:
            return
        self._takes_shown = state
        self.takes.clear()
        with self.takes:
            for number, take in tried.there.items():
                chosen = take.decision.items() <= decided.items()
                with button("", partial(self._choose, take), f"take-{number}") as made:
                    ui.element("img").props(f'src="{take_url(shot, number)}" alt=""')
                    ui.label(f"{take.name}{' ✓' if chosen else ''}")
                made.props(f'aria-label="Use the take: {take.name}"')
                press(made, chosen)
            if tried.working or tried.error:
                ui.label("takes are being made …" if tried.working else tried.error).classes("said")

    def _choose(self, take: Take) -> None:
        """Decide what gives a take; the same once more takes it back."""
        if self.shot is not None:
            shot, scope, chosen = self.shot, self.scope, take.decision.items() <= self.decided.items()
            keys = {key: None if chosen else value for key, value in take.decision.items()}
            self._save(lambda: self.review.desk.decide(shot, scope, **keys), *keys)

    def _text(self, name: str, label: str) -> Any:
        made = ui.input(label).props(f'dense outlined data-key="set-{name}"')
        made.on("change", lambda: self._keep(name, made.value or None))
        return made

    def _cuts(self) -> None:
        with ui.element("div").classes("line"):
            self.cut = ui.number("cut before frame", min=1, precision=0, format="%d").props("dense outlined")
            button("Add", lambda: self._cut(True), "cut-add").props('aria-label="Add a cut"')
            button("Remove", lambda: self._cut(False), "cut-remove").props('aria-label="Remove the cut"')
        self.lists = ui.element("div").classes("cuts")

    def unlink(self, other: Shot) -> None:
        """Decide that the shot's scene never shares a set with that of another."""
        if self.shot is not None:
            one = apart(self.shot, other)
            self._save(lambda: self.review.desk.unlink(one, True))

    def _link_again(self, one: Apart) -> None:
        self._save(lambda: self.review.desk.unlink(one, False))

    def show(self, shot: Shot | None) -> None:
        """Show what is decided for a shot."""
        self.shot = shot
        if self.scope == "set" and (shot is None or shot.set_id is None):
            self.scope = "shot"
        self._fill()

    def _fill(self) -> None:
        """Set the controls to what the file says."""
        shot = self.shot
        if shot is None:
            return
        try:
            decided = self.review.desk.exactly(shot, self.scope)
            all_of_it = self.review.decided.get(shot.key, {})
        except UserError as error:
            self.said.text = str(error)
            return
        self._filling = True
        self.decided = decided
        try:
            for scope, made in self.scopes.items():
                press(made, scope == self.scope)
                made.set_enabled(scope != "set" or shot.set_id is not None)
            for verdict, made in self.verdicts.items():
                press(made, decided.get("review") == verdict)
            for name, select in self.selects.items():
                value, options = decided.get(name, ""), _options(name, self.scope, decided.get(name, ""))
                if (select.value, select.options) != (value, options):  # else a list that is open would close
                    select.set_options(options, value=value)
                select.set_visibility(self.scope != "set" or name in OF_SETS)
            self._fill_fields(shot, decided)
            self.said.text = f"decided: {decision_text(all_of_it)}" if all_of_it else "nothing is decided"
            self._fill_lists(shot)
        finally:
            self._filling = False
        self.easel.show(shot)
        self.show_takes()

    def _fill_fields(self, shot: Shot, decided: Mapping[str, Any]) -> None:
        """Set the fields in which a person types; what is typed and not kept yet stays while the shot does."""
        wanted = {"seed": decided.get("seed"), "cut": shot.frames[0] or None}
        wanted |= {name: decided.get(name, "") for name in self.texts}
        place = shot.key, self.scope
        known = self._filled if self._filled.get("") == place else {}
        for name, field in {"seed": self.seed, "cut": self.cut, **self.texts}.items():
            if name not in known or field.value == known[name]:
                field.value = wanted[name]
        self._filled = {"": place, **wanted}

    def _fill_lists(self, shot: Shot) -> None:
        """Show the changes of cuts in the shot's video, and whom its scene is kept apart from."""
        known = self.review.desk.read()
        cuts, others = [cut for cut in known.cuts if cut.video == shot.video], kept_apart(known, shot)
        if self._lists == (shot.key, cuts, others):
            return
        self._lists = shot.key, cuts, others
        self.lists.clear()
        with self.lists:
            for cut in cuts:
                said = f"{'cut added' if cut.add else 'no cut'} before frame {cut.frame}"
                button(f"{said} ✕", partial(self._uncut, cut.video, cut.frame))
            for number, one in enumerate(others):
                button(f"never linked with {one.of(shot)} ✕", partial(self._link_again, one), f"link-{number}")

    def _uncut(self, video: str, frame: int) -> None:
        self._save(lambda: self.review.desk.cut(video, frame, None))

    def _for(self, scope: Scope) -> None:
        self.scope = scope
        self._fill()

    def _judge(self, verdict: str) -> None:
        """Accept or reject; the same once more takes it back."""
        if self.shot is not None:
            self._keep("review", None if self.decided.get("review") == verdict else verdict)

    def _keep(self, key: str, value: Any) -> None:
        if not self._filling and self.shot is not None:
            shot, scope = self.shot, self.scope
            self._save(lambda: self.review.desk.decide(shot, scope, **{key: value}), key)

    def _cut(self, add: bool) -> None:
        frame = _whole(self.cut.value)
        if self.shot is not None and frame is not None:
            video = self.shot.video
            self._save(lambda: self.review.desk.cut(video, frame, add), "cut")

    def _save(self, change: Callable[[], None], *fields: str) -> None:
        """Make a change to the file and say so; where it is refused, say why, and show what holds in its ``fields``."""
        try:
            change()
        except (UserError, OSError) as error:
            ui.notify(str(error), type="negative", timeout=8000)
        for name in fields:
            self._filled.pop(name, None)
        self.saved()
        self._fill()


def _options(name: str, scope: Scope, value: Any) -> dict[Any, str]:
    """The values of a key that can be chosen for a scope, and the one that holds."""
    options = dict(CHOICES[name])
    if name == "method" and scope == "set":
        options = {key: label for key, label in options.items() if key not in STEP_METHODS}
    return options if value in options else {**options, value: str(value)}


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)


assert set(CHOICES["method"]) == {"", *DRAWN_METHODS, *STEP_METHODS}
