"""Diff and fold: what a change says is exactly what turns one version into the next."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from processors.manifest import (
    Delta,
    Manifest,
    NewPassage,
    NewUnit,
    access_key,
    deleted,
    diff,
    digest,
    fold,
    row_key,
)
from processors.parts import Draft, parts
from schemas.index import IndexChange, Source

Rows = dict[tuple[str, str, int], str]


def passages(words: list[list[str]]) -> list[NewPassage]:
    """A document of passages, each of which has a unit per word."""
    made, start = [], 0
    for units in words:
        text = " ".join(units)
        spans = [NewUnit(digest(word), 0, len(word)) for word in units]
        made.append(NewPassage(start, start + len(text), ["h"], text, dict(Counter(units)), spans))
        start += len(text) + 2
    return made


class History:
    """Versions of one document, diffed and folded one after the other."""

    def __init__(self) -> None:
        self.manifest: Manifest | None = None
        self.rows: Rows = {}
        self.df: Counter[str] = Counter()
        self.passages = 0
        self.time = 0

    def put(self, words: list[list[str]], acl: list[str] | None = None) -> Delta:
        """A new version."""
        self.time += 10
        held = self.manifest
        delta = diff(
            held,
            passages(words),
            row=row_key("t", acl, None),
            rewrite=held is not None and held.access != access_key(acl, None),
            seed=f"a{self.time}",
            index_time=self.time,
        )
        return self._apply(delta, "indexed", acl)

    def delete(self) -> Delta:
        """No version."""
        self.time += 10
        return self._apply(deleted(self.manifest, self.time), "deleted", None)

    def _apply(self, delta: Delta, status: str, acl: list[str] | None) -> Delta:
        change = IndexChange(
            doc_id="a",
            index_version="v1",
            index_time=self.time,
            source=Source(partition=0, offset=self.time),
            status=status,  # type: ignore[arg-type]
            title="t",
            acl=acl,
        )
        for lost in (*delta.passages_lost, *delta.units_lost):
            kind = "passage" if lost in delta.passages_lost else "unit"
            del self.rows[kind, lost.id, lost.valid_from]
        for passage in delta.passages_gained:
            self._open("passage", passage.passage_id, passage.text)
        for unit_id, passage_id, key in delta.units_gained:
            self._open("unit", unit_id, f"{passage_id} {key}")
        self.df.update(delta.df)
        self.passages += delta.passages_delta
        self.manifest = fold(self.manifest, list(parts(Draft(change=change, delta=delta))))
        return delta

    def _open(self, kind: str, row_id: str, content: str) -> None:
        assert not any(key[:2] == (kind, row_id) for key in self.rows), "opened twice"
        self.rows[kind, row_id, self.time] = content


WORDS = st.lists(st.lists(st.sampled_from("abcde"), min_size=1, max_size=4), max_size=5)
VERSIONS = st.lists(
    st.tuples(WORDS, st.sampled_from([None, ["x"], ["y"]])) | st.none(), min_size=1, max_size=6
)


@given(VERSIONS)
def test_folding_a_delta_gives_exactly_the_new_version(
    versions: list[tuple[list[list[str]], list[str] | None] | None],
) -> None:
    """Passages, units and their order; rows open once, and only what is open is closed."""
    history = History()
    for version in versions:
        held = history.manifest
        if version is None:
            history.delete()
            assert history.rows == {}
            assert +history.df == Counter()
            assert history.passages == 0
            continue
        words, acl = version
        delta = history.put(words, acl)
        manifest = history.manifest
        assert manifest is not None
        found = [[unit.embed_key for unit in passage.units] for passage in manifest.passages]
        assert found == [[digest(word) for word in units] for units in words]
        assert [p.passage_id for p in manifest.passages] == [s.passage_id for s in delta.layout]
        assert delta.units_kept + len(delta.units_gained) == sum(map(len, words))
        _rows_are_those_of(history, manifest)
        expected = Counter(word for units in words for word in set(units))
        assert +history.df == expected
        assert all(count >= 0 for count in history.df.values())
        assert history.passages == len(words)
        if held is not None and held.access != access_key(acl, None):
            assert delta.units_kept == 0


def _rows_are_those_of(history: History, manifest: Manifest) -> None:
    wanted = {("passage", p.passage_id, p.version) for p in manifest.passages}
    wanted |= {
        ("unit", unit.unit_id, unit.valid_from)
        for passage in manifest.passages
        for unit in passage.units
    }
    assert set(history.rows) == wanted
    names = [name for _, name, _ in wanted]
    assert len(names) == len(set(names))


@given(WORDS, st.data())
def test_the_same_version_again_closes_and_opens_nothing(
    words: list[list[str]], data: st.DataObject
) -> None:
    """In any order of its passages: rows know nothing of their place."""
    history = History()
    history.put(words)
    delta = history.put(data.draw(st.permutations(words)))
    assert (delta.passages_gained, delta.passages_lost) == ([], [])
    assert (delta.units_gained, delta.units_lost) == ([], [])
    assert delta.df == {}


def test_ids_stay_through_an_edit() -> None:
    """A changed passage keeps its id, and its units that stay keep their rows."""
    history = History()
    history.put([["a", "b"], ["c", "d"]])
    before = history.manifest
    delta = history.put([["a", "b"], ["c", "e"]])
    after = history.manifest
    assert before is not None
    assert after is not None
    assert [p.passage_id for p in after.passages] == [p.passage_id for p in before.passages]
    assert after.passages[0] == before.passages[0]
    assert after.passages[1].units[0] == before.passages[1].units[0]
    assert after.passages[1].version > before.passages[1].version
    assert [ref.id for ref in delta.units_lost] == [before.passages[1].units[1].unit_id]


def test_ids_are_never_given_to_two_passages() -> None:
    """A passage that was split goes on as the half that has more of it; the other is new."""
    history = History()
    history.put([["a", "b", "c"]])
    (whole,) = history.manifest.passages if history.manifest else []
    history.put([["a"], ["b", "c"], ["a", "b", "c"]])
    ids = [p.passage_id for p in history.manifest.passages] if history.manifest else []
    assert len(set(ids)) == 3
    assert whole.passage_id in ids


def test_access_does_not_depend_on_the_order_in_which_it_is_given() -> None:
    """And no list is not the same as an empty one."""
    assert access_key(["b", "a", "b"], {"x": 1, "y": 2}) == access_key(["a", "b"], {"y": 2, "x": 1})
    assert access_key(None, None) != access_key([], None)
    assert access_key(None, None) == access_key(None, {})


@given(st.lists(st.text(), max_size=4), st.lists(st.text(), max_size=4))
def test_a_digest_names_one_sequence(first: list[str], second: list[str]) -> None:
    """Moving a boundary between two strings gives another name."""
    assert (digest(*first) == digest(*second)) == (first == second)
