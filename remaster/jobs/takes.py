"""``python -m remaster.jobs.takes OUTPUT SCENE FRAME FOLDER TAKES``: other fills of a scene, for the review.

TAKES is a JSON list of decisions such as ``[{"seed": 1}, {"seed": 2}]``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the pictures; returns 0, or 2 with one sentence where there is nothing to fill."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if len(given) != 5:
        print("remaster: OUTPUT SCENE FRAME FOLDER TAKES are needed", file=sys.stderr)
        return 2
    from remaster.errors import UserError
    from remaster.pipeline.takes import write_takes

    root, scene_id, frame, folder, takes = given
    try:
        for path in write_takes(root, scene_id, int(frame), Path(folder), json.loads(takes)):
            print(path)
    except UserError as error:
        print(f"remaster: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
