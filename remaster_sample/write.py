"""Write the series' videos, and the truth that they were cut from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from remaster.arrays import Rgb
from remaster.media.author import X264, Chapter, Cue, write_video
from remaster_sample.film import add_grain
from remaster_sample.render import Truth, render
from remaster_sample.script import Episode
from remaster_sample.sound import SAMPLE_RATE, beeps

FFV1 = {"level": "3", "slices": "4", "threads": "1"}


def film(episode: Episode, frames: Sequence[int]) -> Iterator[Rgb]:
    """The frames as the series' videos hold them: the 4:3 picture with gate and grain, uint8 RGB, before encoding."""
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
    """Write what is known of an episode's frames: (wide video, mask video, JSON).

    ``NAME.wide.mkv`` holds the 16:9 pictures without grain and gate (H.264, crf 12, nearly lossless), ``NAME.mask.mkv``
    the foreground masks, 0 or 255 (FFV1, gray). ``NAME.json`` holds the window, the shots, the hard cuts, and for each
    frame its camera (frame pixels to pixels of the painted set), opacity and blur, as ``render.Truth`` has them.
    """
    frames = range(episode.frames) if frames is None else frames
    folder.mkdir(parents=True, exist_ok=True)
    wide, mask, table = (folder / f"{episode.name}{end}" for end in (".wide.mkv", ".mask.mkv", ".json"))
    write_video(
        wide, (render(episode, i).wide for i in frames), episode.fps, sar=episode.sar, options=X264 | {"crf": "12"}
    )
    rows: list[Truth] = []
    masks = (_gray(_note(rows, render(episode, i)).foreground) for i in frames)
    write_video(mask, masks, episode.fps, sar=episode.sar, codec="ffv1", pixel_format="gray", options=FFV1)
    partial = table.with_name(f".{table.name}.partial")
    partial.write_text(json.dumps(_table(episode, frames, rows), indent=1) + "\n")
    partial.replace(table)
    return wide, mask, table


def _gray(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    return mask.astype(np.uint8) * np.uint8(255)


def _note(rows: list[Truth], truth: Truth) -> Truth:
    """Keep what the table needs of a frame, without its pictures; hands the whole on."""
    nothing = np.zeros((0, 0, 3), np.uint8)
    rows.append(replace(truth, wide=nothing, frame=nothing, foreground=np.zeros((0, 0), np.bool_)))
    return truth


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
        "shots": [
            {"name": s.name, "kind": s.kind, "background": s.background, "start": s.start, "end": s.end}
            for s in episode.shots
        ],
        "cameras": [truth.camera.round(6).tolist() for truth in truths],
        "opacity": [round(truth.opacity, 6) for truth in truths],
        "blur": [truth.blur for truth in truths],
    }


def _cues(episode: Episode, frames: range) -> list[Cue]:
    """What the actors say, as subtitles."""
    cues = []
    for shot in episode.shots:
        for line in (line for actor in shot.actors for line in actor.lines):
            start, end = shot.start + line.start - frames.start, shot.start + line.end - frames.start
            if 0 <= start < len(frames):
                cues.append(Cue(float(start / episode.fps), float(min(end, len(frames)) / episode.fps), line.text))
    return cues


def _chapters(episode: Episode, frames: range) -> list[Chapter]:
    """The chapters that the shots begin; none where the script names none."""
    named = [shot for shot in episode.shots if shot.chapter]
    ends = [*(shot.start for shot in named[1:]), episode.frames]
    chapters = []
    for shot, end in zip(named, ends, strict=False):
        first, last = max(shot.start, frames.start) - frames.start, min(end, frames.stop) - frames.start
        if last > first:
            chapters.append(Chapter(float(first / episode.fps), float(last / episode.fps), shot.chapter))
    return chapters
