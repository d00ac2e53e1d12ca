"""What people do together, as sentences that run: the demo's buttons and the bot's scenario tests share the stage."""

from simulator.scenarios import decisions, orders, trouble, warehouse
from simulator.scenarios.phone import NotOnPhone, Phone
from simulator.scenarios.registry import SCENARIOS, Scenario, in_order
from simulator.scenarios.stage import Stage
from simulator.scenarios.words import live_buttons, words

PLAYS = (orders, decisions, warehouse, trouble)
"""Imported for their entries in the table of scenarios."""

__all__ = ["PLAYS", "SCENARIOS", "NotOnPhone", "Phone", "Scenario", "Stage", "in_order", "live_buttons", "words"]
