"""Bytes nobody would send in good faith, in numbers: bounded in the suite, by the million with ``make fuzz`` (R15)."""
