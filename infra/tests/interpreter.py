"""The second interpreter: moto's Step Functions, on a virtual clock and with a scripted step function.

    definition ──create──► moto ──invoke──► Function (the acts of a row, one after the other)
                             └────waits────► Clock (moves only when moto waits)

moto does not come with JSONata: jsonata-python takes that place. What is replaced beside it is the Lambda client and
every clock; how moto walks from state to state, retries and catches is left as it is.
"""

import contextlib
import datetime
import functools
import io
import itertools
import json
import threading
import time
import types
from unittest import mock

import jsonata
from botocore.exceptions import ClientError
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.state import state
from moto.stepfunctions.parser.asl.component.state.exec import execute_state
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.jsonata import jsonata as moto_jsonata
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

BEGIN = datetime.datetime(2026, 1, 15, 14, 30, 49, 120_000, tzinfo=datetime.timezone.utc)
INPUT = {"tenant": "TABCDEFGHIJ", "app": "shop", "environment": "live", "promotion": "PABCDEFGHIJ", "execution": 3}
FUNCTION = "${RolloutFunctionArn}"

# How long a test waits, in real time, for what must happen.
PATIENCE_SECONDS = 60


class Clock:
    """Seconds since the beginning. A task that sleeps and the state that waits for it agree on who is first."""

    def __init__(self):
        self.now = 0.0
        self._changed = threading.Condition()
        self._due = None
        self._woken = False
        self._closed = False

    def entered_time(self):
        return BEGIN + datetime.timedelta(seconds=self.now)

    def sleep(self, seconds):
        """Between two attempts: nothing else happens meanwhile."""
        self.now += seconds

    def take(self, seconds):
        """In a task. Returns when its state still waits for it, and ends the thread otherwise, after the row."""
        with self._changed:
            self._due, self._woken = self.now + seconds, False
            self._changed.notify_all()
            assert self._changed.wait_for(lambda: self._woken or self._closed, PATIENCE_SECONDS)
            if not self._woken:
                raise RuntimeError("nobody waits for this task any more")

    def event(self):
        return Event(self)

    def wait(self, event, seconds):
        """In a state. False when its time was over before the task answered."""
        with self._changed:
            limit = self.now + seconds
            while True:
                assert self._changed.wait_for(lambda: event.happened or self._due is not None, PATIENCE_SECONDS)
                if event.happened:
                    return True
                due, self._due = self._due, None
                if due > limit:
                    self.now = limit
                    return False
                self.now = due
                self._woken = True
                self._changed.notify_all()

    def happen(self, event):
        with self._changed:
            event.happened = True
            self._changed.notify_all()

    def close(self):
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class Event:
    """What moto uses of threading.Event."""

    def __init__(self, clock):
        self.clock = clock
        self.happened = False

    def set(self):
        self.clock.happen(self)

    def wait(self, seconds):
        return self.clock.wait(self, seconds)


class Function:
    """Plays the acts of a row in the place of the Lambda client."""

    def __init__(self, acts, clock):
        self.acts = [act for act in acts for _ in range(act.get("times", 1))]
        self.clock = clock
        self.calls = []

    def invoke(self, FunctionName, Payload):
        """Its parameters are named as Lambda's are."""
        # The clock is read here, and not when the row is over: a first attempt is made when its state was entered.
        self.calls.append((FunctionName, json.loads(Payload), self.clock.entered_time()))
        if len(self.calls) > len(self.acts):
            return failed("TheScriptIsOver")
        act = self.acts[len(self.calls) - 1]
        if act.get("never"):
            self.clock.take(float("inf"))
        if "takes_ms" in act:
            self.clock.take(act["takes_ms"] / 1000)
        return failed(act["error"]) if "error" in act else answered(act)


def answered(act):
    answer = act["answer"]
    if "deadline_ms_after_start" in act:
        deadline = BEGIN + datetime.timedelta(milliseconds=act["deadline_ms_after_start"])
        answer = answer | {"deadline_ms": round(deadline.timestamp() * 1000)}
    if "padding_bytes" in act:
        answer = answer | {"padding": "x" * act["padding_bytes"]}
    return response(json.dumps(answer))


def failed(name):
    """Lambda's own errors reach Step Functions as the errors of its API, all others as the function's answer."""
    if name.startswith("Lambda."):
        code = name.removeprefix("Lambda.")
        metadata = {"HTTPStatusCode": 500, "RequestId": "r"}
        raise ClientError({"Error": {"Code": code, "Message": "as scripted"}, "ResponseMetadata": metadata}, "Invoke")
    return response(json.dumps({"errorType": name, "errorMessage": "as scripted"})) | {"FunctionError": "Unhandled"}


def response(payload):
    return {"StatusCode": 200, "ExecutedVersion": "$LATEST", "Payload": io.BytesIO(payload.encode())}


def evaluate(expression):
    return jsonata.Jsonata(expression).evaluate(None)


class Machine:
    """A definition, created in moto once and executed as often as there are rows."""

    def __init__(self, definition):
        self.backend = stepfunctions_parser_backends["123456789012"]["eu-central-1"]
        role = "arn:aws:iam::123456789012:role/r"
        name = f"m{next(NUMBERS)}"
        self.arn = self.backend.create_state_machine(name=name, definition=json.dumps(definition), roleArn=role).arn

    def run(self, acts):
        """Runs one execution. Returns its path, as the table writes it, its end, and the calls of the function."""
        clock = Clock()
        function = Function(acts, clock)
        with scripted(clock, function):
            execution = self.backend.start_execution(self.arn, f"e{next(NUMBERS)}", json.dumps(INPUT))
            wait_for_end(execution)
            clock.close()
        events = execution.to_history_output()["events"]
        # The history is complete when the status changes; the error beside the status is not.
        error = events[-1].get("executionFailedEventDetails", {}).get("error")
        return path(events), " ".join(filter(None, [execution.status, error])), function.calls


NUMBERS = itertools.count()


def wait_for_end(execution):
    begun = time.monotonic()
    while execution.status == "RUNNING":
        assert time.monotonic() - begun < PATIENCE_SECONDS, "the execution does not end"
        time.sleep(0.001)


def path(events):
    """The states in the order in which they were entered; `*n` says how often a task was tried."""
    entered = []
    for event in events:
        if event["type"].endswith("StateEntered"):
            entered.append([event["stateEnteredEventDetails"]["name"], 0])
        elif event["type"] == "TaskScheduled":
            entered[-1][1] += 1
    return " ".join(name if tries < 2 else f"{name}*{tries}" for name, tries in entered)


@contextlib.contextmanager
def scripted(clock, function):
    """Gives moto a JSONata, and the clocks and the Lambda client of one execution."""
    now = types.SimpleNamespace(now=lambda tz: clock.entered_time().astimezone(tz))
    with (
        mock.patch.object(moto_jsonata, "_eval_jsonata", evaluate),
        # Each execution parses its definition anew, which takes longer than to run it. A parsed one holds no state.
        mock.patch.object(AmazonStateLanguageParser, "parse", staticmethod(parse)),
        mock.patch.object(lambda_eval_utils, "boto_client_for", lambda **_: function),
        mock.patch.object(execute_state, "threading", types.SimpleNamespace(Event=clock.event)),
        mock.patch.object(retrier_decl, "time", types.SimpleNamespace(sleep=clock.sleep)),
        mock.patch.object(state, "datetime", types.SimpleNamespace(datetime=now, timezone=datetime.timezone)),
    ):
        yield


parse = functools.lru_cache(maxsize=4)(AmazonStateLanguageParser.parse)
