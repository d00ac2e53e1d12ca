"""One file per repository of ``core.ports``. Each works inside the one transaction of its ``Work``."""
