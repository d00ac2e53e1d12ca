"""A picture of a few kilobytes that would fill the memory is refused before a pixel of it is decoded (R15)."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import pytest
from PIL import Image

from bot.files.refusals import FileRefused, RefusalReason
from bot.ocr import PROJECT, OcrReader
from tests.reading import files

MEASURE = """
import json, resource, sys, time
from bot.files.pictures import decode
from bot.files.refusals import FileRefused
data = sys.stdin.buffer.read()
try:
    decode(b"GIF89a")  # loads the decoders, as the first picture of the day does
except FileRefused:
    pass
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
started = time.process_time()
try:
    decode(data)
    reason = "decoded"
except FileRefused as refused:
    reason = refused.reason.value
took = time.process_time() - started
print(json.dumps([reason, took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before]))
"""


@pytest.mark.parametrize("side", [12_000, 16_000, 30_000])
def test_a_pixel_bomb_is_refused_within_fifty_milliseconds_and_fifty_megabytes(side: int) -> None:
    bomb = files.pixel_bomb(side)
    done = subprocess.run(
        [sys.executable, "-c", MEASURE], input=bomb, capture_output=True, cwd=PROJECT, check=True, timeout=60
    )

    reason, seconds, grown_kb = json.loads(done.stdout)

    assert len(bomb) < 200 * 1024
    assert reason == "too_many_pixels"
    assert seconds < 0.05
    assert grown_kb < 50 * 1024


async def test_a_picture_that_outgrows_the_child_is_refused_and_the_next_file_is_read() -> None:
    """Inside the pixel limit, beyond the child's address space: the allocation fails there, not in the bot."""
    out = io.BytesIO()
    Image.new("RGB", (7000, 7000), (9, 9, 9)).save(out, "PNG", compress_level=1)
    reader = OcrReader(memory=450 * 1024 * 1024)
    await reader.read_file(b"warm,1\n", "a.csv")

    with pytest.raises(FileRefused) as refused:
        await reader.read(out.getvalue())
    pages = await reader.read_file(b"next,2\n", "a.csv")
    await reader.close()

    assert refused.value.reason in (RefusalReason.BOMB, RefusalReason.READER_FAILED)
    assert pages[0].words[0].text == "next"
