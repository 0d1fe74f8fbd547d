"""What is counted of routes."""

from monitoring.metrics.metric import Family, Metric

ROUTES_UNUSABLE = Metric(
    "freshet_routes_unusable_branches",
    "gauge",
    "branches",
    (),
    "Branches of routes that no question is answered by, since what they name is not there.",
)
ROUTES_SHADOWS = Metric(
    "freshet_routes_shadows_total",
    "counter",
    "responses",
    ("status",),
    "Responses that nobody sees, by status: they are in no other count of responses.",
)

ROUTES = Family(
    "Routes",
    """\
Which way questions go. `unusable_branches` should be 0: above that, a route names a prompt, an
alias or an index version that is not there, and questions meant for that branch are answered by
the first branch of the route, or as everybody's are. `freshet routes list` says what is lacking.

`shadows` counts answers that were made to be compared and not shown. They are in no other count
of responses, times or scores, so that nothing that nobody has seen looks like a service.""",
    (ROUTES_UNUSABLE, ROUTES_SHADOWS),
)
