"""Who may ask the review for what, by real requests."""

from __future__ import annotations

import base64
import os
import socket
from pathlib import Path
from urllib.parse import quote

import pytest
from review_pages import Server, served

from remaster.errors import MediaError, UserError
from remaster.pipeline.store import Store
from remaster.review.model import Library
from remaster.review.places import inside
from remaster.review.settings import ReviewSettings, allowed_names


def first_key(folder: Path) -> str:
    return Library(Store(str(folder))).run().shots[0].key


def websocket(server: Server, headers: dict[str, str]) -> str:
    """The status line that answers the handshake of NiceGUI's web socket."""
    lines = {
        "Host": f"127.0.0.1:{server.port}",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
        "Sec-WebSocket-Version": "13",
        "Cookie": server.cookie,
        **headers,
    }
    request = "GET /_nicegui_ws/socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n"
    request += "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value) + "\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(request.encode())
        return connection.recv(200).split(b"\r\n")[0].decode()


def test_the_token_of_the_address_becomes_a_cookie(server: Server) -> None:
    answer = server.ask(f"/?token={server.token}", cookie=False)
    assert answer.status == 200
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{server.cookie};")
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
    assert server.ask("/").status == 200


@pytest.mark.parametrize(
    "path", ["/", "/?token=", "/?token=wrong", "/static/review.js", "/_nicegui_ws/socket.io/?EIO=4"]
)
def test_without_token_or_cookie_nothing_is_answered(server: Server, path: str) -> None:
    answer = server.ask(path, cookie=False)
    assert answer.status == 403
    assert "set-cookie" not in answer.headers


def test_a_wrong_cookie_and_a_token_elsewhere_are_refused(server: Server) -> None:
    wrong = {"Cookie": f"remaster_review_{server.port}={server.token[:-1]}"}
    assert server.ask("/", wrong, cookie=False).status == 403
    assert server.ask(f"/static/review.js?token={server.token}", cookie=False).status == 403
    assert server.ask(f"/?token={server.token}", cookie=False, method="POST", body=b"").status == 403


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "evil.example:80", "[::2]:1", "a b"])
def test_foreign_host_names_are_refused(server: Server, host: str) -> None:
    assert server.ask("/", {"Host": host}).status == 403
    assert server.ask(f"/?token={server.token}", {"Host": host}, cookie=False).status == 403


def test_a_tunnel_may_have_another_port(server: Server) -> None:
    assert server.ask("/", {"Host": "localhost:9999"}).status == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:1", "file://", "http://127.0.0.1"])
def test_foreign_origins_are_refused(server: Server, origin: str) -> None:
    assert server.ask("/", {"Origin": origin}).status == 403
    assert " 403 " in websocket(server, {"Origin": origin})


def test_web_sockets_need_cookie_and_own_host(server: Server) -> None:
    own = {"Origin": f"http://127.0.0.1:{server.port}"}
    assert " 101 " in websocket(server, own)
    assert " 403 " in websocket(server, {**own, "Cookie": ""})
    assert " 403 " in websocket(server, {"Host": "evil.example", "Origin": "http://evil.example"})


def test_answers_say_what_browsers_must_not_do(server: Server) -> None:
    headers = server.ask("/").headers
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "default-src 'self'" in headers["content-security-policy"]
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize("key", ["..", "../..", "/etc/passwd", "../../run.yaml", "%2e%2e", "run.yaml", "x\x00y"])
def test_only_known_names_are_served(server: Server, key: str) -> None:
    for path in (f"/picture/{quote(key, safe='')}/thumb", f"/video/{quote(key, safe='')}/segment"):
        assert server.ask(path).status == 404
    assert server.ask(f"/static/{quote(key, safe='')}").status in (404, 422)
    assert server.ask("/static/..%2fserver.py").status in (404, 422)
    assert server.ask("/static/../server.py").status == 404


def test_links_that_lead_out_of_the_folder_are_refused(own: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.mkv"
    secret.write_bytes(b"secret")
    shot = Library(Store(str(own))).run().shots[0]
    segment = own / shot.row["segment"]
    segment.unlink()
    segment.symlink_to(secret)
    with served(own) as server:
        answer = server.ask(f"/video/{quote(shot.key)}/segment")
        assert answer.status == 404
        assert b"secret" not in answer.body


def test_files_are_found_inside_the_folder_alone(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a").write_text("a")
    (tmp_path / "b").write_text("b")
    (tmp_path / "in" / "out").symlink_to(tmp_path)
    assert inside(tmp_path / "in", "a").read_text() == "a"
    for key in ("../b", str(tmp_path / "b"), "out/b", "missing", "", "a/../../b", "\0"):
        with pytest.raises(MediaError):
            inside(tmp_path / "in", key)


def test_names_are_shown_as_text(server: Server, finished: Path) -> None:
    assert b"<img src=x" not in server.ask("/").body


def test_a_page_for_every_interface_needs_names() -> None:
    with pytest.raises(UserError, match=r"review\.names"):
        allowed_names(ReviewSettings("0.0.0.0"))
    assert "studio" in allowed_names(ReviewSettings("0.0.0.0", names=["Studio"]))
    assert "0.0.0.0" not in allowed_names(ReviewSettings("0.0.0.0", names=["studio"]))
    assert "10.0.0.7" in allowed_names(ReviewSettings("10.0.0.7"))
    with pytest.raises(UserError, match=r"review\.port"):
        allowed_names(ReviewSettings(port=70_000))
