"""One run from the empty house to the verdict."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chaos.checker import Seen, SeenCard, SeenOrder, SeenText, Verdict, check
from chaos.company import Company
from chaos.house import House, Size, open_house
from chaos.people import PATIENCE, Crowd, Diary, number_on
from chaos.platforms import Platforms
from chaos.report import Run
from chaos.store import Store
from chaos.trouble import Troublemaker, plan
from chaos.weather import bad_weather
from cluster.processes import free_port
from core.people import PlatformName
from simulator.scenarios.words import live_buttons

SETTLE = 300.0
"""Real seconds after the last order and the last blow until everything must be done."""
QUIET = 2.0
"""Seconds without open work that count as done."""


@dataclass(frozen=True, kw_only=True)
class Storm:
    """What to do. ``kills`` workers die while ``orders`` come in at ``rate`` a second."""

    seed: int
    orders: int
    kills: int
    size: Size
    replicas: int
    rate: float
    outage_seconds: float = 10.0
    only: tuple[str, ...] | None = None
    """Troubles besides the kills; None: all there are."""
    log_level: str = "WARNING"
    keep: Path | None = None

    @property
    def seconds(self) -> float:
        return self.orders / self.rate


async def ride_out(storm: Storm, *, say: Any = print) -> tuple[Run, Verdict]:
    """Returns the record and the verdict; everything that was started has ended then."""
    company = Company.for_orders(storm.orders)
    port, entrance = free_port(), free_port()
    weather = Platforms(company, port, f"http://127.0.0.1:{entrance}/wecom/callback", seed=storm.seed)
    say(f"seed {storm.seed}: {len(company.people)} people, {storm.orders} orders at {storm.rate:g}/s, {storm.size}")
    async with (
        weather.open() as platforms,
        open_house(
            storm.size,
            replicas=storm.replicas,
            company=company,
            platforms=platforms.url,
            entrance=entrance,
            log_level=storm.log_level,
            keep=storm.keep,
        ) as house,
    ):
        say(f"{storm.replicas} × python -m bot run ready; storm for about {storm.seconds:.0f} s …")
        bad_weather(platforms.faults)
        patience = PATIENCE + storm.outage_seconds
        crowd = Crowd(company, platforms, orders=storm.orders, rate=storm.rate, seed=storm.seed, patience=patience)
        maker = Troublemaker(house, platforms, storm.seed, outage_seconds=storm.outage_seconds)
        blows = plan(storm.seed, seconds=storm.seconds, kills=storm.kills, size=storm.size, only=storm.only)
        store = Store(house.database_url)
        started = time.monotonic()
        teller = asyncio.create_task(_progress(crowd, maker, store, started, say))
        try:
            _, sent_at = await asyncio.gather(
                crowd.run(), _sent_after(maker.carry_out(blows), store, crowd, storm.orders)
            )
            platforms.faults.clear()
            done_at = await _settled(store, crowd)
        finally:
            teller.cancel()
            await crowd.go_home()
        spooled = await _spooled(house)
        say("calm; SIGTERM to every replica …")
        await house.down()
        now = datetime.now(UTC)
        stored = await store.read()
        await store.close()
        verdict = check(_seen(platforms, company, crowd.diary), stored, now=now, outages=house.outages)
        problems = [
            f"{name} ended with {code} after {took:.1f} s" for name, code, took in house.exits if code or took > 10
        ]
        verdict.other.extend(problems)
        run = Run(
            seed=storm.seed,
            db=storm.size,
            replicas=storm.replicas,
            orders=storm.orders,
            kills=storm.kills,
            rate=storm.rate,
            seconds=time.monotonic() - started,
            troubles=dict(maker.done),
            weather=dict(platforms.faults.injected),
            ack_seconds=[*platforms.wecom.callbacks.answer_seconds, *platforms.dingtalk.inbound.answer_seconds],
            sent_seconds=max(0.0, sent_at - (maker.last_kill or sent_at)),
            drained_seconds=max(0.0, done_at - (maker.last_kill or done_at)),
            submitted=sum(1 for said in crowd.diary.orders if said.submitted),
            approved=len(crowd.diary.decided),
            spooled=spooled,
            exits=house.exits,
            only=storm.only,
            outage_seconds=storm.outage_seconds,
        )
        return run, verdict


async def _sent_after(blows: Awaitable[None], store: Store, crowd: Crowd, orders: int) -> float:
    """When, after the last blow and the last order, nothing waited to be worked or sent for the first time (loop time);
    gives up after ``SETTLE``."""
    await blows
    loop = asyncio.get_running_loop()
    until = loop.time() + SETTLE
    while loop.time() < until:
        if crowd.progress[0] == orders and await store.open_work() == (0, 0):
            break
        await asyncio.sleep(0.25)
    return loop.time()


async def _settled(store: Store, crowd: Crowd) -> float:
    """When nothing was open, nobody waited and no draft's clock ran any more (loop time); gives up after ``SETTLE``."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    quiet_since = None
    while loop.time() - start < SETTLE:
        if await store.open_work() == (0, 0) and not crowd.progress[1] and not await store.clocks_running():
            quiet_since = quiet_since or loop.time()
            if loop.time() - quiet_since >= QUIET:
                return quiet_since
        else:
            quiet_since = None
        await asyncio.sleep(0.25)
    return loop.time()


async def _progress(crowd: Crowd, maker: Troublemaker, store: Store, started: float, say: Any) -> None:
    while True:
        await asyncio.sleep(5.0)
        said, waiting = crowd.progress
        work = await store.open_work()
        open_work = "database away" if work is None else f"inbox {work[0]}, outbox {work[1]}"
        blows = sum(maker.done.values())
        say(f"  {time.monotonic() - started:5.0f} s  {said} said, {waiting} waiting, {open_work}, {blows} blows")


async def _spooled(house: House) -> int:
    """Orders that went through a local spool, by the replicas' own counters since their last start."""
    total = 0
    for replica in house.replicas:
        said = await replica.readiness()
        total += int((said or {}).get("spooled_total", 0))
    return total


def _seen(platforms: Platforms, company: Company, diary: Diary) -> Seen:
    lost = {str(inner.get("MsgId")) for inner in platforms.wecom.given_up}
    lost |= {str(data.get("msgId")) for data in platforms.dingtalk.inbound.given_up}
    answered = {**platforms.wecom.callbacks.answered_at, **platforms.dingtalk.inbound.answered_at}
    cards, texts = [], []
    for person in company.people:
        platform, account = person.accounts[0].platform, person.accounts[0].account
        for message in platforms.phone(platform, account):
            if message.card_id:
                live = tuple(b.text for b in live_buttons(message))
                cards.append(SeenCard(user=account, card_id=message.card_id, number=number_on(message), live=live))
            elif not message.from_me:
                keyed = platform is PlatformName.WECOM
                words = message.text or message.markdown
                texts.append(SeenText(user=account, text=words, at=message.at, keyed=keyed))
    return Seen(
        orders=[
            SeenOrder(
                source=f"{said.platform.value}:m:{said.message_id}",
                conversation=said.account,
                said_at=said.at,
                answered_at=answered.get(said.message_id),
                given_up=said.message_id in lost,
                number=said.number,
                submitted=said.submitted,
            )
            for said in diary.orders
        ],
        cards=cards,
        texts=texts,
        silently_dropped=len(platforms.wecom.silently_dropped),
        violations=platforms.wire.violations,
    )
