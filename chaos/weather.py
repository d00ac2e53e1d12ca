"""What goes wrong at the platforms by itself: the mix of reliability section 9.2."""

from __future__ import annotations

from simulator.world import FaultKind, Faults

CALLS_OUT: dict[FaultKind, float] = {
    FaultKind.SERVER_ERROR: 0.05,
    FaultKind.ACCEPT_THEN_ABORT: 0.05,
    FaultKind.SLOW: 0.01,
    FaultKind.TOKEN_EXPIRED: 0.002,
    FaultKind.BUSY: 0.005,
}
"""Of every call the bot makes: 11 % go wrong, half of them after they were carried out."""

WECOM_IN: dict[FaultKind, float] = {
    FaultKind.DUPLICATE_CALLBACK: 0.05,
    FaultKind.CALLBACK_TIMEOUT: 0.02,
    FaultKind.REORDER: 0.01,
}
DINGTALK_IN: dict[FaultKind, float] = {
    FaultKind.DUPLICATE_CALLBACK: 0.05,
    FaultKind.CALLBACK_TIMEOUT: 0.01,
    FaultKind.REORDER: 0.01,
}


def bad_weather(faults: Faults) -> None:
    """Both platforms, from now on."""
    faults.weather("wecom", {**CALLS_OUT, **WECOM_IN})
    faults.weather("dingtalk", {**CALLS_OUT, **DINGTALK_IN})
