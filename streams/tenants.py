"""Tenants in `control`, looked at and changed: by compare-and-set."""

from collections.abc import Mapping
from typing import Any, Self

import msgspec

from processors.control import Control
from processors.tenants import GROUP, tenant_in
from schemas.control import ApiKey, Tenant
from streams.clients.kafka import LogClient
from streams.control import Conflict, put, read_control
from streams.errors import FreshetError
from streams.said import Said


class TenantRefused(FreshetError):
    """A change that makes no sense."""


class Tenants:
    """The tenants as they stood when they were read.

    Every change here raises Conflict where somebody else made another since then.
    """

    def __init__(self, log: LogClient, control: Control) -> None:
        self.log = log
        self.control = control

    @classmethod
    async def read(cls, log: LogClient) -> Self:
        """As they stand now."""
        return cls(log, await read_control(log))

    def all(self) -> list[Tenant]:
        """Those of whom something was said, or who have a key, by name."""
        said = set(self.control.of(Tenant))
        keyed = {key.tenant for key in self.control.of(ApiKey).values()}
        return [self.get(name) for name in sorted(said | keyed)]

    def get(self, name: str) -> Tenant:
        """A tenant as it is in force, whether or not anything was said of it."""
        return tenant_in(self.control, name)

    def keys(self, name: str) -> list[ApiKey]:
        """A tenant's keys that are not revoked, the oldest first."""
        found = [key for key in self.control.of(ApiKey).values() if key.tenant == name]
        return sorted(found, key=lambda key: (key.at, key.id))

    def revision(self, name: str) -> int:
        """Of the last change of a tenant; 0 before the first."""
        return self.control.revision(f"tenant/{name}")

    async def change(
        self, name: str, changes: Mapping[str, Any], said: Said, expected: int | None = None
    ) -> Tenant:
        """Change fields of a tenant; those of `limits` one by one, the rest stays.

        Raises:
            TenantRefused: a field cannot be that.
            Conflict: it is not at the revision `expected`, or somebody was quicker.
        """
        known = self.revision(name)
        if expected is not None and expected != known:
            raise Conflict(
                f"tenant/{name} is at revision {known}, not {expected}; look at it again"
            )
        fields = msgspec.to_builtins(self.get(name))
        limits = {**fields.get("limits", {}), **changes.get("limits", {})}
        limits = {limit: most for limit, most in limits.items() if most is not None}
        fields = {**fields, **changes, "limits": limits, "removed": False}
        changed = _tenant({**fields, **said._asdict(), "revision": known + 1})
        await put(self.log, changed)
        return changed


def named_groups(option: str, groups: list[str]) -> list[str]:
    """Groups, each once. Raises TenantRefused where one is not named like a group."""
    for group in groups:
        if not group.startswith(GROUP):
            raise TenantRefused(f"{option} {group!r}: a group is named {GROUP}NAME")
    return list(dict.fromkeys(groups))


def _tenant(fields: Mapping[str, Any]) -> Tenant:
    try:
        return msgspec.convert(fields, Tenant)
    except msgspec.ValidationError as error:
        raise TenantRefused(f"no tenant can be so: {error}") from None
