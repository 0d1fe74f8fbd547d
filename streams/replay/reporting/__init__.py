"""A comparison as a report to keep: a page, MLflow, lineage and rows to train with."""
