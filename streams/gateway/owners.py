"""Whose a document is.

It belongs to the tenants that its `acl` names, who may write it; the groups in its `acl` find it.
One without an `acl` is everybody's to find, and only keys with the scope `documents:admin` may
write it. A document that was deleted is nobody's. Who may not find a document is told what who
asks for one that there is not is told.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from processors.control import Control
from processors.tenants import keeper_of
from schemas.control import Scope
from streams.gateway.auth import ADMIN, Caller
from streams.gateway.errors import ApiError
from streams.gateway.statuses import Statuses

SHARE: Scope = "documents:share"


class Owners:
    """Decides by the view of what is indexed, and by the writes made here that are not yet."""

    def __init__(self, statuses: Statuses, control: Control) -> None:
        self._statuses = statuses
        self._control = control
        self._creating: Counter[str] = Counter()
        """By tenant: documents on their way to the log."""

    def finds(self, doc_id: str, caller: Caller) -> bool:
        """Whether a document is there, or was, that the caller may find."""
        acl = self._acl(doc_id)
        return acl is None or not caller.names.isdisjoint(acl)

    def deleting(self, doc_id: str, caller: Caller) -> list[str] | None:
        """The `acl` of a document that the caller may delete; raises ApiError of any other."""
        if not self.finds(doc_id, caller):
            raise unknown(doc_id)
        return self._owners(doc_id, caller)

    @contextmanager
    def putting(self, doc_id: str, caller: Caller, acl: Sequence[str] | None) -> Iterator[None]:
        """While the caller writes a document that is to have this `acl`.

        Raises:
            ApiError: the caller may not, or keeps as many documents as it may.
        """
        self._check_prefix(doc_id, caller)
        self._owners(doc_id, caller)
        if acl is None or self._statuses.view.belongings.has(caller.tenant, doc_id):
            yield
            return
        self._check_room(caller)
        self._creating[caller.tenant] += 1
        try:
            yield
        finally:
            self._creating[caller.tenant] -= 1
            if not self._creating[caller.tenant]:
                del self._creating[caller.tenant]

    def _owners(self, doc_id: str, caller: Caller) -> list[str] | None:
        if not self._is_owned(doc_id):
            return [caller.tenant]
        acl = self._acl(doc_id)
        if acl is None and not caller.is_admin:
            raise _forbidden(f"this document is public: writing it takes a key with {ADMIN!r}")
        if acl is not None and caller.tenant not in acl:
            raise _forbidden("this document is another tenant's")
        return acl

    def _check_prefix(self, doc_id: str, caller: Caller) -> None:
        """Whatever there is under an id: so nobody learns it by trying to write."""
        if keeper_of(self._control, doc_id) == caller.prefix:
            return
        if caller.prefix is not None:
            raise _forbidden(f"the ids of this tenant's documents begin with {caller.prefix!r}")
        raise _forbidden("ids that begin so are kept for another tenant")

    def _check_room(self, caller: Caller) -> None:
        most = caller.limits.documents
        if most is None:
            return
        kept = self._statuses.view.belongings.count(caller.tenant, most)
        if kept + self._creating[caller.tenant] >= most:
            message = f"this tenant keeps {most} documents, as many as it may"
            raise ApiError(403, "too_many_documents", message)

    def _is_owned(self, doc_id: str) -> bool:
        view = self._statuses.view
        status = view.get(doc_id)
        return view.write(doc_id) is not None or (status is not None and status.state == "indexed")

    def _acl(self, doc_id: str) -> list[str] | None:
        view = self._statuses.view
        newest = view.write(doc_id) or view.get(doc_id)
        return newest.acl if newest is not None else []


def check_acl(acl: Sequence[str] | None, caller: Caller) -> None:
    """Raise ApiError (403) where the caller may not give a document this `acl`."""
    if acl is None:
        if not caller.is_admin:
            raise _forbidden(f"writing a public document takes a key with {ADMIN!r}")
        return
    if caller.tenant not in acl:
        raise _forbidden(f"the acl leaves out its writer, {caller.tenant!r}")
    if not caller.names.issuperset(acl):
        caller.check(SHARE)


def shown_acl(acl: Sequence[str] | None, caller: Caller) -> list[str] | None:
    """An `acl` as far as it is the caller's to know: whole to those who may write the document."""
    if acl is None or caller.tenant in acl:
        return None if acl is None else list(acl)
    return [name for name in acl if name in caller.names]


def unknown(doc_id: str) -> ApiError:
    """What is said of a document that there is not, and of one that is not the caller's to find."""
    return ApiError(404, "document_not_found", f"there is no document {doc_id!r}", param="doc_id")


def _forbidden(message: str) -> ApiError:
    return ApiError(403, "forbidden", message)
