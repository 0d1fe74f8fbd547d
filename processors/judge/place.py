"""What an evaluation of ours is called: by the place of its response in the log."""

JUDGE = "freshet/judge"
"""The source of the evaluations that are ours."""

_TOPIC = "responses/"


def name_of(partition: int, offset: int) -> str:
    """`responses/PARTITION@OFFSET`: the `ce_id` of the evaluation of the response there."""
    return f"{_TOPIC}{partition}@{offset}"


def place_in(name: str) -> tuple[int, int] | None:
    """Partition and offset that a name says; None for one that is no such name."""
    partition, _, offset = name.removeprefix(_TOPIC).partition("@")
    if not name.startswith(_TOPIC) or not (partition.isdecimal() and offset.isdecimal()):
        return None
    return int(partition), int(offset)
