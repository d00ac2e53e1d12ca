"""The table at the end, and build/chaos.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chaos.checker import Verdict, percentile

FIRST_FEW = 8


@dataclass(frozen=True, kw_only=True)
class Run:
    """What the run was, beside what the checker found."""

    seed: int
    db: str
    replicas: int
    orders: int
    kills: int
    rate: float
    seconds: float
    troubles: Mapping[str, int]
    weather: Mapping[str, int]
    ack_seconds: list[float]
    sent_seconds: float
    """From the last kill until for the first time nothing waited to be worked or sent."""
    drained_seconds: float
    """From the last kill until every clock had run out as well, and everybody had seen what they waited for."""
    submitted: int
    approved: int
    spooled: int
    exits: list[tuple[str, int, float]]
    only: tuple[str, ...] | None = None
    outage_seconds: float = 10.0

    @property
    def replay(self) -> str:
        wanted = "" if self.only is None else f' ONLY="{",".join(self.only) or "none"}"'
        return (
            f"make chaos SEED={self.seed} ORDERS={self.orders} KILLS={self.kills} DB={self.db} REPLICAS={self.replicas}"
            f" RATE={self.rate:g} OUTAGE={self.outage_seconds:g}{wanted}"
        )


def figures(run: Run, verdict: Verdict) -> dict[str, Any]:
    """Everything as numbers."""
    late = verdict.lateness_ms
    return {
        "seed": run.seed,
        "db": run.db,
        "replicas": run.replicas,
        "orders_sent": verdict.orders_sent,
        "orders_accepted": verdict.orders_accepted,
        "kills": run.kills,
        "lost": len(verdict.lost),
        "doubled": len(verdict.doubled),
        "shown_twice": len(verdict.shown_twice),
        "given_up": len(verdict.given_up),
        "given_up_stored": verdict.given_up_stored,
        "out_of_order": len(verdict.out_of_order),
        "stale_cards": len(verdict.stale_cards),
        "unseen": len(verdict.unseen),
        "unmarked_repeats": len(verdict.unmarked_repeats),
        "marked_repeats": verdict.marked_repeats,
        "deadlines_fired": verdict.deadlines_fired,
        "deadlines_early": len(verdict.deadlines_early),
        "deadlines_doubled": len(verdict.deadlines_doubled),
        "deadlines_late": len(verdict.deadlines_late),
        "deadlines_missed": len(verdict.deadlines_missed),
        "deadlines_late_p99_ms": percentile(late, 0.99),
        "deadlines_late_max_ms": max(late, default=0),
        "deadlines_after_outage_p99_ms": percentile(verdict.outage_lateness_ms, 0.99),
        "deadlines_after_outage_max_ms": max(verdict.outage_lateness_ms, default=0),
        "ack_p50_ms": round(percentile(run.ack_seconds, 0.5) * 1000, 1),
        "ack_p99_ms": round(percentile(run.ack_seconds, 0.99) * 1000, 1),
        "ack_max_ms": round(max(run.ack_seconds, default=0.0) * 1000, 1),
        "lost_share_bound_95": verdict.bound_95,
        "sent_seconds": round(run.sent_seconds, 1),
        "drained_seconds": round(run.drained_seconds, 1),
        "submitted": run.submitted,
        "approved": run.approved,
        "spooled": run.spooled,
        "other": len(verdict.other),
        "rate": run.rate,
        "seconds": round(run.seconds, 1),
        "sigterm_seconds_max": round(max((seconds for _, _, seconds in run.exits), default=0.0), 1),
        "troubles": dict(run.troubles),
        "weather": dict(run.weather),
    }


def table(run: Run, verdict: Verdict) -> str:
    """For people."""
    f = figures(run, verdict)
    rows = [
        ("orders sent / accepted", f"{f['orders_sent']} / {f['orders_accepted']}"),
        ("submitted / approved", f"{f['submitted']} / {f['approved']}"),
        ("lost", f["lost"]),
        ("doubled", f["doubled"]),
        ("cards shown twice", f["shown_twice"]),
        ("given up by the platforms", f"{f['given_up']} (and {f['given_up_stored']} that were stored)"),
        ("out of order", f["out_of_order"]),
        ("stale cards / never shown", f"{f['stale_cards']} / {f['unseen']}"),
        ("words repeated without / with a mark", f"{f['unmarked_repeats']} / {f['marked_repeats']}"),
        ("timers fired", f["deadlines_fired"]),
        (
            "  early / doubled / late / missed",
            f"{f['deadlines_early']} / {f['deadlines_doubled']} / {f['deadlines_late']} / {f['deadlines_missed']}",
        ),
        ("  lateness p99 / worst", f"{f['deadlines_late_p99_ms']:.0f} / {f['deadlines_late_max_ms']} ms"),
        (
            "  after the database's return p99 / worst",
            f"{f['deadlines_after_outage_p99_ms']:.0f} / {f['deadlines_after_outage_max_ms']} ms",
        ),
        ("ack p50 / p99 / worst", f"{f['ack_p50_ms']:.0f} / {f['ack_p99_ms']:.0f} / {f['ack_max_ms']:.0f} ms"),
        ("all sent after the last kill", f"{f['sent_seconds']} s"),
        ("  and every clock run out", f"{f['drained_seconds']} s"),
        ("slowest SIGTERM", f"{f['sigterm_seconds_max']} s"),
        ("other", f["other"]),
        ("true share of lost orders (95 %)", f"≤ {verdict.bound_95:.3%}"),
    ]
    lines = [f"{name:<42} {value}" for name, value in rows]
    lines.append("troubles: " + ", ".join(f"{n} × {name}" for name, n in sorted(run.troubles.items())))
    lines.append("weather:  " + ", ".join(f"{n} × {name}" for name, n in sorted(run.weather.items())))
    for name, found in verdict.faults.items():
        lines.append(f"{name}:")
        lines += [f"  {text}" for text in found[:FIRST_FEW]]
        if len(found) > FIRST_FEW:
            lines.append(f"  … and {len(found) - FIRST_FEW} more")
    return "\n".join([*lines, f"replay: {run.replay}"])


def write(run: Run, verdict: Verdict, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(figures(run, verdict), indent=1, ensure_ascii=False) + "\n")
