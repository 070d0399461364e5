"""RFC 9113 section 8 in both directions: one case a line of tests/conformance/h2, whole connections, real bytes."""

import json
import os

from harness import h2, upstreams
from harness.http import BadResponse
from harness.processes import ROOT
from harness.test import route_to

HOST = "app.test"
BASE = [(":method", "GET"), (":scheme", "http"), (":authority", HOST), (":path", "/")]


def cases(name):
    with open(os.path.join(ROOT, "tests", "conformance", "h2", name), encoding="utf-8") as file:
        return json.load(file)


def fields_of(case):
    fields = [tuple(f) for f in case.get("fields", BASE)]
    if "method" in case:
        fields[0] = (":method", case["method"])
    return fields + [tuple(f) for f in case.get("add", [])]


def serve(sock, reader, upstream):
    """Takes requests with their trailers."""
    while True:
        request = upstreams.read_request(reader, with_body=False)
        if request is None:
            return
        request.trailers = {}
        if request.all("transfer-encoding"):
            while line := reader.until(b"\r\n", 100):
                size = int(line, 16)
                if size == 0:
                    break
                request.body += reader.exactly(size)
                reader.exactly(2)
            while line := reader.until(b"\r\n", 1000):
                name, value = line.decode().split(": ", 1)
                request.trailers[name.lower()] = value
        else:
            upstreams.read_request_body(reader, request)
        upstream.note(request)
        sock.sendall(upstreams.response(200, "ok"))


def check_upstream(wanted, request):
    for key in ("method", "target"):
        assert key not in wanted or wanted[key] == getattr(request, key), f"{key}: {getattr(request, key)!r}"
    if "host" in wanted:
        assert request.all("host") == [wanted["host"]], request.headers
    if "body" in wanted:
        assert request.body == wanted["body"].encode(), request.body
    for name, value in wanted.get("fields", {}).items():
        assert request.header(name) == value, f"{name}: {request.headers}"
    for name, value in wanted.get("trailers", {}).items():
        assert request.trailers.get(name) == value, f"trailer {name}: {request.trailers}"


def run_request(edge, upstream, case):
    before = len(upstream.requests)
    with h2.Connection(edge.entry_point()) as connection:
        body, trailers = case.get("body"), case.get("trailers")
        answer = connection.request(fields_of(case), body.encode() if body is not None else None,
                                    [tuple(f) for f in trailers] if trailers else None)
        refused = answer.reset not in (None, h2.NO_ERROR)
        if "upstream" in case:
            assert answer.status == 200, answer
            check_upstream(case["upstream"], upstream.requests[-1])
        elif "status" in case:
            assert answer.status == case["status"], answer
            assert case.get("content") in (None, answer.body.decode()), answer.body
        elif case.get("reset"):
            assert answer.reset == h2.PROTOCOL_ERROR, answer
        else:
            assert refused or 400 <= answer.status < 600, answer
        # Whatever it was, it is nobody else's: the connection serves the next one.
        assert connection.get("/after").status == 200, "the next request of the connection"
    # What was not passed whole upstream has not been answered by it either.
    if "upstream" not in case:
        whole = [r for r in upstream.requests[before:] if r.target != "/after"]
        assert not whole, [(r.method, r.target, r.headers) for r in whole]


def test_requests(t):
    """requests: what RFC 9113 section 8 forbids is reset or refused, the rest arrives upstream as HTTP/1.1"""
    upstream = t.ends(upstreams.Upstream())

    def serve_one(sock, reader):
        try:
            serve(sock, reader, upstream)
        except (BadResponse, ValueError):
            pass  # the edge gave up a request whose body was malformed
    upstream.serve = serve_one
    edge = t.edge(routes=route_to(HOST, upstream.url))
    wrong = []
    for case in cases("requests.json"):
        try:
            run_request(edge, upstream, case)
        except (AssertionError, OSError) as error:
            wrong.append(f"{case['name']}: {type(error).__name__} {error}")
    assert not wrong, "\n".join(wrong)


def h2_upstream(t, parts):
    def answer(connection, number, stream):
        connection.until(lambda: stream.over, "the request's end")
        for i, part in enumerate(parts):
            last = i + 1 == len(parts)
            if isinstance(part, str):
                connection.data(number, part.encode(), end=last)
            else:
                connection.headers([tuple(f) for f in part], number, end=last)
    return t.ends(h2.Upstream(answer))


def check_answer(case, answer):
    assert answer.status == case["status"], answer
    assert [int(dict(head)[":status"]) for head in answer.heads[:-1]] == case.get("interims", []), answer
    for name, value in case.get("fields", {}).items():
        assert answer.field(name) == value, f"{name}: {answer}"
    if case.get("reset"):
        assert answer.reset not in (None, h2.NO_ERROR), answer
    else:
        assert answer.ended and answer.reset is None, answer
    if "body" in case:
        assert answer.body == case["body"].encode(), answer
    for name, value in case.get("trailers", {}).items():
        assert dict(answer.trailers or []).get(name) == value, answer


def test_answers(t):
    """answers of HTTP/1.1 and of HTTP/2 upstreams arrive as HTTP/2; malformed ones are 502 or a reset"""
    all_cases, routes = cases("answers.json"), ""
    for i, case in enumerate(all_cases):
        if "h1" in case:
            upstream = t.ends(upstreams.saying(case["h1"].encode(), then="close" if case.get("close") else "hang"))
        else:
            upstream = h2_upstream(t, case["h2"])
        routes += route_to(f"c{i}.test", upstream.url, name=f"c{i}")
    edge = t.edge("--set", "retry.attempts_max=0", routes=routes)
    wrong = []
    for i, case in enumerate(all_cases):
        with h2.Connection(edge.entry_point()) as connection:
            try:
                check_answer(case, connection.get("/", f"c{i}.test"))
            except (AssertionError, OSError) as error:
                wrong.append(f"{case['name']}: {type(error).__name__} {error}")
    assert not wrong, "\n".join(wrong)
