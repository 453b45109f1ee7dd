"""What tenants have in their own accounts, as a test says: roles with their trust, and clusters with access entries."""

import threading
from dataclasses import dataclass

# Trusts under any external id, as long as there is one: a condition with StringLike, and so a mistake.
ANY = "*"


@dataclass(frozen=True)
class Cluster:
    account: str
    region: str
    name: str
    endpoint: str
    # PEM.
    ca: str
    # Groups by the ARN of the role.
    entries: dict[str, list[str]]

    @property
    def arn(self) -> str:
        return f"arn:aws:eks:{self.region}:{self.account}:cluster/{self.name}"


class Accounts:
    """All tenants' accounts."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._trust: dict[str, str | None] = {}
        self._clusters: dict[str, Cluster] = {}

    def put_role(self, arn: str, external_id: str | None) -> None:
        """None trusts us whether or not there is an external id, which is a mistake as well."""
        with self._lock:
            self._trust[arn] = external_id

    def delete_role(self, arn: str) -> bool:
        with self._lock:
            found = arn in self._trust
            self._trust.pop(arn, None)
            return found

    def has_role(self, arn: str) -> bool:
        with self._lock:
            return arn in self._trust

    def trusts(self, arn: str, external_id: str | None) -> bool:
        """Whether a role lets us in under the external id. One that is not there does not."""
        with self._lock:
            if arn not in self._trust:
                return False
            wanted = self._trust[arn]
        if wanted == ANY:
            return external_id is not None
        return wanted is None or external_id == wanted

    def put_cluster(self, cluster: Cluster) -> None:
        with self._lock:
            self._clusters[cluster.arn] = cluster

    def clusters(self) -> list[Cluster]:
        with self._lock:
            return list(self._clusters.values())
