"""Reads a frame's chroma location and sample aspect ratio, which PyAV does not expose.

Both are parsed from what libavfilter's ``showinfo`` logs.
"""

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
_LOG_LEVEL_LOCK = threading.Lock()
"""Held while the log level, which all threads share, is changed."""
_LOCATION = re.compile(r"\bcl:(\w+)")
_SHAPE = re.compile(r"\bsar:(\d+)/(\d+)")


def chroma_location(frame: VideoFrame, stream: VideoStream) -> int:
    """AVChromaLocation of a decoded frame, by its stream, container or codec's standard; 0: unspecified."""
    match = _LOCATION.search(_showinfo(frame, stream))
    return SITINGS.index(match[1]) if match and match[1] in SITINGS else 0


def pixel_shape(frame: VideoFrame, stream: VideoStream) -> Fraction | None:
    """The sample aspect ratio of a decoded frame; None where it has none."""
    match = _SHAPE.search(_showinfo(frame, stream))
    return Fraction(int(match[1]), int(match[2])) if match and int(match[1]) and int(match[2]) else None


def _showinfo(frame: VideoFrame, stream: VideoStream) -> str:
    """What libavfilter's ``showinfo`` logs of a frame."""
    graph = Graph()
    graph.threads = 1  # the log is captured in this thread only
    graph.link_nodes(_buffer(graph, frame, stream), graph.add("showinfo"), graph.add("buffersink")).configure()
    with _LOG_LEVEL_LOCK:
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
    """A buffer source for this frame, whose size may differ from the stream's."""
    base = stream.time_base or Fraction(1, 25)
    return graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=base)
