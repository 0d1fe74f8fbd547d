"""What the steward counts."""

from monitoring.metrics.metric import Family, Metric

STEWARD_DANGLING = Metric(
    "freshet_steward_dangling_references",
    "gauge",
    "references",
    (),
    "Aliases, and branches of routes, that lead to a prompt or an alias which is not there.",
)

STEWARD = Family(
    "Steward",
    """\
The steward looks at each change of `control`: changes that do not count are among its dead
letters, reason `conflict` or `invalid`. `dangling_references` is how many aliases and branches of
routes lead nowhere, because somebody wrote to the topic past the commands. Questions are answered
all the same, by what was in force before. The steward's log names each, and so does
`freshet prompts list`.""",
    (STEWARD_DANGLING,),
)
