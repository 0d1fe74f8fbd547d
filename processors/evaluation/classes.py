"""Classes told and classes that are: a table of confusions and what follows from it."""

from collections import Counter
from collections.abc import Iterable

from msgspec import Struct

from processors.evaluation.metrics import class_of, class_wanted
from processors.evaluation.pairs import Measured


class ClassFigures(Struct, frozen=True, kw_only=True):
    """Of one class. What would be divided by nothing is 0."""

    label: str
    questions: int
    """That should have it."""
    precision: float
    recall: float
    f1: float


class Classes(Struct, frozen=True, kw_only=True):
    """Of one variant."""

    labels: list[str]
    confusion: list[list[int]]
    """Row: the class that it should have; column: that it has; both in the order of `labels`."""
    accuracy: float
    macro_f1: float
    """The mean over the classes, each counting alike."""
    by_class: list[ClassFigures]


def classes(measured: Iterable[Measured]) -> Classes | None:
    """By scikit-learn; None where no gold question has a label.

    A class that no question should have is in the table where some were given it.
    """
    labelled = [
        (label, class_of(one.outcome, one.gold))
        for one in measured
        if one.gold is not None and (label := class_wanted(one.gold)) is not None
    ]
    if not labelled:
        return None
    from sklearn.metrics import precision_recall_fscore_support

    right, given = zip(*labelled, strict=True)
    labels = sorted({*right, *given})
    counts = Counter(labelled)
    rows = precision_recall_fscore_support(right, given, labels=labels, zero_division=0)
    by_class = [
        ClassFigures(
            label=label, questions=int(count), precision=float(p), recall=float(r), f1=float(f1)
        )
        for label, p, r, f1, count in zip(labels, *rows, strict=True)
    ]
    asked = [one.f1 for one in by_class if one.questions]
    return Classes(
        labels=labels,
        confusion=[[counts[one, other] for other in labels] for one in labels],
        accuracy=sum(one == other for one, other in labelled) / len(labelled),
        macro_f1=sum(asked) / len(asked),
        by_class=by_class,
    )
