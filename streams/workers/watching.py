"""The monitor as the settings have it: the same live and in a replay."""

from processors.alerts.rules import default_rules
from processors.feedback.join import JoinSpec
from processors.monitor.monitor import MonitorSpec
from processors.ports import Embedder
from schemas.control import IndexVersion
from streams.clients.kafka import LogClient
from streams.config import Settings
from streams.views.monitorstore import MonitorStore
from streams.workers.monitor import MonitorWorker
from streams.workers.shell import Clock

_DAY = 24 * 3600 * 1_000_000


def monitor_worker(
    settings: Settings,
    log: LogClient,
    store: MonitorStore,
    embedder: Embedder,
    version: IndexVersion,
    clock: Clock,
) -> MonitorWorker:
    """A monitor that reads `log`, and the documents of an index version."""
    wanted = settings.monitor
    return MonitorWorker(
        log,
        store,
        embedder,
        monitor_spec(settings),
        JoinSpec(
            window=int(wanted.feedback_days * _DAY), kept=int(2 * wanted.feedback_days * _DAY)
        ),
        default_rules(wanted.alert_scale),
        clock,
        settings.limits.horizon_ms,
        version,
    )


def monitor_spec(settings: Settings) -> MonitorSpec:
    """How it counts time and traffic."""
    wanted = settings.monitor
    return MonitorSpec(
        window=int(wanted.window_s * 1e6),
        lateness=int(wanted.lateness_s * 1e6),
        parts=wanted.parts,
    )
