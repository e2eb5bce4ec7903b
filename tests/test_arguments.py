"""Names on the command line are taken as they stand: what a program makes of them, up to the files it finds."""

from __future__ import annotations

import os
import random
import shutil
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from clips import series_clip, still
from hydra import compose, initialize_config_dir
from programs import run_program

from remaster.config import BatchConfig, config_dir, register_schema, to_config
from remaster.errors import UserError
from remaster.pipeline.arguments import hydra_arguments

NAMES = [
    "Show, The - 01.mp4", "[GS] Show (BD 480p) - 01 [1494E429].mp4", "コスプレ： 第1話.mp4", "a=b.mp4",
    "it's #1 & \"2\"!.mp4",
    "100%{x} ${y}.mp4", " blanks .mp4 ", unicodedata.normalize("NFD", "Äpfel é.mp4"), "~tilde~.mp4", "-rf.mp4",
    "back\\slash\\'.mp4", "new\nline.mp4", "a*b?.mp4", "x: y.mp4", "$HOME `id`;.mp4", "\\${a}", "${", "true", "1_000",
    "'q'",
]  # fmt: skip
TEXTS = ("dataset.path", "output.dir", "output.encoder", "cluster.address", "inpainter.engine.prompt")
ALPHABET = [*"ab$${{}}\\\\'\"=,#&!%~ \n\t[]():;*?é日", "${", "\\${"]


@pytest.fixture(autouse=True)
def hydra_ready() -> Iterator[None]:
    register_schema()
    with initialize_config_dir(str(config_dir()), version_base="1.3"):
        yield


def configured(*arguments: str) -> BatchConfig:
    return to_config(compose("batch", overrides=hydra_arguments(arguments)))


@pytest.mark.parametrize("name", NAMES)
def test_texts_are_taken_as_they_stand(name: str) -> None:
    config = configured("inpainter=stable_diffusion", *(f"{key}={name}" for key in TEXTS))
    assert (config.dataset.path, config.output.dir, config.output.encoder) == (name, name, name)
    assert config.cluster.address == config.inpainter["engine"]["prompt"] == name


def test_so_are_texts_of_any_signs() -> None:
    chance = random.Random(1)
    for _ in range(12):
        name = "".join(chance.choice(ALPHABET) for _ in range(chance.randrange(1, 9)))
        given = ("+inpainter.engine.mood=calm", f"dataset.path=./{name}", f"output.dir={name}")
        config = configured(*given, f"/{name}", f"{name}/")
        assert config.dataset.inputs == tuple(dict.fromkeys((f"./{name}", f"/{name}", f"{name}/"))), name
        assert config.output.dir == name


def test_what_is_no_setting_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("-rf.mp4", "Title=Sub.mp4", "seed=5"):
        (tmp_path / name).touch()
    given = [
        "a.mp4",
        "output.crf=3",
        "-rf.mp4",
        "Title=Sub.mp4",
        "seed=5",
        "./seed=5",
        "~/x",
        "b, c",
        "--",
        "seed=6",
        "-x",
    ]
    config = configured(*given)
    assert config.dataset.paths == ["a.mp4", "-rf.mp4", "Title=Sub.mp4", "./seed=5", "~/x", "b, c", "seed=6", "-x"]
    assert (config.output.crf, config.seed) == (3, 5)
    assert configured("one, two").dataset.path == "one, two"
    assert configured("+dataset=series", "more").dataset.inputs == ("data/series", "more")
    assert configured("dataset.path=a", "b", "a").dataset.inputs == ("a", "b")


def test_other_keys_keep_their_types_and_null_is_none() -> None:
    config = configured("resume=false", "scenes.limit=3", "target.framing=0.25", "output.dir=null", "cluster.cpus=null")
    assert (config.resume, config.scenes.limit, config.target.framing) == (False, 3, 0.25)
    assert (config.output.dir, config.cluster.cpus) == (None, None)


def test_the_grammar_is_there_for_those_who_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHERE", "/there")
    config = configured("--grammar", 'dataset.path="a, b"', "output.dir=${oc.env:WHERE}/out")
    assert (config.dataset.path, config.output.dir) == ("a, b", "/there/out")


def test_options_keep_their_values() -> None:
    given = ["--cfg", "job", "--config-dir", "mine", "-cn", "batch", "--info", "clip.mp4"]
    assert hydra_arguments(given) == [*given[:-1], "dataset.path='clip.mp4'"]


def test_paths_given_twice_over_are_not_lost_in_silence() -> None:
    with pytest.raises(UserError, match=r"dataset\.paths is given, and paths besides"):
        configured("dataset.paths=[a,b]", "c")


def test_a_program_finds_what_people_name(tmp_path: Path) -> None:
    first = series_clip(tmp_path / NAMES[0], [still(1, 4)])
    for name in NAMES[1:]:
        shutil.copy(first, tmp_path / name)
    ended = run_program("remaster.jobs.plan", ["plan.cpus=2", *NAMES], tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith(f"{len(NAMES)} video(s), {4 * len(NAMES)} frames")


@pytest.mark.parametrize("name", ["Show, The - 02.mkv", "[x] = {y}.mkv", "it's.mkv", " ${a}.mkv "])
@pytest.mark.parametrize("key", ["", "dataset.path="])
def test_what_does_not_exist_is_named_as_it_was_given(name: str, key: str, tmp_path: Path) -> None:
    ended = run_program("remaster.jobs.batch", [f"{key}{name}"], tmp_path)
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"remaster: {name} ")
    assert len(ended.stderr.splitlines()) == 1


def test_bytes_that_are_no_text_are_refused_in_one_sentence(tmp_path: Path) -> None:
    ended = run_program("remaster.jobs.batch", [os.fsdecode(b"\xff.mkv")], tmp_path)
    assert ended.returncode == 2
    assert ended.stderr.startswith("remaster: \\xff.mkv is not UTF-8")
