"""The aibot's connection as the process sees it: one client, one leader, and the administrators who hear of trouble."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog
from aiohttp import ClientSession

from bot.aibot_answers import AibotAnswers
from bot.leader import Leader
from bot.wecom.aibot.client import AibotClient, Trouble
from bot.wecom.aibot.identity import OpenUserids
from bot.wecom.aibot.receive import Ingest
from bot.wecom.aibot.settings import AibotSettings
from core.clock import Clock
from core.desk import Act
from core.notices import Priority
from core.people import Role
from core.ports import Coordinator, Database, Leases, Transaction

log = structlog.get_logger()

HANDOVER = 1.5
"""Real seconds in which another replica may take the connection over before this one lets go of it."""


class AibotLine:
    """One replica alone holds the bot's only connection; at a rolling restart the next one is there first."""

    def __init__(
        self,
        settings: AibotSettings,
        *,
        ingest: Ingest,
        identities: OpenUserids,
        act: Callable[..., Awaitable[Act]],
        database: Database,
        leases: Leases,
        coordinator: Coordinator,
        clock: Clock,
        session: ClientSession,
        owner: str,
        replicas: int,
    ) -> None:
        self._act = act
        self._database = database
        self._coordinator = coordinator
        self._clock = clock
        self.client = AibotClient(
            settings,
            ingest,
            AibotAnswers(database, identities),
            clock,
            session=session,
            ours=self._ours,
            alarm=self._trouble,
        )
        self.leader = Leader(
            f"wecom:aibot:{settings.bot_id}",
            self.client.run,
            leases=leases,
            coordinator=coordinator,
            clock=clock,
            owner=owner,
            handover=HANDOVER if replicas > 1 else 0.0,
        )
        self.start = self.leader.start

    async def stop(self) -> None:
        self.client.leaving = True
        await self.leader.stop()

    async def _ours(self) -> bool:
        return await self.leader.confirm()

    async def _trouble(self, trouble: Trouble, code: str) -> None:
        cause = f"aibot:{trouble}:{self._clock.now():%Y%m%d%H%M}"
        async with self._database.transaction() as tx:
            act = await self._act(tx, cause=cause)
            await _tell_admins(tx, act, trouble, code)
        log.error("the aibot is in trouble", trouble=trouble, code=code)
        self._coordinator.wake("outbox")


async def _tell_admins(tx: Transaction, act: Act, trouble: Trouble, code: str) -> None:
    for admin in await tx.people.with_role(Role.ADMIN):
        if trouble == "refused":
            await act.tell.say(admin, "aibot_refused", code=code, priority=Priority.EXPEDITE)
        else:
            await act.tell.say(admin, "aibot_taken_over", priority=Priority.EXPEDITE)
