"""Title lettering: fat, bouncing letters along an arc, with an ink outline and a drop shadow."""

from __future__ import annotations

import cv2
import numpy as np

from remaster_sample.brush import Canvas, Color, Coverage, soften, tone


def _glyph(letter: str, size: int) -> Coverage:
    """The letter's coverage, uint8, on a square of 2 * size with its baseline at row 1.4 * size."""
    square = np.zeros((2 * size, 2 * size), np.uint8)
    cv2.putText(square, letter, (size // 2, int(1.4 * size)), 255, cv2.FontFace("sans"), size, 800)
    return square


def _advance(letter: str, size: int) -> float:
    if letter == " ":
        return 0.34 * size
    columns = np.flatnonzero(_glyph(letter, size).any(axis=0))
    return float(columns[-1] - columns[0] + 1 + 0.07 * size)


def lettering(c: Canvas, text: str, x: float, y: float, size: int, color: Color, ink: Color, arc: float = 0.0) -> None:
    """Write ``text`` centred on (x, y); ``arc`` is by how many pixels its middle rises above its ends."""
    advances = [_advance(letter, size) for letter in text]
    whole = sum(advances)
    mask = np.zeros((c.height, c.width), np.uint8)
    at = -whole / 2
    for letter, advance in zip(text, advances, strict=True):
        middle = at + advance / 2
        at += advance
        if letter == " ":
            continue
        t = 2 * middle / max(whole, 1)
        turn = -np.degrees(np.arctan(2 * arc * t * 2 / max(whole, 1))) + c.rng.uniform(-2, 2)
        glyph = _glyph(letter, size)
        columns = np.flatnonzero(glyph.any(axis=0))
        centre = (float(columns[0] + columns[-1]) / 2, 1.05 * size)
        place = cv2.getRotationMatrix2D(centre, turn, 1.0)
        jump = c.rng.uniform(-1.5, 1.5)
        place[:, 2] += np.array([x + middle - centre[0], y - arc * (1 - t * t) - centre[1] + jump])
        mask = np.maximum(mask, cv2.warpAffine(glyph, place, (c.width, c.height), flags=cv2.INTER_CUBIC))
    _lay(c, mask, size, color, ink)


def _lay(c: Canvas, mask: Coverage, size: int, color: Color, ink: Color) -> None:
    edge = max(size // 12, 2)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * edge + 1, 2 * edge + 1))
    fat = soften(np.asarray(cv2.dilate(mask, disc), np.uint8), 0.7)
    c.fill(_moved(fat, edge, 1.6 * edge), 0, 0, tone(ink, 0.6), 0, 3)
    c.fill(fat, 0, 0, ink, 0, 3)
    c.fill(mask, 0, 0, color, 0, 5)
    # The lower edge of each letter turns deeper, the upper one catches the light.
    c.fill(mask - np.minimum(mask, _moved(mask, 0, -0.1 * size)), 0, 0, tone(color, 0.82), 0, 5)
    c.fill(mask - np.minimum(mask, _moved(mask, 0, 0.05 * size)), 0, 0, tone(color, 1.6), 0, 3)


def _moved(mask: Coverage, dx: float, dy: float) -> Coverage:
    shift = np.array([[1.0, 0.0, dx], [0.0, 1.0, dy]])
    return np.asarray(cv2.warpAffine(mask, shift, (mask.shape[1], mask.shape[0])), np.uint8)
