"""What is written is what is read, also when it was changed inside a list; what fails leaves nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta, timezone

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from core.catalog import AliasKind, Bin, Carrier, Customer, Part, PartAlias, Warehouse
from core.deadlines import Deadline, DeadlineKind
from core.errors import DomainError
from core.expedite import Expedite, ExpediteState, Level
from core.findings import Finding, FindingCode, Severity
from core.notices import CardKind, ClickCode, Expectation, PostedCard
from core.orders import OrderLine, OrderRevision, OrderStatus
from core.people import ChatAccount, PlatformName, Role
from core.ports import Attachment
from core.stock import Allocation, AllocationState
from core.timeline import first_broken
from core.warehouse.lots import QcState
from core.waves import PickList, PickListState, PickTask, TaskState, Wave
from storage.database import SqlDatabase
from tests.storage.conftest import START
from tests.storage.samples import a_delivery, a_lot, a_person, a_request, an_order

NUMBER = "SO260220-0001"
FLAG = Finding(
    code=FindingCode.PART_SUGGESTED, severity=Severity.YELLOW, line=1, field="part", args=(("raw", "0446S"),),
    candidates=("04465-0K240",),
)


async def test_an_order_is_read_as_it_was_written(database: SqlDatabase) -> None:
    beijing = timezone(timedelta(hours=8))
    order = an_order(
        findings=[FLAG], requirements=["质检报告"], due_at=datetime(2026, 2, 22, 17, 0, tzinfo=beijing),
        customer_name="浦东汽修",
    )
    async with database.transaction() as tx:
        await tx.orders.add(order)

    async with database.reading() as tx:
        kept = await tx.orders.get(NUMBER)

    assert kept == order
    assert kept is not None
    assert kept.findings == [FLAG]
    assert kept.due_at == datetime(2026, 2, 22, 9, 0, tzinfo=UTC)
    assert (kept.version, [x.position for x in kept.lines]) == (1, [1, 2])


@pytest.mark.parametrize("change", ["append", "inside", "reassign", "line", "new line", "field"])
async def test_a_change_anywhere_in_an_order_is_kept_and_raises_its_version(
    database: SqlDatabase, change: str
) -> None:
    async with database.transaction() as tx:
        await tx.orders.add(an_order(findings=[FLAG]))

    async with database.transaction() as tx:
        order = await tx.orders.get(NUMBER, lock=True)
        assert order is not None
        match change:
            case "append":
                order.requirements.append("带质检报告")
            case "inside":
                order.findings[0] = replace(order.findings[0], resolved_by="E0001", resolution="acknowledged")
            case "reassign":
                order.findings = []
            case "line":
                order.line(2).quantity = 50
            case "new line":
                order.lines.append(OrderLine(position=3, raw="火花塞 4", quantity=4))
            case _:
                order.customer_code = "K0231"
        changed = replace(order, version=2)
        del order

    async with database.reading() as tx:
        kept = await tx.orders.get(NUMBER)
    assert kept is not None
    assert kept.version == 2
    assert [replace(x, id=None, order_id=None) for x in kept.lines] == [
        replace(x, id=None, order_id=None) for x in changed.lines
    ]
    assert (kept.findings, kept.requirements, kept.customer_code) == (
        changed.findings, changed.requirements, changed.customer_code
    )


async def test_reading_an_order_for_a_change_without_one_leaves_its_version(database: SqlDatabase) -> None:
    async with database.transaction() as tx:
        await tx.orders.add(an_order(findings=[FLAG]))

    async with database.transaction() as tx:
        await tx.orders.get(NUMBER, lock=True)

    async with database.reading() as tx:
        kept = await tx.orders.get(NUMBER)
    assert kept is not None
    assert kept.version == 1


async def test_a_crash_in_the_middle_leaves_nothing(database: SqlDatabase) -> None:
    async def half() -> None:
        async with database.transaction() as tx:
            await tx.orders.add(an_order())
            await tx.outbox.put(a_delivery("k1"))
            await tx.numbers.next("SO", START.date())
            await tx.timeline.append(
                NUMBER, "order.created", actor="E1", actor_name="张三", channel="wecom", details={}, at=START
            )
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        await half()

    async with database.transaction() as tx:
        assert await tx.orders.get(NUMBER) is None
        assert await tx.outbox.put(a_delivery("k1"))
        assert await tx.numbers.next("SO", START.date()) == 1
        assert await tx.timeline.refs() == []


async def test_nothing_can_be_changed_while_reading(database: SqlDatabase) -> None:
    async def write() -> None:
        async with database.reading() as tx:
            await tx.numbers.next("SO", START.date())

    with pytest.raises(DBAPIError):
        await write()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE orders SET owner_id = 'E9999'",
        "UPDATE orders SET owner_account = 'lisi'",
        "UPDATE timeline SET actor = 'E9999'",
        "DELETE FROM timeline",
        "UPDATE decisions SET verdict = 'rejected'",
        "DELETE FROM decisions",
        "UPDATE order_revisions SET new = '1'",
        "DELETE FROM order_revisions",
        "UPDATE stock_movements SET delta = 0",
        "DELETE FROM stock_movements",
        "UPDATE lots SET on_hand = -1",
        "UPDATE lots SET allocated = 101",
        "UPDATE lots SET allocated = -1",
    ],
)
async def test_the_database_itself_refuses(database: SqlDatabase, statement: str) -> None:
    from tests.storage.samples import a_decision

    async with database.transaction() as tx:
        await tx.orders.add(an_order())
        await tx.orders.add_revision(
            OrderRevision(order_number=NUMBER, revision=1, field="2行 数量", old="48", new="50", by="E1", how="text",
                          at=START)
        )
        request = await tx.approvals.open(a_request())
        await tx.approvals.decide(a_decision(request.id or 0))
        await tx.stock.receive([a_lot()], by="E1", at=START, ref="RK1")
        await tx.timeline.append(
            NUMBER, "order.created", actor="E1", actor_name="张三", channel="wecom", details={}, at=START
        )

    async def attack() -> None:
        async with database.writer.begin() as connection:
            await connection.execute(text(statement))

    with pytest.raises(DBAPIError, match=r"append-only|never changes|(?i:check constraint)"):
        await attack()


async def test_a_flipped_byte_in_the_chain_is_found(database: SqlDatabase) -> None:
    async with database.transaction() as tx:
        for n in range(5):
            await tx.timeline.append(
                NUMBER, "order.corrected", actor="E1", actor_name="张三", channel="wecom",
                details={"line": n, "old": "48", "new": "50", "lots": [["L2601", 4]]}, at=START,
            )
    async with database.reading() as tx:
        assert first_broken(await tx.timeline.of(NUMBER)) is None

    async with database.writer.begin() as connection:
        off, on = _guards(database)
        await connection.execute(text(off))
        await connection.execute(text("UPDATE timeline SET details = replace(details, '50', '51') WHERE seq = 3"))
        await connection.execute(text(on))

    async with database.reading() as tx:
        broken = first_broken(await tx.timeline.of(NUMBER))
    assert broken is not None
    assert broken.seq == 3


def _guards(database: SqlDatabase) -> tuple[str, str]:
    """What somebody with the rights of a database administrator would do first."""
    if database.single_instance:
        return "DROP TRIGGER timeline_no_update", "SELECT 1"
    return "ALTER TABLE timeline DISABLE TRIGGER USER", "ALTER TABLE timeline ENABLE TRIGGER USER"


async def test_a_person_is_found_by_account_role_and_name(database: SqlDatabase) -> None:
    async with database.transaction() as tx:
        await tx.people.save(a_person("E0001", "张三", Role.SALES, Role.SUPERVISOR))
        await tx.people.save(a_person("E0002", "李工", Role.TECH, region="苏"))
        await tx.people.save(a_person("E0003", "王五", Role.TECH, region="沪"))
        await tx.people.save(a_person("E0004", "离职", Role.TECH, active=False))
        await tx.people.bind("E0002", PlatformName.DINGTALK, "Manager42")

    async with database.reading() as tx:
        by_account = await tx.people.by_account(PlatformName.WECOM, "e0001-WX")
        on_dingtalk = await tx.people.by_account(PlatformName.DINGTALK, "Manager42")
        assert by_account is not None
        assert by_account.roles == [Role.SALES, Role.SUPERVISOR]
        assert on_dingtalk is not None
        assert on_dingtalk.id == "E0002"
        assert len(on_dingtalk.accounts) == 2
        assert await tx.people.by_account(PlatformName.DINGTALK, "manager42") is None
        assert await tx.people.by_account(PlatformName.WECOM, "E0004-wx") is None
        assert [p.id for p in await tx.people.with_role(Role.TECH)] == ["E0002", "E0003"]
        assert [p.id for p in await tx.people.with_role(Role.TECH, region="苏")] == ["E0002"]
        assert [p.id for p in await tx.people.with_role(Role.TECH, region="粤")] == ["E0002", "E0003"]
        found = await tx.people.find_by_name("王五")
        assert found is not None
        assert found.id == "E0003"


async def test_an_account_moves_with_its_person_and_is_never_taken_from_another(database: SqlDatabase) -> None:
    async with database.transaction() as tx:
        await tx.people.save(a_person("E0001"))
        await tx.people.save(a_person("E0002", "李工"))
        person = await tx.people.get("E0001")
        assert person is not None
        person.accounts = [ChatAccount(platform=PlatformName.WECOM, account="NewPhone", person_id="E0001")]
        person.name = "张三丰"
        await tx.people.save(person)

        with pytest.raises(ValueError, match="another person"):
            await tx.people.bind("E0001", PlatformName.WECOM, "E0002-wx")

    async with database.reading() as tx:
        moved = await tx.people.by_account(PlatformName.WECOM, "newphone")
        assert moved is not None
        assert (moved.id, moved.name) == ("E0001", "张三丰")
        assert await tx.people.by_account(PlatformName.WECOM, "E0001-wx") is None


async def test_master_data_is_replaced_by_its_keys_and_its_version_rises(database: SqlDatabase) -> None:
    part = Part(
        number="04465-0K240", normal="044650K240", name="前刹车片", family="制动",
        aliases=[PartAlias(text="前片", normal="前片", kind=AliasKind.NAME, part_number="04465-0K240")],
    )
    house = Warehouse(code="SH1", name="上海一仓", longitude=121.47, latitude=31.23, regions=["沪", "苏"])
    run = Carrier(code="SF", name="顺丰", warehouse="SH1", cutoff=time(17, 30), capacity=80, regions=["沪"])
    async with database.transaction() as tx:
        assert await tx.catalog.version() == 0
        await tx.catalog.upsert([Customer(code="K0231", name="浦东汽修", region="沪"), part, house, run])
    renamed = replace(part, name="前制动片", aliases=[])

    async with database.transaction() as tx:
        await tx.catalog.parts()
        await tx.catalog.upsert([renamed, Bin(warehouse="SH1", label="A-03-12-4-02", x=1.5, y=2.0), part, renamed])
        assert await tx.catalog.parts() == [renamed]
        await tx.catalog.set_capacity("SF", date(2026, 2, 20), 60, "E0005")
        await tx.catalog.set_capacity("SF", date(2026, 2, 20), 40, "E0005")

    async with database.reading() as tx:
        assert await tx.catalog.version() == 2
        assert await tx.catalog.part("04465-0K240") == renamed
        assert await tx.catalog.warehouse("SH1") == house
        assert await tx.catalog.carriers("SH1") == [run]
        assert await tx.catalog.capacity_override("SF", date(2026, 2, 20)) == 40
        assert await tx.catalog.capacity_override("SF", date(2026, 2, 21)) is None
        assert [b.label for b in await tx.catalog.bins("SH1")] == ["A-03-12-4-02"]
        customer = await tx.catalog.customer("K0231")
        assert customer is not None
        assert (customer.tier, customer.frozen) == (3, False)


async def test_the_movements_of_a_lot_add_up_to_its_balance(database: SqlDatabase) -> None:
    async with database.transaction() as tx:
        await tx.stock.receive([a_lot(), a_lot("L2602", qc=QcState.PENDING)], by="E1", at=START, ref="RK1")
        lot, pending = await tx.stock.lots(["04465-0K240"])
        assert lot.id is not None
        assert pending.id is not None
        assert not await tx.stock.hold(pending.id, 1)
        assert await tx.stock.hold(lot.id, 30)
        await tx.stock.ship(lot.id, 20, ref=NUMBER, by="E2", at=START)
        await tx.stock.release(lot.id, 10)
        await tx.stock.receive([a_lot(on_hand=75)], by="E1", at=START, ref="PD1")

    async with database.reading() as tx:
        kept = await tx.stock.lot(lot.id)
        moves = await tx.stock.movements(lot.id)
    assert kept is not None
    assert (kept.on_hand, kept.allocated) == (75, 0)
    assert [(m.delta, m.cause) for m in moves] == [(100, "receipt"), (-20, "shipment"), (-5, "count")]


async def test_pieces_that_are_not_held_cannot_leave_or_be_counted_away(database: SqlDatabase) -> None:
    async with database.transaction() as tx:
        await tx.stock.receive([a_lot()], by="E1", at=START, ref="RK1")
        (lot,) = await tx.stock.by_lot_no("l2601")
        assert lot.id is not None
        await tx.stock.hold(lot.id, 5)
        with pytest.raises(DomainError):
            await tx.stock.ship(lot.id, 6, ref=NUMBER, by="E2", at=START)
        with pytest.raises(DomainError):
            await tx.stock.receive([a_lot(on_hand=4)], by="E1", at=START, ref="PD1")
        with pytest.raises(ValueError, match="fewer than 6"):
            await tx.stock.release(lot.id, 6)


async def test_a_pick_list_is_found_by_order_and_its_tasks_are_tracked(database: SqlDatabase) -> None:
    async with database.transaction() as tx:
        wave = await tx.waves.add(
            Wave(key="wave:SH1:1:SF", number="W0220-10A", warehouse="SH1", carrier="SF", cutoff_at=START,
                 slot_at=START, created_at=START, parcels=7)
        )
        for nth, urgent in ((1, False), (2, True)):
            await tx.waves.add_pick_list(
                PickList(
                    number=f"W0220-10A-{nth}", wave_id=wave.id or 0, wave_number=wave.number, warehouse="SH1",
                    state=PickListState.OPEN, cutoff_at=START, orders=[f"SO{nth}"], route_m=12.5,
                    route=[[0.0, 1.5]], urgent=urgent, created_at=START,
                    tasks=[
                        PickTask(stop=1, order_number=f"SO{nth}", line_id=1, allocation_id=1, part_number="P",
                                 part_name="片", lot_no="L1", bin="A-03-12-4-02", quantity=4)
                    ],
                )
            )

    async with database.transaction() as tx:
        assert await tx.waves.claim("W0220-10A-1", "E0007", START)
        pick_list = await tx.waves.pick_list("W0220-10A-1", lock=True)
        assert pick_list is not None
        pick_list.tasks[0].state, pick_list.tasks[0].picked = TaskState.PICKED, 4

    async with database.reading() as tx:
        assert [x.number for x in await tx.waves.open_lists("SH1")] == ["W0220-10A-2", "W0220-10A-1"]
        (mine,) = await tx.waves.open_lists(claimed_by="E0007")
        assert (mine.tasks[0].state, mine.version) == (TaskState.PICKED, 3)
        found = await tx.waves.list_of_order("SO2")
        assert found is not None
        assert found.number == "W0220-10A-2"
        assert await tx.waves.shipped_parcels("SF", START) == 7
        assert [w.number for w in await tx.waves.today("SH1", START)] == ["W0220-10A"]


async def test_armed_again_raises_the_generation_and_cancelling_names_the_reason(database: SqlDatabase) -> None:
    async with database.transaction() as tx:
        for kind in (DeadlineKind.APPROVAL_DUE, DeadlineKind.APPROVAL_DUE, DeadlineKind.APPROVAL_REMINDER):
            await tx.deadlines.arm(Deadline(kind=kind, ref="ap:1", due_at=START, policy={"hours": 4}))

    async with database.transaction() as tx:
        assert [(d.kind, d.generation) for d in await tx.deadlines.armed("ap:1")] == [
            (DeadlineKind.APPROVAL_DUE, 2), (DeadlineKind.APPROVAL_REMINDER, 1)
        ]
        assert await tx.deadlines.cancel("ap:1", DeadlineKind.APPROVAL_DUE, reason="decided") == 1
        assert await tx.deadlines.cancel("ap:1", reason="withdrawn") == 1
        assert await tx.deadlines.claim_due(START, 10) == []
        assert await tx.deadlines.next_due() is None


async def test_an_order_has_one_live_expedite_after_another(database: SqlDatabase) -> None:
    def expedite(level: Level) -> Expedite:
        return Expedite(order_number=NUMBER, level=level, latest_ship_at=START, reason_code="X02", by="E1",
                        by_name="张三", at=START)

    async with database.transaction() as tx:
        await tx.expedites.add(expedite(Level.ORANGE))
        first = await tx.expedites.live(NUMBER, lock=True)
        assert first is not None
        first.state = ExpediteState.CANCELLED
        await tx.expedites.add(expedite(Level.RED))

    async with database.reading() as tx:
        assert [e.level for e in await tx.expedites.all_live()] == [Level.RED]


async def test_the_newest_copy_of_every_card_is_found(database: SqlDatabase) -> None:
    def card(generation: int, audience: str = "tech") -> PostedCard:
        return PostedCard(
            platform=PlatformName.WECOM, card_key=f"approval:7:{audience}", generation=generation,
            card_id=f"ap-7-{audience}-{generation}", kind=CardKind.APPROVAL, ref="7", recipients=["lisi"],
        )

    async with database.transaction() as tx:
        for posted in (card(1), card(2), card(1, "boss")):
            await tx.outbox.save_posted(posted)
        await tx.outbox.add_click_code(
            ClickCode(card_id="ap-7-tech-2", code="c1", by_account="lisi", received_at=START)
        )
        await tx.outbox.add_click_code(
            ClickCode(card_id="ap-7-tech-2", code="c1", by_account="lisi", received_at=START)
        )
        kept = await tx.outbox.posted("approval:7:tech", PlatformName.WECOM)
        assert kept is not None
        kept.shown_digest = "d1"
        kept.recipients.append("wangwu")
        (code,) = await tx.outbox.click_codes("ap-7-tech-2")
        code.spent = True
    outside = replace(kept, posted_at=START)

    async with database.transaction() as tx:
        await tx.outbox.save_posted(outside)

    async with database.reading() as tx:
        copies = await tx.outbox.posted_for(CardKind.APPROVAL, "7")
        assert [(c.card_key, c.generation) for c in copies] == [("approval:7:tech", 2), ("approval:7:boss", 1)]
        assert (copies[0].shown_digest, copies[0].recipients, copies[0].posted_at) == ("d1", ["lisi", "wangwu"], START)
        by_id = await tx.outbox.posted_by_card_id(PlatformName.WECOM, "ap-7-boss-1")
        assert by_id == copies[1]
        assert await tx.outbox.click_codes("ap-7-tech-2") == []


async def test_a_person_is_asked_one_thing_at_a_time(database: SqlDatabase) -> None:
    def question(name: str) -> Expectation:
        return Expectation(person_id="E1", question=name, ref=NUMBER, args={"line": 2},
                           expires_at=START + timedelta(minutes=10))

    async with database.transaction() as tx:
        await tx.expectations.expect(question("reject_reason"))
        await tx.expectations.expect(question("reject_note"))
        live = await tx.expectations.take("E1", START)
        assert live is not None
        assert (live.question, live.args) == ("reject_note", {"line": 2})
        assert await tx.expectations.take("E1", START + timedelta(minutes=10)) is None
        await tx.expectations.clear("E1")
        assert await tx.expectations.take("E1", START) is None
        await tx.expectations.expect(question("short_reason"))


async def test_orders_are_found_by_what_people_know_of_them(database: SqlDatabase) -> None:
    async with database.transaction() as tx:
        for n, status in enumerate((OrderStatus.DRAFT, OrderStatus.APPROVED, OrderStatus.APPROVED), start=1):
            await tx.orders.add(
                an_order(f"SO260220-{n:04}", status=status, customer_code="K1", fingerprint="f", warehouse=f"SH{n}",
                         created_at=START + timedelta(minutes=n))
            )
        with pytest.raises(ValueError, match="SO260220-0002"):
            await tx.orders.add(an_order("SO260220-0002", source_key="wecom:m:other"))
    newest_first = ["SO260220-0003", "SO260220-0002", "SO260220-0001"]

    async with database.reading() as tx:
        assert [o.number for o in await tx.orders.ending_with("0002")] == ["SO260220-0002"]
        assert await tx.orders.ending_with("%") == []
        assert [o.number for o in await tx.orders.of_owner("E0001")] == newest_first
        assert [o.number for o in await tx.orders.of_owner("E0001", OrderStatus.DRAFT)] == ["SO260220-0001"]
        assert [o.number for o in await tx.orders.of_customer("K1", limit=1)] == newest_first[:1]
        since = START + timedelta(minutes=2)
        assert [o.number for o in await tx.orders.by_fingerprint("f", since=since)] == newest_first[:2]
        assert [o.number for o in await tx.orders.in_status(OrderStatus.APPROVED)] == newest_first[1::-1]
        assert [o.number for o in await tx.orders.in_status(OrderStatus.APPROVED, warehouse="SH3")] == newest_first[:1]
        by_source = await tx.orders.by_source("wecom:m:SO260220-0001")
        assert by_source is not None
        assert by_source.number == "SO260220-0001"


async def test_attachments_and_allocations_are_kept(database: SqlDatabase) -> None:
    picture = Attachment(sha256="a" * 64, kind="image", filename="单.jpg", size=12, by="E1", at=START)
    async with database.transaction() as tx:
        assert await tx.attachments.add(picture)
        assert not await tx.attachments.add(picture)
        await tx.stock.receive([a_lot()], by="E1", at=START, ref="RK1")
        (lot,) = await tx.stock.in_bin("SH1", "A-03-12-4-02")
        added = await tx.stock.add_allocation(
            Allocation(order_number=NUMBER, line_id=1, lot_id=lot.id or 0, lot_no=lot.lot_no, part_number="P",
                       warehouse="SH1", bin=lot.bin, quantity=4, state=AllocationState.HELD)
        )
        added.state = AllocationState.PICKED

    async with database.reading() as tx:
        assert await tx.attachments.get("a" * 64) == picture
        assert await tx.attachments.get("b" * 64) is None
        assert [a.state for a in await tx.stock.allocations(NUMBER)] == [AllocationState.PICKED]
