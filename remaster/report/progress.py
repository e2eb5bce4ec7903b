"""Shows the progress of a run: bars in a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.table import Column
from rich.text import Text

from remaster.report import text
from remaster.report.remaining import FIRST_STEPS, LAST_STEPS, Left, StepCosts
from remaster.report.summary import slowest_step

_TROUBLES = 3  # lines: the last ones, as many as leave a small terminal room
_WINDOW_SECONDS = 120.0  # frame rate and slowest step are measured over this time


class ProgressView:
    """Scenes, frames and videos done: bars in a terminal, elsewhere a plain line at most every ``interval`` seconds.

    Use it as a context manager. Calls may come in any order and name any video. Totals carry a ``+`` until every video
    that was found is planned or finished. No name or message can format or break the output.
    """

    def __init__(
        self,
        console: Console,
        interval: float = 10.0,
        now: Callable[[], float] = time.monotonic,
        workers: float | None = None,
    ) -> None:
        self._console = console
        self._workers = workers
        self._interval = interval
        self._now = now
        self._videos = 0
        self._planned: dict[str, tuple[int, int]] = {}
        self._finished: set[str] = set()
        self._settled: set[str] = set()  # planned or finished
        self._planned_totals = [0, 0]  # scenes and frames
        self._described = [0, 0]  # scenes and frames
        self._costs = StepCosts()
        self._reused = [0, 0]  # scenes and frames of earlier runs
        self._scenes = self._scene_frames = self._encoded = 0  # of this run
        self._status: Counter[str] = Counter()
        self._printed_at = now()
        self._printed = ""  # counts of the last line
        # Tuples are replaced, never changed: the thread that draws the bars reads them.
        self._samples: tuple[tuple[float, int], ...] = ((now(), 0),)  # (time, frames of this run)
        self._recent: tuple[tuple[float, Mapping[str, float]], ...] = ()  # (time, seconds by step)
        self._places: Mapping[tuple[str, bool], int] = {}
        self._troubles: tuple[str, ...] = ()
        self._bars: Progress | None = None

    def __enter__(self) -> ProgressView:
        self._printed_at = self._now()
        self._samples = ((self._printed_at, 0),)
        if self._console.is_terminal and not self._console.is_dumb_terminal:
            self._bars = _Bars(
                self._below,
                TextColumn("{task.description}", markup=False, table_column=Column(min_width=6, no_wrap=True)),
                BarColumn(bar_width=24),
                _Live(self._count, min_width=12),
                _Live(lambda row: self._speed() if row else self._work()),
                console=self._console,
                refresh_per_second=2,
            )
            for name in ("scenes", "frames"):
                self._bars.add_task(name, total=None)
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()
            self._bars = None
        else:
            self._print(self._line())

    def found(self, videos: int) -> None:
        """The dataset has ``videos`` videos."""
        self._videos = videos
        self._changed()

    def planned(self, video: str, scenes: int, frames: int) -> None:
        """A video was detected; ``scenes`` and ``frames`` include those done by an earlier run."""
        before = self._planned.get(video, (0, 0))
        self._planned[video] = (scenes, frames)
        self._settled.add(video)
        self._planned_totals[0] += scenes - before[0]
        self._planned_totals[1] += frames - before[1]
        self._changed()

    def already(self, video: str, scenes: int, frames: int) -> None:
        """``scenes`` and ``frames`` of a video were done by an earlier run; call it once a video."""
        self._reused[0] += scenes
        self._reused[1] += frames
        self._changed()

    def encoded(self, frames: int) -> None:
        """This run has encoded ``frames`` frames up to now, those of unfinished scenes included."""
        self._encoded = max(self._encoded, frames)
        self._changed()

    def at_steps(self, scenes: Mapping[tuple[str, bool], int]) -> None:
        """How many scenes are at work at a step (step, True), or have left it and wait for the next (step, False)."""
        self._places = dict(scenes)

    def trouble(self, content: str) -> None:
        """A scene failed or fell back: bars show the last few below them, plain lines only count them."""
        line = text.printable(text.first_line(content), self._console.encoding)
        self._troubles = (*self._troubles, line)[-_TROUBLES:]

    def described(self, seconds_by_stage: Mapping[str, float], frames: int = 0) -> None:
        """A scene is stitched, and waits until the sets of all scenes are found."""
        self._described[0] += 1
        self._described[1] += frames
        self._costs.add(frames, seconds_by_stage, FIRST_STEPS)
        now = self._now()
        self._recent = (*(e for e in self._recent if e[0] >= now - _WINDOW_SECONDS), (now, dict(seconds_by_stage)))
        self._changed()

    def scene_done(self, video: str, frames: int, seconds_by_stage: Mapping[str, float], status: str) -> None:
        """A scene left the last step; ``status`` is ``ok``, ``fallback`` or ``failed``."""
        self._scenes += 1
        self._scene_frames += frames
        self._status[status] += 1
        steps = LAST_STEPS if self._described[0] else (*FIRST_STEPS, *LAST_STEPS)
        self._costs.add(frames, seconds_by_stage, steps)
        now = self._now()
        self._recent = (*(e for e in self._recent if e[0] >= now - _WINDOW_SECONDS), (now, dict(seconds_by_stage)))
        self._changed()

    def video_done(self, video: str, output: str | None, status: str, notes: Sequence[str] = ()) -> None:
        """A video was delivered as ``output``, or ended without one (None); its ``notes`` are printed, a line each."""
        self._finished.add(video)
        self._settled.add(video)
        self.message(f"{status}: {video}" + ("" if output is None else f" -> {output}") + f" ({self._video_note()})")
        for note in notes:
            self.message(f"  {text.first_line(note)}")
        self._changed()

    def message(self, content: str) -> None:
        """Print one line above the bars."""
        self._print(content)

    def note(self) -> str:
        """Videos done, slowest step, speed, remaining time and failures, as text."""
        return f"{self._work()}, {self._speed()}"

    def _work(self) -> str:
        """Videos done and the slowest step of the last minutes, as text."""
        slowest = self._slowest()
        step = "" if slowest is None else f", most time in {slowest[0]} ({round(100 * slowest[1])} %)"
        survey = self._survey() if self._bars is not None else ""
        return text.printable(self._video_note() + survey + step, self._console.encoding)

    def _speed(self) -> str:
        """Speed, remaining time of the planned frames, fallbacks and failures, as text."""
        parts = [f"{text.ratio(self._rate())} fps", f"eta {self._eta()}"]
        parts += [f"{self._status[status]:,} {status}" for status in ("fallback", "failed") if self._status[status]]
        return text.printable(", ".join(parts), self._console.encoding)

    def _eta(self) -> str:
        """The remaining time of the planned frames, as text; ``+`` where more is to come than can be told.

        It follows from the measured costs of the steps where the number of workers is known, else from the rate.
        """
        planned, done = self._planned_totals[1], self._done[1]
        stitched = self._reused[1] + (self._described[1] if self._described[0] else self._scene_frames)
        scenes = max(self._planned_totals[0] - self._done[0], 0)
        left = Left(max(planned - stitched, 0), max(planned - done, 0), scenes)
        seconds = None if self._workers is None else self._costs.seconds(left, self._workers)
        if seconds is not None:
            unknown = "" if self._costs.complete or not left.last_frames else "+"
            return f"{text.clock(seconds)}{self._open or unknown}"
        rate = self._rate()
        return f"{text.clock(left.last_frames / rate if rate else None)}{self._open}"

    def _below(self) -> list[str]:
        """The lines below the bars: the scenes at each step, and what went wrong last."""
        return [*filter(None, [self._steps()]), *self._troubles]

    def _steps(self) -> str:
        """How many scenes are at each step and wait behind it, as text; empty where none is known."""
        parts = []
        for step in (*FIRST_STEPS, *LAST_STEPS):
            working, waiting = (self._places.get((step, at_work), 0) for at_work in (True, False))
            if working or waiting:
                parts.append(f"{step} {working:,}" + (f" ({waiting:,} wait behind it)" if waiting else ""))
        return "steps  " + ", ".join(parts) if parts else ""

    @property
    def _made(self) -> int:
        """Frames of this run."""
        return max(self._scene_frames, self._encoded)

    @property
    def _done(self) -> tuple[int, int]:
        """Scenes and frames done by all runs; frames that are encoded again do not exceed the planned ones."""
        frames = min(self._reused[1] + self._made, max(self._planned_totals[1], self._reused[1] + self._scene_frames))
        return self._reused[0] + self._scenes, frames

    @property
    def _open(self) -> str:
        """``+`` while some video is neither planned nor finished."""
        return "+" if len(self._settled) < self._videos else ""

    def _count(self, row: int) -> str:
        return f"{self._done[row]:,}/{self._planned_totals[row]:,}{self._open}"

    def _video_note(self) -> str:
        return f"videos {len(self._finished):,}/{self._videos:,}"

    def _line(self) -> str:
        return f"{self._counts()}, {self.note()}"

    def _counts(self) -> str:
        return f"scenes {self._count(0)}, frames {self._count(1)}{self._survey()}"

    def _survey(self) -> str:
        """How many scenes are stitched, as text, as long as some are not, where they wait for each other."""
        total = self._planned_totals[0]
        described = self._described[0]
        return f", stitched {described:,}/{total:,}{self._open}" if 0 < described < total else ""

    def _rate(self) -> float | None:
        """Frames a second over the last minutes of this run; None before the first frame."""
        (since, before), now = self._samples[0], self._now()
        return (self._made - before) / (now - since) if self._made and now > since else None

    def _sample(self) -> None:
        """Record the number of frames at most once a second, and drop samples that are too old."""
        now, samples = self._now(), self._samples
        if now - samples[-1][0] >= 1:
            samples = (*samples, (now, self._made))
        while len(samples) > 2 and samples[1][0] <= now - _WINDOW_SECONDS:
            samples = samples[1:]
        self._samples = samples

    def _slowest(self) -> tuple[str, float] | None:
        """The step that took most time in the last minutes, and its share."""
        seconds: dict[str, float] = {}
        for _, by_stage in self._recent:
            for stage, spent in by_stage.items():
                seconds[stage] = seconds.get(stage, 0.0) + (spent or 0.0)
        return slowest_step(seconds)

    def _changed(self) -> None:
        """Update the bars at once; print a plain line when ``interval`` has passed and a count has changed."""
        self._sample()
        if self._bars is not None:
            for row in (0, 1):
                total = self._planned_totals[row] or None
                self._bars.update(self._bars.task_ids[row], completed=self._done[row], total=total)
        elif self._now() - self._printed_at >= self._interval and self._counts() != self._printed:
            self._print(self._line())
            self._printed_at, self._printed = self._now(), self._counts()

    def _print(self, line: str) -> None:
        self._console.print(Text(text.printable(line, self._console.encoding)), soft_wrap=True)


class _Bars(Progress):
    """Bars with lines of text below them, which a function gives at each refresh."""

    def __init__(self, below: Callable[[], Sequence[str]], *columns: ProgressColumn, **options: Any) -> None:
        self._below = below  # the base class draws at once
        super().__init__(*columns, **options)

    def get_renderables(self) -> Iterable[RenderableType]:
        """The bars, and the lines below them."""
        yield from super().get_renderables()
        for line in self._below():
            yield Text(line, no_wrap=True, overflow="ellipsis")


class _Live(ProgressColumn):
    """A column whose text a function gives at each refresh, by the index of the row."""

    def __init__(self, text_of: Callable[[int], str], min_width: int | None = None) -> None:
        super().__init__(Column(no_wrap=True, overflow="ellipsis", min_width=min_width))
        self._text_of = text_of

    def render(self, task: Task) -> Text:
        return Text(self._text_of(int(task.id)))
