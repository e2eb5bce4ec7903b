"""Chooses the engine of a step, and whether it runs in tasks or, because it loads weights, in an actor pool."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any

import ray.data
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from remaster.config import BatchConfig
from remaster.errors import EngineUnavailable, UserError
from remaster.pipeline.cluster import gpus_before_start
from remaster.pipeline.codeprint import engine_code

PREFLIGHT_SECONDS = 180
"""How long a node with a GPU may take to start a worker, import the libraries and look for weights."""
SCENES_PER_GPU_CALL = 4
"""Scenes per call of an engine on a GPU, where the pool's settings do not set it."""
HARDWARE_SETTINGS = ("batch", "device", "download", "gpu_gb", "offload", "compile")
"""Settings of an engine that choose where and how fast it runs: results differ by no more than rounding."""
PINNED = ("revision", "runtime")
"""What a preflight finds and all actors of the run must use."""
POOL_CORES, POOL_MEMORY = 0.5, 0.5
"""Shares of the cores and of the memory that Ray has which a pool on CPUs may take; the other steps need theirs."""


@dataclass(frozen=True)
class PoolSettings:
    """An actor pool: its minimum, initial and maximum number of actors, and the resources of each.

    ``max_size`` None is one actor per GPU, all from the start. Without a GPU it is ``min_size``, or, where
    ``memory_gb`` says what an actor takes, as many as ``POOL_CORES`` and ``POOL_MEMORY`` of what Ray has allow.
    ``initial_size`` None is ``min_size`` otherwise. ``num_cpus`` is 0 for GPU actors, or two pools on two cores would
    wait for each other forever. ``batch`` is the number of scenes per call of the engine; None is
    ``SCENES_PER_GPU_CALL`` on a GPU, which the tiles of a single scene do not fill, and 1 on a CPU. An engine's own
    ``batch`` alone bounds its GPU memory.
    """

    min_size: int = 1
    initial_size: int | None = None
    max_size: int | None = None
    num_gpus: float = 0.0
    num_cpus: float = 0.0
    memory_gb: float | None = None
    batch: int | None = None


@dataclass(frozen=True)
class Engine:
    """A chosen engine: its ``name``, the ``reason`` for the choice, its settings (with its class), its pool or None.

    ``weights`` identify the content of its weights, by setting; ``code`` is a digest of its class's code.
    """

    name: str
    reason: str
    settings: dict[str, Any]
    pool: PoolSettings | None
    weights: Mapping[str, str] = field(default_factory=dict)
    code: str = ""

    def build(self) -> Any:
        """Create an instance, in the process that will use it."""
        return self.kind(**self.arguments)

    @property
    def arguments(self) -> dict[str, Any]:
        """Its settings, without the name of its class."""
        return {key: value for key, value in self.settings.items() if key != "_target_"}

    @property
    def kind(self) -> Callable[..., Any]:
        """Its class; raises ``UserError`` where no class has that name."""
        # Without Hydra's functions: workers would import Hydra only for this.
        try:
            found: Callable[..., Any] = pkgutil.resolve_name(self.settings["_target_"])
        except (ImportError, AttributeError, ValueError) as error:
            raise UserError(f"no engine {self.settings['_target_']}: {error}") from error
        return found

    def identity(self) -> dict[str, Any]:
        """All that decides the engine's pixels: its class, code, settings and the content of its weights.

        The path of the weights, batches, device and pool are not part of it.
        """
        settings = {key: value for key, value in self.settings.items() if key not in HARDWARE_SETTINGS}
        return settings | dict(self.weights) | {"code": self.code}


def choose_engines(config: BatchConfig, gpus: float) -> dict[str, Engine]:
    """Choose segmenter and inpainter; raises ``UserError`` as ``choose`` does.

    Where both share a GPU, it must have free memory for both.
    """
    segmenter = choose("segmenter", config.segmenter, gpus)
    reserved_gb = float(segmenter.settings.get("gpu_gb", 0.0)) if _shares_a_gpu(segmenter) else 0.0
    engines = {"segmenter": segmenter, "inpainter": choose("inpainter", config.inpainter, gpus, reserved_gb)}
    sharing = [step for step, engine in engines.items() if _shares_a_gpu(engine)]
    if len(sharing) == 1:  # Ray would put several actors on one GPU and leave others idle
        alone = engines[sharing[0]]
        engines[sharing[0]] = replace(alone, pool=_whole_gpus(alone.pool, gpus))
    return engines


def _shares_a_gpu(engine: Engine) -> bool:
    return engine.pool is not None and 0 < engine.pool.num_gpus < 1


def _whole_gpus(pool: PoolSettings | None, gpus: float) -> PoolSettings | None:
    """The pool with a whole GPU for each actor, where it has one actor per GPU."""
    return replace(pool, num_gpus=1.0) if pool and pool.max_size == int(gpus) else pool


def early_engines(config: BatchConfig) -> dict[str, Engine] | None:
    """Choose the engines before Ray starts (which takes seconds) where its GPUs are known in advance; else None.

    Raises ``UserError`` as ``choose`` does.
    """
    gpus = gpus_before_start(config.cluster)
    return None if gpus is None else choose_engines(config, gpus)


def choose(step: str, config: Mapping[str, Any], gpus: float, reserved_gb: float = 0.0) -> Engine:
    """Choose the engine that ``config`` (a group's file) names; for ``auto``, the neural one where it can run.

    Else ``auto`` takes the ``light`` one, where there is one and its weights are here, and last the embedded one.

    ``reserved_gb``: GB of GPU memory that another engine on the same GPU will use.
    Raises ``UserError`` for settings the engine does not have, or where an engine asked for by name cannot run.
    """
    if config["name"] != "auto":
        return _checked(_on_hardware(_engine(step, config, "asked for"), gpus), gpus, reserved_gb)
    neural, light, refused = config["neural"], config.get("light"), []
    if gpus:
        try:
            return _checked(_on_hardware(_engine(step, neural, f"{gpus:g} GPU(s) found"), gpus), gpus, reserved_gb)
        except UserError as error:
            refused.append(_refusal(neural, error))
    else:
        refused.append(f"not {neural['name']}: Ray sees no GPU")
    if light is not None:
        try:
            return _checked(_on_hardware(_engine(step, light, f"{refused[0]}; its weights are here"), 0), 0, 0.0)
        except UserError as error:
            refused.append(_refusal(light, error))
    return _engine(step, config["embedded"], "; ".join(refused))


def check_fit(engines: Mapping[str, Engine], cpus: float, gpus: float) -> None:
    """Raise ``UserError`` where the pools' minimum sizes need more than the cluster has: Ray would wait forever."""
    pools = {name: engine.pool for name, engine in engines.items() if engine.pool}
    need_gpus = sum(pool.min_size * pool.num_gpus for pool in pools.values())
    need_cpus = sum(pool.min_size * pool.num_cpus for pool in pools.values())
    if need_gpus > gpus + 1e-6:
        raise UserError(
            f"the pools of {', '.join(pools)} need {need_gpus:g} GPUs and Ray has {gpus:g}; lower pool.num_gpus"
        )
    if need_cpus > max(cpus - 1, 0) and need_cpus > 0:
        raise UserError(
            f"the pools of {', '.join(pools)} need {need_cpus:g} CPUs and one for the other steps,"
            f" and Ray has {cpus:g}; lower pool.num_cpus"
        )


def pool_options(pool: PoolSettings) -> dict[str, Any]:
    """The arguments of ``map_batches`` that run a step in this pool."""
    most = pool.max_size
    if most is None and not pool.num_gpus and pool.memory_gb is not None:
        most = _cpu_actors(pool, ray.cluster_resources())  # type: ignore[no-untyped-call]
    strategy = ray.data.ActorPoolStrategy(min_size=pool.min_size, initial_size=pool.initial_size, max_size=most)
    return {
        "compute": strategy,
        "num_cpus": pool.num_cpus,
        "num_gpus": pool.num_gpus,
        "batch_size": pool.batch or (SCENES_PER_GPU_CALL if pool.num_gpus else 1),
    }


def _refusal(config: Mapping[str, Any], error: UserError) -> str:
    """Why ``auto`` does not take an engine."""
    return f"not {config['name']}: {str(error).removeprefix(config['name'] + ': ')}"


def _cpu_actors(pool: PoolSettings, found: Mapping[str, float]) -> int:
    """How many actors of a pool on CPUs what Ray ``found`` has room for; at least as many as the pool asks for."""
    fitting = int(POOL_MEMORY * found.get("memory", 0.0) / 1e9 / max(pool.memory_gb or 0.0, 0.1))
    return max(pool.initial_size or pool.min_size, min(int(POOL_CORES * found.get("CPU", 1.0)), fitting))


def _engine(step: str, config: Mapping[str, Any], reason: str) -> Engine:
    pool = None if config["pool"] is None else _pool(step, config["pool"])
    engine = Engine(config["name"], reason, dict(config["engine"]), pool)
    _check_settings(step, engine)
    return replace(engine, code=engine_code(engine.kind))


def _pool(step: str, values: Mapping[str, Any]) -> PoolSettings:
    try:
        typed = OmegaConf.merge(OmegaConf.structured(PoolSettings), dict(values))
    except OmegaConfBaseException as error:
        raise UserError(f"{step}.pool: {str(error).splitlines()[0]}") from error
    pool = PoolSettings(**{str(key): value for key, value in typed.items()})
    sizes = [size for size in (pool.min_size, pool.initial_size, pool.max_size) if size is not None]
    if (
        sizes != sorted(sizes)
        or min(*sizes, 1 if pool.batch is None else pool.batch) < 1
        or min(pool.num_gpus, pool.num_cpus) < 0
    ):
        raise UserError(f"{step}.pool needs 1 <= min_size <= initial_size <= max_size, batch >= 1 and no share below 0")
    return pool


def _on_hardware(engine: Engine, gpus: float) -> Engine:
    """Fit the engine's pool to the hardware: no GPUs where it runs on the CPU, else one actor per GPU.

    The engine's setting ``device`` (auto, cpu or cuda) says where it may run, and its ``cpu_only`` that it knows no
    GPU.
    """
    pool, device = engine.pool, engine.settings.get("device")
    if pool is None:
        return engine
    if device == "cpu" or (device == "auto" and not gpus) or getattr(engine.build(), "cpu_only", False):
        least = None if pool.memory_gb is not None else pool.initial_size or pool.min_size
        pool = replace(pool, num_gpus=0.0, max_size=pool.max_size or least)
    elif pool.max_size is None and pool.num_gpus:
        most = max(int(gpus / max(pool.num_gpus, 1.0)), pool.initial_size or 1, pool.min_size)
        # All at the start, in the graph's order: a later actor could find its GPU taken by the other engine.
        pool = replace(pool, max_size=most, initial_size=pool.initial_size or most)
    return replace(engine, pool=pool)


def _check_settings(step: str, engine: Engine) -> None:
    """Check an engine's settings against the fields and types of its dataclass."""
    cls, values = engine.kind, engine.arguments
    if not isinstance(cls, type) or not is_dataclass(cls):
        return
    unknown = sorted(set(values) - {f.name for f in fields(cls)})
    if unknown:
        raise UserError(f"{step}.engine has no setting {', '.join(unknown)}; {cls.__name__} has {_names(cls)}")
    try:
        OmegaConf.merge(OmegaConf.structured(cls), values)
    except OmegaConfBaseException as error:
        raise UserError(f"{step}.engine: {str(error).splitlines()[0]}") from error


def _checked(engine: Engine, gpus: float, reserved_gb: float) -> Engine:
    """Run the preflight of the engine's class, if it has one, and record the content of its weights.

    Weights on the hub are pinned to the commit that was found there, for all actors of the run.
    """
    if engine.pool and engine.pool.num_gpus > gpus:
        raise UserError(
            f"{engine.name} asks for {engine.pool.num_gpus:g} GPU and Ray sees {gpus:g};"
            " pass device=auto or device=cpu where it has that setting, or another engine"
        )
    if not hasattr(engine.kind, "preflight"):
        return engine
    beside = reserved_gb if _shares_a_gpu(engine) and "gpu_gb" in engine.settings else 0.0
    look = preflight_on_gpu if engine.pool and engine.pool.num_gpus else preflight
    found = look(engine, beside)
    if isinstance(found, str):
        raise UserError(found)
    pinned = {key: value for key, value in found.items() if key in PINNED and key in engine.settings}
    return replace(engine, settings=engine.settings | pinned, weights=found)


def preflight(engine: Engine, reserved_gb: float) -> Mapping[str, str] | str:
    """What identifies the engine's weights; or one sentence on what it lacks in this process.

    ``reserved_gb``: GB of GPU memory that must be free beside what the engine itself takes.
    """
    try:
        built = engine.build()
        return (built.preflight(reserved_gb) if reserved_gb else built.preflight()) or {}
    except EngineUnavailable as error:
        return str(error)
    except (ImportError, OSError, RuntimeError) as error:  # a broken driver or library shows when it is first used
        return f"{engine.name} cannot start: {(str(error).splitlines() or [type(error).__name__])[0]}"


def preflight_on_gpu(engine: Engine, reserved_gb: float) -> Mapping[str, str] | str:
    """Run ``preflight`` on a node with a GPU, since the driver's own may have neither GPU nor weights.

    Returns what ``preflight`` does, and a sentence too where no GPU came free within ``PREFLIGHT_SECONDS``.
    """
    pool = engine.pool or PoolSettings()
    task = ray.remote(num_gpus=pool.num_gpus, num_cpus=0, max_retries=0)(preflight)
    reference = task.remote(engine, reserved_gb)
    try:
        found: Mapping[str, str] | str = ray.get(reference, timeout=PREFLIGHT_SECONDS)
    except ray.exceptions.GetTimeoutError:
        ray.cancel(reference, force=True)
        return f"{engine.name}: no GPU came free within {PREFLIGHT_SECONDS} s"
    return found


def _names(cls: type) -> str:
    return ", ".join(f.name for f in fields(cls)) or "none"
