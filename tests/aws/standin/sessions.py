"""Sessions of roles: those that were made here, and those that ministack made and we saw."""

import secrets
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any


# How the access keys of sessions begin; functions and users have others.
SESSION_KEY = "ASIA"


@dataclass(frozen=True)
class Session:
    """Credentials of a role for a while. `policy` leaves that much of the role's rights, or all of them."""

    access_key: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    role: str
    name: str
    expires_at: float
    policy: dict[str, Any] | None = None

    @property
    def account(self) -> str:
        return account_of(self.role)

    @property
    def who(self) -> str:
        """Role and session, as calls are noted: `slipway-dev-eu-central-1-tenant/slipway-TBCDEFGHIJK`."""
        return f"{role_name(self.role)}/{self.name}"

    @property
    def arn(self) -> str:
        return f"arn:aws:sts::{self.account}:assumed-role/{self.who}"

    @property
    def role_id(self) -> str:
        """What IAM calls the role, whatever its name."""
        return "AROA" + uuid.uuid5(uuid.NAMESPACE_URL, self.role).hex[:17].upper()

    @property
    def over(self) -> bool:
        return self.expires_at <= time.time()


class Sessions:
    """By access key. None is forgotten at its end, so that it is told from one that never was."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, Session] = {}

    def keep(self, session: Session) -> None:
        with self._lock:
            self._kept[session.access_key] = session

    def find(self, access_key: str) -> Session | None:
        with self._lock:
            return self._kept.get(access_key)

    def forget(self, role: str) -> None:
        """A role that is deleted takes its sessions along."""
        with self._lock:
            self._kept = {key: it for key, it in self._kept.items() if it.role != role}


def made(role: str, name: str, seconds: int) -> Session:
    """A session with credentials that look as those of AWS do."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    access_key = SESSION_KEY + "".join(secrets.choice(alphabet) for _ in range(16))
    # Characters that have to be escaped are in there on purpose: AWS's own have them as well.
    token = f"IQoJb3JpZ2luX2Vj{secrets.token_urlsafe(96)}/+{secrets.token_urlsafe(96)}=="
    return Session(access_key, secrets.token_urlsafe(30), token, role, name, time.time() + seconds)


def account_of(role: str) -> str:
    """The account in an ARN; nothing of a text that is none."""
    return [*role.split(":"), "", "", "", "", ""][4]


def role_name(role: str) -> str:
    """Without its path, which sessions do not bear."""
    return role.rpartition("/")[2]
