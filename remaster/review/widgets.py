"""Parts that several places of the page use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nicegui import ui
from nicegui.elements.button import Button
from nicegui.elements.html import Html

_PICK = "(e) => { const cell = e.target.closest('[data-shot]'); if (cell) emit(cell.dataset.shot); }"


def button(label: str, action: Callable[[], Any], key: str = "", shortcut: str = "") -> Button:
    """A button that does ``action``; ``review.js`` finds it by its ``key`` and presses it for the key ``shortcut``."""
    made = ui.button(label, on_click=lambda _: action(), color=None).props("dense no-caps unelevated")
    if key:
        made.props(f'data-key="{key}"')
    if shortcut:
        made.props(f'aria-keyshortcuts="{shortcut}"').tooltip(f"key {shortcut}")
    return made


def cells(content: str, choose: Callable[[str], None]) -> Html:
    """Cells of the strip; a click calls ``choose`` with the key of the shot."""
    made = ui.html(content, sanitize=False).classes("cells")
    made.on("click", lambda event: choose(str(event.args)), js_handler=_PICK)
    return made


def press(made: Any, pressed: bool) -> None:
    """Show whether a button that stays pressed is."""
    made.props(f'aria-pressed="{str(pressed).lower()}"')
    made.classes(add="chosen" if pressed else None, remove=None if pressed else "chosen")
