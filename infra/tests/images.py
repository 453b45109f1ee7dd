"""Who may do what in the registry: what the code calls, read from it, and nothing else."""

import re

from iam import actions, statements
from rights import may
from template import resources, source

ADAPTERS = [f"shared/aws/src/ecr{it}.rs" for it in ("", "/answer", "/login", "/repositories")]
REPOSITORY = "arn:aws:ecr:eu-central-1:111122223333:repository/slipway/{}/tbcdefghijk/shop"

# What `Registry::holds` is made of: it looks, and it keeps what it found.
HOLDS = {"ecr:BatchGetImage", "ecr:PutImage"}
# Asked for by the role for pushing, and of no repository.
LOGIN = "ecr:GetAuthorizationToken"
TEMPTING = {"ecr:BatchDeleteImage", "ecr:DeleteRepository", "ecr:DescribeImages", "ecr:GetDownloadUrlForLayer"}


def images(template):
    """Each role may do in a repository of this stage what its function's code does there."""
    called = {action for file in ADAPTERS for action in named_in(source(file))}
    pushes = named_in(re.search(r"pub fn push\(.*?\n}\n", source("shared/aws/src/policy.rs"), re.DOTALL)[0])
    if not HOLDS | {LOGIN} <= called or LOGIN not in pushes:
        yield "the adapters of ECR have changed, and this check with them"
    if "registry: Arc::new(NoRegistry)" not in source("shared/hosted/src/api.rs"):
        yield "the sweep completes builds, and has no right to look for their images"
    if any(asks_for_images(f"turn/{file}") for file in ("mod", "cleanup", "evidence", "records", "store_records")):
        yield "a turn looks for images, and its function has no right to"
    wanted = {"ApiRole": called - {LOGIN}, "PushRole": pushes - {LOGIN}}
    for name, role in resources(template, "AWS::IAM::Role").items():
        given = {it for statement in statements(role) for it in actions(statement) if it.startswith("ecr:")}
        for action in sorted((called | pushes | given | TEMPTING) - {LOGIN}):
            if may(template, name, action, REPOSITORY.format("dev")) != (action in wanted.get(name, set())):
                yield f"{name} may {action}, or may not and should"
            for other in (REPOSITORY.format("prod"), "arn:aws:ecr:eu-central-1:111122223333:repository/another"):
                if may(template, name, action, other):
                    yield f"{name} may {action} {other}"
        if may(template, name, LOGIN, "*") != (name == "PushRole"):
            yield f"{name} may log in to the registry, or may not and should"


def named_in(text):
    """The actions that code names outside of its comments."""
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("//"))
    return set(re.findall(r"ecr:[A-Z]\w+", code))


def asks_for_images(file):
    return "registry" in source(f"shared/service/src/{file}.rs")
