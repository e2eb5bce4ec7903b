"""The painted sets of the series, by name. Each is wider and taller than any frame of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from remaster.arrays import Rgb, Rgba
from remaster_sample import interior as room
from remaster_sample import landscape as land
from remaster_sample import village as town
from remaster_sample.brush import Canvas, Color, box, curve, lettering, mix, offset, oval, smooth, tone
from remaster_sample.interior import armchair, bookshelf, doorway, floor_lamp, side_table

CREAM: Color = (252, 246, 230)
MIST: Color = (198, 212, 220)
FACETS: tuple[Color, ...] = ((86, 64, 78), (186, 136, 110), (132, 104, 84))

HOUSES = (
    (130, town.House(340, 410, (226, 204, 164), (176, 84, 66), (244, 236, 218), (70, 104, 118))),
    (590, town.House(280, 384, (196, 120, 104), (96, 92, 108), (240, 228, 206), (92, 76, 64), gable=True)),
    (1090, town.House(350, 424, (184, 202, 196), (108, 86, 92), (246, 240, 228), (176, 72, 58))),
    (1690, town.House(296, 398, (240, 222, 190), (92, 112, 110), (250, 244, 230), (60, 92, 76), gable=True)),
    (2120, town.House(340, 412, (214, 168, 110), (158, 74, 62), (244, 232, 208), (72, 84, 116))),
    (2700, town.House(310, 392, (206, 186, 186), (104, 98, 116), (246, 238, 226), (150, 92, 60), gable=True)),
)
GROUND = 530.0
LAMPS = (440, 1500, 2530)


def _street(c: Canvas, greens: tuple[Color, ...]) -> list[town.Rectangle]:
    """Everything on the ground of the village street; returns the windows."""
    land.meadow(c, curve(-16, c.width + 16, GROUND - 26, 4, c.rng, 12), GROUND + 40, greens)
    panes: list[town.Rectangle] = []
    trees = ((40, 330), (522, 300), (970, 470), (1540, 500), (1650, 300), (2054, 320), (2580, 480), (3110, 380))
    for x, height in trees[::2]:
        land.tree(c, x, GROUND - 4, height, greens)
    for k, (x, design) in enumerate(HOUSES):
        panes += town.house(c, x, GROUND, design, door_left=k % 2 == 0)
    for x, height in trees[1::2]:
        land.tree(c, x, GROUND + 8, height, greens)
    for x0, x1 in ((-10, 120), (880, 1080), (1450, 1680), (2470, 2690), (3020, 3290)):
        town.fence(c, x0, x1, GROUND + 16, 74, (238, 230, 212))
    for k, x in enumerate((480, 560, 890, 1460, 1672, 2010, 2090, 2480, 3030)):
        land.bush(c, x, GROUND + 14, 84, greens, ((226, 96, 110), (246, 212, 120), (236, 236, 240))[k % 3])
    land.road(c, GROUND + 30, GROUND + 124, (196, 168, 128))
    edge = curve(-16, c.width + 16, GROUND + 124, 5, c.rng, 14)
    land.meadow(c, edge, c.height, greens, ((250, 236, 160), (240, 240, 246)))
    for x in LAMPS:
        town.lamp_post(c, x, GROUND + 30, 290, lit=False)
    return panes


def village(c: Canvas) -> None:
    """A village street on a summer morning, 3260 x 780; the road runs at rows 560-654."""
    land.sky(c, 460, land.DAY_SKY, 9, CREAM, MIST)
    land.hill(c, 368, 46, land.GREENS, 0.62, (186, 210, 222), 9)
    land.hill(c, 430, 34, land.GREENS, 0.3, (186, 210, 212), 11)
    _street(c, (*land.GREENS,))


def village_night(c: Canvas) -> None:
    """The same street by moonlight, windows and lamps lit, under stars."""
    c.gradient(((0, (60, 84, 150)), (0.7, (120, 140, 180)), (1, (190, 180, 190))), 0, 470)
    sky = c.image.copy()
    land.hill(c, 368, 46, land.GREENS, 0.5, (130, 150, 190), 9)
    land.hill(c, 430, 34, land.GREENS, 0.25, (130, 150, 180), 11)
    panes = _street(c, (*land.GREENS,))
    open_sky = (c.image == sky).all(axis=-1)
    c.grade((0.4, 0.47, 0.68), (4, 8, 26))
    lit = Canvas(c.width, c.height, 12)
    lit.image[:] = c.image
    lit.dabs(c.rng.uniform((0, 0), (c.width, 420), (520, 2)), [(236, 236, 214), (190, 206, 236)], 1.1, 1.0)
    for x in (1010.0, 2046.0):
        lit.glow(x, 184, 130, (196, 208, 236), 0.5)
        lit.polygon(oval(x, 184, 31, 31), (246, 240, 212), 0.1, 5)
        lit.dabs([(x - 10, 176), (x + 11, 192), (x + 4, 168)], [(220, 212, 188)], 5, 1.2)
    c.image[open_sky] = lit.image[open_sky]
    for pane in panes:
        if c.rng.random() < 0.75:
            town.light_window(c, pane)
    for x in LAMPS:
        town.lamp_post(c, x, GROUND + 30, 290, lit=True)


def parlour(c: Canvas) -> None:
    """A living room by day, 1840 x 840; the floor begins at row 560."""
    _room(c, ((168, 182, 150), (188, 200, 168), (206, 110, 92)), (176, 72, 66), (196, 96, 62))


def parlour_night(c: Canvas) -> None:
    """The parlour after dark, by the light of its lamp: the same drawing, brush stroke by brush stroke."""
    parlour(c)
    c.grade(*NIGHT)
    c.glow(292, 200, 420, (255, 206, 120), 0.3)


def kitchen(c: Canvas) -> None:
    """Another room of the house, with some of the same things in other places, 1840 x 840."""
    floor = 560.0
    room.wallpaper(c, floor, (206, 182, 142), (222, 204, 168), (104, 120, 96))
    room.floorboards(c, floor, (150, 112, 84))
    room.window(c, 1180, 96, 250, 290, (98, 128, 150), land.DAY_SKY)
    room.picture(c, 880, 170, 150, 120, (226, 210, 176), (142, 116, 80))
    doorway(c, 1560, floor, 160, 410, (164, 96, 72))
    bookshelf(c, 90, floor, 340, 430, 4)
    land.foliage(c, 620, 360, 80, 120, (*land.PINE,), 8)
    c.polygon(smooth([(570, 480), (672, 480), (654, 590), (588, 590)], 1), (104, 126, 142), 0.3, 8, ink=2)
    side_table(c, 1100, floor + 40, 150, [(246, 226, 140), (214, 120, 150), (240, 240, 246)])
    room.rug(c, 760, 716, 350, 70, [(72, 104, 112), (228, 206, 160), (150, 76, 60)])
    armchair(c, 1330, floor + 48, 220, (120, 96, 132))


def parlour_evening(c: Canvas) -> None:
    """The room of the neighbour, papered in blue and lit by its lamp."""
    _room(c, ((118, 134, 160), (138, 152, 178), (222, 196, 140)), (196, 150, 74), (92, 118, 92), evening=True)


def _room(c: Canvas, paper: tuple[Color, Color, Color], curtain: Color, chair: Color, evening: bool = False) -> None:
    floor = 560.0
    room.wallpaper(c, floor, *paper)
    room.floorboards(c, floor, (176, 124, 80))
    room.window(c, 800, 110, 230, 270, curtain, land.DUSK_SKY if evening else land.DAY_SKY)
    room.picture(c, 560, 150, 130, 104, (188, 206, 214), (120, 144, 92))
    room.picture(c, 470, 196, 74, 92, (232, 206, 160), (146, 104, 84))
    room.picture(c, 1180, 140, 120, 120, (206, 214, 222), (96, 128, 120))
    doorway(c, 70, floor, 150, 400, (120, 136, 122))
    bookshelf(c, 1372, floor, 300, 476)
    side_table(c, 1236, floor + 34, 120, [(232, 96, 90), (250, 206, 96), (246, 236, 226)])
    c.shadow(box(1690, 0, 150, floor), 0.25, 40)
    land.foliage(c, 1748, 330, 70, 110, land.GREENS, 8)
    c.polygon(smooth([(1700, 470), (1796, 470), (1780, 580), (1716, 580)], 1), (186, 96, 70), 0.3, 8, ink=2)
    room.rug(c, 920, 708, 430, 84, [(160, 62, 58), (222, 186, 120), (64, 88, 106), (206, 150, 96)])
    armchair(c, 330, floor + 44, 236, chair)
    floor_lamp(c, 292, floor + 16, 420, (246, 214, 150))
    if evening:
        c.grade((0.8, 0.74, 0.72), (6, 2, 8))
        c.glow(292, 200, 420, (255, 206, 120), 0.36)
        c.glow(420, 620, 420, (255, 200, 120), 0.2, 0.5)
    else:
        sunlight, left, top = c.coverage([(760, 640), (1010, 640), (1180, 800), (860, 800)], soft=7)
        c.fill(np.rint(sunlight * (74 / 255)).astype(np.uint8), left, top, (255, 240, 196), 0, 4)
    for x, y in ((0, 0), (c.width, 0), (0, c.height), (c.width, c.height)):
        c.glow(x, y, 420, (46, 30, 30), 0.4)


def headland(c: Canvas) -> None:
    """A lighthouse on a cliff over the sea at sunset, 1240 x 1560, for tilts."""
    land.sky(c, 1010, land.DUSK_SKY, 9, (255, 222, 186), (176, 116, 138))
    c.glow(300, 960, 330, (255, 238, 176), 0.75)
    c.polygon(oval(300, 944, 52, 52), (255, 240, 190), 0, 4)
    land.sea(c, 1000, 1560, (226, 158, 128), (58, 92, 126), (255, 226, 168))
    cliff = [(470, 1560), (520, 1470), (500, 1400), (560, 1330), (548, 1270), (610, 1216)]
    cliff += [(760, 1196), (1260, 1180), (1260, 1560)]
    c.polygon(smooth(cliff, 2, closed=False), (122, 92, 88), 0.4, 14, ink=2)
    for _ in range(420):
        x, y = c.rng.uniform(470, 1230), c.rng.uniform(1270, 1550)
        if x > 470 + (1560 - y) * 0.5:
            s = c.rng.uniform(12, 40)
            facet = offset(x, y, (0, 0), (s, -s * 0.3), (s * 1.5, s * 0.3), (s, s * 0.7), (s * 0.2, s * 0.6))
            c.polygon(smooth(facet, 1), mix((122, 92, 88), FACETS[int(c.rng.integers(3))], 0.4), 0.3, 10, ink=1)
    grass = [(536, 1280), (600, 1226), (700, 1206), (900, 1196), (1256, 1180)]
    greens = ((64, 84, 62), (112, 118, 70), (186, 160, 92))
    land.meadow(c, smooth(grass, 2, closed=False), 1262, greens, [(250, 220, 160)])
    town.house(c, 960, 1216, town.House(240, 236, (232, 210, 186), (150, 72, 66), (246, 232, 212), (86, 96, 116)))
    town.lighthouse(c, 830, 1226, 940)
    town.fence(c, 620, 740, 1240, 52, (214, 196, 180))
    land.bush(c, 660, 1234, 74, ((64, 84, 62), (112, 118, 70), (176, 152, 88)), (240, 150, 150))
    for x, y in ((260, 620), (330, 590), (420, 640), (960, 330), (1040, 360)):
        gull = offset(x, y, (-15, -4), (-7, -10), (0, 0), (7, -10), (15, -4))
        c.line(smooth(gull, 2, closed=False), (92, 70, 92), 2)


def autumn(c: Canvas) -> None:
    """A lane through autumn woods, 2700 x 720; the lane runs at rows 500-590."""
    land.sky(c, 390, ((0, (118, 158, 186)), (0.6, (206, 212, 200)), (1, (250, 226, 180))), 8, CREAM, (206, 202, 200))
    land.hill(c, 300, 60, land.AUTUMN, 0.62, (214, 206, 196), 8)
    land.hill(c, 360, 40, land.GOLDEN, 0.36, (222, 200, 176), 10)
    ground = 468.0
    greens: tuple[Color, ...] = ((112, 98, 50), (170, 138, 62), (222, 184, 92))
    land.meadow(c, curve(-16, c.width + 16, ground - 36, 6, c.rng, 10), ground + 50, greens)
    for x in (150, 700, 1190, 1930, 2360):
        land.pine(c, x, ground - 14, c.rng.uniform(240, 320))
    for k, x in enumerate((40, 300, 520, 900, 1060, 1400, 1660, 1800, 2110, 2500, 2660)):
        leaves = (land.AUTUMN, land.GOLDEN, land.AUTUMN, land.GREENS)[k % 4]
        at, height = x + c.rng.uniform(-20, 20), c.rng.uniform(300, 420)
        land.tree(c, at, ground + 2 + 6 * (k % 3), height, leaves, (92, 66, 56))
    for x0, x1 in ((-10, 420), (1080, 1560), (2150, 2720)):
        town.fence(c, x0, x1, ground + 18, 58, (196, 170, 140))
    for k, x in enumerate((460, 800, 980, 1620, 1890, 2080)):
        land.bush(c, x, ground + 18, 84, (land.AUTUMN, land.GOLDEN)[k % 2], (186, 48, 52))
    land.road(c, ground + 32, ground + 124, (186, 150, 112))
    land.meadow(c, curve(-16, c.width + 16, ground + 124, 5, c.rng, 12), c.height, greens)
    fallen = np.stack([c.rng.uniform(0, c.width, 900), ground + 10 + c.rng.uniform(0, 1, 900) ** 0.8 * 240], axis=1)
    c.dabs(fallen, [*land.AUTUMN, *land.GOLDEN], 3.2, 1.8, 0, 60)


def sky(c: Canvas) -> None:
    """The open sky without a cloud, 1240 x 700."""
    c.gradient(land.DAY_SKY)


def black(c: Canvas) -> None:
    """Nothing, as between two acts."""
    c.image[:] = 0


def valley(c: Canvas) -> None:
    """The far plane of the multiplane shots: a valley with a windmill and a church, 2200 x 720."""
    land.sky(c, 400, ((0, (92, 140, 190)), (0.5, (170, 200, 214)), (1, (252, 228, 190))), 8, CREAM, (200, 204, 214))
    land.hill(c, 270, 70, land.PINE, 0.7, (190, 206, 220), 7)
    land.hill(c, 340, 50, land.GREENS, 0.48, (206, 210, 204), 9)
    for k, x in enumerate((260, 640, 1010, 1330, 1760, 2010)):
        design = replace(HOUSES[k][1], width=120 + 20 * (k % 2), height=140, trim=CREAM, gable=k % 2 == 1)
        town.house(c, x, 420, design)
    land.hill(c, 424, 22, land.GREENS, 0.22, (206, 210, 196), 9)
    wheat: tuple[Color, ...] = ((176, 140, 70), (214, 180, 98), (242, 220, 146))
    land.meadow(c, curve(-16, c.width + 16, 446, 9, c.rng, 9), c.height, wheat, [(214, 84, 70)])
    for x in np.arange(60, 2200, 190).tolist():
        greens = tuple(mix(g, (190, 206, 214), 0.25) for g in land.GREENS)
        land.tree(c, x + c.rng.uniform(-80, 80), 462 + c.rng.uniform(-14, 22), c.rng.uniform(90, 190), greens)


def _bank(c: Canvas) -> None:
    """The near plane: a grassy bank with trees, a fence and bushes."""
    edge = curve(-16, c.width + 16, 500, 26, c.rng, 12)
    greens: tuple[Color, ...] = ((34, 72, 52), (62, 108, 58), (116, 152, 72))
    for k, x in enumerate((180, 760, 1290, 1900, 2460, 3060, 3500)):
        land.tree(c, x, 540, (620, 560, 660)[k % 3], greens, (84, 62, 54))
    land.meadow(c, edge, c.height, greens, [(250, 226, 140), (244, 190, 196)])
    for x0, x1 in ((330, 640), (1400, 1780), (2580, 2960)):
        town.fence(c, x0, x1, 560, 78, (236, 226, 206))
    for k, x in enumerate((90, 700, 1120, 1340, 1830, 2100, 2520, 3010, 3300)):
        land.bush(c, x, 590, 120, greens, ((240, 120, 130), (250, 220, 130))[k % 2])


def _card(c: Canvas, title: tuple[str, ...], sky: str, greens: Sequence[Color], paint: tuple[Color, Color]) -> None:
    """A title card, 1080 x 620: hills, trees at both sides, and the title over the sky."""
    stops = {"day": land.DAY_SKY, "dusk": land.DUSK_SKY, "gold": ((0.0, (150, 120, 110)), (1.0, (252, 220, 160)))}[sky]
    light, dark = (CREAM, MIST) if sky == "day" else ((255, 228, 190), (196, 136, 136))
    land.sky(c, 420, stops, 5, light, dark)
    c.glow(540, 400, 300, (255, 244, 206), 0.6)
    ink = tone(paint[1], 0.9)
    land.hill(c, 400, 34, greens, 0.5, stops[-1][1], 6)
    land.hill(c, 452, 22, greens, 0.2, stops[-1][1], 5)
    land.meadow(c, curve(-16, c.width + 16, 500, 14, c.rng, 5), c.height, greens, [(250, 232, 170), (246, 190, 190)])
    for x, height in ((70, 330), (212, 240), (900, 260), (1020, 350)):
        land.tree(c, x, 540, height, greens)
    town.fence(c, -10, 300, 556, 54, (240, 230, 214))
    town.fence(c, 800, 1090, 556, 54, (240, 230, 214))
    size = 84
    for k, line in enumerate(title):
        lettering(c, line, 540, 250 + (k - (len(title) - 1) / 2) * size * 1.35, size, paint[0], ink, 24)


GOLD_ON_RED: tuple[Color, Color] = ((255, 226, 130), (110, 42, 36))


def card_morning(c: Canvas) -> None:
    """The first episode's title."""
    _card(c, ("A Windy", "Morning"), "day", land.GREENS, ((255, 214, 84), (126, 44, 52)))


def card_lamp(c: Canvas) -> None:
    """The second episode's title."""
    _card(c, ("The Keeper's", "Lamp"), "dusk", land.PINE, ((255, 232, 180), (84, 44, 84)))


def card_lane(c: Canvas) -> None:
    """The third episode's title."""
    _card(c, ("Down the", "Long Lane"), "gold", land.AUTUMN, GOLD_ON_RED)


def card_night(c: Canvas) -> None:
    """The fourth episode's title."""
    _card(c, ("A Quiet", "Night"), "dusk", land.PINE, ((255, 232, 180), (60, 52, 92)))


def card_end(c: Canvas) -> None:
    """The last card."""
    _card(c, ("The End",), "gold", land.AUTUMN, GOLD_ON_RED)


Grade = tuple[tuple[float, float, float], Color]
DUSK: Grade = (0.92, 0.7, 0.6), (8, 2, 10)
NIGHT: Grade = (0.42, 0.5, 0.72), (4, 8, 24)


def graded(paint: Callable[[Canvas], None], grade: Grade) -> Callable[[Canvas], None]:
    """Paints the same drawing, brush stroke by brush stroke, in another light."""

    def painted(c: Canvas) -> None:
        paint(c)
        c.grade(*grade)

    return painted


@dataclass(frozen=True)
class PaintedSet:
    """How a set is painted: its size in pixels, its seed, and what is painted on it.

    ``light`` is its time of the day. ``drawing`` names the set of which this is the same drawing in another light, and
    is empty where it is one of its own. ``plain``: it has nothing by which it could be known again.
    """

    width: int
    height: int
    seed: int
    paint: Callable[[Canvas], None]
    wobble: float = 1.2
    light: str = "day"
    drawing: str = ""
    plain: bool = False


SETS: dict[str, PaintedSet] = {
    "village": PaintedSet(3260, 780, 11, village),
    "village_dusk": PaintedSet(3260, 780, 11, graded(village, DUSK), light="dusk", drawing="village"),
    "village_night": PaintedSet(3260, 780, 11, village_night, light="night"),
    "parlour": PaintedSet(1840, 840, 23, parlour),
    "parlour_night": PaintedSet(1840, 840, 23, parlour_night, light="night", drawing="parlour"),
    "parlour_evening": PaintedSet(1840, 840, 29, parlour_evening, light="evening"),
    "kitchen": PaintedSet(1840, 840, 37, kitchen),
    "headland": PaintedSet(1240, 1560, 31, headland, light="dusk"),
    "autumn": PaintedSet(2700, 720, 41, autumn),
    "autumn_night": PaintedSet(2700, 720, 41, graded(autumn, NIGHT), light="night", drawing="autumn"),
    "valley": PaintedSet(2200, 720, 53, valley),
    "card_morning": PaintedSet(1080, 620, 61, card_morning, 0.6),
    "card_lamp": PaintedSet(1080, 620, 67, card_lamp, 0.6),
    "card_lane": PaintedSet(1080, 620, 71, card_lane, 0.6),
    "card_night": PaintedSet(1080, 620, 79, card_night, 0.6),
    "card_end": PaintedSet(1080, 620, 73, card_end, 0.6),
    "sky": PaintedSet(1240, 700, 83, sky, plain=True),
    "black": PaintedSet(1080, 620, 89, black, plain=True),
}
NEAR_PLANE = PaintedSet(3700, 720, 59, _bank)


@lru_cache(maxsize=6)
def background(name: str) -> Rgb:
    """The painted set ``name`` (a key of ``SETS``), uint8 RGB, read-only."""
    made = SETS[name]
    c = Canvas(made.width, made.height, made.seed)
    made.paint(c)
    return c.finish(made.wobble)


@lru_cache(maxsize=1)
def near_plane() -> Rgba:
    """The multiplane shots' near plane, 3700 x 720: premultiplied RGBA, uint8, read-only.

    Painted twice by the same hand, on black and on white: the difference is its transparency (Smith and Blinn, "Blue
    Screen Matting", SIGGRAPH 1996).
    """
    plates = []
    for ground in (0, 255):
        c = Canvas(NEAR_PLANE.width, NEAR_PLANE.height, NEAR_PLANE.seed)
        c.image[:] = ground
        NEAR_PLANE.paint(c)
        plates.append(c.finish(texture=0.0).astype(np.int16))
    alpha = 255 - (plates[1] - plates[0]).max(axis=-1)
    rgba = np.dstack([plates[0], alpha]).clip(0, 255).astype(np.uint8)
    rgba.setflags(write=False)
    return rgba
