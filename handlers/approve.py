"""通过 / 驳回 by button, by text, by number (script 5)."""

from __future__ import annotations

from cards.keys import Action, Verb
from core import approving, reasons
from core.approvals import STEP_LABEL, ApprovalRequest, Step, Verdict
from core.desk import Act
from core.errors import DomainError
from core.notices import Expectation
from handlers.context import Context
from handlers.finding_orders import named
from handlers.grammar import Command


async def by_press(ctx: Context, action: Action) -> None:
    """The buttons of the approval card, and the choice of the reason."""
    press = ctx.message.press
    assert press is not None
    request_id = int(action.ref)
    async with ctx.act() as act:
        match action.verb:
            case Verb.APPROVE:
                await approving.decide(act, request_id, Verdict.APPROVED, ctx.actor, revision=action.revision)
            case Verb.REJECT:
                await approving.open_reject_reasons(act, request_id, ctx.actor, revision=action.revision)
            case _:
                await approving.decide(
                    act,
                    request_id,
                    Verdict.REJECTED,
                    ctx.actor,
                    revision=action.revision,
                    reason_code=press.choice("reason"),
                )


async def approve(ctx: Context, command: Command) -> None:
    """“同意 SO…”: the text twin of 通过."""
    async with ctx.act() as act:
        request = await _open_request(act, command.get("order"))
        await approving.decide(act, _id(request), Verdict.APPROVED, ctx.actor)


async def reject(ctx: Context, command: Command) -> None:
    """“驳回 SO… 车型不符 需补VIN”: the first word is the reason, the rest a note. Without a reason the list opens."""
    async with ctx.act() as act:
        request = await _open_request(act, command.get("order"))
        words = command.get("reason").split(maxsplit=1)
        if not words:
            await approving.open_reject_reasons(act, _id(request), ctx.actor)
            return
        await _reject_for(ctx, act, request, words[0], words[1] if len(words) > 1 else "")


async def reason_by_reply(ctx: Context, act: Act, expectation: Expectation, text: str) -> None:
    """“3” or “车型不符” in answer to the list of reasons."""
    request = await act.tx.approvals.get(int(expectation.ref))
    if request is None:
        raise DomainError("request_unknown")
    await act.tx.expectations.clear(ctx.actor.id)
    await _reject_for(ctx, act, request, text, "")


async def note_by_reply(ctx: Context, act: Act, expectation: Expectation, text: str) -> None:
    """The word beside the reason, within ten minutes of rejecting."""
    await act.tx.expectations.clear(ctx.actor.id)
    await approving.add_note(act, int(expectation.ref), text[:200], ctx.actor)
    request = await act.tx.approvals.get(int(expectation.ref))
    assert request is not None
    await act.tell.say(ctx.actor.address, "reject_note_saved", number=request.order_number)


async def pending(ctx: Context) -> None:
    """“待办” of an approver: what waits for a decision, soonest first; for a director, what climbed to them."""
    async with ctx.act() as act:
        person = ctx.actor.person
        rows = []
        for request in await act.tx.approvals.open_for(person, steps=tuple(Step)):
            order = await act.tx.orders.get(request.order_number)
            rows.append(
                [
                    request.order_number,
                    order.customer_name if order else "",
                    STEP_LABEL[request.step],
                    request.due_at.isoformat(),
                ]
            )
        await act.tell.say(ctx.actor.address, "pending_list", rows=rows)


async def _reject_for(ctx: Context, act: Act, request: ApprovalRequest, word: str, note: str) -> None:
    found = reasons.match(word, reasons.REJECT)
    if len(found) != 1:
        raise DomainError("reason_unclear", text=word, options=[r.text for r in reasons.REJECT])
    await approving.decide(act, _id(request), Verdict.REJECTED, ctx.actor, reason_code=found[0].code)
    if note:
        await approving.add_note(act, _id(request), note[:200], ctx.actor)


async def _open_request(act: Act, text: str) -> ApprovalRequest:
    """The open question of the named order, else its last one: so that a late approver hears who decided."""
    order = await named(act, text)
    request = await act.tx.approvals.current(order.number)
    if request is None:
        past = await act.tx.approvals.of_order(order.number)
        if not past:
            raise DomainError("nothing_to_approve", number=order.number)
        request = past[-1]
    return request


def _id(request: ApprovalRequest) -> int:
    assert request.id is not None
    return request.id
