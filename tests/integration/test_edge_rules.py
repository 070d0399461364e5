"""What rules see of a request, whatever its client sends: fields that nobody forges, a path that has one form."""

from harness import h2, upstreams
from harness.http import Connection, get
from harness.processes import run_weir
from harness.test import route

HOST = "app.test"
TRUSTING = '[entrypoints.web]\naddress = "127.0.0.1:0"\nforwarded_headers_trusted_cidrs = ["127.0.0.0/8"]\n'
PROXIED = '[entrypoints.web]\naddress = "127.0.0.1:0"\nproxy_protocol_trusted_cidrs = ["127.0.0.0/8"]\n'
# Each spelling of a field that a stranger may send, and the rule that it would like to hold.
FORGED = (
    ("X-Forwarded-For", "10.9.9.9", "Header(`X-Forwarded-For`, `10.9.9.9`)"),
    ("X-Real-Ip", "10.9.9.9", "Header(`X-Real-Ip`, `10.9.9.9`)"),
    ("x-real-ip", "10.9.9.9", "HeaderRegexp(`X-REAL-IP`, `^10\\.`)"),
    ("X-Forwarded-Proto", "https", "HeaderRegexp(`X-Forwarded-Proto`, `^https$`)"),
    ("X-Forwarded-Host", "inside.test", "Header(`X-Forwarded-Host`, `inside.test`)"),
    ("X-Forwarded-Port", "443", "Header(`X-Forwarded-Port`, `443`)"),
    ("X-Forwarded-Server", "edge", "Header(`X-Forwarded-Server`, `edge`)"),
    ("X-Forwarded-Tls-Client-Cert", "MII", "HeaderRegexp(`X-Forwarded-Tls-Client-Cert`, `.`)"),
)


def world(t, *rules, config=""):
    """(whoever a rule holds for, all others, the edge): each rule leads to the first."""
    inside, outside = (t.ends(upstreams.Upstream(name=name)) for name in ("inside", "outside"))
    routes = route(f"rule = '''Host(`{HOST}`)'''", outside.url, name="outside")
    for number, rule in enumerate(rules):
        routes += route(f"rule = '''Host(`{HOST}`) && ({rule})'''", inside.url, name=f"inside-{number}")
    return inside, outside, t.edge(routes=routes, config=config)


def names_of(edge, fields, target="/"):
    """Who answers a request with those fields, over HTTP/1.1 and over HTTP/2."""
    with h2.Connection(edge.entry_point()) as connection:
        answer = connection.request(h2.get_fields(target) + [(name.lower(), value) for name, value in fields])
    return {get(edge.entry_point(), target, HOST, fields).header("x-name"), answer.field("x-name")}


def test_forged_fields(t):
    """nobody chooses a router by a field that the edge drops: whoever is not trusted with it has not sent it"""
    _, _, edge = world(t, *[rule for _, _, rule in FORGED], "HeaderRegexp(`X_Real_Ip`, `.`)")
    for name, value, _ in FORGED:
        assert names_of(edge, [(name, value)]) == {"outside"}, name
    # Nor by a name that some servers cannot tell from it.
    assert names_of(edge, [("X_Real_Ip", "10.9.9.9")]) == {"outside"}
    assert names_of(edge, [(name, value) for name, value, _ in FORGED]) == {"outside"}


def test_trusted_fields(t):
    """whom the edge trusts with a field, and believes upstream, is believed by rules too"""
    for number, (name, value, rule) in enumerate(FORGED):
        if number % 3 == 0:  # each edge is a process
            rules = [rule for _, _, rule in FORGED[number:number + 3]]
            inside, _, edge = world(t, *rules, config=TRUSTING)
        assert names_of(edge, [(name, value)]) == {"inside"}, rule
        assert inside.requests[-1].header(name).startswith(value), inside.requests[-1].headers


def test_own_fields(t):
    """what the edge itself says upstream of who asks and how is there for rules; its own hop comes behind them"""
    told = "Header(`X-Real-Ip`, `127.0.0.1`) && Header(`X-Forwarded-Proto`, `http`) && " \
           f"Header(`X-Forwarded-Host`, `{HOST}`) && HeaderRegexp(`X-Forwarded-Port`, `^[0-9]+$`)"
    inside, _, edge = world(t, told + " && !HeaderRegexp(`X-Forwarded-For`, `.`)")
    assert names_of(edge, []) == {"inside"}
    assert names_of(edge, [("X-Forwarded-For", "127.0.0.1")]) == {"inside"}, "a forged one is not there either"
    assert inside.requests[-1].all("x-forwarded-for") == ["127.0.0.1"], inside.requests[-1].headers


def test_trusted_list(t):
    """of X-Forwarded-For a rule sees what came, as one field; the upstream gets our client behind it"""
    inside, _, edge = world(t, "Header(`X-Forwarded-For`, `10.1.1.1, 10.2.2.2`)", config=TRUSTING)
    with Connection(edge.entry_point(), host=HOST) as connection:
        answer = connection.get("/", [("X-Forwarded-For", "10.1.1.1"), ("X-Forwarded-For", "10.2.2.2")])
    assert answer.header("x-name") == "inside", answer
    assert inside.requests[-1].all("x-forwarded-for") == ["10.1.1.1, 10.2.2.2, 127.0.0.1"], inside.requests[-1].headers


def test_connection_fields(t):
    """what a session keeps for itself is there for rules: other protocols and bodies are routed by their fields"""
    rule = "Header(`Upgrade`, `chat`) && HeaderRegexp(`Connection`, `(?i)upgrade`) || " \
           "HeaderRegexp(`Content-Length`, `^[0-9]{4,}$`)"
    inside, _, edge = world(t, rule)

    def who(method, fields, body=None):
        with Connection(edge.entry_point(), host=HOST) as connection:
            return connection.request(method, "/", fields, body).header("x-name")
    asking = [("Connection", "keep-alive, Upgrade"), ("Upgrade", "chat")]
    assert who("GET", asking) == "inside"
    assert inside.requests[-1].header("upgrade") == "chat", inside.requests[-1].headers
    assert who("GET", []) == "outside"
    assert who("GET", [("Upgrade", "chat")]) == "outside", "nothing is asked for without Connection"
    assert who("POST", [], b"x" * 1000) == "inside"
    assert who("POST", [], b"x" * 999) == "outside"


def test_client_ip(t):
    """ClientIP is who has connected, or whom a PROXY header names: never who a field names, trusted or not"""
    rule = "ClientIP(`192.0.2.0/24`)"
    for config in ("", TRUSTING):
        _, _, edge = world(t, rule, config=config)
        assert names_of(edge, [("X-Forwarded-For", "192.0.2.7"), ("X-Real-Ip", "192.0.2.7")]) == {"outside"}, config
    _, _, edge = world(t, rule, config=PROXIED)
    with Connection(edge.entry_point(), host=HOST) as connection:
        connection.send("PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n")
        assert connection.get("/").header("x-name") == "inside"


def test_spellings(t):
    """every spelling of a path comes to the same rule, and to the same request upstream"""
    spellings = {
        "Path(`/a b`)": ("/a%20b", ("/a%20b", "/%61%20b", "/x/../a%20b", "//a%20b", "/./%61%20%62")),
        "Path(`/{id}`)": ("/%7Bid%7D", ("/{id}", "/%7bid%7d", "/%7Bid}")),
        "Path(`/r%2fs:t`)": ("/r%2Fs:t", ("/r%2fs:t", "/r%2Fs:t", "/%72%2fs:t")),
        "PathPrefix(`/café`)": ("/caf%C3%A9", ("/caf%c3%a9", "/caf%C3%A9", "/c%61f%C3%a9")),
        "PathRegexp(`^/péage/[^ /]+ [0-9]$`)": ("/p%C3%A9age/a%2Fb%201", ("/p%c3%a9age/a%2fb%201",)),
    }
    inside, _, edge = world(t, *spellings)
    for rule, (target, sent) in spellings.items():
        for path in sent:
            assert names_of(edge, [], path + "?q=%2f") == {"inside"}, (rule, path)
            assert inside.requests[-1].target == target + "?q=%2f", (rule, path, inside.requests[-1].target)


def test_reserved_escapes(t):
    """a character that means something in a path is another one escaped: no rule takes the one for the other"""
    _, _, edge = world(t, "Path(`/a/b`) || Path(`/a:b`)", "PathRegexp(`^/[a-z]+/secret$`)", "PathRegexp(`[+]`)")
    for path in ("/a%2Fb", "/a%2fb", "/a%3Ab", "/x%2Fsecret", "/a%252Fb", "/%2B"):
        assert names_of(edge, [], path) == {"outside"}, path
    for path in ("/a/b", "/a:b", "/x/secret", "/+"):
        assert names_of(edge, [], path) == {"inside"}, path


def test_expressions_of_middlewares(t):
    """stripPrefixRegex sees what PathRegexp sees, and strips what was sent"""
    upstream = t.ends(upstreams.Upstream())
    routes = route("rule = '''PathRegexp(`^/dé [0-9]`)'''\nmiddlewares = [\"strip\"]", upstream.url)
    routes += '[middlewares.strip]\ntype = "stripPrefixRegex"\nregex = ["^/dé [0-9]"]\n'
    edge = t.edge(routes=routes)
    assert get(edge.entry_point(), "/d%c3%a9%207/x%2fy?z", HOST).status == 200
    assert upstream.requests[-1].target == "/x%2Fy?z", upstream.requests[-1].target
    assert upstream.requests[-1].header("x-forwarded-prefix") == "/d%C3%A9%207", upstream.requests[-1].headers


def test_explained(t):
    """explain says of a running edge and of its files what the edge does"""
    inside, outside = "=> inside-0@file", "=> outside@file"
    rule = "Header(`X-Real-Ip`, `10.9.9.9`) || PathRegexp(`^/a b$`)"
    for config, forged in (("", outside), (TRUSTING, inside)):
        _, _, edge = world(t, rule, config=config)
        asked = (([], "/", outside), (["-H", "X-Real-Ip: 10.9.9.9"], "/", forged),
                 (["--client-ip", "10.9.9.9"], "/", inside), ([], "/%61%20b", inside), ([], "/a%2520b", outside))
        for arguments, target, winner in asked:
            code, out, err = run_weir("route", "explain", "--admin", edge.admin, *arguments, f"http://{HOST}{target}")
            assert code == 0 and winner in out, (config, arguments, target, out + err)
    code, out, err = run_weir("route", "explain", "--routes", t.path("routes", "").rstrip("/"),
                              "-H", "X-Real-Ip: 10.9.9.9", f"http://{HOST}/")
    assert code == 0 and outside in out, out + err
