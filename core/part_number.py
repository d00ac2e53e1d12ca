"""Part numbers as people write them: one normal form for look-ups, one skeleton for look-alike characters."""

from __future__ import annotations

import re
import unicodedata
from datetime import date

_DROPPED = dict.fromkeys(map(ord, " \t\n\r\u3000-‐‑‒–—―−﹣－./\\_·•"))
_LOOKALIKES = str.maketrans({"O": "0", "Q": "0", "D": "0", "I": "1", "L": "1", "B": "8", "S": "5", "Z": "2", "G": "6"})

_SHAPE = re.compile(r"[0-9A-Z]{5,20}")
_SOMETHING_ELSE = (
    re.compile(r"(SO|RMA|W)\d{4,6}-?\d{2,4}[A-Z]?"),  # an order, a return, a wave
    re.compile(r"B\d{6}-?\d{2}"),  # a batch
    re.compile(r"[A-Z]-\d{2}-\d{2}-\d-\d{2}"),  # a bin
    re.compile(r"[A-Z]-\d{2}-\d{2}"),  # a rack
    re.compile(r"1[3-9]\d-?\d{4}-?\d{4}"),  # a mobile phone
    re.compile(r"(?=.*[A-Z])(?=.*\d)[A-HJ-NPR-Z0-9]{17}"),  # a VIN
    re.compile(r"\d+(\.\d+)?(PCS?|EA|SETS?|BOX(ES)?|CTN|MM|CM|KG|ML)"),  # a quantity or a size with its unit
)
_DATE = re.compile(r"(\d{4})[-/.]?(\d{1,2})[-/.]?(\d{1,2})")


def tidy(text: str) -> str:
    """The same text in half width, without characters nobody sees (zero-width, direction marks, controls)."""
    if not text.isprintable():  # printable is what has none of them: most of what is written, and all of a master row
        text = "".join(c for c in text.replace("\r", "\n") if c in "\n\t" or unicodedata.category(c)[0] != "C")
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def squeezed(text: str) -> str:
    """The tidied text with one blank for many, and one line break for many; patterns then need not count them."""
    return re.sub(r" ?\n[ \n]*", "\n", re.sub(r"[^\S\n]+", " ", tidy(text))).strip()


def normal(text: str) -> str:
    """``w75/3``, ``W 75-3`` and ``W753`` are the same part: half width, upper case, without space, dash, dot,
    slash and underscore (domain page, section 2). Leading zeros stay."""
    return tidy(text).upper().translate(_DROPPED)


def skeleton(normal_form: str) -> str:
    """What is left when characters that look alike are one: O 0 Q D · I 1 L · B 8 · S 5 · Z 2 · G 6."""
    return normal_form.upper().translate(_LOOKALIKES)


def looks_like_part(token: str) -> bool:
    """Whether a word could be a part number nobody has entered yet.

    Five to twenty letters and digits with at least three digits; plain digits only from seven on or in groups
    (``04465-33471``). An order, batch, bin, phone, VIN or calendar date is none.
    """
    written = tidy(token).strip().upper()
    bare = normal(written)
    if not _SHAPE.fullmatch(bare) or sum(c.isdigit() for c in bare) < 3:
        return False
    if any(form.fullmatch(written) for form in _SOMETHING_ELSE) or _is_date(written):
        return False
    if bare.isdigit():
        return len(bare) >= 7 and "." not in written
    return True


def _is_date(written: str) -> bool:
    found = _DATE.fullmatch(written)
    if not found or not 2000 <= int(found[1]) <= 2099:
        return False
    try:
        date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        return False
    return True
