"""A salesperson sends an order as text, photo or file; a draft card comes back (F026–F036)."""

from __future__ import annotations

from dataclasses import dataclass

from cards.annotate import marks_of
from core import ordering
from core.desk import Act
from core.inbound import MediaRef
from core.intake.caption import captioned
from core.intake.draft import draft_from_sheet, draft_from_text
from core.intake.text_order import TextOrder, is_order_like, orders_something, read_text
from core.notices import Priority
from core.people import Role
from core.ports import Attachment
from core.reading.order_sheet import read_order
from core.reading.sheet import SheetReading
from core.reading.words import ReadPage
from handlers.context import Context
from handlers.grammar import clean
from handlers.pick import scan_code


@dataclass(frozen=True, kw_only=True)
class _Source:
    """One picture or file with what was read on it."""

    media: MediaRef
    name: str
    size: int
    sha256: str
    pages: tuple[ReadPage, ...]


SENDERS = (Role.SALES, Role.SERVICE, Role.REGIONAL, Role.SUPERVISOR, Role.SALES_DIRECTOR)


async def from_text(ctx: Context) -> None:
    """A text that looks like an order becomes a draft; anything else gets one example, at most every ten minutes."""
    text = clean(ctx.message.text)
    async with ctx.act() as act:
        order = read_text(text, act.desk.index, now=act.now)
        if not orders_something(order, text, act.desk.index):
            await not_understood(ctx, act)
            return
        ctx.actor.require(*SENDERS)
        await _typed(ctx, act, order)


async def _typed(ctx: Context, act: Act, order: TextOrder, *, attachment_sha256: str = "") -> None:
    """A draft of what was written or spoken."""
    draft = draft_from_text(
        order,
        act.desk.index,
        now=act.now,
        calendar=act.desk.calendar,
        rules=act.desk.checks,
        source_kind="voice" if ctx.message.kind == "voice" else "text",
    )
    await ordering.open_draft(
        act,
        ctx.actor,
        draft,
        source_key=_key(ctx),
        source_text=ctx.message.text,
        attachment_sha256=attachment_sha256,
    )


async def from_pictures(ctx: Context) -> None:
    """收到图片 at once; then each picture is read outside any transaction, and answered with boxes and a draft.

    A photo of a bar code is a scan (script 7). A picture without an order, or one that cannot be read, gets a sentence.
    Words beside the picture belong to the same order; an order in words keeps a picture of something else as its proof.
    """
    await _receipt(ctx)
    sources: list[_Source] = []
    for media in ctx.message.media:
        data, name = await ctx.services.fetch(ctx.message, media)
        if media.kind == "image" and ctx.actor.person.has(Role.PICKER, Role.WAREHOUSE_LEAD):
            codes = await ctx.services.bar_codes(data)
            if codes:
                await scan_code(ctx, codes[0])
                return
        pages = await ctx.services.read(data, name or media.filename)
        sources.append(
            _Source(
                media=media,
                name=name or media.filename,
                size=len(data),
                pages=pages,
                sha256=await ctx.services.keep(data),
            )
        )
    async with ctx.act() as act:
        ctx.actor.require(*SENDERS)
        for source in sources:
            await _keep(ctx, act, source)
        read = [read_order(source.pages, parts=act.desk.index) for source in sources]
        said = clean(ctx.message.text)
        if not any(x.looks_like_order for x in read) and is_order_like(said, act.desk.index, now=act.now):
            order = read_text(said, act.desk.index, now=act.now)
            await _typed(ctx, act, order, attachment_sha256=sources[0].sha256)
            return
        first = next((nth for nth, reading in enumerate(read) if reading.looks_like_order), None)
        if said and first is not None:
            read[first] = captioned(read[first], read_text(said, act.desk.index, now=act.now))
        for nth, (source, reading) in enumerate(zip(sources, read, strict=True)):
            await _draft(ctx, act, source, reading, suffix=f":{nth}" if nth else "")


async def _keep(ctx: Context, act: Act, source: _Source) -> None:
    await act.tx.attachments.add(
        Attachment(
            sha256=source.sha256,
            kind=source.media.kind,
            filename=source.name,
            size=source.size,
            by=ctx.actor.id,
            at=act.now,
        )
    )


async def _draft(ctx: Context, act: Act, source: _Source, reading: SheetReading, *, suffix: str) -> None:
    """One picture or file → one draft, and for a picture the same picture with green and red boxes."""
    if not reading.looks_like_order:
        await act.tell.say(ctx.actor.address, "no_order_found")
        return
    kind = "image" if source.media.kind == "image" else "file"
    draft = draft_from_sheet(
        reading, act.desk.index, now=act.now, calendar=act.desk.calendar, rules=act.desk.checks, source_kind=kind
    )
    order = await ordering.open_draft(
        act,
        ctx.actor,
        draft,
        source_key=_key(ctx) + suffix,
        attachment_sha256=source.sha256,
        source_text=ctx.message.text,
    )
    marks = marks_of(reading, order.findings)
    if kind == "image" and marks:
        await act.tell.picture(
            ctx.actor.address,
            "annotated",
            source.sha256,
            priority=Priority.RECEIPT,
            marks=[[[list(p) for p in m.box], m.state.value, m.label] for m in marks],
            turned=source.pages[0].turned,
        )


async def _receipt(ctx: Context) -> None:
    async with ctx.aside() as act:
        first = ctx.message.media[0]
        if first.kind == "image":
            await act.tell.say(ctx.actor.address, "picture_received", place=ctx.services.reading_queue() + 1)
        else:
            await act.tell.say(ctx.actor.address, "file_received", filename=first.filename or "文件")


async def not_understood(ctx: Context, act: Act) -> None:
    """One example, at most once in ten minutes, and only in a 1:1 chat (rule 6 of the grammar)."""
    if not ctx.message.group:
        slot = int(act.now.timestamp() // 600)
        await act.tell.once(ctx.actor.address, "not_understood", key=f"{ctx.actor.id}:{slot}")


def _key(ctx: Context) -> str:
    return f"{ctx.message.platform}:{ctx.message.dedupe_key}"
