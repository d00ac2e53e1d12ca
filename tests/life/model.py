"""What ought to be true: a small order desk in memory that every worked message changes, or does not.

It says itself what a person's act does to status, trail, questions and deadlines. What only the planner or the rules
of the desk can know (which order a wave takes, whether a draft is clean) it reads from the books and judges.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from core.approvals import ESCALATION_ROLE, STEP_ROLE, RequestState, Step, Verdict
from core.clock import local
from core.expedite import Level
from core.findings import Severity
from core.orders import OrderStatus
from core.people import Role
from core.rules import Rules
from core.waves import PickListState, TaskState
from core.workcalendar import DEMO_DAYS, WorkCalendar
from tests.life.books import Books, DeadlineKey

RULES = Rules()
CALENDAR = WorkCalendar(DEMO_DAYS)
UNDECIDED = frozenset({OrderStatus.PENDING, OrderStatus.REJECTED, OrderStatus.APPROVED})
IN_PICKING = (TaskState.OPEN, TaskState.PICKED)


@dataclass(frozen=True, kw_only=True)
class Who:
    """A person of the small desk."""

    id: str
    role: Role

    @property
    def account(self) -> str:
        return f"{self.id.lower()}-wecom"


@dataclass(kw_only=True)
class OrderLife:
    number: str
    owner: str
    status: OrderStatus
    trail: list[str]
    revision: int = 1
    lit: bool = False
    """A fuse is burning."""
    level: str = ""
    lit_by: str = ""


@dataclass(kw_only=True)
class Question:
    id: int
    number: str
    revision: int
    step: Step
    state: RequestState = RequestState.OPEN
    deputies: bool = False
    """The step's director may decide too."""
    verdict: tuple[Verdict, str] | None = None


@dataclass(kw_only=True)
class Model:
    opening: dict[int, int]
    """Lot → pieces on hand at the start."""
    before: Books
    """The books as they were when the last message was done."""
    orders: dict[str, OrderLife] = field(default_factory=dict)
    questions: dict[int, Question] = field(default_factory=dict)
    lists: dict[str, tuple[PickListState, str]] = field(default_factory=dict)
    tasks: dict[int, TaskState] = field(default_factory=dict)
    armed: dict[DeadlineKey, datetime] = field(default_factory=dict)
    out: Counter[int] = field(default_factory=Counter)
    """Lot → pieces that were scanned out."""
    refused: Counter[str] = field(default_factory=Counter)
    """Card → presses that were refused."""

    # ------------------------------------------------------------ drafts

    def drafted(self, books: Books, now: datetime, who: Who, source_key: str) -> bool:
        (order,) = books.from_source(source_key)
        assert order.number not in self.orders, "a message made an order twice"
        assert order.owner_id == who.id
        self.orders[order.number] = OrderLife(
            number=order.number, owner=who.id, status=OrderStatus.DRAFT, trail=["order.drafted"]
        )
        self._watch_draft(order.number, now)
        return True

    def corrected(self, books: Books, now: datetime, who: Who, number: str, pieces: int) -> bool:
        order = self.orders[number]
        if order.owner != who.id or order.status not in UNDECIDED | {OrderStatus.DRAFT}:
            return False
        if order.status is not OrderStatus.DRAFT:
            self._reopen(order, now)
        order.trail.append("order.corrected")
        assert books.orders[number].line(1).quantity == pieces
        return True

    def reopened(self, books: Books, now: datetime, who: Who, number: str, revision: int) -> bool:
        order = self.orders[number]
        if revision != order.revision or order.owner != who.id:
            return False
        if order.status in UNDECIDED:
            self._reopen(order, now)
        return order.status is OrderStatus.DRAFT

    def submitted(self, books: Books, now: datetime, who: Who, number: str, revision: int | None) -> bool:
        order = self.orders[number]
        if revision not in (None, order.revision) or order.owner != who.id or order.status is not OrderStatus.DRAFT:
            return False
        if books.orders[number].open_findings(Severity.RED):
            return True
        order.status = OrderStatus.PENDING
        order.trail += ["order.submitted"]
        self._forget(number, "draft_unsubmitted")
        waiver = books.orders[number].open_findings(Severity.SUPERVISOR)
        self._ask(books, now, order, Step.SUPERVISOR if waiver else Step.TECH)
        return True

    def cancelled(self, books: Books, now: datetime, who: Who, number: str) -> bool:
        order = self.orders[number]
        if order.owner != who.id or order.status not in UNDECIDED | {OrderStatus.DRAFT}:
            return False
        order.status = OrderStatus.CANCELLED
        order.lit = False
        self._withdraw(number)
        self._forget(number)
        order.trail.append("order.cancelled")
        return True

    # ------------------------------------------------------------ decisions

    def decided(
        self, books: Books, now: datetime, who: Who, question_id: int, verdict: Verdict, revision: int | None
    ) -> bool:
        question = self.questions[question_id]
        order = self.orders[question.number]
        entitled = {STEP_ROLE[question.step]} | ({ESCALATION_ROLE[question.step]} if question.deputies else set())
        if revision not in (None, order.revision) or who.role not in entitled:
            return False
        if question.state is not RequestState.OPEN:
            return False
        question.state, question.verdict = RequestState.DECIDED, (verdict, who.id)
        self._forget(f"ap:{question_id}")
        order.trail.append("approval.decided")
        if verdict is Verdict.REJECTED:
            order.status = OrderStatus.REJECTED
        elif question.step is Step.SUPERVISOR:
            self._ask(books, now, order, Step.TECH)
        else:
            order.status = OrderStatus.APPROVED
            self._plan_at_once(order, now)
        return True

    # ------------------------------------------------------------ expedite

    def expedited(self, books: Books, now: datetime, who: Who, number: str, level: Level, at: datetime) -> bool:
        order = self.orders[number]
        if order.owner != who.id or order.status not in (
            OrderStatus.PENDING,
            OrderStatus.APPROVED,
            OrderStatus.RELEASED,
            OrderStatus.PICKING,
        ):
            return False
        parts = {x.part_number for x in self.before.orders[number].lines} - {""}
        stock = sum(x.available for x in self.before.lots.values() if x.part_number in parts)
        if order.status in (OrderStatus.PENDING, OrderStatus.APPROVED) and not stock:
            return False
        reds = [
            o
            for o in self.orders.values()
            if o.lit and o.level == Level.RED.value and o.lit_by == who.id and o.number != number
        ]
        if at <= now or (level is Level.RED and len(reds) >= RULES.max_reds):
            return False
        order.lit, order.level, order.lit_by = True, level.value, who.id
        order.trail.append("expedite.lit")
        self._plan_at_once(order, now)
        self._forget(number, "expedite_at_risk", "expedite_final")
        for step, ahead in (("1h", 1), ("0h", 0)):
            if at - timedelta(hours=ahead) > now:
                self.armed["expedite_final", number, step] = at - timedelta(hours=ahead)
        at_risk = at - timedelta(hours=RULES.expedite_alarm_hours)
        if at_risk > now:
            self.armed["expedite_at_risk", number, ""] = at_risk
        else:
            order.trail.append("expedite.escalated")
        return True

    # ------------------------------------------------------------ warehouse

    def claimed(self, books: Books, now: datetime, who: Who, number: str) -> bool:
        if self.lists[number][0] is not PickListState.OPEN:
            return False
        self.lists[number] = (PickListState.CLAIMED, who.id)
        self._forget(number)
        for order in self._orders_on(books, number):
            assert order.status is OrderStatus.RELEASED
            order.status = OrderStatus.PICKING
            order.trail.append("pick.claimed")
        return True

    def picked(self, books: Books, now: datetime, who: Who, number: str, task_id: int) -> bool:
        if self.lists[number] != (PickListState.CLAIMED, who.id) or self.tasks[task_id] is not TaskState.OPEN:
            return False
        self.tasks[task_id] = TaskState.PICKED
        self.orders[books.tasks()[task_id].order_number].trail.append("pick.picked")
        return True

    def short(self, books: Books, now: datetime, who: Who, number: str, task_id: int) -> bool:
        if self.lists[number] != (PickListState.CLAIMED, who.id) or self.tasks[task_id] is not TaskState.OPEN:
            return False
        self.tasks[task_id] = TaskState.SHORT
        task = books.tasks()[task_id]
        self.orders[task.order_number].trail.append("pick.short")
        added = [x for x in books.lists[number].tasks if x.id not in self.tasks]
        assert {(x.order_number, x.line_id, x.part_number) for x in added} <= {
            (task.order_number, task.line_id, task.part_number)
        }
        assert sum(x.quantity for x in added) <= task.quantity
        self.tasks |= {x.id or 0: TaskState.OPEN for x in added}
        self._close(books, number)
        return True

    def scanned(self, books: Books, now: datetime, who: Who, lot_no: str) -> bool:
        tasks = books.tasks()
        wanted = [i for i, state in self.tasks.items() if state in IN_PICKING and tasks[i].lot_no == lot_no]
        mine = {n for n, held in self.lists.items() if held == (PickListState.CLAIMED, who.id)}
        wanted = [i for i in wanted if any(i == x.id for n in mine for x in books.lists[n].tasks)]
        if not wanted:
            return False
        out = [i for i in wanted if tasks[i].state is TaskState.SHIPPED]
        assert out, "the right lot was scanned and nothing went out"
        for task_id in out:
            task = tasks[task_id]
            self.tasks[task_id] = TaskState.SHIPPED
            (lot_id,) = {a.lot_id for a in books.allocations if a.id == task.allocation_id}
            self.out[lot_id] += task.quantity
            self.orders[task.order_number].trail.append("pick.scanned_out")
        (number,) = {n for n in mine for x in books.lists[n].tasks if x.id in out}
        self._close(books, number)
        return True

    # ------------------------------------------------------------ time

    def ticked(self, books: Books, now: datetime) -> None:
        """Everything due has fired once, and a wave may have been formed."""
        fired = {key for key, due in self.armed.items() if due <= now}
        for key in fired:
            del self.armed[key]
        climbed = {ref for kind, ref, _ in fired if kind == "approval_due"}
        for question in self.questions.values():
            question.deputies |= f"ap:{question.id}" in climbed
        for number, order in self.orders.items():
            told = Counter(books.trail(number)[len(order.trail) :])
            asked = [q for q in self.questions.values() if q.number == number and f"ap:{q.id}" in climbed]
            alarms = sum(1 for kind, ref, _ in fired if ref == number and kind.startswith("expedite"))
            assert told.pop("order.unsubmitted", 0) == (("draft_unsubmitted", number, "") in fired)
            assert told.pop("approval.escalated", 0) == len(asked)
            assert (alarms > 0) <= told.pop("expedite.escalated", 0) <= alarms
            released = order.status is OrderStatus.APPROVED and books.orders[number].status is OrderStatus.RELEASED
            assert told.pop("order.released", 0) == released
            assert told.pop("order.left_out", 0) <= (order.status is OrderStatus.APPROVED and not released)
            assert not +told, f"{number}: nobody did {told}"
            order.trail = books.trail(number)
            if released:
                order.status = OrderStatus.RELEASED
        for number, pick_list in books.lists.items():
            if number not in self.lists:
                self.lists[number] = (PickListState.OPEN, "")
                self.tasks |= {x.id or 0: TaskState.OPEN for x in pick_list.tasks}
                due = pick_list.created_at + timedelta(minutes=RULES.claim_minutes)
                self.armed["pick_unclaimed", number, ""] = due

    # ------------------------------------------------------------ pieces

    def _watch_draft(self, number: str, now: datetime) -> None:
        self.armed["draft_unsubmitted", number, ""] = CALENDAR.add_business_hours(now, RULES.draft_hours)

    def _reopen(self, order: OrderLife, now: datetime) -> None:
        self._withdraw(order.number)
        order.status = OrderStatus.DRAFT
        order.revision += 1
        order.trail.append("order.reopened")
        self._watch_draft(order.number, now)

    def _ask(self, books: Books, now: datetime, order: OrderLife, step: Step) -> None:
        (request,) = [
            r
            for r in books.requests.values()
            if (r.order_number, r.revision, r.step) == (order.number, order.revision, step)
        ]
        assert request.id is not None
        assert request.id not in self.questions
        self.questions[request.id] = Question(id=request.id, number=order.number, revision=order.revision, step=step)
        due = CALENDAR.add_business_hours(now, RULES.approval_hours)
        remind = due - timedelta(minutes=RULES.approval_reminder_minutes)
        self.armed["approval_due", f"ap:{request.id}", ""] = due
        if remind > now:
            self.armed["approval_reminder", f"ap:{request.id}", ""] = remind
        order.trail.append("approval.asked")

    def _withdraw(self, number: str) -> None:
        for question in self.questions.values():
            if question.number == number and question.state is RequestState.OPEN:
                question.state = RequestState.WITHDRAWN
                self._forget(f"ap:{question.id}")

    def _forget(self, ref: str, *kinds: str) -> None:
        for key in [k for k in self.armed if k[1] == ref and (not kinds or k[0] in kinds)]:
            del self.armed[key]

    def _plan_at_once(self, order: OrderLife, now: datetime) -> None:
        if order.level == Level.RED.value and order.status is OrderStatus.APPROVED:
            self.armed["wave_now", order.number, ""] = now

    def _orders_on(self, books: Books, number: str) -> list[OrderLife]:
        return [self.orders[n] for n in books.lists[number].orders]

    def _close(self, books: Books, number: str) -> None:
        """Orders of the list that have nothing left to fetch leave, or wait for the next wave."""
        tasks = books.lists[number].tasks
        still = {x.order_number for x in tasks if self.tasks[x.id or 0] in IN_PICKING}
        for order in self._orders_on(books, number):
            if order.number in still or order.status is not OrderStatus.PICKING:
                continue
            if any(x.order_number == order.number and self.tasks[x.id or 0] is TaskState.SHIPPED for x in tasks):
                self._leave(books, order)
            else:
                order.status = OrderStatus.APPROVED
                order.trail.append("order.sent_back")
        if not still:
            self.lists[number] = (PickListState.DONE, self.lists[number][1])

    def _leave(self, books: Books, order: OrderLife) -> None:
        order.status = OrderStatus.SHIPPED
        order.lit = False
        order.trail.append("order.shipped")
        self._forget(order.number)
        if any(x.short for x in books.orders[order.number].lines):
            (rest,) = books.from_source(f"backorder:{order.number}")
            self.orders[rest.number] = OrderLife(
                number=rest.number, owner=order.owner, status=OrderStatus.APPROVED, trail=["order.backordered"]
            )
            order.trail.append("order.rest_open")


def slot(now: datetime, hour: int, minute: int, *, tomorrow: bool) -> datetime:
    """The moment that “15:30” or “明天 9:05” names at ``now``."""
    return local(now).replace(hour=hour, minute=minute, second=0, microsecond=0) + timedelta(days=int(tomorrow))
