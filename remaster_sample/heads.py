"""The characters' heads: skull, hair and headgear, eyes that blink, mouths that talk."""

from __future__ import annotations

from remaster_sample.brush import Color, smooth, tone
from remaster_sample.cast import Design, Mouth, Pose
from remaster_sample.pen import INK, Pen


def draw_head(pen: Pen, d: Design, pose: Pose) -> None:
    """Draw skull, face and hair about (0, -150), in the figure's units, where the pen is placed."""
    if d.hair == "braids":
        for side in (-1, 1):
            for k in range(4):
                pen.oval(side * (34 + 3 * k) - 2, -132 + 12 * k, 8 - k * 0.7, 8, d.hair_color, shade=3)
            pen.oval(side * 45 - 2, -88, 5, 6, d.top)
    skull = [(-34, -168), (-20, -186), (4, -190), (26, -184), (37, -166), (38, -146), (34, -128), (20, -114), (0, -111)]
    skull += [(-22, -115), (-35, -130), (-38, -148)]
    if d.hair == "braids":
        back = [(x * 1.1 - 1, (y + 150) * 1.08 - 152) for x, y in skull]
        pen.shape(back, d.hair_color, shade=4)
    pen.oval(-36, -144, 7, 9, d.skin, shade=2)
    pen.shape(skull, d.skin, shade=7)
    pen.stroke([(-38, -147), (-34, -144), (-37, -140)], 1.4)
    _face(pen, d, pose)
    _hair(pen, d)


def _face(pen: Pen, d: Design, pose: Pose) -> None:
    """Eyes, brows, cheeks, nose and mouth, set towards the right for the three-quarter view."""
    for x in (-9.0, 23.0):
        pen.shape([(x - 7, -131), (x + 5, -131), (x + 5, -126), (x - 7, -126)], tone(_blush(d.skin), 1.0), 0, rounds=2)
    for x, rx in ((-3.0, 10.0), (22.0, 8.6)):
        if pose.eyes == "closed":
            pen.stroke([(x - rx, -148), (x - rx / 2, -143.5), (x + rx / 2, -143.5), (x + rx, -148)], 2.4)
            continue
        pen.oval(x, -150, rx, 13.0, (255, 253, 248), 1.8)
        pen.oval(x + 3, -148.5, 5.0, 7.2, INK, 0)
        pen.oval(x + 4.8, -151.5, 1.9, 2.3, (255, 255, 255), 0)
        if pose.eyes == "half":
            lid = [(x - rx - 1.5, -165), (x + rx + 1.5, -165), (x + rx + 1.5, -153), (x, -156), (x - rx - 1.5, -153)]
            pen.shape(lid, d.skin, 0, rounds=0)
            pen.stroke([(x - rx, -152), (x, -156), (x + rx, -152)], 2.0)
    raised = 2.0 if pose.mouth in ("wide", "round") else 0.0
    brow = tone(d.hair_color, 0.75)
    pen.stroke([(-14, -167 - raised), (-4, -171 - raised), (6, -168 - raised)], 3.2, brow)
    pen.stroke([(16, -169 - raised), (23, -172 - raised), (30, -168 - raised)], 3.2, brow)
    if d.moustache:
        _mouth(pen, pose.mouth, -122)
        whiskers = [(11, -136), (24, -137), (36, -128), (30, -125), (12, -129), (-6, -125), (-13, -128), (-1, -137)]
        pen.shape(whiskers, d.hair_color, 1.8, shade=2, rounds=2)
        pen.oval(13, -139, 8, 7, _blush(d.skin), 2, shade=2)
    else:
        _mouth(pen, pose.mouth, -126)
        pen.stroke([(11, -143), (16, -138), (11, -135)], 2.0)


def _blush(skin: Color) -> Color:
    return (min(skin[0] + 4, 255), int(skin[1] * 0.84), int(skin[2] * 0.84))


def _mouth(pen: Pen, mouth: Mouth, y: float) -> None:
    inside: Color = (112, 32, 40)
    if mouth == "smile":
        pen.stroke([(-4, y), (4, y + 6), (16, y + 6), (23, y)], 2.4)
        return
    outlines: dict[str, list[tuple[float, float]]] = {
        "small": [(2, y + 1), (10, y), (19, y + 1), (15, y + 7), (6, y + 7)],
        "wide": [(-4, y - 2), (10, y - 1), (24, y - 2), (21, y + 8), (10, y + 12), (0, y + 8)],
        "round": [(5, y), (11, y - 3), (17, y), (17, y + 8), (11, y + 11), (5, y + 8)],
    }
    outline = outlines[mouth]
    pen.shape(outline, inside, 2, rounds=3)
    if mouth != "small":
        tongue = [(2, y + 6), (10, y + 4), (20, y + 6), (18, y + 12), (4, y + 12)]
        pen.shape(tongue, (222, 104, 100), 0, rounds=2, within=outline)
    if mouth == "wide":
        pen.shape(
            [(-4, y - 4), (24, y - 4), (24, y + 1.5), (-4, y + 1.5)], (255, 253, 248), 0, rounds=0, within=outline
        )


def _hair(pen: Pen, d: Design) -> None:
    {"tuft": _tuft, "braids": _fringe, "cap": _cap}[d.hair](pen, d)


def _tuft(pen: Pen, d: Design) -> None:
    mop = [(-40, -150), (-42, -172), (-28, -192), (-6, -198), (2, -212), (10, -199), (26, -202), (24, -194)]
    mop += [(38, -184), (40, -166), (30, -176), (20, -172), (10, -180), (-2, -172), (-14, -178), (-24, -164)]
    pen.shape([*mop, (-32, -166), (-34, -150)], d.hair_color, shade=5, rounds=2)
    pen.stroke([(-30, -180), (-14, -190), (4, -192)], 2.4, tone(d.hair_color, 1.35))


def _fringe(pen: Pen, d: Design) -> None:
    """Hair over the forehead, with a bow; the braids lie behind the head."""
    fringe = [(-41, -144), (-44, -172), (-26, -194), (4, -199), (30, -190), (42, -168), (41, -148), (35, -166)]
    fringe += [(22, -178), (8, -172), (2, -180), (-16, -172), (-30, -162), (-35, -146)]
    pen.shape(fringe, d.hair_color, shade=5, rounds=2)
    pen.stroke([(-30, -178), (-12, -190), (8, -191)], 2.4, tone(d.hair_color, 1.4))
    bow = [(-40, -178), (-28, -186), (-22, -178), (-12, -184), (-14, -170), (-26, -172), (-36, -166)]
    pen.shape(bow, d.legs, 1.8, rounds=2)


def _cap(pen: Pen, d: Design) -> None:
    """A captain's cap over white sideburns."""
    for x, y, rx, ry in ((-37, -152, 7, 12), (-34, -138, 5, 7)):
        pen.oval(x, y, rx, ry, d.hair_color, 1.8, shade=2)
    crown = [(-41, -164), (-44, -186), (-30, -203), (4, -208), (34, -202), (44, -184), (40, -164)]
    pen.shape(crown, d.top, shade=8, rounds=2)
    band = [(-41, -172), (0, -177), (40, -172), (40, -161), (0, -166), (-41, -161)]
    pen.shape(band, tone(d.top, 0.72), 2, rounds=1)
    peak = [(0, -171), (40, -168), (57, -161), (51, -157), (24, -162), (2, -163)]
    pen.shape(peak, tone(d.shoes, 0.8), 2, shade=2, rounds=2)
    pen.shape(smooth([(-6, -192), (4, -198), (14, -192), (4, -180)], 1), d.accent, 1.6, rounds=1)
