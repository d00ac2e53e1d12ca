"""The picture a person sent, handed back: green boxes around what is right, red ones around what is not."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from PIL import Image, ImageDraw, ImageOps

from cards.fonts import cjk_font
from core.findings import Finding, Severity
from core.reading.sheet import SheetReading
from core.reading.words import Quad

LONG_SIDE = 1600
"""Pixels of the long side sent back: sharp on a phone, far below both platforms' 10 MB."""
MAX_PIXELS = 50_000_000
"""The cap the reader applies too; a picture over it never gets here with boxes."""
QUALITY = 85


class MarkState(StrEnum):
    """What a box says."""

    OK = "ok"  # green: matched
    DOUBT = "doubt"  # orange: to be acknowledged
    FLAG = "flag"  # red: must be changed


COLOURS = {MarkState.OK: (22, 155, 60), MarkState.DOUBT: (240, 140, 0), MarkState.FLAG: (220, 20, 30)}
WORST_LAST = (MarkState.OK, MarkState.DOUBT, MarkState.FLAG)


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A box in the pixels of the upright page as read, its state, and a short label (a line number)."""

    box: Quad
    state: MarkState
    label: str = ""


def marks_of(reading: SheetReading, findings: Iterable[Finding] = (), *, page: int = 0) -> tuple[Mark, ...]:
    """The marks of one page: customer, due date, part and quantity of each line, labelled with its number.

    A finding of the draft makes its field red or orange; a reading problem alone makes the line orange.
    """
    states: dict[tuple[int | None, str], MarkState] = {}
    for finding in findings:
        if finding.severity is Severity.INFO or not finding.open:
            continue
        state = MarkState.FLAG if finding.severity is Severity.RED else MarkState.DOUBT
        key = (finding.line, finding.field)
        states[key] = max(state, states.get(key, MarkState.OK), key=WORST_LAST.index)
    for problem in reading.problems:
        if problem.line is not None:
            field = problem.kind.value.partition("_")[0]
            states.setdefault((problem.line, field if field == "part" else "quantity"), MarkState.DOUBT)

    marks: list[Mark] = []
    for name, field_read in (("customer", reading.customer), ("due", reading.due)):
        if field_read is not None and field_read.page == page:
            state = states.get((None, name), MarkState.OK)
            marks += [Mark(box=box, state=state) for box in field_read.boxes]
    for line in reading.lines:
        if line.page != page:
            continue
        for name, box in line.boxes:
            if name in ("part", "quantity"):
                state = states.get((line.position, name), MarkState.OK)
                marks.append(Mark(box=box, state=state, label=str(line.position) if name == "part" else ""))
    return tuple(marks)


def annotate(image: bytes, marks: Sequence[Mark], *, turned: int = 0) -> bytes:
    """The picture as JPEG with the marks drawn, upright: EXIF orientation and `turned` degrees applied.

    Raises ValueError when the picture has more pixels than the reader accepts, OSError when it is broken.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        picture = Image.open(io.BytesIO(image))
    if picture.width * picture.height > MAX_PIXELS:
        raise ValueError(f"picture of {picture.width}x{picture.height} pixels")
    long_side = max(picture.size)
    picture.draft("RGB", (LONG_SIDE, LONG_SIDE))
    upright = ImageOps.exif_transpose(picture).convert("RGB").rotate(-turned, expand=True)
    upright.thumbnail((LONG_SIDE, LONG_SIDE), Image.Resampling.LANCZOS)
    scale = max(upright.size) / long_side
    _draw(upright, marks, scale)
    out = io.BytesIO()
    upright.save(out, "JPEG", quality=QUALITY)
    return out.getvalue()


def _draw(picture: Image.Image, marks: Sequence[Mark], scale: float) -> None:
    pen = ImageDraw.Draw(picture)
    line = max(2, max(picture.size) // 500)
    font = cjk_font(max(12, max(picture.size) // 60))
    for mark in sorted(marks, key=lambda mark: WORST_LAST.index(mark.state)):
        colour = COLOURS[mark.state]
        corners = [(x * scale, y * scale) for x, y in mark.box]
        width = line * 2 if mark.state is MarkState.FLAG else line
        pen.line([*corners, corners[0], corners[1]], fill=colour, width=width, joint="curve")
        if mark.label:
            x, y = corners[0]
            left, top, right, bottom = pen.textbbox((x, y), mark.label, font, anchor="lb")
            shift = max(0, -top + 1)
            pen.rectangle((left - 3, top + shift - 2, right + 3, bottom + shift + 2), fill=colour)
            pen.text((x, y + shift), mark.label, (255, 255, 255), font, anchor="lb")
