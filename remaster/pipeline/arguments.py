"""Translates the command line into Hydra's own language.

File names and other texts are taken literally, with any characters; Hydra's grammar for values (lists, quotes,
``${...}``) applies to the other keys, and to all keys after ``--grammar``.
"""

from __future__ import annotations

import os
import pkgutil
import re
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from itertools import pairwise
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_type_hints

from hydra.core.override_parser.types import Quote, QuotedString
from omegaconf import OmegaConf

from remaster.config import BatchConfig, config_dir, literal
from remaster.errors import UserError

GRAMMAR = "--grammar"
INPUT, INPUTS = "dataset.path", "dataset.paths"
ENGINES = ("segmenter", "inpainter")

_KEY = re.compile(r"(?P<sign>\+{0,2}|~)(?P<key>[A-Za-z_][\w.\-/@:\[\]]*)")
_WITH_VALUE = frozenset((
    "--package", "-p", "--config-path", "-cp", "--config-name", "-cn", "--config-dir", "-cd", "--experimental-rerun",
))  # fmt: skip
"""Hydra's options that always take the next argument."""
_CHOICES = {
    **dict.fromkeys(("--cfg", "-c"), ("job", "hydra", "all")),
    **dict.fromkeys(("--info", "-i"), ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath")),
}
"""Hydra's options that take the next argument if it is one of these."""


def hydra_arguments(arguments: Sequence[str], schema: type[Any] = BatchConfig) -> list[str]:
    """A program's arguments as Hydra needs them: paths as ``dataset.path``, texts in quotes.

    ``key=value`` sets a key of ``schema``. An argument that begins with a dash and is no file is an option of Hydra.
    All others, ``./key=value`` among them, and all after ``--``, are paths to remaster.

    Raises ``UserError`` for names that are not UTF-8.
    """
    for argument in arguments:
        if not _is_utf8(argument):
            shown = os.fsencode(argument).decode("utf-8", "backslashreplace")
            raise UserError(f"{shown} is not UTF-8, which Ray cannot have on a command line; pass its folder or a glob")
    options, settings, paths = _sorted(arguments, {*(f.name for f in fields(schema)), "hydra"})
    if GRAMMAR in options:
        options = [option for option in options if option != GRAMMAR]
    else:
        texts = _texts(schema, settings, _folders(options, settings))
        settings = [_taken_as_text(setting, texts) for setting in settings]
    return [*options, *settings, *_inputs(paths, {setting.lstrip("+").partition("=")[0] for setting in settings})]


def quoted(text: str) -> str:
    """Quote a text so that Hydra's grammar returns exactly this text."""
    return QuotedString(literal(text), Quote.single).with_quotes()


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _sorted(arguments: Sequence[str], known: set[str]) -> tuple[list[str], list[str], list[str]]:
    """(options, settings, paths), each in the order of the command line."""
    options: list[str] = []
    settings: list[str] = []
    paths: list[str] = []
    left = iter(arguments)
    for argument in left:
        if argument == "--":
            paths += left
        elif argument in _WITH_VALUE:
            options += [argument, *[value for value in [next(left, None)] if value is not None]]
        elif argument in _CHOICES.get(options[-1] if options else "", ()) or _is_option(argument):
            options.append(argument)
        else:
            (settings if _is_setting(argument, known) else paths).append(argument)
    return options, settings, paths


def _is_option(argument: str) -> bool:
    return argument.startswith("-") and not Path(argument).exists()


def _inputs(paths: Sequence[str], keys: set[str]) -> list[str]:
    """The setting with the paths of the command line; ``keys`` are those of the other settings."""
    if not paths:
        return []
    if INPUTS in keys:
        raise UserError(f"{INPUTS} is given, and paths besides it: {', '.join(paths)}; pass all of them as paths")
    if len(paths) == 1 and not keys & {INPUT, "dataset"}:
        return [f"{INPUT}={quoted(paths[0])}"]
    return [f"{INPUTS}=[{','.join(map(quoted, paths))}]"]


def _is_setting(argument: str, known: set[str]) -> bool:
    before, equals, _ = argument.partition("=")
    found = _KEY.fullmatch(before)
    if found is None:
        return False
    if re.split(r"[.@/]", found["key"])[0] in known:
        return bool(equals) or found["sign"] == "~"
    return bool(equals) and not Path(argument).exists()


def _taken_as_text(setting: str, texts: set[str]) -> str:
    """The setting with its value in quotes where its key holds a text; ``null`` is not quoted."""
    key, equals, value = setting.partition("=")
    if not equals or value == "null" or setting.startswith("~") or not texts.intersection(_names(key)):
        return setting
    return f"{key}={quoted(value)}"


def _names(key: str) -> tuple[str, str]:
    """A key as in ``texts``: its whole path; for engines, whose path varies, group and last part."""
    path = key.lstrip("+").split(".")
    return ".".join(path), f"{path[0]}:{path[-1]}"


def _texts(schema: type[Any], settings: Sequence[str], folders: Sequence[Path]) -> set[str]:
    """The keys that hold a text. Engines are imported, which takes time, only where a setting concerns one."""
    found = set(_text_keys(schema))
    for group in ENGINES:
        if any(setting.lstrip("+").startswith(f"{group}.") for setting in settings):
            chosen = [value for key, _, value in (s.partition("=") for s in settings) if key.endswith("._target_")]
            found |= {f"{group}:{name}" for name in ("name", "_target_", *_engine_texts(group, folders, chosen))}
    return found


def _text_keys(cls: type, before: str = "") -> Iterator[str]:
    """The dotted names of a dataclass' fields that hold a text, those of the dataclasses in it included."""
    for name, hint in get_type_hints(cls).items():
        if is_dataclass(hint) and isinstance(hint, type):
            yield from _text_keys(hint, f"{before}{name}.")
        elif _is_text(hint):
            yield f"{before}{name}"


def _is_text(hint: Any) -> bool:
    return hint is str or set(get_args(hint)) == {str, NoneType}


def _engine_texts(group: str, folders: Sequence[Path], chosen: Sequence[str]) -> Iterator[str]:
    """The settings that hold a text, of all engines of a group and of classes that the command line has ``chosen``."""
    files = [file for folder in folders for file in sorted((folder / group).glob("*.yaml"))]
    named = [OmegaConf.select(OmegaConf.load(file), "engine._target_") for file in files]
    for target in {*chosen, *filter(None, named)}:
        try:
            cls = pkgutil.resolve_name(target)
        except (ImportError, AttributeError, ValueError):  # the choice of the engine reports the error
            continue
        if is_dataclass(cls) and isinstance(cls, type):
            yield from _text_keys(cls)


def _folders(options: Sequence[str], settings: Sequence[str]) -> list[Path]:
    """The folders with YAML files of engines: the program's own, those of ``--config-dir`` and Hydra's search path."""
    given = [value for option, value in pairwise(options) if option in ("--config-dir", "-cd")]
    given += [option.partition("=")[2] for option in options if option.startswith("--config-dir=")]
    paths = [value for key, _, value in (s.partition("=") for s in settings) if key == "hydra.searchpath"]
    given += [folder for path in paths for folder in re.findall(r"file://([^,\]]+)", path)]
    return [config_dir(), *map(Path, given)]
