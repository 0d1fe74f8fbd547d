"""Every setting, in one place: defaults < `freshet.yaml` < `FRESHET_*` environment variables.

Nested settings are joined by two underscores: `FRESHET_KAFKA__BOOTSTRAP=broker:9092`.
"""

import os
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    YamlConfigSettingsSource,
)
from yaml import YAMLError

from streams.errors import ConfigError

ROOT = Path(__file__).resolve().parents[1]
DAY_MS = 24 * 3600 * 1000
PARTS = (
    *("kafka", "milvus", "triton", "indexer", "writer", "admission", "answerer", "gateway"),
    *("judge", "monitor", "steward"),
)


class Kafka(BaseModel):
    """The log."""

    bootstrap: str = Field("127.0.0.1:9092", description="where a broker listens")
    prefix: str = Field("", description="put in front of every topic and consumer group")
    partitions: int = Field(
        4, ge=1, le=1024, description="of each topic; chosen once, before the topics are created"
    )
    replication: int = Field(1, ge=1, description="copies of each partition")
    session_timeout_s: float = Field(6.0, description="after which a dead worker's work moves on")
    security: dict[str, SecretStr] = Field(
        default_factory=dict, description="extra aiokafka client options, such as SASL"
    )


class Milvus(BaseModel):
    """The index."""

    uri: str = Field("http://127.0.0.1:19530", description="where Milvus listens")
    token: SecretStr | None = Field(None, description="`user:password`, where Milvus asks for it")
    prefix: str = Field(
        "freshet",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$",
        description="put in front of every collection",
    )
    timeout_s: float = Field(20.0, description="how long a call of Milvus is tried")
    dense_index: str = Field("FLAT", description="FLAT is exact; HNSW on a Milvus cluster")


class Triton(BaseModel):
    """The models."""

    grpc: str = Field("127.0.0.1:8001", description="where the models are asked")
    http: str = Field("127.0.0.1:8000", description="where Triton is asked whether it is ready")
    metrics: str = Field("127.0.0.1:8002", description="where Triton shows its own metrics")
    embedders: dict[str, str] = Field(
        default_factory=lambda: {"minilm-l6@1": "embedder"},
        description="the model that serves each version of an embedder",
    )
    reader: str = Field("reader", description="the model that answers")
    judge: str = Field("judge", description="the model that judges answers")
    tokenizer: Path | None = Field(
        None,
        description="a `tokenizer.json` that counts as the reader's server does; without one, "
        "words and signs are counted, as the extractive reader does",
    )
    embed_timeout_s: float = Field(60.0, description="how long an embedding is tried")
    threads: int = Field(
        default_factory=lambda: len(os.sched_getaffinity(0)),
        ge=1,
        description="of each model; by default one for each processor",
    )

    def embedder(self, version: str) -> str:
        """The model that serves a version of an embedder. Raises ConfigError."""
        if (model := self.embedders.get(version)) is None:
            raise ConfigError(
                f"no model is named for the embedder {version}; setting triton.embedders has "
                f"{', '.join(self.embedders) or 'none'}"
            )
        return model


class Gateway(BaseModel):
    """The HTTP front."""

    host: str = Field("127.0.0.1", description="the address to listen on")
    port: int = Field(8700, description="the port to listen on")
    max_body_bytes: int = Field(9 * 1024 * 1024, description="the largest document's body")
    max_connections: int = Field(
        1024, ge=1, description="at once; who comes when there are as many is answered 503"
    )


class Limits(BaseModel):
    """Bounds in size and time."""

    horizon_ms: int = Field(30 * DAY_MS, description="how far back replay and `as_of` reach")
    answer_deadline_s: float = Field(30.0, description="after which a question has failed")
    quota_wait_s: float = Field(
        2.0, ge=0, description="how long a question may wait for tokens that others hold"
    )
    after_timeout_s: float = Field(15.0, description="how long `after` and staleness may wait")
    concurrent_answers: int = Field(16, description="questions that an answerer has in hand")
    concurrent_shadows: int = Field(
        4, ge=1, description="and beside them, questions that it answers again without showing it"
    )
    batch_documents: int = Field(64, description="documents that the indexer plans at once")
    tick_s: float = Field(1.0, description="how often an idle partition's index time advances")


class Monitor(BaseModel):
    """What is watched, and how soon."""

    window_s: float = Field(
        10.0, gt=0, description="of event time, that events are put in order by"
    )
    lateness_s: float = Field(5.0, ge=0, description="how late an event may come and still count")
    feedback_days: float = Field(
        7.0, gt=0, description="how far an answer and what people say of it may lie apart"
    )
    alert_scale: float = Field(
        1.0, gt=0, description="what the windows of alert rules are multiplied by: 0.01 for a trial"
    )
    parts: int = Field(
        1000, ge=1, description="tenants and routes that are watched each on their own"
    )


class Metrics(BaseModel):
    """Where each process shows `/metrics`; 0 picks a free port."""

    host: str = Field("127.0.0.1", description="the address that workers listen on")
    ports: dict[str, int] = Field(
        default_factory=lambda: {
            "indexer": 8711,
            "writer": 8712,
            "admission": 8713,
            "answerer": 8714,
            "judge": 8715,
            "monitor": 8716,
            "steward": 8717,
        },
        description="the port of each role",
    )


class Dashboards(BaseModel):
    """What `freshet dashboards` starts, on this machine's loopback addresses alone."""

    prometheus_port: int = Field(9090, description="where Prometheus listens")
    reports_port: int = Field(8720, description="where Evidently's reports are shown")
    reports_every_s: int = Field(
        3600, ge=60, description="the length of the windows of answers that reports are made of"
    )
    grafana_port: int = Field(3000, description="where Grafana listens")
    scrape_interval_s: float = Field(5.0, ge=0.5, description="how often metrics are read")
    retention_days: int = Field(15, ge=1, description="how long Prometheus keeps what it has read")


class Spark(BaseModel):
    """What the archive and replay run on."""

    master: str = Field(
        "local[*]", description="Spark's master: `local[*]`, `spark://host:7077`, `yarn`"
    )
    memory_mb: int = Field(
        2048, ge=512, description="of the driver; on this machine, of all that Spark does"
    )
    jars: Path | None = Field(
        None, description="the folder of its jars; default: where set-up put them"
    )
    options: dict[str, str] = Field(
        default_factory=dict, description="Spark's own settings, such as `spark.executor.memory`"
    )


class Archive(BaseModel):
    """The log in Delta tables."""

    batch_records: int = Field(
        200_000, ge=1, description="the most that one commit adds to a table"
    )


class Stack(BaseModel):
    """What `freshet up` starts on this machine, and from where."""

    parts: list[str] = Field(
        list(PARTS), description="a part whose address is another machine's is left out by itself"
    )
    install_dir: Path = Field(ROOT / ".freshet", description="where set-up put jars and models")
    servers_env: Path = Field(
        ROOT / ".venv-servers", description="Triton's and Milvus' environment"
    )
    java: str | None = Field(None, description="the `java` to use; default $JAVA_HOME, then $PATH")
    kafka_heap_mb: int = Field(512, ge=128, description="of the broker that it starts")
    start_timeout_s: float = Field(180.0, description="how long a part may take to be ready")
    stop_grace_s: float = Field(10.0, description="from a polite stop to a kill")


class Settings(BaseSettings):
    """All of it."""

    model_config = SettingsConfigDict(
        env_prefix="FRESHET_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    environment: str = Field(
        "",
        pattern=r"^([a-z][a-z0-9-]{0,31})?$",
        description="such as staging; topics and collections that are another's are not touched",
    )
    state_dir: Path = Field(ROOT / ".freshet", description="data, logs and the lock of one stack")
    index_version: str = Field(
        "v1",
        pattern=r"^[a-z0-9_]{1,32}$",
        description="the index version of an indexer or writer, and the one that the gateway, the "
        "monitor and the commands tell of; routes say which one answers",
    )
    tenant: str = Field("default", description="the tenant that the command line speaks for")
    worker_id: str = Field(
        "0",
        pattern=r"^[A-Za-z0-9_-]{1,64}$",
        description="tells copies of one role on one machine apart",
    )
    kafka: Kafka = Kafka()
    milvus: Milvus = Milvus()
    triton: Triton = Triton()
    gateway: Gateway = Gateway()
    limits: Limits = Limits()
    monitor: Monitor = Monitor()
    prices: dict[str, tuple[float, float]] = Field(
        default_factory=dict,
        description="US dollars for a million tokens in and out, by model: `name@version`, or "
        "`name` for all its versions",
    )
    metrics: Metrics = Metrics()
    dashboards: Dashboards = Dashboards()
    spark: Spark = Spark()
    archive: Archive = Archive()
    stack: Stack = Stack()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment wins over the YAML file; there is no `.env`."""
        yaml = YamlConfigSettingsSource(settings_cls, yaml_file=config_file())
        return init_settings, env_settings, yaml

    @cached_property
    def masked(self) -> dict[str, Any]:
        """Everything as plain data, secrets hidden: what `freshet config show` prints."""
        return self.model_dump(mode="json")


def load() -> Settings:
    """The settings in force. Raises ConfigError naming each setting that is wrong."""
    try:
        return Settings()
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()
        )
        raise ConfigError(f"{wrong} (set in {config_file()} or by FRESHET_*)") from error
    except (SettingsError, YAMLError, OSError) as error:
        raise ConfigError(f"{config_file()} or a FRESHET_* variable: {error}") from error


def config_file() -> Path:
    """`$FRESHET_CONFIG`, or `freshet.yaml` in the working folder."""
    return Path(os.environ.get("FRESHET_CONFIG", "freshet.yaml"))
