"""The example shop's tour holds, and can fail: it is a proof only if a broken promise ends it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from attempts import ATTEMPTS

TOUR = Path(__file__).resolve().parents[2] / "examples" / "shop" / "tour.py"
SECONDS = 300  # a hanging tour ends here; how long it takes is not what is tested


def tour(*options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(TOUR), *options],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def test_the_tour_holds_from_end_to_end() -> None:
    played = tour()

    assert (0, "") == (played.returncode, played.stderr), played.stdout
    assert "did not hold" not in played.stdout


def test_without_the_cookie_guard_the_tour_ends_with_1_and_names_every_attempt() -> None:
    played = tour("--only", "none of others", SHOP_UNGUARDED="1")

    assert 1 == played.returncode, played.stdout
    named = {line.strip()[2:] for line in played.stdout.splitlines() if line.strip().startswith("✗")}
    assert set() == {attempt.tried for attempt in ATTEMPTS} - named
    seen = "\n".join(line for line in played.stdout.splitlines() if line.strip().startswith("seen"))
    for leak in ("Domain=.ads.example", "SameSite=None", "Partitioned", "rel=preconnect", "Origin-Trial"):
        assert leak in seen


def test_each_attempt_is_another_one_and_all_kinds_of_rules_are_broken() -> None:
    assert 30 <= len(ATTEMPTS) == len({attempt.tried for attempt in ATTEMPTS})
    assert {"O", "D", "H", "I"} == {attempt.rule[0] for attempt in ATTEMPTS}


def test_a_tour_of_no_chapter_proves_nothing_and_does_not_end_0() -> None:
    assert 2 == tour("--only", "no such chapter").returncode
