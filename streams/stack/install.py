"""Set-up: everything a stack needs, in `.venv`, `.venv-servers` and `.freshet`.

    python3 -m streams.stack.install [--quiet]

Runs with the system's Python and the standard library alone. Each step has a stamp, a hash of its
inputs that is written last: a step that was cut short or whose inputs changed is done again, and
one that is up to date costs nothing. Two set-ups at once wait for each other.
"""

import fcntl
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from streams.errors import SetupError
from streams.stack import jars, prerequisites

ROOT = Path(__file__).resolve().parents[2]
STATE = ROOT / ".freshet"
MAIN = ROOT / ".venv"
SERVERS = ROOT / ".venv-servers"
REQUIREMENTS = ROOT / "requirements"
UV = MAIN / "bin" / "uv"
NEWS_S = 20.0


@dataclass(frozen=True)
class Step:
    """One thing to install. `inputs` are files whose contents decide the result."""

    name: str
    says: str
    inputs: Sequence[Path]
    is_there: Callable[[], bool]
    do: Callable[[], None]


def main(argv: Sequence[str]) -> int:
    """Bring everything up to date; returns the exit code."""
    try:
        with _alone():
            done = install()
    except SetupError as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"setup: {error.strerror}: {error.filename}. {_advice(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("setup: interrupted; run it again to go on", file=sys.stderr)
        return 130
    if not done and "--quiet" not in argv:
        _say("everything is up to date")
    return 0


def install() -> bool:
    """Do the steps that are not up to date; says whether there were any. Raises SetupError."""
    due = [step for step in steps() if not _is_done(step)]
    if due:
        check()
    for number, step in enumerate(due, 1):
        began = time.monotonic()
        _say(f"[{number}/{len(due)}] {step.says}")
        _stamp(step).unlink(missing_ok=True)
        step.do()
        _mark(step)
        _say(f"[{number}/{len(due)}] done in {time.monotonic() - began:.0f} s")
    return bool(due)


def check() -> None:
    """Raises SetupError with all that is missing on this machine."""
    room = prerequisites.NEEDED_BYTES if not SERVERS.exists() else 1_000_000_000
    checks = (
        prerequisites.system(),
        prerequisites.python(),
        prerequisites.venv(),
        prerequisites.make(),
        prerequisites.java(),
        prerequisites.disk(ROOT, room),
    )
    if wrong := [message for message in checks if message]:
        raise SetupError("\n       ".join(wrong))


def steps() -> list[Step]:
    """What there is to install, in order."""
    base, setup = REQUIREMENTS, REQUIREMENTS / "setup.txt"
    main_inputs = [setup, base / "main.txt", base / "dev.txt"]
    server_inputs = [base / "servers.txt", base / "payloads.txt"]
    model_code = [ROOT / "models" / name for name in ("build", "serving", "judging")]
    return [
        Step("python", "making .venv", [setup], _has_uv, _make_venv),
        Step("main", "installing what Freshet runs on", main_inputs, _has_main, _sync_main),
        Step(
            "freshet", "installing Freshet itself", [ROOT / "pyproject.toml"], _has_cli, _editable
        ),
        Step("servers", "installing Triton and Milvus", server_inputs, _has_servers, _sync_servers),
        *(_jars(name, each) for name, each in (("kafka", jars.KAFKA), ("spark", jars.SPARK))),
        Step("models", "building the models", [*model_code, *server_inputs], _has_models, _build),
    ]


def _has_uv() -> bool:
    return UV.exists() and (MAIN / "bin" / "python").exists()


def _make_venv() -> None:
    if MAIN.exists():
        shutil.rmtree(MAIN)
    _run((sys.executable, "-m", "venv", str(MAIN)))
    pip = (str(MAIN / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install")
    _run((*pip, "--quiet", "--require-hashes", "-r", str(REQUIREMENTS / "setup.txt")))


def _has_main() -> bool:
    return _has_uv() and any(_packages(MAIN, "pyspark"))


def _sync_main() -> None:
    names = ("setup.txt", "main.txt", "dev.txt")
    _uv("pip", "sync", "--python", str(MAIN), "--require-hashes", *_files(names))
    _stamp_of("freshet").unlink(missing_ok=True)


def _has_cli() -> bool:
    return (MAIN / "bin" / "freshet").exists()


def _editable() -> None:
    where = ("--python", str(MAIN))
    _uv("pip", "install", *where, "--no-deps", "--no-build-isolation", "--editable", str(ROOT))


def _has_servers() -> bool:
    return any(_packages(SERVERS, "pytriton")) and any(_packages(SERVERS, "milvus_lite"))


def _sync_servers() -> None:
    if not (SERVERS / "bin" / "python").exists():
        _uv("venv", "--clear", "--python", str(MAIN / "bin" / "python"), str(SERVERS))
    names = ("servers.txt", "payloads.txt")
    _uv("pip", "sync", "--python", str(SERVERS), "--require-hashes", *_files(names))


def _jars(name: str, wanted: jars.JarSet) -> Step:
    return Step(
        name,
        f"fetching {wanted.whose} jars",
        [wanted.checksum_file],
        lambda: jars.are_there(wanted, STATE / wanted.folder),
        lambda: _fetch_jars(wanted),
    )


def _fetch_jars(wanted: jars.JarSet) -> None:
    java = prerequisites.find_java()
    ivy = next(_packages(MAIN, "pyspark/jars/ivy-*.jar"), None)
    if java is None or ivy is None:
        raise SetupError("Java or pyspark's Ivy is missing; run `make clean setup`")
    jars.fetch(wanted, STATE / wanted.folder, java, ivy)


def _has_models() -> bool:
    return all((STATE / "models" / name / "built.json").exists() for name in ("minilm-l6", "words"))


def _build() -> None:
    python = str(SERVERS / "bin" / "python")
    for name in ("embedder", "words"):
        _run((python, "-m", f"models.build.{name}", "--out", str(STATE / "models")))


def _packages(environment: Path, pattern: str) -> Iterator[Path]:
    return environment.glob(f"lib/python3.*/site-packages/{pattern}")


def _files(names: Sequence[str]) -> list[str]:
    return [str(REQUIREMENTS / name) for name in names]


def _uv(*arguments: str) -> None:
    _run((str(UV), "--no-progress", *arguments), _pip_settings())


def _pip_settings() -> dict[str, str]:
    """What this machine's pip is told about mirrors, for uv, which does not read it."""
    same = {
        "UV_DEFAULT_INDEX": "index-url",
        "UV_INDEX": "extra-index-url",
        "UV_FIND_LINKS": "find-links",
        "SSL_CERT_FILE": "cert",
    }
    pip = (str(MAIN / "bin" / "python"), "-m", "pip", "config", "list")
    listed = subprocess.run(pip, capture_output=True, text=True, check=False).stdout
    found = dict(line.split("=", 1) for line in listed.splitlines() if "=" in line)
    told = {name.rpartition(".")[2]: value.strip("'\"") for name, value in found.items()}
    return {
        variable: told[option]
        for variable, option in same.items()
        if option in told and variable not in os.environ
    }


def _run(command: Sequence[str], extra: dict[str, str] | None = None) -> None:
    """Run a command in the repository's root. Raises SetupError with the end of what it said."""
    drop = ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME")
    env = {name: value for name, value in os.environ.items() if name not in drop}
    with tempfile.TemporaryFile("w+") as output:
        child = subprocess.Popen(
            command, cwd=ROOT, env={**env, **(extra or {})}, stdout=output, stderr=output
        )
        if _wait(child) != 0:
            output.seek(0)
            said = "\n       ".join(output.read().strip().splitlines()[-15:])
            what = " ".join(Path(each).name for each in command[:4])
            raise SetupError(
                f"`{what} ...` failed. Mend what it says and run it again:\n       {said}"
            )


def _wait(child: "subprocess.Popen[bytes]") -> int:
    """The exit code; tells from time to time that it still goes on."""
    began = time.monotonic()
    try:
        while True:
            try:
                return child.wait(NEWS_S)
            except subprocess.TimeoutExpired:
                _say(f"      {time.monotonic() - began:.0f} s so far")
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()


def _is_done(step: Step) -> bool:
    try:
        return _stamp(step).read_text() == _fingerprint(step) and step.is_there()
    except OSError:
        return False


def _mark(step: Step) -> None:
    if not step.is_there():
        raise SetupError(f"{step.says} left nothing behind; run `make clean` and try again")
    stamp = _stamp(step)
    stamp.parent.mkdir(parents=True, exist_ok=True)
    fresh = stamp.with_suffix(".new")
    fresh.write_text(_fingerprint(step))
    os.replace(fresh, stamp)


def _fingerprint(step: Step) -> str:
    """Of the inputs, this Python and this place: an environment cannot be moved."""
    made = hashlib.sha256(json.dumps([step.name, str(ROOT), platform.python_version()]).encode())
    for path in step.inputs:
        for file in sorted(path.glob("*.py")) if path.is_dir() else [path]:
            made.update(file.read_bytes())
    return made.hexdigest()


def _stamp(step: Step) -> Path:
    return _stamp_of(step.name)


def _stamp_of(name: str) -> Path:
    return STATE / "stamps" / name


@contextmanager
def _alone() -> Iterator[None]:
    """Wait until no other set-up runs here."""
    STATE.mkdir(parents=True, exist_ok=True)
    with (STATE / "setup.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("another set-up is running here; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _advice(error: OSError) -> str:
    known = {28: "The disk is full: free some space", 13: "Make it writable", 30: "It is read-only"}
    return known.get(error.errno or 0, "Mend it") + ", and run it again"


def _say(message: str) -> None:
    print(f"setup: {message}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
