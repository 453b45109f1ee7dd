"""What the template has to be: each check takes it and answers what is wrong with it."""

import json

import iam
from template import definition, resources, rust_constant, target, text

FUNCTION = "AWS::Serverless::Function"
QUEUE = "AWS::SQS::Queue"
MAPPING = "AWS::Lambda::EventSourceMapping"
MACHINE = "AWS::Serverless::StateMachine"

# Queues that no function takes from yet, and the seconds that the one to come may take.
PLANNED_CONSUMERS = {"NotificationQueue": 60}

# Twice what one call may take beyond its phase, see rollout.asl.json.
OVERRUN_SECONDS = 2 * 180

DAY = 24 * 60 * 60

EVERYWHERE = {"SLIPWAY_STAGE", "SLIPWAY_TABLE", "SLIPWAY_KEY"}
VARIABLES = {
    "ApiFunction": {
        "SLIPWAY_STATE_MACHINE",
        "SLIPWAY_TENANT_ROLE",
        "SLIPWAY_PUSH_ROLE",
        "SLIPWAY_UPLOADS",
        "SLIPWAY_OPERATOR_SHA256",
        "SLIPWAY_PRIVATE_CLUSTERS",
    },
    "RolloutFunction": {"SLIPWAY_PRIVATE_CLUSTERS"},
    "RelayFunction": {"SLIPWAY_STATE_MACHINE", "SLIPWAY_NOTIFICATIONS"},
    "SweepFunction": {"SLIPWAY_STATE_MACHINE", "SLIPWAY_NOTIFICATIONS", "SLIPWAY_PRIVATE_CLUSTERS"},
}

# Actions for which AWS knows no resource, so that they are given for all.
WITHOUT_RESOURCE = {
    "dynamodb:ListStreams",
    "ecr:GetAuthorizationToken",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
}

# Which roles a role of ours may be taken on by.
TRUST = {
    "ApiRole": "lambda.amazonaws.com",
    "RolloutRole": "lambda.amazonaws.com",
    "RelayRole": "lambda.amazonaws.com",
    "SweepRole": "lambda.amazonaws.com",
    "StateMachineRole": "states.amazonaws.com",
    "TenantRole": "ApiRole.Arn",
    "PushRole": "ApiRole.Arn",
}


def mappings(template):
    """Streams and queues fail in part, for a while, and to somewhere."""
    for name, mapping in resources(template, MAPPING).items():
        it = mapping["Properties"]
        if it.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]:
            yield f"{name} has no partial batch answers"
        source = text(it["EventSourceArn"])
        if source.endswith(".StreamArn"):
            if it.get("BisectBatchOnFunctionError") is not True:
                yield f"{name} does not bisect"
            if not 0 <= it.get("MaximumRetryAttempts", -1) <= 10:
                yield f"{name} retries without a bound"
            if not 60 <= it.get("MaximumRecordAgeInSeconds", -1) <= DAY:
                yield f"{name} keeps records of any age"
            failures = it.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
            if target(failures) not in resources(template, QUEUE):
                yield f"{name} has no failure destination"
        elif target(it["EventSourceArn"]) in resources(template, QUEUE):
            if "RedrivePolicy" not in template["Resources"][target(it["EventSourceArn"])]["Properties"]:
                yield f"{name} takes from a queue without a dead letter queue"
        else:
            yield f"{name} has a source that no check knows: {source}"
    for name, function in resources(template, FUNCTION).items():
        if "Events" in function["Properties"]:
            yield f"{name} has events that no check sees: make each a resource of its own"


def queues(template):
    """Each is encrypted, reached by TLS alone, keeps what fails for two weeks, and outwaits its consumer six times."""
    consumers = dict(PLANNED_CONSUMERS)
    for mapping in resources(template, MAPPING).values():
        source = target(mapping["Properties"]["EventSourceArn"])
        function = template["Resources"][target(mapping["Properties"]["FunctionName"])]
        consumers[source] = max(consumers.get(source, 0), function["Properties"]["Timeout"])
    guarded = {
        target(queue)
        for policy in resources(template, "AWS::SQS::QueuePolicy").values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if tls_only(statement)
        for queue in policy["Properties"]["Queues"]
    }
    for name, queue in resources(template, QUEUE).items():
        it = queue["Properties"]
        if it.get("SqsManagedSseEnabled") is not True:
            yield f"{name} is not encrypted"
        if it.get("MessageRetentionPeriod") != 14 * DAY:
            yield f"{name} forgets before 14 days"
        if name not in guarded:
            yield f"{name} can be reached without TLS"
        if name in consumers:
            if it.get("VisibilityTimeout", 30) < 6 * consumers[name]:
                yield f"{name} shows a message again before six times {consumers[name]} s"
            if target(it.get("RedrivePolicy", {}).get("deadLetterTargetArn")) not in resources(template, QUEUE):
                yield f"{name} has no dead letter queue"


def time_limits(template):
    """Whoever waits, waits for longer than who is waited for."""
    machine, resource = definition(), template["Resources"]
    timeout = {name: function["Properties"]["Timeout"] for name, function in resources(template, FUNCTION).items()}
    integration = resource["HttpApiIntegration"]["Properties"]["TimeoutInMillis"] / 1000
    if not 25 < timeout["ApiFunction"] < integration <= 30:
        yield "the api is cut off in a long poll, or by API Gateway"
    for name, state in machine["States"].items():
        if state["Type"] == "Task" and not 50 < timeout["RolloutFunction"] < state.get("TimeoutSeconds", 0):
            yield f"a turn is cut off, or outlives the state {name}"
    if not timeout["SweepFunction"] < 60:
        yield "a sweep outlives its minute"
    # Preparing, rolling, restoring.
    if machine.get("TimeoutSeconds") != 60 + 600 + 600 + OVERRUN_SECONDS:
        yield "the state machine's limit is not that of a promotion's phases"


def sweep(template):
    """Once a minute, one at a time; the next one is the retry, and what is lost is told."""
    it = template["Resources"]["SweepFunction"]["Properties"]
    schedule = template["Resources"]["SweepSchedule"]["Properties"]
    if schedule["ScheduleExpression"] != "rate(1 minute)" or schedule.get("State", "ENABLED") != "ENABLED":
        yield "the sweep is not started once a minute"
    [call] = schedule["Targets"]
    if target(call["Arn"]) != "SweepFunction":
        yield "something else is started once a minute"
    if target(call.get("DeadLetterConfig", {}).get("Arn")) != "FailureQueue":
        yield "a sweep that could not be started is lost"
    permission = template["Resources"]["SweepPermission"]["Properties"]
    if (target(permission["FunctionName"]), target(permission["SourceArn"])) != ("SweepFunction", "SweepSchedule"):
        yield "the schedule may not start the sweep"
    if it.get("ReservedConcurrentExecutions") != 1:
        yield "two sweeps may run at once"
    calls = it.get("EventInvokeConfig", {})
    if calls.get("MaximumRetryAttempts") != 0 or not calls.get("MaximumEventAgeInSeconds", DAY) <= 60:
        yield "a sweep is tried again beside the next one"
    if target(calls.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")) != "FailureQueue":
        yield "a sweep that failed is lost"


def variables(template):
    """Each function is told what it needs, and nothing else."""
    found = resources(template, FUNCTION)
    if found.keys() != VARIABLES.keys():
        yield f"there are other functions: {sorted(found)}"
    for name, function in found.items():
        given = function["Properties"]["Environment"]["Variables"].keys()
        for variable in sorted(given ^ (EVERYWHERE | VARIABLES.get(name, set()))):
            yield f"{name} has {variable}, or lacks it"


def table(template):
    """The table of shared/store, that cannot be lost."""
    it = template["Resources"]["Table"]["Properties"]
    names = ("PARTITION", "SORT", "INDEX", "INDEX_PARTITION", "INDEX_SORT")
    layout = {name: rust_constant("shared/store/src/layout.rs", name) for name in names}
    if keys_of(it) != [(layout["PARTITION"], "HASH"), (layout["SORT"], "RANGE")]:
        yield "the table has other keys"
    [index] = it["GlobalSecondaryIndexes"]
    ids = rust_constant("shared/store/src/due.rs", "DUE")
    if (index["IndexName"], keys_of(index)) != (
        layout["INDEX"], [(layout["INDEX_PARTITION"], "HASH"), (layout["INDEX_SORT"], "RANGE")]
    ) or index["Projection"] != {"ProjectionType": "INCLUDE", "NonKeyAttributes": [ids]}:
        yield "the index is another"
    kinds = {it["AttributeName"]: it["AttributeType"] for it in it["AttributeDefinitions"]}
    if kinds != {"pk": "S", "sk": "S", "due_in": "S", "due_at": "N"}:
        yield "attributes have other types"
    expires = rust_constant("shared/store/src/item.rs", "EXPIRES_AT")
    if it.get("TimeToLiveSpecification") != {"AttributeName": expires, "Enabled": True}:
        yield "what is over does not expire"
    if it.get("BillingMode") != "PAY_PER_REQUEST":
        yield "the table is not on demand"
    if it.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled") is not True:
        yield "the table cannot be restored"
    if it.get("DeletionProtectionEnabled") != {"Fn::If": ["IsProd", True, False]}:
        yield "the table can be deleted in prod, or not in dev"
    if it.get("StreamSpecification") != {"StreamViewType": "NEW_IMAGE"}:
        yield "the stream has another view"
    if target(it.get("SSESpecification", {}).get("KMSMasterKeyId")) != "Key":
        yield "the table is not under our key"
    if template["Resources"]["Key"]["Properties"].get("EnableKeyRotation") is not True:
        yield "the key does not rotate"
    for name in ("Table", "Key"):
        if template["Resources"][name].get("DeletionPolicy") != {"Fn::If": ["IsProd", "Retain", "Delete"]}:
            yield f"{name} goes with the stack in prod, or stays in dev"


def logs(template):
    """Every log ends some day, and no execution's data is in one."""
    groups = resources(template, "AWS::Logs::LogGroup")
    for name, group in groups.items():
        if "RetentionInDays" not in group["Properties"]:
            yield f"{name} is kept for ever"
    for name, function in resources(template, FUNCTION).items():
        logging = function["Properties"].get("LoggingConfig", {})
        if target(logging.get("LogGroup")) not in groups or logging.get("LogFormat") != "JSON":
            yield f"{name} does not log in JSON to a group of ours"
        if function["Properties"].get("Tracing") != "Active":
            yield f"{name} is not traced"
    for name, machine in resources(template, MACHINE).items():
        it = machine["Properties"]
        logging = it.get("Logging", {})
        groups_of = [target(to["CloudWatchLogsLogGroup"]["LogGroupArn"]) for to in logging.get("Destinations", [])]
        if logging.get("Level") not in ("ERROR", "ALL") or not groups_of or set(groups_of) - groups.keys():
            yield f"{name} does not log its errors"
        if logging.get("IncludeExecutionData") is not False:
            yield f"{name} logs inputs and outputs"
        if it.get("Tracing") != {"Enabled": True}:
            yield f"{name} is not traced"


def api(template):
    """One route for all, in the form that the function reads, limited, logged without what is secret."""
    resource = template["Resources"]
    routes = [route["Properties"]["RouteKey"] for route in resources(template, "AWS::ApiGatewayV2::Route").values()]
    if routes != ["$default"]:
        yield "the API has other routes"
    if resource["HttpApiIntegration"]["Properties"]["PayloadFormatVersion"] != "2.0":
        yield "the function gets another payload"
    stage = resource["HttpApiStage"]["Properties"]
    limits = stage.get("DefaultRouteSettings", {})
    if stage["StageName"] != "$default":
        yield "the stage is a part of every path"
    if not 0 < limits.get("ThrottlingRateLimit", 0) <= limits.get("ThrottlingBurstLimit", 0):
        yield "the API is not limited"
    log = json.loads(stage.get("AccessLogSettings", {}).get("Format", "{}"))
    if not {"request.id", "http.status", "http.path"} <= log.keys():
        yield "requests are not logged"
    if any(word in value for value in log.values() for word in ("query", "header", "authoriz", "$context.protocol/")):
        yield "the access log holds what may be secret"


def uploads(template):
    """Private, for a day, by TLS alone."""
    it = template["Resources"]["Uploads"]["Properties"]
    blocked = it.get("PublicAccessBlockConfiguration", {})
    if len(blocked) != 4 or not all(value is True for value in blocked.values()):
        yield "the bucket may become public"
    if "BucketEncryption" not in it:
        yield "the bucket is not encrypted"
    rules = it.get("LifecycleConfiguration", {}).get("Rules", [])
    if [(rule["Status"], rule["ExpirationInDays"]) for rule in rules] != [("Enabled", 1)]:
        yield "archives stay for longer than a day"
    policy = template["Resources"]["UploadsPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    if not any(tls_only(statement) for statement in policy):
        yield "the bucket can be reached without TLS"


def wildcards(template):
    """No right is for every action, and none for every resource of which AWS knows several."""
    roles = resources(template, "AWS::IAM::Role")
    for name, role in roles.items():
        if "ManagedPolicyArns" in role["Properties"]:
            yield f"{name} has rights that are not written here"
        for statement in iam.statements(role):
            for action in iam.actions(statement):
                if "*" in action or "?" in action:
                    yield f"{name} may do {action}"
                if "*" in iam.as_list(statement["Resource"]) and action not in WITHOUT_RESOURCE:
                    yield f"{name} may do {action} to anything"
            if statement["Effect"] not in ("Allow", "Deny") or "NotAction" in statement or "NotResource" in statement:
                yield f"{name} has a statement that says what is not"
    for statement in template["Resources"]["Key"]["Properties"]["KeyPolicy"]["Statement"]:
        if any("*" in action for action in iam.actions(statement)) or statement["Principal"] == "*":
            yield f"the key's policy is open in {statement['Sid']}"
    for name, function in resources(template, FUNCTION).items():
        if target(function["Properties"].get("Role")) not in roles or "Policies" in function["Properties"]:
            yield f"{name} has rights that are not written here"


def trust(template):
    """Each role is one's alone."""
    roles = resources(template, "AWS::IAM::Role")
    if roles.keys() != TRUST.keys():
        yield f"there are other roles: {sorted(roles)}"
    used = [target(function["Properties"]["Role"]) for function in resources(template, FUNCTION).values()]
    if len(set(used)) != len(used):
        yield "two functions share a role"
    for name, role in roles.items():
        [statement] = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        [principal] = statement["Principal"].values()
        if text(principal) != TRUST.get(name):
            yield f"{name} can be taken on by {text(principal)}"


def keys_of(schema):
    return [(key["AttributeName"], key["KeyType"]) for key in schema["KeySchema"]]


def tls_only(statement):
    return (
        statement["Effect"] == "Deny"
        and statement["Principal"] == "*"
        and statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
    )
