"""The platform's outgoing half: signed, encrypted callbacks over HTTP, again when they are not answered."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import aiohttp

from simulator.wecom.accounts import AppConfig
from simulator.wecom.crypto import AppCipher, Breakage, Envelope
from simulator.wecom.markup import to_xml
from simulator.world import Clock, FaultKind, Faults, WireLog

Mutation = Breakage | Callable[[Envelope], Envelope]
Inner = str | bytes | dict[str, Any]
"""Inner XML as text, as raw bytes, or as fields."""


@dataclass(frozen=True, kw_only=True)
class CallbackAnswer:
    """What came back for one posted callback; status 0 when nothing did."""

    status: int
    body: bytes
    reason: str = ""

    @property
    def ok(self) -> bool:
        return self.status == 200


@dataclass(frozen=True, kw_only=True)
class Job:
    """A message on its way to the app, kept until it is answered or given up."""

    app: AppConfig
    user: str
    inner: dict[str, Any]
    on_answer: Callable[[bytes], None]
    """Called with the body of the first good answer."""
    on_given_up: Callable[[], None]


class CallbackWire:
    """Posts callbacks. ``timeout`` seconds per try, then up to ``retries`` more tries with the same MsgId.

    Tries follow each other after ``retry_delay`` seconds of the clock; 0 is the worst case for the bot.
    """

    def __init__(
        self,
        clock: Clock,
        wire: WireLog,
        faults: Faults,
        corpid: str,
        *,
        timeout: float,
        verify_timeout: float,
        retries: int,
        retry_delay: float,
        reorder_window: float,
    ) -> None:
        self._clock = clock
        self._wire = wire
        self._faults = faults
        self._corpid = corpid
        self._timeout = timeout
        self._verify_timeout = verify_timeout
        self._tries = retries + 1
        self._retry_delay = retry_delay
        self._reorder_window = reorder_window
        self._held: dict[str, Job] = {}
        self._timers: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None
        self.given_up: list[dict[str, Any]] = []
        """Inner fields of callbacks that no try delivered."""
        self.answered_at: dict[str, datetime] = {}
        """MsgId → when a try was answered for the first time."""
        self.answer_seconds: deque[float] = deque(maxlen=100_000)
        """Real seconds of every try that got an answer, the newest ones."""

    async def start(self) -> None:
        self._session = aiohttp.ClientSession()

    async def stop(self) -> None:
        for timer in self._timers:
            timer.cancel()
        await asyncio.gather(*self._timers, return_exceptions=True)
        self.given_up.extend(job.inner for job in self._held.values())
        self._held.clear()
        if self._session is not None:
            await self._session.close()
            self._session = None

    def cipher(self, app: AppConfig) -> AppCipher:
        return AppCipher(token=app.token, aes_key=app.aes_key, receiveid=self._corpid)

    async def deliver(self, job: Job) -> None:
        """Deliver one message with everything the platform does around it: retries, and armed faults."""
        held = self._held.pop(job.user, None)
        if held is None and self._faults.take(FaultKind.REORDER, "wecom"):
            self._held[job.user] = job
            timer = asyncio.create_task(self._release(job))
            self._timers.add(timer)
            timer.add_done_callback(self._timers.discard)
            return
        await self._deliver(job)
        if held is not None:
            await self._deliver(held)

    async def post(
        self, app: AppConfig, inner: Inner, *, mutate: Mutation | None = None, note: str = ""
    ) -> CallbackAnswer:
        """One try: seal, post, read the answer. ``mutate`` breaks the envelope on purpose."""
        plain = to_xml(inner) if isinstance(inner, dict) else inner
        envelope = self.cipher(app).seal(
            plain.encode() if isinstance(plain, str) else plain,
            timestamp=int(self._clock.now().timestamp()),
            nonce=str(secrets.randbelow(10**10)),
            agentid=app.agentid,
            breakage=mutate if isinstance(mutate, Breakage) else None,
        )
        if mutate is not None and not isinstance(mutate, Breakage):
            envelope = mutate(envelope)
        body = envelope.body()
        entry = self._wire.record(
            "wecom",
            "to_bot",
            f"POST {app.callback_url}",
            encrypted=body.decode(errors="replace"),
            plain=plain if isinstance(plain, str) else plain.decode(errors="replace"),
            note=" · ".join(filter(None, [note, f"broken: {mutate}" if mutate else ""])),
        )
        started = time.perf_counter()
        answer = await self._request("POST", app, envelope.query(), self._timeout, body)
        if answer.status:
            self.answer_seconds.append(time.perf_counter() - started)
        entry.status = f"{answer.status or 'no answer'} {answer.reason}".strip()
        self._wire.changed(entry)
        return answer

    async def verify(self, app: AppConfig, *, mutate: Mutation | None = None) -> bool:
        """What saving the URL in the console does: one GET, answered with the plain echo within a second.

        The echostr always holds a ``+``, which a receiver that decodes the query twice turns into a space.
        """
        echo = str(secrets.randbelow(9 * 10**18) + 10**18)
        while True:
            envelope = self.cipher(app).seal(
                echo.encode(),
                timestamp=int(self._clock.now().timestamp()),
                nonce=str(secrets.randbelow(10**10)),
                agentid=app.agentid,
                breakage=mutate if isinstance(mutate, Breakage) else None,
            )
            if "+" in envelope.encrypt or mutate is not None:
                break
        if mutate is not None and not isinstance(mutate, Breakage):
            envelope = mutate(envelope)
        query = envelope.query() | {"echostr": envelope.encrypt}
        entry = self._wire.record("wecom", "to_bot", f"GET {app.callback_url}", encrypted=envelope.encrypt, plain=echo)
        answer = await self._request("GET", app, query, self._verify_timeout, None)
        good = answer.ok and answer.body == echo.encode()
        entry.status = f"{answer.status or 'no answer'} {'verified' if good else answer.reason}".strip()
        self._wire.changed(entry)
        if not good and mutate is None:
            wrong = f"{answer.status} {answer.body[:80]!r}"
            self._wire.violation("wecom", f"URL check answered {wrong}, not the echo")
        return good

    async def _release(self, job: Job) -> None:
        await self._clock.sleep(self._reorder_window)
        if self._held.get(job.user) is job:
            del self._held[job.user]
            await self._deliver(job)

    async def _deliver(self, job: Job) -> None:
        for attempt in range(self._tries):
            if attempt and self._retry_delay:
                await self._clock.sleep(self._retry_delay)
            note = f"retry {attempt}" if attempt else ""
            gave_up_waiting = self._faults.take(FaultKind.CALLBACK_TIMEOUT, "wecom")
            if gave_up_waiting:
                note = f"{note} fault: the answer comes too late".strip()
            answer = await self.post(job.app, job.inner, note=note)
            if answer.ok and not gave_up_waiting:
                self.answered_at.setdefault(str(job.inner.get("MsgId", "")), self._clock.now())
                job.on_answer(answer.body)
                if self._faults.take(FaultKind.DUPLICATE_CALLBACK, "wecom"):
                    for _ in range(2):
                        await self.post(job.app, job.inner, note="fault: sent again although answered")
                return
        self.given_up.append(job.inner)
        job.on_given_up()

    async def _request(
        self, method: str, app: AppConfig, query: dict[str, str], timeout: float, body: bytes | None
    ) -> CallbackAnswer:
        if self._session is None:
            raise RuntimeError("the platform is not started")
        if app.callback_url is None:
            raise LookupError(f"app {app.agentid} has no callback URL")
        headers = {"Content-Type": "text/xml"} if body is not None else {}
        try:
            async with self._session.request(
                method,
                app.callback_url,
                params=query,
                data=body,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=timeout),
            ) as response:
                return CallbackAnswer(status=response.status, body=await response.read(), reason=response.reason or "")
        except TimeoutError:
            return CallbackAnswer(status=0, body=b"", reason=f"no answer within {timeout:g} s")
        except aiohttp.ClientError as error:
            return CallbackAnswer(status=0, body=b"", reason=type(error).__name__)
