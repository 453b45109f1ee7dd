"""Faults that a test asks for, answered in place of what would have been: so many times, or until they are removed."""

import threading
from dataclasses import asdict, dataclass, replace
from typing import Any

from standin.messages import Call

ANY = "*"


@dataclass(frozen=True)
class Fault:
    """Without a status it only delays. `who` is session, function, *, or one session by its name."""

    service: str
    action: str = ANY
    who: str = ANY
    status: int | None = None
    code: str = "InternalServerError"
    # None: until it is removed.
    times: int | None = None
    delay_ms: int = 0

    def meets(self, call: Call, kind: str, who: str) -> bool:
        return (
            self.service in (ANY, call.service)
            and self.action in (ANY, call.action)
            and self.who in (ANY, kind, who)
            and self.times != 0
        )


class Faults:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: list[Fault] = []

    def put(self, faults: list[Fault]) -> None:
        """In place of all that there were."""
        with self._lock:
            self._kept = list(faults)

    def left(self) -> list[dict[str, Any]]:
        """With what is left of each."""
        with self._lock:
            return [asdict(fault) for fault in self._kept]

    def take(self, call: Call, kind: str, who: str) -> Fault | None:
        """The first that meets the call, which is one time less."""
        with self._lock:
            for at, fault in enumerate(self._kept):
                if fault.meets(call, kind, who):
                    if fault.times is not None:
                        self._kept[at] = replace(fault, times=fault.times - 1)
                    return fault
        return None
