"""python keep_alive.py --with PID COMMAND...: run a command, and again whenever it dies by itself.

A worker that is killed (out of memory, say) comes back within a second, later ones wait longer, so
that one that cannot start does not spin. SIGTERM and SIGINT are passed on and end it. So does the end
of the process PID: a launcher that was killed cannot tell anybody.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from types import FrameType

LONGEST_PAUSE_SECONDS = 30.0
# Who has run this long has not failed to start: the pauses begin anew.
SETTLED_SECONDS = 60.0
LOOK_EVERY_SECONDS = 1.0
GRACE_SECONDS = 10.0


def keep_alive(command: Sequence[str]) -> int:
    """Returns the exit status of the last run, once a signal has asked to stop."""
    child: subprocess.Popen[bytes] | None = None
    is_stopping = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal is_stopping
        is_stopping = True
        if child is not None:
            child.send_signal(number)  # which does nothing to one that has ended

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    pause_seconds = 1.0
    while True:
        started = time.monotonic()
        child = subprocess.Popen(command)
        if is_stopping:  # the signal came while the child was being started
            child.terminate()
        status = child.wait()
        if is_stopping:
            return status
        if time.monotonic() - started > SETTLED_SECONDS:
            pause_seconds = 1.0
        print(
            f"It ended with status {status}; starting again in {pause_seconds:.0f} s.", flush=True
        )
        deadline = time.monotonic() + pause_seconds
        while time.monotonic() < deadline:
            time.sleep(0.1)
            if is_stopping:
                return status
        pause_seconds = min(2 * pause_seconds, LONGEST_PAUSE_SECONDS)


def end_with(pid: int) -> None:
    """Waits for the end of a process, then ends this one and whatever it has started."""
    while is_alive(pid):
        time.sleep(LOOK_EVERY_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os.killpg(os.getpgid(0), signal.SIGKILL)  # the launcher gave each of its processes a group


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return False  # another user's has taken over its number
    return True


if __name__ == "__main__":
    threading.Thread(target=end_with, args=(int(sys.argv[2]),), daemon=True).start()
    sys.exit(keep_alive(sys.argv[3:]))
