"""What is sent on, who is let into which role, who learns where a cluster is, and what fails on purpose."""

import http.client
import unittest

from standin.world import EXTERNAL_ID, FOREIGN_ROLE, REGION, ROLE, SESSION, TENANT_ROLE, Case


class Forwarding(Case):
    def test_everything_arrives_as_it_was_sent_and_so_does_the_answer(self) -> None:
        connection = http.client.HTTPConnection(self.world.url.removeprefix("http://"))
        self.addCleanup(connection.close)
        # Twice over one connection.
        for body in (b"\x00\xff", b""):
            connection.putrequest("PUT", "//a%2Fb/../c?x=%20&y", skip_host=True, skip_accept_encoding=True)
            headers = [("Host", "uploads.example:99"), ("X-Two", "1"), ("x-two", "2")]
            length = ("Content-Length", str(len(body)))
            for name, value in [length, *headers]:
                connection.putheader(name, value)
            connection.endheaders(body)
            response = connection.getresponse()
            self.assertEqual((response.status, response.read()), (200, b"{}"))
            self.assertEqual(response.headers.get_all("X-Upstream"), ["a", "b"])
            [received] = self.world.received
            self.world.received.clear()
            self.assertEqual((received.method, received.target), ("PUT", "//a%2Fb/../c?x=%20&y"))
            # The length stands last, and the connection is another one.
            self.assertEqual(received.headers, [*headers, length, ("Connection", "close")])
            self.assertEqual(received.body, body)

    def test_a_body_in_chunks_arrives_whole(self) -> None:
        connection = http.client.HTTPConnection(self.world.url.removeprefix("http://"))
        self.addCleanup(connection.close)
        connection.request("PUT", "/b/k", iter([b"one ", b"two"]), {"Expect": "100-continue"}, encode_chunked=True)
        self.assertEqual(connection.getresponse().status, 200)
        self.assertEqual(self.world.received[0].body, b"one two")

    def test_what_is_called_is_in_the_log(self) -> None:
        self.world.client("sqs").list_queues()
        self.world.client("sts").get_caller_identity()
        calls = [(it["service"], it["action"], it["who"], it["outcome"]) for it in self.log()]
        wanted = [("sqs", "ListQueues"), ("sts", "GetCallerIdentity")]
        self.assertEqual(calls, [(*call, "function", "forwarded") for call in wanted])

    def log(self) -> list[dict]:
        return self.world.control("GET", "log")["calls"]


class AssumeRole(Case):
    def test_a_role_lets_in_under_its_external_id_alone(self) -> None:
        self.world.connect()
        answer = self.world.client("sts").assume_role(
            RoleArn=ROLE, RoleSessionName=SESSION, ExternalId=EXTERNAL_ID, DurationSeconds=900
        )
        arn = f"arn:aws:sts::999988887777:assumed-role/slipway-tbcdefghijk-prod/{SESSION}"
        self.assertEqual(answer["AssumedRoleUser"]["Arn"], arn)
        self.assertTrue(answer["Credentials"]["AccessKeyId"].startswith("ASIA"))
        for wrong in ({}, {"ExternalId": EXTERNAL_ID + "0"}):
            words = self.refused("AccessDenied", self.world.assume, **wrong)
            self.assertTrue(words.endswith(f"is not authorized to perform: sts:AssumeRole on resource: {ROLE}"), words)
        self.refused("AccessDenied", self.world.assume, FOREIGN_ROLE, ExternalId=EXTERNAL_ID)
        self.assertEqual(self.world.received, [])

    def test_a_role_may_trust_more_than_it_should(self) -> None:
        self.world.control("PUT", "roles", {"arn": ROLE, "external_id": None})
        self.world.assume()
        self.world.assume(ExternalId="anything")
        self.world.control("PUT", "roles", {"arn": ROLE, "external_id": "*"})
        self.refused("AccessDenied", self.world.assume)
        self.world.assume(ExternalId="anything")

    def test_a_deleted_role_lets_nobody_in_and_ends_its_sessions(self) -> None:
        self.world.connect()
        session = self.world.assume(ExternalId=EXTERNAL_ID)
        self.world.control("DELETE", f"roles?arn={ROLE}")
        self.refused("AccessDenied", self.world.assume, ExternalId=EXTERNAL_ID)
        ask = self.world.client("eks", session).describe_cluster
        self.refused("UnrecognizedClientException", ask, name="prod")

    def test_roles_of_our_own_are_made_upstream(self) -> None:
        session = self.world.assume(TENANT_ROLE, Policy="{}")
        self.assertEqual(session["AccessKeyId"], "ASIAUPSTREAM")
        self.assertEqual(self.world.received[0].form()["RoleArn"], TENANT_ROLE)
        # Nobody's trust names them, a role of the tenant's own least of all.
        self.world.connect()
        ask = self.world.client("sts", session).assume_role
        self.refused("AccessDenied", ask, RoleArn=ROLE, RoleSessionName=SESSION, ExternalId=EXTERNAL_ID)

    def test_what_sts_does_not_take(self) -> None:
        self.refused("ValidationError", self.world.assume, TENANT_ROLE, DurationSeconds=43_201)
        self.refused("ValidationError", self.world.assume, TENANT_ROLE, Policy='{"a":"%s"}' % ("x" * 2048))
        self.refused("MalformedPolicyDocument", self.world.assume, TENANT_ROLE, Policy="{")


class DescribeCluster(Case):
    def setUp(self) -> None:
        super().setUp()
        self.world.connect()
        self.world.connect("staging", FOREIGN_ROLE)
        self.session = self.world.assume(ExternalId=EXTERNAL_ID)

    def test_an_account_learns_where_its_own_cluster_is(self) -> None:
        cluster = self.world.client("eks", self.session).describe_cluster(name="prod")["cluster"]
        self.assertEqual(cluster["arn"], f"arn:aws:eks:{REGION}:999988887777:cluster/prod")
        self.assertEqual((cluster["status"], cluster["endpoint"]), ("ACTIVE", "https://prod.example"))
        self.assertEqual(cluster["certificateAuthority"], {"data": "UEVN"})
        self.assertEqual(self.world.received, [])

    def test_nobody_learns_where_anothers_is(self) -> None:
        foreign = self.world.assume(FOREIGN_ROLE, ExternalId=EXTERNAL_ID)
        self.refused("AccessDeniedException", self.world.client("eks", foreign).describe_cluster, name="prod")
        self.refused("AccessDeniedException", self.world.client("eks", self.session).describe_cluster, name="staging")
        self.refused("AccessDeniedException", self.world.client("eks").describe_cluster, name="prod")
        own = self.world.client("eks", self.world.assume(TENANT_ROLE))
        self.refused("AccessDeniedException", own.describe_cluster, name="prod")
        self.refused("ResourceNotFoundException", self.world.client("eks", self.session).describe_cluster, name="none")

    def test_a_forged_session_is_told(self) -> None:
        for forged, code in [
            ({"SecretAccessKey": "guessed"}, "InvalidSignatureException"),
            ({"SessionToken": "guessed"}, "UnrecognizedClientException"),
            ({"AccessKeyId": "ASIAGUESSED"}, "UnrecognizedClientException"),
        ]:
            eks = self.world.client("eks", {**self.session, **forged})
            self.refused(code, eks.describe_cluster, name="prod")

    def test_a_tenants_role_can_do_nothing_else(self) -> None:
        self.refused("AccessDeniedException", self.world.client("eks", self.session).list_clusters)
        self.refused("AccessDeniedException", self.world.client("sqs", self.session).list_queues)


class Faults(Case):
    def put(self, **fault) -> None:
        self.world.control("PUT", "faults", [fault])

    def test_a_fault_is_for_so_many_calls_of_whom_it_names(self) -> None:
        sqs = self.world.client("sqs")
        self.put(service="sqs", action="ListQueues", who="session", status=500)
        sqs.list_queues()
        self.put(service="sqs", action="ListQueues", who="function", status=400, code="ThrottlingException", times=2)
        for _ in range(2):
            self.refused("ThrottlingException", sqs.list_queues)
        sqs.list_queues()
        self.assertEqual(len(self.world.received), 2)

    def test_a_fault_lasts_until_it_is_taken_away(self) -> None:
        sts = self.world.client("sts")
        self.put(service="sts", action="*", who="*", status=500, code="InternalFailure", times=None, delay_ms=0)
        for _ in range(3):
            self.refused("InternalFailure", sts.get_caller_identity)
        self.world.control("DELETE", "faults")
        sts.get_caller_identity()

    def test_each_protocol_has_its_errors(self) -> None:
        self.put(service="*", status=503, code="SlowDown")
        self.refused("SlowDown", self.world.client("s3").get_object, Bucket="b", Key="k")
        self.refused("SlowDown", self.world.client("eks").list_clusters)
        self.refused("SlowDown", self.world.client("kms").list_keys)

    def test_control_refuses_what_it_does_not_know(self) -> None:
        for path, body in [("faults", [{"service": "sqs", "state": 500}]), ("roles", {"arn": ROLE})]:
            with self.assertRaisesRegex(Exception, "400"):
                self.world.control("PUT", path, body)


if __name__ == "__main__":
    unittest.main()
