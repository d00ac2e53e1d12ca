"""What the use cases and the loops need from the outside. ``storage`` and ``bot`` implement these."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from core.approvals import ApprovalRequest, Decision, Step
from core.auditing import Audits
from core.catalog import Bin, CalendarDay, Carrier, Customer, Part, Warehouse
from core.deadlines import Deadline, DeadlineKind
from core.expedite import Expedite
from core.inbound import RawInbound
from core.notices import CardKind, ClickCode, Delivery, Expectation, Painted, PostedCard
from core.orders import Order, OrderRevision, OrderStatus
from core.people import Person, PlatformName, Role
from core.reading.words import ReadPage
from core.stock import Allocation, Lot, StockMovement
from core.timeline import TimelineEntry
from core.waves import PickList, Wave

SUSPECT_AFTER = 2
"""Claims after which a row of whose last one nobody knows how it ended may be what ends the process."""

# ---------------------------------------------------------------- repositories (inside one transaction)


class People(Protocol):
    async def by_account(self, platform: PlatformName, account: str) -> Person | None:
        """The active person behind a chat account (WeCom userids compare case-folded)."""

    async def get(self, person_id: str) -> Person | None: ...

    async def with_role(self, role: Role, *, region: str = "", warehouse: str = "") -> list[Person]:
        """Active people holding the role, ordered by id; narrowed to a region or warehouse when given and when
        anybody there holds it (otherwise everybody with the role)."""

    async def find_by_name(self, name: str) -> Person | None: ...

    async def save(self, person: Person) -> None:
        """Insert or update by id, accounts included."""

    async def bind(self, person_id: str, platform: PlatformName, account: str) -> None: ...

    async def everybody(self) -> list[Person]: ...


class Catalog(Protocol):
    async def customers(self) -> list[Customer]: ...

    async def customer(self, code: str) -> Customer | None: ...

    async def parts(self) -> list[Part]:
        """All parts with their aliases (for the in-memory index)."""

    async def part(self, number: str) -> Part | None: ...

    async def warehouses(self) -> list[Warehouse]: ...

    async def warehouse(self, code: str) -> Warehouse | None: ...

    async def carriers(self, warehouse: str = "") -> list[Carrier]: ...

    async def capacity_override(self, carrier: str, day: date) -> int | None: ...

    async def set_capacity(self, carrier: str, day: date, parcels: int, by: str) -> None: ...

    async def bins(self, warehouse: str) -> list[Bin]: ...

    async def calendar_days(self) -> list[CalendarDay]:
        """The company's own working days and days off, oldest first; read again when ``version`` rises."""

    async def upsert(self, rows: Sequence[Customer | Part | Warehouse | Bin | Carrier | CalendarDay]) -> None:
        """Insert or update by natural key; raises nothing half: all or none with the transaction. Bumps ``version``."""

    async def version(self) -> int:
        """Rises with every change of master data; the in-memory index reloads when it differs."""


class Orders(Protocol):
    async def add(self, order: Order) -> None:
        """Insert; raises ValueError when ``source_key`` or ``number`` exists."""

    async def get(self, number: str, *, lock: bool = False) -> Order | None:
        """By number; ``lock`` takes the row lock (FOR UPDATE) for a change. The entity is tracked: changes made to
        it are written at the end of the transaction, and ``version`` is raised by the repository then."""

    async def by_source(self, source_key: str) -> Order | None: ...

    async def ending_with(self, digits: str, *, limit: int = 6) -> list[Order]:
        """Orders whose number ends with these digits, newest first."""

    async def of_owner(self, person_id: str, *statuses: OrderStatus, limit: int = 20) -> list[Order]: ...

    async def of_customer(self, customer_code: str, *, limit: int = 10) -> list[Order]: ...

    async def twin(self, fingerprint: str, *, since: datetime) -> str:
        """Number of the newest order with this fingerprint that is not cancelled; empty when there is none."""

    async def in_status(self, *statuses: OrderStatus, warehouse: str = "", limit: int = 10_000) -> list[Order]: ...

    async def add_revision(self, revision: OrderRevision) -> None: ...

    async def revisions(self, number: str) -> list[OrderRevision]: ...


class Approvals(Protocol):
    async def open(self, request: ApprovalRequest) -> ApprovalRequest:
        """Insert and give it its id; returns the existing one for the same order, revision and step."""

    async def get(self, request_id: int, *, lock: bool = False) -> ApprovalRequest | None: ...

    async def current(self, order_number: str, *, lock: bool = False) -> ApprovalRequest | None:
        """The open request of an order, None when nobody is asked."""

    async def of_order(self, order_number: str) -> list[ApprovalRequest]: ...

    async def decide(self, decision: Decision) -> bool:
        """Insert the decision; False when the request already has one (the unique key decides who wins)."""

    async def decision(self, request_id: int) -> Decision | None: ...

    async def decisions(self, order_number: str) -> list[Decision]: ...

    async def open_for(self, person: Person, *, steps: Sequence[Step]) -> list[ApprovalRequest]: ...


class Stock(Protocol):
    async def lots(self, part_numbers: Sequence[str], *, warehouse: str = "") -> list[Lot]: ...

    async def lot(self, lot_id: int) -> Lot | None: ...

    async def by_lot_no(self, lot_no: str, *, warehouse: str = "") -> list[Lot]: ...

    async def in_bin(self, warehouse: str, bin_label: str) -> list[Lot]: ...

    async def receive(self, lots: Sequence[Lot], *, by: str, at: datetime, ref: str) -> None:
        """Insert or replace lots by natural key, with a movement for each change of on_hand."""

    async def hold(self, lot_id: int, quantity: int) -> bool:
        """One conditional update (free >= quantity, QC released); False when it would over-allocate."""

    async def release(self, lot_id: int, quantity: int) -> None: ...

    async def ship(self, lot_id: int, quantity: int, *, ref: str, by: str, at: datetime) -> None:
        """Take held pieces out of on_hand and write the movement; raises DomainError if less is held."""

    async def movements(self, lot_id: int) -> list[StockMovement]: ...

    async def add_allocation(self, allocation: Allocation) -> Allocation: ...

    async def allocation(self, allocation_id: int) -> Allocation | None:
        """Tracked like orders."""

    async def allocations(self, order_number: str) -> list[Allocation]: ...


class Waves(Protocol):
    async def turn(self) -> int:
        """Nobody else commits a wave until this transaction ends; returns the id of the newest wave, 0 before the
        first. A plan made before another wave was added is stale: its capacity and stock are of yesterday."""

    async def newest(self) -> int:
        """The id of the newest wave as this transaction sees it."""

    async def by_key(self, key: str) -> Wave | None: ...

    async def add(self, wave: Wave) -> Wave: ...

    async def today(self, warehouse: str, since: datetime) -> list[Wave]: ...

    async def add_pick_list(self, pick_list: PickList) -> PickList:
        """Insert with its tasks."""

    async def pick_list(self, number: str, *, lock: bool = False) -> PickList | None: ...

    async def claim(self, number: str, person_id: str, at: datetime) -> bool:
        """One conditional update open → claimed; False when somebody else was first (F056)."""

    async def open_lists(self, warehouse: str = "", *, claimed_by: str = "") -> list[PickList]:
        """Open and claimed lists, red expedites first, then by cut-off; only those of one picker when given."""

    async def list_of_order(self, order_number: str) -> PickList | None:
        """The live (open or claimed) list an order is on."""

    async def shipped_parcels(self, carrier: str, since: datetime) -> int:
        """Sum of ``parcels`` over the waves of this carrier created since a moment (capacity already taken today)."""


class Expedites(Protocol):
    async def add(self, expedite: Expedite) -> Expedite: ...

    async def live(self, order_number: str, *, lock: bool = False) -> Expedite | None: ...

    async def all_live(self) -> list[Expedite]: ...


class Deadlines(Protocol):
    async def arm(self, deadline: Deadline) -> Deadline:
        """Insert; with an armed row of the same (kind, ref, step): cancels it and raises the generation."""

    async def cancel(self, ref: str, *kinds: DeadlineKind, reason: str) -> int:
        """Cancel the armed ones of this subject; all kinds when none is named. Returns how many."""

    async def armed(self, ref: str) -> list[Deadline]: ...

    async def of(self, ref: str) -> list[Deadline]:
        """Every deadline a subject ever had, also those another process is firing now."""

    async def claim_due(self, now: datetime, limit: int) -> list[Deadline]:
        """Armed rows that may be fired now, oldest first, locked (SKIP LOCKED) and tracked: the caller marks each
        fired in this same transaction. An effect that needs a row somebody else holds gives up soon (PostgreSQL)."""

    async def claim(self, deadline_id: int) -> Deadline | None:
        """The same for one row; None when it is fired, cancelled or held by another process."""

    async def park(self, deadline: Deadline, at: datetime) -> None:
        """Give up: state parked and a dead letter that a person can resend or drop. ``deadline`` is claimed."""

    async def next_due(self) -> datetime | None:
        """When the next armed row may be fired; None with nothing armed."""

    async def overdue(self, before: datetime) -> int:
        """How many armed rows were due before a moment."""


class Outbox(Protocol):
    async def put(self, delivery: Delivery) -> bool:
        """Insert; False when the same idem_key was recorded before."""

    async def record(self, delivery: Delivery) -> None:
        """The same with the commit, after everything else, without saying whether it was new."""

    async def refresh(self, delivery: Delivery) -> None:
        """Record a repaint, unless one of the same card waits that nobody has begun to send: that one, at the more
        urgent of both priorities, will show the state of this commit."""

    async def waits(self, lane_key: str, idem_prefix: str) -> bool:
        """Whether a delivery of that lane whose key begins so is there, and nobody has begun to send it."""

    async def posted(self, card_key: str, platform: PlatformName) -> PostedCard | None:
        """The newest generation of that card on that platform."""

    async def posted_by_card_id(self, platform: PlatformName, card_id: str) -> PostedCard | None: ...

    async def posted_for(self, kind: CardKind, ref: str) -> list[PostedCard]:
        """Every live (newest generation) copy of a subject's card, on all platforms and for all audiences."""

    async def save_posted(self, card: PostedCard) -> None: ...

    async def note_painted(self, painted: Painted) -> None:
        """What stands on the screens; a card that we do not know is left alone."""

    async def add_click_code(self, code: ClickCode) -> None: ...

    async def click_codes(self, card_id: str) -> list[ClickCode]:
        """Unspent codes, newest first; tracked."""


class Timeline(Protocol):
    async def append(
        self,
        ref: str,
        action: str,
        *,
        actor: str,
        actor_name: str,
        channel: str,
        details: dict[str, Any],
        at: datetime,
        evidence: str = "B",
    ) -> TimelineEntry:
        """Add the next link of the subject's chain."""

    async def of(self, ref: str) -> list[TimelineEntry]: ...

    async def refs(self) -> list[str]: ...


class Numbers(Protocol):
    async def next(self, prefix: str, day: date, count: int = 1) -> int:
        """Next running number of (prefix, day), from 1; never twice, also concurrently. With ``count`` so many at once:
        the last of them."""


class Expectations(Protocol):
    async def expect(self, expectation: Expectation) -> None:
        """Replace this person's expectation."""

    async def take(self, person_id: str, now: datetime) -> Expectation | None:
        """The live expectation, or None; it stays until ``clear``."""

    async def clear(self, person_id: str) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Attachment:
    """Bytes a person sent, kept by content."""

    sha256: str
    kind: str
    filename: str
    size: int
    by: str
    at: datetime


class Attachments(Protocol):
    async def add(self, attachment: Attachment) -> bool:
        """False when the same bytes were already there."""

    async def get(self, sha256: str) -> Attachment | None: ...


class InboxDone(Protocol):
    async def finish(self, inbox_id: int, owner: str) -> None:
        """Delete the work row inside this transaction; raises LeaseLost when ``owner`` no longer has it."""

    async def park(self, inbox_id: int, owner: str, reason: str, at: datetime, *, tries: int | None = None) -> None:
        """Move it to the dead letters; same fencing. ``tries``: how often it was worked on, when that is not how often
        it was claimed."""


class Letters(Protocol):
    """Deciding about what was given up, in one commit with the trace of who decided."""

    async def resend(self, letter_id: int, by: str, at: datetime) -> bool:
        """Open the row again with fresh attempts; False when it is resolved already."""

    async def drop(self, letter_id: int, by: str, at: datetime) -> bool:
        """Leave it; False when it is resolved already."""


class Transaction(Protocol):
    """One database transaction: everything in it is committed together or not at all."""

    people: People
    catalog: Catalog
    orders: Orders
    approvals: Approvals
    stock: Stock
    waves: Waves
    expedites: Expedites
    deadlines: Deadlines
    outbox: Outbox
    timeline: Timeline
    numbers: Numbers
    expectations: Expectations
    attachments: Attachments
    inbox: InboxDone
    letters: Letters
    audits: Audits


class Database(Protocol):
    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Commit at the end of the block, roll back on any exception. On SQLite: BEGIN IMMEDIATE on the one writer."""

    def reading(self) -> AbstractAsyncContextManager[Transaction]:
        """A consistent read; nothing may be changed in it."""


# ---------------------------------------------------------------- queues (the loops' side)


@dataclass(frozen=True, kw_only=True)
class InboxWork:
    """A claimed inbound."""

    id: int
    platform: PlatformName
    kind: str
    conv_key: str
    dedupe_key: str
    payload: dict[str, Any]
    platform_at: datetime
    received_at: datetime
    attempts: int
    last_error: str = ""
    """What the last try that ended said, with its number in front: ``#2 PlatformDown: …``."""


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """Something given up: an inbound or a delivery a person can look at, resend or drop."""

    id: int
    source: str
    """inbox or outbox."""
    source_id: int
    reason: str
    attempts: int
    last_at: datetime
    payload: dict[str, Any]


class InboxQueue(Protocol):
    async def store(self, batch: Sequence[RawInbound], received_at: datetime) -> list[int | None]:
        """T1 for a group: insert rows and work in ONE transaction; None for a duplicate key. Commit before return."""

    async def claim(
        self,
        owner: str,
        now: datetime,
        lease: float,
        limit: int,
        *,
        only: int | None = None,
        suspects: bool | None = None,
    ) -> list[InboxWork]:
        """T2: oldest open row per conversation; attempts + 1 at the claim. ``only`` = claim just that inbox id.

        ``suspects``: only rows that were claimed ``SUSPECT_AFTER`` times or more and of whose last try nobody knows
        how it ended, or with False only the others; None: both.
        """

    async def renew(self, inbox_id: int, owner: str, until: datetime) -> bool: ...

    async def count(self, inbox_id: int, owner: str, tries: int) -> bool:
        """Add to the attempts of a row in work; False when ``owner`` no longer has it."""

    async def retry(self, inbox_id: int, owner: str, *, available_at: datetime, error: str, count: bool = True) -> None:
        """Back to ready; ``count=False`` gives the attempt back (it was not worked on)."""

    async def release_all(self, owner: str | None = None) -> None:
        """Give leases back: of one owner at shutdown, of everybody at the start of a single-instance database."""

    async def depth(self) -> tuple[int, datetime | None]:
        """Open rows and the arrival of the oldest."""

    async def waiting(self, since: datetime, limit: int) -> list[InboxWork]:
        """What arrived at ``since`` or before and nobody has begun to work on, the oldest first."""


@dataclass(frozen=True, kw_only=True)
class Try:
    """One try of a delivery, for the log of who was told when. ``at``: its beginning."""

    attempt: int
    at: datetime
    result: str
    latency_ms: int
    errcode: str = ""


class OutboxQueue(Protocol):
    """``tried`` goes into the log with the same commit, also when somebody else has the row."""

    async def claim(
        self,
        owner: str,
        now: datetime,
        lease: float,
        limit: int,
        *,
        unkeyed: int | None = None,
        urgent: bool = False,
        suspects: bool | None = None,
    ) -> list[Delivery]:
        """Oldest open row per lane, by priority; attempts + 1 at the claim. A row whose sender let the lease run out
        may have been sent: it comes back ``unsure``.

        ``unkeyed``: at most so many of them on channels without a key (``core.notices.UNKEYED``). ``urgent``: only
        expedites and escalations. ``suspects``: as in the inbox.
        """

    async def renew(self, delivery_id: int, owner: str, until: datetime) -> bool:
        """The send takes longer; False when somebody else has the row."""

    async def sent(
        self,
        delivery_id: int,
        owner: str,
        *,
        provider_id: str,
        at: datetime,
        tried: Try | None = None,
        painted: Painted | None = None,
    ) -> bool:
        """The platform has it; ``painted`` is what the screens show since. False when somebody else has the row: what
        is painted and tried is noted all the same."""

    async def superseded(self, delivery_id: int, owner: str, *, tried: Try | None = None) -> None: ...

    async def retry(
        self,
        delivery_id: int,
        owner: str,
        *,
        available_at: datetime,
        error: str,
        count: bool = True,
        unsure: bool = False,
        give_up_at: datetime | None = None,
        tried: Try | None = None,
    ) -> None:
        """Back to ready; ``count=False`` gives the attempt back (parked by a throttle or breaker), ``unsure`` notes
        that it may have arrived, ``give_up_at`` until when it is tried."""

    async def keep(self, delivery_id: int, owner: str, body: dict[str, Any]) -> bool:
        """Note what the next try has to repeat to the letter; False when somebody else has the row."""

    async def behind(self, delivery: Delivery, *, limit: int) -> list[Delivery]:
        """What waits behind it in its lane, oldest first."""

    async def fold(self, delivery_id: int, owner: str, body: dict[str, Any], folded: Sequence[int]) -> bool:
        """One message says what several would have: ``body`` replaces that of the first and the others are superseded,
        in one commit. False, and nothing changed, when one of them is no longer as it was."""

    async def failures(self, delivery_id: int, errcode: str) -> int:
        """How often the platform has answered this delivery with ``errcode``."""

    async def oldest(self) -> dict[PlatformName, datetime]:
        """Since when the oldest unsent notice of each platform waits."""

    async def dead(self, delivery_id: int, owner: str, *, error: str, at: datetime, tried: Try | None = None) -> None:
        """Give up: state dead and a dead letter, in one transaction."""

    async def next_available(self) -> datetime | None: ...

    async def release_all(self, owner: str | None = None) -> None: ...


class DeadLetters(Protocol):
    async def list(self, *, limit: int = 50) -> list[DeadLetter]:
        """Nobody has decided on them yet; newest first."""


# ---------------------------------------------------------------- coordination (in process, or Redis)


@dataclass(frozen=True, kw_only=True)
class Limit:
    """GCRA: ``burst`` at once, then ``rate`` per second. Any window of T seconds sees at most burst + rate·T."""

    key: str
    rate: float
    burst: int


class Coordinator(Protocol):
    """Makes things quick and keeps replicas off each other's feet. Losing it loses nothing."""

    async def throttle(self, key: str, *, rate: float, burst: int, now: datetime) -> float:
        """GCRA: 0.0 when one more may go now, else the seconds to wait. ``rate`` per second."""

    async def throttle_all(self, limits: Sequence[Limit], *, now: datetime) -> tuple[float, str]:
        """(0.0, "") when one more may go under every limit; else nothing is taken from any, and the longest wait and
        its key are the answer."""

    async def get_token(self, key: str) -> str | None: ...

    async def put_token(self, key: str, token: str, ttl: float) -> None: ...

    async def drop_token(self, key: str, token: str) -> None:
        """Forget it if it is still this one."""

    def single_flight(self, key: str, ttl: float) -> AbstractAsyncContextManager[None]:
        """Only one holder at a time, over all processes that share the coordinator."""

    def wake(self, channel: str) -> None: ...

    async def wait(self, channel: str, timeout: float) -> None:
        """Return when somebody wakes the channel or after ``timeout`` real seconds."""

    async def close(self) -> None: ...


class Leases(Protocol):
    """Leadership over one job, for all replicas of one database (reliability decision 6). Times are the caller's."""

    async def acquire(self, name: str, owner: str, now: datetime, ttl: float) -> bool:
        """Take it for ``ttl`` seconds when it is free, run out, or ours already; False when another holds it."""

    async def renew(self, name: str, owner: str, now: datetime, ttl: float) -> bool:
        """Hold it longer; False when another has taken it or nobody has it (fencing by owner)."""

    async def release(self, name: str, owner: str) -> None:
        """Give it back; nothing happens when it is another's by now."""

    async def release_all(self) -> None:
        """At the start of a single-instance database: whoever held one is dead."""


class FileStore(Protocol):
    async def put(self, data: bytes) -> str:
        """Keep by content; returns the sha256 hex."""

    async def get(self, sha256: str) -> bytes:
        """Raises FileNotFoundError."""


class TextReader(Protocol):
    async def read(self, image: bytes) -> tuple[ReadPage, ...]:
        """Words with boxes of a picture. Raises PictureRefused with the sentence for the person."""


# ---------------------------------------------------------------- messengers


@dataclass(frozen=True, kw_only=True)
class SendResult:
    """What a platform said to a send that it accepted."""

    provider_id: str = ""
    response_code: str = ""
    unreachable: tuple[str, ...] = ()
    """Accounts this did not reach although the call succeeded: the next channel must."""
    already: bool = False
    """The platform had this very card before (42014 / cardAlreadyExist on a retry)."""


class Messenger(Protocol):
    """One platform's outbound half. Raises subclasses of PlatformError (bot.platform_errors)."""

    name: PlatformName

    async def send_text(self, account: str, text: str, *, retry: bool) -> SendResult: ...

    async def upload_image(self, data: bytes, filename: str) -> str:
        """A handle for ``send_image``: kept, so that a repeat sends the very same picture."""

    async def send_image(
        self, account: str, data: bytes, filename: str, *, handle: str = "", retry: bool = False
    ) -> SendResult: ...

    async def send_file(self, account: str, data: bytes, filename: str) -> SendResult: ...

    async def send_card(
        self, accounts: Sequence[str], payload: dict[str, Any], card_id: str, *, retry: bool
    ) -> SendResult: ...

    async def update_card(self, card: PostedCard, payload: dict[str, Any], code: str) -> SendResult:
        """Repaint everybody's copy. WeCom spends ``code``; DingTalk needs none."""

    async def download(self, handle: str, *, kind: str) -> tuple[bytes, str]:
        """Bytes and file name of something a person sent, capped in size."""
