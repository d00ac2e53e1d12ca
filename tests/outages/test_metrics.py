"""/metrics of a running bot: every figure an operator watches is there, true, and says in words what it is."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from aiohttp import ClientSession
from prometheus_client.parser import text_string_to_metric_families as families

import demo
from bot.breakers import FAILURES
from bot.platform_errors import PlatformDown
from core.people import PlatformName
from simulator.scenarios import Stage
from tests.scenarios.conftest import home, postgres_server, postgres_template, redis_server, running, sqlite_template

__all__ = ["home", "postgres_server", "postgres_template", "redis_server", "running", "sqlite_template"]

TEXT = "K0231 04465-0K240 20个, 后天要"
AT_REST = {
    "jiedan_inbox_open": 0,
    "jiedan_inbox_age_seconds": 0,
    "jiedan_parked": 0,
    "jiedan_deadlines_overdue": 0,
    "jiedan_spool_rows": 0,
    "jiedan_database_away": 0,
    "jiedan_redis_away": 0,
    "jiedan_cannot_write": 0,
    "jiedan_no_spool": 0,
    "jiedan_aibot_connected": 1,
    "jiedan_dingtalk_sockets": 2,
}
"""What a house in order says."""
ALSO = {
    "jiedan_send_lag_seconds",
    "jiedan_breaker_open",
    "jiedan_throttled",
    "jiedan_quota_used_percent",
    "jiedan_audit_age_seconds",
    "jiedan_audit_findings",
    "jiedan_backup_age_seconds",
    "jiedan_spool_used",
    "jiedan_ingest_refused",
    "jiedan_deliveries",
    "jiedan_deadline_late_seconds",
}


@pytest.fixture
async def stage(running: demo.World) -> Stage:
    """Without the check at the end: these tests leave faults behind."""
    return running.simulator.stage(idle=running.idle)


async def figures(running: demo.World) -> dict[str, float]:
    """Name, with its labels' values behind it, → value."""
    async with ClientSession(running.base_url) as session, session.get("/metrics") as answer:
        text = await answer.text()
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in families(text)
        for sample in family.samples
    }


async def test_a_house_in_order_says_so_and_each_figure_says_what_it_is(running: demo.World, stage: Stage) -> None:
    sales = stage.phone("销售A")
    await sales.say(TEXT)
    await sales.wait_card("订单草稿")
    await stage.settle()

    found = await figures(running)
    async with ClientSession(running.base_url) as session, session.get("/metrics") as answer:
        known = {family.name: family for family in families(await answer.text())}

    assert {name: found[name] for name in AT_REST} == AT_REST
    assert set(known) >= set(AT_REST) | ALSO
    assert found["jiedan_send_lag_seconds wecom"] == found["jiedan_send_lag_seconds dingtalk"] == 0
    assert found["jiedan_deliveries_total wecom sent"] >= 1
    for name, family in known.items():
        assert name.startswith("jiedan_")
        assert len(family.documentation.split()) >= 3, name
        assert family.documentation[0].isupper() or family.documentation[0].isdigit(), name


async def test_what_waits_is_seen_by_its_age_and_what_is_left_alone_by_its_name(
    running: demo.World, stage: Stage
) -> None:
    sales = stage.phone("销售A")
    await running.bot.inbox.stop()
    await sales.say(TEXT)
    async with asyncio.timeout(20):
        while (await figures(running))["jiedan_inbox_open"] != 1:  # noqa: ASYNC110 - asked anew
            await asyncio.sleep(0.05)
    await running.bot.scheduler.stop()
    running.clock.advance(timedelta(minutes=20))
    async with asyncio.timeout(20):
        while not (found := await figures(running))["jiedan_deadlines_overdue"]:  # noqa: ASYNC110 - asked anew
            await asyncio.sleep(0.05)
    assert found["jiedan_inbox_age_seconds"] >= 1200
    assert found["jiedan_inbox_age_seconds"] < 1260

    for _ in range(FAILURES):
        with pytest.raises(PlatformDown), running.bot.breakers.guard(PlatformName.WECOM, "message/send"):
            raise PlatformDown("500", "the gateway is ill")
    assert (await figures(running))["jiedan_breaker_open message/send wecom"] == 1
