"""Requests and answers as they are on the wire, and what a request asks of AWS."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

# Of each connection on its own, and not of the message.
HOP_BY_HOP = frozenset({"connection", "expect", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"})

# What decides where ministack takes a request, whatever service its signature names.
TARGETS = {"DynamoDB_20120810": "dynamodb", "DynamoDBStreams_20120810": "dynamodb", "TrentService": "kms"}

FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Request:
    method: str
    # Path and query, as they came.
    target: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        """The values of a header, or nothing."""
        return ",".join(value for key, value in self.headers if key.lower() == name)

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    def form(self) -> dict[str, str]:
        """The fields of a request of the query protocol, the first of each."""
        if self.method != "POST" or not self.header("content-type").startswith(FORM):
            return {}
        return first_values(self.body.decode(errors="replace"))

    def query(self) -> dict[str, str]:
        return first_values(urlsplit(self.target).query)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes = b""


@dataclass(frozen=True)
class Call:
    """What is asked for, and with which key. Texts are empty where a request does not say."""

    service: str
    action: str
    region: str
    access_key: str


def call_of(request: Request) -> Call:
    """Reads it off target, form, path and the scope of the signature. A request of REST is called by its method."""
    access_key, _, region, service, *_ = [*_credential(request).split("/"), "", "", "", ""]
    prefix, _, action = request.header("x-amz-target").rpartition(".")
    service = TARGETS.get(prefix, service)
    if not action and service == "eks" and request.method == "GET" and cluster_name(request):
        action = "DescribeCluster"
    return Call(service, action or request.form().get("Action") or request.method, region, access_key)


def cluster_name(request: Request) -> str:
    """The cluster that is asked for, of a path of EKS that is about a cluster and nothing below it."""
    found = re.fullmatch(r"/clusters/([^/?]+)", request.path)
    return found[1] if found else ""


def first_values(text: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(text, keep_blank_values=True).items()}


def end_to_end(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Without what is of the connection. The length is told anew by whoever sends it on."""
    return [(name, value) for name, value in headers if name.lower() not in HOP_BY_HOP | {"content-length"}]


def _credential(request: Request) -> str:
    found = re.search(r"Credential=([^,\s]+)", request.header("authorization"))
    return found[1] if found else request.query().get("X-Amz-Credential", "")
