"""Evidently reports of answers: one stretch of event time beside another, from the log."""
