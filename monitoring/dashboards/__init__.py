"""The dashboards, described once: `python -m monitoring.generate` writes them for Grafana."""

from monitoring.dashboards.answers import ANSWERS
from monitoring.dashboards.drift import DRIFT
from monitoring.dashboards.index import INDEX
from monitoring.dashboards.panel import Dashboard
from monitoring.dashboards.quality import QUALITY
from monitoring.dashboards.quotas import QUOTAS
from monitoring.dashboards.workers import WORKERS

DASHBOARDS: tuple[Dashboard, ...] = (ANSWERS, QUALITY, DRIFT, QUOTAS, INDEX, WORKERS)
