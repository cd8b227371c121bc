"""How long to wait after how many failed sign-ins. Rules only: what failed is kept elsewhere."""

import math
from dataclasses import dataclass

MEMORY_SECONDS = 3600
"""A failure that is older than this, with none after it, is forgotten."""


@dataclass(frozen=True)
class BackOff:
    """A wait that doubles with each failure beyond the tolerated ones.

    Attributes:
        tolerated: Failures without a wait.
        longest: The longest wait, in seconds.
    """

    tolerated: int
    longest: int

    def wait_seconds(self, failures: int, age_seconds: float) -> int:
        """Whole seconds still to wait.

        Args:
            failures: So far, each within `MEMORY_SECONDS` of the one before.
            age_seconds: Since the latest one.
        """
        beyond = failures - self.tolerated
        if beyond < 0 or age_seconds >= MEMORY_SECONDS:
            return 0
        wait = min(self.longest, 2 ** (1 + min(beyond, 16)))
        return max(0, math.ceil(wait - age_seconds))


OF_ONE_CLIENT = BackOff(tolerated=5, longest=900)
"""For one user name from one network, by `api.clients.network_of`: 2 seconds after the fifth
failure, at last 15 minutes."""

OF_ALL_CLIENTS = BackOff(tolerated=50, longest=60)
"""For one user name from anywhere. Short, or anybody could keep somebody else out for long."""
