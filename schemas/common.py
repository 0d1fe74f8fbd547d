"""Field types and bounds shared by several events."""

from typing import Annotated

from msgspec import Meta

MAX_ID = 512
MAX_TEXT = 8 * 1024 * 1024
MAX_QUESTION = 16 * 1024

MAX_INT = 2**63 - 1

# `$(?!\n)`: Python's `$` alone would let a line end pass, which other readers refuse.
Id = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=MAX_ID,
        pattern=r"^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]+$(?!\n)",
    ),
]
"""An identifier chosen by a producer: text without control characters and line ends."""

Principal = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@/-]{0,127}$(?!\n)")]
"""A tenant or a group. The pattern leaves out `*`, which the index uses for "everyone"."""

TenantName = Annotated[str, Meta(pattern=r"^(?!group:)[A-Za-z0-9][A-Za-z0-9._:@/-]{0,127}$(?!\n)")]
GroupName = Annotated[str, Meta(pattern=r"^group:[A-Za-z0-9][A-Za-z0-9._:@/-]{0,121}$(?!\n)")]
"""No tenant can have the name of a group: what a document's `acl` says is never ambiguous."""

IndexTime = Annotated[int, Meta(ge=0, le=2**62)]
"""Microseconds since the epoch, given out by the indexer, strictly growing in a partition."""

Offset = Annotated[int, Meta(ge=-1, le=MAX_INT)]
"""A position in a Kafka partition; -1 is before the first record."""

Partition = Annotated[
    int,
    Meta(
        ge=0,
        lt=2**31,
        description="Kafka's number of a partition.",
    ),
]

Scalar = (
    Annotated[str, Meta(max_length=4096)]
    | Annotated[int, Meta(ge=-MAX_INT, le=MAX_INT)]
    | float
    | bool
)
"""A value that a metadata filter can compare."""

Name = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$(?!\n)",
        description="What an operator calls a prompt, a model, a route or an index version.",
    ),
]

Versioned = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}@[0-9]{1,18}$(?!\n)",
        description="`name@version`.",
    ),
]

AliasName = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}@[A-Za-z][A-Za-z0-9._-]{0,63}$(?!\n)",
        description="Such as `answer@production`.",
    ),
]

Reference = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}"
        r"@([0-9]{1,18}|[A-Za-z][A-Za-z0-9._-]{0,63})$(?!\n)",
        description="A version, `answer@3`, or an alias that stands for one, `answer@production`.",
    ),
]

EnvironmentName = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{0,31}$(?!\n)")]

Label = Annotated[str, Meta(max_length=128)]

KeyId = Annotated[str, Meta(pattern=r"^[0-9a-f]{12}$(?!\n)")]
"""The id of an API key, which is no secret."""
