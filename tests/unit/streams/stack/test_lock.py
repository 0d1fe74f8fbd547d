"""One stack per state folder."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from streams.errors import AlreadyRunning, StackError
from streams.stack import lock
from streams.stack.lock import StackLock

HOLD = "import sys; from pathlib import Path; from streams.stack.lock import StackLock\n"
HOLD += "held = StackLock(Path(sys.argv[1])); held.acquire(); print('held', flush=True); input()"


def test_a_second_one_is_told_who_holds_it(tmp_path: Path):
    """The message names the folder, the pid and the commands that help."""
    StackLock(tmp_path).acquire()
    with pytest.raises(AlreadyRunning, match=rf"{tmp_path}.*pid {os.getpid()}.*freshet down"):
        StackLock(tmp_path).acquire()


def test_it_can_be_taken_again_after_release(tmp_path: Path):
    """Nothing stays behind."""
    first = StackLock(tmp_path)
    first.acquire()
    first.release()
    assert not lock.is_held(tmp_path)
    StackLock(tmp_path).acquire()


def test_kill_9_of_the_holder_frees_it(tmp_path: Path):
    """The file with the dead holder's pid stays, and locks nobody out."""
    command = (sys.executable, "-c", HOLD, str(tmp_path))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert lock.supervisor(tmp_path) == holder.pid
        holder.kill()
    assert json.loads((tmp_path / lock.FILE).read_text()) == {"pid": holder.pid}
    assert lock.supervisor(tmp_path) is None
    StackLock(tmp_path).acquire()


def test_it_stays_held_while_a_child_that_inherited_it_lives(tmp_path: Path):
    """The lock says that all is gone, not only the supervisor."""
    parent = StackLock(tmp_path)
    parent.acquire()
    with subprocess.Popen(("sleep", "60"), pass_fds=(parent.fd,)) as child:
        parent.release()
        assert lock.is_held(tmp_path)
        with pytest.raises(AlreadyRunning, match="still stopping"):
            StackLock(tmp_path).acquire(wait_s=0.2)
        child.kill()
    StackLock(tmp_path).acquire()


def test_a_folder_that_cannot_be_made_is_an_error_that_says_so(tmp_path: Path):
    """A file stands where the state folder should be."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StackError, match=r"cannot be written.*FRESHET_STATE_DIR"):
        StackLock(tmp_path / "file").acquire()
