"""A real outbox on a real database; the messengers are stood in for, so that their answers can be chosen."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from bot.masterdata import DeskSource
from bot.outbox import OutboxLoop
from bot.rendering import Renderer
from cards.keys import Keys
from core.clock import MovableClock
from core.intake.settings import RuleSettings
from core.notices import Delivery, DeliveryKind, DeliveryState, PostedCard, Priority
from core.people import ChatAccount, Person, PlatformName, Role
from core.ports import SendResult
from core.rules import Rules
from core.telling import Address, lane_of
from core.workcalendar import WorkCalendar
from storage import tables
from storage.coordinator import InProcessCoordinator
from storage.database import SqlDatabase
from storage.files import FolderFileStore
from storage.queues import SqlDeadLetters, SqlOutboxQueue

START = datetime(2026, 2, 20, 2, 0, tzinfo=UTC)
WECOM, DINGTALK = PlatformName.WECOM, PlatformName.DINGTALK


async def until(condition: Callable[[], Any], seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - facts about a loop, not events
            await asyncio.sleep(0.005)


@dataclass(kw_only=True)
class Said:
    account: str
    text: str
    retry: bool
    handle: str = ""


async def _fine(said: Said) -> None:
    return


@dataclass
class Phone:
    """A messenger that does to each send what the test says; ``said`` is what people see."""

    name: PlatformName
    said: list[Said] = field(default_factory=list)
    tried: list[Said] = field(default_factory=list)
    uploads: int = 0
    air: int = 0
    most_in_air: int = 0
    answer: Callable[[Said], Awaitable[None]] = _fine

    async def _send(self, said: Said) -> SendResult:
        self.tried.append(said)
        self.air += 1
        self.most_in_air = max(self.most_in_air, self.air)
        try:
            await self.answer(said)
        finally:
            self.air -= 1
        self.said.append(said)
        return SendResult(provider_id=f"msg{len(self.said)}")

    async def send_text(self, account: str, text: str, *, retry: bool) -> SendResult:
        return await self._send(Said(account=account, text=text, retry=retry))

    async def upload_image(self, data: bytes, filename: str) -> str:
        self.uploads += 1
        return f"media{self.uploads}"

    async def send_image(
        self, account: str, data: bytes, filename: str, *, handle: str = "", retry: bool = False
    ) -> SendResult:
        return await self._send(Said(account=account, text=filename, retry=retry, handle=handle))

    async def send_file(self, account: str, data: bytes, filename: str) -> SendResult:
        raise AssertionError("no files here")

    async def send_card(
        self, accounts: Sequence[str], payload: dict[str, Any], card_id: str, *, retry: bool
    ) -> SendResult:
        raise AssertionError("no cards here")

    async def update_card(self, card: PostedCard, payload: dict[str, Any], code: str) -> SendResult:
        raise AssertionError("no cards here")

    async def download(self, handle: str, *, kind: str) -> tuple[bytes, str]:
        raise AssertionError("nothing comes in here")


@dataclass
class Desk:
    """One outbox with its loop; ``again`` starts another process on the same database."""

    database: SqlDatabase
    clock: MovableClock
    folder: Path
    wecom: Phone = field(default_factory=lambda: Phone(WECOM))
    dingtalk: Phone = field(default_factory=lambda: Phone(DINGTALK))
    counted: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    _nth: int = 0

    def __post_init__(self) -> None:
        self.queue = SqlOutboxQueue(self.database.writer)
        self.letters = SqlDeadLetters(self.database.writer)
        self.coordinator = InProcessCoordinator(self.clock)

    def loop(self, owner: str = "one", **changed: Any) -> OutboxLoop:
        files = FolderFileStore(self.folder)
        return OutboxLoop(
            queue=self.queue,
            database=self.database,
            coordinator=self.coordinator,
            clock=self.clock,
            desks=DeskSource(self.database, calendar=WorkCalendar({}), rules=Rules(), checks=RuleSettings()),
            renderer=Renderer(Keys("0123456789abcdef"), files, public_url=""),
            files=files,
            messengers={WECOM: self.wecom, DINGTALK: self.dingtalk},
            owner=owner,
            count=lambda name, **labels: self.counted.append((name, labels)),
            **{"poll": 0.02, **changed},
        )

    @asynccontextmanager
    async def running(self, **changed: Any) -> AsyncIterator[OutboxLoop]:
        loop = self.loop(**changed)
        loop.start()
        try:
            yield loop
        finally:
            await loop.stop(grace=0.2)

    async def say(
        self,
        account: str,
        words: str,
        *,
        platform: PlatformName = WECOM,
        priority: Priority = Priority.RECEIPT,
        **changed: Any,
    ) -> Delivery:
        """A sentence of the catalogue that takes any words."""
        self._nth += 1
        made = {
            "idem_key": f"k{self._nth}",
            "kind": DeliveryKind.TEXT,
            "platform": platform,
            "recipients": [account],
            "lane_key": lane_of(Address(platform=platform, account=account), priority),
            "priority": priority,
            "body": {"sentence": "admin_alarm", "args": {"text": words}},
            "available_at": self.clock.now(),
            "created_at": self.clock.now(),
        }
        delivery = Delivery(**{**made, **changed})
        async with self.database.transaction() as tx:
            await tx.outbox.put(delivery)
        self.coordinator.wake("outbox")
        return delivery

    async def person(self, number: str, *roles: Role, **accounts: str) -> None:
        async with self.database.transaction() as tx:
            await tx.people.save(
                Person(
                    id=number,
                    name=number,
                    roles=list(roles or (Role.SALES,)),
                    region="沪",
                    accounts=[
                        ChatAccount(platform=PlatformName(name), account=account, person_id=number)
                        for name, account in accounts.items()
                    ],
                )
            )

    async def states(self) -> dict[DeliveryState, int]:
        found: dict[DeliveryState, int] = {}
        async with self.database.writer.begin() as connection:
            for (state,) in await connection.execute(select(tables.outbox.c.state)):
                found[state] = found.get(state, 0) + 1
        return found

    async def becomes(self, delivery: Delivery, *states: DeliveryState) -> None:
        async with asyncio.timeout(20):
            while (await self.row(delivery)).state not in states:  # noqa: ASYNC110 - a fact about a row
                await asyncio.sleep(0.005)

    async def row(self, delivery: Delivery) -> Any:
        async with self.database.writer.begin() as connection:
            return (await connection.execute(select(tables.outbox).where(tables.outbox.c.id == delivery.id))).one()


async def _create(path: Path) -> None:
    database = SqlDatabase(f"sqlite+aiosqlite:///{path}")
    await database.create_all()
    await database.close()


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("empty") / "jiedan.db"
    asyncio.run(_create(path))
    return path


@pytest.fixture
async def desk(empty: Path, tmp_path: Path) -> AsyncIterator[Desk]:
    shutil.copy(empty, tmp_path / "jiedan.db")
    database = SqlDatabase(f"sqlite+aiosqlite:///{tmp_path}/jiedan.db")
    yield Desk(database, MovableClock(START, speed=0.0), tmp_path / "files")
    await database.close()
