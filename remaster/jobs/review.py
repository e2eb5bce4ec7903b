"""``python -m remaster.jobs.review output.dir=...``: a local page to find the bad shots of a run, and to decide."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from remaster.jobs.early import leave_on_signals

if TYPE_CHECKING:
    from omegaconf import DictConfig


def main() -> NoReturn:
    """Parse the command line, serve, and exit as the contract says: 2 where nothing could start, 130 or 143."""
    leave_on_signals()
    from remaster.config import register_schema
    from remaster.pipeline.cli import run_program
    from remaster.review.settings import ReviewConfig

    register_schema(ReviewConfig, "review_schema")
    run_program("review", _run, "all decisions are kept", ReviewConfig)


def _run(composed: DictConfig) -> int:
    from importlib.util import find_spec

    from omegaconf import OmegaConf

    from remaster.errors import UserError
    from remaster.review.settings import ReviewConfig

    config = OmegaConf.to_object(composed)
    if not isinstance(config, ReviewConfig):
        raise TypeError(f"the configuration is a {type(config).__name__}, not a ReviewConfig")
    if find_spec("nicegui") is None:
        raise UserError("the page needs NiceGUI, which is not installed: pip install 'remaster[review]'")
    from remaster.review.server import serve

    return serve(config)


if __name__ == "__main__":
    main()
