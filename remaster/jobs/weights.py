"""``python -m remaster.jobs.weights list|get NAME|check``: what engines can use, and bringing it here.

``get NAME`` takes ``from=FILE`` (a copy that is here already), ``mirror=URL`` (of the file, or of its folder with a
slash at the end) and ``licence=accept``, which licences that do not allow every use need.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from remaster.errors import UserError
from remaster.weight_files import ENTRIES, Entry
from remaster.weight_files.shelf import entry, examine, get, here, shelf

USAGE = f"""\
python -m remaster.jobs.weights list            what engines can use, and whether it is here
python -m remaster.jobs.weights get NAME        brings it: [from=FILE] [mirror=URL] [licence=accept]
python -m remaster.jobs.weights check           whether what is here is right

NAME is one of {", ".join(one.name for one in ENTRIES)}."""
OPTIONS = ("from", "mirror", "licence")


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0; 1 where ``check`` found a wrong file; 2, with one sentence, where nothing could be done."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    console = Console(soft_wrap=True, highlight=False, markup=False)
    try:
        match given:
            case ["list"]:
                return _list(console)
            case ["check"]:
                return _check(console)
            case ["get", name, *options]:
                return _get(name, _options(options), console)
            case ["--help" | "-h" | "help"]:
                console.print(USAGE)
                return 0
        raise UserError(f"{' '.join(given) or 'nothing'} was asked for; there are list, get NAME and check")
    except UserError as error:
        print(f"remaster: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("remaster: interrupted; the same command goes on where it stopped", file=sys.stderr)
        return 130


def _list(console: Console) -> int:
    console.print(f"Our own folder is {shelf()} (REMASTER_WEIGHTS sets another).")
    for one in ENTRIES:
        path = here(one)
        size = "size unknown" if one.size is None else f"{one.size / 1e6:.1f} MB"
        console.print(f"\n{one.name}: {size}, {one.licence}; {'not here' if path is None else f'here, {path}'}")
        console.print(f"  for {one.use}")
        console.print(f"  from {one.address}, SHA-256 {_digest(one)}")
    return 0


def _digest(one: Entry) -> str:
    if one.sha256 is None:
        return "not known here: what the hub states is checked"
    return one.sha256 if len(one.sha256) == 64 else f"begins with {one.sha256}"


def _get(name: str, options: dict[str, str], console: Console) -> int:
    one = entry(name)
    if not one.free and options.get("licence") != "accept":
        raise UserError(
            f"the licence of {name} ({one.licence}) is not for every use; read it at {one.address} and pass"
            " licence=accept"
        )
    found = here(one)
    if found is not None and examine(one, found).good:
        console.print(f"{name} is here already: {found}")
        return 0
    given = Path(options["from"]) if "from" in options else None
    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(name, total=one.size)
        path = get(one, given, options.get("mirror"), lambda n, total: progress.update(task, completed=n, total=total))
    console.print(f"{name} is here now: {path}")
    console.print(examine(one, path).says)
    return 0


def _check(console: Console) -> int:
    """Check everything that is here."""
    verdicts = [(one, path, examine(one, path)) for one in ENTRIES if (path := here(one)) is not None]
    for one, path, verdict in verdicts:
        console.print(f"{one.name}: {path}: {verdict.says}")
    if not verdicts:
        console.print(f"No weights are here; our own folder is {shelf()}.")
    return int(not all(verdict.good for _, _, verdict in verdicts))


def _options(given: Sequence[str]) -> dict[str, str]:
    found = dict(one.partition("=")[::2] for one in given)
    wrong = [key for key, value in found.items() if key not in OPTIONS or not value]
    if wrong:
        raise UserError(f"{wrong[0]} is no option of get; there are {', '.join(f'{key}=' for key in OPTIONS)}")
    return found


if __name__ == "__main__":
    sys.exit(main())
