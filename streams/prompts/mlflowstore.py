"""MLflow's prompt registry, as much of it as copying prompts needs.

MLflow takes seconds to import, so only the commands that copy import this. Its telemetry is off.
"""

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from streams.errors import FreshetError

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry.prompt_version import PromptVersion

_PAGE = 100


class RegistryRefused(FreshetError):
    """MLflow refused, or could not be reached."""


class Entry(Struct, frozen=True):
    """A version of a prompt in MLflow."""

    number: int
    template: str | None
    """None for a chat: a list of messages."""
    message: str
    tags: Mapping[str, str]
    config: Mapping[str, Any]


def store(uri: str | None, state_dir: Path) -> str:
    """Where MLflow keeps prompts: what is asked for, what its own variable says, or a file here."""
    found = uri or os.environ.get("MLFLOW_TRACKING_URI")
    if found:
        return found
    folder = state_dir / "mlflow"
    folder.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{folder.resolve()}/mlflow.db"


def client(uri: str) -> "MlflowClient":
    """A client of the store at a tracking URI. Raises RegistryRefused."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = os.environ["DO_NOT_TRACK"] = "true"
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    try:
        from mlflow import MlflowClient
    except ModuleNotFoundError:
        raise RegistryRefused(
            "MLflow is not installed here, as in the workers' image; run this where `make "
            "setup` was run"
        ) from None
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    with translated():
        return MlflowClient(tracking_uri=uri)


class MlflowStore:
    """The registry at a tracking URI. Every method raises RegistryRefused."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._client = client(uri)

    def names(self) -> list[str]:
        """Every prompt there is."""
        return sorted(one.name for one in self._pages(self._client.search_prompts))

    def entries(self, name: str) -> dict[int, Entry]:
        """The versions of a prompt, by number; empty where there is no such prompt."""
        with translated():
            if self._client.get_prompt(name) is None:
                return {}
        found = self._pages(lambda **page: self._client.search_prompt_versions(name, **page))
        return {one.version: _entry(one) for one in sorted(found, key=lambda one: one.version)}

    def aliases(self, name: str, number: int) -> list[str]:
        """The aliases that stand for a version."""
        with translated():
            return sorted(self._client.get_prompt_version(name, number).aliases)

    def add(self, name: str, entry: Entry) -> int:
        """Make a version, and the prompt where there is none; gives its number, the next one."""
        with translated():
            if self._client.get_prompt(name) is None:
                self._client.create_prompt(name)
            made = self._client.create_prompt_version(
                name,
                entry.template or "",
                description=entry.message,
                tags=dict(entry.tags),
                model_config=_config(entry.config),
            )
            return int(made.version)

    def remove(self, name: str, number: int) -> None:
        """Delete a version; its number is not given again."""
        with translated():
            self._client.delete_prompt_version(name, str(number))

    def point(self, name: str, alias: str, number: int) -> None:
        """Let an alias stand for a version."""
        with translated():
            self._client.set_prompt_alias(name, alias, number)

    def _pages(self, search: Any) -> Iterator[Any]:
        token = None
        while True:
            with translated():
                page = search(max_results=_PAGE, page_token=token)
            yield from page
            if not (token := page.token):
                return


def _entry(found: "PromptVersion") -> Entry:
    return Entry(
        number=int(found.version),
        template=found.template if isinstance(found.template, str) else None,
        message=found.commit_message or "",
        tags=found.tags,
        config=found.model_config or {},
    )


def _config(parameters: Mapping[str, Any]) -> dict[str, Any] | None:
    """Parameters, if they are such as MLflow knows of a model."""
    from mlflow.entities.model_registry import PromptModelConfig
    from pydantic import ValidationError

    try:
        PromptModelConfig.from_dict(dict(parameters))
    except ValidationError:
        return None
    return dict(parameters) or None


@contextmanager
def translated() -> Iterator[None]:
    """MLflow's errors, and those of what it stands on, as RegistryRefused."""
    import requests
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError, requests.RequestException, ValueError) as error:
        reason = " ".join(str(error).split())
        raise RegistryRefused(f"MLflow: {reason[:300]}") from None
