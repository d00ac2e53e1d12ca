"""Compares what the platforms saw with what the database holds. Pure: two records in, one verdict out."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from math import ceil

OUTAGE_GRACE = timedelta(seconds=3)
"""A deadline that falls due while the database is away fires when it is back; then it has this long."""
LATEST = timedelta(seconds=30)
"""Later than this after its time, or after the database came back, a deadline has failed its purpose."""
REPEAT = "(重发)"
"""What words carry that are sent again although the first try may have arrived."""
AS_GOOD_AS_ONE = timedelta(milliseconds=20)
"""Two clocks read one after the other on one machine may differ by so much."""


# ---------------------------------------------------------------- what the platforms saw


@dataclass(frozen=True, kw_only=True)
class SeenOrder:
    """One order message."""

    source: str
    """``wecom:m:…``: platform and key, as the order store writes it."""
    conversation: str
    said_at: datetime
    answered_at: datetime | None
    """When the platform first had the bot's answer; None when it gave up."""
    given_up: bool
    number: str
    """On the draft card on the phone; empty when none came."""
    submitted: bool


@dataclass(frozen=True, kw_only=True)
class SeenCard:
    """One card as it lies on one phone at the end."""

    user: str
    card_id: str
    number: str
    live: tuple[str, ...]
    """Texts of the buttons that still call."""

    @property
    def kind(self) -> str:
        return self.card_id.partition("-")[0]


@dataclass(frozen=True, kw_only=True)
class SeenText:
    """One bubble of words on one phone."""

    user: str
    text: str
    at: datetime
    keyed: bool
    """Sent through an API that recognises a repeat by itself."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """All of it."""

    orders: Sequence[SeenOrder]
    cards: Sequence[SeenCard]
    texts: Sequence[SeenText]
    silently_dropped: int = 0
    violations: Sequence[str] = ()


# ---------------------------------------------------------------- what the database holds


@dataclass(frozen=True, kw_only=True)
class StoredOrder:
    id: int
    number: str
    source: str
    status: str


@dataclass(frozen=True, kw_only=True)
class StoredDeadline:
    id: int
    kind: str
    ref: str
    due_at: datetime
    fired_at: datetime | None
    state: str


@dataclass(frozen=True, kw_only=True)
class Stored:
    """All of it. ``effects``: (ref, action) → how often the trace holds it. ``fresh``: (kind, number) → further
    generations of a card that the ledger explains."""

    orders: Sequence[StoredOrder]
    deadlines: Sequence[StoredDeadline]
    effects: Counter[tuple[str, str]]
    fresh: Counter[tuple[str, str]] = field(default_factory=Counter)
    decisions: Counter[str] = field(default_factory=Counter)
    """Approval requests → decisions on them."""
    broken_chains: Sequence[str] = ()
    parked: int = 0
    unsent: int = 0
    unworked: int = 0
    said: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(account, words) → how many deliveries of these words are recorded: each may lie on the phone once."""
    missing_timers: Sequence[str] = ()
    """Obligations without a live deadline."""


@dataclass(frozen=True, kw_only=True)
class Outage:
    """The database was away for everybody."""

    start: datetime
    end: datetime


# ---------------------------------------------------------------- the verdict


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Counts, and for each kind of fault the first few that were found."""

    orders_sent: int
    orders_accepted: int
    lost: list[str]
    doubled: list[str]
    shown_twice: list[str]
    given_up: list[str]
    """By the platform, and not in the store."""
    given_up_stored: int
    """By the platform, whose last answer did not arrive, and yet in the store: an order like any other."""
    out_of_order: list[str]
    stale_cards: list[str]
    unseen: list[str]
    unmarked_repeats: list[str]
    marked_repeats: int
    deadlines_fired: int
    deadlines_early: list[str]
    deadlines_doubled: list[str]
    deadlines_late: list[str]
    deadlines_missed: list[str]
    lateness_ms: list[int]
    outage_lateness_ms: list[int]
    other: list[str]

    @property
    def faults(self) -> dict[str, list[str]]:
        """Everything that must be empty, by name."""
        names = (
            "lost",
            "doubled",
            "shown_twice",
            "given_up",
            "out_of_order",
            "stale_cards",
            "unseen",
            "unmarked_repeats",
            "deadlines_early",
            "deadlines_doubled",
            "deadlines_late",
            "deadlines_missed",
            "other",
        )
        return {name: found for name in names if (found := getattr(self, name))}

    @property
    def bound_95(self) -> float:
        """Rule of three: with 0 lost of N, the true share is below 3/N at 95 %."""
        return 3 / self.orders_accepted if self.orders_accepted else 1.0


def percentile(values: Sequence[float], share: float) -> float:
    """Nearest rank; 0.0 of nothing."""
    ordered = sorted(values)
    return float(ordered[max(0, ceil(share * len(ordered)) - 1)]) if ordered else 0.0


def check(
    seen: Seen, stored: Stored, *, now: datetime, outages: Sequence[Outage] = (), latest: timedelta = LATEST
) -> Verdict:
    """Everything that is wrong between the two records."""
    by_source: dict[str, list[StoredOrder]] = defaultdict(list)
    for order in stored.orders:
        by_source[order.source].append(order)
    given_up = [o for o in seen.orders if o.given_up]
    accepted = [o for o in seen.orders if not o.given_up or o.source in by_source]
    calm, stormy = _lateness(stored.deadlines, outages)
    return Verdict(
        orders_sent=len(seen.orders),
        orders_accepted=len(accepted),
        lost=[o.source for o in accepted if o.source not in by_source],
        doubled=_doubled(seen, stored, by_source),
        shown_twice=_shown_twice(seen.cards, stored.fresh),
        given_up=[o.source for o in given_up if o.source not in by_source],
        given_up_stored=sum(1 for o in given_up if o.source in by_source),
        out_of_order=_out_of_order(accepted, by_source),
        stale_cards=_stale(seen.cards, stored.orders),
        unseen=[o.source for o in accepted if o.source in by_source and not o.number],
        unmarked_repeats=_unmarked_repeats(seen.texts, stored.said),
        marked_repeats=sum(1 for text in seen.texts if REPEAT in text.text),
        deadlines_fired=sum(1 for d in stored.deadlines if d.fired_at is not None),
        deadlines_early=_early(seen.texts, stored.deadlines),
        deadlines_doubled=_fired_twice(seen.texts, stored),
        deadlines_late=[
            f"{d.kind} {d.ref}: {late.total_seconds():.1f} s"
            for d in stored.deadlines
            if (late := _late(d, outages)) is not None and late > latest
        ],
        deadlines_missed=[
            f"{d.kind} {d.ref}" for d in stored.deadlines if d.state == "armed" and d.due_at < now - OUTAGE_GRACE
        ],
        lateness_ms=calm,
        outage_lateness_ms=stormy,
        other=_other(seen, stored),
    )


def _doubled(seen: Seen, stored: Stored, by_source: dict[str, list[StoredOrder]]) -> list[str]:
    """By the store: two orders of one message, or one of a message that nobody sent. By the phones: two messages of
    one person answered with the same order, or a decision taken twice."""
    sent = {o.source for o in seen.orders}
    found = [f"{source}: {len(orders)} orders" for source, orders in by_source.items() if len(orders) > 1]
    found += [
        f"{order.number}: from {order.source}, which nobody sent" for order in stored.orders if order.source not in sent
    ]
    numbers = Counter(o.number for o in seen.orders if o.number)
    found += [f"{number} answers {times} messages" for number, times in numbers.items() if times > 1]
    found += [f"request {request}: {times} decisions" for request, times in stored.decisions.items() if times > 1]
    submitted = {
        key: n for key, n in stored.effects.items() if key[1] in ("order.submitted", "order.drafted") and n > 1
    }
    return found + [f"{ref}: {times} × {action}" for (ref, action), times in submitted.items()]


def _shown_twice(cards: Iterable[SeenCard], fresh: Counter[tuple[str, str]]) -> list[str]:
    copies = Counter((card.user, card.card_id) for card in cards)
    found = [
        f"{card_id} lies {times} times on the phone of {user}" for (user, card_id), times in copies.items() if times > 1
    ]
    ids: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for card in cards:
        if card.number:
            ids[card.user, card.kind, card.number].add(card.card_id)
    return found + [
        f"{user} has {len(several)} {kind} cards of {number}"
        for (user, kind, number), several in ids.items()
        if len(several) > 1 + fresh[kind, number]
    ]


def _out_of_order(accepted: Sequence[SeenOrder], by_source: dict[str, list[StoredOrder]]) -> list[str]:
    """In a conversation, a message that was said after another had been answered, and became an order before it."""
    conversations: dict[str, list[SeenOrder]] = defaultdict(list)
    for order in accepted:
        if order.source in by_source:
            conversations[order.conversation].append(order)
    found = []
    for said in conversations.values():
        said.sort(key=lambda o: o.said_at)
        for earlier, later in pairwise(said):
            answered = earlier.answered_at is not None and earlier.answered_at <= later.said_at
            if answered and by_source[earlier.source][0].id > by_source[later.source][0].id:
                found.append(f"{later.source} overtook {earlier.source}")
    return found


def _stale(cards: Iterable[SeenCard], orders: Sequence[StoredOrder]) -> list[str]:
    """A button that still calls although the step is over, or is missing although it is open."""
    status = {order.number: order.status for order in orders}
    found = []
    for card in cards:
        is_at = status.get(card.number)
        if is_at is None:
            continue
        if card.kind == "so" and ("确认提交" in card.live) != (is_at == "draft"):
            found.append(f"{card.number} is {is_at}, its draft card on the phone of {card.user} offers {card.live}")
        if card.kind == "ap" and ("通过" in card.live) != (is_at == "pending"):
            found.append(f"{card.number} is {is_at}, its approval card on the phone of {card.user} offers {card.live}")
    return found


def _unmarked_repeats(texts: Iterable[SeenText], said: Counter[tuple[str, str]]) -> list[str]:
    """The same words more often on one phone than they were meant to be said: a repeat carries a mark where the
    platform does not recognise it by itself."""
    times = Counter((t.user, t.text) for t in texts if REPEAT not in t.text)
    return [f"{n} times to {user}: {text[:60]}" for (user, text), n in times.items() if n > max(1, said[user, text])]


def _early(texts: Iterable[SeenText], deadlines: Sequence[StoredDeadline]) -> list[str]:
    """By the store, and by when the words lay on a phone."""
    found = [
        f"{d.kind} {d.ref}: {(d.due_at - d.fired_at).total_seconds():.3f} s"
        for d in deadlines
        if d.fired_at is not None and d.fired_at < d.due_at - AS_GOOD_AS_ONE
    ]
    due = {d.ref: d.due_at for d in deadlines if d.kind == "draft_unsubmitted"}
    for text in texts:
        number = _warned(text)
        if number in due and text.at < due[number] - AS_GOOD_AS_ONE:
            found.append(f"{number}: on the phone of {text.user} {(due[number] - text.at).total_seconds():.3f} s early")
    return found


def _fired_twice(texts: Iterable[SeenText], stored: Stored) -> list[str]:
    """More effects in the trace than deadlines fired, or more warnings on one phone than that."""
    fired = Counter(d.ref for d in stored.deadlines if d.kind == "draft_unsubmitted" and d.fired_at is not None)
    found = [
        f"{ref}: {times} effects of {fired[ref]} fired deadlines"
        for (ref, action), times in stored.effects.items()
        if action == "order.unsubmitted" and times > fired[ref]
    ]
    warned = Counter((t.user, number) for t in texts if (number := _warned(t)))
    return found + [
        f"{number}: {times} warnings to {user}"
        for (user, number), times in warned.items()
        if times > max(1, fired[number])
    ]


def _warned(text: SeenText) -> str:
    """The number of the draft that these words say is overdue."""
    if "仍未提交" not in text.text or REPEAT in text.text:
        return ""
    at = text.text.find("SO")
    return text.text[at : at + len(text.text)].split("(")[0].strip() if at >= 0 else ""


def _late(deadline: StoredDeadline, outages: Sequence[Outage]) -> timedelta | None:
    """From when it could fire to when it did; None while it has not."""
    if deadline.fired_at is None:
        return None
    outage = _outage_of(deadline, outages)
    return deadline.fired_at - (deadline.due_at if outage is None else max(deadline.due_at, outage.end))


def _outage_of(deadline: StoredDeadline, outages: Sequence[Outage]) -> Outage | None:
    """The last outage it fell into."""
    return next(
        (o for o in reversed(outages) if o.start - OUTAGE_GRACE <= deadline.due_at <= o.end + OUTAGE_GRACE), None
    )


def _lateness(deadlines: Iterable[StoredDeadline], outages: Sequence[Outage]) -> tuple[list[int], list[int]]:
    """Milliseconds late: of deadlines due in fair weather, and of those due while the database was away."""
    calm: list[int] = []
    stormy: list[int] = []
    for deadline in deadlines:
        late = _late(deadline, outages)
        if late is not None:
            at = calm if _outage_of(deadline, outages) is None else stormy
            at.append(max(0, round(late.total_seconds() * 1000)))
    return calm, stormy


def _other(seen: Seen, stored: Stored) -> list[str]:
    found = [f"broken chain: {ref}" for ref in stored.broken_chains]
    found += [f"no timer: {what}" for what in stored.missing_timers]
    found += [f"protocol: {text}" for text in seen.violations]
    for count, what in (
        (seen.silently_dropped, "messages dropped by the platform's limit"),
        (stored.parked, "parked"),
        (stored.unsent, "deliveries unsent"),
        (stored.unworked, "inbounds unworked"),
    ):
        if count:
            found.append(f"{count} {what}")
    return found
