"""Cases that nobody thought of: rules and tags put together by a seed."""

import random

from cases import ask, case, rule, service

HOSTS = ["a.rnd.test", "b.rnd.test", "a.b.rnd.test", "rnd.test"]
PATHS = ["/", "/x", "/x/", "/x/y", "/xy", "/X", "/x%20y", "/%7Ex", "/x?k=v", "/x/y?k=&k=v", "/x?n=12&flag", "//x",
         "/x/../y"]
FABIO_HOSTS = ["a.rnd.test", "b.rnd.test", "*.rnd.test", "a.b.rnd.test", "*.b.rnd.test", "*rnd.test", "?.rnd.test", "",
               "rnd.test"]
FABIO_PATHS = ["/", "/x", "/x/", "/x/y", "/xy", "/X", "/y"]


def matcher(rng):
    return rng.choice([
        lambda: f"Host(`{rng.choice(HOSTS + ['*.rnd.test', 'A.Rnd.Test'])}`)",
        lambda: "HostRegexp(`" + rng.choice(["^[ab]\\.", "rnd", "B", "^a\\.b", "test$"]) + "`)",
        lambda: f"Path(`{rng.choice(['/x', '/x/', '/', '/x/y'])}`)",
        lambda: f"PathPrefix(`{rng.choice(['/', '/x', '/x/', '/X', '/x y'])}`)",
        lambda: "PathRegexp(`" + rng.choice(["^/x", "y$", "/[a-z]+/y", "X"]) + "`)",
        lambda: f"Method(`{rng.choice(['GET', 'post', 'PUT'])}`)",
        lambda: f"Header(`X-R`, `{rng.choice(['1', '2'])}`)",
        lambda: "HeaderRegexp(`x-r`, `^[1-2]$`)",
        lambda: rng.choice(["Query(`k`, `v`)", "Query(`k`)", "Query(`flag`)", "QueryRegexp(`n`, `^[0-9]+$`)"]),
        lambda: f"ClientIP(`{rng.choice(['127.0.0.0/8', '10.0.0.0/8', '127.0.0.1'])}`)"])()


def expression(rng, depth=0):
    kind = rng.random()
    if depth > 2 or kind < 0.45:
        return matcher(rng)
    if kind < 0.55:
        return "!" + matcher(rng)
    if kind < 0.65:
        return "!(" + expression(rng, depth + 1) + ")"
    joined = f" {rng.choice(['&&', '||'])} ".join(expression(rng, depth + 1) for _ in range(2))
    return f"({joined})" if rng.random() < 0.5 else joined


def spoil(rng, tags):
    """Once in a while, what no reader expects."""
    if rng.random() < 0.8:
        return tags
    odd = ["traefik.http.routers.odd.rule=", "traefik.http.routers..rule=Host(`x`)", "traefik.http",
           "traefik.enable=maybe", "traefik.http.services.odd.loadbalancer.server.port=",
           "traefik.http.routers.r.priority=1.5", "traefik.http.routers.r.tls=perhaps", "traefik.=x", "traefik=",
           "Traefik.http.routers.q.rule=Host(`a.rnd.test`)"]
    return tags + [rng.choice(odd)]


def traefik(count, seed):
    rng = random.Random(seed)
    out = []
    for number in range(count):
        services = []
        priorities = rng.sample(range(1, 1000), 6)
        for i in range(rng.randint(1, 5)):
            name = f"r{number}s{i}"
            # Of equal priorities Traefik takes whichever comes first in that process.
            more = [f"priority={priorities[i]}"]
            if rng.random() < 0.2:
                more.append("entrypoints=" + rng.choice(["web", "second", "web,second"]))
            tags = rule(name, expression(rng), *more)
            if rng.random() < 0.3:
                tags += [f"traefik.http.routers.{name}.middlewares=m{name}",
                         f"traefik.http.middlewares.m{name}." + rng.choice(
                             ["stripprefix.prefixes=/x,/", "addprefix.prefix=/p", "replacepath.path=/q"])]
            services.append(service(name, *spoil(rng, tags)))
        # Where several declare it, both share out its requests.
        shared = sum("services.odd." in tag for one in services for tag in one["tags"]) > 1
        asks = [ask(rng.choice(HOSTS) + rng.choice(PATHS), method=rng.choice(["GET", "GET", "POST"]),
                    headers=[("X-R", rng.choice("123"))], **({"any_upstream": True} if shared else {}))
                for _ in range(15)]
        out.append(case(f"random {number}", services, *asks))
    return out


def fabio(count, seed):
    rng = random.Random(seed)
    out = []
    for number in range(count):
        services, seen = [], set()
        for i in range(rng.randint(1, 6)):
            source = rng.choice(FABIO_HOSTS) + rng.choice(FABIO_PATHS)
            # A pattern that begins where a host does is asked before that host by fabio alone.
            clash = "*rnd.test" if source.startswith("rnd.test") else "rnd.test" if source.startswith("*rnd") else "-"
            if source in seen or any(other.startswith(clash) for other in seen):
                continue
            seen.add(source)
            options = " ".join(rng.sample(["strip=/x", "prepend=/p", "host=other.test", "colour=red", "weight=0.5",
                                           "allow=ip:127.0.0.0/8", "deny=ip:127.0.0.0/8"], rng.choice([0, 0, 0, 1, 2])))
            if "allow" in options and "deny" in options:
                continue
            services.append(service(f"f{number}s{i}", f"urlprefix-{source} {options}".rstrip()))
        asks = [ask(rng.choice(HOSTS + ["x.rnd.test", "other.test"]) +
                    rng.choice(["/", "/x", "/x/y", "/xy", "/X", "/y/z", "/x?q=1", "/z"])) for _ in range(15)]
        out.append(case(f"random {number}", services, *asks))
    return out


# The second kind: one thing said in many ways, services that share and name each other, several instances.

V2_RULES = ["Host(`a.rnd.test`,`b.rnd.test`)", "HostRegexp(`{sub:[ab]}.rnd.test`)", "Path(`/x`, `/x/{id:[a-z]+}`)",
            "PathPrefix(`/x/{any}`, `/X`)", "Headers(`X-R`, `1`)", "HeadersRegexp(`X-R`, `^[12]$`)", "Query(`n=12`)",
            "Method(`GET`, `POST`) && Host(`rnd.test`)", "!Path(`/x`) && Host(`a.rnd.test`)"]
QUOTED = ['Host("a.rnd.test")', 'PathRegexp("^/x(/y)?$")', 'PathRegexp("^/x\\\\.y|^/x/\\\\w+$")',
          "PathRegexp(`^/(x|X)(/[a-z]{1,2})*$`)", "HostRegexp(`^(a|b)\\.rnd\\.test$`)",
          "HeaderRegexp(`X-R`, `^(1|2),?$`)",
          "Header(`x-r`, `1,2`)",
          "HostRegexp(`(?i)^A\\.`)", 'Query("k", "v")', "Query(`n`, `12`)", "PathPrefix(`/`)",
          "(Host(`rnd.test`))", "!!Host(`b.rnd.test`)", "Host(`a.rnd.test`)&&Path(`/x`)||Method(`POST`)",
          "host(`a.rnd.test`)", "HOST(`b.rnd.test`)", "Host(`a.rnd.test` )", "Host( `b.rnd.test`)",
          "Host(``)", "Host(`a.rnd.test`", "Host(a.rnd.test)", "Path(`x`)", "Method(`GET`, `POST`)", "Host(`*`)",
          "HostRegexp(`[`)", "PathPrefix(`/x`) && (Host(`a.rnd.test`) || Host(`b.rnd.test`))", "HostSNI(`*`)",
          "Headers(`X-R`, `1`)", "ClientIP(`127.0.0.1/33`)", "ClientIP(`::1`)", "Query(`k=v`)"]
MIDDLEWARES = ["stripprefix.prefixes=/x,/y", "stripPrefix.prefixes=/x/", "stripprefix.prefixes=/X, /x",
               "addprefix.prefix=/p", "AddPrefix.Prefix=/p/q", "replacepath.path=/q", "replacepath.path=/",
               "headers.customrequestheaders.X-New=1", "headers.customRequestHeaders.Host=changed.test",
               "redirectscheme.scheme=https", "redirectScheme.Scheme=https"]


def any_case(rng, text):
    """A field's name as somebody may have typed it; the prefix and objects' names stay."""
    return rng.choice([text, text, text.upper(), text.capitalize(), "".join(rng.choice((c, c.upper())) for c in text)])


def wide_router(rng, name, priority, middlewares, services):
    out = []
    field = lambda key, value: out.append(f"traefik.{any_case(rng, 'http')}.{any_case(rng, 'routers')}.{name}."
                                          f"{any_case(rng, key)}={value}")
    v2 = rng.random() < 0.15
    field("rule", rng.choice(V2_RULES) if v2 else rng.choice(QUOTED) if rng.random() < 0.5 else expression(rng))
    field("priority", priority)
    if v2:
        field("ruleSyntax", "v2")
    if rng.random() < 0.15:
        field("entryPoints", rng.choice(["web", "second", "web,second", "second, web", ",web"]))
    if middlewares and rng.random() < 0.5:
        field("middlewares", rng.choice([",", ", "]).join(rng.sample(middlewares, rng.randint(1, len(middlewares)))))
    if services:
        field("service", rng.choice(services) + rng.choice(["", "", "@consulcatalog"]))
    if rng.random() < 0.1:
        field("tls", rng.choice(["true", "false"]))
    return out


def traefik_wide(count, seed):
    rng = random.Random(f"wide {seed}")
    out = []
    for number in range(count):
        services = []
        priorities = iter(rng.sample([p for p in range(-40, 1000) if p != 0], 12))
        for i in range(rng.randint(1, 4)):
            name = f"w{number}s{i}"
            tags = []
            middlewares = [f"m{name}{k}" for k in range(rng.choice([0, 0, 1, 3]))]
            for middleware in middlewares:
                tags.append(f"traefik.http.{any_case(rng, 'middlewares')}.{middleware}.{rng.choice(MIDDLEWARES)}")
            declared = [f"{name}{letter}" for letter in "xY"[:rng.choice([0, 0, 1, 2])]]
            for one in declared:
                tags.append(f"traefik.http.services.{one}." + rng.choice([
                    "loadbalancer.server.port=@b", "loadBalancer.Server.Port=@a", "loadbalancer.passhostheader=false",
                    "LOADBALANCER.passHostHeader=True", "loadbalancer.server.scheme=http",
                    "loadbalancer.server.weight=3", "loadbalancer.server.url=http://127.0.0.1:@b",
                    "loadbalancer.sticky.cookie.name=c", "loadbalancer.healthcheck.interval=30s"]))
            for k in range(rng.choice([0, 1, 1, 2, 3])):
                tags += wide_router(rng, f"R{name}{k}", next(priorities), middlewares, declared)
            rng.shuffle(tags)
            tags = spoil(rng, tags)
            for instance in range(rng.choice([1, 1, 1, 2])):
                services.append(service(name, *tags, id=f"{name}-{instance}",
                                        status=rng.choice(["passing", "passing", "warning", "critical"])))
        asks = [ask(rng.choice(HOSTS + [f"w{number}s0"]) + rng.choice(PATHS), any_upstream=True,
                    method=rng.choice(["GET", "GET", "POST"]),
                    headers=[("X-R", rng.choice(["1", "2", "3", "1,2"]))]) for _ in range(15)]
        out.append(case(f"random wide {number}", services, *asks, translated=True))
    return out


COMMANDS = ["route add cmd{n} a.rnd.test/cmd http://127.0.0.1:@b/", "route del g{n}s0", "route del g{n}s1 rnd.test/",
            "route del tags \"v1\"", "route weight a.rnd.test/x weight 0.3 tags \"v1\"",
            "route weight g{n}s0 rnd.test/ weight 0.3", "# nothing", "// nothing",
            "route add cmd{n} RND.test/y http://127.0.0.1:@b/ weight 0.5 tags \"v1,v2\" opts \"strip=/y\"",
            "route add g{n}s0 b.rnd.test/ http://127.0.0.1:@b/ opts \"prepend=/p host=other.test\"",
            "route add cmd{n} *.rnd.test/c http://127.0.0.1:@b/ opts \"redirect=302\"",
            "route del g{n}s0 \"rnd.test/\""]


def fabio_wide(count, seed):
    rng = random.Random(f"wide {seed}")
    out = []
    for number in range(count):
        services = []
        for i in range(rng.randint(1, 5)):
            tags = [tag for tag in ("v1", "v2", "colour=red") if rng.random() < 0.3]
            for source in rng.sample(["rnd.test/", "a.rnd.test/x", "A.Rnd.Test/X", "b.rnd.test:80/", "/x", "/",
                                      "*.rnd.test/y", "rnd.test", "b.rnd.test/x/y"], rng.choice([1, 1, 2])):
                options = rng.choice(["", "", " strip=/x", " prepend=/p  strip=/x ", " host=dst", " weight=0.2",
                                      " proto=http", " redirect=301,https://z.test$path", " prepend=/q",
                                      " allow=ip:127.0.0.1,ip:10.0.0.0/8", " register=x", " prepend="])
                # Options of one source that differ are those of most here, those of the last line in fabio.
                options = options if number % 2 or i == 0 else ""
                # fabio tells X-Forwarded-Prefix also where it strips nothing: a documented difference.
                if "strip=" in options and "/x" not in source:
                    options = ""
                tags.append(f"urlprefix-{source}{options}")
            services.append(service(f"g{number}s{i}", *tags, checks=rng.choice(
                [["passing"], ["passing", "warning"], ["passing", "critical"], ["warning"], []])))
        # Two services of one source, with options: whose they are is chance in fabio.
        sources = [tag.split(" ")[0].lower().removesuffix("/")
                   for one in services for tag in one["tags"] if tag.startswith("urlprefix-")]
        if len(set(sources)) != len(sources):
            for one in services:
                one["tags"] = [tag.split(" ")[0] if tag.startswith("urlprefix-") else tag for tag in one["tags"]]
        lines = [line.format(n=number) for line in rng.sample(COMMANDS, rng.choice([0, 0, 1, 2, 3]))]
        asks = [ask(rng.choice(HOSTS + ["x.rnd.test", "other.test", "A.RND.test"]) +
                    rng.choice(["/", "/x", "/x/y", "/X", "/y", "/y/z", "/x?q=1", "/c", "/cmd/1"]), any_upstream=True)
                for _ in range(15)]
        out.append(case(f"random wide {number}", services, *asks, kv="\n".join(lines) or None))
    return out
