"""Spark: the one way in which a job of Freshet gets its session."""
