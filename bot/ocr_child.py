"""The reading child: one file in, words out, until its pipe closes. Started by bot.ocr, never by hand.

Everything that decodes a stranger's bytes happens here, under a memory limit and without a network: a
file that breaks a decoder costs one child, not the desk.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
import traceback
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from bot.ocr_engine import Recogniser

PR_SET_PDEATHSIG = 1
NICENESS = 5
"""Reading gives way to answering people when the machine is busy."""


def main() -> None:
    """Serves frames from stdin on what was stdout; anything a library prints goes to stderr."""
    memory = int(sys.argv[1])
    die_with(os.getppid())
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the bot, which then closes our pipe
    os.nice(NICENESS)
    sys.addaudithook(refuse_network)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        _serve(sys.stdin.buffer, answers)
    except BrokenPipeError:
        os._exit(0)  # the bot is gone, and with it the only reader of an error message


def die_with(parent: int) -> None:
    """Our pipe closes when the bot dies, but a decoder that never returns would not see it: ask the kernel (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(0)


def refuse_network(event: str, _: tuple[Any, ...]) -> None:
    """Audit hook. Raises PermissionError on any look-up or connection: models come with the package."""
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname"):
        raise PermissionError("the reading child uses no network")


def _serve(requests: BinaryIO, answers: BinaryIO) -> None:
    from bot.ocr_wire import pack, receive

    desk = _Desk()
    while (frame := receive(requests)) is not None:
        head, body = frame
        answers.write(pack(*desk.answer(head, body)))
        answers.flush()


class _Desk:
    """Answers one request after the other; the models are loaded at the first one that needs them."""

    def __init__(self) -> None:
        self._recogniser: Recogniser | None = None

    def answer(self, head: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
        from bot.files.refusals import FileRefused, RefusalReason

        try:
            return self._work(head, body)
        except FileRefused as refused:
            return {"refused": refused.reason.value, "detail": refused.detail}, b""
        except MemoryError:
            return {"refused": RefusalReason.BOMB.value, "detail": "memory limit"}, b""
        except Exception as error:  # a file that trips a library is that file's trouble, not the next one's
            traceback.print_exc()
            return {"refused": RefusalReason.READER_FAILED.value, "detail": repr(error)}, b""

    def _work(self, head: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
        from bot.ocr_wire import page_to_json

        match head["op"]:
            case "warm":
                self._ready().warm_up()
                return {"pages": []}, b""
            case "codes":
                return {"codes": _bar_codes(body)}, b""
            case "picture":
                pages = (self._picture(body),)
            case "file":
                pages = self._file(body, head["name"])
            case "page":
                return {"pages": []}, _page_png(body, head["number"])
            case other:
                raise ValueError(f"unknown request {other!r}")
        return {"pages": [page_to_json(page) for page in pages]}, b""

    def _ready(self) -> Recogniser:
        from bot.ocr_engine import Recogniser

        if self._recogniser is None:
            self._recogniser = Recogniser()
        return self._recogniser

    def _picture(self, data: bytes) -> Any:
        from bot.files.pictures import decode

        pixels = decode(data)  # refused before the models are loaded for it
        return self._ready().read(pixels)

    def _file(self, data: bytes, name: str) -> tuple[Any, ...]:
        from bot.files.delimited import read_csv
        from bot.files.kinds import FileKind, sniff
        from bot.files.portable import read_pdf
        from bot.files.workbook import read_xlsx

        match sniff(data, name):
            case FileKind.PICTURE:
                return (self._picture(data),)
            case FileKind.CSV:
                return read_csv(data)
            case FileKind.XLSX:
                return read_xlsx(data)
            case FileKind.PDF:
                return read_pdf(data, lambda pixels, number: self._ready().read(pixels, number))


def _bar_codes(data: bytes) -> list[str]:
    import zxingcpp

    from bot.files.pictures import decode

    return [code.text for code in zxingcpp.read_barcodes(decode(data)) if code.text]


def _page_png(data: bytes, number: int) -> bytes:
    import cv2

    from bot.files.portable import page_picture

    _, png = cv2.imencode(".png", page_picture(data, number))
    return bytes(png.tobytes())


if __name__ == "__main__":
    main()
