"""The series: three short episodes and a very short one, shot by shot.

Between them the three show what cartoons do: dialogue in A-B-A-B, pan, tilt, zoom, a camera that follows a walk,
several planes at several speeds, fades, dissolves, a whip pan, characters that enter, leave or are cut by the frame's
edge. The fourth returns to their sets, from other places and distances, in the same light and in others, with other
characters and with none; between them lie pictures that must not be taken for those sets.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from remaster_sample.characters import MOLLY, OTTO, PIP, Arms, Design
from remaster_sample.script import Actor, Episode, Line, Shot, View, hold, move, pace, splice

KID, GROWN = 190.0, 226.0
INDOORS = 2.0
LANE = 616.0

CARD = hold(View(540, 322, 1.1))
AT_LEFT = hold(View(480, 470, 0.85))
AT_RIGHT = hold(View(1270, 470, 0.85))


def _walk(d: Design, height: float, y: float, x: float, first: int, last: int, left: bool = False) -> Actor:
    """An actor that walks from x, during frames ``first`` to ``last``, at its natural pace."""
    distance = pace(height) * (last - first) * (-1 if left else 1)
    return Actor(d, height, y, ((first, x), (last, x + distance)), left)


def _stand(
    d: Design, height: float, x: float, y: float, left: bool = False, lines: tuple[Line, ...] = (), arms: Arms = "rest"
) -> Actor:
    return Actor(d, height, y, ((0, x),), left, lines, arms)


def _follow(name: str, background: str, length: int, actor: Actor, ahead: float, y: float) -> Shot:
    """A shot whose camera keeps ``ahead`` pixels in front of a walking actor."""
    (first, x0), (last, x1) = actor.path
    lead = ahead if x1 > x0 else -ahead
    keys = move(View(x0 + lead, y), View(x1 + lead, y), first, last, ease=False)
    return Shot(name, "follow", background, length, keys, (actor,))


def _talk(name: str, background: str, d: Design, right: bool, length: int, text: str, chapter: str = "") -> Shot:
    """One side of a dialogue in the parlour, from the waist up."""
    line = Line(4, length - 6, text)
    height = (GROWN if d is OTTO else KID) * INDOORS
    actor = _stand(d, height, 1330 if right else 470, 790 if d is OTTO else 764, right, (line,))
    return Shot(name, "dialogue", background, length, AT_RIGHT if right else AT_LEFT, (actor,), chapter=chapter)


def _street_talk(name: str, d: Design, x: float, left: bool, length: int, text: str) -> Shot:
    """One side of a dialogue on the lane, close."""
    actor = _stand(d, 330, x, 730, left, (Line(4, length - 6, text),))
    return Shot(name, "dialogue", "autumn", length, hold(View(x + (-40 if left else 40), 500, 0.85)), (actor,))


def _multiplane(name: str, length: int, d: Design, start: float, dissolve: int) -> Shot:
    """A pan over the valley with the bank passing at 1.8 times its speed, and a walker on the bank."""
    walker = _walk(d, KID * 1.15, 660, start, 0, length)
    speed = pace(walker.height) / 1.8
    keys = move(View(640, 430), View(640 + speed * length, 430), 0, length, ease=False)
    return Shot(name, "multiplane", "valley", length, keys, (walker,), near=1.8, dissolve=dissolve)


def _morning() -> Episode:
    going = _walk(PIP, KID, LANE, 470, 0, 120)
    inside = KID * INDOORS
    leaving = Actor(PIP, inside, 716, ((0, 800), (20, 800), (84, 800 - 64 * pace(inside))), True)
    staying = _stand(MOLLY, inside, 1080, 724, True, (Line(10, 50, "Wait for me, Pip!"),), "wave")
    rise = move(View(1330, 480, 0.82), View(1500, 412, 1.5), 8, 88)
    pair = (_stand(PIP, KID, 1250, LANE, False, (), "wave"), _stand(MOLLY, KID, 1400, LANE + 10, True))
    shots = splice(
        Shot("title", "title", "card_morning", 72, CARD, fade_in=10),
        Shot("the street", "pan", "village", 96, move(View(640, 420, 1.2), View(1480, 420, 1.2), 8, 90)),
        _follow("to the red door", "village", 120, going, 60, 450),
        _talk("Pip asks", "parlour", PIP, False, 54, "It is such a windy day."),
        _talk("Molly answers", "parlour", MOLLY, True, 52, "Then let us fly the kite!"),
        _talk("Pip agrees", "parlour", PIP, False, 44, "I know just the hill."),
        _talk("Molly laughs", "parlour", MOLLY, True, 50, "Last one there is a pumpkin."),
        Shot("off they go", "still", "parlour", 84, hold(View(920, 480, 1.34)), (staying, leaving)),
        Shot("the day begins", "zoom", "village", 96, rise, pair, fade_out=22),
    )
    return Episode("episode-1", ".mp4", "A Windy Morning", Fraction(24), 640, 480, Fraction(1), 1, shots)


def _lamp() -> Episode:
    evening = "parlour_evening"
    inside = KID * INDOORS
    pair = (_stand(OTTO, GROWN * INDOORS, 450, 790), _stand(MOLLY, inside, 1350, 764, True, (), "wave"))
    home = _walk(OTTO, GROWN, LANE, 1620, 0, 112)
    tilt, night = move(View(760, 1260, 1.05), View(780, 330, 1.05), 18, 108), hold(View(1990, 400, 1.1))
    shots = splice(
        Shot("title", "title", "card_lamp", 76, CARD, fade_in=12, dissolve=16, chapter="Title"),
        Shot("the lighthouse", "tilt", "headland", 124, tilt, chapter="The lighthouse"),
        _multiplane("over the bank", 112, MOLLY, 520, dissolve=16),
        _talk("Otto is worried", evening, OTTO, False, 58, "The lamp must not go out tonight.", "By the fire"),
        _talk("Molly is not", evening, MOLLY, True, 54, "It never has, Captain."),
        _talk("Otto nods", evening, OTTO, False, 48, "There is always a first time."),
        _talk("Molly looks up", evening, MOLLY, True, 48, "Did you hear that?"),
        Shot("look there", "whip", evening, 46, move(View(560, 470, 0.9), View(1270, 470, 0.9), 17, 28), pair),
        Shot("the window", "zoom", evening, 72, move(View(920, 440, 1.35), View(914, 270, 0.62), 6, 62)),
        Shot("home by moonlight", "still", "village_night", 112, night, (home,), fade_out=24, chapter="Home"),
    )
    fps, sar = Fraction(30000, 1001), Fraction(8, 9)
    dvd = Episode("episode-2", ".mkv", "The Keeper's Lamp", fps, 720, 480, sar, 2, shots)
    return replace(dvd, audio_codec="ac3", subtitles=True)


def _lane() -> Episode:
    home = _walk(MOLLY, KID, LANE - 20, 2240, 0, 110, left=True)
    edge = (
        _stand(MOLLY, 300, 1010, 690, False, (Line(6, 62, "Is this the way to the sea?"),)),
        _stand(OTTO, 356, 1268, 704, True),
    )
    height = KID * 1.35 * 1.18
    path = ((0, 1250.0), (44, 1250 + 44 * pace(height)))
    enters = Actor(OTTO, height, 660, path, False, (Line(48, 80, "Good evening!"),))
    shots = splice(
        Shot("title", "title", "card_lane", 64, CARD, fade_in=12),
        Shot("the lane", "pan", "autumn", 100, move(View(1900, 420, 1.1), View(1080, 420, 1.1), 8, 94)),
        _follow("homeward", "autumn", 110, home, 50, 446),
        Shot("asking the way", "still", "autumn", 72, hold(View(1010, 480, 0.92)), edge),
        _street_talk("Molly asks", MOLLY, 960, False, 46, "How far is it?"),
        _street_talk("Otto thinks", OTTO, 1420, True, 46, "Over the hill and down."),
        _street_talk("Molly nods", MOLLY, 960, False, 42, "That is not far at all."),
        _street_talk("Otto waves", OTTO, 1420, True, 42, "Mind the wind!"),
        Shot("up and away", "zoom", "autumn", 84, move(View(620, 500, 0.8), View(1060, 372, 1.4), 6, 78)),
        _multiplane("two speeds", 96, PIP, 560, dissolve=14),
        Shot("good evening", "still", "autumn", 84, hold(View(1500, 460, 0.95)), (enters,)),
        Shot("the end", "title", "card_end", 52, CARD, fade_out=18),
    )
    fps, sar = Fraction(24000, 1001), Fraction(1)
    return Episode("episode-3", ".mkv", "Down the Long Lane", fps, 656, 480, sar, 3, shots, gate=True)


def _night() -> Episode:
    inside = KID * INDOORS
    guests = (_stand(MOLLY, inside, 640, 724), _stand(PIP, inside, 900, 732, True))
    street = (_stand(OTTO, GROWN, 1080, LANE), _stand(MOLLY, KID, 1290, LANE, True))
    lane, shelf = (_stand(PIP, KID, 1300, 590),), (_stand(OTTO, GROWN * INDOORS, 1210, 790),)
    shots = splice(
        Shot("title", "title", "card_night", 12, CARD),
        Shot("the whole street", "still", "village_dusk", 16, hold(View(1500, 392, 1.6))),
        Shot("the whole parlour", "still", "parlour", 16, hold(View(920, 420, 1.7))),
        Shot("nearer on the street", "still", "village_dusk", 20, hold(View(1180, 450, 0.9)), street),
        Shot("guests by night", "still", "parlour_night", 20, hold(View(760, 470, 1.0)), guests),
        Shot("the lane by night", "still", "autumn_night", 20, hold(View(1200, 430, 1.2)), lane),
        Shot("guests in the kitchen", "still", "kitchen", 20, hold(View(760, 470, 1.0)), guests),
        Shot("the whole lane", "still", "autumn", 16, hold(View(1300, 360, 1.45))),
        Shot("the neighbour's room", "still", "parlour_evening", 16, hold(View(920, 440, 1.3))),
        Shot("the sky", "still", "sky", 8, hold(View(560, 340))),
        Shot("nobody by night", "still", "parlour_night", 16, hold(View(1120, 440, 1.2))),
        Shot("farther down the lane", "still", "autumn", 16, hold(View(1250, 480, 0.92))),
        Shot("nothing", "still", "black", 8, CARD),
        Shot("Otto by the shelf", "still", "parlour", 20, hold(View(1300, 450, 0.67)), shelf),
        Shot("the sky again", "still", "sky", 8, hold(View(680, 360))),
        Shot("nothing again", "still", "black", 8, CARD),
    )
    return Episode("episode-4", ".mp4", "A Quiet Night", Fraction(24), 640, 480, Fraction(1), 4, shots)


EPISODES: tuple[Episode, ...] = (_morning(), _lamp(), _lane(), _night())
