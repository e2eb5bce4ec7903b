"""Starts Ray, runs one ``map_batches`` over two rows, and stops: the least that any program on Ray costs."""

from __future__ import annotations

import pyarrow as pa
import ray
import ray.data

from remaster.pipeline.cluster import quiet, start


def main() -> None:
    start(None, {"include_dashboard": False})
    quiet()
    rows = ray.data.from_arrow([pa.table({"row": [n]}) for n in range(2)])
    same = rows.map_batches(lambda table: table, batch_format="pyarrow")
    print(sum(len(batch) for batch in same.iter_batches(batch_size=None, batch_format="pyarrow")))
    ray.shutdown()


if __name__ == "__main__":
    main()
