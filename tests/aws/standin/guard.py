"""What a session may not do, where ministack lets everybody do everything.

Rights of the roles themselves are not held against anything here: infra/tests does that, with the same evaluator.
"""

import sys
from pathlib import Path

from standin.errors import denied, error
from standin.journal import Journal
from standin.messages import Answer, Call, Request
from standin.sessions import SESSION_KEY, Session
from standin.uses import Use, uses

sys.path.append(str(Path(__file__).resolve().parents[3] / "infra" / "tests"))
import iam  # noqa: E402

EVALUATED = ("dynamodb", "kms")


class Guard:
    """`account` is ours."""

    def __init__(self, account: str, journal: Journal) -> None:
        self._account = account
        self._journal = journal

    def refusal(self, request: Request, call: Call, session: Session | None) -> Answer | None:
        """None lets it pass."""
        if session is None:
            # Of a role that was deleted, or made up.
            return _unknown(request, call) if call.access_key.startswith(SESSION_KEY) else None
        if session.over:
            return _expired(request, call)
        if session.account != self._account:
            return self._foreign(request, call, session)
        if session.policy is None or call.service not in EVALUATED:
            return None
        refused = self._evaluated(request, call, session)
        self._journal.evaluated(session.who, refused is not None)
        return refused

    def _foreign(self, request: Request, call: Call, session: Session) -> Answer | None:
        """A tenant's role can look up where the cluster is, and that is all that it can do: infra/cluster-role.yaml."""
        if (call.service, call.action) == ("eks", "DescribeCluster"):
            return None
        return denied(request, call, session.arn, f"{call.service}:{call.action}", "*")

    def _evaluated(self, request: Request, call: Call, session: Session) -> Answer | None:
        role = {"Properties": {"Policies": [{"PolicyDocument": session.policy}]}}
        try:
            for use in uses(request, call, self._account):
                if not iam.allowed(role, use.action, use.resource, **use.context):
                    return denied(request, call, session.arn, use.action, use.resource, _why(use))
        except (AttributeError, KeyError, TypeError, ValueError) as problem:
            # Nothing passes unseen: a request of another form, or a policy with more of IAM than the evaluator knows.
            words = f"the stand-in does not understand the request, or the policy: {problem!r}"
            return error(request, call, 400, "AccessDeniedException", words)
        return None


def _unknown(request: Request, call: Call) -> Answer:
    code = "InvalidClientTokenId" if request.form() else "UnrecognizedClientException"
    return error(request, call, _status(request), code, "The security token included in the request is invalid.")


def _expired(request: Request, call: Call) -> Answer:
    code = "ExpiredToken" if request.form() else "ExpiredTokenException"
    return error(request, call, _status(request), code, "The security token included in the request is expired")


def _status(request: Request) -> int:
    """Of a refusal: protocols of JSON answer everything with 400."""
    return 400 if request.header("x-amz-target") else 403


def _why(use: Use) -> str:
    return f" because no session policy allows the {use.action} action"
