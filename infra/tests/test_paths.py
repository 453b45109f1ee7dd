"""The state machine, run by a second interpreter along every path of the table in paths.json.

The local runner is held against the same table by local/tests/workflow_suite/paths.rs, so that where both agree with
the table, they agree with each other.
"""

import datetime
import json
import logging
import pathlib
import re
import unittest

import interpreter
from mutants import mutants

HERE = pathlib.Path(__file__).parent
DEFINITION = json.loads((HERE.parent / "rollout.asl.json").read_text())
ROWS = json.loads((HERE / "paths.json").read_text())["rows"]

# moto logs every error that it catches.
logging.disable(logging.CRITICAL)


class Paths(unittest.TestCase):
    def test_the_second_interpreter_takes_every_path_of_the_table(self):
        machine = interpreter.Machine(DEFINITION)
        for row in ROWS:
            with self.subTest(row["name"]):
                self.assertIsNone(difference(machine, row))

    def test_every_definition_that_is_wrong_in_one_place_takes_another_path(self):
        for name, mutant in mutants(DEFINITION):
            machine = interpreter.Machine(mutant)
            with self.subTest(name):
                self.assertTrue(any(difference(machine, row) for row in likely_first(name)))


def likely_first(mutant):
    """All rows; one that has much in common with the mutant is likely to show it, and saves the others."""
    words = set(re.findall(r"\w+", mutant))
    return sorted(ROWS, key=lambda row: -len(words & set(re.findall(r"\w+", json.dumps(row)))))


def difference(machine, row):
    """None, or what is not as the row says."""
    path, end, calls = machine.run(row["acts"])
    expected = row.get("moto", row)
    if (path, end) != (expected["path"], expected["end"]):
        return f"{path}: {end}"
    return wrong_call(path, calls)


def wrong_call(path, calls):
    """Every try is called with what the protocol says: ids, the time at which its state was entered, and a mode."""
    tries = (try_ for entry in path.split() for try_ in tries_of(entry))
    for (mode, first), (name, payload, now) in zip(tries, calls, strict=True):
        entered = now if first else entered
        payload = dict(payload)
        told = payload.pop("entered_at", None)
        if name != interpreter.FUNCTION or payload != interpreter.INPUT | {"mode": mode}:
            return f"called {name} with {payload}"
        if told is None or datetime.datetime.fromisoformat(told) != entered:
            return f"a state entered at {entered} told {told}"
    return None


def tries_of(entry):
    name, _, tries = entry.partition("*")
    if name in ("Advance", "Restore"):
        yield from ((name.lower(), nth == 0) for nth in range(int(tries or 1)))


if __name__ == "__main__":
    unittest.main()
