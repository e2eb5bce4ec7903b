"""Weights are fetched whole or not at all, from a server of this test's own; what is wrong or missing is said."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from remaster.errors import EngineUnavailable, UserError
from remaster.jobs.weights import main
from remaster.weight_files import ENTRIES, Entry, Place
from remaster.weight_files.shelf import checkpoint_files, entry, examine, get, here, on_shelf, target

MODEL = np.random.default_rng(0).bytes(300_000)
SHA256 = hashlib.sha256(MODEL).hexdigest()
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Server:
    """Serves ``body`` at every address but ``/missing``; each of ``cuts`` ends one answer after so many bytes.

    ``stated`` is the digest that it states as the hub does: on a redirect to the file. ``ranges``: what was asked for.
    """

    body: bytes = MODEL
    cuts: list[int] = field(default_factory=list)
    stated: str | None = None
    heeds_ranges: bool = True
    ranges: list[str | None] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/missing":
                return self.send_error(404)
            if self.path != "/blob" and state.stated is not None:
                self.send_response(302)
                for name, value in {"X-Linked-Etag": f'"{state.stated}"', "X-Repo-Commit": COMMIT}.items():
                    self.send_header(name, value)
                self.send_header("Location", "/blob")
                self.send_header("Content-Length", "0")
                return self.end_headers()
            asked = self.headers.get("Range")
            state.ranges.append(asked)
            start = int(re.findall(r"\d+", asked)[0]) if asked and state.heeds_ranges else 0
            if start >= len(state.body):
                return self.send_error(416)
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(state.body) - start))
            self.end_headers()
            self.wfile.write(state.body[start : start + state.cuts.pop(0)] if state.cuts else state.body[start:])
            return None

        def log_message(self, format: str, *args: object) -> None:
            """Keeps the test's output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        state.url = f"http://127.0.0.1:{http.server_address[1]}"
        Thread(target=http.serve_forever, daemon=True).start()
        yield state
        http.shutdown()


@pytest.fixture(autouse=True)
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("HF_HUB_OFFLINE", "http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("REMASTER_WEIGHTS", str(tmp_path / "shelf"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path / "shelf"


def model(server: Server, **changed: object) -> Entry:
    one = Entry("drawn", "inpainter=drawn", f"{server.url}/drawn.onnx", "drawn.onnx", "MIT", None, len(MODEL), SHA256)
    return replace(one, **changed)  # type: ignore[arg-type]


def quiet(here: int, total: int | None) -> None:
    """A progress that nobody sees."""


def left(shelf: Path) -> set[str]:
    return {path.name for path in shelf.iterdir() if not path.name.endswith(".lock")}


def test_a_whole_file_comes_with_a_record_of_what_proved_it(server: Server, shelf: Path) -> None:
    one = model(server)
    assert here(one) is None
    path = get(one, None, None, quiet)
    assert path == shelf / "drawn.onnx" == here(one) and path.read_bytes() == MODEL
    record = json.loads((shelf / "drawn.onnx.json").read_text())
    assert (record["sha256"], record["size"], record["proof"]) == (SHA256, len(MODEL), "the list")
    assert left(shelf) == {"drawn.onnx", "drawn.onnx.json"}
    assert examine(one, path).good
    path.write_bytes(MODEL[:-1] + b"x")
    assert not examine(one, path).good and not examine(replace(one, sha256=None), path).good


def test_a_connection_that_ends_early_goes_on_where_it_stopped(server: Server, shelf: Path) -> None:
    server.cuts = [100_000, 50_000]
    get(model(server), None, None, quiet)
    assert server.ranges == [None, "bytes=100000-", "bytes=150000-"]
    assert (shelf / "drawn.onnx").read_bytes() == MODEL


def test_another_run_goes_on_where_one_gave_up(server: Server, shelf: Path) -> None:
    server.cuts = [70_000, 0, 0, 0, 0]
    with pytest.raises(UserError, match=r"\(the connection ends early\).*the same command goes on") as caught:
        get(model(server), None, None, quiet)
    assert str(shelf / "drawn.onnx") in str(caught.value) and "from=FILE" in str(caught.value)
    assert left(shelf) == {"drawn.onnx.part"} and here(model(server)) is None
    server.ranges.clear()
    get(model(server), None, None, quiet)
    assert server.ranges == ["bytes=70000-"] and left(shelf) == {"drawn.onnx", "drawn.onnx.json"}


@pytest.mark.parametrize("heeds_ranges", [True, False])
def test_the_first_half_of_another_file_is_given_up(server: Server, shelf: Path, heeds_ranges: bool) -> None:
    server.heeds_ranges = heeds_ranges
    shelf.mkdir()
    (shelf / "drawn.onnx.part").write_bytes(bytes(120_000))
    get(model(server), None, None, quiet)
    assert (shelf / "drawn.onnx").read_bytes() == MODEL
    assert server.ranges == ["bytes=120000-", None][: 2 if heeds_ranges else 1]


def test_a_wrong_file_never_gets_the_name(server: Server, shelf: Path) -> None:
    server.body = MODEL[:-1] + b"x"
    with pytest.raises(UserError, match=f"is not drawn: its SHA-256 is .* and should be {SHA256}, by the list"):
        get(model(server), None, None, quiet)
    server.body = b"<html>sign in first</html>"
    with pytest.raises(UserError, match="it has 26 bytes and should have 300,000"):
        get(model(server), None, None, quiet)
    assert left(shelf) == set()


def test_what_the_list_does_not_know_the_server_states(server: Server, shelf: Path) -> None:
    unknown = model(server, sha256=None, size=None)
    server.stated = hashlib.sha256(b"another").hexdigest()
    with pytest.raises(UserError, match="by the server's statement"):
        get(unknown, None, None, quiet)
    server.stated = SHA256
    path = get(unknown, None, None, quiet)
    record = json.loads((shelf / "drawn.onnx.json").read_text())
    assert (record["proof"], record["revision"]) == ("the server's statement", COMMIT)
    assert examine(unknown, path).good
    path.write_bytes(b"x")
    assert not examine(unknown, path).good, "the record remembers it"


def test_a_file_that_nothing_proves_says_so(server: Server) -> None:
    unknown = model(server, sha256=None, size=None)
    get(unknown, None, None, quiet)
    assert "nothing" in json.loads(target(unknown).with_name("drawn.onnx.json").read_text())["proof"]


def test_what_cannot_be_had_says_which_file_to_put_where(server: Server, shelf: Path) -> None:
    one = model(server, source=f"{server.url}/missing")
    with pytest.raises(UserError, match="the server answers 404") as caught:
        get(one, None, None, quiet)
    assert f"fetch {server.url}/missing and copy it to {shelf / 'drawn.onnx'}" in str(caught.value)
    with pytest.raises(UserError, match="refused") as caught:
        get(replace(one, source="http://127.0.0.1:9/drawn.onnx"), None, None, quiet)
    assert "\n" not in str(caught.value) and str(shelf / "drawn.onnx") in str(caught.value)


def test_offline_nothing_is_asked(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(UserError, match="HF_HUB_OFFLINE is set; where there is a network, fetch"):
        get(model(server), None, None, quiet)
    assert not server.ranges


def test_a_mirror_or_a_local_file_will_do(server: Server, shelf: Path, tmp_path: Path) -> None:
    one = model(server, source="http://127.0.0.1:9/drawn.onnx")
    get(one, None, f"{server.url}/folder/", quiet)
    target(one).unlink()
    get(one, None, f"{server.url}/another-name", quiet)
    target(one).unlink()
    with pytest.raises(UserError, match="is no address"):
        get(one, None, "elsewhere", quiet)
    copy = tmp_path / "from a friend"
    copy.write_bytes(MODEL)
    get(one, copy, None, quiet)
    assert target(one).read_bytes() == MODEL and examine(one, target(one)).good
    copy.write_bytes(MODEL[:100])
    with pytest.raises(UserError, match=r"is not drawn: it has 100 bytes.*nothing was kept"):
        get(one, copy, None, quiet)
    with pytest.raises(UserError, match="there is no file"):
        get(one, tmp_path / "nowhere", None, quiet)
    assert left(shelf) == {"drawn.onnx", "drawn.onnx.json"} and target(one).read_bytes() == MODEL


def test_torchvision_s_first_digits_are_enough(server: Server, tmp_path: Path) -> None:
    one = model(server, sha256=SHA256[:8], size=None, place=Place.torch)
    assert get(one, None, None, quiet) == tmp_path / "torch" / "hub" / "checkpoints" / "drawn.onnx"
    with pytest.raises(UserError, match="and should be 00000000"):
        get(replace(one, sha256="00000000"), None, None, quiet)


def test_engines_are_told_what_brings_their_weights(shelf: Path) -> None:
    with pytest.raises(EngineUnavailable, match=r"remaster\.jobs\.weights get lama brings them") as caught:
        on_shelf("lama", "lama", "weights")
    assert str(shelf / "inpainting_lama_2025jan.onnx") in str(caught.value) and "93 MB" in str(caught.value)
    with pytest.raises(EngineUnavailable, match=r"no weights at /nowhere/x\.onnx; pass an existing file as weights"):
        on_shelf("/nowhere/x.onnx", "lama", "weights")


def test_the_list_is_sound() -> None:
    assert len({one.name for one in ENTRIES}) == len(ENTRIES)
    for one in ENTRIES:
        assert one.sha256 is None or re.fullmatch("[0-9a-f]{64}|[0-9a-f]{8}", one.sha256), one.name
        assert one.revision is None or re.fullmatch("[0-9a-f]{40}", one.revision), one.name
        assert one.place is not Place.shelf or (one.free and one.file and one.size and one.sha256), one.name


def test_of_a_checkpoint_its_components_are_fetched_in_one_precision() -> None:
    from huggingface_hub.utils import filter_repo_objects

    weights = ["vae/v.safetensors", "vae/v.fp16.safetensors", "whole.safetensors", "vae/v.fp16.safetensors.index.json"]
    files = ["model_index.json", "vae/config.json", "tokenizer_2/spiece.model", "README.md", *weights]
    both = ["model_index.json", "vae/config.json", "tokenizer_2/spiece.model"]
    flux, half = checkpoint_files(entry("flux-fill")), checkpoint_files(entry("stable-diffusion"))
    assert list(filter_repo_objects(files, **flux)) == [*both, "vae/v.safetensors"]
    assert list(filter_repo_objects(files, **half)) == [*both, weights[1], weights[3]]


def test_the_program_lists_brings_and_checks(
    server: Server, shelf: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn, restricted = model(server), model(server, name="art", file="art.onnx", free=False, licence="no trade")
    monkeypatch.setattr("remaster.weight_files.shelf.ENTRIES", (drawn, restricted))
    monkeypatch.setattr("remaster.jobs.weights.ENTRIES", (drawn, restricted))

    def said(*arguments: str) -> tuple[int, str]:
        code = main(arguments)
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    code, listed = said("list")
    assert code == 0 and "drawn: 0.3 MB, MIT; not here" in listed and SHA256 in listed and server.url in listed
    assert said("check") == (0, f"No weights are here; our own folder is {shelf}.\n")
    code, got = said("get", "drawn")
    assert code == 0 and f"drawn is here now: {shelf / 'drawn.onnx'}\nSHA-256 {SHA256}, right by the list" in got
    assert said("get", "drawn") == (0, f"drawn is here already: {shelf / 'drawn.onnx'}\n")
    assert len(server.ranges) == 1
    code, refused = said("get", "art")
    assert code == 2 and "the licence of art (no trade) is not for every use" in refused
    assert said("get", "art", "licence=accept")[0] == 0
    assert f"here, {shelf / 'drawn.onnx'}" in said("list")[1]
    (shelf / "drawn.onnx").write_bytes(b"x")
    code, checked = said("check")
    assert code == 1 and "drawn.onnx: not the right file" in checked and f"art.onnx: SHA-256 {SHA256}" in checked
    assert said("get", "drawn")[0] == 0, "a wrong file is brought again"
    for wrong in (["get"], ["get", "none"], ["get", "drawn", "size=3"], [], ["fetch"]):
        code, sentence = said(*wrong)
        assert code == 2 and sentence.startswith("remaster: ") and sentence.count("\n") == 1, wrong
