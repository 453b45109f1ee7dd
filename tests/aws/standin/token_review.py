"""The webhook that an API server of EKS asks whose a token is: what aws-iam-authenticator does, and STS behind it.

The token is a request to STS that was signed and never sent. We sign it again, with the secret of the session that it
names and each cluster's name in turn: it is a proof at the cluster that it was signed for, and nowhere else.
"""

import base64
import binascii
import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from standin.accounts import Accounts, Cluster
from standin.journal import Journal
from standin.messages import Answer, Request
from standin.sessions import Session, Sessions
from standin.signature import ALGORITHM, Refused, Signed, check, check_time, scope_region

PREFIX = "k8s-aws-v1."
MAX_TOKEN = 4096
# Whatever the address itself says, STS takes it for that long.
LIFE_SECONDS = 15 * 60
CLUSTER_HEADER = "x-k8s-aws-id"
REQUIRED = {
    "Action",
    "Version",
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-Security-Token",
    "X-Amz-Signature",
    "X-Amz-SignedHeaders",
}


class TokenReviews:
    def __init__(self, accounts: Accounts, sessions: Sessions, journal: Journal) -> None:
        self._accounts = accounts
        self._sessions = sessions
        self._journal = journal

    def answer(self, request: Request) -> Answer:
        """To one TokenReview. Audiences are not told: a token is for the API server that asks."""
        review = _review(request)
        if review is None:
            words = b"a TokenReview of authentication.k8s.io/v1 is expected"
            return Answer(400, [("Content-Type", "text/plain")], words)
        who = "nobody"
        try:
            query = _query(review)
            session = self._session(query)
            who = session.who
            status = self._status(session, query)
            note = f"authenticated in {', '.join(status['user']['groups'])}"
        except Refused as refused:
            status = {"authenticated": False, "error": str(refused)}
            note = str(refused)
        outcome = "answered" if status["authenticated"] else "denied"
        self._journal.note("authenticator", "TokenReview", who, outcome, 200, note)
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "status": status}
        return Answer(200, [("Content-Type", "application/json")], json.dumps(body).encode())

    def _session(self, query: dict[str, str]) -> Session:
        session = self._sessions.find(query["X-Amz-Credential"].partition("/")[0])
        if session is None or session.token != query["X-Amz-Security-Token"]:
            raise Refused("InvalidClientTokenId", "the security token included in the request is invalid")
        return session

    def _status(self, session: Session, query: dict[str, str]) -> dict[str, Any]:
        if session.over:
            raise Refused("ExpiredToken", "the security token included in the request is expired")
        named = [cluster for cluster in self._accounts.clusters() if _is_for(cluster, session, query)]
        if not named:
            raise Refused("SignatureDoesNotMatch", "the signature is not the session's for any cluster here")
        for cluster in named:
            if session.role in cluster.entries:
                return {"authenticated": True, "user": _user(session, cluster.entries[session.role])}
        raise Refused("NotMapped", f"the cluster {named[0].name} has no access entry for {session.role}")


def _review(request: Request) -> str | None:
    """The token of it."""
    try:
        match json.loads(request.body):
            case {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": str(token)}}:
                return token if request.method == "POST" else None
    except ValueError:
        pass
    return None


def _query(token: str) -> dict[str, str]:
    """What is asked of STS, if it is who asks, of the region's own STS, and not too long ago."""
    address = urlsplit(_address(token))
    pairs = parse_qsl(address.query, keep_blank_values=True)
    query = dict(pairs)
    if len(query) != len(pairs) or query.keys() != REQUIRED:
        # All sessions have a token, so that the one that authenticators take or leave has to be there.
        raise Refused("Form", f"the parameters are not, once each, {', '.join(sorted(REQUIRED))}")
    region = scope_region(query["X-Amz-Credential"], query["X-Amz-Date"], "sts")
    if (address.scheme, address.netloc, address.path or "/", address.fragment) != ("https", host(region), "/", ""):
        raise Refused("Form", f"the address is not https://{host(region)}/")
    if query["Action"] != "GetCallerIdentity" or query["X-Amz-Algorithm"] != ALGORITHM:
        raise Refused("Form", f"the request is not GetCallerIdentity under {ALGORITHM}")
    if CLUSTER_HEADER not in query["X-Amz-SignedHeaders"].split(";"):
        raise Refused("Form", f"the header {CLUSTER_HEADER} is not signed")
    if not query["X-Amz-Expires"].isdigit() or int(query["X-Amz-Expires"]) > LIFE_SECONDS:
        raise Refused("Form", f"X-Amz-Expires is not at most {LIFE_SECONDS}")
    check_time(query["X-Amz-Date"], LIFE_SECONDS)
    return query


def host(region: str) -> str:
    return f"sts.{region}.amazonaws.com"


def _address(token: str) -> str:
    if len(token) > MAX_TOKEN or not token.startswith(PREFIX):
        raise Refused("Form", f"the token does not begin with {PREFIX}, or is longer than {MAX_TOKEN}")
    encoded = token.removeprefix(PREFIX)
    try:
        # Without padding, as the authenticator wants it.
        if "=" in encoded:
            raise ValueError
        return base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        raise Refused("Form", "the token is not an address in base64url") from None


def _is_for(cluster: Cluster, session: Session, query: dict[str, str]) -> bool:
    region = scope_region(query["X-Amz-Credential"], query["X-Amz-Date"], "sts")
    signed = Signed(
        method="GET",
        address=f"https://{host(region)}/",
        query=[(name, value) for name, value in query.items() if name != "X-Amz-Signature"],
        headers=[("host", host(region)), (CLUSTER_HEADER, cluster.name)],
        signed_headers=query["X-Amz-SignedHeaders"].split(";"),
        time=query["X-Amz-Date"],
        region=region,
        service="sts",
    )
    try:
        check(session, signed, query["X-Amz-Signature"])
    except Refused:
        return False
    return True


def _user(session: Session, groups: list[str]) -> dict[str, Any]:
    return {
        "username": session.arn,
        "uid": f"aws-iam-authenticator:{session.account}:{session.role_id}",
        "groups": groups,
        "extra": {"arn": [session.arn], "canonicalArn": [session.role], "sessionName": [session.name]},
    }
