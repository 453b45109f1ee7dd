"""Which tokens a cluster takes: those that `aws eks get-token` makes, for it, for a quarter of an hour."""

import base64
import contextlib
import dataclasses
import datetime
import unittest
from collections.abc import Iterator
from unittest import mock

from standin.sessions import Session
from standin.signature import Signed, signature
from standin.world import BOTOCORE, EXTERNAL_ID, ROLE, SESSION, THEIRS, Case, Credentials

NAME = "x-k8s-aws-id"


def address(credentials: Credentials, cluster: str, region: str = "eu-central-1", seconds: int = 60) -> str:
    """As the command line of AWS does it: awscli/customizations/eks/get_token.py."""
    sts = BOTOCORE.create_client(
        "sts",
        region_name=region,
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
        endpoint_url=f"https://sts.{region}.amazonaws.com",
    )

    def keep(params, context, **_) -> None:
        context[NAME] = params.pop(NAME)

    def inject(request, **_) -> None:
        request.headers[NAME] = request.context[NAME]

    sts.meta.events.register("provide-client-params.sts.GetCallerIdentity", keep)
    sts.meta.events.register("before-sign.sts.GetCallerIdentity", inject)
    return sts.generate_presigned_url("get_caller_identity", {NAME: cluster}, ExpiresIn=seconds, HttpMethod="GET")


def token(url: str) -> str:
    return "k8s-aws-v1." + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")


@contextlib.contextmanager
def minutes_ago(minutes: int) -> Iterator[None]:
    """By the signer's clock, of which botocore has two: its own, and its one for the CRT, which signs for it here."""
    then = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=minutes)
    with contextlib.ExitStack() as stack:
        for module in ("botocore.auth", "botocore.crt.auth"):
            stack.enter_context(mock.patch(f"{module}.get_current_datetime", lambda **_: then))
        yield


class TokenReviews(Case):
    def setUp(self) -> None:
        super().setUp()
        self.world.connect()
        self.session = self.world.assume(ExternalId=EXTERNAL_ID)

    def denied(self, url: str, words: str) -> None:
        status = self.world.review(token(url))
        self.assertEqual(status, {"authenticated": False, "error": mock.ANY})
        self.assertIn(words, status["error"])

    def test_a_token_proves_the_role_and_gives_its_groups(self) -> None:
        # A few minutes old: the address says one minute, and STS does not ask.
        with minutes_ago(14):
            url = address(self.session, "prod")
        status = self.world.review(token(url))
        self.assertTrue(status["authenticated"], status)
        arn = f"arn:aws:sts::999988887777:assumed-role/slipway-tbcdefghijk-prod/{SESSION}"
        self.assertEqual(status["user"]["username"], arn)
        self.assertEqual(status["user"]["groups"], ["slipway:tbcdefghijk"])
        last = self.world.control("GET", "log")["calls"][-1]
        self.assertEqual((last["service"], last["who"]), ("authenticator", f"slipway-tbcdefghijk-prod/{SESSION}"))

    def test_two_clusters_may_be_one_server(self) -> None:
        self.world.connect("second", group="others")
        status = self.world.review(token(address(self.session, "second")))
        self.assertEqual(status["user"]["groups"], ["others"])

    def test_a_token_is_for_one_cluster(self) -> None:
        self.denied(address(self.session, "another"), "not the session's for any cluster")

    def test_a_token_is_for_a_quarter_of_an_hour(self) -> None:
        for minutes, words in [(16, "expired"), (-6, "not yet current")]:
            with minutes_ago(minutes):
                url = address(self.session, "prod")
            self.denied(url, words)
        self.denied(address(self.session, "prod", seconds=901), "X-Amz-Expires")

    def test_nothing_of_it_can_be_changed(self) -> None:
        url = address(self.session, "prod")
        last = "0" if url[-1] != "0" else "1"
        self.denied(url[:-1] + last, "not the session's")
        self.denied(url.replace("X-Amz-Expires=60", "X-Amz-Expires=61"), "not the session's")
        self.denied(url.replace("GetCallerIdentity", "GetSessionToken"), "GetCallerIdentity")
        self.denied(url.replace("%3Bx-k8s-aws-id", ""), "is not signed")
        self.denied(url + "&DurationSeconds=1", "parameters")
        self.denied(url + "&Action=GetCallerIdentity", "parameters")
        self.denied(url.replace("host%3B", ""), "not the session's")

    def test_it_is_for_the_sts_of_its_region(self) -> None:
        url = address(self.session, "prod")
        for wrong in ["sts.evil.example", "sts.eu-central-1.amazonaws.com.evil.example", "sts.us-east-1.amazonaws.com"]:
            self.denied(url.replace("sts.eu-central-1.amazonaws.com", wrong), "the address is not")
        self.denied(url.replace("https:", "http:"), "the address is not")
        self.denied(url.replace("amazonaws.com/?", "amazonaws.com/x?"), "the address is not")

    def test_it_is_of_a_session_that_is_known_and_goes_on(self) -> None:
        url = address(self.session, "prod")
        self.denied(address({**self.session, "AccessKeyId": "ASIAGUESSED"}, "prod"), "invalid")
        self.denied(address({**self.session, "SessionToken": "guessed"}, "prod"), "invalid")
        sessions = self.world.gateway.sessions
        kept = sessions.find(self.session["AccessKeyId"])
        sessions.keep(dataclasses.replace(kept, expires_at=0))
        self.denied(url, "token included in the request is expired")
        sessions.keep(kept)
        self.assertTrue(self.world.review(token(url))["authenticated"])
        self.world.control("DELETE", f"roles?arn={ROLE}")
        self.denied(url, "invalid")

    def test_a_role_without_an_entry_stays_outside(self) -> None:
        cluster = {"account": THEIRS, "region": "eu-central-1", "name": "prod", "endpoint": "", "ca": "", "entries": {}}
        self.world.control("PUT", "clusters", cluster)
        self.denied(address(self.session, "prod"), f"no access entry for {ROLE}")

    def test_a_token_that_the_command_line_of_aws_made(self) -> None:
        # The second vector of shared/aws/src/eks_token/tests.rs.
        signed = Signed(
            method="GET",
            address="https://sts.eu-central-1.amazonaws.com/",
            query=[
                ("Action", "GetCallerIdentity"),
                ("Version", "2011-06-15"),
                ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
                ("X-Amz-Credential", "AKIDEXAMPLE/20260115/eu-central-1/sts/aws4_request"),
                ("X-Amz-Date", "20260115T143049Z"),
                ("X-Amz-Expires", "60"),
                ("X-Amz-SignedHeaders", "host;x-k8s-aws-id"),
                ("X-Amz-Security-Token", "FwoGZXIvYXdzEBEaDA==/+session=&token"),
            ],
            headers=[("host", "sts.eu-central-1.amazonaws.com"), (NAME, "prod_2-A")],
            signed_headers=["host", NAME],
            time="20260115T143049Z",
            region="eu-central-1",
            service="sts",
        )
        secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
        wanted = "0b12703453912ba5018f2a2ff6ef1c5b713788ac15432c5c2fb84f02e21368e0"
        self.assertEqual(signature(Session("AKIDEXAMPLE", secret, "", ROLE, SESSION, 0), signed), wanted)

    def test_other_texts_are_no_tokens(self) -> None:
        url = address(self.session, "prod")
        for text in ["", "k8s-aws-v1.", "k8s-aws-v1.!", token(url)[1:], token(url) + "=", "k8s-aws-v1." + "a" * 5000]:
            self.assertFalse(self.world.review(text)["authenticated"], text)


if __name__ == "__main__":
    unittest.main()
