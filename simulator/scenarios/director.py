"""Runs one scenario at a time for the page, and keeps what its progress bar shows."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from simulator.scenarios.registry import SCENARIOS, Scenario
from simulator.scenarios.stage import Stage

State = Literal["running", "done", "failed", "stopped"]


class BusyError(RuntimeError):
    """A scenario is running; two at once would tap on each other's cards."""


@dataclass(kw_only=True)
class Run:
    """One run as the page shows it."""

    scenario: Scenario
    state: State = "running"
    steps: list[str] = field(default_factory=list)
    """Sentences announced so far; the last one is going on while the state is running."""
    error: str = ""


class Director:
    """``stage`` sets up a fresh stage with a listener for steps and the number of the repetition."""

    def __init__(
        self, stage: Callable[[Callable[[str], None], int], Stage], changed: Callable[[], None] = lambda: None
    ) -> None:
        self._stage = stage
        self._changed = changed
        self._turn = 0
        self._task: asyncio.Task[None] | None = None
        self.run: Run | None = None

    def start(self, scenario_id: str) -> Run:
        """Raises KeyError for an unknown scenario, BusyError while one is running."""
        scenario = SCENARIOS[scenario_id]
        if self.run is not None and self.run.state == "running":
            raise BusyError(self.run.scenario.title)
        self.run = Run(scenario=scenario)
        self._task = asyncio.create_task(self._play(self.run))
        self._changed()
        return self.run

    async def stop(self) -> None:
        """Leave the running scenario where it is."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def finished(self) -> Run:
        """The run when it is over, for callers without a page. Raises LookupError when none was started."""
        if self._task is None or self.run is None:
            raise LookupError("no scenario was started")
        await asyncio.wait({self._task})
        return self.run

    def progress(self) -> dict[str, Any] | None:
        run = self.run
        if run is None:
            return None
        return {
            "id": run.scenario.id,
            "title": run.scenario.title,
            "phones": list(run.scenario.phones),
            "state": run.state,
            "steps": list(run.steps),
            "error": run.error,
        }

    async def _play(self, run: Run) -> None:
        def announce(sentence: str) -> None:
            run.steps.append(sentence)
            self._changed()

        stage = self._stage(announce, self._turn)
        self._turn += 1
        try:
            await run.scenario.play(stage)
        except asyncio.CancelledError:
            run.state = "stopped"
            raise
        except Exception as error:
            run.state, run.error = "failed", str(error) or type(error).__name__
        else:
            run.state = "done"
        finally:
            self._changed()
