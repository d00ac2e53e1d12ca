"""The auditor: every obligation has its timer, nothing is overdue, no lease is stuck, the trace is whole, and somebody
outside hears that the auditor itself lives (reliability section 7, decision 14, R17)."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path

import structlog

from bot.heartbeat import Heartbeat
from bot.masterdata import DeskSource
from bot.metrics import Metrics
from bot.trace_check import SealUnwritten, TraceWatch
from core import falling_due
from core.acting import trace
from core.auditing import Trouble, TroubleKind, Wanted, missing_timers, wanted_timers
from core.clock import Clock
from core.deadlines import Deadline, DeadlineKind
from core.desk import Act
from core.people import Role
from core.ports import Coordinator, Database, Transaction
from core.repeated import RepeatedFailure
from core.telling import Address, Teller
from storage.away import is_away

log = structlog.get_logger()

OVERDUE = timedelta(seconds=120)
LEASE_OVER = timedelta(seconds=30)
UNSENT = timedelta(seconds=60)
"""Notices older than this wait and nothing has left meanwhile: the sender is muted."""
SENT_LATE = timedelta(minutes=15)
INBOX_WAITS = timedelta(minutes=5)
SILENT = timedelta(seconds=120)
FORGOTTEN = timedelta(hours=1)
"""A replica silent for longer was taken away."""
SKEW = timedelta(seconds=30)
SPOOL_LEFT = timedelta(seconds=120)
"""A replica that brings its spool in says so with every batch, each a moment after the last."""
SAID_AGAIN = timedelta(hours=1)
"""A finding that stays is one line in the log an hour, as it is one message to the administrators."""
FREE_BYTES = 500 * 1024 * 1024

UNMADE = frozenset({TroubleKind.DATABASE_AWAY, TroubleKind.AUDIT_FAILED})
DOUBTFUL = frozenset(
    {
        TroubleKind.OVERDUE_TIMER,
        TroubleKind.STUCK_LEASE,
        TroubleKind.MUTED_SENDER,
        TroubleKind.SLOW_SENDER,
        TroubleKind.INBOX_WAITS,
        TroubleKind.SILENT_REPLICA,
        TroubleKind.SPOOL_LEFT,
    }
)
"""True for a moment after a start or a jump of the clock: believed when it is still so after ``grace`` real seconds."""


class Auditor:
    """One round every ``every`` seconds of the clock, the first one ``first`` real seconds after the start: what waited
    while nobody worked comes before the check of what was done.

    1. What is missing is armed again, and reported. 2. A doubtful finding is looked at twice, the second time alone.
    3. Findings go to the administrators, once an hour each, on every messenger they have; to the gauges; and to the
    heartbeat, which stops saying “all is well”. 4. The round itself is noted, so that another replica misses it when it
    stops.
    """

    def __init__(
        self,
        *,
        database: Database,
        coordinator: Coordinator,
        clock: Clock,
        desks: DeskSource,
        metrics: Metrics,
        watch: TraceWatch,
        heartbeat: Heartbeat,
        replica: str,
        folder: Path,
        alone: bool,
        every: float = 45.0,
        grace: float = 10.0,
        first: float = 5.0,
        free: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
    ) -> None:
        self._database = database
        self._coordinator = coordinator
        self._clock = clock
        self._desks = desks
        self._metrics = metrics
        self._watch = watch
        self._heartbeat = heartbeat
        self._replica = replica
        self._folder = folder
        self._alone = alone
        self._every = every
        self._grace = grace
        self._first = first
        self._free = free
        self._suspected: dict[tuple[TroubleKind, str, datetime | None], float] = {}
        self._doubts = False
        self._last_of_trace: list[Trouble] = []
        """Found by the last round that went the long way."""
        self._said: dict[tuple[TroubleKind, str], datetime] = {}
        self._unread = RepeatedFailure("the audit could not be made", known=is_away)
        self._unsealed = RepeatedFailure("the seal could not be written to its file", known=lambda _: True)
        self._loop: asyncio.Task[None] | None = None
        self._started: datetime | None = None
        self._last: datetime | None = None
        self.troubles: list[Trouble] = []
        """What the last round found."""

    def start(self) -> None:
        self._started = self._clock.now()
        self._loop = asyncio.create_task(self._run(), name="auditor")

    async def stop(self) -> None:
        """Stop and say goodbye: the other replicas are not to miss this one."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)
        await self._heartbeat.stop()
        try:
            async with self._database.transaction() as tx:
                await tx.audits.say_goodbye(self._replica)
        except Exception as error:
            log.warning("no goodbye of the auditor", error=type(error).__name__)

    @property
    def age(self) -> float:
        """Seconds since the last finished round; since the start while there was none; 0 before the start."""
        since = self._last or self._started
        return max(0.0, (self._clock.now() - since).total_seconds()) if since else 0.0

    async def look(self, *, again: bool = False) -> list[Trouble]:
        """One round. Returns what it reports. ``again``: only what may be doubtful, without the long way through
        obligations and trace."""
        now = self._clock.now()
        found = self._of_the_machine(now)
        try:
            found += await self._of_the_rows(again=again)
            found += await self._of_the_trace(now, again=again)
        except Exception as error:
            found.append(self._failed(error))
        troubles = self._believed(found)
        self.troubles = troubles = await self._report(now, troubles)
        if not any(x.kind in UNMADE for x in troubles):
            self._unread.worked()
        self._last = self._clock.now()
        return troubles

    def _failed(self, error: Exception) -> Trouble:
        """A round that could not be made, or not be noted. What it would have found nobody knows."""
        self._unread.failed(error)
        if is_away(error):
            return Trouble(kind=TroubleKind.DATABASE_AWAY, subject=self._replica)
        return Trouble(kind=TroubleKind.AUDIT_FAILED, subject=type(error).__name__)

    async def _run(self) -> None:
        if self._alone:
            await self._bury()
        await asyncio.sleep(self._first)
        long_way_at = self._clock.now()
        while True:
            # Under load there is always a new doubt: the long way is gone all the same when its time has come.
            again = self._doubts and self._clock.now() < long_way_at
            if not again:
                long_way_at = self._clock.now() + timedelta(seconds=self._every)
            try:
                await self.look(again=again)
            except Exception as error:
                self._failed(error)
            if self._doubts:
                await asyncio.sleep(self._grace)
            else:
                await self._clock.sleep(self._every)

    async def _bury(self) -> None:
        """On a database of one process every other replica is a dead predecessor."""
        try:
            async with self._database.transaction() as tx:
                await tx.audits.forget_replicas(self._clock.now() + FORGOTTEN)
        except Exception as error:
            log.warning("old audit passes stay", error=type(error).__name__)

    # ------------------------------------------------------------ looking

    async def _of_the_rows(self, *, again: bool) -> list[Trouble]:
        async with self._database.reading() as tx:
            missing = [] if again else await self._missing(tx)
            now = self._clock.now()
            overdue = await tx.audits.overdue(now - OVERDUE)
            stuck = await tx.audits.stuck_leases(now - LEASE_OVER)
            unsent = await tx.audits.unsent(now, now - UNSENT)
            inbound = await tx.audits.oldest_inbound()
            passes = await tx.audits.passes()
            spools = await tx.audits.left_spools(now - SPOOL_LEFT)
        found = [
            *(Trouble(kind=TroubleKind.OVERDUE_TIMER, subject=x.subject, since=x.since) for x in overdue),
            *(Trouble(kind=TroubleKind.STUCK_LEASE, subject=x.subject, since=x.since) for x in stuck),
        ]
        for x in unsent:
            if x.last_sent is None or now - x.last_sent > UNSENT:
                found.append(Trouble(kind=TroubleKind.MUTED_SENDER, subject=x.platform.value, since=x.oldest))
            elif now - x.oldest > SENT_LATE:
                found.append(Trouble(kind=TroubleKind.SLOW_SENDER, subject=x.platform.value, since=x.oldest))
        if inbound is not None and now - inbound > INBOX_WAITS:
            found.append(Trouble(kind=TroubleKind.INBOX_WAITS, subject="inbox", since=inbound))
        found += [
            Trouble(kind=TroubleKind.SILENT_REPLICA, subject=x.replica, since=x.at)
            for x in passes
            if x.replica != self._replica and SILENT < now - x.at < FORGOTTEN
        ]
        found += [Trouble(kind=TroubleKind.SPOOL_LEFT, subject=x.subject, since=x.since) for x in spools]
        return [*found, *(await self._arm(missing) if missing else ())]

    async def _missing(self, tx: Transaction) -> list[Wanted]:
        desk = await self._desks.get(tx)
        duties = await tx.audits.duties()
        now = self._clock.now()
        wanted = wanted_timers(duties, rules=desk.rules, due_in=desk.due_in, house=_of_the_house(now), now=now)
        return missing_timers(wanted, await tx.audits.timers([w.ref for w in wanted]))

    async def _arm(self, suspected: list[Wanted]) -> list[Trouble]:
        """Arm what is missing, as found once more in the transaction that arms it. A time that has passed goes off at
        once, and says how late it is."""
        doubted = {(w.kind, w.ref, w.step) for w in suspected}
        async with self._database.transaction() as tx:
            act = await self._act(tx, "auditor")
            missing = [w for w in await self._missing(tx) if (w.kind, w.ref, w.step) in doubted]
            for wanted in missing:
                due = await self._due(act, wanted)
                await tx.deadlines.arm(
                    Deadline(kind=wanted.kind, ref=wanted.ref, step=wanted.step, due_at=due, policy={"by": "auditor"})
                )
                await trace(tx, wanted.about, "timer.rearmed", None, now=act.now, kind=wanted.kind.value)
                log.error("timer was missing, armed again", kind=wanted.kind.value, ref=wanted.ref)
        self._coordinator.wake("deadlines")
        return [
            Trouble(kind=TroubleKind.MISSING_TIMER, subject=f"{w.about} {w.kind.value}", since=w.due_at, healed=True)
            for w in missing
        ]

    async def _due(self, act: Act, wanted: Wanted) -> datetime:
        """A draft's hours count from its trace: when it was drafted or opened again for the last time."""
        if wanted.kind is not DeadlineKind.DRAFT_UNSUBMITTED:
            return wanted.due_at
        entries = await act.tx.timeline.of(wanted.ref)
        starts = [e.at for e in entries if e.action in ("order.drafted", "order.reopened")]
        return act.desk.due_in(starts[-1], act.desk.rules.draft_hours) if starts else wanted.due_at

    async def _of_the_trace(self, now: datetime, *, again: bool) -> list[Trouble]:
        if again:
            return self._last_of_trace
        found = []
        await self._watch.look()
        try:
            await self._watch.seal_if_due()
        except SealUnwritten as error:
            self._unsealed.failed(error)
            found.append(Trouble(kind=TroubleKind.ANCHOR_FILE, subject=type(error.__cause__).__name__))
        else:
            self._unsealed.worked()
        found += [Trouble(kind=TroubleKind.BROKEN_CHAIN, subject=s) for _, s in sorted(self._watch.broken.items())]
        found += [
            Trouble(kind=TroubleKind.BROKEN_ANCHOR, subject=s) for _, s in sorted(self._watch.broken_anchors.items())
        ]
        self._last_of_trace = found
        return found

    def _of_the_machine(self, now: datetime) -> list[Trouble]:
        found = []
        try:
            free = self._free(self._folder)
        except OSError:
            free = 0
        if free < FREE_BYTES:
            found.append(Trouble(kind=TroubleKind.LOW_DISK, subject=f"{free // (1024 * 1024)} MB"))
        skew = getattr(self._clock, "skew", None)
        ahead: timedelta = skew() if skew is not None else timedelta()
        if abs(ahead) > SKEW:
            found.append(Trouble(kind=TroubleKind.CLOCK_SKEW, subject=self._replica, since=now - ahead))
        return found

    def _believed(self, found: list[Trouble]) -> list[Trouble]:
        """Doubtful findings count when the very same one is as old as the grace; the others at once."""
        now = asyncio.get_running_loop().time()
        doubted = [(x.kind, x.subject, x.since) for x in found if x.kind in DOUBTFUL]
        self._suspected = {key: self._suspected.get(key, now) for key in doubted}
        ripe = {key for key, since in self._suspected.items() if now - since >= self._grace}
        self._doubts = len(ripe) < len(self._suspected)
        return [x for x in found if x.kind not in DOUBTFUL or (x.kind, x.subject, x.since) in ripe]

    # ------------------------------------------------------------ telling

    async def _report(self, now: datetime, troubles: list[Trouble]) -> list[Trouble]:
        """Noted and told first, then said outside: a round that could not be noted is none. Returns all there was."""
        try:
            async with self._database.transaction() as tx:
                await tx.audits.note_pass(self._replica, now, len(troubles))
                await tx.audits.forget_replicas(now - FORGOTTEN)
                if troubles:
                    await self._alarm(await self._act(tx, "auditor"), troubles)
        except Exception as error:
            failed = self._failed(error)
            troubles = [*troubles, *([failed] if failed.kind not in {x.kind for x in troubles} else ())]
        self._write_down(now, troubles)
        counts = dict.fromkeys(TroubleKind, 0)
        for trouble in troubles:
            counts[trouble.kind] += 1
        for kind, count in counts.items():
            self._metrics.audit_findings.labels(kind=kind.value).set(count)
        self._heartbeat.beat([f"{x.kind.value} {x.subject}" for x in troubles])
        if troubles:
            self._coordinator.wake("outbox")
        return troubles

    def _write_down(self, now: datetime, troubles: Iterable[Trouble]) -> None:
        """A line for each finding that is new or an hour old, and one when it is gone."""
        known, self._said = self._said, {}
        for x in troubles:
            told = known.get((x.kind, x.subject))
            if told is None or now - told >= SAID_AGAIN:
                since = x.since.isoformat() if x.since else ""
                log.error("audit finding", kind=x.kind.value, subject=x.subject, since=since, healed=x.healed)
                told = now
            self._said[x.kind, x.subject] = told
        for kind, subject in known.keys() - self._said.keys():
            log.info("audit finding is gone", kind=kind.value, subject=subject)

    async def _alarm(self, act: Act, troubles: Iterable[Trouble]) -> None:
        """One sentence per kind: its oldest subject names it, so that a growing list is said once an hour."""
        admins = await act.tx.people.with_role(Role.ADMIN)
        for kind, group in groupby(sorted(troubles, key=lambda x: x.kind), key=lambda x: x.kind):
            same = list(group)
            for account in (account for admin in admins for account in admin.accounts):
                await act.tell.once(
                    Address(platform=account.platform, account=account.account),
                    "audit_alarm",
                    key=f"{kind.value}:{same[0].subject}:{act.now:%Y%m%d%H}",
                    kind=kind.value,
                    subjects=[x.subject for x in same[:3]],
                    count=len(same),
                )

    async def _act(self, tx: Transaction, cause: str) -> Act:
        return Act(tx=tx, desk=await self._desks.get(tx), tell=Teller(tx, now=self._clock.now(), cause=cause))


def _of_the_house(now: datetime) -> list[Wanted]:
    """Timers that always wait, whatever is open."""
    return [
        Wanted(kind=DeadlineKind.WAVE_TICK, ref="waves", about="waves", due_at=falling_due.next_slot(now)),
        Wanted(kind=DeadlineKind.CALENDAR_CHECK, ref=falling_due.CALENDAR, about="calendar", due_at=now),
    ]
