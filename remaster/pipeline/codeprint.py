"""Computes a digest of the code that each stage can reach, so that only changed code invalidates stored results.

From a stage's entry points on, it follows the names that definitions use, from module to module of the package. The
digest covers the definitions' code without comments, docstrings and annotations. Methods count with their class, and a
class counts where anything names it; an engine is an entry point of its own, since a setting names it.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parents[1]
Place = tuple[str, str]
"""(module, name of a definition in it)"""

STAGES: dict[str, tuple[Place, ...]] = {
    "plan": (("remaster.media.probe", "probe"), ("remaster.pipeline.video_plan", "plan_video")),
    "stitch": (
        ("remaster.pipeline.job", "Job"),
        ("remaster.pipeline.stages", "analyze_stage"),
        ("remaster.pipeline.stages", "SegmentStage"),
        ("remaster.pipeline.stages", "stitch_stage"),
    ),
    "describe": (("remaster.pipeline.describing", "describe_stage"),),
    "lend": (
        ("remaster.pipeline.set_links", "link_backgrounds"),
        ("remaster.pipeline.set_stages", "lend_stage"),
        ("remaster.pipeline.set_stages", "FillSetStage"),
        ("remaster.pipeline.set_stages", "share_stage"),
    ),
    "outpaint": (("remaster.pipeline.stages", "OutpaintStage"),),
    "resample": (("remaster.pipeline.delivery", "resample_stage"),),
    "preview": (("remaster.pipeline.previewing", "preview_stage"),),
    "triage": (("remaster.pipeline.triage_stages", "triage_stage"),),
    "exact": (("remaster.pipeline.exact_frames", "find_exact"),),
    "assemble": (("remaster.pipeline.assembly", "assemble_video"),),
}
"""The entry points of each stage's code; the code of earlier stages is in their digests."""
_WITHOUT_PIXELS = (
    "remaster.config", "remaster.errors", "remaster.remote", "remaster.report",
    "remaster.steering.overrides", "remaster.storage", "remaster.tables", "remaster.weight_files",
    *(
        f"remaster.pipeline.{name}"
        for name in ("codeprint", "engines", "failures", "finished", "lock", "scene_cache", "store")
    ),
)  # fmt: skip
"""Modules that do not affect pixels: settings, which count by their values, storage and reports."""


def stages_code() -> dict[str, str]:
    """The digest of the code that each stage reaches."""
    return {stage: digest_of(entries) for stage, entries in STAGES.items()}


def engine_code(cls: Callable[..., Any]) -> str:
    """The digest of the code that an engine's class reaches, in its own package and this one."""
    return digest_of(((cls.__module__, cls.__qualname__.partition(".")[0]),))


@cache
def digest_of(entries: Sequence[Place], root: Path | None = None) -> str:
    """The digest of all code that is reached from ``entries``; ``root`` is the folder of a copy of the package."""
    found = reached(entries, root)
    text = "\0".join(f"{module}:{name}\0{found[module, name]}" for module, name in sorted(found))
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def reached(entries: Sequence[Place], root: Path | None = None) -> dict[Place, str]:
    """The code of all definitions that are reached from ``entries``."""
    own = {module.partition(".")[0] for module, _ in entries} | {PACKAGE.name}
    found: dict[Place, str] = {}
    todo = list(entries)
    while todo:
        module, name = place = todo.pop()
        if place in found or module.partition(".")[0] not in own or module.startswith(_WITHOUT_PIXELS):
            continue
        path = _file(module, root)
        definitions = {} if path is None else _definitions(path, path.stat().st_mtime_ns)
        if name not in definitions:  # a builtin, or a module in a package
            todo += [(f"{module}.{name}", MODULE_LEVEL)] if _file(f"{module}.{name}", root) is not None else []
            continue
        definition = definitions[name]
        found[place] = definition.code
        used = (name for name in definition.names if name in definitions)
        todo += [(module, MODULE_LEVEL), *definition.outside, *((module, name) for name in used)]
    return found


MODULE_LEVEL = "*"
"""The name of a module's statements that define nothing; they run whenever the module is used."""


@dataclass(frozen=True)
class _Definition:
    """A definition's code; ``names`` are all names that it uses, ``outside`` those from other modules."""

    code: str
    names: frozenset[str]
    outside: frozenset[Place] = frozenset()


@cache
def _definitions(path: Path, changed: int) -> dict[str, _Definition]:
    """A module's definitions by name; ``changed`` is the file's time of change, for the cache."""
    tree = _CodeOnly().visit(ast.parse(path.read_bytes()))
    imports = {bound: place for statement in tree.body for bound, place in _imported(statement).items()}
    parts: dict[str, list[ast.stmt]] = {MODULE_LEVEL: []}
    for statement in tree.body:
        if not isinstance(statement, ast.Import | ast.ImportFrom):
            for bound in _bound(statement) or [MODULE_LEVEL]:
                parts.setdefault(bound, []).append(statement)
    modules = {bound: ".".join(place).removesuffix(f".{MODULE_LEVEL}") for bound, place in imports.items()}
    taken = {bound: _Definition(".".join(place), frozenset(), frozenset([place])) for bound, place in imports.items()}
    return taken | {bound: _definition(statements, modules) for bound, statements in parts.items()}


@cache
def _file(module: str, root: Path | None) -> Path | None:
    """A module's source; None where there is none. Only other packages are imported to find it."""
    top, _, rest = module.partition(".")
    if top == PACKAGE.name:
        place = (root or PACKAGE).joinpath(*rest.split("."))
        return next((path for path in (place / "__init__.py", place.with_suffix(".py")) if path.is_file()), None)
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):  # no such module, or an interactive one
        return None
    path = Path(spec.origin) if spec is not None and spec.has_location and spec.origin else None
    return path if path is not None and path.suffix == ".py" else None


def _bound(statement: ast.stmt) -> list[str]:
    """The names that a statement of a module defines."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [statement.name]
    return [
        node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    ]  # fmt: skip


def _imported(node: ast.AST) -> dict[str, Place]:
    """The names that a node binds where it is an import."""
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return {alias.asname or alias.name: (node.module, alias.name) for alias in node.names}
    if isinstance(node, ast.Import):
        return {alias.asname or alias.name.partition(".")[0]: (alias.name, MODULE_LEVEL) for alias in node.names}
    return {}


def _definition(statements: Sequence[ast.stmt], modules: dict[str, str]) -> _Definition:
    names, outside = set[str](), set[Place]()
    for statement in statements:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name):
                names |= {node.id} if isinstance(node.ctx, ast.Load) else set()
            elif isinstance(node, ast.Attribute):
                if isinstance(node.value, ast.Name) and node.value.id in modules:
                    outside.add((modules[node.value.id], node.attr))
            elif isinstance(node, ast.Import | ast.ImportFrom):
                outside.update(_imported(node).values())
    code = "\n".join(ast.unparse(statement) for statement in statements)
    return _Definition(code, frozenset(names), frozenset(outside))


class _CodeOnly(ast.NodeTransformer):
    """Removes docstrings, annotations and code for type checkers from a tree."""

    def visit(self, node: ast.AST) -> Any:
        """Expressions have none of these inside, and are most of a tree."""
        return node if isinstance(node, ast.expr) else super().visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self._without_docstring(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return self._without_docstring(node)

    def visit_Module(self, node: ast.Module) -> ast.AST:
        return self._without_docstring(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        self.generic_visit(node)
        return ast.AnnAssign(node.target, ast.Constant(...), node.value, node.simple)

    def visit_If(self, node: ast.If) -> ast.AST | None:
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return None
        return self.generic_visit(node)

    def _without_docstring(self, node: ast.FunctionDef | ast.ClassDef | ast.Module) -> ast.AST:
        self.generic_visit(node)
        texts = [s for s in node.body if isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant)]
        node.body = [s for s in node.body if s not in texts] or ([] if isinstance(node, ast.Module) else [ast.Pass()])
        return node
