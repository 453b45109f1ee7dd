"""What tests say and ask, under `/_standin/`, in JSON.

    PUT    roles     {"arn", "external_id"}: a tenant's role. null trusts us without one, "*" under any
    DELETE roles?arn=…                       and its sessions with it
    PUT    clusters  {"account", "region", "name", "endpoint", "ca", "entries": {ARN of a role: [groups]}}
    GET    log       {"dropped", "calls": [{"at_ms", "service", "action", "who", "outcome", "status", "detail"}]}
    DELETE log
    GET    counts    {"ROLE/SESSION": {"evaluated", "denied"}}: requests that were held against a session's policy
    GET    faults    what is left of them
    PUT    faults    [{"service", "action", "who", "status", "code", "times", "delay_ms"}], in place of the others
    DELETE faults

What is put is there in place of what was there under its name. Nothing is answered with 204, what is wrong with 400.
"""

import json
from typing import Any

from standin.accounts import Cluster
from standin.faults import Fault
from standin.gateway import Gateway
from standin.messages import Answer, Request

PREFIX = "/_standin/"

DONE = Answer(204, [])


def answer(gateway: Gateway, request: Request) -> Answer:
    try:
        return _answered(gateway, request)
    except (KeyError, TypeError, ValueError) as problem:
        return _json(400, {"error": repr(problem)})


def _answered(gateway: Gateway, request: Request) -> Answer:
    match request.method, request.path.removeprefix(PREFIX):
        case "PUT", "roles":
            role = json.loads(request.body)
            gateway.accounts.put_role(role["arn"], role["external_id"])
        case "DELETE", "roles":
            arn = request.query()["arn"]
            gateway.sessions.forget(arn)
            if not gateway.accounts.delete_role(arn):
                return _json(404, {"error": f"there is no role {arn}"})
        case "PUT", "clusters":
            gateway.accounts.put_cluster(Cluster(**json.loads(request.body)))
        case "PUT", "faults":
            gateway.faults.put([Fault(**fault) for fault in json.loads(request.body)])
        case "DELETE", "faults":
            gateway.faults.put([])
        case "DELETE", "log":
            gateway.journal.forget()
        case "GET", "faults":
            return _json(200, gateway.faults.left())
        case "GET", "log":
            return _json(200, gateway.journal.log())
        case "GET", "counts":
            return _json(200, gateway.journal.counts())
        case _:
            return _json(404, {"error": f"there is no {request.method} {request.path}"})
    return DONE


def _json(status: int, body: Any) -> Answer:
    return Answer(status, [("Content-Type", "application/json")], json.dumps(body).encode())
