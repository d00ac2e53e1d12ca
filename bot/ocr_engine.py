"""The recogniser itself: an upright page of words out of a picture. Lives only in the child process.

Decisions (measured): the line classifier stays off, because it turns isolated 6, 9, 60, 90 upside down
with high
confidence; the page's orientation is decided once instead. Crops are read one by one with one thread.
Models come with the package; a missing one is an error, never a download.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from core.reading.words import Quad, ReadPage, Word

Pixels = NDArray[np.uint8]
Boxes = NDArray[np.float32]

LONG_SIDE = 2000
"""Pictures are read at no more than this many pixels on the long side."""
TEXT_SCORE = 0.3
"""Below this a crop is taken for a smudge. Low, because a doubtful quantity must be asked about, not
dropped."""
ORIENTATION_CROPS = 4
SURE_UPRIGHT = 0.97
"""Mean score of the widest crops from which on the page is upright without a second look."""
STAIN_SHARE = 0.03
"""Share of red pixels in a box from which on a stamp lies over it."""
BESIDE = 0.6
"""Type heights left and right of a box that are looked at too: about the width of a lost digit."""
REDNESS = 0.16
"""How far red stands above green and blue in red ink, as a share of the paper's brightness."""
MESH = 12
RED_PAGE_SHARE = 0.0005
"""Share of red pixels on a page from which on they are worth fading."""
BRIGHTEST_PAPER = 251
"""Paper brighter than this is a scan's or a drawing's white, in which no reflection can be told."""
BURNT = 252
MODELS = ("PP-OCRv6_det_small.onnx", "PP-OCRv6_rec_small.onnx")


@dataclass(frozen=True, kw_only=True)
class _Line:
    text: str
    score: float


def open_engine() -> Any:
    """The recogniser's engine with our settings. Raises FileNotFoundError when a model is not in the package."""
    spec = find_spec("rapidocr")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("the package rapidocr is not installed")
    folder = Path(next(iter(spec.submodule_search_locations))) / "models"
    detector, reader = (folder / name for name in MODELS)
    for model in (detector, reader):
        if not model.is_file():
            raise FileNotFoundError(f"recogniser model {model.name} is not in the installed package")

    from rapidocr import RapidOCR

    # An explicit model path never reaches the package's download branch.
    engine = RapidOCR(
        params={
            "Global.use_cls": False,
            "Global.log_level": "error",
            "Global.text_score": TEXT_SCORE,
            "Det.model_path": str(detector),
            "Rec.model_path": str(reader),
            "Rec.rec_batch_num": 1,
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            "EngineConfig.onnxruntime.enable_cpu_mem_arena": False,
        }
    )
    cv2.setNumThreads(1)
    return engine


class Recogniser:
    """Detection and recognition models, loaded once."""

    def __init__(self) -> None:
        """Raises FileNotFoundError when the models are not in the installed package."""
        self._engine = open_engine()

    def warm_up(self) -> None:
        """Loads the models and runs them once, so that the first person does not wait for it."""
        blank = np.full((120, 320, 3), 255, np.uint8)
        cv2.putText(blank, "04465-0K240", (10, 80), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (0, 0, 0), 2)
        self.read(blank)

    def read(self, picture: Pixels, number: int = 0) -> ReadPage:
        """The words of a BGR picture, turned upright; no words when there is no text in it."""
        small, scale = _reduced(picture)
        paper = _paper(small)
        red = _red(small, paper)
        spoilt = red | _burnt(small)
        small = _bleached(small, red, paper)
        boxes = self._detect(small)
        turned = 0
        if len(boxes):
            if _lies_on_its_side(boxes):
                boxes = _turn_boxes(boxes, small)
                small, spoilt = np.ascontiguousarray(np.rot90(small, -1)), np.rot90(spoilt, -1)
                turned = 90
            crops = [_crop(small, box) for box in boxes]
            lines, flipped = self._read_upright(crops)
            if flipped:
                small, spoilt = np.ascontiguousarray(small[::-1, ::-1]), spoilt[::-1, ::-1]
                boxes = _half_turn_boxes(boxes, small)
                turned += 180
            words = _words(spoilt, boxes, lines, scale, number)
        else:
            words = ()
        height, width = small.shape[:2]
        return ReadPage(
            width=round(width / scale),
            height=round(height / scale),
            words=words,
            source="ocr",
            number=number,
            turned=turned % 360,
        )

    def _detect(self, picture: Pixels) -> Boxes:
        found = self._engine(picture, use_det=True, use_cls=False, use_rec=False)
        if found.boxes is None:
            return np.zeros((0, 4, 2), np.float32)
        return np.asarray(found.boxes, np.float32)

    def _recognise(self, crop: Pixels) -> _Line:
        read = self._engine.recognize_txt([crop])
        return _Line(text=str(read.txts[0]), score=float(read.scores[0]))

    def _read_upright(self, crops: list[Pixels]) -> tuple[list[_Line], bool]:
        """Lines of all crops, and whether the page stood on its head.

        The widest crops are tried both ways only when they do not read well the first way, so that an upright
        page costs nothing.
        """
        order = sorted(range(len(crops)), key=lambda n: crops[n].shape[1] / crops[n].shape[0], reverse=True)
        sample = order[:ORIENTATION_CROPS]
        known = {n: self._recognise(crops[n]) for n in sample}
        flipped = False
        as_is = sum(line.score for line in known.values()) / len(sample)
        if as_is < SURE_UPRIGHT:
            other = {n: self._recognise(_on_its_head(crops[n])) for n in sample}
            if sum(line.score for line in other.values()) / len(sample) > as_is:
                known, flipped = other, True
        for n, crop in enumerate(crops):
            if n not in known:
                known[n] = self._recognise(_on_its_head(crop) if flipped else crop)
        return [known[n] for n in range(len(crops))], flipped


def _reduced(picture: Pixels) -> tuple[Pixels, float]:
    long_side = max(picture.shape[:2])
    if long_side <= LONG_SIDE:
        return picture, 1.0
    scale = LONG_SIDE / long_side
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8), scale


def _sides(box: Boxes) -> tuple[float, float]:
    across = max(math.dist(box[0], box[1]), math.dist(box[3], box[2]))
    down = max(math.dist(box[0], box[3]), math.dist(box[1], box[2]))
    return across, down


def _lies_on_its_side(boxes: Boxes) -> bool:
    tall = sum(down > 1.5 * across for across, down in map(_sides, boxes))
    wide = sum(across > 1.5 * down for across, down in map(_sides, boxes))
    return tall > wide


def _turn_boxes(boxes: Boxes, before: Pixels) -> Boxes:
    """Boxes after a quarter turn clockwise: (x, y) → (height - y, x), the first corner again top left."""
    height = before.shape[0]
    turned = np.stack([height - boxes[:, :, 1], boxes[:, :, 0]], axis=-1)
    return np.asarray(np.roll(turned, 1, axis=1), np.float32)


def _half_turn_boxes(boxes: Boxes, picture: Pixels) -> Boxes:
    height, width = picture.shape[:2]
    turned = np.stack([width - boxes[:, :, 0], height - boxes[:, :, 1]], axis=-1)
    return np.asarray(np.roll(turned, 2, axis=1), np.float32)


def _crop(picture: Pixels, box: Boxes) -> Pixels:
    """The box as an upright strip. Narrow boxes stay as they are: a lone "1" is taller than wide."""
    across, down = _sides(box)
    width, height = max(4, round(across)), max(4, round(down))
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(box, corners)
    strip = cv2.warpPerspective(
        picture, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(strip, np.uint8)


def _on_its_head(crop: Pixels) -> Pixels:
    return np.ascontiguousarray(crop[::-1, ::-1])


def _words(spoilt: NDArray[np.bool_], boxes: Boxes, lines: list[_Line], scale: float, number: int) -> tuple[Word, ...]:
    words = []
    for box, line in zip(boxes, lines, strict=True):
        if not line.text.strip() or line.score < TEXT_SCORE:
            continue
        words.append(
            Word(
                text=line.text.strip(),
                box=_quad(box / scale),
                score=round(line.score, 4),
                page=number,
                stained=_stained(spoilt, box),
            )
        )
    return tuple(words)


def _quad(box: Boxes) -> Quad:
    a, b, c, d = ((round(float(x), 1), round(float(y), 1)) for x, y in box)
    return (a, b, c, d)


def _paper(picture: Pixels) -> NDArray[np.float32]:
    """How bright the bare paper is at each place, shadows included: print and stamps are thinner than the mesh."""
    height, width = picture.shape[:2]
    mesh = (max(1, width // MESH), max(1, height // MESH))
    coarse = cv2.resize(picture[:, :, 2], mesh, interpolation=cv2.INTER_AREA)
    lit = cv2.blur(cv2.dilate(coarse, np.ones((5, 5), np.uint8)), (5, 5))
    return np.asarray(cv2.resize(lit, (width, height)), np.float32) + 1


def _red(picture: Pixels, paper: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Red ink, by how far red stands above the other colours in that light; smoothed, or noise would count."""
    smooth = cv2.blur(picture, (5, 5)).astype(np.int16)
    above = smooth[:, :, 2] - np.maximum(smooth[:, :, 0], smooth[:, :, 1])
    return np.asarray(above > REDNESS * paper, np.bool_)


def _bleached(picture: Pixels, red: NDArray[np.bool_], paper: NDArray[np.float32]) -> Pixels:
    """The picture with red ink faded: in the red channel a stamp is nearly paper, and print under it still ink.

    Stretched so that the stamp's own red becomes the paper of that place; what is darker than it stays darker.
    """
    if red.mean() < RED_PAGE_SHARE:
        return picture
    ink = cv2.dilate(red.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)
    light = picture[:, :, 2].astype(np.float32) / paper
    stamp = max(float(np.median(light[red])), 0.1)
    faded = np.clip(light / stamp, 0, 1) * paper
    bleached = picture.copy()
    bleached[ink] = np.clip(faded[ink], 0, 255).astype(np.uint8)[:, None]
    return bleached


def _burnt(picture: Pixels) -> NDArray[np.bool_]:
    """Where a reflection has burnt the paper out: plainly brighter than the page's own paper, over a patch."""
    dullest = cv2.blur(picture.min(axis=2), (15, 15))
    paper = float(np.median(dullest))
    if paper > BRIGHTEST_PAPER:
        return np.zeros(dullest.shape, np.bool_)
    lightest = float(np.percentile(dullest, 60))
    return np.asarray(dullest >= max(BURNT, lightest + 2), np.bool_)


def _stained(spoilt: NDArray[np.bool_], box: Boxes) -> bool:
    """Whether a stamp or a reflection touches the box or the place beside it, where more digits could be lost."""
    left, top = box.min(axis=0)
    right, bottom = box.max(axis=0)
    beside = BESIDE * (bottom - top)
    rows = slice(max(0, int(top)), math.ceil(bottom))
    columns = slice(max(0, int(left - beside)), math.ceil(right + beside))
    inside = spoilt[rows, columns]
    return bool(inside.size and inside.mean() > STAIN_SHARE)
