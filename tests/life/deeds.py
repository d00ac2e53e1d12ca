"""What people may do next: a wish is drawn, the state of the desk makes a message of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import TypeVar

from cards.keys import Verb
from core.approvals import STEP_ROLE, RequestState, Verdict
from core.expedite import Level
from core.inbound import RawInbound
from core.orders import CLOSED, OrderStatus
from core.people import Role
from core.waves import PickListState, TaskState
from tests.cards.real_cards import KEYS
from tests.life.books import Books
from tests.life.messages import pressed, typed
from tests.life.model import IN_PICKING, Model, OrderLife, Question, Who, slot

T = TypeVar("T")

PEOPLE = (
    Who(id="E01", role=Role.SALES),
    Who(id="E02", role=Role.SALES),
    Who(id="E05", role=Role.SUPERVISOR),
    Who(id="E06", role=Role.TECH),
    Who(id="E07", role=Role.TECH),
    Who(id="E08", role=Role.TECH_DIRECTOR),
    Who(id="E09", role=Role.SALES_DIRECTOR),
    Who(id="E10", role=Role.PICKER),
    Who(id="E11", role=Role.PICKER),
)
ORDERS = (
    "K0231 04465-0K240 5个, 后天要",
    "K0031 90915-YZZD4 20个, 后天要",
    "K0231 04465-0K240 4个\n17801-21050 6个\n后天要",
    "K0231 04465-0K240 20个, 后天要",
    "K0231 17801-21050 90个, 后天要",  # more than twice the safety stock: a supervisor first
    "K0231 HT-9001 5个, 后天要",  # nothing there: no wave takes it
    "K0231 90915-XXXX9 8个, 后天要",  # a part nobody knows: red
    "K0107 04465-0K240 5个, 后天要",  # a frozen customer: red
)
LEVELS = {"红": Level.RED, "橙": Level.ORANGE, "黄": Level.YELLOW}


class Deed(StrEnum):
    ORDER = "order"
    CORRECT = "correct"
    SUBMIT = "submit"
    CANCEL = "cancel"
    REOPEN = "reopen"
    DECIDE = "decide"
    EXPEDITE = "expedite"
    CLAIM = "claim"
    PICK = "pick"
    SHORT = "short"
    SCAN = "scan"
    NEXT = "next"  # whatever brings an order one step nearer to the door


@dataclass(frozen=True, kw_only=True)
class Wish:
    """``which`` chooses the subject, ``who`` the person (0: the one who should), ``value`` the rest."""

    deed: Deed
    which: int
    who: int
    value: int
    stale: bool
    press: bool


@dataclass(frozen=True, kw_only=True)
class Message:
    """An inbound, and what it ought to do. ``happen`` is False when it is refused."""

    raw: RawInbound
    card: str
    happen: Callable[[Model, Books, datetime], bool]


@dataclass(frozen=True, kw_only=True)
class Scene:
    """The moment in which a wish becomes a message."""

    model: Model
    books: Books
    now: datetime
    nth: int
    wish: Wish

    def message(self) -> Message | None:
        """None when the desk has nothing that this deed could be done to."""
        return DEEDS[self.wish.deed](self)

    def one_of(self, things: Sequence[T]) -> T | None:
        return things[self.wish.which % len(things)] if things else None

    def by(self, right: Who) -> Who:
        return PEOPLE[self.wish.who % len(PEOPLE)] if self.wish.who else right

    def types(self, who: Who, words: str, happen: Callable[..., bool], *args: object) -> Message:
        raw = typed(who.account, words, nth=self.nth, at=self.now)
        return Message(raw=raw, card="", happen=_later(happen, who, *args))

    def presses(self, who: Who, key: str, happen: Callable[..., bool], *args: object, reason: str = "") -> Message:
        card = f"c{self.nth}"
        raw = pressed(who.account, key, card_id=card, nth=self.nth, at=self.now, reason=reason)
        return Message(raw=raw, card=card, happen=_later(happen, who, *args))

    def seen(self, revision: int) -> int:
        """The revision on the card that is pressed: an old one, when the wish is stale and there was one."""
        return revision - 1 if self.wish.stale and revision > 1 else revision


def _later(happen: Callable[..., bool], who: Who, *args: object) -> Callable[[Model, Books, datetime], bool]:
    def run(model: Model, books: Books, now: datetime) -> bool:
        return happen(model, books, now, who, *args)

    return run


def person(person_id: str) -> Who:
    return next(p for p in PEOPLE if p.id == person_id)


def _order(scene: Scene) -> Message:
    who = PEOPLE[scene.wish.who % 2]
    text = ORDERS[scene.wish.value % len(ORDERS)]
    return scene.types(who, text, Model.drafted, f"wecom:m:{scene.nth}")


def _correct(scene: Scene) -> Message | None:
    order = scene.one_of(list(scene.model.orders.values()))
    if order is None:
        return None
    pieces = 10 * (1 + scene.wish.value % 3)
    words = f"修订 {order.number} 1行 数量 {pieces}"
    return scene.types(scene.by(person(order.owner)), words, Model.corrected, order.number, pieces)


def _submit(scene: Scene) -> Message | None:
    order = scene.one_of([o for o in scene.model.orders.values() if o.status is OrderStatus.DRAFT or scene.wish.stale])
    return None if order is None else _submit_this(scene, order)


def _submit_this(scene: Scene, order: OrderLife) -> Message:
    who = scene.by(person(order.owner))
    if not scene.wish.press:
        return scene.types(who, f"确认 {order.number}", Model.submitted, order.number, None)
    revision = scene.seen(order.revision)
    key = KEYS.make(Verb.SUBMIT, order.number, revision=revision)
    return scene.presses(who, key, Model.submitted, order.number, revision)


def _cancel(scene: Scene) -> Message | None:
    order = scene.one_of(list(scene.model.orders.values()))
    if order is None:
        return None
    return scene.types(scene.by(person(order.owner)), f"作废 {order.number}", Model.cancelled, order.number)


def _reopen(scene: Scene) -> Message | None:
    order = scene.one_of(list(scene.model.orders.values()))
    if order is None:
        return None
    revision = scene.seen(order.revision)
    key = KEYS.make(Verb.REOPEN, order.number, revision=revision)
    return scene.presses(scene.by(person(order.owner)), key, Model.reopened, order.number, revision)


def _decide(scene: Scene) -> Message | None:
    live = [q for q in scene.model.questions.values() if q.state is RequestState.OPEN or scene.wish.stale]
    question = scene.one_of(live)
    if question is None:
        return None
    return _decide_this(scene, question, Verdict.REJECTED if scene.wish.value % 4 == 0 else Verdict.APPROVED)


def _decide_this(scene: Scene, question: Question, verdict: Verdict) -> Message:
    role = STEP_ROLE[question.step]
    who = scene.by(scene.one_of([p for p in PEOPLE if p.role is role]) or PEOPLE[0])
    if not scene.wish.press:
        last = max(q.id for q in scene.model.questions.values() if q.number == question.number)
        words = "同意 {}" if verdict is Verdict.APPROVED else "驳回 {} 车型不符"
        return scene.types(who, words.format(question.number), Model.decided, last, verdict, None)
    revision = scene.seen(scene.model.orders[question.number].revision)
    verb = Verb.APPROVE if verdict is Verdict.APPROVED else Verb.REJECT_REASON
    key = KEYS.make(verb, str(question.id), revision=revision)
    return scene.presses(who, key, Model.decided, question.id, verdict, revision, reason="R01")


def _expedite(scene: Scene) -> Message | None:
    order = scene.one_of(list(scene.model.orders.values()))
    if order is None:
        return None
    word = "红橙黄"[scene.wish.value % 3]
    hour, minute, tomorrow = 8 + scene.wish.value % 14, scene.wish.value % 60, scene.wish.value % 4 == 0
    words = f"加急 {order.number} {word} {'明天 ' if tomorrow else ''}{hour}:{minute:02} 竞品抢单"

    def happen(model: Model, books: Books, now: datetime, who: Who) -> bool:
        return model.expedited(books, now, who, order.number, LEVELS[word], slot(now, hour, minute, tomorrow=tomorrow))

    return scene.types(scene.by(person(order.owner)), words, happen)


def _claim(scene: Scene) -> Message | None:
    number = scene.one_of([n for n, (state, _) in scene.model.lists.items() if state is PickListState.OPEN])
    number = number or scene.one_of(list(scene.model.lists))
    if number is None:
        return None
    picker = PEOPLE[7 + scene.wish.who % 2]
    return scene.types(picker, f"领 {number}", Model.claimed, number)


def _at_stop(scene: Scene, verb: Verb) -> Message | None:
    lists = [n for n, (state, _) in scene.model.lists.items() if state is PickListState.CLAIMED]
    number = scene.one_of(lists)
    if number is None:
        return None
    tasks = scene.books.lists[number].tasks
    task = tasks[scene.wish.value % len(tasks)]
    picker = scene.by(person(scene.model.lists[number][1]))
    picker = picker if picker.role is Role.PICKER else PEOPLE[7]
    key = KEYS.make(verb, number, arg=str(task.id))
    happen = Model.picked if verb is Verb.PICKED else Model.short
    return scene.presses(picker, key, happen, number, task.id, reason="S01")


def _scan(scene: Scene) -> Message | None:
    tasks = scene.books.tasks()
    lots = [tasks[i].lot_no for i, state in scene.model.tasks.items() if state in IN_PICKING or scene.wish.stale]
    lot_no = scene.one_of(lots)
    if lot_no is None:
        return None
    holders = [p for s, p in scene.model.lists.values() if s is PickListState.CLAIMED]
    picker = PEOPLE[7 + scene.wish.who % 2] if scene.wish.who or not holders else person(holders[0])
    return scene.types(picker, f"出 {lot_no}", Model.scanned, lot_no)


def _next(scene: Scene) -> Message | None:
    """The step that an unfinished order waits for, by the person who should take it."""
    order = scene.one_of([o for o in scene.model.orders.values() if o.status not in CLOSED])
    if order is None:
        return _order(scene)
    if order.status is OrderStatus.APPROVED:
        return None
    if order.status is OrderStatus.DRAFT:
        return _submit_this(scene, order)
    if order.status is OrderStatus.REJECTED:
        return _correct(scene)
    for question in scene.model.questions.values():
        if question.number == order.number and question.state is RequestState.OPEN:
            return _decide_this(scene, question, Verdict.APPROVED)
    number = next(
        n
        for n, (state, _) in scene.model.lists.items()
        if state is not PickListState.DONE and order.number in scene.books.lists[n].orders
    )
    state, holder = scene.model.lists[number]
    if state is PickListState.OPEN:
        return scene.types(PEOPLE[7 + scene.wish.who % 2], f"领 {number}", Model.claimed, number)
    task = next(
        (
            x
            for x in scene.books.lists[number].tasks
            if x.order_number == order.number and scene.model.tasks[x.id or 0] in (TaskState.OPEN, TaskState.PICKED)
        ),
        None,
    )
    if task is None:
        return None
    return scene.types(person(holder), f"出 {task.lot_no}", Model.scanned, task.lot_no)


DEEDS: dict[Deed, Callable[[Scene], Message | None]] = {
    Deed.ORDER: _order,
    Deed.CORRECT: _correct,
    Deed.SUBMIT: _submit,
    Deed.CANCEL: _cancel,
    Deed.REOPEN: _reopen,
    Deed.DECIDE: _decide,
    Deed.EXPEDITE: _expedite,
    Deed.CLAIM: _claim,
    Deed.PICK: partial(_at_stop, verb=Verb.PICKED),
    Deed.SHORT: partial(_at_stop, verb=Verb.SHORT_REASON),
    Deed.SCAN: _scan,
    Deed.NEXT: _next,
}
