"""Help, greeting, binding an account, and the administrator's parked messages (I01, I02)."""

from __future__ import annotations

from core.acting import trace
from core.errors import DomainError
from core.parked import resolve
from core.people import PlatformName, Role
from core.telling import Address
from handlers.context import Context
from handlers.grammar import Command

PLATFORMS = {"企微": PlatformName.WECOM, "钉钉": PlatformName.DINGTALK}


async def help_(ctx: Context) -> None:
    """“帮助”: at most eight lines, those of the asker's roles."""
    async with ctx.act() as act:
        await act.tell.say(ctx.actor.address, "help_text", roles=[r.value for r in ctx.actor.person.roles])


async def welcome(ctx: Context) -> None:
    """Opening the chat: greeted once a day."""
    async with ctx.act() as act:
        roles = [r.value for r in ctx.actor.person.roles]
        await act.tell.once(
            ctx.actor.address, "welcome", key=act.today.isoformat(), name=ctx.actor.person.name, roles=roles
        )


async def bind(ctx: Context, command: Command) -> None:
    """“绑定 工号” from an unknown account: the administrators are asked; nobody makes themselves somebody."""
    message, number = ctx.message, command.get("number").upper()
    here = Address(platform=message.platform, account=message.account)
    async with ctx.act() as act:
        person = await act.tx.people.get(number)
        if person is None or not person.active:
            await act.tell.say(here, "bind_unknown", number=number)
            return
        if person.account_on(message.platform) is not None:
            await act.tell.say(here, "bind_taken", number=number)
            return
        for admin in await act.tx.people.with_role(Role.ADMIN):
            await act.tell.say(
                admin,
                "bind_request",
                name=person.name,
                number=number,
                account=message.account,
                platform=message.platform.value,
                nick=message.nick,
            )
        await act.tell.say(here, "bind_asked", number=number)


async def bind_for(ctx: Context, command: Command) -> None:
    """An administrator agrees: “绑定 工号 企微|钉钉 账号”."""
    name = PLATFORMS[command.get("platform")]
    number, account = command.get("number").upper(), command.get("account")
    async with ctx.act() as act:
        ctx.actor.require(Role.ADMIN)
        person = await act.tx.people.get(number)
        if person is None:
            raise DomainError("bind_unknown", number=number)
        if person.account_on(name) is not None or await act.tx.people.by_account(name, account) is not None:
            raise DomainError("bind_taken", number=number)
        await act.tx.people.bind(number, name, account)
        await trace(
            act.tx, f"person:{number}", "person.bound", ctx.actor, now=act.now, platform=name.value, account=account
        )
        await act.tell.say(Address(platform=name, account=account), "bound", name=person.name, number=number)
        await act.tell.say(ctx.actor.address, "bound", name=person.name, number=number)


async def parked(ctx: Context) -> None:
    """“搁置”: what could not be handled, for the administrator."""
    letters = await ctx.services.parked()
    async with ctx.act() as act:
        ctx.actor.require(Role.ADMIN)
        rows = [[x.id, x.source, x.reason[:40], x.last_at.isoformat()] for x in letters[:15]]
        page = ctx.services.parked_page(ctx.actor.id) if rows else ""
        await act.tell.say(ctx.actor.address, "parked_list", rows=rows, page=page)


async def resend(ctx: Context, command: Command) -> None:
    """“重发 12”."""
    await _resolve(ctx, command, again=True, sentence="parked_resent")


async def drop(ctx: Context, command: Command) -> None:
    """“丢弃 12”: kept in the record, not handled again."""
    await _resolve(ctx, command, again=False, sentence="parked_dropped")


async def _resolve(ctx: Context, command: Command, *, again: bool, sentence: str) -> None:
    letter = int(command.get("letter"))
    async with ctx.act() as act:
        actor = ctx.actor
        actor.require(Role.ADMIN)
        done = await resolve(
            act.tx,
            letter,
            again=again,
            by=actor.id,
            name=actor.person.name,
            channel=actor.platform.value,
            now=act.now,
            evidence=actor.evidence,
        )
        await act.tell.say(actor.address, sentence, letter=letter, done=done)
