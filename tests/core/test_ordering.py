"""Drafts: opening, correcting, submitting, revising, cancelling (F026–F038)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from core import approving, expediting, ordering
from core.approvals import RequestState, Step, Verdict
from core.expedite import Level
from core.findings import FindingCode, Severity
from core.intake.correction import SetCustomer, SetDue, SetPart, SetQuantity
from core.intake.due import read_due
from core.intake.order_draft import OrderDraft
from core.orders import OrderStatus
from core.people import PlatformName
from tests.world_data import FILTER, NOW, World

GOOD = "K0231 04465-0K240 20个, 后天要"


async def test_the_same_message_again_is_the_same_order(world: World) -> None:
    first = await world.draft(GOOD)
    async with world.look() as act:
        again = await act.tx.orders.by_source(first.source_key)
    assert again is not None

    async with world.act() as act:
        second = await ordering.open_draft(
            act, world.by("销售A"), OrderDraft(source_kind="text"), source_key=first.source_key
        )

    assert second.number == first.number
    assert await world.actions(first.number) == ["order.drafted"]


async def test_an_unknown_part_is_red_and_holds_the_submit_up(world: World) -> None:
    order = await world.draft("K0231 0446S-33471 20个, 后天要")
    assert [(f.code, f.severity, f.candidates) for f in order.open_findings(Severity.RED)] == [
        (FindingCode.PART_SUGGESTED, Severity.RED, ("04465-33471",))
    ]

    await world.do(ordering.submit, order.number, world.by("销售A"))

    order = await world.order(order.number)
    assert order.status is OrderStatus.DRAFT
    assert await world.said("销售A") == [("still_red", {"number": order.number, "count": 1})]
    assert "order.submitted" not in await world.actions(order.number)
    async with world.look() as act:
        assert await act.tx.approvals.of_order(order.number) == []


async def test_a_date_that_passed_while_the_draft_lay_turns_red_on_the_card_at_the_submit(world: World) -> None:
    order = await world.draft("K0231 04465-0K240 20个, 今天18:00要")
    assert order.open_findings(Severity.RED) == []

    world.clock.advance(timedelta(hours=10))
    await world.do(ordering.submit, order.number, world.by("销售A"))

    order = await world.order(order.number)
    assert order.status is OrderStatus.DRAFT
    assert [f.code for f in order.open_findings(Severity.RED)] == [FindingCode.DUE_PAST]


async def test_a_frozen_customer_cannot_order(world: World) -> None:
    order = await world.draft("K0107 04465-0K240 20个, 后天要")

    await world.do(ordering.submit, order.number, world.by("销售A"))

    order = await world.order(order.number)
    assert order.status is OrderStatus.DRAFT
    assert [f.code for f in order.open_findings(Severity.RED)] == [FindingCode.CUSTOMER_FROZEN]


async def test_a_yellow_flag_counts_as_acknowledged_by_who_submits(world: World) -> None:
    order = await world.draft("K0231 90915-YZZD4 48, 后天要")
    assert [f.code for f in order.open_findings(Severity.YELLOW)] == [FindingCode.PACK_MULTIPLE]

    order = await world.do(ordering.submit, order.number, world.by("销售A"))

    assert order.status is OrderStatus.PENDING
    assert [(f.code, f.resolved_by, f.resolution) for f in order.findings] == [
        (FindingCode.PACK_MULTIPLE, "E01", "acknowledged")
    ]
    assert (await world.trace(order.number))[1].details["acknowledged"] == ["pack_multiple"]


async def test_a_suggestion_is_taken_with_one_tap_and_kept_as_old_and_new(world: World) -> None:
    order = await world.draft("K0231 0446S-33471 20个, 后天要")

    order = await world.do(ordering.accept_suggestions, order.number, world.by("销售A"))

    assert order.lines[0].part_number == "04465-33471"
    assert order.open_findings(Severity.RED) == []
    async with world.look() as act:
        (revision,) = await act.tx.orders.revisions(order.number)
    assert (revision.field, revision.old, revision.new, revision.by, revision.how) == (
        "1行 物料",
        "0446S-33471",
        "04465-33471",
        "E01",
        "suggestion",
    )
    assert (
        await world.refused(order.number, ordering.accept_suggestions, order.number, world.by("销售A"))
        == "no_suggestions"
    )


async def test_customer_quantity_part_and_date_are_corrected_in_one_message(world: World) -> None:
    order = await world.draft("K0231 04465-0K240 20个, 后天要")
    reading = read_due("2月25日 15:00", now=world.now)
    assert reading is not None

    order = await world.do(
        ordering.correct,
        order.number,
        world.by("销售A"),
        [SetCustomer(text="K0031"), SetQuantity.of(1, 30), SetPart(line=1, text=FILTER), SetDue(reading=reading)],
        how="text",
    )

    assert (order.customer_code, order.region) == ("K0031", "沪")
    assert (order.lines[0].part_number, order.lines[0].quantity) == (FILTER, 30)
    assert order.promised_at == order.due_at == reading.at
    async with world.look() as act:
        assert [(r.field, r.new) for r in await act.tx.orders.revisions(order.number)] == [
            ("客户", "K0031"),
            ("1行 数量", "30"),
            ("1行 物料", FILTER),
            ("交期", "02-25 15:00"),
        ]


async def test_a_line_that_is_not_there_cannot_be_corrected(world: World) -> None:
    order = await world.draft(GOOD)

    sentence = await world.refused(
        order.number,
        ordering.correct,
        order.number,
        world.by("销售A"),
        [SetQuantity.of(1, 5), SetQuantity.of(7, 5)],
        how="text",
    )

    assert sentence == "no_such_line"


@pytest.mark.parametrize("who", ["销售B", "技术甲", "主管A", "仓管A", "运营总监"])
async def test_nobody_but_the_first_responsible_person_changes_a_draft(world: World, who: str) -> None:
    order = await world.draft(GOOD)
    actor = world.by(who)

    for use_case, args, named in (
        (ordering.correct, ([SetQuantity.of(1, 5)],), {"how": "text"}),
        (ordering.submit, (), {}),
        (ordering.cancel, (), {}),
        (ordering.reopen, (), {}),
        (ordering.accept_suggestions, (), {}),
    ):
        sentence = await world.refused(order.number, use_case, order.number, actor, *args, **named)
        assert sentence == "not_your_order"


async def test_an_administrator_corrects_for_the_owner_and_both_see_the_card(world: World) -> None:
    order = await world.draft(GOOD)
    await world.all_sent()

    await world.do(ordering.correct, order.number, world.by("管理员"), [SetQuantity.of(1, 5)], how="text")

    assert (await world.order(order.number)).owner_id == "E01"
    assert await world.cards("管理员") == [f"draft {order.number}"]
    assert await world.cards("销售A") == [f"draft {order.number}"] * 2


async def test_a_second_submit_changes_nothing(world: World) -> None:
    order = await world.submitted(GOOD)

    assert await world.refused(order.number, ordering.submit, order.number, world.by("销售A")) == "already_submitted"


async def test_a_press_on_an_older_card_submits_nothing(world: World) -> None:
    order = await world.submitted(GOOD)
    await world.do(ordering.reopen, order.number, world.by("销售A"))

    sentence = await world.refused(order.number, ordering.submit, order.number, world.by("销售A"), revision=1)

    assert sentence == "card_outdated"


async def test_revising_a_submitted_order_raises_its_revision_and_withdraws_the_question(world: World) -> None:
    order = await world.submitted(GOOD)
    asked = await world.request(order.number)

    order = await world.do(ordering.correct, order.number, world.by("销售A"), [SetQuantity.of(1, 30)], how="text")

    assert (order.status, order.revision) == (OrderStatus.DRAFT, 2)
    assert (await world.request(order.number)).state is RequestState.WITHDRAWN
    async with world.look() as act:
        assert await act.tx.deadlines.armed(f"ap:{asked.id}") == []
        assert [d.kind.value for d in await act.tx.deadlines.armed(order.number)] == ["draft_unsubmitted"]
    sentence = await world.refused(
        order.number, approving.decide, asked.id, Verdict.APPROVED, world.by("技术甲"), revision=1
    )
    assert sentence == "card_outdated"
    await world.do(ordering.submit, order.number, world.by("销售A"), revision=2)
    again = await world.request(order.number)
    assert (again.revision, again.step, again.state) == (2, Step.TECH, RequestState.OPEN)


async def test_an_approved_order_can_be_revised_until_it_is_on_a_pick_list(world: World) -> None:
    order = await world.approved(GOOD)
    await world.do(ordering.correct, order.number, world.by("销售A"), [SetQuantity.of(1, 10)], how="text")
    await world.do(ordering.submit, order.number, world.by("销售A"))
    request = await world.request(order.number)
    await world.do(approving.decide, request.id, Verdict.APPROVED, world.by("技术乙"))
    await world.wave()

    sentence = await world.refused(
        order.number, ordering.correct, order.number, world.by("销售A"), [SetQuantity.of(1, 5)], how="text"
    )

    assert sentence == "order_released"
    assert (await world.list_of(order.number)).tasks[0].quantity == 10


async def test_a_supervisors_waiver_stays_when_another_line_is_revised(world: World) -> None:
    order = await world.submitted("K0231 17801-21050 90个, 04465-0K240 20个, 后天要")
    first = await world.request(order.number)
    assert first.step is Step.SUPERVISOR
    await world.do(approving.decide, first.id, Verdict.APPROVED, world.by("主管A"))

    await world.do(ordering.correct, order.number, world.by("销售A"), [SetQuantity.of(2, 10)], how="text")
    await world.do(ordering.submit, order.number, world.by("销售A"))
    assert (await world.request(order.number)).step is Step.TECH

    await world.do(ordering.correct, order.number, world.by("销售A"), [SetQuantity.of(1, 95)], how="text")
    await world.do(ordering.submit, order.number, world.by("销售A"))
    assert (await world.request(order.number)).step is Step.SUPERVISOR


async def test_a_cancelled_order_takes_back_its_question_its_fuse_and_its_deadlines(world: World) -> None:
    order = await world.submitted(GOOD)
    await world.do(
        expediting.light,
        order.number,
        world.by("销售A"),
        level=Level.RED,
        reason_code="X02",
        latest_ship_at=NOW.replace(hour=15, minute=30),
    )
    await world.all_sent()

    await world.do(ordering.cancel, order.number, world.by("销售A"))

    request = await world.request(order.number)
    assert request.state is RequestState.WITHDRAWN
    async with world.look() as act:
        assert await act.tx.expedites.live(order.number) is None
        assert await act.tx.deadlines.armed(order.number) == []
        assert await act.tx.deadlines.armed(f"ap:{request.id}") == []
    assert f"pickup {order.number}" in (await world.cards("物流主管"))[1:]
    assert await world.refused(order.number, ordering.cancel, order.number, world.by("销售A")) == "already_cancelled"
    sentence = await world.refused(
        order.number, ordering.correct, order.number, world.by("销售A"), [SetQuantity.of(1, 5)], how="text"
    )
    assert sentence == "order_closed"


async def test_goods_on_a_pick_list_cannot_be_cancelled(world: World) -> None:
    (order,), _ = await world.claimed(GOOD)

    assert await world.refused(order.number, ordering.cancel, order.number, world.by("销售A")) == "order_wrong_state"


async def test_the_same_goods_again_are_asked_about_and_never_dropped(world: World) -> None:
    first = await world.draft(GOOD)

    second = await world.draft("K0231 04465-0K240 20, 后天要")

    assert second.number != first.number
    (flag,) = [f for f in second.findings if f.code is FindingCode.DUPLICATE]
    assert (flag.severity, flag.candidates) == (Severity.YELLOW, (first.number,))
    submitted = await world.do(ordering.submit, second.number, world.by("销售A"))
    assert submitted.status is OrderStatus.PENDING


async def test_a_cancelled_twin_is_no_duplicate(world: World) -> None:
    first = await world.draft(GOOD)
    await world.do(ordering.cancel, first.number, world.by("销售A"))

    second = await world.draft(GOOD)

    assert [f.code for f in second.findings] == []


@pytest.mark.parametrize("column", ["owner_id", "owner_platform", "owner_account", "owner_at"])
async def test_no_sql_changes_who_is_first_responsible(world: World, column: str) -> None:
    order = await world.draft(GOOD)

    with pytest.raises(DBAPIError, match="owner"):
        async with world.database.writer.begin() as connection:
            await connection.execute(text(f"UPDATE orders SET {column} = 'x' WHERE number = '{order.number}'"))

    assert (await world.order(order.number)).owner_id == "E01"


async def test_the_draft_touched_last_is_the_one_a_short_line_means(world: World) -> None:
    early = await world.draft(GOOD)
    world.clock.advance(timedelta(minutes=31))
    await world.do(ordering.correct, early.number, world.by("销售A"), [SetQuantity.of(1, 21)], how="text")
    async with world.look() as act:
        assert [o.number for o in await ordering.sticky_draft(act, world.by("销售A"))] == [early.number]

    late = await world.draft("K0231 90915-YZZD4 50, 后天要")
    async with world.look() as act:
        meant = await ordering.sticky_draft(act, world.by("销售A"))
    assert [o.number for o in meant] == [late.number, early.number]

    world.clock.advance(timedelta(hours=1))
    async with world.look() as act:
        assert [o.number for o in await ordering.sticky_draft(act, world.by("销售A"))] == [late.number]
        assert await ordering.sticky_draft(act, world.by("销售B")) == []


async def test_an_order_from_the_other_messenger_keeps_where_it_came_from(world: World) -> None:
    order = await world.draft(GOOD, "销售B")

    assert (order.owner_id, order.owner_platform, order.owner_account, order.owner_at) == (
        "E02",
        PlatformName.DINGTALK,
        "e02-dingtalk",
        world.now,
    )
