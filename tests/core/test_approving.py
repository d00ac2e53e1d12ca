"""Who is asked, who may decide, and that one decision wins (F012, F124–F126; laws 2, 6, 8, 9)."""

from __future__ import annotations

import asyncio

import pytest

from core import approving, ordering
from core.approvals import RequestState, Step, Verdict
from core.errors import DomainError
from core.findings import FindingCode
from core.orders import OrderStatus
from core.people import PlatformName, Role
from core.views import request_view
from tests.world_data import World, person

GOOD = "K0231 04465-0K240 20个, 后天要"
MANY = "K0231 17801-21050 90个, 后天要"


async def test_the_tech_department_is_asked_on_the_messengers_where_its_people_live(world: World) -> None:
    order = await world.submitted(GOOD)

    request = await world.request(order.number)
    assert (request.step, request.audience, request.escalated_to) == (Step.TECH, ["E06", "E07"], [])
    assert await world.cards("技术甲") == await world.cards("技术乙") == [f"approval {request.id}"]
    assert await world.cards("技术总监") == []


async def test_more_than_twice_the_safety_stock_goes_to_the_supervisor_first_and_then_to_tech(world: World) -> None:
    order = await world.submitted(MANY)
    first = await world.request(order.number)
    assert (first.step, first.audience) == (Step.SUPERVISOR, ["E05"])
    assert await world.cards("技术甲") == []

    await world.do(approving.decide, first.id, Verdict.APPROVED, world.by("主管A"))

    second = await world.request(order.number)
    assert (second.step, second.state) == (Step.TECH, RequestState.OPEN)
    order = await world.order(order.number)
    assert order.status is OrderStatus.PENDING
    assert [(f.code, f.resolved_by, f.resolution) for f in order.findings] == [
        (FindingCode.OVER_SAFETY_STOCK, "E05", "waived")
    ]
    await world.do(approving.decide, second.id, Verdict.APPROVED, world.by("技术乙"))
    assert (await world.order(order.number)).status is OrderStatus.APPROVED


async def test_the_salesperson_cannot_acknowledge_a_supervisors_flag(world: World) -> None:
    order = await world.submitted(MANY)

    assert [f.open for f in order.findings] == [True]


async def test_a_rejection_names_its_reason_and_tells_the_salesperson(world: World) -> None:
    order = await world.submitted(GOOD)
    request = await world.request(order.number)

    await world.do(approving.decide, request.id, Verdict.REJECTED, world.by("技术乙"), reason_code="R01")

    order = await world.order(order.number)
    assert (order.status, order.reject_reason) == (OrderStatus.REJECTED, "R01")
    assert await world.said("销售A") == [
        ("order_rejected", {"number": order.number, "by": "技术乙", "reason": "车型不适配"})
    ]
    assert await world.told("技术乙") == ["reject_note_prompt"]
    await world.do(approving.add_note, request.id, "需补VIN", world.by("技术乙"))
    assert (await world.said("销售A"))[-1] == (
        "reject_note",
        {"number": order.number, "by": "技术乙", "note": "需补VIN"},
    )
    assert (await world.order(order.number)).reject_note == "需补VIN"
    assert (await world.actions(order.number))[-2:] == ["approval.decided", "approval.noted"]


@pytest.mark.parametrize("code", ["", "R99", "X02", "S01"])
async def test_a_rejection_without_a_reason_of_its_dictionary_is_refused(world: World, code: str) -> None:
    order = await world.submitted(GOOD)
    request = await world.request(order.number)

    sentence = await world.refused(
        order.number, approving.decide, request.id, Verdict.REJECTED, world.by("技术甲"), reason_code=code
    )

    assert sentence == "reject_needs_reason"


async def test_the_second_decision_hears_who_was_faster_and_changes_nothing(world: World) -> None:
    order = await world.submitted(GOOD)
    request = await world.request(order.number)
    await world.do(approving.decide, request.id, Verdict.APPROVED, world.by("技术甲"))

    before = await world.snapshot_of(order.number)
    for who, verdict in (("技术乙", Verdict.REJECTED), ("技术甲", Verdict.APPROVED)):
        with pytest.raises(DomainError) as refusal:
            await world.do(approving.decide, request.id, verdict, world.by(who), reason_code="R01")
        assert refusal.value.sentence == "already_decided"
        assert refusal.value.args_for_text == {
            "number": order.number,
            "by": "技术甲",
            "verdict": "approved",
            "at": world.now.isoformat(),
            "platform": "dingtalk",
        }

    assert await world.snapshot_of(order.number) == before


async def test_of_many_presses_at_once_exactly_one_decides(world: World) -> None:
    order = await world.submitted(GOOD)
    request = await world.request(order.number)

    presses = [
        world.do(approving.decide, request.id, verdict, world.by(who), reason_code="R01")
        for who in ("技术甲", "技术乙")
        for verdict in (Verdict.APPROVED, Verdict.REJECTED)
        for _ in range(5)
    ]
    outcomes = await asyncio.gather(*presses, return_exceptions=True)

    assert sum(1 for x in outcomes if not isinstance(x, Exception)) == 1
    assert {x.sentence for x in outcomes if isinstance(x, DomainError)} == {"already_decided"}
    assert len(await world.decisions(order.number)) == 1


@pytest.mark.parametrize("who", ["销售A", "销售B", "主管A", "仓管A", "技术总监", "运营总监", "管理员"])
async def test_whoever_is_not_asked_hears_who_decides(world: World, who: str) -> None:
    order = await world.submitted(GOOD)
    request = await world.request(order.number)

    for use_case, args in (
        (approving.decide, (Verdict.APPROVED, world.by(who))),
        (approving.open_reject_reasons, (world.by(who),)),
    ):
        assert await world.refused(order.number, use_case, request.id, *args) == "not_your_decision"


async def test_nobody_approves_their_own_order(world: World) -> None:
    async with world.act() as act:
        await act.tx.people.save(person("E06", "技术甲", Role.TECH, Role.SALES, home=PlatformName.DINGTALK))
    order = await world.submitted(GOOD, "技术甲")
    request = await world.request(order.number)
    assert request.audience == ["E07"]

    async with world.look() as act:
        me = await act.tx.people.get("E06")
    assert me is not None
    world.people["技术甲"] = me
    sentence = await world.refused(order.number, approving.decide, request.id, Verdict.APPROVED, world.by("技术甲"))

    assert sentence == "no_self_approval"
    async with world.look() as act:
        assert [p.name for p in await approving.asked(act, request)] == ["技术乙"]


async def test_the_card_names_who_was_asked_and_a_colleague_from_elsewhere_may_stand_in(world: World) -> None:
    async with world.act() as act:
        for number, name, region in (("E60", "技术丙", "苏"), ("E61", "技术丁", "浙")):
            await act.tx.people.save(person(number, name, Role.TECH, region=region))
            world.people[name] = await act.tx.people.get(number) or world.people["技术甲"]

    order = await world.submitted(GOOD)

    request = await world.request(order.number)
    async with world.look() as act:
        assert [p.name for p in await approving.asked(act, request)] == ["技术丙"]
    await world.do(approving.decide, request.id, Verdict.APPROVED, world.by("技术丁"))
    assert (await world.order(order.number)).status is OrderStatus.APPROVED


async def test_where_the_only_approver_is_the_salesperson_the_director_is_asked_and_may_decide(world: World) -> None:
    async with world.act() as act:
        await act.tx.people.save(person("E06", "技术甲", Role.TECH, Role.SALES))
        await act.tx.people.save(person("E07", "技术乙", Role.SALES))

    order = await world.submitted(GOOD, "技术甲")

    request = await world.request(order.number)
    assert (request.audience, request.escalated_at) == (["E08"], None)
    await world.do(approving.decide, request.id, Verdict.APPROVED, world.by("技术总监"))
    assert (await world.order(order.number)).status is OrderStatus.APPROVED


async def test_a_withdrawn_question_is_closed_for_everybody(world: World) -> None:
    order = await world.submitted(GOOD)
    request = await world.request(order.number)
    await world.do(ordering.cancel, order.number, world.by("销售A"))

    sentence = await world.refused(order.number, approving.decide, request.id, Verdict.APPROVED, world.by("技术甲"))

    assert sentence == "request_closed"
    async with world.act() as act:
        with pytest.raises(DomainError, match="request_unknown"):
            await approving.decide(act, 4711, Verdict.APPROVED, world.by("技术甲"))


async def test_every_copy_is_painted_anew_on_both_messengers(world: World) -> None:
    order = await world.submitted(GOOD)
    request = await world.request(order.number)
    await world.do(approving.open_reject_reasons, request.id, world.by("技术乙"), revision=1)
    before = await world.all_sent()

    await world.do(approving.decide, request.id, Verdict.APPROVED, world.by("技术甲"))

    assert sorted((await world.painted())[before:]) == [
        f"approval {request.id}",
        f"approval {request.id}",
        f"draft {order.number}",
        f"reject_reason {request.id}",
    ]


async def test_the_card_of_a_decided_question_knows_who_decided_and_where(world: World) -> None:
    order = await world.submitted(GOOD)
    request = await world.request(order.number)
    await world.do(approving.decide, request.id, Verdict.APPROVED, world.by("技术甲", PlatformName.WECOM))

    assert request.id is not None
    async with world.look() as act:
        view = await request_view(act, request.id)

    assert view is not None
    assert view.decision is not None
    assert (view.decision.by_name, view.decision.platform, view.deciders) == ("技术甲", PlatformName.WECOM, ())
