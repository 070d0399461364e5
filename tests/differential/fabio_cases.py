"""fabio's tags and commands, and what is asked of whoever reads them."""

from cases import ask, case, service

U = "urlprefix-"

NOTHING_STRIPPED = "X-Forwarded-Prefix says what was stripped; fabio tells its option even where nothing was"


def path_cases():
    return [
        case("host and path", [service("f1", U + "f1.test/"), service("f2", U + "f1.test/a"),
                               service("f3", U + "f1.test/a/b")],
             "f1.test/", "f1.test/a", "f1.test/ab", "f1.test/a/bc", "f1.test/b", "F1.test/A", "other.test/a"),
        case("no host, fall-through", [service("f4", U + "/x"), service("f5", U + "f5.test/y"),
                                       service("f6", U + "/")],
             "f5.test/y", "f5.test/x", "f5.test/z", "q.test/x1", "q.test/"),
        case("globs, and which is asked first", [
            service("g1", U + "*.g.test/"), service("g2", U + "*.a.g.test/"), service("g3", U + "x.a.g.test/only"),
            service("g4", U + "*g.test/"), service("g5", U + "x?.g.test/"), service("g6", U + "[yz]q.g.test/"),
            service("g7", U + "{m,n}.g.test/")],
             "b.g.test/", "b.a.g.test/", "x.a.g.test/only", "x.a.g.test/", "g.test/", "xg.test/", "x1.g.test/",
             "yq.g.test/", "zq.g.test/", "m.g.test/", "n.g.test/", "a.b.c.g.test/", "o.g.test/"),
        case("a pattern that begins where the host does",
             [service("gg1", U + "gg.test/x"), service("gg2", U + "*gg.test/")],
             "gg.test/x", differs="a host is asked before every pattern; fabio asks this one pattern first"),
        case("a host without a slash, and one in capitals",
             [service("f7", U + "f7.test"), service("f8", U + "F8.Test/P")],
             "f7.test/", "f7.test/x", "f8.test/P", "f8.test/p"),
        case("ports", [service("f9", U + "f9.test:80/"), service("f10", U + "f10.test:8080/"),
                       service("f11", U + "f11.test/"),
                       service("f12", U + "*.f12.test:8080/a")],
             "f9.test/", "f9.test:80/", "f10.test:8080/", "f10.test/", "f10.test:8081/", "f11.test:80/",
             "x.f12.test:8080/a", "x.f12.test/a"),
        case("a port that no tag names", [service("f13", U + "f13.test/")], "f13.test:8080/",
             differs="a host without a port stands for all ports: behind a load balancer the port is anyone's"),
        case("strip", [service("s1", U + "s1.test/a strip=/a"), service("s2", U + "s2.test/ strip=/q"),
                       service("s3", U + "s3.test/a/b strip=/a"), service("s4", U + "s4.test/a strip=/a/")],
             "s1.test/a/b", "s1.test/a", "s1.test/ab", "s1.test/a?x=1", "s2.test/q/x", "s2.test/x", "s3.test/a/bc",
             "s4.test/a/b", "s4.test/a", differs=NOTHING_STRIPPED),
        case("strip of what no path begins with", [service("s6", U + "s6.test/ strip=/x,/y"),
                                                   service("s7", U + "s7.test/ strip=x")],
             "s6.test/x/z", "s7.test/x/z", differs=NOTHING_STRIPPED),
        case("strip, and an escaped slash", [service("s5", U + "s5.test/a strip=/a")], "s5.test/a%2Fb",
             differs="an escaped slash stays escaped; fabio makes a segment of it"),
        case("prepend", [service("p1", U + "p1.test/ prepend=/v1"), service("p2", U + "p2.test/a strip=/a prepend=/z"),
                         service("p3", U + "p3.test/ prepend=/v1/")],
             "p1.test/x", "p1.test/", "p1.test/x?y=1", "p2.test/a/b", "p2.test/a", "p3.test/x"),
        case("host", [service("h1", U + "h1.test/ host=inner.test"), service("h2", U + "h2.test/ host=dst"),
                      service("h3", U + "h3.test/")], "h1.test/", "h2.test/", "h3.test/"),
        case("options that nobody knows", [service("o1", U + "o1.test/ colour=red tag"),
                                           service("o2", U + "o2.test/ register=name")], "o1.test/", "o2.test/"),
        case("blanks", [service("b1", U + "b1.test/   strip=/a    prepend=/b "), service("b2", "  " + U + "b2.test/"),
                        service("b3", U + " b3.test/")],
             "b1.test/a/x", "b2.test/", "b3.test/"),
        case("redirects", [
            service("r1", U + "r1.test/ redirect=301,https://r1.test$path"),
            service("r2", U + "r2.test/a redirect=302,https://other.test/"),
            service("r3", U + "r3.test/a strip=/a redirect=307,https://other.test$path"),
            service("r4", U + "r4.test/ redirect=303,https://$host$path"),
            service("r5", U + "r5.test/ redirect=308,https://other.test/x/$path"),
            service("r6", U + "r6.test/ redirect=301,https://other.test$path?z=1"),
            service("r7", U + "r7.test/a prepend=/p redirect=302,https://other.test$path"),
            service("r8", U + "r8.test/ redirect=302,https://other.test"),
            service("r9", U + "*.r9.test/ redirect=301,https://www.r9.test$path")],
             "r1.test/x/y?q=1", "r2.test/a/b?q=1", "r3.test/a/b", "r3.test/a", "r4.test/x", "r5.test/y", "r6.test/y",
             "r6.test/y?q=1", "r7.test/a/b", "r8.test/x", "a.r9.test/z", "r1.test/a%20b"),
        case("bad redirects", [service("r10", U + "r10.test/ redirect=301"),
                               service("r11", U + "r11.test/ redirect=200,http://x/"),
                               service("r12", U + "r12.test/ redirect=abc,http://x/")], "r10.test/"),
        case("allow and deny", [
            service("a1", U + "a1.test/ allow=ip:127.0.0.0/8"), service("a2", U + "a2.test/ allow=ip:10.0.0.0/8"),
            service("a3", U + "a3.test/ deny=ip:127.0.0.1/32"),
            service("a4", U + "a4.test/ deny=ip:10.0.0.0/8,ip:fe80::/10"),
            service("a5", U + "a5.test/ allow=ip:127.0.0.1")],
             "a1.test/", "a2.test/", "a3.test/", "a4.test/", "a5.test/",
             ask("a1.test/", headers=[("X-Forwarded-For", "10.1.1.1")]),
             ask("a4.test/", headers=[("X-Forwarded-For", "1.1.1.1, 10.1.1.1")]),
             ask("a4.test/", headers=[("X-Forwarded-For", "1.1.1.1")]),
             ask("a1.test/", headers=[("X-Forwarded-For", "127.0.0.9")])),
        case("both allow and deny", [service("a6", U + "a6.test/ allow=ip:127.0.0.0/8 deny=ip:10.0.0.0/8")], "a6.test/",
             differs="rules that cannot be kept: fabio ignores both and lets everybody in"),
        case("a bad network", [service("a7", U + "a7.test/ allow=ip:nonsense")], "a7.test/",
             differs="rules that cannot be kept: fabio lets nobody in or everybody, here the route is refused"),
        case("checks", [
            service("c1", U + "c1.test/", status=None), service("c2", U + "c2.test/", status="warning"),
            service("c3", U + "c3.test/", status="critical"),
            service("c4", U + "c4.test/", checks=["passing", "critical"]),
            service("c5", U + "c5.test/", checks=["warning", "critical"])],
             "c1.test/", "c2.test/", "c3.test/", "c4.test/", "c5.test/"),
        case("$DC and other variables", [service("d1", U + "d1-$DC.test/"), service("d2", U + "d2-${DC}.test/${DC}"),
                                         service("d3", U + "d3.test/$OTHER/x")],
             "d1-dc1.test/", "d2-dc1.test/dc1", "d3.test//x", "d3.test/x",
             ),
        case("two tags in one instance", [service("t1", U + "t1.test/", U + "t1b.test/x strip=/x")], "t1.test/",
             "t1b.test/x/y"),
        case("two services share a source", [service("e1", U + "e1.test/"), service("e2", U + "e1.test/")],
             ask("e1.test/", any_upstream=True)),
        case("a share of all", [service("w1", U + "w1.test/ weight=1", id="w1-1"),
                                service("w1", U + "w1.test/", id="w1-2")],
             "w1.test/", "w1.test/a", "w1.test/b", "w1.test/c"),
        case("weights that are odd", [service("w2", U + "w2.test/ weight=-1"), service("w3", U + "w3.test/ weight=0"),
                                      service("w4", U + "w4.test/ weight=7")], "w2.test/", "w3.test/", "w4.test/"),
        case("paths with escapes", [service("x1", U + "x1.test/a b"), service("x3", U + "x3.test/ü")],
             "x1.test/a", "x3.test/%C3%BC"),
        case("an escape in a tag", [service("x2", U + "x2.test/a%20b")], "x2.test/a%20b",
             differs="a tag may say a path as it is sent; in fabio it then matches nothing"),
        case("escapes and doubled slashes in a request",
             [service("n3", U + "n3.test/a/b"), service("n4", U + "n3.test/")],
             "n3.test//a/b", "n3.test/a%2Fb", "n3.test/%61/b",
             differs="one normal form of a path is matched and sent on, in which an escaped slash is none"),
        case("dots and slashes in a request", [service("n1", U + "n1.test/a/b"), service("n2", U + "n1.test/")],
             "n1.test/a/../a/b", "n1.test/a//b", "n1.test/./a/b"),
        case("nothing behind the prefix, and other prefixes", [service("z2", "urlprefix z2.test/"),
                                                               service("z3", "URLPREFIX-z3.test/")],
             "z2.test/", "z3.test/", "any.test/"),
        case("an empty host with a star", [service("y1", U + "*/star")], "y.test/star", "y.test/"),
        case("the host * beside routes without a host, and patterns", [
            service("y2", U + "*/foo"), service("y3", U + "/foobar"), service("y4", U + "/bar"),
            service("y5", U + "www.y.*/"), service("y6", U + "?y.test/"), service("y7", U + "y.test/y")],
             "x.test/foobar/x", "x.test/bar", "x.test:8080/foo", "www.y.test/foo", "zy.test/foo", "y.test/foo",
             "y.test/y", "y.test/bar"),
        case("the host * with port 80", [
            service("y2", U + "*:80/ redirect=301,https://$host$path"), service("y3", U + "/foo"),
            service("y4", U + "y.test/"), service("y5", U + "*/bar"), service("y6", U + "www.y.*/"),
            service("y7", U + "*.z.test/"), service("y8", U + "vault*/")],
             "x.test/foo", "x.test/bar", "x.test/", "y.test/foo", "www.y.test/", "a.z.test/q", "vault.test/foo"),
        case("patterns with and without a port", [
            service("y2", U + "*.y.test:80/"), service("y3", U + "*.y.test/foo"), service("y4", U + "b*.y.test/"),
            service("y5", U + "www.*.y.test/")],
             "a.y.test/foo", "bb.y.test/foo", "a.y.test/", "www.a.y.test/", "bwww.a.y.test/"),
        case("a port alone", [service("y2", U + ":8080/"), service("y3", U + ":80/x")], "x.test:8080/", "x.test/",
             "x.test/x"),
    ]


def command_cases():
    web = service("web", U + "web.test/", "v1", id="web-1")
    return [
        case("a redirect of every host's plain port", [service("any", U + "/foo"), service("host", U + "y.test/")],
             "x.test/foo", "x.test/", "y.test/foo",
             kv='route add https-redir *:80 https://$host$path opts "redirect=301"'),
        case("route add", [web], "old.test/", "old.test/x", "web.test/",
             kv="route add other old.test/ http://127.0.0.1:@b/ opts \"prepend=/v1\""),
        case("route del of a service", [web, service("stay", U + "stay.test/")], "web.test/", "stay.test/",
             kv="route del web"),
        case("route del of a source", [service("two", U + "two.test/", U + "two.test/x")], "two.test/", "two.test/x",
             kv="route del two two.test/x"),
        case("route del by tags", [web, service("web", U + "web.test/", "v2", id="web-2")], "web.test/", "web.test/a",
             "web.test/b", kv='route del web tags "v1"'),
        case("route del by tags alone", [web, service("stay2", U + "stay2.test/", "v2")], "web.test/", "stay2.test/",
             kv='route del tags "v1"'),
        case("route weight", [web, service("web", U + "web.test/", "v2", id="web-2")], "web.test/", "web.test/a",
             "web.test/b", "web.test/c", kv='route weight web web.test/ weight 1 tags "v2"'),
        case("route weight without a service", [web, service("web", U + "web.test/", "v2", id="web-2")], "web.test/",
             "web.test/a", "web.test/b", "web.test/c", kv='route weight web.test/ weight 1 tags "v2"'),
        case("comments and blank lines", [web], "web.test/", "c.test/",
             kv="# a comment\n\n// another\n  route   add  c   c.test/   http://127.0.0.1:@b/\n"),
        case("del, then add", [web], "web.test/", kv="route del web\nroute add web web.test/ http://127.0.0.1:@b/"),
        case("a weight that matches nothing", [web], "web.test/",
             kv='route weight nobody no.test/ weight 0.5 tags "x"'),
        case("a line that is none", [web], "web.test/", "c2.test/",
             kv="rout add nonsense\nroute add c2 c2.test/ http://127.0.0.1:@b/",
             differs="one bad line stops nothing else"),
        case("add with tags and weight", [service("mix", U + "mix.test/")], "mix.test/", "mix.test/a", "mix.test/b",
             kv='route add mix mix.test/ http://127.0.0.1:@b/ weight 1 tags "a,b"'),
        case("https and a path in the target", [web], "t.test/x",
             kv="route add t t.test/ http://127.0.0.1:@b/ignored"),
        case("proto= beside a target's URL", [web], "p1.test/", "p2.test/", "p3.test/",
             kv="".join(f'route add p{i} p{i}.test/ http://127.0.0.1:@b/ opts "proto={proto}"\n'
                        for i, proto in enumerate(("https", "grpc", "tcp"), 1))),
        case("capitals in a source", [web], "cap.test/", kv="route add t CAP.Test/ http://127.0.0.1:@b/"),
        case("a redirect", [web], "red.test/a?b=1",
             kv='route add r red.test/ https://other.test$path opts "redirect=301"'),
    ]


HTTPS = [("X-Forwarded-Proto", "https")]


def behind_a_balancer():
    """A balancer ends TLS and is believed."""
    def both(*texts):
        more = {"entry_point": "second"}
        return [ask(text, headers=headers, **more)
                for text in texts for headers in (HTTPS, [("X-Forwarded-Proto", "http")])]
    to_itself = 'route add r {0}:80/ https://{0}$path opts "redirect=301"\n'
    return [
        case("a redirect to https by a command", [service("b1", U + "b1.test/"), service("b2", U + "/any")],
             *both("b1.test/x?y=1", "b2.test/x", "b3.test/x", "b2.test/any"),
             kv=to_itself.format("b1.test") + to_itself.format("b2.test") + to_itself.format("b3.test")
             + "route add b3 b3.test/ http://127.0.0.1:@b/"),
        case("a redirect to https by another service", [
            service("b1", U + "b1.test/"), service("b2", U + "b1.test:80/ redirect=301,https://b1.test$path"),
            service("b3", U + "b3.test/ redirect=302,https://$host$path"), service("b4", U + "*.test/")],
             *both("b1.test/x?y=1", "b3.test/x", "b4.test/")),
        case("a redirect of all hosts to https", [
            service("b1", U + "b1.test/"), service("b2", U + "*:80/ redirect=301,https://$host$path"),
            service("b3", U + "/any")], *both("b1.test/x", "b2.test/any")),
        case("a redirect to www, and to one page", [
            service("b1", U + "*.b1.test/ redirect=301,https://www.b1.test$path"),
            service("b2", U + "*b2.test/ redirect=301,https://b2.test/page"),
            service("b3", U + "/")],
             *both("www.b1.test/x", "a.b1.test/x", "b2.test/page", "b2.test/pages", "a.b2.test/page")),
        case("a redirect that nothing is behind", [
            service("b1", U + "b1.test:80/ redirect=301,https://b1.test$path", U + "b1.test:443/"),
            service("b2", U + "b2.test/ redirect=301,https://b2.test$path")],
             *[ask(f"{host}.test/x", headers=HTTPS, entry_point="second") for host in ("b1", "b2")],
             differs="its own service is asked; fabio answers 404"),
        case("a redirect that a shorter path of its host is behind", [
            service("b1", U + "b1.test/"), service("b2", U + "b1.test/x redirect=301,https://b1.test$path")],
             ask("b1.test/x", headers=HTTPS, entry_point="second"),
             differs="the next route is asked; fabio goes on to the next host's, and answers 404"),
    ]


MATCHING = [service("m1", U + "m.test/Foo"), service("m2", U + "m.test/foo/*/bar"), service("m3", U + "m.test/f?o"),
            service("m4", U + "m.test/**/z"), service("m5", U + "n.test/foo/*"), service("m6", U + "n.test/*/details"),
            service("m7", U + "n.test/FOO/bar"), service("m8", U + "n.test/f[!a]x")]
ASKS = ["m.test/Foo", "m.test/foo", "m.test/FOO/x", "m.test/foo/a/bar", "m.test/foo/a/b/bar", "m.test/fxo",
        "m.test/fxo/a", "m.test/a/b/z", "m.test/foo/x/bar/y", "n.test/foo/details", "n.test/bar/details",
        "n.test/foo/bar", "n.test/fax", "n.test/fbx"]

GROUPS = [
    ({}, path_cases()),
    ({}, command_cases()),
    ({"weir_second": ['forwarded_headers_trusted_cidrs = ["127.0.0.0/8"]']}, behind_a_balancer()),
    ({"fabio": ["-proxy.matcher", "iprefix"], "weir": ['fabio_matcher = "iprefix"'],
      "weir_kv": ['fabio_matcher = "iprefix"']},
     [case("iprefix", MATCHING, *ASKS)]),
    ({"fabio": ["-proxy.matcher", "glob"], "weir": ['fabio_matcher = "glob"'], "weir_kv": ['fabio_matcher = "glob"']},
     [case("glob", MATCHING, *ASKS),
      case("glob: the host * beside routes without a host", [service("y1", U + "*/*"), service("y2", U + "/foo*")],
           "x.test/foo", "x.test/bar"),
      case("glob: a redirect of every host's plain port", [service("y1", U + "/*"), service("y2", U + "y.test/foo*")],
           "x.test/foo?q=1", "y.test/foo", "y.test/bar",
           kv='route add https-redirect *:80/* https://$host$path opts "redirect=301"')]),
    ({"fabio": ["-registry.consul.checksRequired", "all", "-registry.consul.service.status", "passing,warning"],
      "weir": ['fabio_checks_required = "all"', 'fabio_status = ["passing", "warning"]']},
     [case("all checks", [service("k1", U + "k1.test/", checks=["passing", "warning"]),
                          service("k2", U + "k2.test/", checks=["passing", "critical"]),
                          service("k3", U + "k3.test/", checks=["warning"])], "k1.test/", "k2.test/", "k3.test/")]),
]
