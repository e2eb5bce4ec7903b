"""Prints a run's summary on the console: a table in a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from remaster.report import text
from remaster.report.summary import UNMADE, EngineChoice, Failure, Note, Summary, VideoSummary
from remaster.report.wing_use import WING_KINDS, WingUse

MAX_LISTED = 40  # videos or notes; of more videos, only those that are not ok are listed
_COLUMNS = ("video", "status", "frames", "time", "shots", *WING_KINDS, "calls")
_MIN_WIDTH, _FULL_WIDTH = 76, 120  # characters: narrower terminals get plain lines, wider ones all columns


def render_summary(summary: Summary, console: Console, engines: Sequence[EngineChoice] = ()) -> None:
    """Print the summary, with a table in a terminal and as plain lines elsewhere; then notes and every failure.

    ``engines`` are printed with the reason for their choice. No name or message can format or break the output.
    """
    listed = [v for v in summary.videos if len(summary.videos) <= MAX_LISTED or v.status not in ("ok", *UNMADE)]
    if console.is_terminal and not console.is_dumb_terminal and console.width >= _MIN_WIDTH:
        console.print(_table(summary, listed, console))
    else:
        _lines(console, (_video_line(v) for v in listed))
    if len(listed) < len(summary.videos):
        _lines(console, [f"{text.plural(len(summary.videos) - len(listed), 'more video')}, all ok"])
    _lines(console, _total_lines(summary))
    _lines(console, (f"{choice.step}: {choice.name} ({choice.reason})" for choice in engines))
    _lines(console, (_note_line(note) for note in summary.notes[:MAX_LISTED]))
    if len(summary.notes) > MAX_LISTED:
        more = text.plural(len(summary.notes) - MAX_LISTED, "more note")
        _lines(console, [f"{more}, in the report and in metadata/videos"])
    _lines(console, (_failure_line(f) for f in summary.failures))


def _lines(console: Console, lines: Iterable[str]) -> None:
    for line in lines:
        console.print(Text(text.printable(line, console.encoding)), soft_wrap=True)


def _methods(video: VideoSummary) -> str:
    return ", ".join(f"{method} {n}" for method, n in sorted(video.methods.items())) or text.DASH


def _wings(wings: WingUse) -> str:
    return ", ".join(f"{share} {kind}" for kind, share in wings.shares().items())


def _table(summary: Summary, listed: list[VideoSummary], console: Console) -> Table:
    """The videos as a table with a total below; narrow terminals get fewer columns."""
    table = Table(box=SIMPLE_HEAD, show_footer=True, header_style="bold", footer_style="bold", pad_edge=False)
    columns = [c for c in _COLUMNS if console.width >= _FULL_WIDTH or c not in ("frames", "shots", "calls")]
    footer = _cells(summary.total, "")
    for name in columns:
        words = name in ("video", "status", "shots")
        foot = text.printable(footer[name], console.encoding)
        table.add_column(name, Text(foot), justify="left" if words else "right", overflow="fold", no_wrap=not words)
    styles = {"ok": "green", "failed": "red"}
    for video in listed:
        texts = _cells(video, video.status)
        cells = {name: Text(text.printable(texts[name], console.encoding)) for name in columns}
        cells["status"].stylize(styles.get(video.status, "yellow"))
        table.add_row(*cells.values())
    return table


def _cells(video: VideoSummary, status: str) -> dict[str, str]:
    """The cells of one table row, by column."""
    made = video.shots > 0
    numbers = [text.count(video.frames if made else None), text.clock(video.duration if made else None)]
    calls = text.count(video.calls if made else None)
    row = (video.video, status, *numbers, _methods(video), *video.wings.shares().values(), calls)
    return dict(zip(_COLUMNS, row, strict=True))


def _video_line(video: VideoSummary) -> str:
    if not video.shots:
        return f"{video.video}: {video.status}"
    return (
        f"{video.video}: {video.status}, {text.plural(video.frames, 'frame')} ({text.clock(video.duration)}), "
        f"shots: {_methods(video)}, wings: {_wings(video.wings)}, "
        f"{text.plural(video.calls, 'generator call')}"
    )


def _total_lines(summary: Summary) -> Iterator[str]:
    """The run in a few lines: speed, wings, and its cost beside that of generating every frame."""
    total, wings = summary.total, summary.total.wings
    yield (
        f"{_done(summary)}: "
        f"{text.plural(total.frames, 'frame')} ({text.clock(total.duration)}) in {_took(summary)}, "
        f"{text.ratio(summary.speed)} times real time"
    )
    if wings.pixels:
        yield f"wings: {_wings(wings)}"
        if summary.sets:
            yield _set_line(summary)
        yield f"generator calls: {total.calls:,}, one a frame would be {total.frame_calls:,}{_fewer(total.call_factor)}"
        yield (
            f"generated pixels: {text.amount(total.generated_pixels)}, frame by frame would be "
            f"{text.amount(wings.pixels)}{_fewer(total.pixel_factor)}"
        )
    if (slowest := summary.slowest) is not None:
        yield f"most time in {slowest[0]} ({text.share(slowest[1])} of all steps)"


def _done(summary: Summary) -> str:
    videos = text.plural(len(summary.videos), "video")
    if summary.previewed:
        return f"preview: {summary.previewed} of {videos} drawn, nothing encoded"
    return f"{summary.delivered} of {videos} delivered{_incomplete(summary)}"


def _set_line(summary: Summary) -> str:
    return (
        f"sets that return: {len(summary.sets):,}, in {summary.set_shots:,} of "
        f"{text.plural(summary.total.shots, 'shot')}; {text.share(summary.lent_share)} of the wings recovered from "
        "other scenes instead of generated"
    )


def _incomplete(summary: Summary) -> str:
    return f" ({summary.incomplete:,} with something left out)" if summary.incomplete else ""


def _took(summary: Summary) -> str:
    """Wall time of all runs and, where there were several, of this one."""
    together = text.clock(summary.seconds + summary.earlier)
    return f"{together}, {text.clock(summary.seconds)} of it in this run" if summary.earlier else together


def _fewer(factor: float | None) -> str:
    return "" if factor is None else f" ({text.ratio(factor)} times as many)"


def _note_line(note: Note) -> str:
    kind = "incomplete" if note.loss else "note"
    return f"{kind}: {text.listed(note.videos)}: {text.first_line(note.message)}"


def _failure_line(failure: Failure) -> str:
    message = text.first_line(failure.message)
    if not failure.shots:
        return f"{failure.status}: {failure.video}: {message}"
    where = f"{text.plural(failure.shots, 'shot')} from frame {failure.first_frame:,}"
    return f"{failure.status}: {failure.video}, {where}, {failure.stage or 'unknown step'}: {message}"
