"""Everything that touches Ray: the graph, its stages, pools, resume and progress."""

import os

# Ray reads these when it is first imported.
# A thread that still uses Ray while the run is being interrupted would otherwise start a second instance.
os.environ["RAY_ENABLE_AUTO_CONNECT"] = "0"
# The raylet tells every worker's death on the driver's stdout, in long lines and whatever the logging level; here rows
# and the summary tell it.
os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")
