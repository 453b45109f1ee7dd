"""What is decided when the stack is deployed or an event arrives: assertions on parameters, filters of the stream."""

import json
import re

from rights import OPEN, OWN, SEALED


def refusals(template, **parameters):
    """The rules by which the stack refuses these parameters."""
    given = {name: it.get("Default") for name, it in template["Parameters"].items()} | parameters
    return [
        name
        for name, rule in template.get("Rules", {}).items()
        if _value(rule["RuleCondition"], given) and not all(_value(it["Assert"], given) for it in rule["Assertions"])
    ]


def matches(template, parameter, value):
    return re.fullmatch(template["Parameters"][parameter]["AllowedPattern"], value) is not None


def parameters(template):
    """Prod has no clusters at private addresses, and what is given is checked before anything is made."""
    private, domain = "10.0.0.0/8,fd00::/64", "deploy.example.com"
    cases = [
        ({"Stage": "dev"}, []),
        ({"Stage": "prod"}, []),
        ({"Stage": "dev", "PrivateClusterAddresses": private}, []),
        ({"Stage": "prod", "PrivateClusterAddresses": private}, ["NoPrivateClustersInProd"]),
        ({"Stage": "dev", "DomainName": domain}, ["DomainHasCertificate"]),
        ({"Stage": "dev", "DomainName": domain, "CertificateArn": "arn"}, []),
    ]
    for given, wanted in cases:
        if refusals(template, **given) != wanted:
            yield f"{given} is refused by {refusals(template, **given)}, not by {wanted}"
    if template["Parameters"]["PrivateClusterAddresses"].get("Default") != "":
        yield "clusters may have private addresses without being asked for"
    digest = "0123456789abcdef" * 4
    patterns = [
        ("OperatorTokenSha256", [digest], ["", digest[1:], digest + "0", digest.upper(), "slp_operator_token"]),
        ("PrivateClusterAddresses", ["", "127.0.0.0/8", private], ["10.0.0.1", "*", "10.0.0.0/8,", "10.0.0.0/8 x"]),
        ("DomainName", ["", domain], ["example", "https://example.com", "Example.com", "-a.example.com"]),
        ("AlarmEmail", ["", "ops@example.com"], ["ops", "ops@example", "a b@example.com"]),
        ("CertificateArn", ["", "arn:aws:acm:eu-central-1:111122223333:certificate/0-1"], ["arn:aws:acm", "*"]),
    ]
    for parameter, good, bad in patterns:
        for value in good:
            if not matches(template, parameter, value):
                yield f"{parameter} refuses {value!r}"
        for value in bad:
            if matches(template, parameter, value):
                yield f"{parameter} takes {value!r}"
    for name, it in template["Parameters"].items():
        if not it.get("Description"):
            yield f"{name} is not described"


def filters(template):
    """The relay is invoked for new rows of the outbox and new promotions, and for nothing else."""
    patterns = [
        json.loads(it["Pattern"])
        for it in template["Resources"]["RelayMapping"]["Properties"]["FilterCriteria"]["Filters"]
    ]
    promotion = OWN + "app#shop#promotion#PBCDEFGHIJK"
    wanted = [(OWN + "outbox", "notice#01763812345678#0123456789abcdef"), (promotion, "promotion")]
    others = [(key, "01763812345678#x") for key in OPEN + SEALED] + [(OWN + "tenant", "tenant")]
    for rows, event, passes in ((wanted, "INSERT", True), (wanted, "MODIFY", False), (wanted, "REMOVE", False),
                                (others, "INSERT", False)):
        for key, sort in rows:
            record = {"eventName": event, "dynamodb": {"Keys": {"pk": {"S": key}, "sk": {"S": sort}}}}
            if any(_fits(pattern, record) for pattern in patterns) != passes:
                yield f"{event} of {key} {sort} reaches the relay, or does not and should"


def _fits(pattern, record):
    if isinstance(pattern, dict):
        return isinstance(record, dict) and all(key in record and _fits(it, record[key]) for key, it in pattern.items())
    tests = {"prefix": str.startswith, "suffix": str.endswith}
    for it in pattern:
        if it == record or isinstance(it, dict) and all(tests[name](record, value) for name, value in it.items()):
            return True
    return False


def _value(expression, given):
    match expression:
        case {"Ref": name}:
            return given[name]
        case {"Fn::Equals": [left, right]}:
            return _value(left, given) == _value(right, given)
        case {"Fn::Not": [it]}:
            return not _value(it, given)
        case str():
            return expression
    raise ValueError(f"not understood: {expression}")
