"""Real object-store APIs on loopback, each in a process of its own, which workers reach as they would any other."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyarrow.fs import FileSystem

BUCKET = "films"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
SERVERS = {
    "s3": """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
""",
    "gs": """
import socket, sys
from gcp_storage_emulator.server import create_server
with socket.create_server(("127.0.0.1", 0)) as free:
    port = free.getsockname()[1]
server = create_server("127.0.0.1", port, in_memory=True, default_bucket="films")
server.start()
print(port, flush=True)
sys.stdin.read()
""",
}


@dataclass(frozen=True)
class ObjectStore:
    """The bucket ``films`` of a server; ``query`` is what an address needs behind it."""

    root: str
    query: str
    system: Any

    def address(self, prefix: str) -> str:
        return f"{self.root}/{prefix}{self.query}"

    def upload(self, path: Path, key: str) -> None:
        with self.system.open_output_stream(f"{BUCKET}/{key}") as stream:
            stream.write(path.read_bytes())


def _connected(kind: str, port: int) -> ObjectStore:
    query = f"?endpoint_override=127.0.0.1:{port}&scheme=http"
    if kind == "gs":
        root = f"gs://anonymous@{BUCKET}"
        return ObjectStore(root, query, FileSystem.from_uri(root + query)[0])
    root, query = f"s3://{BUCKET}", f"{query}&region=us-east-1"
    system, _ = FileSystem.from_uri(f"{root}{query}&allow_bucket_creation=true")
    system.create_dir(BUCKET)
    return ObjectStore(root, query, system)


@contextmanager
def object_store(kind: str = "s3") -> Iterator[ObjectStore]:
    """``s3``: moto; ``gs``: gcp-storage-emulator."""
    os.environ.update(ENVIRONMENT)
    process = subprocess.Popen(
        [sys.executable, "-c", SERVERS[kind]],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield _connected(kind, int(process.stdout.readline()))
    finally:
        process.kill()
        process.communicate()
