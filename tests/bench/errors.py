"""Why a measurement was not made. Imports nothing: the servers' environment has little."""


class CannotMeasureError(Exception):
    """Something that is needed is missing; the message says what to do."""
