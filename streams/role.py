"""One process of ours: `python -m streams.role NAME`, a worker's role or `gateway`.

What the supervisor starts. It is the command line's `freshet worker` and `freshet gateway`
without the command line, which takes longer to import than it is used.
"""

import asyncio
import sys

from streams import config
from streams.environments import hold
from streams.errors import ConfigError, FreshetError

GATEWAY = "gateway"


def run(name: str) -> None:
    """Run until told to stop. Raises FreshetError."""
    from streams.workers import run as roles

    settings = config.load()
    if name not in (GATEWAY, *roles.NAMES):
        raise ConfigError(f"there is no role {name!r}; the roles are {', '.join(roles.NAMES)}")
    asyncio.run(hold(settings))
    if name == GATEWAY:
        from streams.gateway.run import run as serve

        serve(settings)
    else:
        roles.run(name, settings)


if __name__ == "__main__":
    try:
        run(sys.argv[1])
    except FreshetError as error:
        sys.exit(f"freshet: {error}")
