"""Which customer a text names: by code, name, part of the name, or phone."""

from __future__ import annotations

import re
from collections.abc import Iterable

from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA

from core.catalog import Customer
from core.intake.matches import (
    BY_CODE,
    BY_CUSTOMER_NAME,
    BY_PHONE,
    MOST_CANDIDATES,
    CustomerMatch,
    MatchKind,
)
from core.part_number import normal, skeleton, tidy

_TAIL = re.compile(
    r"(股份有限公司|有限责任公司|有限公司|公司|汽车维修服务中心|汽车维修中心|汽车服务中心|汽车维修|汽车服务|汽修厂|修理厂|汽配城"
    r"|汽修|汽配|车行|贸易|店)+$"
)
_CODE = re.compile(r"([A-Z]{1,4})([0-9OQDILBSZG]{2,8})")
_ALIKE = 60.0
"""Percent of likeness from which a name is worth offering."""


class CustomerIndex:
    """All active customers, looked up by what people write."""

    def __init__(self, customers: Iterable[Customer]) -> None:
        self._all = [c for c in customers if c.active]
        self._codes = {normal(c.code): c for c in self._all}
        self._skeletons: dict[str, dict[str, Customer]] = {}
        self._phones: dict[str, dict[str, Customer]] = {}
        self._names: dict[str, dict[str, Customer]] = {}
        self._shapes: set[tuple[str, int]] = set()
        for customer in self._all:
            self._skeletons.setdefault(skeleton(normal(customer.code)), {})[customer.code] = customer
            if digits := _digits(customer.phone):
                self._phones.setdefault(digits, {})[customer.code] = customer
            self._names.setdefault(normal(customer.name), {})[customer.code] = customer
            if form := re.fullmatch(r"([A-Z]+)(\d+)", normal(customer.code)):
                self._shapes.add((form[1], len(form[2])))
        self._written = sorted({n for c in self._all if len(n := tidy(c.name).strip()) >= 3}, key=len, reverse=True)
        self._cores: dict[str, dict[str, Customer]] = {}
        for customer in self._all:
            core = _TAIL.sub("", normal(customer.name))
            if len(core) >= 2:
                self._cores.setdefault(core, {})[customer.code] = customer

    def by_code(self, code: str) -> Customer | None:
        """The customer with this code, in any spelling."""
        return self._codes.get(normal(code)) if code else None

    def by_phone(self, text: str) -> Customer | None:
        """The one customer with this phone number, None when nobody or several have it."""
        found = self._phones.get(_digits(text), {})
        return next(iter(found.values())) if len(found) == 1 else None

    def looks_like_code(self, token: str) -> bool:
        """Whether a word has the shape of this company's customer codes (``K`` + four digits), look-alikes too."""
        form = _CODE.fullmatch(normal(token))
        if form is None:
            return False
        bare = normal(token)
        return any(
            bare.startswith(letters)
            and len(bare) == len(letters) + digits
            and skeleton(bare[len(letters) :]).isdigit()
            and sum(c.isdigit() for c in bare) >= 2
            for letters, digits in self._shapes
        )

    def names_in(self, text: str) -> tuple[str, ...]:
        """Full or short customer names in the text, longest first; a name inside a longer one is left out."""
        bare = normal(text)
        found = sorted({n for n in (*self._names, *self._cores) if len(n) >= 2 and n in bare}, key=len, reverse=True)
        return tuple(n for i, n in enumerate(found) if not any(n in longer for longer in found[:i]))

    def full_names_in(self, text: str) -> tuple[tuple[int, int], ...]:
        """Where full customer names stand in a tidied text; inside a longer name, only the longer one."""
        found: list[tuple[int, int]] = []
        for name in self._written:
            at = text.find(name)
            while at >= 0:
                if not any(a < at + len(name) and at < b for a, b in found):
                    found.append((at, at + len(name)))
                at = text.find(name, at + len(name))
        return tuple(found)

    def match(self, text: str) -> CustomerMatch:
        """The customer a text names.

        1. Code, phone, full name: one fits → taken.
        2. A part of a name (two characters or more), or the text holds one full name → taken when only one fits.
        3. Several fit, or code and name contradict each other → ambiguous, asked. A code with look-alike
           characters or one edit away → offered.
        4. Otherwise unknown, with the names that resemble it.
        """
        text = tidy(text).strip()
        key = normal(text)
        if not key:
            return CustomerMatch(text=text, kind=MatchKind.UNKNOWN)
        return self._exact(text, key) or self._by_name(text, key) or self._resembling(text, key)

    def _exact(self, text: str, key: str) -> CustomerMatch | None:
        codes = {c.code: c for word in re.split(r"[\s,、/()]+", text) if (c := self._codes.get(normal(word)))}
        if key in self._codes:
            codes = {self._codes[key].code: self._codes[key]}
        if codes:
            said = {c.code: c for name in self.names_in(text)[:1] for c in self._names.get(name, {}).values()}
            if said and not said.keys() & codes.keys():
                codes |= said
            return _one_of(text, codes, MatchKind.EXACT, BY_CODE)
        if key in self._names:
            return _one_of(text, self._names[key], MatchKind.EXACT, BY_CUSTOMER_NAME)
        phone = _digits(text)
        if phone and phone in self._phones:
            return _one_of(text, self._phones[phone], MatchKind.NAME, BY_PHONE)
        return None

    def _by_name(self, text: str, key: str) -> CustomerMatch | None:
        if len(key) < 2 or key.isdigit():
            return None
        named = self._holding(key)
        if not named:
            for name in self.names_in(text)[:1]:
                named = self._names.get(name) or self._holding(name)
        return _one_of(text, named, MatchKind.NAME, BY_CUSTOMER_NAME) if named else None

    def _holding(self, words: str) -> dict[str, Customer]:
        return {c.code: c for name, customers in self._names.items() if words in name for c in customers.values()}

    def _resembling(self, text: str, key: str) -> CustomerMatch:
        twins = self._skeletons.get(skeleton(key), {})
        if twins:
            kind = MatchKind.SKELETON if len(twins) == 1 else MatchKind.AMBIGUOUS
            return CustomerMatch(text=text, kind=kind, candidates=_few(twins.values()))
        if key.isascii() and 4 <= len(key) <= 12:
            near = process.extract(key, self._codes.keys(), scorer=OSA.distance, score_cutoff=1, limit=MOST_CANDIDATES)
            if near:
                return CustomerMatch(
                    text=text, kind=MatchKind.NEAR, candidates=_few(self._codes[code] for code, _, _ in near)
                )
        if key.isascii() or len(key) > 40:
            return CustomerMatch(text=text, kind=MatchKind.UNKNOWN)
        alike = process.extract(key, self._names.keys(), scorer=fuzz.ratio, score_cutoff=_ALIKE, limit=MOST_CANDIDATES)
        likely = {c.code: c for name, _, _ in alike for c in self._names[name].values()}
        return CustomerMatch(text=text, kind=MatchKind.UNKNOWN, candidates=_few(likely.values()))


def _one_of(text: str, named: dict[str, Customer], kind: MatchKind, label: str) -> CustomerMatch:
    if len(named) > 1:
        return CustomerMatch(text=text, kind=MatchKind.AMBIGUOUS, candidates=_few(named.values()))
    only = next(iter(named.values()))
    return CustomerMatch(text=text, kind=kind, customer=only, matched_by=label, candidates=(only,))


def _few(customers: Iterable[Customer]) -> tuple[Customer, ...]:
    return tuple(customers)[:MOST_CANDIDATES]


def _digits(text: str) -> str:
    digits = "".join(c for c in tidy(text) if c.isdigit())
    return digits if len(digits) >= 7 else ""
