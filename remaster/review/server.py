"""Serves the review: pictures and files by fixed names, the page by NiceGUI, all behind the guard.

Every address names a shot that the run has and one of a few kinds of picture; no text of a request becomes a path.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal, TypeVar

import uvicorn
from fastapi import FastAPI, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, Response
from nicegui import ui

from remaster.errors import MediaError, UserError
from remaster.remote import is_remote
from remaster.review import painting, pictures
from remaster.review.model import Shot
from remaster.review.page import show
from remaster.review.places import inside
from remaster.review.review import Review
from remaster.review.security import Access, Guard
from remaster.review.settings import ReviewConfig, ReviewSettings, allowed_names

STATIC = Path(__file__).parent / "static"
FOREVER = {"cache-control": "private, max-age=31536000, immutable"}
"""For addresses that change with what they show."""
FRESH = {"cache-control": "no-store"}
Kind = Literal["thumb", "before", "after", "frame", "background", "overlay", "canvas"]
JPEG, PNG = "image/jpeg", "image/png"
Made = TypeVar("Made")


def serve(config: ReviewConfig) -> int:
    """Serve the page until a signal ends the program; raises ``UserError`` where it cannot start."""
    names = allowed_names(config.review)
    review = opened(config)
    listening = _listen(config.review)
    port = listening.getsockname()[1]
    access = Access(names, port)
    guarded = Guard(application(review), access)
    _announce(config.review.host, port, access.token)
    uvicorn.Server(uvicorn.Config(guarded, log_level="warning", timeout_graceful_shutdown=1)).run([listening])
    return 0


def opened(config: ReviewConfig) -> Review:
    """The run to look at; raises ``UserError`` where the folder has none."""
    folder = config.output.dir
    if not folder:
        raise UserError("name the output folder of a run: output.dir=DIR")
    if is_remote(folder):
        raise UserError(f"output.dir={folder} is on an object store; copy it to a local folder to look at it")
    root = Path(folder).expanduser().resolve()
    if not (root / "run.yaml").is_file():
        raise UserError(f"output.dir={folder} holds no run: it has no run.yaml; name the output folder of one")
    return Review.of(root)


def application(review: Review) -> FastAPI:
    """The pictures, files and pages of a run, without the guard."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/picture/{key}/{kind}")
    def picture(key: str, kind: Kind, frame: int | None = None) -> Response:
        shot = _shot(review, key)
        data, media_type = _or_missing(lambda: _picture(review, shot, kind, frame))
        return Response(data, media_type=media_type, headers=FOREVER)

    @app.get("/video/{key}/{kind}")
    def video(key: str, kind: Literal["segment", "loop"]) -> FileResponse:
        name = _shot(review, key).row[kind]
        if name is None:
            raise HTTPException(404, f"this shot has no {kind}")
        path = _or_missing(lambda: inside(review.root, str(name)))
        # Browsers play Matroska under this name, where they play it at all.
        return FileResponse(path, media_type="video/mp4" if path.suffix == ".mp4" else "video/webm", headers=FOREVER)

    @app.get("/take/{key}/{number}")
    def take(key: str, number: int) -> Response:
        shot = _shot(review, key)
        return Response(_or_missing(lambda: review.takes.picture(shot, number)), media_type=JPEG, headers=FRESH)

    @app.get("/mask/{key}/{kind}")
    def mask(key: str, kind: painting.Painted) -> Response:
        shot = _shot(review, key)
        if kind not in review.decided.get(key, {}):
            return Response(status_code=204)
        return Response(_or_missing(lambda: painting.present(review, shot, kind)), media_type=PNG)

    @app.post("/mask/{key}/{kind}")
    async def paint(key: str, kind: painting.Painted, request: Request) -> dict[str, str]:
        shot, data = _shot(review, key), await _sent(request)
        return {"path": await _kept(lambda: painting.save_mask(review, shot, kind, data))}

    @app.post("/background/{key}")
    async def background(key: str, request: Request) -> dict[str, str]:
        shot, data = _shot(review, key), await _sent(request)
        return {"path": await _kept(lambda: painting.save_background(review, shot, data))}

    @app.get("/static/{name}")
    def static(name: Literal["review.css", "review.js", "paint.js"]) -> FileResponse:
        return FileResponse(STATIC / name, headers={"cache-control": "no-cache"})

    ui.page("/")(lambda: show(review))
    ui.run_with(app, title="remaster review", dark=True, show_welcome_message=False)
    return app


def _shot(review: Review, key: str) -> Shot:
    found = review.run.by_key.get(key)
    if found is None:
        raise HTTPException(404, "the run has no such shot")
    return found


def _or_missing(make: Callable[[], Made]) -> Made:
    try:
        return make()
    except MediaError as error:
        raise HTTPException(404, str(error)) from error


async def _sent(request: Request) -> bytes:
    """The PNG that a request brings."""
    if request.headers.get("content-type") != PNG:
        raise HTTPException(415, "send a PNG")
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > painting.MAX_BYTES:
            raise HTTPException(413, f"the picture has over {painting.MAX_BYTES >> 20} MiB")
    return bytes(data)


async def _kept(save: Callable[[], str]) -> str:
    try:
        return await run_in_threadpool(save)
    except (UserError, MediaError) as error:
        raise HTTPException(400, str(error)) from error


def _picture(review: Review, shot: Shot, kind: Kind, frame: int | None) -> tuple[bytes, str]:
    """A picture of a shot and its media type; raises ``MediaError`` where there is none."""
    number = (shot.frames[1] - shot.frames[0]) // 2 if frame is None else frame
    if kind == "thumb":
        return pictures.thumbnail(review.root, shot), JPEG
    if kind == "frame":
        return pictures.png(pictures.source_frame(review.root, review.store, shot, number)), PNG
    if kind in ("before", "after"):
        before, after = pictures.frame_pair(review.root, shot, number)
        return pictures.jpeg(before if kind == "before" else after), JPEG
    canvas = pictures.canvas(review.store, shot, shot.version)
    if canvas is None:
        raise MediaError("nothing was kept of this shot's background, or it has none")
    if kind == "canvas":
        return pictures.png(canvas.image), PNG
    return (pictures.background_jpeg(canvas), JPEG) if kind == "background" else (pictures.overlay_png(canvas), PNG)


def _listen(settings: ReviewSettings) -> socket.socket:
    """A socket that listens; raises ``UserError`` where the address cannot be had."""
    try:
        kind, _, _, _, address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise UserError(f"review.host={settings.host} is no address of this machine: {error}") from error
    listening = socket.socket(kind, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(address)
        listening.listen()  # so that who reads the address is answered, if later
    except OSError as error:
        listening.close()
        raise UserError(
            f"review.host={settings.host} review.port={settings.port} cannot be listened on ({error.strerror});"
            " pass another review.port"
        ) from error
    return listening


def _announce(host: str, port: int, token: str) -> None:
    """Print the address, with its token, for a person to open."""
    name = f"[{host}]" if ":" in host else host
    print(f"review: http://{name}:{port}/?token={token}", flush=True)
    print("Ctrl-C ends it; all decisions are kept", file=sys.stderr, flush=True)
