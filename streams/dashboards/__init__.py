"""What shows a running stack: Prometheus, Evidently's reports and Grafana, where installed."""
