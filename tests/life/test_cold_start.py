"""A process that has read no master data yet, and as many conversations at once as it works on."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from tests.life.conftest import Store
from tests.life.messages import typed
from tests.life.process import Machine


def test_a_fresh_process_with_every_conversation_busy_does_not_wait_for_itself(store: Store) -> None:
    """Each worker holds a connection while the master data are read for the first time: none may need a second one."""

    async def start_cold(url: str) -> list[str]:
        machine = Machine(url)
        for nth in range(12):
            raw = typed("e01-wecom", f"K0231 04465-0K240 {nth + 1}个, 后天要", nth=nth, at=machine.clock.now())
            await machine.store(replace(raw, conv_key=f"conversation {nth}"))

        async with asyncio.timeout(20):
            await machine.process.until_empty(machine.queue)

        books = await machine.books()
        await machine.database.close()
        return sorted(order.source_key for order in books.orders.values())

    with store() as url:
        assert asyncio.run(start_cold(url)) == sorted(f"wecom:m:{nth}" for nth in range(12))
