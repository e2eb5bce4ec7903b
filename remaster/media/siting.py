"""Where a picture's chroma samples lie, and their shape: FFmpeg knows, PyAV does not hand it out."""

from __future__ import annotations

import re
import threading
from fractions import Fraction

from av import logging as av_logging
from av.filter import Graph
from av.filter.context import FilterContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

SITINGS = ("unspecified", "left", "center", "topleft", "top", "bottomleft", "bottom")
"""FFmpeg's names in the order of AVChromaLocation."""
_LEVEL = threading.Lock()
"""Held while the log's level, which all threads share, is another."""
_SHOWN = re.compile(r"\bcl:(\w+)")


_SHAPE = re.compile(r"\bsar:(\d+)/(\d+)")


def chroma_location(frame: VideoFrame, stream: VideoStream) -> int:
    """AVChromaLocation of a decoded frame, as its stream, container or codec's standard has it; 0: unspecified."""
    told = _SHOWN.search(_told(frame, stream))
    return SITINGS.index(told[1]) if told and told[1] in SITINGS else 0


def pixel_shape(frame: VideoFrame, stream: VideoStream) -> Fraction | None:
    """The sample aspect ratio of a decoded frame; None where it says none."""
    told = _SHAPE.search(_told(frame, stream))
    return Fraction(int(told[1]), int(told[2])) if told and int(told[1]) and int(told[2]) else None


def _told(frame: VideoFrame, stream: VideoStream) -> str:
    """What libavfilter's ``showinfo`` writes of a frame into its log."""
    graph = Graph()
    graph.threads = 1  # the log is caught in this thread alone
    graph.link_nodes(_buffer(graph, frame, stream), graph.add("showinfo"), graph.add("buffersink")).configure()
    with _LEVEL:
        level = av_logging.get_level()
        av_logging.set_level(av_logging.INFO)
        try:
            with av_logging.Capture() as lines:
                graph.push(frame)
                graph.pull()
        finally:
            av_logging.set_level(level)
    return " ".join(line for _, _, line in lines)


def _buffer(graph: Graph, frame: VideoFrame, stream: VideoStream) -> FilterContext:
    """A source for this very frame, whose size may be another than the stream's first."""
    base = stream.time_base or Fraction(1, 25)
    return graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=base)
