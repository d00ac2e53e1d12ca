"""Reading pictures and order files in child processes, behind core.ports.TextReader.

A person sends a photo and gets its text back within seconds; a hostile one gets a reason and costs one child.
Children are started when first needed, recycled after a number of files, killed when they are too slow,
and end by themselves when the bot is gone, because their pipe closes.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from typing import Any

import bot
from bot.files.kinds import BYTE_CAPS, FileKind, is_picture, sniff
from bot.files.refusals import FileRefused, RefusalReason
from bot.ocr_wire import LENGTHS, pack, page_from_json, unpack_lengths
from core.reading.words import ReadPage

log = logging.getLogger(__name__)

GIBI = 1024**3
PROJECT = Path(bot.__file__).resolve().parent.parent
KEPT_ENV = ("PATH", "LANG", "LC_ALL", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "TZ")
"""A child sees nothing else of our environment: no tokens, no database address."""
SINGLE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
TRIES = 2
CODES_MEMORY = GIBI


class ReaderClosed(RuntimeError):
    """The desk is going down. The file is not refused: its message is taken up again after the restart."""


class _Child:
    """One child process and how much it has read."""

    def __init__(self, memory: int) -> None:
        self._memory = memory
        self._process: Process | None = None
        self.served = 0

    async def ask(self, head: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
        """One question, one answer. Raises ConnectionError or asyncio.IncompleteReadError when the
        child died."""
        process = await self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(pack(head, body))
        await process.stdin.drain()
        head_size, body_size = unpack_lengths(await process.stdout.readexactly(LENGTHS.size))
        text = await process.stdout.readexactly(head_size)
        answer = await process.stdout.readexactly(body_size)
        self.served += 1
        return json.loads(text), answer

    async def _running(self) -> Process:
        if self._process is None:
            self.served = 0
            env = {name: os.environ[name] for name in KEPT_ENV if name in os.environ} | SINGLE_THREAD
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "bot.ocr_child",
                str(self._memory),
                stdin=PIPE,
                stdout=PIPE,
                cwd=PROJECT,
                env=env,
                start_new_session=True,
            )
            log.info("reading child %d started", self._process.pid)
        return self._process

    async def stop(self, *, kill: bool) -> None:
        """Ends the process: by closing its pipe, or at once when it is stuck."""
        process, self._process = self._process, None
        if process is None:
            return
        if kill and process.returncode is None:
            process.kill()
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(5):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        log.info("reading child %d ended with %s", process.pid, process.returncode)


class OcrReader:
    """Reads pictures and files; the port core.ports.TextReader.

    `workers` children read at the same time; each is limited to `memory` bytes of address space and
    `timeout` seconds per file, and replaced after `recycle_after` files.
    """

    def __init__(
        self,
        *,
        workers: int = 1,
        timeout: float = 60.0,
        recycle_after: int = 200,
        memory: int = 3 * GIBI,
    ) -> None:
        self._timeout = timeout
        self._recycle_after = recycle_after
        self._children = [_Child(memory) for _ in range(workers)]
        # Bar codes take milliseconds and no models: they wait behind no photo that is being read.
        self._codes = _Child(CODES_MEMORY)
        self._codes_busy = asyncio.Lock()
        self._idle: asyncio.LifoQueue[_Child] = asyncio.LifoQueue()
        for child in self._children:
            self._idle.put_nowait(child)
        self._in_work = 0
        self._closed = False

    @property
    def waiting(self) -> int:
        """Files taken in and not yet read: the next one is in place `waiting + 1`."""
        return self._in_work

    async def warm_up(self) -> None:
        """Loads one child's models, about three seconds, so that the first photo does not wait for it."""
        await self._ask({"op": "warm"}, b"")

    async def read(self, image: bytes) -> tuple[ReadPage, ...]:
        """The words of a picture. Raises FileRefused with the reason people are told."""
        if not image:
            raise FileRefused(RefusalReason.EMPTY)
        if not is_picture(image):
            raise FileRefused(RefusalReason.UNKNOWN_KIND, f"first bytes {image[:8].hex()}")
        if len(image) > BYTE_CAPS[FileKind.PICTURE]:
            raise FileRefused(RefusalReason.TOO_MANY_BYTES, f"{len(image)} bytes")
        answer, _ = await self._ask({"op": "picture"}, image)
        return tuple(page_from_json(page) for page in answer["pages"])

    async def read_file(self, data: bytes, filename: str = "") -> tuple[ReadPage, ...]:
        """The words of a picture, PDF, workbook or CSV, one page each sheet or page. Raises FileRefused."""
        sniff(data, filename)
        answer, _ = await self._ask({"op": "file", "name": filename}, data)
        return tuple(page_from_json(page) for page in answer["pages"])

    async def bar_codes(self, picture: bytes) -> list[str]:
        """Texts of the bar codes and QR codes in a picture; a broken, huge or hostile one has none."""
        if self._closed:
            raise ReaderClosed
        async with self._codes_busy:
            try:
                answer, _ = await self._ask_child(self._codes, {"op": "codes"}, picture)
            except FileRefused as refused:
                log.info("no bar code read: %s", refused)
                return []
        return [str(code) for code in answer["codes"]]

    async def page_picture(self, pdf: bytes, number: int) -> bytes:
        """Page `number` (from 0) of a PDF as PNG, in the scale of its words. Raises FileRefused."""
        _, png = await self._ask({"op": "page", "number": number}, pdf)
        return png

    async def close(self) -> None:
        """Ends all children; a file being read is given up."""
        self._closed = True
        for child in (*self._children, self._codes):
            await child.stop(kill=True)

    async def _ask(self, head: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
        if self._closed:
            raise ReaderClosed
        self._in_work += 1
        try:
            child = await self._idle.get()
            try:
                return await self._ask_child(child, head, body)
            finally:
                self._idle.put_nowait(child)
        finally:
            self._in_work -= 1

    async def _ask_child(self, child: _Child, head: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
        for _ in range(TRIES):
            try:
                async with asyncio.timeout(self._timeout):
                    answer, blob = await child.ask(head, body)
            except TimeoutError:
                await child.stop(kill=True)
                raise FileRefused(RefusalReason.TOO_SLOW, f"over {self._timeout} s") from None
            except (ConnectionError, asyncio.IncompleteReadError, ValueError) as error:
                await child.stop(kill=True)
                if self._closed:
                    raise ReaderClosed from None
                log.warning("reading child died on %d bytes: %s", len(body), type(error).__name__)
                continue
            except asyncio.CancelledError:
                await child.stop(kill=True)  # its answer would be taken for the next file's
                raise
            if child.served >= self._recycle_after:
                await child.stop(kill=False)
            _raise_refusal(answer)
            return answer, blob
        raise FileRefused(RefusalReason.READER_FAILED)


def _raise_refusal(answer: dict[str, Any]) -> None:
    if reason := answer.get("refused"):
        raise FileRefused(RefusalReason(reason), answer.get("detail", ""))
