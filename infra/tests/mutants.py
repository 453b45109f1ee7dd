"""Definitions that are wrong in one place each, to show that the table would see it."""

import copy


def mutants(definition):
    """Pairs of a name and a definition."""
    for change in changes(definition):
        mutant = copy.deepcopy(definition)
        name = change(mutant)
        yield name, mutant


def changes(definition):
    yield replaced(["StartAt"], "Restore")
    for name, state in definition["States"].items():
        at = ["States", name]
        if state["Type"] == "Task":
            yield from changed_task(at, state)
        if state["Type"] == "Choice":
            yield from changed_choice(at, state)
    yield replaced(["States", "Failed", "Error"], "AnotherError")
    yield replaced(["States", "Failed"], {"Type": "Succeed"})


def changed_task(at, state):
    yield dropped([*at, "Retry"])
    yield dropped([*at, "Catch"])
    yield dropped([*at, "Output"])
    yield dropped([*at, "TimeoutSeconds"])
    yield replaced([*at, "TimeoutSeconds"], state["TimeoutSeconds"] - 1)
    yield replaced([*at, "TimeoutSeconds"], state["TimeoutSeconds"] + 1)
    yield replaced([*at, "Next"], "Succeeded")
    yield replaced([*at, "Catch", 0, "Next"], "Succeeded")
    yield replaced([*at, "Catch", 0, "ErrorEquals"], ["States.TaskFailed"])
    for field in state["Arguments"]["Payload"]:
        yield dropped([*at, "Arguments", "Payload", field])
    for index, retrier in enumerate(state["Retry"]):
        here = [*at, "Retry", index]
        yield dropped(here)
        yield replaced([*here, "MaxAttempts"], retrier["MaxAttempts"] - 1)
        yield replaced([*here, "MaxAttempts"], retrier["MaxAttempts"] + 1)
        if len(retrier["ErrorEquals"]) > 1:
            yield from (dropped([*here, "ErrorEquals", name]) for name in range(len(retrier["ErrorEquals"])))


def changed_choice(at, state):
    yield dropped([*at, "Default"])
    yield replaced([*at, "Default"], "Succeeded")
    for index, rule in enumerate(state["Choices"]):
        here = [*at, "Choices", index]
        yield dropped(here)
        yield replaced([*here, "Next"], "Failed" if rule["Next"] == "RolledBack" else "RolledBack")
        for old, new in REWORDED:
            if old in rule["Condition"]:
                yield replaced([*here, "Condition"], rule["Condition"].replace(old, new))


REWORDED = [
    ("['failed', 'rollback_failed']", "['failed']"),
    ("['failed', 'rollback_failed']", "['rollback_failed']"),
    ("['rolled_back', 'cancelled']", "['rolled_back']"),
    ("['rolled_back', 'cancelled']", "['cancelled']"),
    ("$states.input.route = 'ended' and ", ""),
    (" > ", " >= "),
    (" > ", " < "),
    (": false", ": true"),
]


def replaced(at, value):
    def change(definition):
        *parents, last = at
        parent = inner(definition, parents)
        old, parent[last] = parent[last], value
        return f"{dotted(at)} is {value} and not {old}"

    return change


def dropped(at):
    def change(definition):
        *parents, last = at
        parent = inner(definition, parents)
        old = parent[last]
        del parent[last]
        return f"{dotted(at)} is gone, which was {old}"

    return change


def inner(definition, parents):
    for key in parents:
        definition = definition[key]
    return definition


def dotted(at):
    return ".".join(str(key) for key in at)
