"""What the database refuses, whoever asks: a changed owner (F036), a changed or deleted trace (F013, F125)."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

APPEND_ONLY = ("timeline", "timeline_anchors", "decisions", "order_revisions", "stock_movements")
OWNER = ("owner_id", "owner_platform", "owner_account", "owner_at")
OWNER_STAYS = "the owner of an order never changes"


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        _on_postgres()
    else:
        _on_sqlite()


def downgrade() -> None:
    raise NotImplementedError("the guards of the trace are not taken away; restore a backup instead")


def _on_sqlite() -> None:
    changed = " OR ".join(f"NEW.{f} IS NOT OLD.{f}" for f in OWNER)
    op.execute(
        f"CREATE TRIGGER orders_owner_stays BEFORE UPDATE ON orders WHEN {changed} "
        f"BEGIN SELECT RAISE(ABORT, '{OWNER_STAYS}'); END"
    )
    for table in APPEND_ONLY:
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )


def _on_postgres() -> None:
    changed = " OR ".join(f"NEW.{f} IS DISTINCT FROM OLD.{f}" for f in OWNER)
    _guard("orders_owner_stays", OWNER_STAYS, f"UPDATE ON orders FOR EACH ROW WHEN ({changed})")
    for table in APPEND_ONLY:
        _guard(
            f"{table}_append_only",
            f"{table} is append-only",
            f"UPDATE OR DELETE OR TRUNCATE ON {table} FOR EACH STATEMENT",
        )


def _guard(name: str, sentence: str, when: str) -> None:
    op.execute(
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{sentence}' USING ERRCODE = 'integrity_constraint_violation'; END $$"
    )
    op.execute(f"CREATE TRIGGER {name} BEFORE {when} EXECUTE FUNCTION {name}()")
