"""What an operator asks about routes: explain, lint and config check, of files and of a running edge."""

import os

from harness.http import get
from harness.processes import run_weir

ROUTES = """
[[route]]
name = "shop"
host = "shop.test"
service = "static"
middlewares = ["strip"]

[[route]]
name = "api"
rule = "Host(`shop.test`) && PathPrefix(`/api`)"
service = "static"

[services.static]
servers = ["http://127.0.0.1:9"]

[middlewares.strip]
type = "stripPrefix"
prefixes = ["/shop"]
"""
SHADOWED = """
[[route]]
name = "never"
rule = "Host(`shop.test`) && PathPrefix(`/api/v2`)"
priority = 1
service = "static"
"""


def folder_of(t, text):
    return os.path.dirname(t.write("asked/routes.toml", text))


def test_bad_questions(t):
    """what cannot be asked says why and fails"""
    folder = folder_of(t, ROUTES)
    for arguments, why in ((["explain", "--routes", folder, "no url"], "URL"),
                           (["explain", "--routes", folder, "-H", "no colon", "http://shop.test/"], "Name: value"),
                           (["explain", "--routes", folder, "--client-ip", "me", "http://shop.test/"], "me"),
                           (["lint", "--routes", folder + "/none"], "none"),
                           (["lint", "--admin", "http://127.0.0.1:1"], "127.0.0.1")):
        code, _, err = run_weir("route", *arguments)
        assert code == 1 and why in err, (arguments, code, err)


def test_explain_files(t):
    """explain names the winner, why the other lost, middlewares and endpoints; no router is exit code 1"""
    folder = folder_of(t, ROUTES)
    code, out, _ = run_weir("route", "explain", "--routes", folder, "http://shop.test/api/x")
    assert code == 0, out
    assert "=> api@file" in out and "lower than" in out and "http://127.0.0.1:9  live" in out, out
    code, out, _ = run_weir("route", "explain", "--routes", folder, "http://shop.test/")
    assert code == 0 and "=> shop@file" in out and "strip@file" in out, out
    code, out, _ = run_weir("route", "explain", "--routes", folder, "http://other.test/")
    assert code == 1 and "404" in out, out


def test_explain_answers(t):
    """explain says what a redirect or a guard answers, and where a redirect leads, as the edge does"""
    folder = folder_of(t, ROUTES + """
[[route]]
name = "old"
host = "old.test"
service = "static"
middlewares = ["strip", "move"]

[[route]]
name = "gone"
host = "gone.test"
service = "none"
middlewares = ["move"]

[[route]]
name = "closed"
host = "closed.test"
service = "static"
middlewares = ["closed"]

[services.none]
servers = []

[middlewares.move]
type = "redirectScheme"
scheme = "https"

[middlewares.closed]
type = "ipAllowList"
sourceRange = ["192.0.2.1"]
""")
    edge = t.edge(routes=folder)
    for host, status, location in (("old.test", 302, "https://old.test/x?y=1"), ("closed.test", 403, None),
                                   ("gone.test", 302, "https://gone.test/shop/x?y=1")):
        got = get(edge.entry_point(), "/shop/x?y=1", host)
        assert (got.status, got.header("location")) == (status, location), got
        for where in (("--routes", folder), ("--admin", f"http://{edge.admin}")):
            code, out, err = run_weir("route", "explain", *where, f"http://{host}/shop/x?y=1")
            told = f"a middleware answers: {status}" + (f", Location: {location}\n" if location else "\n")
            assert code == 0 and told in out and "503" not in out, out + err
    _, out, _ = run_weir("route", "explain", "--routes", folder, "https://gone.test/")
    assert "no endpoints: 503" in out and "answers" not in out, out


def test_explain_says_why_503(t):
    """a router without one of its middlewares answers 503, and explain names it"""
    folder = folder_of(t, ROUTES.replace('middlewares = ["strip"]', 'middlewares = ["gone"]'))
    code, out, _ = run_weir("route", "explain", "--routes", folder, "http://shop.test/")
    assert code == 0 and "middleware gone@file does not exist: 503" in out, out


def test_unknown_entry_point(t):
    """a router on an entry point that is not there is told by config check, lint and /api/rejected"""
    folder = folder_of(t, ROUTES.replace('name = "shop"', 'name = "shop"\nentry_points = ["nope"]'))
    config = t.write("points.toml", "")
    code, _, err = run_weir("config", "check", config, "--routes", folder)
    assert code == 1 and "router shop@file: no entry point is named nope; it answers nowhere" in err, err
    edge = t.edge(routes=folder)
    assert [(one["name"], one["reason"]) for one in edge.api("/api/rejected")] == [
        ("shop@file", "no entry point is named nope; it answers nowhere")]
    code, out, err = run_weir("route", "lint", "--admin", f"http://{edge.admin}")
    assert code == 1 and "entry_point: router shop@file" in out, out + err


def test_explain_normalises(t):
    """explain reads host and path as the edge does: /x/../%61pi//v1 is /api/v1 there too"""
    folder = folder_of(t, ROUTES)
    url = "http://SHOP.test.:80/x/../%61pi//v1?a=1"
    code, out, _ = run_weir("route", "explain", "--routes", folder, url)
    assert code == 0 and "=> api@file" in out and "the path /api/v1" in out, out
    edge = t.edge(routes=folder)
    code, out, err = run_weir("route", "explain", "--admin", f"http://{edge.admin}", url)
    assert code == 0 and "=> api@file" in out, out + err
    code, out, _ = run_weir("route", "explain", "--routes", folder, "http://shop.test/api")
    assert code == 0 and "the path" not in out, out


def test_lint_files(t):
    """lint is silent about layered routes, and tells of a shadowed one with its place"""
    code, out, _ = run_weir("route", "lint", "--routes", folder_of(t, ROUTES))
    assert code == 0 and "0 to mend" in out, out
    code, out, _ = run_weir("route", "lint", "--routes", folder_of(t, ROUTES + SHADOWED))
    assert code == 1 and "shadowed: router never@file" in out and "routes.toml:20:1" in out, out


def test_edge_is_asked(t):
    """a running edge answers the same"""
    edge = t.edge(routes=folder_of(t, ROUTES + SHADOWED))
    code, out, err = run_weir("route", "lint", "--admin", f"http://{edge.admin}")
    assert code == 1 and "shadowed: router never@file" in out, out + err
    code, out, err = run_weir("route", "explain", "--admin", f"http://{edge.admin}", "http://shop.test/api/x")
    assert code == 0 and "=> api@file" in out, out + err
    assert get(edge.admin, "/api/explain").status == 400


def test_questions_that_cannot_be_answered(t):
    """an edge's reason is told as it is; where no entry point is named the edge's first is asked about"""
    edge = t.weir("edge", "--entrypoint", "first=127.0.0.1:0", "--admin", "127.0.0.1:0", "--routes",
                  folder_of(t, ROUTES))
    ask = ["route", "explain", "--admin", edge.ready["admin"], "http://shop.test/api/x"]
    for arguments, reason in ((["--entrypoint", "web"], 'no entry point "web"; known are first'),
                              (["-H", "nonsense"], 'header "nonsense": expected Name: value'),
                              (["--client-ip", "me"], 'not an IP address: "me"')):
        assert run_weir(*ask, *arguments) == (1, "", f"weir: {reason}\n"), (arguments, run_weir(*ask, *arguments))
    for arguments in (["-XPOST"], ["-X", "POST"], ["--request=POST"], ["-request", "POST", "-HA: b"]):
        code, out, err = run_weir(*ask, *arguments)
        assert code == 0 and out.startswith("POST http://shop.test/api/x on entry point first\n"), out + err
    code, _, err = run_weir("route", "list", "--admin", edge.ready["entrypoints"]["first"])
    assert (code, err) == (1, "weir: the edge answers with status 404\n"), err


def test_config_check(t):
    """config check reads the default rule, the tags' options and the routes files"""
    good = t.write("good.toml", "[providers.consul]\ndefault_rule = 'Host(`{{ .Name }}`)'\n")
    assert run_weir("config", "check", good)[0] == 0
    bad = t.write("bad_rule.toml", "[providers.consul]\ndefault_rule = 'Host(`{{ .Name }}`'\n")
    code, _, err = run_weir("config", "check", bad)
    assert code == 1 and "bad_rule.toml" in err and "default rule: column" in err, err
    lost = t.write("lost.toml", f"[providers.file]\ndirectory = '{t.path('gone')}'\n")
    code, out, err = run_weir("config", "check", lost)
    assert code == 1 and "lost.toml:2:13: providers.file.directory: " in err, err
    assert "lost.toml: 1 error" in out, out
    folder = folder_of(t, ROUTES + '\n[[route]]\nhost = "a`b"\nservice = "static"\n')
    code, _, err = run_weir("config", "check", good, "--routes", folder)
    assert code == 1 and "routes.toml:21:8" in err, err
