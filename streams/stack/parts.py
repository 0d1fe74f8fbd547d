"""Which parts this machine runs, and in which order."""

from collections.abc import Iterable, Mapping, Sequence

from streams.config import PARTS, Settings
from streams.errors import ConfigError
from streams.stack import kafka, milvus, ports, triton, workers
from streams.stack.part import Part


def build(settings: Settings, only: Sequence[str] = ()) -> list[Part]:
    """The parts to start. Raises ConfigError for a name that is none.

    A server whose address is another machine's is not ours to start, and is left out.
    """
    wanted = list(only) or settings.stack.parts
    for name in wanted:
        if name not in PARTS:
            raise ConfigError(f"there is no part {name!r}; the parts are {', '.join(PARTS)}")
    made = [_make(settings, name) for name in PARTS if name in wanted]
    return [part for part in made if part.listeners[0].address.is_local]


def servers(settings: Settings) -> list[Part]:
    """Kafka, Milvus and Triton, wherever they run."""
    return [kafka.part(settings), milvus.part(settings), triton.part(settings)]


def with_ports(settings: Settings) -> Settings:
    """The settings with a free port for each metrics port that is 0."""
    chosen = {role: port or ports.free() for role, port in settings.metrics.ports.items()}
    metrics = settings.metrics.model_copy(update={"ports": chosen})
    return settings.model_copy(update={"metrics": metrics})


def dependants(parts: Iterable[Part]) -> dict[str, list[str]]:
    """For each part the names of those that need it: what must be stopped before it."""
    listed = list(parts)
    return {
        part.name: [other.name for other in listed if part.name in other.needs] for part in listed
    }


def needs(parts: Iterable[Part]) -> Mapping[str, list[str]]:
    """For each part the names of those in the same stack that it waits for."""
    listed = list(parts)
    names = {part.name for part in listed}
    return {part.name: [name for name in part.needs if name in names] for part in listed}


def _make(settings: Settings, name: str) -> Part:
    match name:
        case "kafka":
            return kafka.part(settings)
        case "milvus":
            return milvus.part(settings)
        case "triton":
            return triton.part(settings)
        case "gateway":
            return workers.gateway(settings)
        case role:
            return workers.worker(settings, role)
