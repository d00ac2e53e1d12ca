"""Files by content."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from storage.files import FolderFileStore


async def test_the_same_bytes_are_kept_once_under_their_digest(tmp_path: Path) -> None:
    store = FolderFileStore(tmp_path / "files")
    data = "订单".encode() * 1000

    name = await store.put(data)

    assert name == hashlib.sha256(data).hexdigest() == await store.put(data)
    assert await store.get(name) == data
    assert [p.name for p in (tmp_path / "files").rglob("*") if p.is_file()] == [name]


@pytest.mark.parametrize("name", ["0" * 64, "../../etc/passwd", "", "A" * 64])
async def test_what_is_not_there_is_not_found(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileNotFoundError):
        await FolderFileStore(tmp_path).get(name)
