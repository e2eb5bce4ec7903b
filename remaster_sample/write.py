"""Writes the videos of the series with their sound, and the truth that they were cut from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from remaster.arrays import Rgb
from remaster_sample.author import X264, Chapter, Cue, write_video
from remaster_sample.render import Truth, add_grain, render
from remaster_sample.script import Episode, Shot
from remaster_sample.visits import set_of

SAMPLE_RATE = 48000
BEEP_HZ = 1000.0
BEEP_SECONDS = 0.08
LOUDNESS = 0.35
FFV1 = {"level": "3", "slices": "4", "threads": "1"}


def beeps(seconds: float, onsets: Iterable[float]) -> npt.NDArray[np.float32]:
    """Silence with a beep at each of ``onsets`` (s), to measure sync: mono float32 -1..1 at ``SAMPLE_RATE``."""
    sound = np.zeros(round(seconds * SAMPLE_RATE), np.float32)
    t = np.arange(round(BEEP_SECONDS * SAMPLE_RATE)) / SAMPLE_RATE
    # A rise of a millisecond makes the onset sharp; a slow fall avoids a click at the end.
    envelope = np.clip(t / 0.001, 0, 1) * np.clip((BEEP_SECONDS - t) / 0.03, 0, 1)
    beep = (LOUDNESS * np.sin(2 * np.pi * BEEP_HZ * t) * envelope).astype(np.float32)
    for onset in onsets:
        at = round(onset * SAMPLE_RATE)
        part = sound[at : at + len(beep)]
        part += beep[: len(part)]
    return sound


def film(episode: Episode, frames: Sequence[int]) -> Iterator[Rgb]:
    """The frames of a video before encoding: 4:3 with gate and grain, uint8 RGB."""
    for index in frames:
        yield add_grain(render(episode, index).frame, np.random.default_rng((episode.seed, index)))


def write_episode(episode: Episode, folder: Path, frames: range | None = None) -> Path:
    """Write one episode (or some of its frames, with their part of the sound) into the folder; returns the file."""
    frames = range(episode.frames) if frames is None else frames
    seconds = len(frames) / episode.fps
    onsets = [float((cut - frames.start) / episode.fps) for cut in episode.cuts if cut in frames]
    path = folder / f"{episode.name}{episode.suffix}"
    folder.mkdir(parents=True, exist_ok=True)
    write_video(
        path,
        film(episode, frames),
        episode.fps,
        sar=episode.sar,
        audio=beeps(float(seconds), onsets),
        sample_rate=SAMPLE_RATE,
        audio_codec=episode.audio_codec,
        subtitles=_cues(episode, frames) if episode.subtitles else (),
        chapters=_chapters(episode, frames),
    )
    return path


def write_truth(episode: Episode, folder: Path, frames: range | None = None) -> tuple[Path, Path, Path]:
    """Write the ground truth of an episode's frames: (wide video, mask video, JSON).

    ``NAME.wide.mkv`` holds the 16:9 pictures without grain and gate (H.264, crf 12, nearly lossless), ``NAME.mask.mkv``
    the foreground masks, 0 or 255 (FFV1, gray). ``NAME.json`` holds the window, the shots (with the drawing and the
    light of their painted sets: ``visits.read_visits``), the hard cuts, and for each frame its camera (frame pixels to
    pixels of the painted set), opacity and blur, as ``render.Truth`` has them.
    """
    frames = range(episode.frames) if frames is None else frames
    folder.mkdir(parents=True, exist_ok=True)
    wide, mask, table = (folder / f"{episode.name}{end}" for end in (".wide.mkv", ".mask.mkv", ".json"))
    write_video(
        wide, (render(episode, i).wide for i in frames), episode.fps, sar=episode.sar, options=X264 | {"crf": "12"}
    )
    rows: list[Truth] = []
    masks = (_mask(render(episode, i), rows) for i in frames)
    write_video(mask, masks, episode.fps, sar=episode.sar, codec="ffv1", pixel_format="gray", options=FFV1)
    partial = table.with_name(f".{table.name}.partial")
    partial.write_text(json.dumps(_table(episode, frames, rows), indent=1) + "\n")
    partial.replace(table)
    return wide, mask, table


def _mask(truth: Truth, rows: list[Truth]) -> npt.NDArray[np.uint8]:
    """The foreground mask of a frame, 0 or 255; appends its other values to ``rows``, without the pictures."""
    empty = np.zeros((0, 0, 3), np.uint8)
    rows.append(replace(truth, wide=empty, frame=empty, foreground=np.zeros((0, 0), np.bool_)))
    return truth.foreground.astype(np.uint8) * np.uint8(255)


def _table(episode: Episode, frames: range, truths: list[Truth]) -> dict[str, Any]:
    window = episode.window
    return {
        "video": f"{episode.name}{episode.suffix}",
        "first_frame": frames.start,
        "fps": str(episode.fps),
        "sar": str(episode.sar),
        "window": {"width": window.width, "height": window.height, "x": window.x, "y": window.y},
        "frame": {"width": episode.width, "height": episode.height},
        "cuts": list(episode.cuts),
        "shots": [_shot(shot) for shot in episode.shots],
        "cameras": [truth.camera.round(6).tolist() for truth in truths],
        "opacity": [round(truth.opacity, 6) for truth in truths],
        "blur": [truth.blur for truth in truths],
    }


def _shot(shot: Shot) -> dict[str, Any]:
    drawing, light = set_of(shot.background)
    where = {"background": shot.background, "set": drawing, "light": light}
    return {"name": shot.name, "kind": shot.kind, **where, "start": shot.start, "end": shot.end}


def _cues(episode: Episode, frames: range) -> list[Cue]:
    """The spoken lines as subtitles."""
    cues = []
    for shot in episode.shots:
        for line in (line for actor in shot.actors for line in actor.lines):
            start, end = shot.start + line.start - frames.start, shot.start + line.end - frames.start
            if 0 <= start < len(frames):
                cues.append(Cue(float(start / episode.fps), float(min(end, len(frames)) / episode.fps), line.text))
    return cues


def _chapters(episode: Episode, frames: range) -> list[Chapter]:
    """The chapters that begin with named shots."""
    named = [shot for shot in episode.shots if shot.chapter]
    ends = [*(shot.start for shot in named[1:]), episode.frames]
    chapters = []
    for shot, end in zip(named, ends, strict=False):
        first, last = max(shot.start, frames.start) - frames.start, min(end, frames.stop) - frames.start
        if last > first:
            chapters.append(Chapter(float(first / episode.fps), float(last / episode.fps), shot.chapter))
    return chapters
