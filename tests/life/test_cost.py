"""What an order and its card cost the database: the work of a machine is spent on statements (R11)."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import event

from bot.masterdata import DeskSource
from bot.outbox import OutboxLoop
from bot.rendering import Renderer
from core.intake.settings import RuleSettings
from core.people import PlatformName
from core.ports import SendResult
from core.rules import Rules
from core.workcalendar import DEMO_DAYS, WorkCalendar
from storage.coordinator import InProcessCoordinator
from storage.database import SqlDatabase
from storage.files import FolderFileStore
from storage.queues import SqlOutboxQueue
from tests.cards.real_cards import KEYS
from tests.life.conftest import Store
from tests.life.messages import typed
from tests.life.process import Machine
from tests.sending.conftest import Phone

ORDERS = 10
CARDS = 6
"""At once: two of the eight places are kept for what is urgent."""
ORDER_STATEMENTS = 20
CARD_STATEMENTS = 11
"""Reads, writes and locks, without BEGIN and COMMIT, on the dearer of the two databases; the claim
and, on PostgreSQL, the arrival among them."""


@dataclass
class CardPhone(Phone):
    """Takes cards, and gives the code with which one can be changed."""

    cards: list[str] = field(default_factory=list)

    async def send_card(self, accounts: Any, payload: dict[str, Any], card_id: str, *, retry: bool) -> SendResult:
        self.cards.append(card_id)
        return SendResult(provider_id=card_id, response_code=f"code-{card_id}")


def _counted(database: SqlDatabase) -> Counter[str]:
    """Statements from now on, by their beginning."""
    seen: Counter[str] = Counter()

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith("BEGIN"):
            seen[statement[:60]] += 1

    for engine in {database.writer, database._engines.reader}:
        event.listen(engine.sync_engine, "before_cursor_execute", note)
    return seen


async def _order(machine: Machine, nth: int) -> None:
    raw = typed("e01-wecom", f"K0231 04465-0K240 {nth + 1}个, 后天要", nth=nth, at=machine.clock.now())
    await machine.store(raw)
    await machine.process.work(await machine.process.claim())


def test_an_order_and_its_card_need_so_many_statements_and_no_more(store: Store, tmp_path: Path) -> None:
    async def measure(url: str) -> tuple[float, float]:
        machine = Machine(url)
        await _order(machine, 0)  # the master data are read
        stored = _counted(machine.database)
        for nth in range(1, ORDERS + 1):
            await _order(machine, nth)
        orders = stored.total() / ORDERS

        phone = CardPhone(PlatformName.WECOM)
        files = FolderFileStore(tmp_path)
        rules = RuleSettings()
        loop = OutboxLoop(
            queue=SqlOutboxQueue(machine.database.writer),
            database=machine.database,
            coordinator=InProcessCoordinator(machine.clock),
            clock=machine.clock,
            desks=DeskSource(machine.database, calendar=WorkCalendar(DEMO_DAYS), rules=Rules(), checks=rules),
            renderer=Renderer(KEYS, files),
            files=files,
            messengers={PlatformName.WECOM: phone},
            owner="one",
        )
        loop._suspects_at = float("inf")  # that look comes twice a second, however much is sent
        sent = _counted(machine.database)
        await loop._pool.now(await loop._claim(8))
        cards = sent.total() / CARDS
        assert len(phone.cards) == CARDS
        await machine.database.close()
        return orders, cards

    with store() as url:
        orders, cards = asyncio.run(measure(url))

    assert orders <= ORDER_STATEMENTS
    assert cards <= CARD_STATEMENTS
