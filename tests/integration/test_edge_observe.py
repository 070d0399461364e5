"""What the edge tells of its requests: the access log and the metrics."""

import json
import os
import re
import signal
import subprocess
import time

from harness import processes, upstreams
from harness.http import Connection, get, request
from harness.load import Load
from harness.test import route_to, wait_status
from harness.wait import wait_for

HOST = "app.test"
PROMETHEUS = os.path.join(processes.PEERS, "prometheus", "usr", "bin")


def logging_edge(t, options, routes, **more):
    path = t.path("access.log")
    return path, t.edge(config=f'[access_log]\nformat = "json"\npath = "{path}"\n{options}', routes=routes, **more)


def lines_of(path):
    """As they began: workers write each their own lines, so those of two connections may stand in either order."""
    with open(path, encoding="utf-8") as file:
        return sorted((json.loads(line) for line in file), key=lambda line: line["StartUTC"])


def wait_lines(path, count):
    return wait_for(lambda: (lambda lines: lines if len(lines) >= count else None)(lines_of(path)), 10,
                    f"{count} lines in {path}")


def metrics_of(edge):
    """{name with labels: value}"""
    out = {}
    for line in get(edge.admin, "/metrics").text().splitlines():
        if not line.startswith("#"):
            name, value = line.rsplit(" ", 1)
            out[name] = float(value)
    return out


def test_access_log_json(t):
    """a json line says who asked for what, who answered, how long it took, and with which table"""
    upstream = t.ends(upstreams.Upstream())
    path, edge = logging_edge(t, "", route_to(HOST, upstream.url))
    with Connection(edge.entry_point(), host=HOST) as connection:
        connection.request("POST", "/a?b=c", {"User-Agent": "me/1", "Authorization": "secret"}, b"12345")
        port = connection.sock.getsockname()[1]
    get(edge.entry_point(), "/", "nobody.test")
    first, second = wait_lines(path, 2)
    assert first["ClientAddr"] == f"127.0.0.1:{port}" and first["ClientHost"] == "127.0.0.1", first
    assert (first["RequestMethod"], first["RequestPath"], first["RequestHost"]) == ("POST", "/a?b=c", HOST), first
    assert (first["RouterName"], first["ServiceName"], first["entryPointName"]) == ("test@file", "test@file", "web")
    assert first["ServiceURL"] == upstream.url and first["ServiceAddr"] == upstream.address, first
    assert (first["DownstreamStatus"], first["OriginStatus"], first["RequestContentSize"]) == (200, 200, 5), first
    assert 0 < first["OriginDuration"] <= first["Duration"], first
    assert first["Overhead"] == first["Duration"] - first["OriginDuration"], first
    assert first["TableGeneration"] == 1 and first["RetryAttempts"] == 0, first
    assert first["request_User-Agent"] == "me/1" and "secret" not in str(first), first
    assert abs(time.time() - time.mktime(time.strptime(first["StartUTC"][:19], "%Y-%m-%dT%H:%M:%S")) +
               time.timezone) < 60, first["StartUTC"]
    assert second["DownstreamStatus"] == 404 and second["Error"] == "no_route" and "RouterName" not in second, second


def test_access_log_refused(t):
    """the line of a head that is refused has the bytes of the page that it was answered with"""
    path, edge = logging_edge(t, "", "")
    for head, status in (("GET / HTTP/1.1\r\n\r\n", 400), ("GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505)):
        with Connection(edge.entry_point()) as connection:
            connection.send(head)
            response = connection.read_response()
        assert response.status == status and response.body, response
        line = wait_lines(path, 1 if status == 400 else 2)[-1]
        assert line["DownstreamStatus"] == status, line
        assert line["DownstreamContentSize"] == len(response.body), line


def test_access_log_filters(t):
    """filters keep what they name; headers are kept or redacted by name"""
    upstream = t.ends(upstreams.Upstream(answer=lambda r: upstreams.response(
        int(r.target[1:]), "x", [("X-Kind", "k"), ("Set-Cookie", "secret")])))
    path, edge = logging_edge(t, 'filter_statuses = ["404", "500-599"]\nheaders_kept = ["x-kind"]\n'
                              'headers_redacted = ["set-cookie"]\n', route_to(HOST, upstream.url))
    for status in (200, 404, 403, 500):
        assert get(edge.entry_point(), f"/{status}", HOST).status == status
    lines = wait_lines(path, 2)
    assert [line["DownstreamStatus"] for line in lines] == [404, 500], lines
    assert lines[0]["origin_X-Kind"] == "k" and lines[0]["downstream_Set-Cookie"] == "REDACTED", lines[0]


def test_access_log_injection(t):
    """whatever a client sends stays in its line and its field"""
    upstream = t.ends(upstreams.Upstream())
    for kind in ("json", "common", "combined"):
        path = t.path(f"{kind}.log")
        edge = t.edge(config=f'[access_log]\nformat = "{kind}"\npath = "{path}"\n', routes=route_to(HOST, upstream.url))
        for value in ('x" "y', "\\", "\xff\xc2\x85", "\t", '"}'):
            with Connection(edge.entry_point(), host=HOST) as connection:
                connection.send(f"GET /{'%22'} HTTP/1.1\r\nHost: {HOST}\r\nUser-Agent: a{value}b\r\n"
                                "Connection: close\r\n\r\n".encode("latin-1"))
                connection.read_response()
        read = lambda: open(path, "rb").read()
        lines = wait_for(lambda: read().count(b"\n") == 5 and read().splitlines(), 10, f"five lines of {kind}")
        for line in lines:
            assert all(0x20 <= byte < 0x7f for byte in line), line
            if kind == "json":
                assert json.loads(line)["request_User-Agent"].startswith("a"), line
            else:
                assert re.fullmatch(rb'127\.0\.0\.1 - - \[[^\]]+\] "GET /%22 HTTP/1\.1" 200 \d+ "-" "(?:[^"\\]|\\.)*"'
                                    rb'( \d+ "test@file" "http://[^"]+" \d+ms)?', line), line


def test_access_log_rotation(t):
    """SIGUSR1 under load: each request has its one line, in the old file or the new one"""
    upstream = t.ends(upstreams.Upstream())
    path, edge = logging_edge(t, "", route_to(HOST, upstream.url))
    files = [path]
    with Load(edge.entry_point(), HOST, rate_per_s=400) as load:
        for i in range(5):
            wait_for(lambda: load.sent >= 100 * (i + 1), 20, "requests go on")
            files.append(f"{path}.{i}")
            os.rename(path, files[-1])
            edge.signal(signal.SIGUSR1)
            wait_for(lambda: os.path.exists(path), 10, "the new file is there")
    load.check()
    wait_for(lambda: sum(len(lines_of(file)) for file in files) >= load.sent, 10, "all lines are written")
    assert sum(len(lines_of(file)) for file in files) == load.sent
    assert len([file for file in files if os.path.getsize(file) > 0]) > 1


def test_access_log_slow_reader(t):
    """an access log that nobody takes (a pipe without a reader that reads) loses lines, not requests"""
    upstream = t.ends(upstreams.Upstream())
    pipe = t.path("pipe")
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        edge = t.edge(config=f'[access_log]\nformat = "json"\npath = "{pipe}"\nqueue_bytes_max = 131072\n'
                      'headers_kept = ["x-large"]\n', routes=route_to(HOST, upstream.url))
        large = {"X-Large": "x" * 20000}
        with Connection(edge.entry_point(), host=HOST) as connection:
            for _ in range(60):
                assert connection.request("GET", "/", large).status == 200
        lost = 'weir_access_log_lines_lost_total{reason="queue_full"}'
        wait_for(lambda: metrics_of(edge)[lost] > 0, 10, "lines are lost")
        assert get(edge.entry_point(), "/", HOST).status == 200
        assert b"\n" in os.read(reader, 1 << 20)
    finally:
        os.close(reader)


def test_access_log_fifo_without_a_reader(t):
    """an edge starts although nobody reads its access log's FIFO yet, and whoever comes gets the lines so far"""
    upstream = t.ends(upstreams.Upstream())
    pipe = t.path("pipe")
    os.mkfifo(pipe)
    edge = t.edge(config=f'[access_log]\nformat = "json"\npath = "{pipe}"\n', routes=route_to(HOST, upstream.url))
    assert get(edge.entry_point(), "/early", HOST).status == 200
    edge.signal(signal.SIGUSR1)
    wait_for(lambda: "access log reopened" in edge.log(), 10, "it is opened anew, still without a reader")
    assert get(edge.entry_point(), "/late", HOST).status == 200
    with open(pipe, encoding="utf-8") as reader:
        assert [json.loads(reader.readline())["RequestPath"] for _ in range(2)] == ["/early", "/late"]


def test_metrics_valid(t):
    """Prometheus' own tool finds nothing wrong with /metrics, and counts are right"""
    upstream = t.ends(upstreams.Upstream())
    edge = t.edge(routes=route_to(HOST, upstream.url))
    for method, times in (("GET", 3), ("POST", 2), ("PROPFIND", 1)):
        for _ in range(times):
            assert request(edge.entry_point(), method, "/", host=HOST).status == 200
    get(edge.entry_point(), "/", "nobody.test")
    text = get(edge.admin, "/metrics").body
    checked = subprocess.run([os.path.join(PROMETHEUS, "promtool"), "check", "metrics"], input=text, timeout=20,
                             capture_output=True, check=False)
    assert checked.returncode == 0 and not checked.stderr, checked.stderr.decode()
    metrics = metrics_of(edge)
    rest = 'protocol="http",entrypoint="web"'
    assert metrics[f'weir_entrypoint_requests_total{{code="200",method="GET",{rest}}}'] == 3
    assert metrics[f'weir_entrypoint_requests_total{{code="200",method="EXTENSION_METHOD",{rest}}}'] == 1
    assert metrics[f'weir_entrypoint_requests_total{{code="404",method="GET",{rest}}}'] == 1
    assert metrics['weir_router_requests_total{code="200",method="POST",protocol="http",router="test@file",'
                   'service="test@file"}'] == 2
    assert metrics['weir_service_request_duration_seconds_count{code="200",method="GET",protocol="http",'
                   'service="test@file"}'] == 3
    assert metrics['weir_service_request_duration_seconds_bucket{code="200",method="GET",protocol="http",'
                   'service="test@file",le="5"}'] == 3
    assert metrics[f'weir_endpoint_requests_total{{code="200",method="GET",protocol="http",service="test@file",'
                   f'url="{upstream.url}"}}'] == 3
    assert metrics[f'weir_service_server_up{{service="test@file",url="{upstream.url}"}}'] == 1


def test_metrics_documented(t):
    """docs/observability.md has every family of /metrics, and none besides"""
    with open(os.path.join(processes.ROOT, "docs", "observability.md"), encoding="utf-8") as file:
        names = re.findall(r"`([a-z_…]+)`", file.read().split("\n## Metrics\n")[1].split("\n## ")[0])
    # "weir_router_…" has what is said of the first: "weir_entrypoint_requests_total", "…_request_duration_seconds".
    whole = {name for name in names if re.match("weir_[a-z]", name) and "…" not in name}
    kinds = {name.removesuffix("_…") for name in names if name.startswith("weir_") and "…" in name}
    ends = {name.removeprefix("…") for name in names if name.startswith("…")}
    ends |= {name.removeprefix("weir_entrypoint") for name in whole if name.startswith("weir_entrypoint_")}
    shortened = {kind + end for kind in kinds | {"weir_entrypoint"} for end in ends}
    upstream = t.ends(upstreams.Upstream())
    edge = t.edge(routes=route_to(HOST, upstream.url))
    assert get(edge.entry_point(), "/", HOST).status == 200
    text = get(edge.admin, "/metrics").text()
    shown = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE ")}
    assert len(shown) > 50 and not shown - whole - shortened, shown - whole - shortened
    assert not whole - shown, whole - shown


def test_metrics_go(t):
    """a series goes with its endpoint, and with its router"""
    first, second = t.ends(upstreams.Upstream()), t.ends(upstreams.Upstream())
    edge = t.edge(routes=route_to(HOST, first.url, second.url) + route_to("b.test", first.url, name="b"))
    for _ in range(4):
        get(edge.entry_point(), "/", HOST)
    get(edge.entry_point(), "/", "b.test")
    names = " ".join(metrics_of(edge))
    assert second.url in names and 'router="b@file"' in names
    t.write("routes/test.toml", route_to(HOST, first.url))
    wait_status(edge.entry_point(), "b.test", 404)
    wait_for(lambda: not any(second.url in name or "b@file" in name for name in metrics_of(edge)), 10,
             "nothing is told of what is gone")
    assert any(first.url in name for name in metrics_of(edge))


def test_metrics_scraped(t):
    """Prometheus scrapes the edge and answers a query of a Traefik dashboard"""
    upstream = t.ends(upstreams.Upstream())
    edge = t.edge(routes=route_to(HOST, upstream.url))
    for _ in range(3):
        get(edge.entry_point(), "/", HOST)
    port, = processes.free_ports(1)
    config = t.write("prometheus.yml", "global: {scrape_interval: 1s}\nscrape_configs:\n- job_name: weir\n"
                     f"  static_configs: [{{targets: ['{edge.admin}']}}]\n")
    t.start([os.path.join(PROMETHEUS, "prometheus"), f"--config.file={config}",
             f"--web.listen-address=127.0.0.1:{port}", f"--storage.tsdb.path={t.path('tsdb', '')}"])
    query = "/api/v1/query?query=sum(weir_service_request_duration_seconds_bucket%7Ble=%220.3%22,code=%22200%22%7D)"

    def answered():
        result = get(f"127.0.0.1:{port}", query).json()["data"]["result"]
        return result and float(result[0]["value"][1]) == 3
    wait_for(answered, 30, "the query finds three fast requests")


def test_endpoint_of_two_services(t):
    """Requests of an endpoint that two services share are counted for the service they came by, until it is gone"""
    upstream = t.ends(upstreams.Upstream(name="up"))
    both = route_to("one.test", upstream.url, name="one") + route_to("two.test", upstream.url, name="two")
    edge = t.edge(routes=both)
    for host, times in (("one.test", 5), ("two.test", 3)):
        for _ in range(times):
            assert get(edge.entry_point(), "/", host).status == 200

    def counted():
        prefix = "weir_endpoint_requests_total{"
        return {re.search('service="([^"]*)"', name)[1]: value for name, value in metrics_of(edge).items()
                if name.startswith(prefix)}

    assert counted() == {"one@file": 5, "two@file": 3}, counted()
    t.write("routes/test.toml", route_to("two.test", upstream.url, name="two"))
    wait_for(lambda: counted() == {"two@file": 3}, 20, "the series of the service that is gone to go")
