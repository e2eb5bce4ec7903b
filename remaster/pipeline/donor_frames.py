"""The frames of donors from which a shot's wings are drawn, read in order beside the shot's own."""

from __future__ import annotations

from collections.abc import Iterator

from remaster.imaging.camera import compose, translation
from remaster.media.types import Frame
from remaster.pipeline.frames import VideoFrames, active_planes
from remaster.pipeline.job import Job
from remaster.pipeline.video_plan import stored_plan
from remaster.records import Shot
from remaster.resample.exact_wings import DonorFrame, DonorReader
from remaster.rows import ExactFrames, Scene


def exact_in(scene: Scene, start: int, end: int) -> ExactFrames | None:
    """The frames of the scene that a donor shows, if they have frames ``[start, end)`` among them."""
    return next((one for one in scene.exact if one.start <= start and end <= one.end), None)


def is_exact(scene: Scene, shot: Shot) -> bool:
    """Whether donors show all frames of a shot."""
    shown = sum(max(min(one.end, shot.end) - max(one.start, shot.start), 0) for one in scene.exact)
    return shown == shot.end - shot.start


def donor_reader(scene: Scene, shot: Shot, job: Job) -> DonorReader | None:
    """What gives the donors' frames of a shot's frames, in order; None where no donor shows any."""
    parts = [one for one in scene.exact if one.start < shot.end and one.end > shot.start]
    readers = [_Reader(one, max(one.start, shot.start), job) for one in parts]
    if not readers:
        return None

    def read(index: int) -> DonorFrame | None:
        number = shot.start + index
        return next((reader(number) for reader in readers if reader.exact.start <= number < reader.exact.end), None)

    return read


class _Reader:
    """Reads the donor's frames of a scene's frames from ``start`` on, and holds the last one."""

    def __init__(self, exact: ExactFrames, start: int, job: Job) -> None:
        self.exact, self._start, self._job = exact, start, job
        self._frames: Iterator[tuple[Frame, Scene]] | None = None
        self._last = start - 1
        self._held: DonorFrame | None = None

    def __call__(self, number: int) -> DonorFrame:
        """The donor's frame of the scene's frame ``number``, which is not before the one asked for last."""
        if self._frames is None:
            self._frames = self._opened()
        if number < max(self._last, self._start):
            raise IndexError(f"the donor's frame of frame {number} was let go")
        while self._last < number:
            self._held = self._donor_frame(*next(self._frames))
            self._last += 1
        assert self._held is not None
        return self._held

    def _opened(self) -> Iterator[tuple[Frame, Scene]]:
        exact = self.exact
        scenes = stored_plan(exact.donor, self._job)
        if not scenes:
            raise FileNotFoundError(f"the plan of {exact.donor.video} is gone; start again")
        return VideoFrames(scenes).read(exact.first + self._start - exact.start, exact.end - self._start)

    def _donor_frame(self, frame: Frame, scene: Scene) -> DonorFrame:
        info, active = scene.info, scene.active
        camera = compose(translation(-active.x, -active.y), self.exact.camera)
        return DonorFrame(active_planes(frame, scene), info.format, info.color, info.height, camera, self.exact.colour)
