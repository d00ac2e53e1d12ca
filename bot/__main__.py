"""Command line: ``jiedan …`` = ``python -m bot …``."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer

from bot import upkeep
from bot.app import Bot, DatabaseInUse
from bot.backup import commands as backups
from bot.masters import apply, dry_run, export, write_templates
from bot.serving import serve
from bot.settings import ConfigError, Settings, load
from core.clock import SystemClock
from core.errors import PictureRefused
from handlers import texts

cli = typer.Typer(
    no_args_is_help=True, add_completion=False, help="接单 Jiedan: the order desk inside WeCom and DingTalk."
)
parked = typer.Typer(no_args_is_help=True, help="Messages that could not be handled or sent.")
audit = typer.Typer(no_args_is_help=True, help="The unalterable trace.")
cli.add_typer(parked, name="parked")
cli.add_typer(audit, name="audit")

Config = Annotated[Path | None, typer.Option("--config", "-c", help="config.toml; without it only JIEDAN_* variables")]


def _file(config: Path | None) -> Path | None:
    return config or (Path("config.toml") if Path("config.toml").is_file() else None)


def _settings(config: Path | None) -> Settings:
    try:
        return load(_file(config))
    except ConfigError as error:
        typer.echo(f"配置有误:{error}", err=True)
        raise typer.Exit(2) from None


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


@cli.command()
def run(config: Config = None) -> None:
    """Serve: callbacks, streams, loops and ticks until SIGTERM; SIGHUP starts it anew without closing the socket."""
    settings = _settings(config)
    if not (settings.wecom.enabled or settings.dingtalk.enabled):
        typer.echo("企业微信和钉钉都没有启用:在 config.toml 里填好并设 enabled = true。", err=True)
        raise typer.Exit(2)
    serve(lambda: load(_file(config)))


@cli.command("import")
def import_(
    file: Path, config: Config = None, commit: Annotated[bool, typer.Option(help="Write; without it a dry run")] = False
) -> None:
    """Master data from xlsx or csv: a dry run first, then with --commit in one transaction."""

    data = file.read_bytes()

    async def work() -> None:
        bot = Bot(_settings(config))
        try:
            await bot.database.migrate()
            plan = await dry_run(data, file.name, bot.database)
            for problem in plan.problems[:50]:
                typer.echo(str(problem))
            typer.echo(plan.summary)
            if commit:
                typer.echo((await apply(plan, bot.database, by="cli", now=bot.clock.now())).text)
            else:
                typer.echo("这是试运行,没有写入。确认无误后加 --commit。")
        finally:
            await bot.database.close()

    try:
        _run(work())
    except PictureRefused as refusal:
        typer.echo(texts.render(refusal.sentence, refusal.args_for_text), err=True)
        raise typer.Exit(1) from None


@cli.command("export")
def export_(file: Path, config: Config = None) -> None:
    """All master data as one xlsx; importing it again changes nothing."""

    async def read() -> bytes:
        bot = Bot(_settings(config))
        try:
            return await export(bot.database)
        finally:
            await bot.database.close()

    file.write_bytes(_run(read()))
    typer.echo(f"已导出 {file}")


@cli.command()
def templates(file: Path) -> None:
    """An empty xlsx with a sheet per master, codes as text, examples and drop-downs."""
    write_templates(file)
    typer.echo(f"已生成模板 {file}")


@cli.command()
def backup(
    folder: Annotated[Path | None, typer.Argument(help="Where to; without it backup_dir of the settings")] = None,
    config: Config = None,
) -> None:
    """Database and files of this moment as one file; the bot may be running."""
    backups.make(_settings(config), folder, SystemClock().now())


@cli.command()
def restore(
    file: Path,
    verify: Annotated[bool, typer.Option("--verify", help="Rehearse in a scratch place; nothing is changed")] = False,
    into: Annotated[str, typer.Option(help="URL of an empty database to restore into")] = "",
    files: Annotated[Path | None, typer.Option(help="Folder for the files; without it files_dir")] = None,
    config: Config = None,
) -> None:
    """Rehearse a backup (--verify), or restore it into an empty database (--into)."""
    settings = _settings(config)
    if not file.is_file():
        typer.echo(f"找不到备份文件 {file}。", err=True)
        raise typer.Exit(2)
    if verify == bool(into):
        typer.echo("请写 jiedan restore 备份文件 --verify(演练),或 --into 空库地址(恢复)。", err=True)
        raise typer.Exit(2)
    if verify:
        backups.rehearse_from(settings, file)
    else:
        backups.restore_into(file, into, files or Path(settings.files_dir))


Letter = Annotated[int | None, typer.Argument(help="The number that parked list shows")]
All = Annotated[bool, typer.Option("--all", help="All of them")]


@parked.command("list")
def parked_list(config: Config = None) -> None:
    """What was given up, newest first."""
    _run(upkeep.list_parked(_settings(config)))


@parked.command()
def show(letter: int, config: Config = None) -> None:
    """One of them in full; phone numbers, addresses and codes are left out."""
    if not _run(upkeep.show_parked(_settings(config), letter)):
        raise typer.Exit(1)


@parked.command()
def resend(letter: Letter = None, every: All = False, config: Config = None) -> None:
    """Handle or send it again."""
    _resolve(config, letter, every=every, again=True)


@parked.command()
def drop(letter: Letter = None, every: All = False, config: Config = None) -> None:
    """Leave it; the record stays."""
    _resolve(config, letter, every=every, again=False)


def _resolve(config: Path | None, letter: int | None, *, every: bool, again: bool) -> None:
    if (letter is None) is not every:
        typer.echo("请写编号,或用 --all 处理全部。", err=True)
        raise typer.Exit(2)
    if not _run(upkeep.resolve_parked(_settings(config), letter, again=again)):
        raise typer.Exit(1)


@audit.command()
def verify(config: Config = None) -> None:
    """Check every chain, every seal and the file outside the database; names what does not hold and exits with 1."""
    if not _run(upkeep.verify_trace(_settings(config))):
        raise typer.Exit(1)


def main() -> None:
    """The command line; a SQLite file that a running bot holds is said to be so."""
    try:
        cli()
    except DatabaseInUse as busy:
        typer.echo(f"{busy}\n机器人正在使用这个库:请在聊天里回复“搁置”处理(或打开其中的网页),或先停机器人。", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
