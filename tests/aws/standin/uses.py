"""What a request to DynamoDB or KMS uses, as IAM sees it: which action, on which resource, with which context."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from standin.messages import Call, Request

# Of the table. As shared/store/src/layout.rs calls it.
PARTITION = "pk"

LEADING_KEYS = "dynamodb:LeadingKeys"

# Where the attributes of the key are.
PLACES = {
    "GetItem": "Key",
    "PutItem": "Item",
    "UpdateItem": "Key",
    "DeleteItem": "Key",
    "ConditionCheckItem": "Key",
}
# What transactions are made of.
PARTS = {
    "Get": "GetItem",
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}

Document = dict[str, Any]


@dataclass(frozen=True)
class Use:
    action: str
    resource: str
    # Values of condition keys: texts, or lists of them. What a request does not name is not in it.
    context: dict[str, str | list[str]] = field(default_factory=dict)


def uses(request: Request, call: Call, account: str) -> list[Use]:
    """All of them; a request is allowed if each is. Raises what parsing raises of what is no request."""
    body = json.loads(request.body or b"{}")
    place = f"{call.region}:{account}"
    if call.service == "kms":
        return [_key_use(call.action, body, place)]
    return list(_table_uses(call.action, body, place))


def _table_uses(action: str, body: Document, place: str) -> Iterator[Use]:
    if action in ("TransactWriteItems", "TransactGetItems"):
        for item in body["TransactItems"]:
            for part, operation in item.items():
                yield _use(PARTS[part], operation, place, [_key(operation[PLACES[PARTS[part]]])])
    elif action == "BatchGetItem":
        for table, asked in body["RequestItems"].items():
            yield _use(action, {"TableName": table}, place, [_key(key) for key in asked["Keys"]])
    elif action == "BatchWriteItem":
        for table, writes in body["RequestItems"].items():
            keys = [_key(asked.get("Item") or asked.get("Key")) for write in writes for asked in write.values()]
            yield _use(action, {"TableName": table}, place, keys)
    elif action == "Query":
        yield _use(action, body, place, _queried(body))
    elif action in PLACES:
        yield _use(action, body, place, [_key(body[PLACES[action]])])
    else:
        # A scan, PartiQL, or anything else that names no key.
        yield _use(action, body, place, [])


def _use(action: str, operation: Document, place: str, keys: list[str]) -> Use:
    table = operation.get("TableName", "")
    resource = table if table.startswith("arn:") else f"arn:aws:dynamodb:{place}:table/{table}"
    if "IndexName" in operation:
        resource += f"/index/{operation['IndexName']}"
    return Use(f"dynamodb:{action}", resource, {LEADING_KEYS: keys} if keys else {})


def _key(attributes: Document) -> str:
    return attributes[PARTITION]["S"]


def _queried(body: Document) -> list[str]:
    """The one partition that a query is about: of an index, whatever attribute has to equal something comes first."""
    names, values = body.get("ExpressionAttributeNames", {}), body.get("ExpressionAttributeValues", {})
    for name, value in re.findall(r"([#\w]+)\s*=\s*(:\w+)", body.get("KeyConditionExpression", "")):
        if "IndexName" in body or names.get(name, name) == PARTITION:
            return [values[value]["S"]]
    return []


def _key_use(action: str, body: Document, place: str) -> Use:
    key = body.get("KeyId", "")
    resource = key if key.startswith("arn:") else f"arn:aws:kms:{place}:key/{key}"
    pairs = body.get("EncryptionContext") or {}
    context: dict[str, str | list[str]] = {f"kms:EncryptionContext:{name}": value for name, value in pairs.items()}
    if pairs:
        context["kms:EncryptionContextKeys"] = list(pairs)
    return Use(f"kms:{action}", resource, context)
