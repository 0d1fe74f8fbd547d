"""What the gateway counts and times."""

from monitoring.metrics.metric import Family, Metric

GATEWAY_REQUESTS = Metric(
    "freshet_gateway_requests_total",
    "counter",
    "requests",
    ("route", "method", "status"),
    "HTTP requests by route and status; 499 is a caller who hung up.",
)
GATEWAY_DURATION = Metric(
    "freshet_gateway_request_duration_seconds",
    "histogram",
    "seconds",
    ("route",),
    "From a request's head to the end of its response.",
)
GATEWAY_FIRST_PIECE = Metric(
    "freshet_gateway_first_piece_seconds",
    "histogram",
    "seconds",
    (),
    "From a streamed question's head to the first piece of its answer.",
)
GATEWAY_WAITING = Metric(
    "freshet_gateway_waiting_requests",
    "gauge",
    "requests",
    (),
    "Questions whose answers are being waited for.",
)
GATEWAY_REFUSED = Metric(
    "freshet_gateway_refused_total",
    "counter",
    "requests",
    ("code",),
    "Requests that got an error, by its code.",
)
GATEWAY_CANCELLED = Metric(
    "freshet_gateway_cancelled_total",
    "counter",
    "requests",
    (),
    "Questions that were cancelled because nobody waited for the answer any more.",
)
GATEWAY_KEYS = Metric(
    "freshet_gateway_keys_total",
    "counter",
    "requests",
    ("state",),
    "Requests by how the key stood that they came with; `expiring` is one that will have expired "
    "in a week.",
)

LEDGER_FULLEST = Metric(
    "freshet_ledger_fullest_ratio",
    "gauge",
    "ratio",
    ("kind",),
    "The share that is used or held of the fullest budget in force, of a `rate` or a `quota`.",
)
LEDGER_NEARLY = Metric(
    "freshet_ledger_nearly_used_up_budgets",
    "gauge",
    "budgets",
    ("kind",),
    "Budgets in force of which nine tenths or more are used or held.",
)
LEDGER_HELD = Metric(
    "freshet_ledger_held_tokens",
    "gauge",
    "tokens",
    (),
    "Tokens that are set aside for questions under way.",
)
LEDGER_OPEN = Metric(
    "freshet_ledger_open_requests",
    "gauge",
    "requests",
    (),
    "Reservations that have no end yet.",
)
LEDGER_OVERDUE = Metric(
    "freshet_ledger_overdue_requests",
    "gauge",
    "requests",
    (),
    "Reservations whose time is up, and that nobody has ended.",
)
LEDGER_SHADOW = Metric(
    "freshet_ledger_shadow_refusals_total",
    "counter",
    "requests",
    (),
    "Requests that budgets in shadow mode would have refused.",
)

GATEWAY = Family(
    "Gateway",
    """\
The front door, as those who call it see it. `requests` counts every call by what came of it: a
status of 200 is a success, one that begins with 4 is a call that we could not accept (a wrong
key, a malformed question, a quota used up), one that begins with 5 is our fault. `refused` counts
the errors again, by the code that the caller was given.

`request_duration` is how long callers wait for the whole response, `first_piece` how long before
a streamed answer begins to appear: what somebody at a screen feels. `waiting` is how many
questions are open at this moment, and `cancelled` how many were given up because the caller had
left: many of them mean that answers come too late.

`keys` tells whether anybody still uses a key that is about to expire, as the old one does after a
rotation, without telling which: keys and tenants are no labels.

The gateway follows the token ledger, and shows how it stands; every gateway shows the same.
`fullest` is how much of the fullest budget is gone: of a `rate` it comes and goes by the minute, of
a `quota` it grows until the budget begins anew, and at 1 somebody is refused. `nearly_used_up` is
how many have come to nine tenths. `held` and `open` are what questions under way have set aside;
`overdue` should be 0: more means that nobody releases what nobody ended. `shadow_refusals` are
those that a budget on trial would have refused.""",
    (
        GATEWAY_REQUESTS,
        GATEWAY_DURATION,
        GATEWAY_FIRST_PIECE,
        GATEWAY_WAITING,
        GATEWAY_REFUSED,
        GATEWAY_CANCELLED,
        GATEWAY_KEYS,
        LEDGER_FULLEST,
        LEDGER_NEARLY,
        LEDGER_HELD,
        LEDGER_OPEN,
        LEDGER_OVERDUE,
        LEDGER_SHADOW,
    ),
)
