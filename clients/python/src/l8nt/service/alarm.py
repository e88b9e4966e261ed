"""What the operator of a service should look at, in the log ``l8nt.service``."""

from __future__ import annotations

import logging
from typing import Final

__all__ = ["LOG", "log_alarm"]

LOG: Final = logging.getLogger("l8nt.service")


def log_alarm(what: str, cause: BaseException | None) -> None:
    """The ``alarm`` of a service that was given none."""
    # The traceback of a cause could show what stood in its frames.
    LOG.warning("%s%s", what, "" if cause is None else f" ({type(cause).__name__}: {cause})")
