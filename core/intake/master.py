"""The master data as look-ups: which part or customer a text names (F030)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Self

from rapidfuzz import process
from rapidfuzz.distance import OSA

from core.catalog import AliasKind, Customer, Part
from core.intake.customers import CustomerIndex
from core.intake.matches import (
    BY_ALIAS,
    BY_BRAND,
    BY_CODE,
    BY_NAME,
    BY_OE,
    MOST_CANDIDATES,
    CustomerMatch,
    MatchKind,
    PartMatch,
)
from core.part_number import normal, skeleton

_LABELS = {AliasKind.OE: BY_OE, AliasKind.BRAND: BY_BRAND, AliasKind.ALIAS: BY_ALIAS, AliasKind.NAME: BY_NAME}
_NUMBERS = frozenset({AliasKind.OE, AliasKind.BRAND})
_SHORTEST_LOOKALIKE = 5
"""Below this a single changed character could be anything."""
_FAR = 3
"""Edits up to which an unknown number is still worth offering."""


class MasterIndex:
    """All customers and parts, looked up by what people write. Built once per version of the master data."""

    def __init__(self, customers: CustomerIndex, parts: Mapping[str, Part]) -> None:
        self._customers = customers
        self._parts = parts
        self._codes: dict[str, Part] = {}
        self._aliases: dict[str, dict[str, tuple[Part, AliasKind]]] = {}
        self._names: dict[str, dict[str, Part]] = {}
        self._skeletons: dict[str, dict[str, Part]] = {}
        for part in parts.values():
            self._enter(part)
        self._numbers: dict[str, dict[str, Part]] = {}
        for bones in self._skeletons.values():
            for part in bones.values():
                for key in self._number_keys(part):
                    self._numbers.setdefault(key, {})[part.number] = part
        self._longest = max((len(k) for k in (*self._codes, *self._aliases, *self._names)), default=0)

    @classmethod
    def build(cls, customers: Iterable[Customer], parts: Iterable[Part]) -> Self:
        """Index active customers and all parts (also retired ones, to name their successor)."""
        return cls(CustomerIndex(customers), {p.number: p for p in parts})

    # ------------------------------------------------------------ parts

    def part(self, number: str) -> Part | None:
        """The part whose code this is, in any spelling; a choice among candidates is looked up here."""
        return self._parts.get(number) or self._codes.get(normal(number))

    def hits(self, text: str) -> int:
        """How many parts this text names exactly, by code, OE, brand number or alias."""
        key = normal(text)
        if key in self._codes:
            return 1
        return len(self._aliases.get(key, ()))

    def match_part(self, text: str) -> PartMatch:
        """The part a text names.

        1. Its own code; then OE, brand number, alias; then a trade name. One part fits → taken.
        2. Several parts fit, or another part differs only in look-alike characters → ambiguous, always asked.
        3. One part has the same skeleton, or is one edit away → offered, never taken.
        4. Otherwise unknown, with the nearest numbers and the parts whose name holds the words.
        """
        key = normal(text)
        if not key:
            return PartMatch(text=text, kind=MatchKind.UNKNOWN)
        return self._by_number(text, key) or self._by_name(text, key) or self._resembling(text, key)

    def longest_hit(self, key: str, start: int, ends: Iterable[int]) -> int:
        """The first of ``ends`` (descending) where ``key[start:end]`` is a code, alias or trade name; else 0."""
        for end in ends:
            if end - start > self._longest:
                continue
            piece = key[start:end]
            if piece in self._codes or piece in self._aliases or piece in self._names:
                return end
        return 0

    def names_a_part(self, words: str) -> bool:
        """Whether the words are a trade name of some part."""
        key = normal(words)
        return key in self._names or key in self._aliases

    @property
    def longest_key(self) -> int:
        """Characters of the longest normal form anybody can write for a part."""
        return self._longest

    def successor(self, part: Part) -> Part | None:
        """The last part of the chain of replacements, None when there is none (F030)."""
        seen = {part.number}
        at = part
        while at.superseded_by and (following := self.part(at.superseded_by)) and following.number not in seen:
            seen.add(following.number)
            at = following
        return at if at is not part else None

    def _by_number(self, text: str, key: str) -> PartMatch | None:
        named: dict[str, tuple[Part, str]] = {}
        kind = MatchKind.EXACT
        if key in self._codes:
            part = self._codes[key]
            named[part.number] = (part, BY_CODE)
        elif key in self._aliases:
            kind = MatchKind.ALIAS
            named = {n: (p, _LABELS[k]) for n, (p, k) in self._aliases[key].items()}
            if any(k is AliasKind.NAME for _, k in self._aliases[key].values()):
                kind = MatchKind.NAME
        if not named:
            return None
        twins = self._twins(key) if kind is not MatchKind.NAME else {}
        fitting = {n: p for n, (p, _) in named.items()} | twins
        if len(fitting) > 1:
            return PartMatch(text=text, kind=MatchKind.AMBIGUOUS, candidates=_few(fitting.values()))
        part, label = next(iter(named.values()))
        return PartMatch(text=text, kind=kind, part=part, matched_by=label, candidates=(part,))

    def _by_name(self, text: str, key: str) -> PartMatch | None:
        named = self._names.get(key, {})
        if len(named) == 1:
            part = next(iter(named.values()))
            return PartMatch(text=text, kind=MatchKind.NAME, part=part, matched_by=BY_NAME, candidates=(part,))
        if named:
            return PartMatch(text=text, kind=MatchKind.AMBIGUOUS, candidates=_few(named.values()))
        return None

    def _resembling(self, text: str, key: str) -> PartMatch:
        twins = self._twins(key)
        if len(twins) == 1:
            return PartMatch(text=text, kind=MatchKind.SKELETON, candidates=_few(twins.values()))
        if twins:
            return PartMatch(text=text, kind=MatchKind.AMBIGUOUS, candidates=_few(twins.values()))
        if len(key) >= _SHORTEST_LOOKALIKE and len(key) <= self._longest + _FAR:
            near = self._near(key)
            if near:
                return PartMatch(text=text, kind=near[0], candidates=near[1])
        words = {
            n: p
            for name, parts in self._names.items()
            if len(key) >= 2 and (key in name or name in key)
            for n, p in parts.items()
            if not key.isascii()
        }
        if words:
            kind = MatchKind.NEAR if len(words) == 1 else MatchKind.AMBIGUOUS
            return PartMatch(text=text, kind=kind, candidates=_few(words.values()))
        return PartMatch(text=text, kind=MatchKind.UNKNOWN)

    def _near(self, key: str) -> tuple[MatchKind, tuple[Part, ...]] | None:
        found = process.extract(
            key, self._numbers.keys(), scorer=OSA.distance, score_cutoff=min(_FAR, len(key) // 4), limit=MOST_CANDIDATES
        )
        if not found:
            return None
        ranked = {p.number: p for number, _, _ in found for p in self._numbers[number].values()}
        kind = MatchKind.NEAR if found[0][1] <= 1 else MatchKind.UNKNOWN
        closest = {p.number: p for number, far, _ in found if far <= 1 for p in self._numbers[number].values()}
        return kind, _few((closest or ranked).values())

    def _twins(self, key: str) -> dict[str, Part]:
        return self._skeletons.get(skeleton(key), {}) if len(key) >= _SHORTEST_LOOKALIKE else {}

    def _enter(self, part: Part) -> None:
        self._codes[normal(part.number)] = part
        for alias in part.aliases:
            if key := normal(alias.text):
                self._aliases.setdefault(key, {})[part.number] = (part, alias.kind)
        if part.name:
            self._names.setdefault(normal(part.name), {})[part.number] = part
        for key in self._number_keys(part):
            self._skeletons.setdefault(skeleton(key), {})[part.number] = part

    @staticmethod
    def _number_keys(part: Part) -> list[str]:
        keys = [normal(part.number), *(normal(a.text) for a in part.aliases if a.kind in _NUMBERS)]
        return [k for k in keys if len(k) >= _SHORTEST_LOOKALIKE]

    # ------------------------------------------------------------ customers

    @property
    def customers(self) -> CustomerIndex:
        """The customers' look-ups."""
        return self._customers

    @property
    def parts(self) -> Mapping[str, Part]:
        """All parts by their code."""
        return MappingProxyType(dict(self._parts))

    def customer(self, code: str) -> Customer | None:
        """The customer with this code, in any spelling."""
        return self._customers.by_code(code)

    def match_customer(self, text: str) -> CustomerMatch:
        """The customer a text names: by code, name, part of the name, phone (see ``CustomerIndex.match``)."""
        return self._customers.match(text)


def _few(parts: Iterable[Part]) -> tuple[Part, ...]:
    return tuple(parts)[:MOST_CANDIDATES]
