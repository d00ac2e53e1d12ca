"""Numbers as they are spoken: 二十, 两百五, 壹拾, 2千."""

from __future__ import annotations

_SPOKEN = ("零〇", "一壹", "二两贰", "三叁", "四肆", "五伍", "六陆", "七柒", "八捌", "九玖")
_DIGITS = {c: n for n, group in enumerate(_SPOKEN) for c in group}
_PLACES = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000}
_TENS = {"廿": 20, "卅": 30}

NUMERAL = "[零〇一二两三四五六七八九十百千万廿卅壹贰叁肆伍陆柒捌玖拾佰仟]"


def spoken_number(text: str) -> int | None:
    """The value of a Chinese numeral, None when it is none.

    ``两百五`` is 250 (a last digit after 百, 千, 万 counts the next lower place), ``二〇`` is 20 digit by digit.
    """
    if not text or len(text) > 12:
        return None
    if len(text) == 2 and spoken_range(text):
        return None
    if all(c in _DIGITS for c in text):
        return int("".join(str(_DIGITS[c]) for c in text)) if len(text) <= 6 else None
    head, ten_thousand, tail = text.partition("万")
    if ten_thousand:
        high = _below_ten_thousand(head)
        low = _tail_of(tail, 1000)
        return None if high is None or low is None else high * 10_000 + low
    return _below_ten_thousand(text)


def spoken_range(text: str) -> tuple[int, ...]:
    """``一两``, ``三五`` are “one or two”, “three to five”: both ends; empty for anything else."""
    ends = tuple(_DIGITS.get(c, 0) for c in text)
    return ends if len(ends) == 2 and all(ends) else ()


def _tail_of(text: str, next_place: int) -> int | None:
    if not text:
        return 0
    if len(text) == 1 and text in _DIGITS:
        return _DIGITS[text] * next_place
    return _below_ten_thousand(text)


def _below_ten_thousand(text: str) -> int | None:
    total, digit, last, zero = 0, None, 10_000, False
    for c in text:
        if c in _DIGITS:
            if digit is not None:
                return None
            if _DIGITS[c] == 0:
                zero = True
            else:
                digit = _DIGITS[c]
        elif c in _TENS:
            if digit is not None or last <= 10:
                return None
            total, last = total + _TENS[c], 10
        else:
            place = _PLACES.get(c)
            if place is None or place >= last:
                return None
            total += (1 if digit is None else digit) * place
            digit, last, zero = None, place, False
    if digit is not None:
        total += digit * (last // 10 if last >= 100 and last < 10_000 and not zero else 1)
    return total or None
