"""A salesperson sends an order as text, photo or file; a draft card comes back (F026–F036)."""

from __future__ import annotations

from cards.marks import marks_of
from core.intake.draft import OrderDraft, draft_from_sheet, draft_from_text

from core import ordering
from core.desk import Act
from core.inbound import MediaRef
from core.intake.text_order import is_order_like, read_text
from core.notices import Priority
from core.people import Role
from core.ports import Attachment
from core.reading.order_sheet import SheetReading, read_order
from core.reading.words import ReadPage
from handlers.context import Context
from handlers.grammar import clean
from handlers.pick import scan_code

SENDERS = (Role.SALES, Role.SERVICE, Role.REGIONAL, Role.SUPERVISOR, Role.SALES_DIRECTOR)


async def from_text(ctx: Context) -> None:
    """A text that looks like an order becomes a draft; anything else gets one example, at most every ten minutes."""
    text = clean(ctx.message.text)
    async with ctx.act() as act:
        if not is_order_like(text, act.desk.index):
            await not_understood(ctx, act)
            return
        ctx.actor.require(*SENDERS)
        reading = read_text(text, act.desk.index, now=act.now, calendar=act.desk.calendar)
        draft = draft_from_text(reading, act.desk.index, now=act.now, calendar=act.desk.calendar,
                                source_kind="voice" if ctx.message.kind == "voice" else "text")
        await ordering.open_draft(act, ctx.actor, draft, source_key=_key(ctx), source_text=ctx.message.text)


async def from_pictures(ctx: Context) -> None:
    """收到图片 at once; then each picture is read outside any transaction, and answered with boxes and a draft.

    A photo of a bar code is a scan (script 7). A picture without an order, or one that cannot be read, gets a sentence.
    """
    await _receipt(ctx)
    readings = []
    for media in ctx.message.media:
        data, name = await ctx.services.fetch(ctx.message, media)
        sha = await ctx.services.keep(data)
        codes = await ctx.services.bar_codes(data) if media.kind == "image" else []
        if codes and ctx.actor.person.has(Role.PICKER, Role.WAREHOUSE_LEAD):
            await scan_code(ctx, codes[0])
            return
        pages = await ctx.services.read(data, name or media.filename)
        readings.append((media, data, name, sha, pages))
    async with ctx.act() as act:
        ctx.actor.require(*SENDERS)
        for nth, (media, data, name, sha, pages) in enumerate(readings):
            reading = read_order(pages, parts=act.desk.index)
            picture = await _annotated(ctx, act, media, data, pages, reading)
            await act.tx.attachments.add(
                Attachment(sha256=sha, kind=media.kind, filename=name, size=len(data), by=ctx.actor.id, at=act.now)
            )
            if not reading.looks_like_order:
                await act.tell.say(ctx.actor.address, "no_order_found")
                continue
            if picture is not None:
                await act.tell.picture(ctx.actor.address, "file", picture, priority=Priority.RECEIPT)
            draft = _draft(ctx, act, reading, media)
            suffix = f":{nth}" if nth else ""
            await ordering.open_draft(act, ctx.actor, draft, source_key=_key(ctx) + suffix, attachment_sha256=sha,
                                      source_text=ctx.message.text)


def _draft(ctx: Context, act: Act, reading: SheetReading, media: MediaRef) -> OrderDraft:
    kind = "image" if media.kind == "image" else "file"
    return draft_from_sheet(reading, act.desk.index, now=act.now, calendar=act.desk.calendar, source_kind=kind)


async def _annotated(
    ctx: Context, act: Act, media: MediaRef, data: bytes, pages: tuple[ReadPage, ...], reading: SheetReading
) -> str | None:
    """sha256 of the picture with green and red boxes; None for files and for pictures without an order."""
    if media.kind != "image" or not reading.looks_like_order or len(pages) != 1:
        return None
    marks = marks_of(reading, act.desk.index)
    if not marks:
        return None
    return await ctx.services.keep(ctx.services.annotate(data, marks))


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

