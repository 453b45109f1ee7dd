"""The template as data: parsed, with what functions have in common filled in, and its references as plain text."""

import json
import re
from pathlib import Path

import yaml

FOLDER = Path(__file__).resolve().parents[1]

# What stands for the account in which the checks see the template.
VALUES = {
    "AWS::Partition": "aws",
    "AWS::Region": "eu-central-1",
    "AWS::AccountId": "111122223333",
    "AWS::URLSuffix": "amazonaws.com",
    "Stage": "dev",
}


class Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms, such as `!Ref`."""


def _short_form(loader, suffix, node):
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


Loader.add_multi_constructor("!", _short_form)


def load():
    """The template. What is written once and repeated by reference is a copy each, so that a test may change one."""
    template = json.loads(json.dumps(yaml.load((FOLDER / "template.yaml").read_text(), Loader)))
    common = template.pop("Globals")["Function"]
    for function in resources(template, "AWS::Serverless::Function").values():
        own = function["Properties"]
        function["Properties"] = _merged(common, own)
    return template


def definition():
    """The state machine's."""
    return json.loads((FOLDER / "rollout.asl.json").read_text())


def rust_constant(file, name):
    """A constant of the code that the template has to agree with."""
    return re.search(rf'pub const {name}: &str = "([^"]*)";', source(file)).group(1)


def source(file):
    """A file of the project, by its path in it."""
    return (FOLDER.parent / file).read_text()


def resources(template, kind):
    return {name: it for name, it in template["Resources"].items() if it["Type"] == kind}


def text(value):
    """References as text: `Table` for a Ref, `Table.Arn` for an attribute, known values for what the stack is given."""
    match value:
        case {"Ref": name}:
            return VALUES.get(name, name)
        case {"Fn::GetAtt": parts}:
            return ".".join(parts)
        case {"Fn::Sub": pattern}:
            return re.sub(r"\$\{([^}]*)\}", lambda found: VALUES.get(found[1], found[1]), pattern)
        case str():
            return value
    raise ValueError(f"no text: {value}")


def target(value):
    """The resource that is referred to, in whatever form."""
    return text(value).split(".")[0] if value else None


def _merged(common, own):
    if isinstance(common, dict) and isinstance(own, dict):
        return {key: _merged(common.get(key), own.get(key)) for key in {**common, **own}}
    return common if own is None else own
