"""Whether a request was signed by the session that it names: it is signed once more, with the secret that we know."""

import calendar
import hmac
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials

from standin.messages import Request
from standin.sessions import Session

ALGORITHM = "AWS4-HMAC-SHA256"
# What AWS grants to clocks that disagree.
SKEW_SECONDS = 5 * 60

Pairs = Sequence[tuple[str, str]]


class Refused(Exception):
    """Why somebody is not believed: AWS's code, and the words."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.code = code


@dataclass(frozen=True)
class Signed:
    """What a signature is over. The address is `http` or `https` with host and path, and has no query."""

    method: str
    address: str
    query: Pairs
    headers: Pairs
    # Names in small letters, in the order in which they were told.
    signed_headers: list[str]
    # As it is signed: `20260115T143049Z`.
    time: str
    region: str
    service: str
    body: bytes = field(default=b"", repr=False)


class _Again(SigV4Auth):
    """Signs the headers that were signed, where botocore itself would choose."""

    def __init__(self, credentials: Credentials, signed: Signed) -> None:
        super().__init__(credentials, signed.service, signed.region)
        self._signed = signed

    def headers_to_sign(self, request: AWSRequest) -> HTTPHeaders:
        headers = HTTPHeaders()
        for name, value in self._signed.headers:
            if name.lower() in self._signed.signed_headers:
                headers[name.lower()] = value
        return headers


def signature(session: Session, signed: Signed) -> str:
    """What the session's own signature is."""
    auth = _Again(Credentials(session.access_key, session.secret), signed)
    request = AWSRequest(signed.method, signed.address, data=signed.body, params=list(signed.query))
    request.context["timestamp"] = signed.time
    return auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)


def check(session: Session, signed: Signed, found: str) -> None:
    """Refuses a signature that is another one than the session's."""
    missing = set(signed.signed_headers) - {name.lower() for name, _ in signed.headers}
    if missing or "host" not in signed.signed_headers:
        raise Refused("InvalidSignatureException", "the signed headers are not those of the request")
    if not hmac.compare_digest(signature(session, signed).encode(), found.encode()):
        words = "The request signature we calculated does not match the signature you provided."
        raise Refused("InvalidSignatureException", words)


def check_request(request: Request, session: Session, service: str) -> None:
    """Refuses a request whose Authorization header is not of the session's making, for the service and about now."""
    fields = re.fullmatch(
        rf"{ALGORITHM} Credential=([^,\s]+),\s*SignedHeaders=([^,\s]+),\s*Signature=([0-9a-f]+)",
        request.header("authorization"),
    )
    if not fields:
        raise Refused("IncompleteSignatureException", "the Authorization header is not one of Signature Version 4")
    region = scope_region(fields[1], request.header("x-amz-date"), service)
    check_time(request.header("x-amz-date"), SKEW_SECONDS)
    if request.header("x-amz-security-token") != session.token:
        raise Refused("UnrecognizedClientException", "The security token included in the request is invalid.")
    signed = Signed(
        method=request.method,
        address=f"http://{request.header('host')}{request.path}",
        query=list(request.query().items()),
        headers=request.headers,
        signed_headers=fields[2].split(";"),
        time=request.header("x-amz-date"),
        region=region,
        service=service,
        body=request.body,
    )
    check(session, signed, fields[3])


def scope_region(credential: str, moment: str, service: str) -> str:
    """The region of `KEY/20260115/eu-central-1/SERVICE/aws4_request`, which has to be of the service and the day."""
    match credential.split("/"):
        case [_, day, region, found, "aws4_request"] if found == service and day and moment.startswith(day):
            return region
    raise Refused("InvalidSignatureException", f"the credential is not scoped to {service} and the day of its time")


def check_time(moment: str, life_seconds: int) -> None:
    """Refuses what was signed longer ago than that, or is to be signed yet."""
    try:
        age = time.time() - calendar.timegm(time.strptime(moment, "%Y%m%dT%H%M%SZ"))
    except ValueError:
        raise Refused("IncompleteSignatureException", "the time of the signature cannot be read") from None
    if age > life_seconds:
        raise Refused("InvalidSignatureException", f"Signature expired: it was made at {moment}")
    if age < -SKEW_SECONDS:
        raise Refused("InvalidSignatureException", f"Signature not yet current: it was made at {moment}")
