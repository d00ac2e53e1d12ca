"""Files that want to hurt: each is refused with its reason, quickly, and the next file is read as ever."""

from __future__ import annotations

import asyncio
import io
import signal
import sys
import time
from asyncio.subprocess import PIPE

import pytest
from PIL import Image

from bot.files.pictures import decode
from bot.files.refusals import FileRefused, RefusalReason
from bot.ocr import PROJECT, OcrReader, ReaderClosed
from tests.reading import files
from tests.reading.samples import make

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (files.pixel_bomb(), RefusalReason.TOO_MANY_PIXELS),
        (make("clean", 0).picture[:6000], RefusalReason.BROKEN),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 400, RefusalReason.BROKEN),
        (b"GIF89a", RefusalReason.BROKEN),
        (b"<svg onload=alert(1)>", RefusalReason.UNKNOWN_KIND),
        (b"\xff\xd8\xff" + b"\0" * (10 * 1024 * 1024), RefusalReason.TOO_MANY_BYTES),
        (b"", RefusalReason.EMPTY),
    ],
    ids=["pixel bomb", "truncated", "no picture inside", "six bytes", "svg", "oversize", "empty"],
)
async def test_a_hostile_picture_is_refused_with_its_reason(
    reader: OcrReader, image: bytes, reason: RefusalReason
) -> None:
    started = time.monotonic()

    with pytest.raises(FileRefused) as refused:
        await reader.read(image)

    assert refused.value.reason is reason
    assert refused.value.sentence == "file_refused"
    assert refused.value.args_for_text == {"reason": reason.value}
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    ("data", "name", "reason"),
    [
        (files.zip_bomb(), "a.xlsx", RefusalReason.BOMB),
        (files.entity_workbook(), "a.xlsx", RefusalReason.BOMB),
        (files.locked_pdf(), "a.pdf", RefusalReason.PASSWORD),
        (files.text_pdf(*[[(50.0, 50.0, "1")]] * 21), "a.pdf", RefusalReason.TOO_MANY_PAGES),
        (b"%PDF-1.7 nothing more", "a.pdf", RefusalReason.BROKEN),
        (b"PK\x03\x04 nothing more", "a.xlsx", RefusalReason.BROKEN),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "a.xls", RefusalReason.OLD_FORMAT),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
            "a.xlsx",
            RefusalReason.PASSWORD,
        ),
        (b"MZ\x90\0", "order.csv", RefusalReason.UNKNOWN_KIND),
        (b"x,y\n" * 20_001, "a.csv", RefusalReason.TOO_MANY_ROWS),
        (b"\xff\xff\xff", "a.csv", RefusalReason.BROKEN),
        (b"", "a.csv", RefusalReason.EMPTY),
    ],
)
async def test_a_hostile_file_is_refused_with_its_reason(
    reader: OcrReader, data: bytes, name: str, reason: RefusalReason
) -> None:
    with pytest.raises(FileRefused) as refused:
        await reader.read_file(data, name)

    assert refused.value.reason is reason


async def test_a_file_that_takes_too_long_costs_its_child_and_nothing_else() -> None:
    impatient = OcrReader(timeout=0.2)

    with pytest.raises(FileRefused) as refused:
        await impatient.read(make("clean", 0).picture)

    assert refused.value.reason is RefusalReason.TOO_SLOW
    assert impatient.waiting == 0
    await impatient.close()


async def test_a_child_that_dies_is_replaced_and_the_file_is_still_read() -> None:
    reader = OcrReader()
    data = "物料号,数量\n04465-0K240,20\n".encode("gb18030")
    await reader.read_file(data, "a.csv")
    child = reader._children[0]._process
    assert child is not None

    child.send_signal(signal.SIGKILL)
    await child.wait()
    pages = await reader.read_file(data, "a.csv")

    assert [word.text for word in pages[0].words] == ["物料号", "数量", "04465-0K240", "20"]
    await reader.close()


async def test_a_child_is_recycled_after_its_share_of_files() -> None:
    reader = OcrReader(recycle_after=2)
    pids = []
    for _ in range(3):
        await reader.read_file(b"a,b\n", "a.csv")
        process = reader._children[0]._process
        pids.append(process.pid if process else None)

    assert pids[1] is None
    assert pids[2] not in (None, pids[0])
    await reader.close()


async def test_many_files_at_once_wait_their_turn_and_the_place_is_known() -> None:
    reader = OcrReader()
    jobs = [asyncio.create_task(reader.read_file(b"a,%d\n" % n, "a.csv")) for n in range(5)]
    await asyncio.sleep(0)

    assert reader.waiting == 5
    results = await asyncio.gather(*jobs)
    assert [pages[0].words[1].text for pages in results] == ["0", "1", "2", "3", "4"]
    assert reader.waiting == 0
    await reader.close()


async def test_a_given_up_file_does_not_answer_for_the_next_one() -> None:
    reader = OcrReader()
    await reader.read_file(b"warm,0\n", "a.csv")
    job = asyncio.create_task(reader.read_file(b"first,1\n", "a.csv"))
    await asyncio.sleep(0)
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job

    pages = await reader.read_file(b"second,2\n", "a.csv")

    assert pages[0].words[0].text == "second"
    await reader.close()


async def test_the_child_has_no_network() -> None:
    code = (
        "import sys, socket; from bot.ocr_child import refuse_network; sys.addaudithook(refuse_network);"
        "socket.create_connection(('127.0.0.1', 9))"
    )

    child = await asyncio.create_subprocess_exec(sys.executable, "-c", code, cwd=PROJECT, stderr=PIPE)
    _, said = await child.communicate()

    assert b"the reading child uses no network" in said


async def test_an_exif_turned_photo_stands_upright(reader: OcrReader) -> None:
    picture = Image.open(io.BytesIO(make("clean", 0).picture))
    exif = Image.Exif()
    exif[0x0112] = 6
    out = io.BytesIO()
    picture.rotate(90, expand=True).save(out, "JPEG", exif=exif)

    pages = await reader.read(out.getvalue())

    assert pages[0].turned == 0
    assert (pages[0].width, pages[0].height) == picture.size


async def test_a_reader_that_closes_refuses_no_file_and_leaves_no_child() -> None:
    reader = OcrReader()
    await reader.read_file(b"warm,0\n", "a.csv")
    process = reader._children[0]._process
    assert process is not None
    job = asyncio.create_task(reader.read(make("clean", 0).picture))
    await asyncio.sleep(0)

    await reader.close()

    with pytest.raises(ReaderClosed):
        await job
    with pytest.raises(ReaderClosed):
        await reader.read(make("clean", 0).picture)
    assert process.returncode is not None


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "BMP", "GIF"])
async def test_every_kind_of_picture_a_phone_sends_is_decoded(form: str) -> None:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), (200, 30, 40)).save(out, form)

    pixels = decode(out.getvalue())

    assert pixels.shape == (30, 40, 3)
    assert abs(int(pixels[15, 20, 2]) - 200) < 12


async def test_transparent_pictures_stand_on_white_paper() -> None:
    out = io.BytesIO()
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(out, "PNG")

    assert decode(out.getvalue()).min() == 255
