"""AssumeRole: a tenant's role asks for its external id, which ministack would not; ours are ministack's to make."""

import json
import time
import uuid
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from standin.accounts import Accounts
from standin.errors import STS_NAMESPACE, denied, query_error, xml
from standin.messages import Answer, Call, Request
from standin.sessions import Session, Sessions, account_of, made

MIN_SECONDS, MAX_SECONDS, DEFAULT_SECONDS = 15 * 60, 12 * 60 * 60, 60 * 60
# Of a session policy.
MAX_POLICY = 2048

Forward = Callable[[Request], Answer]


class Sts:
    """`account` is ours."""

    def __init__(self, account: str, accounts: Accounts, sessions: Sessions, forward: Forward) -> None:
        self._account = account
        self._accounts = accounts
        self._sessions = sessions
        self._forward = forward

    def assume_role(self, request: Request, call: Call, caller: Session | None) -> Answer:
        """Trust names our functions' roles: a session of one of the roles that they take on is let in nowhere."""
        form = request.form()
        role, name = form.get("RoleArn", ""), form.get("RoleSessionName", "")
        if not call.access_key:
            return query_error(403, "MissingAuthenticationToken", "Request is missing Authentication Token")
        problem = _problem(form)
        if problem:
            return problem
        seconds = int(form.get("DurationSeconds", DEFAULT_SECONDS))
        ours = account_of(role) == self._account and not self._accounts.has_role(role)
        if caller is None and ours:
            return self._narrowed(request, role, name, seconds)
        if caller is None and self._accounts.trusts(role, form.get("ExternalId")):
            session = made(role, name, seconds)
            self._sessions.keep(session)
            return _assumed(session)
        user = caller.arn if caller else f"arn:aws:sts::{self._account}:assumed-role/function"
        return denied(request, call, user, "sts:AssumeRole", role)

    def _narrowed(self, request: Request, role: str, name: str, seconds: int) -> Answer:
        """Of a role of ours: ministack makes the session, and we remember what it may do."""
        answer = self._forward(request)
        if answer.status != 200:
            return answer
        policy = request.form().get("Policy")
        found = ElementTree.fromstring(answer.body).find(".//{*}Credentials")
        access_key, secret, token = (
            found.findtext(f"{{*}}{field}", "") for field in ("AccessKeyId", "SecretAccessKey", "SessionToken")
        )
        end = time.time() + seconds
        self._sessions.keep(Session(access_key, secret, token, role, name, end, json.loads(policy) if policy else None))
        return answer


def _problem(form: dict[str, str]) -> Answer | None:
    """What STS refuses before it looks at the role."""
    seconds, policy = form.get("DurationSeconds", str(DEFAULT_SECONDS)), form.get("Policy", "{}")
    if not form.get("RoleSessionName") or not form.get("RoleArn", "").startswith("arn:"):
        return query_error(400, "ValidationError", "RoleArn and RoleSessionName have to be given")
    if not seconds.isdigit() or not MIN_SECONDS <= int(seconds) <= MAX_SECONDS:
        return query_error(400, "ValidationError", f"DurationSeconds must be {MIN_SECONDS} to {MAX_SECONDS}")
    if len(policy) > MAX_POLICY:
        return query_error(400, "ValidationError", f"Policy must have length less than or equal to {MAX_POLICY}")
    if not isinstance(_parsed(policy), dict):
        return query_error(400, "MalformedPolicyDocument", "The policy is not in the valid JSON format")
    return None


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _assumed(session: Session) -> Answer:
    end = datetime.fromtimestamp(session.expires_at, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return xml(
        200,
        f"""<AssumeRoleResponse xmlns="{STS_NAMESPACE}">
  <AssumeRoleResult>
    <AssumedRoleUser>
      <AssumedRoleId>{session.role_id}:{escape(session.name)}</AssumedRoleId>
      <Arn>{escape(session.arn)}</Arn>
    </AssumedRoleUser>
    <Credentials>
      <AccessKeyId>{session.access_key}</AccessKeyId>
      <SecretAccessKey>{session.secret}</SecretAccessKey>
      <SessionToken>{session.token}</SessionToken>
      <Expiration>{end}</Expiration>
    </Credentials>
  </AssumeRoleResult>
  <ResponseMetadata>
    <RequestId>{uuid.uuid4()}</RequestId>
  </ResponseMetadata>
</AssumeRoleResponse>
""",
    )
