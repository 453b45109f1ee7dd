"""What was asked, by whom, and what came of it, for tests to read. Bodies, tokens and secrets are not in it."""

import threading
import time
from collections import Counter, deque
from typing import Any

# Calls that are kept: the last ones.
MAX_CALLS = 20_000


class Journal:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: deque[dict[str, Any]] = deque(maxlen=MAX_CALLS)
        self._seen = 0
        self._evaluated: Counter[str] = Counter()
        self._denied: Counter[str] = Counter()

    def note(self, service: str, action: str, who: str, outcome: str, status: int, detail: str = "") -> None:
        """`outcome` is forwarded, answered, denied, fault or unreachable."""
        call = {
            "at_ms": time.time_ns() // 1_000_000,
            "service": service,
            "action": action,
            "who": who,
            "outcome": outcome,
            "status": status,
            "detail": detail,
        }
        with self._lock:
            self._seen += 1
            self._calls.append(call)

    def evaluated(self, who: str, denied: bool) -> None:
        """A request was held against the policy of its session."""
        with self._lock:
            self._evaluated[who] += 1
            self._denied[who] += denied

    def log(self) -> dict[str, Any]:
        with self._lock:
            return {"dropped": self._seen - len(self._calls), "calls": list(self._calls)}

    def forget(self) -> None:
        """The calls, and not the counts."""
        with self._lock:
            self._calls.clear()
            self._seen = 0

    def counts(self) -> dict[str, dict[str, int]]:
        with self._lock:
            return {who: {"evaluated": it, "denied": self._denied[who]} for who, it in sorted(self._evaluated.items())}
