"""Master data in and out: templates, import with a dry run, export, and the demo's set."""

from bot.masters.demo import DEMO_START, DemoRefused, demo_set, load_demo
from bot.masters.exporting import export, export_csv, export_masters, write_templates
from bot.masters.importing import ImportSummary, TableSummary, apply, dry_run, on_file, read_workbook
from bot.masters.master_set import MasterSet, read_masters
from bot.masters.plan import ImportPlan, ImportRow, OnFile, Problem
from bot.masters.problems import problem_sheet

__all__ = [
    "DEMO_START",
    "DemoRefused",
    "ImportPlan",
    "ImportRow",
    "ImportSummary",
    "MasterSet",
    "OnFile",
    "Problem",
    "TableSummary",
    "apply",
    "demo_set",
    "dry_run",
    "export",
    "export_csv",
    "export_masters",
    "load_demo",
    "on_file",
    "problem_sheet",
    "read_masters",
    "read_workbook",
    "write_templates",
]
