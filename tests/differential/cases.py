"""Tag sets, and what is asked of whoever reads them. Each case is judged against the program whose tags it has."""

T = "traefik.http."


def rule(name, text, *more):
    return [f"{T}routers.{name}.rule={text}", *[f"{T}routers.{name}.{one}" for one in more]]


def service(name, *tags, id=None, status="passing", address="127.0.0.1", port=None, checks=None):
    return {"name": name, "id": id or name, "tags": list(tags), "status": status, "address": address, "port": port,
            "checks": checks}


def ask(text, **more):
    host, slash, path = text.partition("/")
    return {"host": host, "path": slash + path or "/", **more}


def case(name, services, *asks, differs=None, kv=None, translated=False):
    """`differs`: why Weir answers otherwise on purpose. `translated`: it shows rules in other words."""
    return {"name": name, "services": services, "asks": [ask(one) if isinstance(one, str) else one for one in asks],
            "differs": differs, "kv": kv, "translated": translated}


TRAEFIK = [
    case("no tag at all: the default rule", [service("plain_App.v2")],
         "plain-App-v2/", "plain-app-v2/x?y=1", "plain_app.v2/", "other/"),
    case("enable=false", [service("off", "traefik.enable=false")], "off/"),
    case("enable=FALSE and other words", [service("off2", "traefik.enable=FALSE"), service("off3", "traefik.enable=f"),
                                          service("off4", "traefik.enable=nonsense"),
                                          service("on", "traefik.enable=1")],
         "off2/", "off3/", "off4/", "on/"),
    case("enable in capitals", [service("cap", "traefik.Enable=false")], "cap/"),
    case("only a router", [service("one", *rule("r1", "Host(`one.test`) && PathPrefix(`/a`)"))],
         "one.test/a", "one.test/ab", "one.test/", "one/a"),
    case("a router without a rule", [service("norule", f"{T}routers.r.entrypoints=web")], "norule/"),
    case("only a service", [service("two", f"{T}services.s.loadbalancer.passhostheader=false")], "two/", "s/"),
    case("two services and no router", [service("three", f"{T}services.a.loadbalancer.server.weight=1",
                                                f"{T}services.b.loadbalancer.server.weight=1")], "three/", "a/"),
    case("two services, a router that names one",
         [service("four", f"{T}services.a.loadbalancer.passhostheader=true",
                  f"{T}services.b.loadbalancer.passhostheader=false", *rule("r", "Host(`four.test`)", "service=b"))],
         "four.test/"),
    case("two services, a router that names none",
         [service("five", f"{T}services.a.loadbalancer.passhostheader=true",
                  f"{T}services.b.loadbalancer.passhostheader=false", *rule("r", "Host(`five.test`)"))], "five.test/"),
    case("field names in any case, object names keep theirs",
         [service("six", "traefik.HTTP.Routers.MyR.Rule=Host(`six.test`)", "traefik.http.ROUTERS.MyR.Priority=7")],
         "six.test/"),
    case("blanks around key and value",
         [service("seven", " traefik.http.routers.b7.rule=Host(`seven.test`)",
                  "traefik.http.routers.c7.rule = Host(`seven-c.test`)",
                  "traefik.http.routers.d7.rule=Host(`seven-d.test`) ",
                  "traefik.http.routers.e7.priority= 5", "traefik.http.routers.e7.rule=Host(`seven-e.test`)")],
         "seven.test/", "seven-c.test/", "seven-d.test/", "seven-e.test/", "seven/"),
    case("prefix without a dot", [service("eight", "traefikhttp.routers.r.rule=Host(`eight.test`)")], "eight.test/",
         "eight/"),
    case("a tag without =", [service("nine", "traefik.http.routers.r.rule", *rule("r9", "Host(`nine.test`)"))],
         "nine.test/", "nine/"),
    case("an unknown field drops the instance",
         [service("ten", *rule("r10", "Host(`ten.test`)", "colour=red"))], "ten.test/"),
    case("an unknown field elsewhere in the instance",
         [service("eleven", *rule("r11", "Host(`eleven.test`)"), f"{T}services.eleven.loadbalancer.colour=red")],
         "eleven.test/"),
    case("an unknown section", [service("e12", *rule("r12", "Host(`e12.test`)"), "traefik.http.rooters.x.rule=y")],
         "e12.test/"),
    case("an unknown root", [service("e13", *rule("r13", "Host(`e13.test`)"), "traefik.htp.x.rule=y",
                                     "traefik.docker.network=x", "traefik.swarm.lbswarm=true")], "e13.test/"),
    case("port, scheme", [service("e14", *rule("r14", "Host(`e14.test`)"),
                                  f"{T}services.e14.loadbalancer.server.port=@b",
                                  f"{T}services.e14.loadbalancer.server.scheme=http")], "e14.test/"),
    case("a bad port", [service("e15", *rule("r15", "Host(`e15.test`)"),
                                f"{T}services.e15.loadbalancer.server.port=99999")], "e15.test/",
         differs="a port above 65535: the service is refused with the reason, and its router with it"),
    case("a url", [service("e16", *rule("r16", "Host(`e16.test`)"),
                           f"{T}services.e16.loadbalancer.server.url=http://127.0.0.1:@b")], "e16.test/x"),
    case("a url and a port", [service("e17", *rule("r17", "Host(`e17.test`)"),
                                      f"{T}services.e17.loadbalancer.server.url=http://127.0.0.1:@b",
                                      f"{T}services.e17.loadbalancer.server.port=80")], "e17.test/x", "e17/"),
    case("plural servers", [service("e18", *rule("r18", "Host(`e18.test`)"),
                                    f"{T}services.e18.loadbalancer.servers[0].port=80")], "e18.test/", "e18/"),
    case("passHostHeader=false", [service("e19", *rule("r19", "Host(`e19.test`)"),
                                          f"{T}services.s19.loadbalancer.passHostHeader=false")], "e19.test/"),
    case("sticky, health check, response forwarding, transport are accepted", [
        service("e20", *rule("r20", "Host(`e20.test`)"), f"{T}services.s20.loadbalancer.sticky.cookie=true",
                f"{T}services.s20.loadbalancer.sticky.cookie.name=c",
                f"{T}services.s20.loadbalancer.sticky.cookie.secure=true",
                f"{T}services.s20.loadbalancer.sticky.cookie.httponly=true",
                f"{T}services.s20.loadbalancer.sticky.cookie.samesite=lax",
                f"{T}services.s20.loadbalancer.sticky.cookie.maxage=5",
                f"{T}services.s20.loadbalancer.sticky.cookie.path=/",
                f"{T}services.s20.loadbalancer.sticky.cookie.domain=e20.test",
                f"{T}services.s20.loadbalancer.responseforwarding.flushinterval=10ms")], "e20.test/"),
    case("an unknown field of sticky", [
        service("e21", *rule("r21", "Host(`e21.test`)"), f"{T}services.s21.loadbalancer.sticky.cookie.colour=red")],
         "e21.test/", "e21/"),
    case("an unknown field of a health check", [
        service("e22", *rule("r22", "Host(`e22.test`)"), f"{T}services.s22.loadbalancer.healthcheck.path=/",
                f"{T}services.s22.loadbalancer.healthcheck.colour=red")], "e22.test/", "e22/"),
    case("weighted, mirroring and failover services are not for tags", [
        service("e23", *rule("r23", "Host(`e23.test`)"), f"{T}services.s23.weighted.services[0].name=e23")],
         "e23.test/", "e23/"),
    case("strategy", [service("e24", *rule("r24", "Host(`e24.test`)"), f"{T}services.s24.loadbalancer.strategy=p2c")],
         "e24.test/"),
    case("priority decides", [service("e25", *rule("a", "Host(`e25.test`)", "priority=100"),
                                      f"{T}routers.a.service=a25", f"{T}services.a25.loadbalancer.server.port=@a"),
                              service("e25b", *rule("b25", "Host(`e25.test`) && PathPrefix(`/x`)"))],
         "e25.test/x", "e25.test/"),
    case("a negative priority, and 0", [service("e26", *rule("a26", "PathPrefix(`/e26`)", "priority=-1")),
                                        service("e26b", *rule("b26", "Host(`e26.test`)", "priority=0"))],
         "e26.test/e26", "x.test/e26"),
    case("a priority that is no number", [service("e27", *rule("a27", "Host(`e27.test`)", "priority=high"))],
         "e27.test/", "e27/"),
    case("entry points by name", [service("e28", *rule("a28", "Host(`e28.test`)", "entrypoints=second"))],
         "e28.test/", ask("e28.test/", entry_point="second")),
    case("entry points with blanks and unknown ones",
         [service("e29", *rule("a29", "Host(`e29.test`)", "entrypoints=web, second")),
          service("e29b", *rule("b29", "Host(`e29b.test`)", "entrypoints=nowhere,web")),
          service("e29c", *rule("c29", "Host(`e29c.test`)", "entrypoints=nowhere"))],
         "e29.test/", ask("e29.test/", entry_point="second"), "e29b.test/", "e29c.test/"),
    case("middlewares: order, strip, add, replace, headers",
         [service("e30", *rule("a30", "Host(`e30.test`)", "middlewares=s30,p30"),
                  f"{T}middlewares.s30.stripprefix.prefixes=/a,/b", f"{T}middlewares.p30.addprefix.prefix=/z"),
          service("e31", *rule("a31", "Host(`e31.test`)", "middlewares=p31, s31"),
                  f"{T}middlewares.s31.stripPrefix.Prefixes=/z", f"{T}middlewares.p31.addprefix.prefix=/z"),
          service("e32", *rule("a32", "Host(`e32.test`)", "middlewares=r32@consulcatalog"),
                  f"{T}middlewares.r32.replacepath.path=/fixed")],
         "e30.test/a/x", "e30.test/ax", "e30.test/b", "e30.test/c/b", "e31.test/q", "e32.test/what?x=1"),
    case("an empty name in a list of middlewares", [service("g2", *rule("g2", "Host(`g2.test`)", "middlewares=,s2,"))],
         "g2.test/", differs="a router that lacks a middleware answers 503"),
    case("a middleware that is nowhere", [service("e33", *rule("a33", "Host(`e33.test`)", "middlewares=nobody"))],
         "e33.test/", differs="a router that lacks a middleware answers 503: 404 would let another router have it"),
    case("a service that is nowhere", [service("e34", *rule("a34", "Host(`e34.test`)", "service=nobody"))],
         "e34.test/", differs="a router that lacks its service answers 503"),
    case("redirectScheme", [service("e35", *rule("a35", "Host(`e35.test`)", "middlewares=m35"),
                                    f"{T}middlewares.m35.redirectscheme.scheme=https",
                                    f"{T}middlewares.m35.redirectscheme.permanent=true"),
                            service("e36", *rule("a36", "Host(`e36.test`)", "middlewares=m36"),
                                    f"{T}middlewares.m36.redirectscheme.scheme=https",
                                    f"{T}middlewares.m36.redirectscheme.port=8443")],
         "e35.test/x?y=1", "e36.test/", ask("e35.test/", method="POST"), "e35.test:8080/"),
    case("tls=true does not answer plain HTTP", [service("e37", *rule("a37", "Host(`e37.test`)", "tls=true")),
                                                 service("e38", *rule("a38", "Host(`e38.test`)", "tls=false")),
                                                 service("e39",
                                                         *rule("a39", "Host(`e39.test`)", "tls.certresolver=x"))],
         "e37.test/", "e38.test/", "e39.test/"),
    case("two services of one name, equal", [
        service("e40", *rule("a40", "Host(`e40.test`)", "service=shared40"),
                f"{T}services.shared40.loadbalancer.passhostheader=false"),
        service("e40b", *rule("b40", "Host(`e40b.test`)", "service=shared40"),
                f"{T}services.shared40.loadbalancer.passhostheader=false")],
         ask("e40.test/", any_upstream=True), ask("e40b.test/", any_upstream=True)),
    case("two services of one name that differ", [
        service("e41", *rule("a41", "Host(`e41.test`)", "service=shared41"),
                f"{T}services.shared41.loadbalancer.passhostheader=false"),
        service("e41b", *rule("b41", "Host(`e41b.test`)", "service=shared41"),
                f"{T}services.shared41.loadbalancer.passhostheader=true")],
         "e41.test/", differs="a router that lacks its service answers 503"),
    case("two routers of one name that differ", [
        service("e42", *rule("a42", "Host(`e42.test`)")), service("e42b", *rule("a42", "Host(`e42b.test`)"))],
         "e42.test/", "e42b.test/"),
    case("instances of one service with other tags", [
        service("e43", *rule("a43", "Host(`e43.test`)"), id="e43-1"),
        service("e43", *rule("a43", "Host(`e43b.test`)"), id="e43-2")], "e43.test/", "e43b.test/"),
    case("instances with routers of their own", [
        service("e44", *rule("a44", "Host(`e44.test`)"), id="e44-1"),
        service("e44", *rule("b44", "Host(`e44b.test`)"), id="e44-2")],
         ask("e44.test/", any_upstream=True), ask("e44b.test/", any_upstream=True)),
    case("health: critical, warning, none", [
        service("e45", *rule("a45", "Host(`e45.test`)"), status="critical"),
        service("e46", *rule("a46", "Host(`e46.test`)"), status="warning"),
        service("e47", *rule("a47", "Host(`e47.test`)"), status=None)], "e45.test/", "e46.test/", "e47.test/"),
    case("a canary", [service("e48", "traefik.consulcatalog.canary=true", id="e48-c"), service("e48", id="e48-m")],
         ask("e48/", any_upstream=True)),
    case("weight 0 and below", [
        service("e49", *rule("a49", "Host(`e49.test`)"), f"{T}services.s49.loadbalancer.server.weight=0", id="e49-1"),
        service("e49", *rule("a49", "Host(`e49.test`)"), f"{T}services.s49.loadbalancer.server.weight=1", id="e49-2")],
         "e49.test/", "e49.test/a", "e49.test/b"),
    case("tcp and udp only", [
        service("e50", "traefik.tcp.routers.t.rule=HostSNI(`e50.test`)", "traefik.tcp.routers.t.tls=true"),
        service("e51", "traefik.udp.routers.u.entrypoints=web")], "e50/", "e51/"),
    case("tcp beside http", [
        service("e52", "traefik.tcp.routers.t52.rule=HostSNI(`x`)", *rule("a52", "Host(`e52.test`)"))], "e52.test/",
        "e52/"),
    case("a later tag of the same key wins", [
        service("e53", *rule("a53", "Host(`e53.test`)"), *rule("a53", "Host(`e53b.test`)"))], "e53.test/",
         "e53b.test/"),
    case("a certificate store", [service("e54", "traefik.tls.stores.default.defaultcertificate.certfile=/x",
                                         "traefik.tls.stores.default.defaultcertificate.keyfile=/y",
                                         *rule("a54", "Host(`e54.test`)"))], "e54.test/"),
    case("observability and rule syntax", [
        service("e55", *rule("a55", "Host(`e55.test`)", "observability.accesslogs=false", "observability.metrics=true",
                             "observability.tracing=false")),
        service("e56", *rule("a56", "Host(`e56.test`)", "rulesyntax=v3")),
        service("e57", *rule("a57", "Host(`e57.test`,`e57b.test`)", "rulesyntax=v2")),
        service("e58", *rule("a58", "Host(`e58.test`,`e58b.test`)"))],
         "e55.test/", "e56.test/", "e57.test/", "e57b.test/", "e58.test/", translated=True),
    case("v2 rules", [
        service("v1", *rule("v1", "Host(`v1.test`) && PathPrefix(`/a/{id:[0-9]+}`)", "rulesyntax=v2")),
        service("v2", *rule("v2", "HostRegexp(`{sub:[a-z]+}.v2.test`)", "rulesyntax=v2")),
        service("v3", *rule("v3", "Path(`/v3/{name}`, `/v3b`)", "rulesyntax=v2")),
        service("v4", *rule("v4", "Host(`v4.test`) && Headers(`X-A`, `1`)", "rulesyntax=v2")),
        service("v5", *rule("v5", "Host(`v5.test`) && HeadersRegexp(`X-A`, `^1+$`)", "rulesyntax=v2")),
        service("v6", *rule("v6", "Host(`v6.test`) && Query(`a=1`, `b=2`)", "rulesyntax=v2")),
        service("v7", *rule("v7", "Host(`v7.test`) && Method(`GET`, `PUT`)", "rulesyntax=v2")),
        service("v8", *rule("v8", "Host(`v8.test`) && !PathPrefix(`/no`, `/never`)", "rulesyntax=v2"))],
         "v1.test/a/1", "v1.test/a/12/x", "v1.test/a/b", "x.v2.test/", "x1.v2.test/", "y.x.v2.test/", "any.test/v3/q",
         "any.test/v3/q/r", "any.test/v3b", ask("v4.test/", headers=[("X-A", "1")]), "v4.test/",
         ask("v5.test/", headers=[("X-A", "11")]), ask("v5.test/", headers=[("X-A", "12")]), "v6.test/?a=1&b=2",
         "v6.test/?a=1", "v7.test/", ask("v7.test/", method="PUT"), ask("v7.test/", method="POST"), "v8.test/yes",
         "v8.test/no", "v8.test/never/x", translated=True),
    *[case(f"an empty value: {field}", [service("ev", *rule("ev", "Host(`ev.test`)"), f"{T}{field}=")], "ev.test/")
      for field in ("routers.ev.priority", "routers.ev.middlewares", "routers.ev.entrypoints", "routers.ev.service",
                    "routers.ev.tls", "routers.ev.rulesyntax", "routers.other.rule", "routers.ev.observability.metrics",
                    "services.sv.loadbalancer.passhostheader", "services.sv.loadbalancer.server.port",
                    "services.sv.loadbalancer.server.scheme", "services.sv.loadbalancer.server.url",
                    "services.sv.loadbalancer.server.weight", "services.sv.loadbalancer.strategy",
                    "services.sv.loadbalancer.sticky", "services.sv.loadbalancer.healthcheck.path",
                    "services.sv.loadbalancer.healthcheck.interval", "services.sv.loadbalancer.serverstransport",
                    "middlewares.m.addprefix.prefix", "middlewares.m.stripprefix.prefixes")],
    *[case(f"an odd value: {field}", [service("ov", *rule("ov", "Host(`ov.test`)"), f"{T}{field}")], "ov.test/")
      for field in ("routers.ov.priority=+5", "routers.ov.priority=1e3", "routers.ov.priority=99999999999999999999",
                    "routers.ov.rulesyntax=v1", "routers.ov.tls=1", "services.sv.loadbalancer.passhostheader=yes",
                    "services.sv.loadbalancer.passhostheader=t", "services.sv.loadbalancer.server.weight=1.5",
                    "services.sv.loadbalancer.server=x", "services.sv.loadbalancer=true", "services.sv=x",
                    "routers.ov=x", "routers=x", "services.sv.loadbalancer.sticky.cookie.maxage=x",
                    "services.sv.loadbalancer.healthcheck.interval=x", "routers.ov.rule.x=1",
                    "serverstransports.t.servername=x", "services.sv.mirroring.service=x",
                    "services.sv.loadbalancer.servers=x")],
    *[case(f"refused with the reason: {field}", [service("ov", *rule("ov", "Host(`ov.test`)"), f"{T}{field}")],
           "ov.test/", differs=why)
      for field, why in (
          ("services.sv.loadbalancer.server.port=abc", "Traefik takes any text for a port and answers 500"),
          ("services.sv.loadbalancer.server.port=-1", "Traefik takes any text for a port and answers 500"),
          ("services.sv.loadbalancer.server.scheme=ftp", "Traefik takes any text for a scheme and answers 500"),
          ("services.sv.loadbalancer.server.url=nonsense", "Traefik takes any text for a URL and answers 500"),
          ("services.sv.loadbalancer.strategy=nonsense", "Traefik drops the router; wrr is used and the tag reported"),
          ("middlewares.m.addprefix=true", "a middleware is checked by itself and dropped alone"),
          ("middlewares.m.addprefix.prefix.x=1", "a middleware is checked by itself and dropped alone"),
          ("middlewares.m.nobody.x=1", "a middleware is checked by itself and dropped alone"))],
    case("rules: hosts", [
        service("h1", *rule("h1", "Host(`H1.Test`)")), service("h2", *rule("h2", "Host(`*.h2.test`)")),
        service("h3", *rule("h3", "HostRegexp(`^[a-z]+\\.h3\\.test$`)")),
        service("h4", *rule("h4", "Host(`h4.test.`)")), service("h5", *rule("h5", "HostRegexp(`H5`)"))],
         "h1.test/", "H1.TEST/", "h1.test:8080/", "h1.test./", "a.h2.test/", "a.b.h2.test/", "h2.test/", "abc.h3.test/",
         "a1.h3.test/", "ABC.h3.test/", "h4.test/", "h4.test./", "H5.test/", "h5.test/"),
    case("rules: paths", [
        service("p1", *rule("p1", "Host(`p.test`) && Path(`/exact`)")),
        service("p2", *rule("p2", "Host(`p.test`) && PathPrefix(`/pre`)")),
        service("p3", *rule("p3", "Host(`p.test`) && PathRegexp(`^/re/[0-9]+$`)")),
        service("p4", *rule("p4", "Host(`p.test`) && PathPrefix(`/a b`)")),
        service("p5", *rule("p5", "Host(`p.test`) && Path(`/enc%2Fx`)")),
        service("p6", *rule("p6", "Host(`p.test`) && PathPrefix(`/ümlaut`)"))],
         "p.test/exact", "p.test/exact/", "p.test/exact?x=1", "p.test/prefix", "p.test/pre", "p.test/PRE",
         "p.test/re/12", "p.test/re/12/", "p.test/a%20b", "p.test/enc%2Fx", "p.test/enc/x", "p.test/%70re",
         "p.test/x/../pre", "p.test//pre", "p.test/pre/./x", "p.test/pre//x", "p.test/%C3%BCmlaut", "p.test/pre%2e%2e",
         "p.test/pre/%2e%2e/exact"),
    case("rules: methods, headers, queries, client", [
        service("q1", *rule("q1", "Host(`q.test`) && Method(`get`)", "priority=1")),
        service("q2", *rule("q2", "Host(`q.test`) && Header(`X-Kind`, `a`)")),
        service("q3", *rule("q3", "Host(`q.test`) && HeaderRegexp(`x-kind`, `^b`)")),
        service("q4", *rule("q4", "Host(`q.test`) && Query(`k`, `v`)")),
        service("q5", *rule("q5", "Host(`q.test`) && Query(`empty`)")),
        service("q6", *rule("q6", "Host(`q.test`) && QueryRegexp(`n`, `^[0-9]+$`)")),
        service("q7", *rule("q7", "Host(`q7.test`) && ClientIP(`127.0.0.0/8`)")),
        service("q8", *rule("q8", "Host(`q8.test`) && !ClientIP(`127.0.0.1`)")),
        service("q9", *rule("q9", "Host(`q9.test`) && QueryRegexp(`n`)"))],
         "q.test/", ask("q.test/", method="POST"), ask("q.test/", headers=[("X-KIND", "a")]),
         ask("q.test/", headers=[("X-Kind", "A")]), ask("q.test/", headers=[("X-Kind", "bc")]), "q.test/?k=v",
         "q.test/?k=w&k=v", "q.test/?K=v", "q.test/?empty", "q.test/?empty=", "q.test/?empty=1", "q.test/?n=12",
         "q.test/?n=1a", "q.test/?k=%76", "q7.test/", "q8.test/", "q9.test/?n=1", "q9.test/?n"),
    case("a semicolon in a query", [service("semi", *rule("semi", "Host(`semi.test`)"))], "semi.test/?a=1;b=2",
         differs="a query is sent on as it came; Traefik turns its semicolons into ampersands"),
    case("a matcher's name in odd case", [service("b8", *rule("b8", "hOST(`b10.test`)&&pathprefix(`/x`)"))],
         "b10.test/x", differs="matchers' names are taken in any case"),
    case("rules: boolean", [
        service("b1", *rule("b1", "(Host(`b1.test`) || Host(`b2.test`)) && !Path(`/no`)")),
        service("b2", *rule("b2", "Host(`b3.test`) || Host(`b4.test`) && Path(`/x`)")),
        service("b3", *rule("b3", "!(Host(`b1.test`) || !Host(`b5.test`))")),
        service("b4", *rule("b4", "host(`b6.test`) AND path(`/x`)")), service("b5", *rule("b5", "Host('b7.test')")),
        service("b6", *rule("b6", 'Host("b8.test")')), service("b7", *rule("b7", "Host(`b9.test`) && "))],
         "b1.test/", "b1.test/no", "b2.test/", "b3.test/", "b4.test/", "b4.test/x", "b5.test/", "b6.test/x", "b7.test/",
         "b8.test/", "b9.test/"),
    case("bad rules", [
        service("x1", *rule("x1", "Host(`x1.test`, `x1b.test`)")), service("x2", *rule("x2", "Host()")),
        service("x3", *rule("x3", "Path(`nope`)")), service("x4", *rule("x4", "HostRegexp(`[`)")),
        service("x5", *rule("x5", "Unknown(`x`)")), service("x6", *rule("x6", "Host(`x6.tést`)")),
        service("x7", *rule("x7", "ClientIP(`x`)")), service("x8", *rule("x8", "Host(``)")),
        service("x9", *rule("x9", "PathPrefix(``)"))],
         "x1.test/", "x2/", "x3.test/nope", "x5/", "x6.test/", "x9/"),
    case("odd names", [service("o1", *rule("with-dash_under", "Host(`o1.test`)")),
                       service("o2", *rule("ünï", "Host(`o2.test`)")),
                       service("o3", *rule("UPPER", "Host(`o3.test`)")),
                       service("o4", *rule("a b", "Host(`o4.test`)")), service("o5", *rule("a@b", "Host(`o5.test`)"))],
         "o1.test/", "o2.test/", "o3.test/", "o4.test/", "o5.test/"),
    case("a value with = and commas", [
        service("g1", *rule("g1", "Host(`g1.test`) && Query(`a`, `b=c,d`)")),
        service("g3", *rule("g3", "Host(`g3.test`)", "entrypoints="))], "g1.test/?a=b%3Dc%2Cd", "g3.test/"),
]

CONSTRAINTS = "Tag(`public`) && !TagRegex(`^priv`)"
CONSTRAINED = [
    case("constraints", [
        service("k1", "public", *rule("k1", "Host(`k1.test`)")), service("k2", *rule("k2", "Host(`k2.test`)")),
        service("k3", "public", "private", *rule("k3", "Host(`k3.test`)")),
        service("k4", "public", *rule("k4", "Host(`k4.test`)"), id="k4-1"),
        service("k4", *rule("k4", "Host(`k4.test`)"), id="k4-2")],
         "k1.test/", "k2.test/", "k3.test/", "k4.test/", "k4.test/a", "k4.test/b"),
]
DEFAULT_RULE = ("Host(`{{ .Name | lower }}{{ with_zone }}.d.test`)").replace(
    "{{ with_zone }}", '{{ if index .Labels "traefik.zone" }}.{{ index .Labels "traefik.zone" }}{{ end }}')
DEFAULTED = [
    case("a default rule of functions", [service("D1", "traefik.enable=true"), service("D2", "traefik.zone=eu"),
                                         service("d3", f"{T}services.d3.loadbalancer.passhostheader=true")],
         "d1.d.test/", "d2.eu.d.test/", "d2.d.test/", "d3.d.test/", "D2.EU.d.test/"),
]
HIDDEN = [
    case("not exposed by default", [
        service("u1"), service("u2", "traefik.enable=true"), service("u3", "traefik.enable=TRUE"),
        service("u4", "traefik.enable=true", id="u4-1"), service("u4", id="u4-2")],
         "u1/", "u2/", "u3/", "u4/", "u4/a", "u4/b"),
    case("not exposed by default, with a route", [service("u5", *rule("u5", "Host(`u5.test`)"))], "u5.test/",
         differs="a tag that makes a route exposes its service"),
]
STRICT = [
    case("strict checks", [service("w1", status="warning"), service("w2", status="passing"),
                           service("w3", status="critical"), service("w4", checks=["passing", "warning"])],
         "w1/", "w2/", "w3/", "w4/"),
]
GROUPS = [
    ({}, TRAEFIK),
    ({"traefik": {"constraints": CONSTRAINTS}, "sentinel_tags": ["public"], "weir": [f"constraints = '{CONSTRAINTS}'"]},
     CONSTRAINED),
    ({"traefik": {"defaultRule": DEFAULT_RULE}, "weir": [f"default_rule = '{DEFAULT_RULE}'"]}, DEFAULTED),
    ({"traefik": {"exposedByDefault": False}, "sentinel_tags": ["traefik.enable=true"],
      "weir": ["exposed_by_default = false"]}, HIDDEN),
    ({"traefik": {"strictChecks": ["passing"]}, "weir": ['strict_checks = ["passing"]']}, STRICT),
]
