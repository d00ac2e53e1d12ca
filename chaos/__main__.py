"""``python -m chaos``: rides out one storm, prints the table, writes build/chaos.json, exits with 1 on any fault."""

from __future__ import annotations

import asyncio
import random
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, TypeVar, cast

import typer

from chaos.house import Size
from chaos.report import table, write
from chaos.storm import Storm, ride_out
from chaos.trouble import NAMES

T = TypeVar("T")

RATES: dict[str, float] = {"sqlite": 25.0, "postgres": 20.0}
"""Orders a second that two shared cores carry next to the platforms, the people and the restarts."""


app = typer.Typer(add_completion=False)


@app.command()
def main(
    seed: Annotated[int, typer.Option(help="0 draws one")] = 0,
    orders: int = 2_000,
    kills: int = 30,
    db: Annotated[str, typer.Option(help="sqlite or postgres")] = "sqlite",
    replicas: Annotated[int, typer.Option(help="0: one on sqlite, three on postgres")] = 0,
    rate: Annotated[float, typer.Option(help="orders a second; 0: what two cores carry")] = 0.0,
    outage: Annotated[float, typer.Option(help="seconds of each outage of PostgreSQL")] = 10.0,
    only: Annotated[str | None, typer.Option(help="other troubles than kills, by name and comma; or: none")] = None,
    out: Path = Path("build/chaos.json"),
    log_level: str = "ERROR",
    keep: Annotated[Path | None, typer.Option(help="folder for logs and the SQLite file")] = None,
) -> None:
    """Orders, kills and troubles against real processes and servers."""
    if db not in ("sqlite", "postgres"):
        raise typer.BadParameter("sqlite or postgres", param_hint="--db")
    if db == "sqlite" and replicas > 1:
        raise typer.BadParameter("SQLite has one replica", param_hint="--replicas")
    wanted = None if only is None else tuple(name for x in only.split(",") if (name := x.strip()) not in ("", "none"))
    if unknown := set(wanted or ()) - NAMES:
        raise typer.BadParameter(f"{sorted(unknown)}; there are none, {', '.join(sorted(NAMES))}", param_hint="--only")
    storm = Storm(
        seed=seed or random.randrange(1, 2**31),
        orders=orders,
        kills=kills,
        size=cast("Size", db),
        replicas=replicas or {"sqlite": 1, "postgres": 3}[db],
        rate=rate or RATES[db],
        outage_seconds=outage,
        only=wanted,
        log_level=log_level,
        keep=keep,
    )
    run, verdict = asyncio.run(_ended_in_good_order(ride_out(storm)))
    print(table(run, verdict))
    write(run, verdict, out)
    print(f"figures: {out}")
    sys.exit(1 if verdict.faults else 0)


async def _ended_in_good_order(work: Coroutine[Any, Any, T]) -> T:
    """SIGTERM ends the run as Ctrl-C does: nothing that was started is left behind."""
    task = asyncio.ensure_future(work)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task


if __name__ == "__main__":
    app()
