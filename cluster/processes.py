"""What the servers and the replicas share: ports, process trees, signals."""

from __future__ import annotations

import contextlib
import ctypes
import os
import random
import signal
import socket
import sys
from collections.abc import Iterable
from pathlib import Path

PORTS = range(20_000, 32_000)
"""Below the ports that Linux gives to outgoing connections: a crashed server finds its own free again."""
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


def end_with_starter() -> None:
    """In a new process before its program: SIGTERM when whoever started it is killed, so that nothing is left (Linux).

    The kernel means the thread that started it: only for processes started from the event loop.
    """
    if sys.platform == "linux":
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def free_port() -> int:
    """A port of 127.0.0.1 nobody listens on. Raises OSError when there is none."""
    for port in random.sample(PORTS, 200):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError("no free port found on 127.0.0.1")


def children(pid: int) -> list[int]:
    """The living children of a process, oldest first."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
                if int(parent) == pid and state not in "ZX":
                    found.append(int(entry.name))
    return sorted(found)


def tree(pid: int) -> list[int]:
    """The process and everything it started, parents first."""
    return [pid, *(one for child in children(pid) for one in tree(child))]


def send(pids: Iterable[int], how: signal.Signals) -> None:
    """Signal them all; one that has ended meanwhile is passed over."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, how)
