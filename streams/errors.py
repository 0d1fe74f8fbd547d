"""Every error that Freshet expects, in one tree.

FreshetError                  the command line prints its message alone and exits with 1
├── ConfigError               a setting is wrong
├── SetupError                a prerequisite or an installed file is missing or damaged
├── StackError                the stack, or a part of it, could not be started or stopped
│   ├── AlreadyRunning        another supervisor holds this state folder
│   ├── PortInUse             someone else listens where a part should
│   └── WrongEnvironment      topics or collections are another environment's
└── ClientError               a call to a server failed (streams/clients/errors.py)

A message says what to do about it.
"""


class FreshetError(Exception):
    """The root of them all."""


class ConfigError(FreshetError):
    """A setting is wrong."""


class SetupError(FreshetError):
    """A prerequisite or an installed file is missing or damaged."""


class StackError(FreshetError):
    """The stack, or a part of it, could not be started or stopped."""


class AlreadyRunning(StackError):
    """Another supervisor holds this state folder."""


class PortInUse(StackError):
    """Someone else listens where a part should."""


class WrongEnvironment(StackError):
    """Topics or collections are another environment's."""
