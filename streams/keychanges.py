"""API keys in `control`, made and changed: by compare-and-set, each with its author and reason."""

from collections.abc import Mapping
from typing import Any, Self

import msgspec
from msgspec.structs import replace

from processors.control import Control
from processors.tenants import GROUP
from schemas.control import ApiKey
from streams.clients.kafka import LogClient
from streams.control import put, read_control
from streams.durations import SECOND
from streams.errors import FreshetError
from streams.gateway.keys import KeyRing, NewKey, new_key, state_of
from streams.said import Said


class KeyRefused(FreshetError):
    """A key that cannot be made or changed so."""


class Keys:
    """The keys as they stood when they were read.

    Every change here raises Conflict where somebody else made another since then.
    """

    def __init__(self, log: LogClient, control: Control) -> None:
        self._log = log
        self.control = control
        self.ring = KeyRing(control)

    @classmethod
    async def read(cls, log: LogClient) -> Self:
        """As they stand now."""
        return cls(log, await read_control(log))

    def get(self, key_id: str) -> ApiKey:
        """A key by its id, revoked or not. Raises KeyRefused."""
        found = self.ring.get(key_id)
        if found is None:
            raise KeyRefused(f"there is no key {key_id!r}; `freshet keys list` shows them")
        return found

    async def make(self, tenant: str, said: Said, **fields: Any) -> NewKey:
        """A new key, in force when this returns."""
        if tenant.startswith(GROUP):
            raise KeyRefused(f"{tenant!r} is the name of a group: a key is a tenant's")
        made = new_key()
        identity = {"id": made.id, "hash": made.hash, "tenant": tenant}
        await put(self._log, _key({**identity, **fields}, said))
        return made

    async def change(self, key_id: str, said: Said, **fields: Any) -> ApiKey:
        """Give a key another label, other scopes, another expiry."""
        found = self._valid(key_id, said.at)
        changed = replace(
            found, revision=found.revision + 1, by=said.by, why=said.why, at=said.at, **fields
        )
        changed = _key(msgspec.to_builtins(changed), said, changed.revision)
        await put(self._log, changed)
        return changed

    async def revoke(self, key_id: str, said: Said) -> None:
        """Make a key worthless, at once and for good."""
        found = self.get(key_id)
        if not found.removed:
            gone = replace(found, removed=True, revision=found.revision + 1, **said._asdict())
            await put(self._log, gone)

    async def rotate(self, key_id: str, grace_s: int, said: Said) -> NewKey:
        """A new key that may do what an old one may, which ends after a grace.

        Where the old one cannot be changed after all, the new one is revoked again.
        """
        old = self._valid(key_id, said.at)
        ends = said.at + grace_s * SECOND
        made = await self.make(
            old.tenant,
            said,
            label=old.label,
            scopes=old.scopes,
            expires_at=old.expires_at,
            priority=old.priority,
        )
        try:
            sooner = ends if old.expires_at is None else min(ends, old.expires_at)
            await self.change(key_id, said, expires_at=sooner)
        except FreshetError:
            await (await Keys.read(self._log)).revoke(made.id, said)
            raise
        return made

    def _valid(self, key_id: str, now: int) -> ApiKey:
        found = self.get(key_id)
        state = state_of(found, now)
        if state in ("revoked", "expired"):
            raise KeyRefused(f"{key_id} is {state}; `freshet keys create` makes another")
        return found


def _key(fields: Mapping[str, Any], said: Said, revision: int = 1) -> ApiKey:
    try:
        return msgspec.convert(
            {**fields, "kind": "key", "revision": revision, **said._asdict()}, ApiKey
        )
    except msgspec.ValidationError as error:
        raise KeyRefused(f"no such key can be made: {error}") from None
