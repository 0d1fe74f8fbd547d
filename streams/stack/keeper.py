"""Runs one part and never outlives its supervisor, nor lets the part outlive itself.

    keeper SUPERVISOR_PID REPORT_FD GRACE_S COMMAND...

The kernel tells the keeper when the supervisor dies, however it dies, and kills the command when
the keeper does. As a child subreaper the keeper inherits whatever the command leaves behind
(Triton's Python stubs), so it ends only when every descendant is gone. It writes the command's
pid to REPORT_FD and exits as the command did: with its code, or 128 + the signal that ended it.

The command's environment comes on stdin, as `/proc/PID/environ` would show it: in the keeper's own
environment its LD_LIBRARY_PATH could break the keeper.

Started by path with `python -I -S`: it may import nothing of ours, and starts in some 20 ms.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
LEFTOVERS_GRACE_S = 3.0
POLITE = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
WAITED = POLITE | {signal.SIGCHLD}

_libc = ctypes.CDLL(None, use_errno=True)


def main(argv: list[str]) -> int:
    """Run the command to its end; returns the exit code."""
    supervisor, report, grace_s, command = int(argv[0]), int(argv[1]), float(argv[2]), argv[3:]
    signal.pthread_sigmask(signal.SIG_BLOCK, WAITED)
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    _prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != supervisor:
        return 128 + signal.SIGTERM
    me = os.getpid()
    child = subprocess.Popen(
        command,
        env=_environment(sys.stdin.buffer.read()),
        stdin=subprocess.DEVNULL,
        process_group=0,
        preexec_fn=lambda: _tie(me),
    )
    os.write(report, b"%d\n" % child.pid)
    os.close(report)
    status = _wait(child.pid, grace_s)
    _end_leftovers()
    return os.waitstatus_to_exitcode(status) % 256 if os.WIFEXITED(status) else 128 + status % 128


def _environment(told: bytes) -> dict[bytes, bytes]:
    pairs = (each.partition(b"=") for each in told.split(b"\0") if each)
    return {name: value for name, _, value in pairs}


def _tie(keeper: int) -> None:
    """Between fork and exec of the command: die when the keeper dies."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, WAITED)
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != keeper:
        os._exit(128 + signal.SIGKILL)


def _wait(pid: int, grace_s: float) -> int:
    """The wait status of `pid`; passes a polite signal on, and kills when grace has passed."""
    deadline: float | None = None
    while True:
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] == pid:
                return ended[1]
        left = 60.0 if deadline is None else max(0.0, deadline - time.monotonic())
        received = signal.sigtimedwait(WAITED, left)
        if received is not None and received.si_signo in POLITE and deadline is None:
            deadline = time.monotonic() + grace_s
            _signal_group(pid, signal.SIGTERM)
        elif deadline is not None and time.monotonic() >= deadline:
            _signal_group(pid, signal.SIGKILL)


def _end_leftovers() -> None:
    """Give what the command left behind a moment to end by itself, then kill it."""
    deadline = time.monotonic() + LEFTOVERS_GRACE_S
    while _reap():
        if time.monotonic() >= deadline:
            for pid in _children():
                _signal(pid, signal.SIGKILL)
        signal.sigtimedwait({signal.SIGCHLD}, 0.1)


def _reap() -> bool:
    """Collect children that have ended; says whether any still runs."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def _children() -> list[int]:
    with open(f"/proc/self/task/{os.getpid()}/children") as file:
        return [int(pid) for pid in file.read().split()]


def _signal_group(pid: int, number: int) -> None:
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        _signal(pid, number)


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, value, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
