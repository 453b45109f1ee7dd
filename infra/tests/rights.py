"""Who may do what: each function's role against keys as shared/store/src/layout.rs spells them, roles, and the key."""

import iam
from template import VALUES, resources, text

TENANT = "TBCDEFGHIJK"
OWN = f"t#{TENANT}#"

# Apps and environments that are called `sealed` are there on purpose.
SEALED = [
    OWN + rest
    for app in ("shop", "sealed")
    for environment in ("production", "sealed")
    for rest in (
        "sealed#audit",
        f"app#{app}#sealed#build#BBCDEFGHIJK",
        f"app#{app}#sealed#release#RBCDEFGHIJK",
        f"app#{app}#sealed#tags",
        f"app#{app}#sealed#releases",
        f"app#{app}#sealed#builds",
        f"app#{app}#sealed#events#PBCDEFGHIJK",
        f"app#{app}#env#{environment}#sealed#releases",
        f"app#{app}#env#{environment}#sealed#promotions",
        f"app#{app}#env#{environment}#sealed#runs",
        f"app#{app}#env#{environment}#sealed#activations",
    )
]
OPEN = [
    OWN + rest
    for app in ("shop", "sealed")
    for environment in ("production", "sealed")
    for rest in (
        "tenant",
        "tokens",
        "apps",
        "outbox",
        "idempotency#0123456789abcdef",
        f"app#{app}#environments",
        f"app#{app}#build#BBCDEFGHIJK",
        f"app#{app}#promotion#PBCDEFGHIJK",
        f"app#{app}#run#UBCDEFGHIJK",
        f"app#{app}#env#{environment}#history",
    )
]
# Notices too: the sweep sends those that the stream missed.
DUE = ("promotion", "cleanup", "build", "run", "notice")
FOREIGN = ["", "x", "t#", "t#T#tokens", "due#promotion#0", "config"]

READ = ["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:ConditionCheckItem"]
WRITE = ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"]
OTHER = [
    "dynamodb:Scan",
    "dynamodb:PartiQLSelect",
    "dynamodb:PartiQLUpdate",
    "dynamodb:PartiQLDelete",
    "dynamodb:BatchWriteItem",
    "dynamodb:DeleteTable",
    "dynamodb:UpdateTable",
]
# What DynamoDB asks of KMS for whoever asks for an item.
OPENS = ("Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey", "ReEncryptFrom", "ReEncryptTo")
FUNCTIONS = ("ApiRole", "RolloutRole", "RelayRole", "SweepRole")
WORKERS = ("TenantRole", "RolloutRole", "RelayRole", "SweepRole")


def may(template, role, action, resource, **context):
    return iam.allowed(template["Resources"][role], action, resource, **context)


def on_key(template, role, action, key, resource="Table.Arn"):
    return iam.allowed(template["Resources"][role], action, resource, **{"dynamodb:LeadingKeys": [key]})


def sealed(template):
    """Nobody changes or deletes what is sealed, and everybody who writes is denied it in so many words."""
    for name, role in resources(template, "AWS::IAM::Role").items():
        for key in SEALED:
            for action in ("dynamodb:UpdateItem", "dynamodb:DeleteItem"):
                if on_key(template, name, action, key):
                    yield f"{name} may {action} {key}"
                # Also when it is one of several keys.
                if may(template, name, action, "Table.Arn", **{"dynamodb:LeadingKeys": [key, OWN + "apps"]}):
                    yield f"{name} may {action} {key} beside another"
        gives = {action for it in iam.statements(role) if it["Effect"] == "Allow" for action in iam.actions(it)}
        denies = {action for it in iam.statements(role) if it["Effect"] == "Deny" for action in iam.actions(it)}
        if gives & set(WRITE) and not {"dynamodb:UpdateItem", "dynamodb:DeleteItem"} <= denies:
            yield f"{name} writes, and is not denied what is sealed"


def keys(template):
    """Each role reaches the keys that it works on, and no others."""
    for key in OPEN + SEALED:
        wanted = {
            "ApiRole": {"dynamodb:GetItem"} if key.endswith("#tokens") else set(),
            "TenantRole": set(READ + WRITE),
            "RolloutRole": set(READ + WRITE) - {"dynamodb:DeleteItem"},
            "RelayRole": {"dynamodb:DeleteItem", "dynamodb:GetItem"} if key.endswith("#outbox") else set(),
            "SweepRole": set(READ + WRITE),
            "PushRole": set(),
            "StateMachineRole": set(),
        }
        for role, actions in wanted.items():
            if key in SEALED:
                actions -= {"dynamodb:UpdateItem", "dynamodb:DeleteItem"}
            for action in READ + WRITE + OTHER:
                if on_key(template, role, action, key) != (action in actions):
                    yield f"{role} may {action} {key}, or may not and should"
    for role in resources(template, "AWS::IAM::Role"):
        for action in READ + WRITE + OTHER:
            for key in FOREIGN:
                if on_key(template, role, action, key):
                    yield f"{role} may {action} {key!r}"
            if may(template, role, action, "Table.Arn"):
                yield f"{role} may {action} without naming a key"
            for kind in DUE:
                index = on_key(template, role, action, f"due#{kind}#0", "Table.Arn/index/due")
                if index != (role == "SweepRole" and action == "dynamodb:Query"):
                    yield f"{role} may {action} the index of what is due of {kind}, or may not and should"


def roles_of_others(template):
    """Tenants' roles are taken on by those who act for tenants; of our own account, the two that are meant for it."""
    ours = f"arn:aws:iam::{VALUES['AWS::AccountId']}:role/"
    id_given, none = {"sts:ExternalId": "e-1"}, {}
    cases = [("arn:aws:iam::999988887777:role/slipway-prod", {"ApiRole", "RolloutRole", "SweepRole"}, id_given)]
    # Tried by the api alone, which wants to be refused.
    cases.append(("arn:aws:iam::999988887777:role/slipway-prod", {"ApiRole"}, none))
    for context in (id_given, none):
        cases += [
            ("arn:aws:iam::999988887777:role/admin", set(), context),
            (ours + "slipway-dev-eu-central-1-rollout", set(), context),
            (ours + "slipway-anything", set(), context),
            (ours + "admin", set(), context),
            (ours + "session/slipway-dev-eu-central-1-tenant", {"ApiRole"}, context),
            (ours + "session/slipway-dev-eu-central-1-push", {"ApiRole"}, context),
        ]
    for role in resources(template, "AWS::IAM::Role"):
        for resource, wanted, context in cases:
            if may(template, role, "sts:AssumeRole", resource, **context) != (role in wanted):
                yield f"{role} may take on {resource} with {context}, or may not and should"
    for role, name in (("TenantRole", "tenant"), ("PushRole", "push")):
        it = template["Resources"][role]["Properties"]
        if (it.get("Path"), text(it["RoleName"])) != ("/session/", f"slipway-dev-eu-central-1-{name}"):
            yield f"{role} is not where the api looks for it"


def data_keys(template):
    """Data keys are a tenant's, for a known purpose. The table's own key is opened through DynamoDB, for this table."""
    context = {
        "kms:EncryptionContext:tenant": TENANT,
        "kms:EncryptionContext:purpose": "variables",
        "kms:EncryptionContextKeys": ["tenant", "app", "environment", "release", "purpose"],
    }
    # The key of a tenant's digests belongs to no release.
    whole = {
        "kms:EncryptionContext:tenant": TENANT,
        "kms:EncryptionContext:purpose": "digests",
        "kms:EncryptionContextKeys": ["tenant", "purpose"],
    }
    through = {
        "kms:ViaService": "dynamodb.eu-central-1.amazonaws.com",
        "kms:EncryptionContext:aws:dynamodb:tableName": "Table",
    }
    both = {"kms:Decrypt", "kms:GenerateDataKey"}
    wanted = {"TenantRole": both, "SweepRole": {"kms:Decrypt"}, "RolloutRole": {"kms:Decrypt"}}
    for role in resources(template, "AWS::IAM::Role"):
        for action in sorted(both | {"kms:Encrypt", "kms:ScheduleKeyDeletion", "kms:CreateGrant", "kms:PutKeyPolicy"}):
            for of_tenant in (context, whole):
                if may(template, role, action, "Key.Arn", **of_tenant) != (action in wanted.get(role, set())):
                    yield f"{role} may {action} for a tenant, or may not and should"
            wrong = [
                {},
                {**context, "kms:EncryptionContext:tenant": None},
                {**context, "kms:EncryptionContext:purpose": "anything"},
                {**context, "kms:EncryptionContextKeys": ["tenant", "purpose", "extra"]},
                {"kms:ViaService": "s3.eu-central-1.amazonaws.com"},
                {**through, "kms:EncryptionContext:aws:dynamodb:tableName": "another"},
            ]
            if any(may(template, role, action, "Key.Arn", **it) for it in wrong):
                yield f"{role} may {action} outside of a tenant"
        # A session of a tenant is given no more of these than its role has.
        for action in (f"kms:{it}" for it in OPENS):
            if may(template, role, action, "Key.Arn", **through) != (role in (*FUNCTIONS, "TenantRole")):
                yield f"{role} may {action} through the table, or may not and should"


def the_rest(template):
    """Executions, messages, archives and logs: those of this stage, by those who need them."""
    cases = [
        ("states:StartExecution", "StateMachine", {"ApiRole", "RelayRole", "SweepRole"}),
        ("states:StopExecution", "StateMachine", set()),
        ("lambda:InvokeFunction", "RolloutFunction.Arn", {"StateMachineRole"}),
        ("sqs:SendMessage", "NotificationQueue.Arn", {"RelayRole", "SweepRole"}),
        ("sqs:SendMessage", "FailureQueue.Arn", {"RelayRole", "SweepRole"}),
        ("sqs:ReceiveMessage", "NotificationQueue.Arn", set()),
        ("sqs:DeleteMessage", "NotificationQueue.Arn", set()),
        ("dynamodb:GetRecords", "Table.StreamArn", {"RelayRole"}),
        ("s3:PutObject", "Uploads.Arn/x", {"ApiRole"}),
        ("s3:DeleteObject", "Uploads.Arn/x", set()),
    ]
    for name in ("Api", "Rollout", "Relay", "Sweep"):
        cases.append(("logs:PutLogEvents", f"{name}LogGroup.Arn", {f"{name}Role"}))
    for role in resources(template, "AWS::IAM::Role"):
        for action, resource, wanted in cases:
            if may(template, role, action, resource) != (role in wanted):
                yield f"{role} may {action} {resource}, or may not and should"
