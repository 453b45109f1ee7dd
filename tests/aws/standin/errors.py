"""Errors in the words of AWS: each protocol has its own."""

import json
import uuid
from xml.sax.saxutils import escape

from standin.messages import Answer, Call, Request

STS_NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"


def error(request: Request, call: Call, status: int, code: str, message: str) -> Answer:
    """In the protocol that the request is in."""
    if request.header("x-amz-target"):
        return _json(status, {"__type": code, "Message": message})
    if request.form():
        return query_error(status, code, message)
    if call.service == "s3":
        text = f"<Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message></Error>"
        return xml(status, text)
    return rest_error(status, code, message)


def rest_error(status: int, code: str, message: str, **more: str | None) -> Answer:
    """As EKS tells: the code is in a header."""
    return _json(status, {**more, "message": message}, ("x-amzn-errortype", code))


def query_error(status: int, code: str, message: str) -> Answer:
    """As STS tells."""
    return xml(
        status,
        f'<ErrorResponse xmlns="{STS_NAMESPACE}">\n  <Error>\n    <Type>Sender</Type>\n'
        f"    <Code>{escape(code)}</Code>\n    <Message>{escape(message)}</Message>\n  </Error>\n"
        f"  <RequestId>{uuid.uuid4()}</RequestId>\n</ErrorResponse>\n",
    )


def denied(request: Request, call: Call, user: str, action: str, resource: str, why: str = "") -> Answer:
    """What whoever is refused by a policy is told."""
    message = f"User: {user} is not authorized to perform: {action} on resource: {resource}{why}"
    if request.form():
        return query_error(403, "AccessDenied", message)
    if call.service == "dynamodb":
        return error(request, call, 400, "com.amazon.coral.service#AccessDeniedException", message)
    status, code = (400 if request.header("x-amz-target") else 403), "AccessDeniedException"
    return error(request, call, status, "AccessDenied" if call.service == "s3" else code, message)


def xml(status: int, text: str) -> Answer:
    return Answer(status, [("Content-Type", "text/xml"), ("x-amzn-RequestId", str(uuid.uuid4()))], text.encode())


def _json(status: int, body: dict[str, str | None], *headers: tuple[str, str]) -> Answer:
    content = "application/x-amz-json-1.0" if "__type" in body else "application/json"
    common = [("Content-Type", content), ("x-amzn-RequestId", str(uuid.uuid4()))]
    return Answer(status, [*common, *headers], json.dumps(body).encode())
