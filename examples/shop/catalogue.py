"""The catalogue: six cacti and what they cost.

Room: example shop. Plain data, knows nothing of privacy. A plant's drawing is ``templates/plants/<slug>.svg``.
"""

from __future__ import annotations

from dataclasses import dataclass

CURRENCY = "GBP"
MOST_OF_ONE = 9  # pots that fit in one box


@dataclass(frozen=True)
class Cactus:
    """A cactus that we sell.

    Attributes:
        slug: Its name in addresses.
        name: Its name on the label.
        latin: Its botanical name.
        pence: Its price in pence.
        line: What makes one want it.
        text: What one ought to know.
        light: How much light it wants.
        water: How often it drinks in summer.
        height: How tall it is when it is posted, in centimetres.
    """

    slug: str
    name: str
    latin: str
    pence: int
    line: str
    text: str
    light: str
    water: str
    height: int


_ALL = (
    Cactus(
        "golden-barrel",
        "Golden barrel",
        "Kroenleinia grusonii",
        2400,
        "Perfectly round, and in no hurry at all.",
        "Thirty-odd ribs, each with a seam of golden spines. It gains about a centimetre a year, so the one "
        "you order is the one your grandchildren will have to repot.",
        "As much sun as you have",
        "Every three weeks",
        14,
    ),
    Cactus(
        "saguaro",
        "Saguaro",
        "Carnegiea gigantea",
        4999,
        "The one from the films, forty years before its close-up.",
        "Grown here from seed. The arms on the label are a promise: a saguaro grows its first one at the age "
        "of about seventy-five. Until then it is a fine, upright column.",
        "A south-facing sill",
        "Every four weeks",
        22,
    ),
    Cactus(
        "bunny-ears",
        "Bunny ears",
        "Opuntia microdasys",
        1250,
        "Looks soft. Is not.",
        "Each dot is a tuft of hair-fine bristles that come off at a touch and stay with you for days. Admire "
        "it from a small distance, and it will reward you with a new ear every spring.",
        "Bright, some direct sun",
        "Every two weeks",
        18,
    ),
    Cactus(
        "old-man",
        "Old man of Mexico",
        "Cephalocereus senilis",
        1890,
        "A white beard, worn from birth.",
        "The hair keeps the sun off by day and the frost off by night. It may be combed. In winter it wants to "
        "be cool, dry and left alone, like the rest of us.",
        "Full sun",
        "Every three weeks",
        16,
    ),
    Cactus(
        "christmas-cactus",
        "Christmas cactus",
        "Schlumbergera × buckleyi",
        1400,
        "Flowers when nothing else will.",
        "A cactus of the forest, which sits in the trees of Brazil and drinks more than its cousins. Give it "
        "long nights in autumn and it blooms from December into the new year.",
        "Bright shade",
        "Every week",
        20,
    ),
    Cactus(
        "bishops-cap",
        "Bishop’s cap",
        "Astrophytum myriostigma",
        1625,
        "Five ribs, no spines, one yellow flower.",
        "The white flecks are not dust but tiny scales that shade it from the sun. The flower opens for two "
        "or three days in summer, at about noon.",
        "Sun, shaded at noon",
        "Every three weeks",
        9,
    ),
)

CATALOGUE = {cactus.slug: cactus for cactus in _ALL}


def pounds(pence: int) -> str:
    """Return an amount of pence as it is written in figures: ``"49.99"``."""
    return f"{pence // 100}.{pence % 100:02}"
