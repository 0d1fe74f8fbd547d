"""A question that makes no sense, or asks for more than there is for it."""


class Refused(Exception):
    """The question is not answered; the message says what is wrong with it."""
