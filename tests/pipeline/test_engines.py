"""Which engine is chosen, how its pool fits the machine, what is said where it cannot run, and pools at work."""

from __future__ import annotations

import json
import re
import shutil
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from clips import series_clip, still, two_scenes
from faulty_runs import run_on
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from programs import run_function
from rich.console import Console
from tiny_models import lama, mask_rcnn, stable_diffusion
from tiny_onnx import lama as lama_onnx

from remaster.config import config_dir, register_schema, to_config
from remaster.errors import UserError
from remaster.jobs.batch import main
from remaster.outpaint import FillTask
from remaster.pipeline.batch import run_batch
from remaster.pipeline.engines import Engine, check_fit, choose, choose_engines, pool_options, preflight
from remaster.weights import content, hub_file

GUIDE = Path(__file__).resolve().parents[2] / "CONTRIBUTING.md"


@pytest.fixture(autouse=True)
def hydra_ready() -> Iterator[None]:
    register_schema()
    with initialize_config_dir(str(config_dir()), version_base="1.3"):
        yield


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tiny weights of every engine in one folder."""
    folder = tmp_path_factory.mktemp("models")
    mask_rcnn(folder / "maskrcnn.pth", classes=2)
    stable_diffusion(folder / "diffusion")
    (folder / "text").mkdir()
    (folder / "text" / "model_index.json").write_text(json.dumps({"_class_name": "FluxPipeline"}))
    pickled = Path(shutil.copytree(folder / "diffusion", folder / "pickled")) / "unet"
    (pickled / "diffusion_pytorch_model.safetensors").rename(pickled / "diffusion_pytorch_model.bin")
    lama(folder / "lama.pt")
    lama_onnx(folder / "lama.onnx", answer=0.4)
    return folder


@pytest.fixture(autouse=True)
def shelf(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for weights without any."""
    folder = tmp_path_factory.mktemp("shelf")
    monkeypatch.setenv("REMASTER_WEIGHTS", str(folder))
    return folder


def group(step: str, *overrides: str) -> dict[str, Any]:
    config: dict[str, Any] = getattr(to_config(compose("batch", overrides=list(overrides))), step)
    return config


def lama_engine(models: Path, *overrides: str, gpus: float = 0) -> Engine:
    weights = f"inpainter.engine.weights={models / 'lama.pt'}"
    return choose("inpainter", group("inpainter", "inpainter=lama", weights, *overrides), gpus)


@pytest.mark.parametrize(("step", "neural"), [("segmenter", "maskrcnn"), ("inpainter", "stable_diffusion")])
def test_auto_without_a_gpu_is_embedded_and_says_why(step: str, neural: str) -> None:
    engine = choose(step, group(step), gpus=0)
    assert engine.name == {"segmenter": "motion", "inpainter": "exemplar"}[step]
    assert engine.reason.startswith(f"not {neural}: Ray sees no GPU")
    assert engine.pool is None


def test_auto_without_a_gpu_takes_lama_where_its_weights_are_here_and_says_what_brings_them(
    models: Path, shelf: Path
) -> None:
    without = choose("inpainter", group("inpainter"), gpus=0)
    assert without.name == "exemplar"
    assert re.search(r"; not lama: no weights at \S+; python -m remaster\.jobs\.weights get lama", without.reason)
    shutil.copy(models / "lama.onnx", shelf / "inpainting_lama_2025jan.onnx")
    engine = choose("inpainter", group("inpainter"), gpus=0)
    assert (engine.name, engine.settings["runtime"]) == ("lama", "onnx")
    assert engine.reason == "not stable_diffusion: Ray sees no GPU; its weights are here"
    assert engine.pool is not None and engine.pool.num_gpus == 0
    broken = ["inpainter.neural.engine.checkpoint=/nowhere", "inpainter.neural.pool.num_gpus=0"]
    beside = choose("inpainter", group("inpainter", *broken), gpus=1)
    assert beside.name == "lama" and beside.reason.startswith("not stable_diffusion: no folder")


@pytest.mark.parametrize(
    ("step", "missing"), [("segmenter", "no weights at"), ("inpainter", "is not in the hub's cache")]
)
def test_auto_never_asks_the_hub(step: str, missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    for name in ("remaster.weights.hub_listing", "urllib.request.urlopen"):
        monkeypatch.setattr(name, lambda *args, **kwargs: pytest.fail("the network was asked"))
    engine = choose(step, group(step, f"{step}.neural.pool.num_gpus=0"), gpus=1)
    assert engine.pool is None and missing in engine.reason and "remaster.jobs.weights list" in engine.reason


def test_asked_for_by_name_it_runs_on_the_cpu_and_takes_no_gpu(models: Path) -> None:
    engine = lama_engine(models)
    assert engine.pool is not None
    assert (engine.pool.num_gpus, engine.pool.min_size, engine.pool.max_size) == (0, 1, None)
    check_fit({"inpainter": engine}, cpus=2, gpus=0)
    on_cpu = lama_engine(models, "inpainter.engine.device=cpu", "inpainter.pool.max_size=3", gpus=4)
    assert on_cpu.pool is not None
    assert (on_cpu.pool.num_gpus, on_cpu.pool.max_size) == (0, 3)


def test_a_gpu_that_is_demanded_must_be_there(models: Path) -> None:
    with pytest.raises(UserError, match=r"lama asks for 0\.3 GPU and Ray sees 0; pass device=auto"):
        lama_engine(models, "inpainter.engine.device=cuda")


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("inpainter.engine.weights=/nowhere/lama.pt", "no weights at /nowhere/lama.pt"),
        ("inpainter.engine.device=gpu", "inpainter.engine: Invalid value 'gpu'"),
        ("+inpainter.engine.steps=3", "inpainter.engine has no setting steps; LamaInpainter has"),
        ("inpainter.pool.num_gpus=half", "inpainter.pool: Value 'half'"),
        ("+inpainter.pool.size=2", "inpainter.pool: Key 'size'"),
        ("inpainter.pool.min_size=0", "needs 1 <= min_size"),
        ("inpainter.pool.max_size=0", "needs 1 <= min_size"),
        ("inpainter.pool.batch=0", "batch >= 1"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(models: Path, override: str, says: str) -> None:
    with pytest.raises(UserError, match=re.escape(says)) as caught:
        lama_engine(models, override)
    assert "\n" not in str(caught.value)


@pytest.fixture
def no_ray_yet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As a program starts on a machine without a GPU; it may take the signals over."""
    monkeypatch.setattr("ray.is_initialized", lambda: False)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr("remaster.pipeline.cluster.GPU_DEVICES", ())
    monkeypatch.setattr("ray.init", lambda *args, **kwargs: pytest.fail("Ray was started"))
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


LITTLE_MEMORY = {"torch_device": lambda device: "cuda", "free_gpu_gb": lambda: 1.25}
MASKRCNN, DIFFUSION, LAMA = "segmenter=maskrcnn", "inpainter=stable_diffusion", "inpainter=lama"


@pytest.mark.usefixtures("no_ray_yet")
@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        ([LAMA, "inpainter.engine.weights=/nowhere/lama.pt"], "lama: no weights at /nowhere/lama.pt; pass"),
        ([DIFFUSION, "inpainter.engine.checkpoint=/nowhere"], "stable_diffusion: no folder /nowhere; pass a diffusers"),
        ([DIFFUSION, "inpainter.engine.checkpoint={models}"], "is no diffusers folder (no model_index.json)"),
        (
            [DIFFUSION, "inpainter.engine.checkpoint={models}/pickled"],
            "only pickled weights (diffusion_pytorch_model.bin)",
        ),
        (
            [DIFFUSION, "inpainter.engine.checkpoint={models}/text"],
            "is a FluxPipeline, for which there is no inpainting",
        ),
        ([MASKRCNN, "segmenter.engine.weights=/nowhere/m.pth"], "no weights at /nowhere/m.pth; pass"),
        ([MASKRCNN, "segmenter.engine.weights={models}/lama.pt"], "no weights that can be loaded safely"),
        ([MASKRCNN, "segmenter.engine.device=cuda"], "maskrcnn asks for 0.7 GPU and Ray sees 0"),
        (
            [LAMA, "inpainter.engine.weights={models}/lama.pt", "inpainter.pool.num_gpus=0"],
            "lama needs 3 GB of free GPU memory and 1.2 GB are free",
        ),
    ],
)
def test_a_command_that_cannot_start_says_why_before_anything_is_read(
    overrides: list[str],
    says: str,
    models: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if "memory" in says:
        for name, fake in LITTLE_MEMORY.items():
            monkeypatch.setattr(f"remaster.accelerator.{name}", fake)
    (tmp_path / "clip.mp4").write_bytes(b"no video: whoever reads this says something else")
    given = [f"dataset.path={tmp_path}", f"output.dir={tmp_path / 'out'}", *overrides]
    monkeypatch.setattr(sys, "argv", ["remaster", *(one.format(models=models) for one in given)])
    GlobalHydra.instance().clear()  # the program composes for itself
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr().err.splitlines()
    assert ended.value.code == 2, said
    assert len(said) == 1 and says in said[0]
    assert not (tmp_path / "out").exists()


def test_auto_falls_back_where_weights_are_missing_and_says_where_they_should_be() -> None:
    missing = ["segmenter.neural.engine.weights=/nowhere/m.pth", "segmenter.neural.pool.num_gpus=0"]
    engine = choose("segmenter", group("segmenter", *missing), gpus=1)
    assert engine.name == "motion" and engine.pool is None
    assert engine.reason.startswith("not maskrcnn: no weights at /nowhere/m.pth; pass")


def test_a_gpu_is_given_several_scenes_at_once_and_a_cpu_one(models: Path) -> None:
    on_cpu = lama_engine(models).pool
    assert on_cpu is not None
    assert pool_options(replace(on_cpu, max_size=1))["batch_size"] == 1
    assert pool_options(replace(on_cpu, num_gpus=0.5))["batch_size"] == 4
    chosen = lama_engine(models, "inpainter.pool.batch=3").pool
    assert chosen is not None and pool_options(replace(chosen, max_size=1))["batch_size"] == 3


def test_a_pool_on_cpus_has_the_actors_that_cores_and_memory_allow(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = lama_engine(models).pool
    assert pool is not None and pool.memory_gb == 1.5

    def most(cpus: float, gigabytes: float) -> int:
        monkeypatch.setattr("ray.cluster_resources", lambda: {"CPU": cpus, "memory": gigabytes * 1e9})
        size: int = pool_options(pool)["compute"].max_size
        return size

    assert [most(1, 8), most(2, 16), most(16, 64), most(16, 9), most(16, 1)] == [1, 1, 8, 3, 1]


def test_what_runs_on_the_cpu_alone_takes_no_share_of_a_card(models: Path) -> None:
    named = group("inpainter", "inpainter=lama", f"inpainter.engine.weights={models / 'lama.onnx'}")
    pool = choose("inpainter", named, gpus=2).pool
    assert pool is not None and (pool.num_gpus, pool.max_size) == (0, None)


def test_a_shared_card_must_hold_both_engines(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, float]] = []

    def on_gpu(engine: Engine, reserved_gb: float) -> dict[str, str]:
        asked.append((engine.name, reserved_gb))
        return {}

    monkeypatch.setattr("remaster.pipeline.engines.preflight_on_gpu", on_gpu)
    overrides = ["segmenter=maskrcnn", "inpainter=stable_diffusion"]
    chosen = choose_engines(to_config(compose("batch", overrides=overrides)), gpus=1)
    assert asked == [("maskrcnn", 0.0), ("stable_diffusion", 2.5)], "the second needs room beside the first"
    assert (chosen["segmenter"].settings["gpu_gb"], chosen["inpainter"].settings["gpu_gb"]) == (2.5, None)
    apart = [*overrides, "inpainter.pool.num_gpus=1", "inpainter.pool.max_size=1", "segmenter.pool.max_size=1"]
    choose_engines(to_config(compose("batch", overrides=apart)), gpus=2)
    assert asked[-1] == ("stable_diffusion", 0.0)


def test_two_engines_share_every_card_and_one_alone_takes_whole_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first pool of the graph takes over half of each card, so that no two of its actors are put on one."""
    monkeypatch.setattr("remaster.pipeline.engines.preflight_on_gpu", lambda engine, reserved_gb: {})

    def pools(*overrides: str) -> list[tuple[float, int | None, int | None]]:
        engines = choose_engines(to_config(compose("batch", overrides=list(overrides))), gpus=4).values()
        return [(e.pool.num_gpus, e.pool.initial_size, e.pool.max_size) for e in engines if e.pool]

    both = pools("segmenter=maskrcnn", "inpainter=stable_diffusion")
    assert [sizes for _, *sizes in both] == [[4, 4], [4, 4]]
    assert both[0][0] > 0.5 and both[0][0] + both[1][0] <= 1
    assert pools("segmenter=motion", "inpainter=stable_diffusion") == [(1.0, 4, 4)]
    few = pools("segmenter=motion", "inpainter=lama", "inpainter.pool.max_size=2", "inpainter.pool.num_gpus=0.5")
    assert few == [(0.5, None, 2)], "what is asked for stays"


def test_pools_that_do_not_fit_are_refused(models: Path) -> None:
    engine = lama_engine(models)
    assert engine.pool is not None
    large = replace(engine, pool=replace(engine.pool, num_gpus=0.7, min_size=2))
    with pytest.raises(UserError, match=r"need 1.4 GPUs and Ray has 1"):
        check_fit({"inpainter": large}, cpus=8, gpus=1)
    check_fit({"inpainter": large}, cpus=8, gpus=2)


def test_preflight_says_nothing_where_all_is_there(models: Path) -> None:
    engine = lama_engine(models)
    found = {"runtime": "torch", "weights": content(models / "lama.pt")}
    assert preflight(engine, 0.0) == engine.weights == found
    assert engine.settings["runtime"] == "torch", "all actors use what was found"


def test_what_touches_pixels_is_an_engine_s_identity_and_nothing_else_is(models: Path, tmp_path: Path) -> None:
    engine = lama_engine(models)
    moved = Path(shutil.copy(models / "lama.pt", tmp_path / "lama.pt"))
    elsewhere = lama_engine(models, f"inpainter.engine.weights={moved}")
    assert elsewhere.settings != engine.settings and elsewhere.identity() == engine.identity()
    for override in ("engine.batch=9", "engine.device=cpu", "engine.gpu_gb=1", "pool.batch=7", "pool.max_size=3"):
        assert lama_engine(models, f"inpainter.{override}").identity() == engine.identity(), override
    assert lama_engine(models, "inpainter.engine.tile=256").identity() != engine.identity()
    data = bytearray(moved.read_bytes())
    data[len(data) // 2] ^= 1
    moved.write_bytes(data)
    assert lama_engine(models, f"inpainter.engine.weights={moved}").identity() != engine.identity()


def test_weights_of_the_hub_stay_at_the_commit_that_was_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    folder = tmp_path / "models--owner--name"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text(commit)
    (folder / "snapshots" / commit).mkdir(parents=True)
    lama(folder / "snapshots" / commit / "lama.pt")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    config = group("inpainter", "inpainter=lama", "inpainter.engine.weights=owner/name/lama.pt")
    engine = choose("inpainter", config, gpus=0)
    assert engine.weights == {"runtime": "torch", "revision": commit}
    assert engine.settings["revision"] == engine.identity()["revision"] == commit
    assert hub_file("owner/name/lama.pt", commit) == folder / "snapshots" / commit / "lama.pt"


def test_an_engine_of_one_s_own_is_one_class_and_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The guide's example, as it stands there."""
    code = re.search(r"```python\n# (\S+)\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    settings = re.search(r"```yaml\n# conf/(\S+)\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert code is not None and settings is not None
    for match in (code, settings):
        path = tmp_path / match.group(1)
        path.parent.mkdir(parents=True)
        path.write_text(match.group(2))
    monkeypatch.syspath_prepend(str(tmp_path))
    config = group("inpainter", "inpainter=mean", f"hydra.searchpath=[file://{tmp_path}]")
    engine = choose("inpainter", config, gpus=0)
    holes = np.zeros((8, 8), bool)
    holes[:, :3] = True
    filled = engine.build().fill([FillTask(np.full((8, 8, 3), 60, np.uint8) * ~holes[..., None], holes, ~holes, 0)])[0]
    assert (filled.image == 60).all()
    with pytest.raises(UserError, match="has no setting lighten; MeanInpainter has darken"):
        choose("inpainter", {**config, "engine": {**config["engine"], "lighten": 1.0}}, gpus=0)


@pytest.mark.usefixtures("ray_cluster")
def test_a_named_engine_fills_in_a_pool_on_the_cpu(models: Path, tmp_path: Path) -> None:
    clip = two_scenes(tmp_path / "clip.mp4", frames=8)
    overrides = [
        f'dataset.path="{clip}"',
        f'output.dir="{tmp_path / "out"}"',
        "segmenter=none",
        "inpainter=lama",
        f"inpainter.engine.weights={models / 'lama.onnx'}",
        "output.preset=ultrafast",
    ]
    composed, printed = compose("batch", overrides=overrides), StringIO()
    assert run_batch(to_config(composed), composed, Console(file=printed, width=200)) == 0, printed.getvalue()
    assert "inpainter: lama (asked for)" in printed.getvalue()
    rows = pq.read_table(tmp_path / "out" / "metadata" / "scenes").to_pylist()
    assert {row["status"] for row in rows} == {"ok"}
    assert all(row["labels"] is None for row in rows), "no classes are known where nothing is looked for"
    assert any(row["inpaint_calls"] and row["generated_pixels"] for row in rows)


@pytest.mark.timeout(600)  # four processes import the libraries, which takes long on a busy machine
def test_both_models_share_one_gpu_and_auto_takes_them(models: Path, tmp_path: Path) -> None:
    """Ray's GPU here is a number only: the pools are scheduled on it, the networks find none and use the CPU."""
    clip = series_clip(tmp_path / "clip.mp4", [still(1, 6)])
    overrides = [
        f'dataset.path="{clip}"',
        f'output.dir="{tmp_path / "out"}"',
        f"segmenter.neural.engine.weights={models / 'maskrcnn.pth'}",
        "segmenter.neural.engine.lines=64",
        "segmenter.neural.engine.instances=4",
        "segmenter.neural.engine.mask=0.9",
        f"inpainter.neural.engine.checkpoint={models / 'diffusion'}",
        "inpainter.neural.engine.steps=2",
        "inpainter.neural.engine.strength=1.0",
        "output.preset=ultrafast",
    ]
    done = run_function(run_on, {"num_cpus": 1, "num_gpus": 1}, overrides, cwd=tmp_path, seconds=580)
    assert done.returncode == 0, done.stderr
    assert "segmenter: maskrcnn (1 GPU(s) found)" in done.stderr
    assert "inpainter: stable_diffusion (1 GPU(s) found)" in done.stderr
    rows = pq.read_table(tmp_path / "out" / "metadata" / "scenes").to_pylist()
    assert {row["status"] for row in rows} == {"ok"}
    assert all(row["inpaint_calls"] > 0 and row["generated_pixels"] == row["hole_pixels"] for row in rows)
    # The tiny network has one class beside the background, and finds its fill of it on every keyframe.
    assert all(dict(row["labels"]) == {"class 1": 4 * row["keyframes"]} for row in rows)
