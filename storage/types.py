"""Column types that mean the same on SQLite and PostgreSQL: UTC moments, enums by value, JSON compared by value."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from enum import Enum, IntEnum, StrEnum
from typing import Any, cast

from sqlalchemy import DateTime, Dialect, Integer, Text
from sqlalchemy.types import TypeDecorator

from core.findings import Finding, FindingCode, Severity

_compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""Made once: it runs for every message before its 200 (T1)."""


def dump_json(value: Any) -> str:
    """Compact JSON. Half a surrogate pair, which no database stores as text, is written as its escape."""
    text = _compact(value)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":"))
    return text


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment: ``timestamptz`` on PostgreSQL, fixed-width UTC text (sorts like the time) on SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"only aware datetimes are stored, got {value!r}")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class EnumText(TypeDecorator[StrEnum]):
    """A StrEnum kept as its value, so that rows stay readable and a new member needs no migration."""

    impl = Text
    cache_ok = True

    def __init__(self, kind: type[StrEnum]) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: StrEnum | str | None, dialect: Dialect) -> str | None:
        return None if value is None else str(self.kind(value).value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> StrEnum | None:
        return None if value is None else self.kind(value)


class EnumInteger(TypeDecorator[IntEnum]):
    """An IntEnum kept as its number, so that it sorts."""

    impl = Integer
    cache_ok = True

    def __init__(self, kind: type[IntEnum]) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: int | None, dialect: Dialect) -> int | None:
        return None if value is None else int(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> IntEnum | None:
        return None if value is None else self.kind(value)


class Json(TypeDecorator[Any]):
    """Lists and dicts as JSON text. Changes made inside them are found by ``storage.changes`` before the commit."""

    impl = Text
    cache_ok = True

    def __init__(self, item: Callable[[Any], Any] | None = None) -> None:
        """``item`` turns each element of a stored list into what the entity holds."""
        super().__init__()
        self.item = item

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else dump_json(_plain(value) if self.item else value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        loaded = json.loads(value)
        return [self.item(x) for x in loaded] if self.item else loaded

    def compare_values(self, x: Any, y: Any) -> bool:
        return bool(x == y)


def _plain(items: list[Any]) -> list[Any]:
    return [asdict(x) if isinstance(x, Finding) else x.value if isinstance(x, Enum) else x for x in items]


def finding_from(row: dict[str, Any]) -> Finding:
    """A stored flag back as the value the rules made."""
    return Finding(
        **{
            **row,
            "code": FindingCode(row["code"]),
            "severity": Severity(row["severity"]),
            "args": tuple(cast("tuple[str, str]", tuple(pair)) for pair in row["args"]),
            "candidates": tuple(row["candidates"]),
        }
    )
