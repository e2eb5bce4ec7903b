"""The inpainters of a run: its own, and those that a person chose for single scenes or sets."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from omegaconf import OmegaConf

from remaster.config import config_dir
from remaster.errors import UserError
from remaster.outpaint import Inpainter
from remaster.pipeline.engines import Engine, choose
from remaster.pipeline.job import Job
from remaster.steering.decisions import Decisions
from remaster.steering.overrides import Override

PROMPTS = ("prompt", "negative_prompt")


class Inpainters:
    """Makes each inpainter when it is first used, in the process that uses it; the run's own at once."""

    def __init__(self, engine: Engine, job: Job) -> None:
        self._job = job
        self._made: dict[str | None, Inpainter] = {None: engine.build()}

    def of(self, decided: str | None) -> Inpainter:
        """The inpainter that was ``decided`` (see ``Steering``); None: the run's own."""
        if decided not in self._made and decided is not None:
            engine = self._job.inpainters[decided]
            own = engine == self._job.inpainter
            self._made[decided] = self._made[None] if own else engine.build()
        return self._made[decided]


def decided_inpainters(decisions: Decisions, own: Engine, gpus: float, where: str) -> dict[str, Engine]:
    """The engines that decisions name, by their ``Steering.inpainter``; ``own`` is the run's.

    Raises ``UserError`` for an engine that is unknown, cannot run, or has a pool and is not the run's own, and for
    prompts that no engine reads. Messages begin with ``where``.
    """
    found: dict[str, Engine] = {}
    for entry in decisions.overrides.entries:
        wanted = entry.decided.get("inpainter")
        if wanted is not None:
            found[json.dumps(wanted, sort_keys=True)] = _engine(wanted, own, gpus, f"{where}: {entry}: inpainter")
    for entry in decisions.overrides.entries:
        wanted = entry.decided.get("inpainter")
        engines = [own, *found.values()] if wanted is None else [found[json.dumps(wanted, sort_keys=True)]]
        _check_prompts(entry, engines, where)
    return found


def _engine(wanted: Mapping[str, Any], own: Engine, gpus: float, where: str) -> Engine:
    name, settings = wanted["name"], {key: value for key, value in wanted.items() if key != "name"}
    path = config_dir() / "inpainter" / f"{name}.yaml"
    if name == own.name and all(own.settings.get(key) == value for key, value in settings.items()):
        return own
    if "/" in name or not path.is_file():
        known = sorted(file.stem for file in path.parent.glob("*.yaml") if file.stem != "auto")
        raise UserError(f"{where}: there is no {name}; there are {', '.join(known)}")
    config: Any = OmegaConf.to_container(OmegaConf.load(path))
    if config["pool"] is not None:
        raise UserError(
            f"{where}: {name} needs a pool of its own; start the run with inpainter={name} and its settings, or name"
            " one without a pool, such as exemplar"
        )
    unknown = sorted(set(settings) - set(config["engine"]))
    if unknown or "_target_" in settings:
        raise UserError(f"{where}: {name} has no setting {', '.join(unknown) or '_target_'}")
    try:
        return choose("inpainter", {**config, "engine": {**config["engine"], **settings}}, gpus)
    except UserError as error:
        given = ", ".join(f"{key}={value}" for key, value in settings.items())
        raise UserError(f"{where}: {name} with {given or 'its defaults'}: {error}") from error


def _check_prompts(entry: Override, engines: Sequence[Engine], where: str) -> None:
    key = next((key for key in PROMPTS if key in entry.decided), None)
    if key is not None and not any(_reads_prompts(engine) for engine in engines):
        names = ", ".join(dict.fromkeys(engine.name for engine in engines))
        raise UserError(f"{where}: {entry}: {key}: {names} reads no prompts; stable_diffusion does")


def _reads_prompts(engine: Engine) -> bool:
    kind: Any = engine.kind
    return is_dataclass(kind) and set(PROMPTS) <= {one.name for one in fields(kind)}
