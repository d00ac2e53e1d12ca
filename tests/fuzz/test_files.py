"""Mutated order files through the real reading child: words or a reason, never another error, memory capped."""

from __future__ import annotations

import io
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from PIL import Image

from bot.files.refusals import FileRefused
from bot.ocr import OcrReader
from core.reading.words import ReadPage
from tests.fuzz.envelopes import damage
from tests.reading import files

pytestmark = pytest.mark.asyncio(loop_scope="session")

MEMORY = 700 * 1024 * 1024
"""Address space of the child in bytes; no model is loaded here, so little is enough."""


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def child() -> AsyncIterator[OcrReader]:
    reader = OcrReader(timeout=20.0, memory=MEMORY, recycle_after=10_000)
    yield reader
    await reader.close()


def seeds() -> dict[str, bytes]:
    """One good file of each kind that needs no recognition, small, so that every byte has its chance."""
    rows = [["物料号", "数量"], ["04465-0K240", 20], ["90915-YZZD4", 48]]
    text = files.text_pdf([(50.0, 60.0, "04465-0K240  20"), (50.0, 90.0, "90915-YZZD4  48")])
    return {
        "a.xlsx": files.workbook(rows, merged=("A1:A2",), hidden=("秘密",)),
        "a.csv": "物料号,数量\n04465-0K240,20\n".encode("gb18030"),
        "a.pdf": text,
    }


def mutants(good: bytes, rng: random.Random, count: int) -> list[bytes]:
    made = []
    for _ in range(count):
        data = bytearray(good)
        for _ in range(rng.choice((1, 1, 2, 5, 20))):
            damage(rng, data)
        made.append(bytes(data))
    return made


def _peak_kb(reader: OcrReader) -> int:
    process = reader._children[0]._process
    assert process is not None
    status = Path(f"/proc/{process.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


@pytest.mark.parametrize(("name", "count"), [("a.xlsx", 120), ("a.csv", 60), ("a.pdf", 12)])
async def test_a_mutated_file_is_read_or_refused(child: OcrReader, name: str, count: int) -> None:
    for data in mutants(seeds()[name], random.Random(name), count):
        try:
            pages = await child.read_file(data, name)
        except FileRefused:
            continue
        assert all(isinstance(page, ReadPage) for page in pages)

    assert _peak_kb(child) * 1024 < MEMORY
    again = await child.read_file(seeds()["a.csv"], "a.csv")
    assert [word.text for word in again[0].words][-1] == "20"


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "WEBP", "BMP"])
async def test_a_mutated_picture_has_no_bar_code_and_hurts_nobody(child: OcrReader, form: str) -> None:
    """Decoding is where a picture hurts; bar codes decode it the same way, without the models."""
    out = io.BytesIO()
    Image.effect_noise((64, 48), 60).convert("RGB").save(out, form)
    for data in mutants(out.getvalue(), random.Random(form), 60):
        codes = await child.bar_codes(data)
        assert isinstance(codes, list)

    process = child._codes._process
    assert process is not None
    assert process.returncode is None
