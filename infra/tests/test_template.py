"""Holds the template to what it promises, and each check to what it is for: every one of them is seen to fail."""

import copy
import unittest

import checks
import given
import images
import rights
import watch
from template import load

TEMPLATE = load()
IMAGES = {"Fn::Sub": "arn:${AWS::Partition}:ecr:${AWS::Region}:${AWS::AccountId}:repository/slipway/${Stage}/*"}

CHECKS = [
    checks.mappings,
    checks.queues,
    checks.time_limits,
    checks.sweep,
    checks.variables,
    checks.table,
    checks.logs,
    checks.api,
    checks.uploads,
    checks.wildcards,
    checks.trust,
    rights.sealed,
    rights.keys,
    rights.roles_of_others,
    rights.data_keys,
    rights.the_rest,
    images.images,
    watch.alarms,
    watch.metrics,
    watch.documented,
    given.parameters,
    given.filters,
]


def properties(template, name):
    return template["Resources"][name]["Properties"]


def setting(name, key, value):
    """The property of a resource is another, or with None missing."""

    def change(template):
        properties(template, name).pop(key)
        if value is not None:
            properties(template, name)[key] = value

    return f"{name}.{key} = {value}", change


def adding(name, key, value):
    def change(template):
        properties(template, name)[key] = value

    return f"{name}.{key} = {value}", change


def without(name):
    return f"no {name}", lambda template: template["Resources"].pop(name)


def statement(role, sid, **parts):
    """A statement of a role is another in these parts; without parts it is missing."""

    def change(template):
        found = properties(template, role)["Policies"][0]["PolicyDocument"]["Statement"]
        [place] = [place for place, it in enumerate(found) if it.get("Sid") == sid]
        if parts:
            found[place].update(parts)
        else:
            del found[place]

    return f"{role}: {sid} {parts}", change


def granting(role, action, resource, **condition):
    def change(template):
        more = {"Effect": "Allow", "Action": action, "Resource": resource}
        if condition:
            more["Condition"] = condition
        properties(template, role)["Policies"][0]["PolicyDocument"]["Statement"].append(more)

    return f"{role} may {action} {resource}", change


def consuming(template):
    """A function takes from the notification queue, and takes 90 s."""
    properties(template, "RelayFunction")["Timeout"] = 90
    template["Resources"]["Consumer"] = {
        "Type": "AWS::Lambda::EventSourceMapping",
        "Properties": {
            "FunctionName": {"Ref": "RelayFunction"},
            "EventSourceArn": {"Fn::GetAtt": ["NotificationQueue", "Arn"]},
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
        },
    }


def variable(name, key):
    def change(template):
        properties(template, name)["Environment"]["Variables"][key] = "x"

    return f"{name} is told {key}", change


def untold(name, key):
    def change(template):
        del properties(template, name)["Environment"]["Variables"][key]

    return f"{name} is not told {key}", change


def on_dashboard(old, new):
    def change(template):
        body = properties(template, "Dashboard")["DashboardBody"]
        if old not in body["Fn::Sub"]:
            raise ValueError(f"the dashboard has no {old}")
        body["Fn::Sub"] = body["Fn::Sub"].replace(old, new)

    return f"{new} on the dashboard and not {old}", change


def another_alarm(template):
    template["Resources"]["AnotherAlarm"] = copy.deepcopy(template["Resources"]["ApiErrorsAlarm"])


def another_parameter(template):
    template["Parameters"]["Another"] = {"Type": "String", "Description": "x"}


def rule(template):
    template["Rules"].pop("NoPrivateClustersInProd")


def event(template):
    properties(template, "RelayFunction")["Events"] = {"Queue": {"Type": "SQS", "Properties": {}}}


def kept(template):
    template["Resources"]["Table"]["DeletionPolicy"] = "Delete"


def unlogged(template):
    properties(template, "ApiFunction")["LoggingConfig"].pop("LogGroup")


def with_data(template):
    properties(template, "StateMachine")["Logging"]["IncludeExecutionData"] = True


def query_logged(template):
    properties(template, "HttpApiStage")["AccessLogSettings"]["Format"] = (
        '{"request.id":"1","http.status":"2","http.path":"3","query":"$context.queryString"}'
    )


def all_events(template):
    properties(template, "RelayMapping")["FilterCriteria"]["Filters"][0]["Pattern"] = '{"eventName":["INSERT"]}'


def untrusted(template):
    properties(template, "TenantRole")["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] = {"AWS": "*"}


def open_prefix(template):
    """A pattern that begins anywhere takes an app's name for what is sealed."""
    found = properties(template, "SweepRole")["Policies"][0]["PolicyDocument"]["Statement"]
    [denied] = [it for it in found if it.get("Sid") == "KeepsWhatIsSealed"]
    denied["Condition"]["ForAnyValue:StringLike"]["dynamodb:LeadingKeys"] = ["t#*#sealed#*"]


def open_key(template):
    properties(template, "Key")["KeyPolicy"]["Statement"][0]["Action"] = ["kms:*"]


# What each check has to find: a description, and the change that it finds.
FAULTS = {
    checks.mappings: [
        setting("RelayMapping", "FunctionResponseTypes", None),
        setting("RelayMapping", "BisectBatchOnFunctionError", False),
        setting("RelayMapping", "MaximumRetryAttempts", -1),
        setting("RelayMapping", "MaximumRetryAttempts", None),
        setting("RelayMapping", "MaximumRecordAgeInSeconds", -1),
        setting("RelayMapping", "MaximumRecordAgeInSeconds", None),
        setting("RelayMapping", "DestinationConfig", None),
        ("an event of another kind", event),
    ],
    checks.queues: [
        setting("NotificationQueue", "VisibilityTimeout", 359),
        setting("NotificationQueue", "VisibilityTimeout", None),
        setting("NotificationQueue", "RedrivePolicy", None),
        setting("FailureQueue", "SqsManagedSseEnabled", False),
        setting("NotificationDeadLetterQueue", "MessageRetentionPeriod", 60),
        without("QueuesPolicy"),
        ("a consumer that takes longer", consuming),
    ],
    checks.time_limits: [
        setting("ApiFunction", "Timeout", 25),
        setting("ApiFunction", "Timeout", 30),
        setting("RolloutFunction", "Timeout", 50),
        setting("RolloutFunction", "Timeout", 90),
        setting("SweepFunction", "Timeout", 60),
    ],
    checks.sweep: [
        setting("SweepSchedule", "ScheduleExpression", "rate(5 minutes)"),
        adding("SweepSchedule", "State", "DISABLED"),
        setting("SweepSchedule", "Targets", [{"Id": "sweep", "Arn": {"Fn::GetAtt": ["SweepFunction", "Arn"]}}]),
        setting("SweepPermission", "SourceArn", {"Fn::GetAtt": ["RelayFunction", "Arn"]}),
        setting("SweepFunction", "ReservedConcurrentExecutions", None),
        setting("SweepFunction", "EventInvokeConfig", None),
        setting("SweepFunction", "EventInvokeConfig", {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}),
    ],
    checks.variables: [
        variable("RolloutFunction", "SLIPWAY_STATE_MACHINE"),
        variable("RelayFunction", "SLIPWAY_PRIVATE_CLUSTERS"),
        untold("SweepFunction", "SLIPWAY_NOTIFICATIONS"),
        variable("SweepFunction", "SLIPWAY_OPERATOR_SHA256"),
        without("SweepFunction"),
    ],
    checks.table: [
        setting("Table", "BillingMode", "PROVISIONED"),
        setting("Table", "PointInTimeRecoverySpecification", None),
        setting("Table", "DeletionProtectionEnabled", False),
        setting("Table", "TimeToLiveSpecification", None),
        setting("Table", "StreamSpecification", None),
        setting("Table", "SSESpecification", None),
        setting("Key", "EnableKeyRotation", False),
        ("a table that goes with the stack", kept),
    ],
    checks.logs: [
        setting("RelayLogGroup", "RetentionInDays", None),
        setting("SweepFunction", "Tracing", None),
        setting("StateMachine", "Logging", None),
        ("a log of nobody", unlogged),
        ("inputs in the log", with_data),
    ],
    checks.api: [
        setting("HttpApiRoute", "RouteKey", "GET /"),
        setting("HttpApiIntegration", "PayloadFormatVersion", "1.0"),
        setting("HttpApiStage", "StageName", "v1"),
        setting("HttpApiStage", "DefaultRouteSettings", None),
        setting("HttpApiStage", "AccessLogSettings", None),
        ("queries in the log", query_logged),
    ],
    checks.uploads: [
        setting("Uploads", "PublicAccessBlockConfiguration", None),
        setting("Uploads", "BucketEncryption", None),
        setting("Uploads", "LifecycleConfiguration", None),
        setting("UploadsPolicy", "PolicyDocument", {"Statement": []}),
    ],
    checks.wildcards: [
        granting("RelayRole", "sqs:*", "x"),
        granting("RelayRole", "*", "x"),
        granting("RelayRole", "sqs:SendMessage", "*"),
        adding("SweepRole", "ManagedPolicyArns", ["arn:aws:iam::aws:policy/AdministratorAccess"]),
        setting("SweepFunction", "Role", None),
        ("a key for every action", open_key),
    ],
    checks.trust: [
        setting("SweepFunction", "Role", {"Fn::GetAtt": ["RolloutRole", "Arn"]}),
        ("a role for everybody", untrusted),
    ],
    rights.sealed: [
        *(statement(role, "KeepsWhatIsSealed") for role in rights.WORKERS),
        granting("PushRole", "dynamodb:DeleteItem", {"Fn::GetAtt": ["Table", "Arn"]}),
    ],
    rights.keys: [
        granting("ApiRole", "dynamodb:Query", {"Fn::GetAtt": ["Table", "Arn"]}),
        granting("SweepRole", "dynamodb:Scan", {"Fn::GetAtt": ["Table", "Arn"]}),
        granting("RelayRole", "dynamodb:Query", {"Fn::Sub": "${Table.Arn}/index/due"}),
        statement("TenantRole", "WorksOnTheTable", Condition={}),
        statement("ApiRole", "LooksUpTokens"),
        statement("RelayRole", "TakesOutOfTheOutbox"),
        granting("RelayRole", "dynamodb:GetItem", {"Fn::GetAtt": ["Table", "Arn"]}),
        statement("SweepRole", "WorksOnTheTable"),
        statement("SweepRole", "FindsWhatIsDue"),
        ("a pattern that begins anywhere", open_prefix),
    ],
    rights.roles_of_others: [
        statement("ApiRole", "NeverOurOwnAccount"),
        statement("SweepRole", "ActsForTenants", Condition={}),
        statement("RolloutRole", "ActsForTenants", Resource="*"),
        setting("TenantRole", "Path", "/"),
    ],
    rights.data_keys: [
        statement("TenantRole", "MakesDataKeys", Condition={}),
        statement("TenantRole", "MakesDataKeys", Action=["kms:Decrypt"]),
        statement("TenantRole", "OpensTheTable", Action=["kms:Decrypt"]),
        statement("TenantRole", "SeesTheTablesKey"),
        statement("RolloutRole", "OpensVariables"),
        statement("SweepRole", "OpensVariables"),
        granting("SweepRole", "kms:GenerateDataKey", {"Fn::GetAtt": ["Key", "Arn"]}),
        statement("ApiRole", "OpensTheTable", Condition={}),
        granting("ApiRole", "kms:Decrypt", {"Fn::GetAtt": ["Key", "Arn"]}),
    ],
    rights.the_rest: [
        statement("RelayRole", "StartsRollouts"),
        granting("RolloutRole", "states:StopExecution", {"Ref": "StateMachine"}),
        statement("SweepRole", "SendsNotifications"),
        granting("SweepRole", "sqs:ReceiveMessage", {"Fn::GetAtt": ["NotificationQueue", "Arn"]}),
    ],
    images.images: [
        statement("ApiRole", "KeepsRepositories"),
        statement("ApiRole", "FindsAndKeepsImages", Action=["ecr:BatchGetImage"]),
        granting("SweepRole", "ecr:BatchGetImage", IMAGES),
        statement("PushRole", "Pushes", Resource="arn:aws:ecr:eu-central-1:111122223333:repository/*"),
        statement("PushRole", "LogsIn"),
        granting("ApiRole", "ecr:DescribeRepositories", IMAGES),
        granting("RolloutRole", "ecr:BatchGetImage", IMAGES),
        granting("PushRole", "ecr:BatchDeleteImage", IMAGES),
    ],
    watch.alarms: [
        *(without(f"{name}ErrorsAlarm") for name in ("Api", "Rollout", "Relay", "Sweep")),
        *(without(f"{name}ThrottlesAlarm") for name in ("Api", "Rollout", "Relay", "Sweep")),
        *map(without, ("RelayAgeAlarm", "SweepIdleAlarm", "HttpApi5xxAlarm", "StateMachineFailedAlarm")),
        *map(without, ("StateMachineTimedOutAlarm", "TableReadThrottlesAlarm", "TableWriteThrottlesAlarm")),
        *map(without, ("FailureQueueAlarm", "NotificationDeadLetterAlarm", "NotificationAgeAlarm")),
        setting("RelayErrorsAlarm", "AlarmActions", None),
        adding("FailureQueueAlarm", "ActionsEnabled", False),
        setting("SweepIdleAlarm", "TreatMissingData", "notBreaching"),
        ("a silent alarm of a queue that is taken from", consuming),
    ],
    watch.metrics: [
        *map(without, ("RecordsFailedAlarm", "SweepItemsAlarm")),
        setting("SweepItemsAlarm", "DatapointsToAlarm", 1),
        setting("RecordsFailedAlarm", "Threshold", 5),
        setting("RecordsFailedAlarm", "Namespace", "AWS/Lambda"),
        setting("SweepItemsAlarm", "Dimensions", [{"Name": "Stage", "Value": "prod"}]),
        *(on_dashboard(old, new) for old, new in (
            ('"Turns"', '"Turn"'),
            ('"NoticesSent"', '"RecordsFailed"'),
            ('"Outcome", "rolled_back"', '"Outcome", "failed"'),
            ('"x": 8, "y": 24', '"x": 0, "y": 24'),
            ('["AWS/SQS"', '["AWS/SQS", "NumberOfMessagesSent"], ["AWS/SQS"'),
        )),
    ],
    watch.documented: [
        without("ApiErrorsAlarm"),
        without("SweepItemsAlarm"),
        ("an alarm that is not described", another_alarm),
        ("a parameter that is not described", another_parameter),
    ],
    given.parameters: [("private clusters in prod", rule)],
    given.filters: [
        ("an invocation for everything", all_events),
        setting("RelayMapping", "FilterCriteria", {"Filters": []}),
    ],
}


class Template(unittest.TestCase):
    def test_the_template_is_what_it_promises(self):
        for check in CHECKS:
            with self.subTest(check.__name__):
                self.assertEqual(list(check(TEMPLATE)), [])

    def test_every_check_finds_what_it_is_for(self):
        self.assertEqual(set(CHECKS), set(FAULTS))
        for check, faults in FAULTS.items():
            for description, change in faults:
                with self.subTest(check.__name__, fault=description):
                    template = copy.deepcopy(TEMPLATE)
                    change(template)
                    self.assertNotEqual(list(check(template)), [])


if __name__ == "__main__":
    unittest.main()
