"""Where a picture's chroma samples lie: FFmpeg knows, PyAV does not hand it out."""

from __future__ import annotations

import re
import threading

from av import logging as av_logging
from av.filter import Graph
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

SITINGS = ("unspecified", "left", "center", "topleft", "top", "bottomleft", "bottom")
"""FFmpeg's names in the order of AVChromaLocation."""
_LEVEL = threading.Lock()
"""Held while the log's level, which all threads share, is another."""
_SHOWN = re.compile(r"\bcl:(\w+)")


def chroma_location(frame: VideoFrame, stream: VideoStream) -> int:
    """AVChromaLocation of a decoded frame, as the stream, its container or its codec's standard has it; 0: unspecified.

    Told by libavfilter's ``showinfo``, which writes it into its log.
    """
    graph = Graph()
    graph.threads = 1  # the log is caught in this thread alone
    graph.link_nodes(graph.add_buffer(template=stream), graph.add("showinfo"), graph.add("buffersink")).configure()
    with _LEVEL:
        level = av_logging.get_level()
        av_logging.set_level(av_logging.INFO)
        try:
            with av_logging.Capture() as lines:
                graph.push(frame)
                graph.pull()
        finally:
            av_logging.set_level(level)
    told = next((found for _, _, line in lines if (found := _SHOWN.search(line))), None)
    return SITINGS.index(told[1]) if told and told[1] in SITINGS else 0
