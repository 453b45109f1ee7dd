"""What tests of the stand-in are told in: itself, on free ports, before an upstream that is told what to answer."""

import datetime
import ipaddress
import json
import ssl
import tempfile
import unittest
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import Request as HttpRequest
from urllib.request import urlopen

import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from standin.gateway import Gateway
from standin.messages import Answer, Request
from standin.server import Server, gateway_server, webhook_server
from standin.sessions import account_of

OURS, THEIRS, OTHERS = "111122223333", "999988887777", "444455556666"
REGION = "eu-central-1"
TENANT_ROLE = f"arn:aws:iam::{OURS}:role/session/slipway-dev-eu-central-1-tenant"
ROLE = f"arn:aws:iam::{THEIRS}:role/slipway-tbcdefghijk-prod"
FOREIGN_ROLE = f"arn:aws:iam::{OTHERS}:role/slipway-tzzzzzzzzzz-prod"
EXTERNAL_ID = "slipway-0123456789abcdef"
SESSION = "slipway-TBCDEFGHIJK"

# As ministack makes it.
NARROWED = b"""<?xml version="1.0" encoding="UTF-8"?>
<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
<AccessKeyId>ASIAUPSTREAM</AccessKeyId><SecretAccessKey>upstream-secret</SecretAccessKey>
<SessionToken>upstream-token</SessionToken><Expiration>2040-01-01T00:00:00Z</Expiration></Credentials>
<AssumedRoleUser><AssumedRoleId>AROA:s</AssumedRoleId><Arn>arn:aws:sts::111122223333:assumed-role/t/s</Arn>
</AssumedRoleUser></AssumeRoleResult></AssumeRoleResponse>"""

IDENTITY = b"<GetCallerIdentityResponse><GetCallerIdentityResult/></GetCallerIdentityResponse>"

Credentials = dict[str, Any]

# One for all, which reads the description of a service once.
BOTOCORE = botocore.session.Session()


class World:
    def __init__(self) -> None:
        self.received: list[Request] = []
        self._upstream = Server(("127.0.0.1", 0), self._upstream_answer)
        self.gateway = Gateway(self._upstream.start(), OURS)
        self._http = gateway_server(("127.0.0.1", 0), self.gateway)
        self.url = f"http://{self._http.start()}"
        self._files = tempfile.TemporaryDirectory()
        certificate, key = _certificate(Path(self._files.name))
        self._https = webhook_server(("127.0.0.1", 0), self.gateway, str(certificate), str(key))
        self.webhook = f"https://{self._https.start()}"
        self._trusting = ssl.create_default_context(cafile=str(certificate))

    def close(self) -> None:
        for server in (self._http, self._https, self._upstream):
            server.shutdown()
            server.server_close()
        self._files.cleanup()

    def _upstream_answer(self, request: Request) -> Answer:
        self.received.append(request)
        if request.form():
            body = NARROWED if request.form()["Action"] == "AssumeRole" else IDENTITY
            return Answer(200, [("Content-Type", "text/xml")], body)
        return Answer(200, [("Content-Type", "application/json"), ("X-Upstream", "a"), ("X-Upstream", "b")], b"{}")

    def control(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        with urlopen(HttpRequest(f"{self.url}/_standin/{path}", data, method=method)) as answer:
            return json.loads(answer.read() or b"null")

    def connect(self, name: str = "prod", role: str = ROLE, group: str = "slipway:tbcdefghijk") -> None:
        """A tenant's role that trusts us, and a cluster in its account that lets it in."""
        self.control("PUT", "roles", {"arn": role, "external_id": EXTERNAL_ID})
        cluster = {"account": account_of(role), "region": REGION, "name": name, "endpoint": f"https://{name}.example"}
        self.control("PUT", "clusters", {**cluster, "ca": "PEM", "entries": {role: [group]}})

    def client(self, service: str, credentials: Credentials | None = None) -> Any:
        """Of a session, or of a function."""
        keys = credentials or {"AccessKeyId": OURS, "SecretAccessKey": "test", "SessionToken": None}
        return BOTOCORE.create_client(
            service,
            region_name=REGION,
            endpoint_url=self.url,
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
            config=Config(retries={"total_max_attempts": 1}),
        )

    def assume(self, role: str = ROLE, **more: Any) -> Credentials:
        return self.client("sts").assume_role(RoleArn=role, RoleSessionName=SESSION, **more)["Credentials"]

    def review(self, token: str) -> dict[str, Any]:
        """The status that the webhook answers."""
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}
        request = HttpRequest(self.webhook, json.dumps(body).encode(), {"Content-Type": "application/json"})
        with urlopen(request, context=self._trusting) as answer:
            return json.loads(answer.read())["status"]


class Case(unittest.TestCase):
    """Each test has a world of its own."""

    def setUp(self) -> None:
        self.world = World()
        self.addCleanup(self.world.close)

    def refused(self, code: str, ask: Callable[..., Any], *arguments: Any, **more: Any) -> str:
        """What AWS's own client tells of an answer that is an error."""
        with self.assertRaises(ClientError) as raised:
            ask(*arguments, **more)
        error = raised.exception.response["Error"]
        self.assertEqual(error["Code"], code, error)
        return error["Message"]


def _certificate(folder: Path) -> tuple[Path, Path]:
    """Of 127.0.0.1, by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.timezone.utc)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
    certificate = builder.add_extension(x509.SubjectAlternativeName([address]), False).sign(key, hashes.SHA256())
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8
    paths[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    return paths
