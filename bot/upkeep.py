"""What an administrator does at the command line: parked messages, and the check of the trace."""

from __future__ import annotations

import getpass
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import typer

from bot.app import Bot
from bot.settings import Settings
from bot.trace_check import Verdict, verify
from bot.web.masking import masked, masked_tree
from core.clock import local
from core.parked import resolve
from core.ports import DeadLetter

MOST = 10_000


@asynccontextmanager
async def _desk(settings: Settings) -> AsyncIterator[Bot]:
    bot = Bot(settings)
    try:
        yield bot
    finally:
        await bot.database.close()


async def list_parked(settings: Settings) -> None:
    """What was given up, newest first."""
    async with _desk(settings) as bot:
        letters = await bot.dead_letters.list(limit=MOST)
    for letter in letters:
        typer.echo("\t".join(_summary(letter)))
    if not letters:
        typer.echo("没有搁置的消息")


async def show_parked(settings: Settings, letter: int) -> bool:
    """One of them in full, phones, addresses and codes left out; False when it is not there or resolved."""
    async with _desk(settings) as bot:
        found = next((x for x in await bot.dead_letters.list(limit=MOST) if x.id == letter), None)
    if found is None:
        typer.echo(f"没有待处理的 {letter}")
        return False
    typer.echo("\t".join(_summary(found)))
    typer.echo(json.dumps(masked_tree(found.payload), ensure_ascii=False, indent=2))
    return True


async def resolve_parked(settings: Settings, letter: int | None, *, again: bool) -> bool:
    """Handle or send again, or drop; all of them when none is named. Each leaves a link in the trace."""
    async with _desk(settings) as bot:
        wanted = [letter] if letter is not None else [x.id for x in await bot.dead_letters.list(limit=MOST)]
        done = [n for n in reversed(wanted) if await _resolve(bot, n, again=again)]
    if letter is not None and not done:
        typer.echo(f"没有待处理的 {letter}")
        return False
    typer.echo(f"已处理 {len(done)} 条" if letter is None else "已处理")
    return True


async def _resolve(bot: Bot, letter: int, *, again: bool) -> bool:
    who, now = getpass.getuser(), bot.clock.now()
    async with bot.database.transaction() as tx:
        return await resolve(tx, letter, again=again, by=f"cli:{who}", name=who, channel="cli", now=now)


async def verify_trace(settings: Settings) -> bool:
    """Every entry, every seal and the file outside; names what does not hold. True when all is whole."""
    async with _desk(settings) as bot:
        verdict = await verify(bot.database, bot.anchor_file)
    for line in _findings(verdict):
        typer.echo(line)
    typer.echo(
        f"已校验 {verdict.links} 条记录、{verdict.anchors} 次封存(最近 {verdict.unsealed} 条尚未封存),"
        + ("全部完好" if verdict.whole else "有问题,请保留现场")
    )
    return verdict.whole


def _findings(verdict: Verdict) -> list[str]:
    return [
        *(f"{x.ref} 第 {x.seq} 条被改动(id {x.id})" for x in verdict.broken),
        *(
            f"{local(x.at):%Y-%m-%d %H:%M} 的封存(到 id {x.upto},共 {x.links} 条)对不上:之下有记录被改、被删或被换"
            for x in verdict.broken_anchors
        ),
        *(f"库外封存与库内不符:{x[:120]}" for x in verdict.foreign_anchors),
    ]


def _summary(letter: DeadLetter) -> list[str]:
    at = f"{local(letter.last_at):%m-%d %H:%M}"
    return [str(letter.id), letter.source, at, str(letter.attempts), masked(letter.reason)]
