"""Which texts go through the network together."""

from hypothesis import given
from hypothesis import strategies as st

from models.serving.batches import TOKEN_BUDGET, batches, even

lengths = st.lists(st.integers(1, 256), max_size=200)
budgets = st.integers(1, 1024)


@given(lengths, budgets)
def test_every_text_is_in_one_run(sizes: list[int], budget: int):
    """Nothing is lost and nothing is run twice."""
    assert sorted(at for run in batches(sizes, budget) for at in run) == list(range(len(sizes)))


@given(lengths, budgets)
def test_a_run_keeps_to_the_budget_padding_counted(sizes: list[int], budget: int):
    """Only a text that is longer than the budget by itself may pass it, alone."""
    for run in batches(sizes, budget):
        assert len(run) == 1 or len(run) * max(sizes[at] for at in run) <= budget


def test_texts_of_like_length_go_together():
    """Short texts are not padded to the longest of the request."""
    assert batches([250, 3, 4, 251], 512) == [[1, 2], [0, 3]]


@given(st.lists(st.integers(1, 256), min_size=1, max_size=200), st.integers(1, 16))
def test_no_worker_has_much_more_to_do_than_another(sizes: list[int], workers: int):
    """The even budget is within the limit, and leaves no more runs than it must."""
    budget = even(sizes, workers)
    assert 0 < budget <= TOKEN_BUDGET
    tokens = [sum(sizes[at] for at in run) for run in batches(sizes, budget)]
    assert max(tokens) <= max(budget, *sizes)


def test_a_request_makes_as_many_runs_as_there_are_workers():
    """Thirty-two texts of ten tokens: half of them for each of two."""
    assert [len(run) for run in batches([10] * 32, even([10] * 32, 2))] == [17, 15]


def test_few_tokens_are_one_run():
    """Cutting them up would cost more than it gains."""
    assert batches([6, 5, 7], even([6, 5, 7], 8)) == [[1, 0, 2]]
