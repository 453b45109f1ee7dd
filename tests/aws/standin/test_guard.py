"""What is left to a session under the policy that shared/aws/src/policy.rs makes for one tenant."""

import dataclasses
import json
import unittest

from standin.uses import PARTITION
from standin.world import OURS, SESSION, TENANT_ROLE, Case

TABLE = f"arn:aws:dynamodb:eu-central-1:{OURS}:table/slipway"
OWN = "t#TBCDEFGHIJK#"
KEY = f"arn:aws:kms:eu-central-1:{OURS}:key/0123"

POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                "dynamodb:BatchGetItem",
                "dynamodb:ConditionCheckItem",
                "dynamodb:DeleteItem",
                "dynamodb:GetItem",
                "dynamodb:PutItem",
                "dynamodb:Query",
                "dynamodb:UpdateItem",
            ],
            "Resource": TABLE,
            "Condition": {
                "ForAllValues:StringLike": {"dynamodb:LeadingKeys": f"{OWN}*"},
                "Null": {"dynamodb:LeadingKeys": "false"},
            },
        },
        {
            "Effect": "Deny",
            "Action": ["dynamodb:DeleteItem", "dynamodb:UpdateItem"],
            "Resource": TABLE,
            "Condition": {
                "ForAnyValue:StringLike": {"dynamodb:LeadingKeys": [f"{OWN}sealed#*", f"{OWN}app#*#sealed#*"]},
                "ForAnyValue:StringNotLike": {"dynamodb:LeadingKeys": f"{OWN}app#*#env#sealed#history"},
            },
        },
        {
            "Effect": "Allow",
            "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
            "Resource": KEY,
            "Condition": {
                "StringEquals": {"kms:EncryptionContext:tenant": "TBCDEFGHIJK"},
                "ForAllValues:StringEquals": {"kms:EncryptionContextKeys": ["tenant", "app"]},
            },
        },
        {
            "Effect": "Allow",
            "Action": "kms:Decrypt",
            "Resource": KEY,
            "Condition": {"StringEquals": {"kms:ViaService": "dynamodb.eu-central-1.amazonaws.com"}},
        },
    ],
}
WHO = f"slipway-dev-eu-central-1-tenant/{SESSION}"


def key(partition: str) -> dict:
    return {"pk": {"S": partition}, "sk": {"S": "a"}}


def put(partition: str) -> dict:
    return {"Put": {"TableName": "slipway", "Item": {**key(partition), "x": {"N": "1"}}}}


def part(name: str, partition: str) -> dict:
    return {name: {"TableName": "slipway", "Key": key(partition)}}


class Guard(Case):
    def setUp(self) -> None:
        super().setUp()
        session = self.world.assume(TENANT_ROLE, Policy=json.dumps(POLICY))
        self.table, self.kms = self.world.client("dynamodb", session), self.world.client("kms", session)
        self.world.received.clear()

    def allowed(self, ask, **request) -> None:
        ask(**request)
        self.assertEqual(len(self.world.received), 1)
        self.world.received.clear()

    def denied(self, ask, **request) -> None:
        words = self.refused("AccessDeniedException", ask, **request)
        self.assertIn(f"arn:aws:sts::{OURS}:assumed-role/{WHO} is not authorized to perform: ", words)
        self.assertEqual(self.world.received, [])

    def test_items_are_the_tenants_own(self) -> None:
        for asked in ({"TableName": "slipway"}, {"TableName": TABLE}):
            self.allowed(self.table.get_item, **asked, Key=key(OWN + "apps"))
        foreign = [("slipway", "t#TZZZZZZZZZZ#apps"), ("slipway", "t#TBCDEFGHIJ"), ("other", OWN + "apps")]
        for table, partition in foreign:
            self.denied(self.table.get_item, TableName=table, Key=key(partition))
        self.allowed(self.table.put_item, TableName="slipway", Item=key(OWN + "sealed#audit"))
        self.denied(self.table.delete_item, TableName="slipway", Key=key(OWN + "sealed#audit"))
        self.allowed(self.table.delete_item, TableName="slipway", Key=key(OWN + "apps"))

    def test_each_part_of_a_transaction_is_asked_about(self) -> None:
        own = [put(OWN + "sealed#audit"), part("ConditionCheck", OWN + "tenant"), part("Delete", OWN + "outbox")]
        for check in (own[1], own[2]):
            next(iter(check.values()))["ConditionExpression"] = "attribute_exists(pk)"
        self.allowed(self.table.transact_write_items, TransactItems=own)
        foreign = put("t#TZZZZZZZZZZ#apps")
        update = {"Update": {**part("Update", OWN + "sealed#audit")["Update"], "UpdateExpression": "SET a = :a"}}
        for item in (foreign, update):
            self.denied(self.table.transact_write_items, TransactItems=[*own, item])
        gets = [part("Get", OWN + "a"), part("Get", OWN + "b")]
        self.allowed(self.table.transact_get_items, TransactItems=gets)
        self.denied(self.table.transact_get_items, TransactItems=[*gets, part("Get", "due#promotion#0")])

    def test_a_query_is_of_one_partition_of_the_table(self) -> None:
        def query(partition: str, **more) -> dict:
            return {
                "TableName": "slipway",
                "KeyConditionExpression": "#pk = :pk AND #sk <= :sk",
                "ExpressionAttributeNames": {"#pk": "pk", "#sk": "sk"},
                "ExpressionAttributeValues": {":pk": {"S": partition}, ":sk": {"S": "a"}},
                **more,
            }

        self.allowed(self.table.query, **query(OWN + "apps"))
        self.denied(self.table.query, **query("t#TZZZZZZZZZZ#apps"))
        self.denied(self.table.query, **query(OWN + "apps", IndexName="due"))
        self.denied(self.table.query, **query(OWN + "apps", ExpressionAttributeNames={"#pk": "due_in", "#sk": "sk"}))

    def test_what_names_no_key_or_several_is_held_against_the_policy_too(self) -> None:
        self.denied(self.table.scan, TableName="slipway")
        self.denied(self.table.execute_statement, Statement="SELECT * FROM slipway")
        own, foreign = key(OWN + "a"), key("t#TZZZZZZZZZZ#a")
        self.allowed(self.table.batch_get_item, RequestItems={"slipway": {"Keys": [own]}})
        self.denied(self.table.batch_get_item, RequestItems={"slipway": {"Keys": [own, foreign]}})
        write = {"slipway": [{"PutRequest": {"Item": own}}, {"DeleteRequest": {"Key": own}}]}
        self.denied(self.table.batch_write_item, RequestItems=write)

    def test_data_keys_are_the_tenants_own(self) -> None:
        context = {"tenant": "TBCDEFGHIJK", "app": "shop"}
        more = {"KeyId": KEY, "KeySpec": "AES_256"}
        self.allowed(self.kms.generate_data_key, **more, EncryptionContext=context)
        self.allowed(self.kms.decrypt, KeyId=KEY, CiphertextBlob=b"x", EncryptionContext=context)
        for wrong in ({}, {**context, "tenant": "TZZZZZZZZZZ"}, {**context, "extra": "x"}):
            self.denied(self.kms.generate_data_key, **more, EncryptionContext=wrong)
        self.denied(self.kms.decrypt, KeyId=KEY, CiphertextBlob=b"x")

    def test_requests_are_counted_and_those_of_functions_pass(self) -> None:
        self.allowed(self.table.get_item, TableName="slipway", Key=key(OWN + "apps"))
        self.denied(self.table.scan, TableName="slipway")
        self.allowed(self.world.client("dynamodb").scan, TableName="slipway")
        self.assertEqual(self.world.control("GET", "counts"), {WHO: {"evaluated": 2, "denied": 1}})
        outcomes = [(it["action"], it["who"], it["outcome"]) for it in self.world.control("GET", "log")["calls"][-3:]]
        wanted = [("GetItem", WHO, "forwarded"), ("Scan", WHO, "denied"), ("Scan", "function", "forwarded")]
        self.assertEqual(outcomes, wanted)

    def test_what_is_not_understood_does_not_pass(self) -> None:
        odd = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"IpAddress": {"a": "b"}}}
        session = self.world.assume(TENANT_ROLE, Policy=json.dumps({"Statement": [odd]}))
        self.world.received.clear()
        ask = self.world.client("dynamodb", session).get_item
        words = self.refused("AccessDeniedException", ask, TableName="slipway", Key=key("a"))
        self.assertIn("does not understand", words)
        self.assertEqual(self.world.received, [])

    def test_a_session_ends(self) -> None:
        sessions = self.world.gateway.sessions
        sessions.keep(dataclasses.replace(sessions.find("ASIAUPSTREAM"), expires_at=0))
        self.refused("ExpiredTokenException", self.table.get_item, TableName="slipway", Key=key(OWN + "apps"))
        self.assertEqual(self.world.received, [])

    def test_a_throttled_session_is_throttled_by_name(self) -> None:
        fault = {"service": "dynamodb", "action": "*", "who": WHO, "status": 400, "code": "ThrottlingException"}
        self.world.control("PUT", "faults", [fault])
        ask = self.table.get_item
        self.refused("ThrottlingException", ask, TableName="slipway", Key=key(OWN + "apps"))
        self.allowed(self.world.client("dynamodb").scan, TableName="slipway")

    def test_the_key_is_called_as_in_the_store(self) -> None:
        from template import rust_constant

        self.assertEqual(rust_constant("shared/store/src/layout.rs", "PARTITION"), PARTITION)


if __name__ == "__main__":
    unittest.main()
