"""The written files: streams, time, sound at the cuts, and the same bytes each time."""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import Interpolation

from remaster.jobs import sample
from remaster_sample.author import Chapter, Cue, write_video
from remaster_sample.episodes import EPISODES
from remaster_sample.render import GRAIN_SIGMA, render
from remaster_sample.script import Episode
from remaster_sample.write import SAMPLE_RATE, beeps, film, write_episode, write_truth

MORNING, LAMP, LANE, _ = EPISODES


def pictures(path: Path) -> tuple[list[np.ndarray], list[float]]:
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    exact = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
    rgb = [frame.to_ndarray(format="rgb24", interpolation=exact) for frame in frames]
    return rgb, [frame.time or 0.0 for frame in frames]


def sound_of(path: Path) -> np.ndarray:
    """The audio on the video's clock: sample 0 is time 0."""
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
    start = round((frames[0].time or 0.0) * SAMPLE_RATE)
    return np.concatenate([np.zeros(start), *(frame.to_ndarray().mean(axis=0) for frame in frames)])


def flat_frames(count: int) -> list[np.ndarray]:
    return [np.full((48, 64, 3), 40 + 4 * k, np.uint8) for k in range(count)]


@pytest.mark.parametrize("episode", EPISODES, ids=lambda e: e.name)
def test_an_episode_holds_its_frames_sound_and_beep_at_the_cut(episode: Episode, tmp_path: Path) -> None:
    cut = next(c for c in episode.cuts if episode.shot_at(c).kind in ("dialogue", "pan", "multiplane", "still"))
    frames = range(cut - 9, cut + 6)
    path = write_episode(episode, tmp_path, frames)
    assert path.name == f"{episode.name}{episode.suffix}"
    assert [p.name for p in tmp_path.iterdir()] == [path.name], "no temporary file is left"
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert (stream.width, stream.height, stream.pix_fmt) == (episode.width, episode.height, "yuv420p")
        assert Fraction(stream.sample_aspect_ratio or 1) == episode.sar
        assert stream.average_rate == episode.fps
        assert container.streams.audio[0].codec_context.name == episode.audio_codec
    decoded, times = pictures(path)
    np.testing.assert_allclose(times, np.arange(15) / float(episode.fps), atol=6e-4)
    jump = [np.abs(a.astype(int) - b).mean() for a, b in pairwise(decoded)]
    assert int(np.argmax(jump)) == 8, "the cut is between the frames that the script says"
    loud = np.flatnonzero(np.abs(sound_of(path)) > 0.1)
    assert loud[0] / SAMPLE_RATE == pytest.approx(9 / float(episode.fps), abs=0.002)


def test_the_video_is_the_frame_under_grain(tmp_path: Path) -> None:
    frames = range(340, 344)
    decoded, _ = pictures(write_episode(MORNING, tmp_path, frames))
    clean = [render(MORNING, i).frame for i in frames]
    noise = np.stack(decoded).mean(axis=-1) - np.stack(clean).mean(axis=-1)
    assert abs(noise.mean()) < 0.5
    assert 0.5 * GRAIN_SIGMA < noise[:, 200:280, 200:280].std() < 2 * GRAIN_SIGMA
    grained = list(film(MORNING, frames))
    assert (grained[0] != grained[1]).any(), "a hold has grain of its own"


def test_two_runs_give_the_same_bytes(tmp_path: Path) -> None:
    first = write_episode(LAMP, tmp_path / "a", range(362, 374)).read_bytes()
    assert write_episode(LAMP, tmp_path / "b", range(362, 374)).read_bytes() == first


def test_what_is_said_becomes_subtitles_and_the_script_chapters(tmp_path: Path) -> None:
    shot = next(s for s in LAMP.shots if s.kind == "dialogue")
    path = write_episode(LAMP, tmp_path, range(shot.start - 2, shot.start + 10))
    with av.open(str(path)) as container:
        assert container.streams.subtitles[0].codec_context.name in ("srt", "subrip")
        packets = [p for p in container.demux(subtitles=0) if p.pts is not None]
        titles = [chapter["metadata"]["title"] for chapter in container.chapters()]
    line = shot.actors[0].lines[0]
    assert [bytes(p).decode() for p in packets] == [line.text]
    assert float((packets[0].pts or 0) * packets[0].time_base) == pytest.approx(
        (line.start + 2) / float(LAMP.fps), abs=2e-3
    )
    assert titles == ["The lighthouse", shot.chapter]


def test_truth_files_hold_the_wide_picture_the_masks_and_the_cameras(tmp_path: Path) -> None:
    frames = range(300, 304)
    wide, mask, table = write_truth(MORNING, tmp_path, frames)
    truths = [render(MORNING, i) for i in frames]
    decoded, _ = pictures(wide)
    assert decoded[0].shape == truths[0].wide.shape
    assert np.abs(np.stack(decoded).astype(int) - np.stack([t.wide for t in truths])).mean() < 4
    masks = np.stack(pictures(mask)[0])[..., 0]
    np.testing.assert_array_equal(masks > 127, np.stack([t.foreground for t in truths]))
    data = json.loads(table.read_text())
    np.testing.assert_allclose(data["cameras"], [t.camera for t in truths], atol=1e-6)
    assert data["cuts"] == list(MORNING.cuts)
    assert data["window"]["x"] == MORNING.window.x
    assert [s["start"] for s in data["shots"]] == [s.start for s in MORNING.shots]
    assert data["shots"][1] | {"set": "village", "light": "day"} == data["shots"][1]


def test_beeps_start_at_their_onsets_and_nothing_else_sounds() -> None:
    sound = beeps(2.0, [0.5, 1.95])
    assert sound.shape == (2 * SAMPLE_RATE,)
    assert not sound[: SAMPLE_RATE // 2].any()
    assert np.abs(sound[SAMPLE_RATE // 2 :][:96]).max() > 0.3
    assert not sound[int(0.6 * SAMPLE_RATE) : int(1.94 * SAMPLE_RATE)].any()
    assert np.abs(sound[int(1.96 * SAMPLE_RATE) :]).max() > 0.3


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "aac"), ("a.mkv", "aac"), ("a.mkv", "ac3")])
def test_sound_begins_with_the_first_frame_whatever_the_codec_delays(name: str, codec: str, tmp_path: Path) -> None:
    path = tmp_path / name
    sound = beeps(1.0, [0.0417, 0.5])
    write_video(path, flat_frames(24), Fraction(24), audio=sound, audio_codec=codec)
    heard = sound_of(path)
    heard = np.pad(heard, (0, len(sound)))[: len(sound)]
    from scipy.signal import correlate  # which takes a second, in every process that collects tests

    likeness = correlate(heard, sound, "same", method="fft")
    assert abs(int(np.argmax(likeness)) - len(sound) // 2) <= 48, "within a millisecond"
    assert pictures(path)[1][0] == 0


def test_chapters_and_cues_come_back_as_written(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    cues = [Cue(0.75, 0.9, "second"), Cue(0.25, 0.5, "first")]
    count = write_video(path, flat_frames(24), Fraction(24), subtitles=cues, chapters=[Chapter(0.0, 1.0, "All")])
    assert count == 24
    with av.open(str(path)) as container:
        packets = [p for p in container.demux(subtitles=0) if p.pts is not None]
        assert [(bytes(p).decode(), float((p.pts or 0) * p.time_base)) for p in packets] == [
            ("first", 0.25),
            ("second", 0.75),
        ]
        assert container.chapters()[0]["metadata"]["title"] == "All"


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    path.write_bytes(b"old")

    def broken() -> object:
        yield from flat_frames(3)
        raise RuntimeError("out of paint")

    with pytest.raises(RuntimeError, match="out of paint"):
        write_video(path, broken(), Fraction(24))  # type: ignore[arg-type]
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(ValueError, match="no frame"):
        write_video(path, [], Fraction(24))


def test_the_program_writes_what_it_is_asked_for_and_says_what_is_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def short(episode: Episode, folder: Path) -> Path:
        return write_episode(episode, folder, range(2))

    monkeypatch.setattr(sample, "write_episode", short)
    assert sample.main(["--out", str(tmp_path), "--episodes", "episode-1"]) == 0
    assert [p.name for p in tmp_path.iterdir()] == ["episode-1.mp4"]
    out = capsys.readouterr().out
    assert "A Windy Morning" in out
    assert f"python -m remaster.jobs.batch dataset.path={tmp_path}" in out
    assert sample.parser().parse_args([]).out == Path("data/series")
    with pytest.raises(SystemExit):
        sample.main(["--episodes", "episode-9"])
