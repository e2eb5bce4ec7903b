"""A real S3 API on loopback, in a process of its own, which workers reach as they would any other."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyarrow.fs import S3FileSystem

BUCKET = "films"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
SERVER = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""


class ObjectStore:
    """The bucket ``films`` of a server; ``query`` is what an address needs behind it."""

    def __init__(self, port: int) -> None:
        self.endpoint = f"127.0.0.1:{port}"
        self.query = f"?endpoint_override={self.endpoint}&scheme=http&region=us-east-1"
        self.system = S3FileSystem(
            endpoint_override=self.endpoint, scheme="http", region="us-east-1", allow_bucket_creation=True
        )
        self.system.create_dir(BUCKET)

    def address(self, prefix: str) -> str:
        return f"s3://{BUCKET}/{prefix}{self.query}"

    def upload(self, path: Path, key: str) -> None:
        with self.system.open_output_stream(f"{BUCKET}/{key}") as stream:
            stream.write(path.read_bytes())


@contextmanager
def object_store() -> Iterator[ObjectStore]:
    os.environ.update(ENVIRONMENT)
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield ObjectStore(int(process.stdout.readline()))
    finally:
        process.kill()
        process.communicate()
