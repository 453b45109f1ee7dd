"""What is watched: alarms that somebody hears and that the document explains, and the functions' own metrics."""

import json
import re
from itertools import product

from checks import FUNCTION, MACHINE, MAPPING, PLANNED_CONSUMERS, QUEUE
from template import VALUES, resources, source, target, text

ALARM = "AWS::CloudWatch::Alarm"
OPERATIONS = "docs/operations.md"

# Written by the functions in the embedded metric format, under the stage.
NAMESPACE = "Slipway"
METRICS = (
    "Turns",
    "TurnSeconds",
    "Throttles",
    "SweepRestarted",
    "SweepEnded",
    "SweepCleaned",
    "SweepErrors",
    "NoticesSent",
    "RecordsFailed",
)
# Outcomes of promotions that take no time, or whose time is their successor's.
WITHOUT_TIME = {"noop", "superseded"}
# A dashboard with more is no longer among those that cost nothing.
MAX_METRICS = 50
# Those that somebody has to hear of, and in how many minutes they have to occur for it.
TOLD = {"RecordsFailed": 1, "SweepErrors": 3}


def alarms(template):
    """Whatever can fail or stand still has an alarm that somebody hears."""
    heard = {}
    for name, alarm in resources(template, ALARM).items():
        it = alarm["Properties"]
        if [target(action) for action in it.get("AlarmActions", [])] != ["AlarmTopic"]:
            yield f"{name} is not told"
        subject = {dimension["Name"]: target(dimension["Value"]) for dimension in it["Dimensions"]}
        heard[it["MetricName"], next(iter(subject.values())), len(subject)] = it
    scheduled = [
        target(it["Arn"])
        for rule in resources(template, "AWS::Events::Rule").values()
        for it in rule["Properties"]["Targets"]
    ]
    consumed = set()
    wanted = [("5xx", "HttpApi"), ("WriteThrottleEvents", "Table"), ("ReadThrottleEvents", "Table")]
    for name in resources(template, FUNCTION):
        wanted += [("Errors", name), ("Throttles", name)]
    for mapping in resources(template, MAPPING).values():
        source = text(mapping["Properties"]["EventSourceArn"])
        consumed.add(target(mapping["Properties"]["EventSourceArn"]))
        if source.endswith(".StreamArn"):
            wanted.append(("IteratorAge", target(mapping["Properties"]["FunctionName"])))
    for name in resources(template, MACHINE):
        wanted += [("ExecutionsFailed", name), ("ExecutionsTimedOut", name)]
    for name, queue in resources(template, QUEUE).items():
        waits = name in PLANNED_CONSUMERS or name in consumed
        wanted.append(("ApproximateAgeOfOldestMessage" if waits else "ApproximateNumberOfMessagesVisible", name))
    wanted += [("Invocations", name) for name in scheduled]
    # An alarm may be silent only while nothing takes from its queue.
    silent = PLANNED_CONSUMERS.keys() - consumed
    for metric, subject in wanted:
        alarm = heard.get((metric, subject, 1))
        if alarm is None:
            yield f"{subject} has no alarm for {metric}"
        elif alarm.get("ActionsEnabled", True) is not True and subject not in silent:
            yield f"the alarm for {metric} of {subject} is silent"
        elif metric == "Invocations" and (
            alarm["TreatMissingData"] != "breaching" or alarm["ComparisonOperator"] != "LessThanThreshold"
        ):
            yield f"nobody hears when {subject} is not invoked"


def metrics(template):
    """The functions' own metrics are on the dashboard, each once, and the ones that tell of trouble have an alarm."""
    stage = ("Stage", VALUES["Stage"])
    wanted = [(NAMESPACE, name, *stage) for name in METRICS]
    ends = outcomes()
    timed = [outcome for outcome in ends if outcome not in WITHOUT_TIME]
    for name, outcome in [*product(["Promotions"], ends), *product(["RolloutSeconds"], timed)]:
        wanted.append((NAMESPACE, name, *stage, "Outcome", outcome))
    widgets = json.loads(text(template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]))["widgets"]
    shown = [tuple(it) for widget in widgets for it in widget["properties"]["metrics"] if it[0] == NAMESPACE]
    for metric in sorted(set(wanted) ^ set(shown)):
        yield f"{metric} is not on the dashboard, or nobody writes it"
    if len(shown) != len(set(shown)):
        yield "the dashboard shows a metric twice"
    if sum(len(widget["properties"]["metrics"]) for widget in widgets) > MAX_METRICS:
        yield f"the dashboard has more than {MAX_METRICS} metrics"
    if len({(widget["x"], widget["y"]) for widget in widgets}) != len(widgets):
        yield "one widget hides another"
    heard = {
        it["MetricName"]: it
        for it in (alarm["Properties"] for alarm in resources(template, ALARM).values())
        if it["Namespace"] == NAMESPACE
    }
    for name in sorted(heard.keys() ^ TOLD.keys()):
        yield f"{name} has no alarm, or one that nobody asked for"
    for name in heard.keys() & TOLD.keys():
        it = heard[name]
        if [(dimension["Name"], text(dimension["Value"])) for dimension in it["Dimensions"]] != [stage]:
            yield f"the alarm for {name} hears another stage, or none"
        if (it["Statistic"], it["Threshold"], it["ComparisonOperator"]) != ("Sum", 0, "GreaterThanThreshold"):
            yield f"the alarm for {name} does not hear of one"
        if it["DatapointsToAlarm"] < TOLD[name] or it["Period"] != 60:
            yield f"the alarm for {name} is told too soon"


def documented(template):
    """Who gets an alarm finds it by its name in the document, and who deploys finds every parameter there."""
    document = source(OPERATIONS)
    sections = dict(re.findall(r"^#### (\w+)\n\n([^#\s].*)$", document, re.MULTILINE))
    for name in sorted(sections.keys() ^ resources(template, ALARM).keys()):
        yield f"{name} has no section in {OPERATIONS}, or is no alarm"
    parameters = set(re.findall(r"^\| `(\w+)` \|", document, re.MULTILINE))
    for name in sorted(parameters ^ template["Parameters"].keys()):
        yield f"{name} is not in the table of {OPERATIONS}, or is no parameter"


def outcomes():
    """In the words of the code, which are also the product's."""
    code = source("shared/domain/src/promotion.rs")
    return re.findall(r'=> "(\w+)"', re.search(r"\n    Outcome {(.*?)\n    }", code, re.DOTALL)[1])
