"""What a person sees while a run goes on."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.table import Column
from rich.text import Text

from remaster.report import text

_WINDOW = 120.0  # seconds that the frame rate and the busiest step are measured over


class ProgressView:
    """Scenes, frames and videos done: bars in a terminal, elsewhere a plain line every ``interval`` seconds at most.

    Use it as a context manager. Calls may come in any order and name any video. As long as fewer videos are planned
    than were found, totals still grow and carry a ``+``. Nothing in a name or message can format or break the output.
    """

    def __init__(self, console: Console, interval: float = 10.0, now: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._interval = interval
        self._now = now
        self._videos = 0
        self._planned: dict[str, tuple[int, int]] = {}
        self._finished: set[str] = set()
        self._settled: set[str] = set()  # planned or finished
        self._known = [0, 0]  # scenes and frames of the plans
        self._before = [0, 0]  # scenes and frames of earlier runs
        self._scenes = self._scene_frames = self._encoded = 0  # of this run
        self._status: Counter[str] = Counter()
        self._spoke = now()
        self._said = ""
        # Replaced, never changed: the bars' own thread reads them while calls come in.
        self._samples: tuple[tuple[float, int], ...] = ((now(), 0),)  # this run's frames over time
        self._recent: tuple[tuple[float, Mapping[str, float]], ...] = ()  # what steps took
        self._bars: Progress | None = None

    def __enter__(self) -> ProgressView:
        self._spoke = self._now()
        self._samples = ((self._spoke, 0),)
        if self._console.is_terminal and not self._console.is_dumb_terminal:
            self._bars = Progress(
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
            self._say(self._line())

    def found(self, videos: int) -> None:
        """So many videos are in the dataset."""
        self._videos = videos
        self._changed()

    def planned(self, video: str, scenes: int, frames: int) -> None:
        """A video has been detected: it has so many scenes and frames, those done by an earlier run included."""
        before = self._planned.get(video, (0, 0))
        self._planned[video] = (scenes, frames)
        self._settled.add(video)
        self._known[0] += scenes - before[0]
        self._known[1] += frames - before[1]
        self._changed()

    def already(self, video: str, scenes: int, frames: int) -> None:
        """Of a video's scenes and frames, so many were done by an earlier run; call it once a video."""
        self._before[0] += scenes
        self._before[1] += frames
        self._changed()

    def encoded(self, frames: int) -> None:
        """So many frames were encoded by this run up to now, those of unfinished scenes included."""
        self._encoded = max(self._encoded, frames)
        self._changed()

    def scene_done(self, video: str, frames: int, seconds_by_stage: Mapping[str, float], status: str) -> None:
        """A scene left the last step: its frames, what each step took, and ``ok``, ``fallback`` or ``failed``."""
        self._scenes += 1
        self._scene_frames += frames
        self._status[status] += 1
        now = self._now()
        self._recent = (*(e for e in self._recent if e[0] >= now - _WINDOW), (now, dict(seconds_by_stage)))
        self._changed()

    def video_done(self, video: str, output: str | None, status: str, notes: Sequence[str] = ()) -> None:
        """A video was delivered as ``output``, or ended without one (None); its ``notes`` follow, a line each."""
        self._finished.add(video)
        self._settled.add(video)
        self.message(f"{status}: {video}" + ("" if output is None else f" -> {output}") + f" ({self._video_note()})")
        for note in notes:
            self.message(f"  {text.first_line(note)}")
        self._changed()

    def message(self, content: str) -> None:
        """Print one line above the bars."""
        self._say(content)

    def note(self) -> str:
        """Videos done, busiest step, speed, time left of what is known and failures, in words."""
        return f"{self._work()}, {self._speed()}"

    def _work(self) -> str:
        """Videos done and the busiest step."""
        busiest = self._busiest()
        step = "" if busiest is None else f", most time in {busiest[0]} ({round(100 * busiest[1])} %)"
        return text.printable(self._video_note() + step, self._console.encoding)

    def _speed(self) -> str:
        """Speed, time left of what is known, and what did not go well."""
        rate = self._rate()
        left = max(self._known[1] - self._done[1], 0)
        parts = [f"{text.ratio(rate)} fps", f"eta {text.clock(left / rate if rate else None)}{self._open}"]
        parts += [f"{self._status[status]:,} {status}" for status in ("fallback", "failed") if self._status[status]]
        return text.printable(", ".join(parts), self._console.encoding)

    @property
    def _made(self) -> int:
        """Frames of this run."""
        return max(self._scene_frames, self._encoded)

    @property
    def _done(self) -> tuple[int, int]:
        """Scenes and frames done by all runs; what a repeated attempt encodes again never counts over the known."""
        frames = min(self._before[1] + self._made, max(self._known[1], self._before[1] + self._scene_frames))
        return self._before[0] + self._scenes, frames

    @property
    def _open(self) -> str:
        """``+`` while some video has been neither planned nor ended."""
        return "+" if len(self._settled) < self._videos else ""

    def _count(self, row: int) -> str:
        return f"{self._done[row]:,}/{self._known[row]:,}{self._open}"

    def _video_note(self) -> str:
        return f"videos {len(self._finished):,}/{self._videos:,}"

    def _line(self) -> str:
        return f"{self._counts()}, {self.note()}"

    def _counts(self) -> str:
        return f"scenes {self._count(0)}, frames {self._count(1)}"

    def _rate(self) -> float | None:
        """Frames a second of this run's last minutes; None before the first."""
        (since, before), now = self._samples[0], self._now()
        return (self._made - before) / (now - since) if self._made and now > since else None

    def _sample(self) -> None:
        """Note how many frames there are now, once a second, and forget what lies before the last minutes."""
        now, samples = self._now(), self._samples
        if now - samples[-1][0] >= 1:
            samples = (*samples, (now, self._made))
        while len(samples) > 2 and samples[1][0] <= now - _WINDOW:
            samples = samples[1:]
        self._samples = samples

    def _busiest(self) -> tuple[str, float] | None:
        """The step that lately took most seconds, and its share of all steps'."""
        seconds: dict[str, float] = {}
        for _, by_stage in self._recent:
            for stage, spent in by_stage.items():
                seconds[stage] = seconds.get(stage, 0.0) + (spent or 0.0)
        whole = sum(seconds.values())
        if not whole:
            return None
        stage = max(seconds, key=seconds.__getitem__)
        return stage, seconds[stage] / whole

    def _changed(self) -> None:
        """Show the new numbers: on the bars at once, in plain lines when it is time and something is new."""
        self._sample()
        if self._bars is not None:
            for row in (0, 1):
                total = self._known[row] or None
                self._bars.update(self._bars.task_ids[row], completed=self._done[row], total=total)
        elif self._now() - self._spoke >= self._interval and self._counts() != self._said:
            self._say(self._line())
            self._spoke, self._said = self._now(), self._counts()

    def _say(self, line: str) -> None:
        self._console.print(Text(text.printable(line, self._console.encoding)), soft_wrap=True)


class _Live(ProgressColumn):
    """A column whose text is asked for anew at each refresh, by the row that it stands in."""

    def __init__(self, ask: Callable[[int], str], min_width: int | None = None) -> None:
        super().__init__(Column(no_wrap=True, overflow="ellipsis", min_width=min_width))
        self._ask = ask

    def render(self, task: Task) -> Text:
        return Text(self._ask(int(task.id)))
