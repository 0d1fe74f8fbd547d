"""How rare words are among the passages that somebody may find.

Weights that were computed over everybody's passages would tell one tenant what others' documents
say: a word is in the receipt only where some passage holds it, and the order of one's own passages
shows how often. (S. Büttcher and C. Clarke, "A security model for full-text file system search in
multi-user environments", FAST 2005.) So statistics are kept apart by `acl`, and a question is
weighed by those of the documents that it may rest on.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence

from processors.index import Access
from processors.lexical import TermStatistics, weights_over
from schemas.index import IndexChange

_Acl = frozenset[str] | None
"""Who may find a document; None is everybody."""


class Statistics:
    """A fold of `index.changes`, by who may find what was changed."""

    def __init__(self) -> None:
        self._by_acl: defaultdict[_Acl, TermStatistics] = defaultdict(TermStatistics)
        self._lists: defaultdict[str, set[_Acl]] = defaultdict(set)
        """A tenant or a group to each `acl` that has had it."""
        self._acl_of: dict[str, _Acl] = {}
        """Of each document that is not everybody's."""

    def observe(self, parts: Sequence[IndexChange]) -> None:
        """Take one whole change, exactly once; those of a document in the order of the log."""
        head = parts[0]
        if head.status not in ("indexed", "deleted"):
            return
        delta = Counter[str]()
        for part in parts:
            delta.update(part.df)
        passages = sum(part.passages_delta for part in parts)
        before = self._acl_of.pop(head.doc_id, None)
        after = self._known(head) if head.status == "indexed" else before
        if after != before:
            # Everything is rewritten then, so what was gained is all there is.
            gained = Counter(
                term for part in parts for passage in part.passages_gained for term in passage.terms
            )
            count = sum(len(part.passages_gained) for part in parts)
            lost = Counter(delta)
            lost.subtract(gained)
            self._by_acl[before].apply(head.index_time, lost, passages - count)
            delta, passages = gained, count
        self._by_acl[after].apply(head.index_time, delta, passages)

    def weights(self, question: str, at: int, access: Access) -> dict[str, float]:
        """The inverse document frequency of each term of a question, as of an index time.

        Of those terms that some passage holds which `access` may find, whatever its filters; as
        `TermStatistics.weights` otherwise.
        """
        names = access.names
        if names is None:
            return weights_over(list(self._by_acl.values()), question, at)
        found = {acl for name in names for acl in self._lists.get(name, ())}
        return weights_over([self._by_acl[acl] for acl in (None, *found)], question, at)

    def _known(self, change: IndexChange) -> _Acl:
        """The change's `acl`, remembered as its document's."""
        if change.acl is None:
            return None
        acl = frozenset(change.acl)
        self._acl_of[change.doc_id] = acl
        for name in acl:
            self._lists[name].add(acl)
        return acl
