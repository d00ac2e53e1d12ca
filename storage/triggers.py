"""What the database itself refuses, whoever asks: a changed owner (F036), a changed or deleted trace (F013, F125)."""

from __future__ import annotations

from functools import cache

from sqlalchemy import DDL, event

from storage import tables as t

APPEND_ONLY = ("timeline", "timeline_anchors", "decisions", "order_revisions", "stock_movements")
OWNER_STAYS = "the owner of an order never changes"
OWNER_FIELDS = ("owner_id", "owner_platform", "owner_account", "owner_at")


def sqlite_triggers() -> dict[str, list[str]]:
    """Statements by table."""
    changed = " OR ".join(f"NEW.{f} IS NOT OLD.{f}" for f in OWNER_FIELDS)
    statements = {
        "orders": [f"CREATE TRIGGER orders_owner_stays BEFORE UPDATE ON orders WHEN {changed} {_abort(OWNER_STAYS)}"]
    }
    for table in APPEND_ONLY:
        statements[table] = [
            f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} {_abort(f'{table} is append-only')}"
            for verb in ("UPDATE", "DELETE")
        ]
    return statements


def postgres_triggers() -> dict[str, list[str]]:
    """Statements by table; each function stands before the trigger that calls it."""
    changed = " OR ".join(f"NEW.{f} IS DISTINCT FROM OLD.{f}" for f in OWNER_FIELDS)
    statements = {
        "orders": [
            _refusal("orders_owner_stays", OWNER_STAYS),
            _calls("orders_owner_stays", f"UPDATE ON orders FOR EACH ROW WHEN ({changed})"),
        ]
    }
    for table in APPEND_ONLY:
        statements[table] = [
            _refusal(f"{table}_append_only", f"{table} is append-only"),
            _calls(f"{table}_append_only", f"UPDATE OR DELETE OR TRUNCATE ON {table} FOR EACH STATEMENT"),
        ]
    return statements


def _abort(sentence: str) -> str:
    return f"BEGIN SELECT RAISE(ABORT, '{sentence}'); END"


def _calls(name: str, when: str) -> str:
    return f"CREATE TRIGGER {name} BEFORE {when} EXECUTE FUNCTION {name}()"


def _refusal(name: str, sentence: str) -> str:
    return (
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{sentence}' USING ERRCODE = 'integrity_constraint_violation'; END $$"
    )


@cache
def attach() -> None:
    """Let ``create_all`` make the triggers with their tables."""
    for dialect, by_table in (("sqlite", sqlite_triggers()), ("postgresql", postgres_triggers())):
        for table, statements in by_table.items():
            for statement in statements:
                event.listen(
                    t.metadata.tables[table],
                    "after_create",
                    DDL(statement).execute_if(dialect=dialect),  # type: ignore[no-untyped-call]
                )
