"""Finds changes that happened inside a list or dict of an entity, and raises the version of a changed order or tour.

SQLAlchemy notices an assignment, not ``order.findings.append(…)``. What a JSON column held when it was read is kept
beside the entity; before the commit both are compared by value.
"""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import event, inspect
from sqlalchemy.orm import Session, registry
from sqlalchemy.orm.attributes import flag_modified
from sqlalchemy.orm.util import identity_key

from core.orders import Order, OrderLine
from core.waves import PickList, PickTask
from storage.types import Json

_SEEN = "json_as_read"
_HELD = "entities_read"
_json_fields: dict[type[Any], tuple[str, ...]] = {}


class WritingSession(Session):
    """A session that keeps what it has read until the end, so that a change made in passing is not forgotten."""


def watch(mapped: registry) -> None:
    """Learn which fields of the mapped entities are JSON, and follow the reads and writes of every WritingSession."""
    for mapper in mapped.mappers:
        fields = tuple(a.key for a in mapper.column_attrs if isinstance(a.columns[0].type, Json))
        if fields:
            _json_fields[mapper.class_] = fields
            event.listen(mapper.class_, "refresh", lambda entity, _context, _attrs: _refreshed(entity))
    event.listen(WritingSession, "loaded_as_persistent", _remember)
    event.listen(WritingSession, "pending_to_persistent", _remember)
    event.listen(WritingSession, "before_flush", lambda session, _context, _instances: _raise_versions(session))


def _remember(session: Session, entity: Any) -> None:
    fields = _json_fields.get(type(entity))
    if fields:
        state = inspect(entity)
        state.info[_SEEN] = {name: _copied(state.dict[name]) for name in fields if name in state.dict}
        session.info.setdefault(_HELD, []).append(entity)


def _refreshed(entity: Any) -> None:
    state = inspect(entity)
    if seen := state.info.get(_SEEN):
        seen.update({name: _copied(state.dict[name]) for name in seen if name in state.dict})


def _copied(value: Any) -> Any:
    """What can be changed in place, copied; texts, numbers, enums and frozen values (findings) are kept as they are."""
    if isinstance(value, list):
        return [_copied(x) for x in value]
    if isinstance(value, dict):
        return {key: _copied(x) for key, x in value.items()}
    return value


def note_changes(session: Session) -> None:
    """Mark every entity of the session whose lists or dicts were changed in place."""
    for entity in session.info.get(_HELD, ()):
        note_change(entity)


def note_change(entity: Any) -> None:
    """Mark the fields of one entity whose list or dict was changed in place."""
    state = inspect(entity)
    if not state.persistent:
        return
    seen = state.info.get(_SEEN, {})
    for name, as_read in list(seen.items()):
        if name in state.dict and state.dict[name] != as_read:
            flag_modified(entity, name)
            seen[name] = _copied(state.dict[name])


def _raise_versions(session: Session) -> None:
    """An order whose lines changed is a changed order: its version rises with the flush (same for a tour)."""
    for entity in list(session.dirty):
        parent: Any = None
        if isinstance(entity, Order | PickList):
            children = "lines" if isinstance(entity, Order) else "tasks"
            parent = entity if inspect(entity).attrs[children].history.has_changes() else None
        elif isinstance(entity, OrderLine | PickTask) and session.is_modified(entity):
            kind, key = (Order, entity.order_id) if isinstance(entity, OrderLine) else (PickList, entity.pick_list_id)
            parent = session.identity_map.get(identity_key(cast("type[Any]", kind), key))
        if parent is not None:
            flag_modified(parent, "number")
