"""How Alembic reaches the database: over the connection it was handed."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context

from storage.tables import metadata
from storage.types import EnumInteger, EnumText, Json, UtcDateTime

PLAIN = {
    EnumText: "sa.Text()",
    Json: "sa.Text()",
    EnumInteger: "sa.Integer()",
    UtcDateTime: "sa.DateTime(timezone=True)",
}
"""A revision is frozen: it names plain column types, never those of the living code."""


def _render(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    return PLAIN.get(type(item), False) if kind == "type" else False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_item=_render,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
