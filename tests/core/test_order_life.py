"""One order from the typed text to the lorry, and its unbroken trace."""

from __future__ import annotations

from core import approving, ordering, picking, scanning_out
from core.approvals import Step, Verdict
from core.intake.correction import SetQuantity
from core.orders import OrderStatus
from core.timeline import first_broken
from tests.world_data import FILTER, PAD, World

TEXT = "K0231 04465-0K240 20个, 90915-YZZD4 48, 后天要"


async def test_an_order_walks_from_the_draft_to_the_lorry_and_every_step_is_in_its_trace(world: World) -> None:
    order = await world.draft(TEXT)
    assert (order.number, order.status, order.customer_code) == ("SO260221-0001", OrderStatus.DRAFT, "K0231")
    assert [(x.part_number, x.quantity) for x in order.lines] == [(PAD, 20), (FILTER, 48)]

    await world.do(ordering.correct, order.number, world.by("销售A"), [SetQuantity.of(2, 50)], how="button")
    await world.do(ordering.submit, order.number, world.by("销售A"))
    request = await world.request(order.number)
    assert request.step is Step.TECH
    await world.do(approving.decide, request.id, Verdict.APPROVED, world.by("技术甲"), revision=1)
    (wave,) = await world.wave()
    pick_list = await world.list_of(order.number)
    await world.do(picking.claim, pick_list.number, world.by("仓管A"))
    await world.do(picking.picked, pick_list.number, world.by("仓管A"))
    await world.do(picking.picked, pick_list.number, world.by("仓管A"))
    await world.do(scanning_out.scan_out, world.by("仓管A"), "B251103-07", 20)
    out = await world.do(scanning_out.scan_out, world.by("仓管A"), "b251201-01")

    assert (out.orders, out.left) == ((order.number,), 0)
    shipped = await world.order(order.number)
    assert shipped.status is OrderStatus.SHIPPED
    assert shipped.waybill == "YD26022100001"
    entries = await world.trace(order.number)
    assert first_broken(entries) is None
    assert [(e.action, e.actor_name, e.channel) for e in entries] == [
        ("order.drafted", "销售A", "wecom"),
        ("order.corrected", "销售A", "wecom"),
        ("order.submitted", "销售A", "wecom"),
        ("approval.asked", "系统", "system"),
        ("approval.decided", "技术甲", "dingtalk"),
        ("order.released", "系统", "system"),
        ("pick.claimed", "仓管A", "wecom"),
        ("pick.picked", "仓管A", "wecom"),
        ("pick.picked", "仓管A", "wecom"),
        ("pick.scanned_out", "仓管A", "wecom"),
        ("pick.scanned_out", "仓管A", "wecom"),
        ("order.shipped", "仓管A", "wecom"),
    ]
    corrected, released = entries[1], entries[5]
    assert corrected.details == {"field": "2行 数量", "old": "48", "new": "50", "how": "button"}
    assert released.details["wave"] == wave.number
    assert released.details["lots"] == [
        [PAD, "B251103-07", "A-01-02-4-01", 20],
        [FILTER, "B251201-01", "A-01-09-1-01", 50],
    ]
    assert await world.told("销售A") == ["order_approved", "order_shipped"]
