"""Every metric by name, with its kind, unit and meaning: the one place where they are defined.

Names begin with `freshet_`, are in base units, and counters end in `_total`. No label is
unbounded: tenants, routes of questions and documents are none. `counter`, `gauge` and
`histogram` give the live object of a metric in this process.
"""

from monitoring.metrics.answers import *
from monitoring.metrics.gateway import *
from monitoring.metrics.index import *
from monitoring.metrics.judge import *
from monitoring.metrics.ledger import *
from monitoring.metrics.metric import *
from monitoring.metrics.monitor import *
from monitoring.metrics.routes import *
from monitoring.metrics.steward import *
from monitoring.metrics.workers import *

FAMILIES = {
    "gateway": GATEWAY,
    "worker": WORKERS,
    "indexer": INDEXER,
    "writer": WRITER,
    "admission": ADMISSION,
    "routes": ROUTES,
    "answerer": ANSWERER,
    "judge": JUDGE,
    "monitor": MONITOR,
    "steward": STEWARD,
}
"""By the process that shows them; `worker` are those of each, `routes` of several."""

METRICS: tuple[Metric, ...] = tuple(
    metric for family in FAMILIES.values() for metric in family.metrics
)
