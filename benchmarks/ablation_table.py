"""The table of an ablation: what each case wins in dB, where it acts, and how much code it takes."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from benchmarks.ablation_cases import CASES

BASE = "base"
"""Under which the results with nothing switched off are stored."""


@dataclass(frozen=True)
class Summary:
    """A case over all clips. Gains are what the case wins in dB, full size and at 1/8: over the clips where it fired,
    the worst and the best of those, and over all.
    """

    clips: tuple[str, ...]
    fired: tuple[float, float]
    extremes: tuple[float, float]
    over_all: tuple[float, float]
    methods: float


def summarized(case: str, results: Mapping[str, Mapping[str, Any]]) -> Summary | None:
    """None where no clip has it."""
    gains: dict[str, tuple[float, float]] = {}
    fired, frames, methods = [], 0, 0
    for clip, kept in results.items():
        if case not in kept:
            continue
        base, without = kept[BASE]["frames"], kept[case]["frames"]
        gains[clip] = tuple(  # type: ignore[assignment]
            float(np.mean([base[n][k] - without[n][k] for n in base if n in without])) for k in ("psnr", "coarse")
        )
        frames += len(base)
        methods += sum(base[n]["method"] != without[n]["method"] for n in base if n in without)
        if any(f["changed"] for f in without.values()):
            fired.append(clip)
    if not gains:
        return None
    mean = [
        tuple(float(np.mean([gains[c][i] for c in some])) if some else 0.0 for i in (0, 1))
        for some in (fired, list(gains))
    ]
    coarse = [gains[clip][1] for clip in fired] or [0.0]
    return Summary(tuple(fired), mean[0], (min(coarse), max(coarse)), mean[1], methods / max(frames, 1))  # type: ignore[arg-type]


def size_of(names: Sequence[str]) -> tuple[int, int]:
    """(lines of code, named constants) of modules and functions, given by their dotted names."""
    lines = constants = 0
    for name in names:
        found = resolved(name)
        source = inspect.getsource(found)
        lines += sum(bool(line.strip()) for line in source.splitlines())
        module = found if isinstance(found, ModuleType) else inspect.getmodule(found)
        whole = inspect.getsource(module) if module else ""
        for constant in _constants(whole):
            used = len(re.findall(rf"\b{constant}\b", whole))
            constants += isinstance(found, ModuleType) or used - 1 == len(re.findall(rf"\b{constant}\b", source)) > 0
    return lines, constants


def _constants(source: str) -> list[str]:
    found = re.findall(r"^([A-Z_][A-Z0-9_]*(?:, [A-Z_][A-Z0-9_]*)*)(?::[^=]*)? = [^{]", source, re.M)
    return [name for names in found for name in names.split(", ")]


def resolved(name: str) -> Any:
    parts = name.split(".")
    for n in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:n]))
        except ImportError:
            continue
        for part in parts[n:]:
            found = getattr(found, part)
        return found
    raise ValueError(f"no {name}")


def table(results: Mapping[str, Mapping[str, Any]]) -> str:
    """The results as Markdown."""
    lines = [
        "| case | without it | lines, constants | clips where it acts | dB won there: PSNR, at 1/8 (least, most) | "
        "dB won over all: PSNR, at 1/8 | frames whose method changes |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for case in CASES:
        s = summarized(case.name, results)
        if s is None:
            continue
        size = ", ".join(map(str, size_of(case.frees))) if case.frees else ""
        there = f"{s.fired[0]:+.2f}, {s.fired[1]:+.2f} ({s.extremes[0]:+.2f}, {s.extremes[1]:+.2f})" if s.clips else ""
        lines.append(
            f"| {case.name} | {case.neutral} | {size} | {len(s.clips)}: {', '.join(s.clips)} | {there} | "
            f"{s.over_all[0]:+.3f}, {s.over_all[1]:+.3f} | {s.methods:.1%} |"
        )
    return "\n".join(lines)
