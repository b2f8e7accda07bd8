"""Clause 3, cookies: what the app tries to set for others does not leave, what others set does not enter.

Room: example shop, the tour. The shop's own page ``/hostile/<n>`` does the trying.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from touring.scene import LINK

if TYPE_CHECKING:
    from touring.scene import Scene

_FOREIGN = "GA1.1.999.888"


def hostile_app(scene: Scene) -> None:
    """The app sets what the policy forbids; the wire shows what is left of it."""
    check = scene.report.check
    declared = declared_names(scene)
    ann = scene.visitor()
    for number in range(100):
        page = ann.get(f"/hostile/{number}")
        if page.status == 404:
            break
        told = page.json()
        check(
            f"The app tries {told['tried']}",
            [],
            faults(page.set_cookies, declared),
            f"the app set    {told['line']}\nleft the shop  {'; '.join(page.set_cookies) or 'nothing'}",
        )
    check("Each attempt was made", True, number >= 7)

    ann.jar |= {"_ga": _FOREIGN, "_fbp": "fb.1.2.3", "session": ann.jar.get("session", "s")}
    brought = ", ".join(sorted(ann.jar))
    page = ann.get("/hostile/0")
    seen = page.json()["seen"]
    check(
        "The request brings _ga and _fbp, set by a stranger: they never reach the app",
        ["session"],
        seen,
        f"in the request  {brought}\nthe app saw     {', '.join(seen)}",
    )
    lost = sorted({line.partition("=")[0] for line in page.set_cookies if forgets(line)})
    check("The answer makes the browser forget those two", ["_fbp", "_ga"], lost)
    page = ann.get(LINK, referrer="https://ads.example/", Sec_Fetch_Dest="iframe")
    check("Inside a stranger’s frame even our own cookies are not set", [], page.set_cookies)


def whole_tour(scene: Scene) -> None:
    """Every cookie of the whole tour, on every answer, was one that the policy page declares."""
    declared = declared_names(scene)
    # A line that forgets a stray cookie sets none.
    offered = (line for browser in scene.browsers for line in browser.offered)
    lines = [line for line in offered if not forgets(line)]
    names = sorted({line.partition("=")[0] for line in lines})
    scene.report.check(
        "Every Set-Cookie of this tour is declared on the policy page, ours alone, and first-party",
        [],
        faults(lines, declared),
        f"{len(lines)} lines on the wire, to {len(scene.browsers)} browsers: {', '.join(names)}",
    )


def forgets(line: str) -> bool:
    """Tell whether a ``Set-Cookie`` only makes the browser forget a cookie."""
    return line.partition("; ")[0].endswith("=") and "; Max-Age=0;" in line


def declared_names(scene: Scene) -> set[str]:
    """Return the cookies that the policy page declares."""
    policy = scene.visitor().get("/privacy/policy.json").json()
    return {cookie["name"] for cookie in policy["cookies"]}


def faults(lines: list[str], declared: set[str]) -> list[str]:
    """Return those of the ``Set-Cookie`` *lines* that break the policy."""
    return [line for line in lines if not _keeps_policy(line, declared)]


def _keeps_policy(line: str, declared: set[str]) -> bool:
    pair, *attributes = line.split(";")
    said = {
        name.strip().lower(): value.strip().lower()
        for name, _, value in (a.partition("=") for a in attributes)
    }
    return (
        pair.partition("=")[0].strip() in declared
        and "domain" not in said
        and "partitioned" not in said
        and said.get("samesite") in ("lax", "strict")
        and "httponly" in said
    )
