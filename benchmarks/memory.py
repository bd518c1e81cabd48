"""Peak memory of this process."""

from __future__ import annotations

import math
import sys
from pathlib import Path

__all__ = ["peak_memory", "reset_peak_memory"]

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def peak_memory() -> float:
    """Give the largest resident set of this process in bytes, or nan where the system does not tell."""
    if _STATUS.is_file():  # ru_maxrss on Linux also counts the process that started this one
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return 1024 * float(line.split()[1])
    try:
        import resource
    except ImportError:
        return math.nan
    unit = 1 if sys.platform == "darwin" else 1024
    return float(unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def reset_peak_memory() -> bool:
    """Let the peak begin anew at what is held now; False where the system (other than Linux) cannot."""
    try:
        _CLEAR.write_text("5")  # see proc_pid_clear_refs(5)
    except OSError:
        return False
    return True
