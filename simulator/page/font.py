"""A Chinese font for browsers on machines that have none: the one that already comes with a package."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path


@cache
def font_path() -> Path | None:
    """Noto Sans CJK out of mplfonts; None when it is not installed, then the browser uses what it has."""
    spec = find_spec("mplfonts")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / "fonts" / "NotoSansCJKsc-Regular.otf"
        if path.is_file():
            return path
    return None
