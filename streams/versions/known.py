"""Which index versions there are, and what to say where one is named that will not do."""

from processors.control import Control
from processors.indexversions import versions
from schemas.control import IndexVersion
from streams.errors import ConfigError


class NoSuchVersion(ConfigError):
    """An index version is named that there is not, or that is retired."""


def known(control: Control, name: str) -> IndexVersion:
    """A version that there is or was. Raises NoSuchVersion."""
    found = versions(control)
    if name not in found:
        raise NoSuchVersion(
            f"there is no index version {name!r}; there are {', '.join(sorted(found))}, and "
            f"`freshet index build {name}` makes another"
        )
    return found[name]


def kept_in_step(control: Control, name: str) -> IndexVersion:
    """A version that follows the log. Raises NoSuchVersion."""
    found = known(control, name)
    if found.state == "retired":
        raise NoSuchVersion(
            f"the index version {name!r} was retired by {found.by} ({found.why}); a new one under "
            "another name can be built with the same settings"
        )
    return found
