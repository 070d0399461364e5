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
           "traefik.enable=maybe",
           "traefik.http.services.odd.loadbalancer.server.port=", "traefik.http.middlewares.m.nothing.x=1",
           "traefik.http.routers.r.priority=1.5", "traefik.http.routers.r.tls=perhaps", "traefik.=x", "traefik=",
           "traefik.http.routers.r.middlewares=a@file,b", "Traefik.http.routers.q.rule=Host(`a.rnd.test`)"]
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
        asks = [ask(rng.choice(HOSTS) + rng.choice(PATHS), method=rng.choice(["GET", "GET", "POST"]),
                    headers=[("X-R", rng.choice("123"))]) for _ in range(15)]
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
