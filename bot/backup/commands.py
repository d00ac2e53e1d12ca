"""What an operator types: ``jiedan backup``, ``jiedan restore … --verify`` and ``jiedan restore … --into …``."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path

import typer

from bot.backup.archive import BackupFailed, backup
from bot.backup.restoring import Rehearsal, rehearse, restore
from bot.settings import Settings
from storage.snapshots import NotEmpty

MEBI = 1024 * 1024
WORDS = {
    "seal": "封签",
    "made at": "备份时间",
    "database": "数据库",
    "files": "文件",
    "hash chains": "追溯链",
    "rows": "行数",
}


def make(settings: Settings, folder: Path | None, now: datetime) -> None:
    """One backup now, also while the bot is running. Exits with 1 when none was made or files were not whole."""
    into = folder or (Path(settings.backup_dir) if settings.backup_dir else None)
    if into is None:
        typer.echo("没有说备份到哪里:请写 jiedan backup 文件夹,或在配置里设 backup_dir。", err=True)
        raise typer.Exit(2)
    try:
        made = asyncio.run(
            backup(settings.database_url, Path(settings.files_dir), into, now=now, keep=settings.backup_keep)
        )
    except BackupFailed as error:
        typer.echo(f"没有备份成功:{error}\n请检查数据库和备份文件夹的空间与权限,然后再试一次。", err=True)
        raise typer.Exit(1) from None
    typer.echo(f"已备份 {made.path}({made.size / MEBI:.1f} MB,{made.rows} 行,{made.files} 个文件)")
    for name in made.missing:
        typer.echo(f"缺文件 {name}:数据库里有记录,文件夹里没有", err=True)
    for name in made.damaged:
        typer.echo(f"文件已损坏 {name}:内容与名字不符,没有放进备份", err=True)
    if made.missing or made.damaged:
        raise typer.Exit(1)


def rehearse_from(settings: Settings, archive: Path) -> None:
    """Restore into a scratch place, print what was found; exits with 1 on any defect."""
    told = asyncio.run(rehearse(archive, postgres_url=settings.database_url))
    _print(told)
    if not told.good:
        typer.echo(f"演练没有通过,{len(told.defects)} 处问题。请换一份备份,并查明原因。", err=True)
        raise typer.Exit(1)
    typer.echo("演练通过,这份备份可以恢复。")


def restore_into(archive: Path, database_url: str, files: Path) -> None:
    """Into an empty database only; exits with 1 when nothing was restored."""
    try:
        told = asyncio.run(restore(archive, database_url=database_url, files=files))
    except NotEmpty as there:
        typer.echo(f"没有恢复:目标库 {there} 已有内容。只恢复到空库,请新建一个空库再试。", err=True)
        raise typer.Exit(1) from None
    except BackupFailed as error:
        typer.echo(f"没有恢复:{error}。", err=True)
        raise typer.Exit(1) from None
    _print(told)
    typer.echo("已恢复。请把 database_url 和 files_dir 指到这里,再启动机器人。")


def _print(told: Rehearsal) -> None:
    for name, value in told.lines:
        typer.echo(f"{WORDS.get(name, name)}\t{value}")
    for defect in told.defects:
        typer.echo(f"✗ {defect}", err=True)
