"""A window on a stream: any order within it, nothing read twice, nothing kept too long."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from remaster.media.types import Frame
from remaster.pipeline.lookahead import Lookahead


def stream(count: int, read: list[int], fail: int | None = None) -> Iterator[Frame]:
    for i in range(count):
        if i == fail:
            raise OSError("the file is damaged")
        read.append(i)
        yield Frame(i, (np.full((2, 2), i, np.uint8),))
    read.append(-1)  # the stream was read to its end, where it checks what it read


def test_frames_are_read_once_when_they_are_asked_for_and_in_any_order() -> None:
    read: list[int] = []
    frames = Lookahead(stream(9, read))
    assert read == []
    assert frames[3].pts == 3 and read == [0, 1, 2, 3]
    assert [frames[i].pts for i in (1, 0, 3, 2)] == [1, 0, 3, 2] and read == [0, 1, 2, 3]
    assert frames[3] is frames[3]


def test_what_is_released_is_gone_and_the_rest_is_not() -> None:
    frames = Lookahead(stream(9, []))
    assert frames[5].pts == 5
    frames.release(3)
    frames.release(-7)
    assert [frames[i].pts for i in (3, 4, 5, 6)] == [3, 4, 5, 6]
    with pytest.raises(IndexError, match="frame 2 was let go"):
        frames[2]


def test_what_is_released_before_it_was_read_is_read_for_those_after_it() -> None:
    frames = Lookahead(stream(9, []))
    frames.release(4)
    assert frames[6].pts == 6


def test_the_stream_s_end_is_told() -> None:
    frames = Lookahead(stream(3, []))
    with pytest.raises(IndexError, match="frame 3 of a stream of 3"):
        frames[3]
    assert frames[2].pts == 2


def test_finish_reads_to_the_end_and_keeps_nothing() -> None:
    read: list[int] = []
    frames = Lookahead(stream(5, read))
    assert frames[1].pts == 1
    frames.finish()
    assert read == [0, 1, 2, 3, 4, -1]
    with pytest.raises(IndexError):
        frames[1]


def test_a_stream_s_own_error_comes_through() -> None:
    frames = Lookahead(stream(9, [], fail=2))
    assert frames[1].pts == 1
    with pytest.raises(OSError, match="damaged"):
        frames[4]
    with pytest.raises(OSError, match="damaged"):
        Lookahead(stream(9, [], fail=2)).finish()
