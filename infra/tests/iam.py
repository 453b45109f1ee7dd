"""What a role may do, by its policies: as much of IAM as the template uses, and a refusal of any other."""

import re
from functools import cache

from template import text


def allowed(role, action, resource, **context):
    """Whether a role's own policies allow it. Values of the context are texts or lists of them."""
    decision = False
    for statement in statements(role):
        if _matches(statement, action, resource, context):
            if statement["Effect"] == "Deny":
                return False
            decision = True
    return decision


def statements(role):
    found = []
    for policy in role["Properties"].get("Policies", []):
        found += policy["PolicyDocument"]["Statement"]
    return found


def actions(statement):
    return as_list(statement["Action"])


def as_list(value):
    return value if isinstance(value, list) else [value]


def _matches(statement, action, resource, context):
    unknown = statement.keys() - {"Sid", "Effect", "Action", "Resource", "Condition"}
    if unknown:
        raise ValueError(f"not understood: {unknown}")
    return (
        any(_like(action.lower(), pattern.lower()) for pattern in actions(statement))
        and any(_like(resource, text(pattern)) for pattern in as_list(statement["Resource"]))
        and all(
            _holds(operator, as_list(values), context.get(key))
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
    )


def _holds(operator, wanted, found):
    wanted = [text(value) for value in wanted]
    quantifier, _, test = operator.rpartition(":")
    if test == "Null":
        return wanted == (["true"] if found is None else ["false"])
    found = as_list(found) if found is not None else []
    passes = {
        "StringEquals": lambda value: value in wanted,
        "StringLike": lambda value: any(_like(value, pattern) for pattern in wanted),
        "StringNotLike": lambda value: not any(_like(value, pattern) for pattern in wanted),
    }[test]
    if quantifier == "ForAllValues":
        return all(passes(value) for value in found)
    # Without a quantifier there is one value, and an absent one is none.
    return any(passes(value) for value in found)


def _like(value, pattern):
    return _pattern(pattern).fullmatch(value) is not None


@cache
def _pattern(pattern):
    parts = re.split(r"([*?])", pattern)
    return re.compile("".join({"*": ".*", "?": "."}.get(part, re.escape(part)) for part in parts), re.DOTALL)
