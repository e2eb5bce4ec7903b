"""Runs the steps over a dataset with Ray Data: from a configuration to finished videos, tables and an exit code.

``batch`` is a whole run: ``inputs`` and ``search`` find the videos, ``engines`` chooses segmenter and inpainter,
``cluster`` starts Ray, ``run`` drives the graph and ``assembly`` joins each video once its last scene is in. ``graph``
is the Ray graph on one screen, with a stage for each step: ``video_plan`` (which calls ``survey``), ``stages`` and
``delivery`` (which calls ``encoding``). The rows between them are ``remaster.rows``. ``frames`` decodes.

``store`` is the output folder and ``lock`` keeps it to one run; ``finished``, ``scene_cache`` and ``codeprint`` decide
what need not be done again; ``failures`` handles full disks and dying workers. ``job`` is what every worker gets,
``counters`` count frames and seconds. ``cli``, ``arguments`` and ``interruption`` run a program;
``evaluation`` and ``forecasting`` are the other programs.
"""

import os

# Ray reads these when it is first imported.
# A thread that still uses Ray while the run is being interrupted would otherwise start a second instance.
os.environ["RAY_ENABLE_AUTO_CONNECT"] = "0"
# The raylet prints every worker's death on the driver's stdout, in long lines and at any logging level; here rows and
# the summary report it.
os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")
