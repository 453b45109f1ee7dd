"""Where each request goes: refused, failed on purpose, answered here, or sent on to ministack."""

import re
import time
from http.client import HTTPConnection, HTTPException

from standin.accounts import Accounts
from standin.eks import Eks
from standin.errors import error
from standin.faults import Faults
from standin.guard import Guard
from standin.journal import Journal
from standin.messages import Answer, Call, Request, call_of, end_to_end
from standin.sessions import SESSION_KEY, Session, Sessions
from standin.sts import Sts

# More than a function may run, which who invokes one waits for.
UPSTREAM_SECONDS = 900


class Gateway:
    """`upstream` is host and port of ministack, `account` the one that it stands for."""

    def __init__(self, upstream: str, account: str) -> None:
        self._upstream = upstream.removeprefix("http://")
        self.accounts = Accounts()
        self.sessions = Sessions()
        self.journal = Journal()
        self.faults = Faults()
        self._guard = Guard(account, self.journal)
        self._sts = Sts(account, self.accounts, self.sessions, self._forwarded)
        self._eks = Eks(account, self.accounts)

    def answer(self, request: Request) -> Answer:
        call = call_of(request)
        session = self.sessions.find(call.access_key)
        who = session.who if session else _kind(call)
        outcome, answer = self._decided(request, call, session, who)
        self.journal.note(call.service, call.action, who, outcome, answer.status, _detail(outcome, answer))
        return answer

    def _decided(self, request: Request, call: Call, session: Session | None, who: str) -> tuple[str, Answer]:
        refused = self._guard.refusal(request, call, session)
        if refused:
            return "denied", refused
        failed = self._failed(request, call, session, who)
        if failed:
            return "fault", failed
        match call.service, call.action:
            case "sts", "AssumeRole" if request.form():
                answer = self._sts.assume_role(request, call, session)
            case "eks", "DescribeCluster":
                answer = self._eks.describe_cluster(request, call, session)
            case _:
                return self._sent(request, call)
        return ("answered" if answer.status < 400 else "denied"), answer

    def _failed(self, request: Request, call: Call, session: Session | None, who: str) -> Answer | None:
        fault = self.faults.take(call, "session" if session else _kind(call), who)
        if fault is None:
            return None
        time.sleep(fault.delay_ms / 1000)
        return error(request, call, fault.status, fault.code, "made to fail") if fault.status else None

    def _sent(self, request: Request, call: Call) -> tuple[str, Answer]:
        try:
            return "forwarded", self._forwarded(request)
        except (OSError, HTTPException) as problem:
            return "unreachable", error(request, call, 503, "ServiceUnavailable", f"ministack: {problem!r}")

    def _forwarded(self, request: Request) -> Answer:
        """The request as it came, on a connection of its own: one that is kept may end as it is used."""
        connection = HTTPConnection(self._upstream, timeout=UPSTREAM_SECONDS)
        try:
            connection.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
            for name, value in end_to_end(request.headers):
                connection.putheader(name, value)
            if request.body or request.method in ("POST", "PUT", "PATCH"):
                connection.putheader("Content-Length", str(len(request.body)))
            connection.putheader("Connection", "close")
            connection.endheaders(request.body or None)
            response = connection.getresponse()
            headers = end_to_end(response.getheaders())
            if request.method == "HEAD" and response.getheader("Content-Length"):
                headers.append(("Content-Length", response.getheader("Content-Length")))
            return Answer(response.status, headers, response.read())
        finally:
            connection.close()


def _kind(call: Call) -> str:
    """Who has no session. All functions have the same key, so that they are not told apart."""
    if call.access_key.startswith(SESSION_KEY):
        return "unknown"
    return "function" if call.access_key else "nobody"


def _detail(outcome: str, answer: Answer) -> str:
    """Of an error, our own words, or the code of what came from upstream: items may be in the rest of it."""
    text = answer.body.decode(errors="replace")
    if answer.status < 400 or outcome != "forwarded":
        return text if answer.status >= 400 else ""
    found = re.search(r'"__type": ?"([^"]*)"|<Code>([^<]*)', text)
    return found[1] or found[2] if found else ""
