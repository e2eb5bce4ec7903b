"""Masks that are painted and backgrounds that are edited: checked, kept beside the decisions and named in them."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import cv2
import numpy as np
import pytest
from review_pages import opened, served

from remaster.errors import MediaError, UserError
from remaster.review import painting, pictures
from remaster.review.model import Shot
from remaster.review.review import Review


@pytest.fixture
def review(own: Path) -> Review:
    return Review.of(own)


@pytest.fixture
def shot(review: Review) -> Shot:
    return next(shot for shot in review.read().shots if shot.method == "still")


def white(width: int, height: int) -> bytes:
    mask = np.zeros((height, width, 3), np.uint8)
    mask[10:40, 20:60] = 255
    return pictures.png(mask)


def test_a_mask_is_kept_and_decided(review: Review, shot: Shot, own: Path) -> None:
    width, height = painting.frame_size(review, shot)
    path = painting.save_mask(review, shot, "mask", white(width, height))
    assert review.desk.exactly(shot, "shot") == {"mask": path}
    kept = cv2.imread(str(own / path), cv2.IMREAD_UNCHANGED)
    assert kept.shape == (height, width) and set(np.unique(kept)) == {0, 255}
    assert (kept > 0).sum() == 30 * 40
    review.read()
    assert painting.present(review, shot, "mask") == (own / path).read_bytes()
    painting.save_mask(review, shot, "mask", pictures.png(np.zeros((height, width, 3), np.uint8)))
    assert not review.desk.read().entries


def test_what_is_no_mask_of_the_frame_is_refused(review: Review, shot: Shot, own: Path) -> None:
    width, height = painting.frame_size(review, shot)
    for data in (white(width + 2, height), b"", b"no picture"):
        with pytest.raises(UserError):
            painting.save_mask(review, shot, "mask", data)
    with pytest.raises(MediaError):
        painting.present(review, shot, "mask")
    assert not (own / "masks").exists() and not (own / "overrides.yaml").exists()


def test_a_background_goes_out_and_comes_back(review: Review, shot: Shot, own: Path) -> None:
    canvas = pictures.canvas(review.store, shot, "")
    assert canvas is not None
    edited = canvas.image.copy()
    edited[:5] = (255, 0, 255)
    path = painting.save_background(review, shot, pictures.png(edited))
    assert review.desk.exactly(shot, "shot") == {"background": path}
    assert np.array_equal(cv2.imread(str(own / path))[..., ::-1], edited)
    with pytest.raises(UserError, match="replaces"):
        painting.save_background(review, shot, pictures.png(edited[:-1]))


def test_sent_pictures_need_cookie_origin_and_type(own: Path, shot: Shot) -> None:
    with served(own) as server:
        address = f"/mask/{quote(shot.key)}/mask"
        data = white(160, 120)
        own_origin = {"Origin": f"http://127.0.0.1:{server.port}"}
        png = {"Content-Type": "image/png", **own_origin}
        assert server.ask(address, png, cookie=False, method="POST", body=data).status == 403
        foreign = {**png, "Origin": "http://evil.example"}
        assert server.ask(address, foreign, method="POST", body=data).status == 403
        assert server.ask(address, own_origin, method="POST", body=data).status == 415
        assert server.ask(f"/mask/{quote(shot.key)}/other", png, method="POST", body=data).status == 422
        assert server.ask("/mask/..%2f..%2fx/mask", png, method="POST", body=data).status in (404, 405)
        assert server.ask(address, png, method="POST", body=b"x").status == 400
        assert not (own / "masks").exists()
        assert server.ask(address, png, method="POST", body=data).status == 200
        assert (own / "masks").is_dir()


def test_a_person_paints_a_mask(own: Path, tmp_path: Path) -> None:
    with served(own) as server, opened(server, tmp_path / "one", 1280, 720) as page:
        page.locator('[data-key="paint-mask"]').click()
        page.wait_for_selector(".paint.ready")
        box = page.locator(".paint canvas").bounding_box()
        page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] / 2)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] / 2, steps=5)
        page.mouse.up()
        page.locator('[data-key="paint-save"]').click()
        page.wait_for_selector(".paint", state="detached")
        page.wait_for_function("document.querySelector('.form > .said').innerText.includes('mask')")
        (path,) = (own / "masks").glob("*-mask.png")
        mask = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert mask[60, 70] == 255 and mask[5, 5] == 0
        assert 0.005 < (mask > 0).mean() < 0.3
