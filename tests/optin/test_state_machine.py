"""Whatever people and machines do in whatever order: nobody is announced to who did not click, and stayed."""

from __future__ import annotations

import shutil
import tempfile
from datetime import timedelta
from pathlib import Path

import time_machine
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule
from mail_catcher import MailCatcher

from cactuprivacy import Store
from cactuprivacy.store import now
from tests.optin.conftest import ORIGIN, Shop, link_in

READERS = ("jo@example.org", "mo+cactus@example.org", "o'hara@example.org")


class MailingListMachine(RuleBasedStateMachine):
    """The model knows for each reader since when, if at all, they want mail; the sink knows what they got."""

    links = Bundle("links")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.catcher = MailCatcher().start()
        self.shop = Shop(Store(f"sqlite:///{self.folder}/privacy.db"), self.catcher)
        self.travel = time_machine.travel(now(), tick=False)
        self.clock = self.travel.start()
        self.wanting: set[str] = set()
        self.ended = dict.fromkeys(READERS, now())  # when a reader last left or was erased
        self.asked: set[str] = set()
        self.read = 0

    def teardown(self) -> None:
        self.travel.stop()
        self.shop.store.dispose()
        self.catcher.stop()
        shutil.rmtree(self.folder)

    def _later(self, hours: int = 0) -> None:
        self.clock.shift(timedelta(hours=hours, seconds=1))

    @rule(reader=st.sampled_from(READERS), shout=st.booleans())
    def sign_up(self, reader: str, shout: bool) -> None:
        self._later(9)
        self.asked.add(reader)
        assert self.shop.sign_up(reader.upper() if shout else reader).status_code == 303

    @rule(target=links)
    def deliver(self) -> object:
        """Return the links that came, each with its reader and the moment from which it may work."""
        self._later()
        came = [mail for mail in self.shop.deliver() if mail.message["Auto-Submitted"]]
        return multiple(*[(link_in(mail), mail.recipients[0].lower(), now()) for mail in came])

    @rule(link=links)
    def look(self, link: tuple[str, str, object]) -> None:
        before = self.shop.dump()
        self.shop.client.get(link[0])
        assert before == self.shop.dump()

    @rule(link=links)
    def click(self, link: tuple[str, str, object]) -> None:
        self._later()
        path, reader, mailed = link
        confirmed = self.shop.confirm(path).status_code in (303, 200)
        fresh = self.ended[reader] < mailed and now() < mailed + timedelta(hours=72)  # type: ignore[operator]  # moments
        assert fresh or reader in self.wanting or not confirmed
        if confirmed:
            self.wanting.add(reader)

    @rule(reader=st.sampled_from(READERS))
    def leave(self, reader: str) -> None:
        self._later()
        own = [
            mail
            for mail in self.catcher.messages
            if mail.recipients[0].lower() == reader and mail.message["List-Unsubscribe"]
        ]
        for mail in own[-1:]:
            path = str(mail.message["List-Unsubscribe"]).strip("<>").removeprefix(ORIGIN)
            if self.shop.client.post(path, data={"List-Unsubscribe": "One-Click"}).status_code == 200:
                self._end(reader)

    @rule(reader=st.sampled_from(READERS))
    def erase(self, reader: str) -> None:
        self._later()
        if self.shop.lists.erase(reader):
            self._end(reader)

    @rule()
    def announce(self) -> None:
        self._later()
        self.shop.lists.announce("news", subject="A new cactus", text="It is green.")

    @rule(verb=st.sampled_from(["RCPT", "."]), link=links)
    def outage(self, verb: str, link: tuple[str, str, object]) -> None:
        self.catcher.refuse(verb, "451 later")
        self.shop.deliver()
        self.catcher.refuse(verb, None)
        self._later(1)

    def _end(self, reader: str) -> None:
        self.wanting.discard(reader)
        self.ended[reader] = now()

    @invariant()
    def only_who_wants_it_is_mailed(self) -> None:
        """Judged at once after each step: nothing is sent between a step and this."""
        new = self.catcher.messages[self.read :]
        self.read += len(new)
        for mail in new:
            (recipient,) = mail.recipients
            wanted = self.asked if mail.message["Auto-Submitted"] else self.wanting
            assert recipient.lower() in wanted
            assert [recipient] == [address.addr_spec for address in mail.message["To"].addresses]


TestMailingList = MailingListMachine.TestCase
TestMailingList.settings = settings(
    max_examples=15,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
