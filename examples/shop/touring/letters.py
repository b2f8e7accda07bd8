"""Clause 2, the mailing list: nobody gets a mail who did not press the button in one.

Room: example shop, the tour. Mails are judged at the SMTP socket: by what stood in ``RCPT TO``.
"""

from __future__ import annotations

import re
import sqlite3
from typing import TYPE_CHECKING

from touring.server import until

if TYPE_CHECKING:
    from email.message import EmailMessage
    from pathlib import Path

    from mail_catcher import Caught

    from touring.browser import Browser, Page
    from touring.scene import Scene

LIST = "news"
GINA, HUGO = "gina.reads@example.org", "hugo.reads@example.net"
NEVER = (
    "ida.unsure@example.org",
    "jack.asks@example.com",
)  # signs up and does not confirm; only asks a question
_VISITS = re.compile(r'INSERT INTO "visit')  # the one thing that a look at a page may write


def opt_in(scene: Scene) -> None:
    """Signing up, confirming, getting an announcement, leaving: each step and no other has its effect."""
    check, catcher = scene.report.check, scene.catcher
    gina = scene.visitor()
    first = len(catcher.messages)
    answer = sign_up(scene, gina, GINA)
    mail = the_mail_to(scene, GINA)
    check(
        "Gina types her address into the box: one mail, to her and to nobody else",
        (200, [(GINA,)]),
        (answer.status, [caught.recipients for caught in catcher.messages[first:]]),
        f"RCPT TO:<{', '.join(mail.recipients)}>\nSubject: {mail.message['Subject']}",
    )
    link = confirm_link(scene, mail)

    settled(scene)
    before = dump(scene.folder)
    statuses = [
        gina.get(link + query, method=method).status
        for method in ("GET", "HEAD", "OPTIONS")
        for query in ("", "?confirm=true")
    ]
    statuses += [scene.visitor(User_Agent="SafeLinks scanner").get(link).status for _ in range(3)]
    after = dump(scene.folder)
    check(
        "Her mail program, a virus scanner and a preview open the link: nothing changes",
        [],
        sorted(set(after) ^ set(before)),
        f"{len(statuses)} requests; the database, dumped before and after, is the same "
        f"in all {len(before)} lines but the visits",
    )
    announce(scene, "Too early")
    check("An announcement now reaches nobody: looking is not confirming", [], reached(scene, "Too early"))

    page = confirm(gina, link)
    check("Gina presses the button on that page: she is on the list", 200, page.status, title(page))
    everyone_else(scene)

    announce(scene, "The golden barrel flowers")
    check(
        "An announcement reaches exactly who confirmed",
        [GINA, HUGO],
        reached(scene, "The golden barrel flowers", wait_for=2),
    )
    letter = the_mail_to(scene, GINA, "The golden barrel flowers").message
    post, where = str(letter["List-Unsubscribe-Post"] or ""), unsubscribe_link(letter)
    text = plain(letter)
    check(
        "Each mail says how to leave, in words and for the mail program (RFC 8058)",
        ("List-Unsubscribe=One-Click", True),
        (post, where in text),
        text.partition("Come and see it.")[2].strip(),
    )

    scene.visitor().get(where)
    announce(scene, "Still there")
    check(
        "A scanner opens the link to leave: Gina stays",
        [GINA, HUGO],
        reached(scene, "Still there", wait_for=2),
    )
    left = scene.visitor().post(where, {"List-Unsubscribe": "One-Click"}, follow=False)
    check(
        "Gina’s mail program sends the one click",
        True,
        left.status in (200, 202, 204),
        f"POST → {left.status}",
    )
    announce(scene, "Repotting day")
    check("The next announcement does not reach her", [HUGO], reached(scene, "Repotting day", wait_for=1))

    again = confirm(gina, link)
    announce(scene, "Frost warning")
    check(
        "Her old confirmation link, pressed again, does not bring her back",
        [HUGO],
        reached(scene, "Frost warning", wait_for=1),
        title(again),
    )


def everyone_else(scene: Scene) -> None:
    """Hugo confirms. Ida signs up and does not; Jack asks a question; buyers have bought."""
    hugo = scene.visitor()
    sign_up(scene, hugo, HUGO)
    confirm(hugo, confirm_link(scene, the_mail_to(scene, HUGO)))

    ida, jack = NEVER
    sign_up(scene, scene.visitor(), ida)
    the_mail_to(scene, ida)
    scene.addresses.add(jack)
    browser = scene.visitor()
    browser.submit(browser.get("/contact"), "/contact", email=jack, message="Why does my cactus lean?")


def nobody_else(scene: Scene) -> None:
    """An address from an order or from the contact form never got anything, in the whole tour."""
    caught = list(scene.catcher.messages)
    reached_ones = {address for mail in caught for address in mail.recipients}
    asked = {address for address in scene.addresses if ".orders@" not in address} - {NEVER[1]}
    never = scene.addresses - asked
    scene.report.check(
        "Who only ordered, or only asked a question, never got a mail",
        (set(), set()),
        (reached_ones & never, reached_ones - scene.addresses),
        f"{len(caught)} mails to {len(reached_ones)} addresses; {len(never)} others got none",
    )
    scene.report.check(
        "Who signed up and did not confirm got the question, and nothing else",
        1,
        sum(NEVER[0] in mail.recipients for mail in caught),
    )
    several = [mail.recipients for mail in caught if len(mail.recipients) != 1]
    scene.report.check("No mail had two recipients", [], several)


def sign_up(scene: Scene, browser: Browser, address: str) -> Page:
    """Type *address* into the box on the front page."""
    scene.addresses.add(address)
    return browser.submit(browser.get("/"), f"/list/{LIST}", email=address)


def confirm(browser: Browser, link: str) -> Page:
    """Open the link of a confirmation mail, and press its button where there is one."""
    page = browser.get(link)
    path = link.removeprefix(browser.origin).partition("?")[0]
    return browser.submit(page, path) if page.asks(path) else page


def confirm_link(scene: Scene, mail: Caught) -> str:
    """Return the link that a confirmation mail asks to open."""
    found = re.search(re.escape(scene.server.origin) + r"/list/c/[\w.~-]+", plain(mail.message))
    if found is None:
        raise LookupError("The confirmation mail holds no link.")
    return found[0]


def unsubscribe_link(letter: EmailMessage) -> str:
    """Return the address to which a mail program sends the one click."""
    found = re.search(r"<(https?://[^>]+)>", str(letter["List-Unsubscribe"] or ""))
    if found is None:
        raise LookupError("The announcement has no List-Unsubscribe.")
    return found[1]


def plain(letter: EmailMessage) -> str:
    """Return the plain text of a mail."""
    part = letter.get_body(("plain",))
    return str(part.get_content()) if part else ""


def title(page: Page) -> str:
    """Return the heading of a page."""
    found = re.search(r"<h1[^>]*>(.*?)</h1>", page.text, re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", found[1]).split()) if found else ""


def the_mail_to(scene: Scene, address: str, subject: str | None = None) -> Caught:
    """Wait for the mail to *address*, and return it."""

    def look() -> Caught | None:
        for mail in list(scene.catcher.messages):
            if address in mail.recipients and subject in (None, mail.message["Subject"]):
                return mail
        return None

    return until(f"the mail “{subject or 'confirmation'}”", look)


def announce(scene: Scene, subject: str) -> None:
    """Send an announcement as the operator does, and deliver what is due."""
    server = scene.server
    server.command("list", "announce", LIST, "--subject", subject, "--text", "-", typed="Come and see it.\n")
    server.command("list", "deliver")
    settled(scene, "announcement")


def reached(scene: Scene, subject: str, wait_for: int = 0) -> list[str]:
    """Return who has got the announcement *subject*, once nothing is left in the outbox."""
    if wait_for:
        until(f"announcement “{subject}”", lambda: len(_reached(scene, subject)) >= wait_for)
    return _reached(scene, subject)


def _reached(scene: Scene, subject: str) -> list[str]:
    mails = list(scene.catcher.messages)
    return sorted(a for mail in mails if mail.message["Subject"] == subject for a in mail.recipients)


def settled(scene: Scene, kind: str = "%") -> None:
    """Wait until no mail of a *kind* is queued or under way."""
    query = "SELECT count(*) FROM outbox WHERE state IN ('queued', 'sending') AND kind LIKE ?"

    def nothing_left() -> bool:
        with _database(scene.folder) as db:
            left: int = db.execute(query, (kind,)).fetchone()[0]
        db.close()
        return left == 0

    until("the last mail of the outbox", nothing_left)


def dump(folder: Path) -> list[str]:
    """Return all that the database holds but the visits, as SQL, line by line."""
    with _database(folder) as db:
        lines = [line for line in db.iterdump() if not _VISITS.match(line)]
    db.close()
    return lines


def _database(folder: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{folder}/privacy.db?mode=ro", uri=True, timeout=10)
