"""`compose.yaml` and `Dockerfile`, as far as they can be checked without a container engine."""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import yaml
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from streams.config import Settings

ROOT = Path(__file__).resolve().parents[2]
OUTSIDE = {"gateway", "grafana"}
INTERPOLATED = re.compile(r"\$\{([A-Z_]+)(?::?([-?])([^}]*))?\}")
SECRET = re.compile(r"passw|secret|token|credential|api_?key|access_?key", re.IGNORECASE)


@cache
def compose() -> dict[str, Any]:
    """The file with its anchors merged."""
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return loaded


def services() -> dict[str, dict[str, Any]]:
    """Every service by name."""
    found: dict[str, dict[str, Any]] = compose()["services"]
    return found


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions with their arguments, lines joined."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    return [
        (word, rest.strip()) for line in lines if line for word, _, rest in [line.partition(" ")]
    ]


@cache
def stages() -> dict[str, list[tuple[str, str]]]:
    """The instructions of each named stage."""
    found: dict[str, list[tuple[str, str]]] = {}
    name = ""
    for word, rest in instructions():
        if word == "FROM":
            name = rest.rsplit(" AS ", 1)[1]
            found[name] = []
        elif name:
            found[name].append((word, rest))
    return found


def is_setting(variable: str) -> bool:
    """Whether `FRESHET_A__B` is a field of the settings."""
    model: Any = Settings
    for name in variable.removeprefix("FRESHET_").lower().split("__"):
        fields = model.model_fields if isinstance(model, type) and _is_model(model) else {}
        if name not in fields:
            return False
        model = get_type_hints(model)[name]
    return True


def _is_model(model: type) -> bool:
    return issubclass(model, BaseModel)


def strings(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every leaf of the file as text, with where it stands."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from strings(each, f"{path}.{key}")
    elif isinstance(value, list):
        for each in value:
            yield from strings(each, path)
    elif value is not None:
        yield path, str(value)


def test_it_follows_the_compose_specification() -> None:
    """Every key and type, by the specification's own schema."""
    schema = json.loads((ROOT / "tests/unit/data/compose-spec.schema.json").read_text())
    errors = [
        f"{'/'.join(map(str, error.absolute_path))}: {error.message}"
        for error in Draft202012Validator(schema).iter_errors(compose())
    ]

    assert errors == []


def test_the_schema_would_find_a_mistake() -> None:
    """So the test above is worth something."""
    schema = json.loads((ROOT / "tests/unit/data/compose-spec.schema.json").read_text())
    wrong = {"services": {"a": {"image": "a", "healthchek": {}}}}

    assert list(Draft202012Validator(schema).iter_errors(wrong))


@pytest.mark.parametrize("name", sorted(services()))
def test_a_service_waits_for_services_that_are_there(name: str) -> None:
    """Until they work; one that a profile may leave out is not required."""
    profiles = services()[name].get("profiles")
    for needed, how in services()[name].get("depends_on", {}).items():
        other = services()[needed]
        assert how["condition"] in ("service_healthy", "service_completed_successfully")
        if how["condition"] == "service_healthy":
            assert "healthcheck" in other
        if other.get("profiles", profiles) != profiles:
            assert how["required"] is False


@pytest.mark.parametrize("name", sorted(set(services()) - {"topics"}))
def test_a_service_says_whether_it_works(name: str) -> None:
    """By a command of its own, which gives up before the next one starts."""
    check = services()[name]["healthcheck"]

    assert check["test"][0] in ("CMD", "CMD-SHELL")
    assert int(check["timeout"].rstrip("s")) <= int(check["interval"].rstrip("s"))
    assert {"retries", "start_period"} <= check.keys()


@pytest.mark.parametrize("name", sorted(services()))
def test_a_service_has_bounds_and_comes_back(name: str) -> None:
    """Memory, processors, processes; no new privileges; a restart after a crash."""
    service = services()[name]

    assert {"cpus", "memory", "pids"} <= service["deploy"]["resources"]["limits"].keys()
    assert service["restart"] in ("unless-stopped", "on-failure:5")
    assert "no-new-privileges:true" in service["security_opt"]
    assert not service.get("privileged")


@pytest.mark.parametrize("name", sorted(services()))
def test_only_the_gateway_and_grafana_are_published_and_only_here(name: str) -> None:
    """Everything else is reached inside alone."""
    service = services()[name]

    assert bool(service.get("ports")) == (name in OUTSIDE)
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    assert "inside" in service["networks"]
    assert compose()["networks"]["inside"]["internal"] is True


@pytest.mark.parametrize("name", sorted(services()))
def test_an_image_is_pinned(name: str) -> None:
    """To a version, and by the name that any registry has; ours are built here."""
    service = services()[name]
    image, _, tag = service["image"].partition(":")

    if "build" in service:
        assert image.startswith("freshet")
        assert service["build"]["target"] in stages()
    else:
        assert re.search(r"\d", tag)
        assert "." not in image.split("/")[0]


@pytest.mark.parametrize(
    "name", sorted(n for n, s in services().items() if s["image"].startswith("freshet:"))
)
def test_our_own_containers_can_write_next_to_nothing(name: str) -> None:
    """A read-only image, no capability, and a user without rights."""
    service = services()[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "user" not in service


def test_every_setting_given_to_our_containers_exists() -> None:
    """A mistyped one would be passed over in silence, in compose.yaml as in the Dockerfile."""
    given = {
        variable
        for service in services().values()
        for variable in service.get("environment", {})
        if variable.startswith("FRESHET_")
    }
    ours = dict(stages()["freshet"])["ENV"]
    given |= set(re.findall(r"\b(FRESHET_[A-Z_]+)=", ours))

    assert len(given) > 8
    assert {variable for variable in given if not is_setting(variable)} == set()
    assert not is_setting("FRESHET_KAFKA__BOOTSTRAPS")


def test_our_ports_are_those_of_the_settings() -> None:
    """Where health checks look and Prometheus scrapes."""
    settings = Settings()
    ports = {**settings.metrics.ports, "gateway": settings.gateway.port}

    for name, port in ports.items():
        assert f":{port}/" in services()[name]["healthcheck"]["test"][-1]
        assert (name, port) in scraped()


def scraped() -> set[tuple[str, int]]:
    """Host and port of all that Prometheus reads."""
    config = yaml.safe_load((ROOT / "monitoring/prometheus/prometheus.yml").read_text())
    found = set()
    for job in config["scrape_configs"]:
        for each in job.get("dns_sd_configs", []):
            found |= {(name, each["port"]) for name in each["names"]}
        for each in job.get("static_configs", []):
            found |= {(t.rsplit(":")[0], int(t.rsplit(":")[1])) for t in each["targets"]}
    return found


def test_prometheus_reads_services_that_are_there() -> None:
    """All our processes among them."""
    names = {name for name, _ in scraped()}

    assert names <= services().keys()
    assert {"gateway", "indexer", "writer", "admission", "answerer", "triton"} <= names


def test_prometheus_evaluates_our_rules() -> None:
    """Where they are mounted."""
    config = yaml.safe_load((ROOT / "monitoring/prometheus/prometheus.yml").read_text())
    mounted = dict(v.split(":")[1::-1] for v in services()["prometheus"]["volumes"])
    (pattern,) = config["rule_files"]

    folder = ROOT / mounted[str(Path(pattern).parent)]
    assert [path.name for path in folder.glob(Path(pattern).name)] == ["freshet.yml"]


def test_grafana_reads_the_prometheus_that_is_there() -> None:
    """Its data source is provisioned, not clicked together."""
    folder = ROOT / "monitoring/grafana/provisioning/datasources"
    (source,) = yaml.safe_load((folder / "prometheus.yml").read_text())["datasources"]

    assert source["url"] == "http://prometheus:9090"


def test_no_secret_is_written_down() -> None:
    """Each comes from a variable that has no default, or from a file."""
    secrets = [
        (path, value)
        for path, value in strings(compose())
        if SECRET.search(path) and "environment" in path
    ]

    assert secrets
    for path, value in secrets:
        required = INTERPOLATED.fullmatch(value)
        from_file = path.endswith("__FILE") and value.startswith("/run/secrets/")
        assert from_file or (required and required[2] == "?"), path
    example = (ROOT / "compose.env.example").read_text()
    assert re.findall(r"^[A-Z_]+=(.+)$", example, re.MULTILINE) == []


def test_every_variable_is_explained_in_the_example() -> None:
    """Or has a default that nobody needs to know of."""
    text = (ROOT / "compose.yaml").read_text()
    example = (ROOT / "compose.env.example").read_text()
    used = {match[1] for match in INTERPOLATED.finditer(text)}

    named = set(re.findall(r"^#?([A-Z_]+)=", example, re.MULTILINE))
    assert used - {"IMAGE_TAG"} == named


def test_every_volume_and_network_is_declared_and_used() -> None:
    """A leftover would hide a mistake."""
    mounted = {
        volume.split(":")[0]
        for service in services().values()
        for volume in service.get("volumes", [])
        if not volume.startswith((".", "/"))
    }

    assert mounted == compose()["volumes"].keys()
    assert {n for s in services().values() for n in s["networks"]} == compose()["networks"].keys()


@pytest.mark.parametrize("stage", ["freshet", "triton", "triton-gpu"])
def test_an_image_runs_as_nobody_in_particular(stage: str) -> None:
    """By a number, so that an orchestrator can tell that it is not root."""
    users = [rest for word, rest in stages()[stage] if word == "USER"]

    assert users[-1] == "10001:10001"


def test_whatever_is_installed_is_checked_by_its_hash() -> None:
    """No package comes into an image unpinned."""
    installs = [
        command
        for word, rest in instructions()
        if word == "RUN"
        for command in rest.split("&&")
        if "pip install" in command
    ]

    assert len(installs) == 4
    assert all("--require-hashes" in command for command in installs)


def test_what_the_dockerfile_copies_is_sent_to_the_builder() -> None:
    """`.dockerignore` leaves out everything that it does not name."""
    sent = {
        line[1:]
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    copied = [
        source
        for word, rest in instructions()
        if word == "COPY" and "--from" not in rest
        for source in rest.split()[:-1]
    ]

    assert copied
    for source in copied:
        assert (ROOT / source).exists()
        assert source.split("/")[0] in sent


def test_the_workers_have_the_versions_that_were_tested() -> None:
    """Their shorter list of packages is main.txt's, less what they do not need."""

    def pins(name: str) -> set[str]:
        text = (ROOT / "requirements" / name).read_text()
        return set(re.findall(r"^([a-z0-9_.-]+(?:\[[a-z,]+\])?==[^\s;]+)", text, re.MULTILINE))

    def wanted(name: str) -> set[str]:
        lines = (ROOT / "requirements" / name).read_text().splitlines()
        return {re.split(r"\s+#", line)[0].strip() for line in lines if line[:1].isalpha()}

    left_out = wanted("main.in") - wanted("workers.in")

    assert pins("workers.txt") <= pins("main.txt")
    assert {re.split("[=<]", name)[0] for name in left_out} == {
        *("pyspark", "evidently", "mlflow", "pyarrow", "jinja2", "openlineage-python"),
        *("sacrebleu", "rouge-score", "nltk", "scikit-learn"),
    }
    assert wanted("workers.in") <= wanted("main.in")
