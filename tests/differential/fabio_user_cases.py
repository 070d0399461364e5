"""fabio's tags as people write them: its documentation's examples, and the slips that come with them."""

from cases import ask, case, service

U = "urlprefix-"


def all_cases():
    return [
        case("to www, to https, and all of a host to another", [
            service("a1", U + "a1.test/ redirect=301,https://www.a1.test$path", U + "www.a1.test/"),
            service("a2", U + "a2.test:80/ redirect=308,https://a2.test$path", U + "a2.test:443/"),
            service("a3", U + "*.a3.test/ redirect=302,https://$host/new$path"),
            service("a4", U + "a4.test/old redirect=301,https://a4.test/new", U + "a4.test/")],
             "a1.test/x?y=1", "www.a1.test/x", "a2.test/x", "a2.test:80/x", "q.a3.test/z", "a4.test/old/x",
             "a4.test/older", "a4.test/new", ask("a1.test/x", method="POST")),
        case("a redirect of an escaped slash, and of an empty query", [
            service("a1", U + "a1.test/ redirect=301,https://www.a1.test$path")], "a1.test/a%2Fb", "a1.test/?",
             differs="a redirect leads to the path and the query as they came"),
        case("paths with slashes at their end", [
            service("b1", U + "b1.test/bar/ strip=/bar/"), service("b2", U + "b2.test/bar strip=/bar/"),
            service("b3", U + "b3.test/bar/ strip=/bar"), service("b4", U + "/b4/"), service("b5", U + "/b4")],
             "b1.test/bar/x", "b1.test/bar", "b1.test/bar/", "b2.test/bar/x", "b3.test/bar/x",
             "any.test/b4/x", "any.test/b4", "any.test/b4x"),
        case("hosts with dots, stars and capitals", [
            service("c1", U + "*.C1.test/Path"), service("c2", U + "www.c2.*/"),
            service("c3", U + "c3-*.test/"), service("c4", U + "*c4*/")],
             "x.c1.test/Path", "x.C1.TEST/Path", "x.c1.test/path", "www.c2.com/", "www.c2.co.uk/", "c3-a.test/",
             "c3-.test/", "c3.test/", "xc4y.test/", "c4/", "www.c2/"),
        case("a query and a fragment in a source", [
            service("d1", U + "d1.test/a?x=y"), service("d2", U + "d2.test/a#b")], "d1.test/a", "d2.test/a"),
        case("several options, in any order, some twice", [
            service("e1", U + "e1.test/a host=inner.test prepend=/p strip=/a"),
            service("e2", U + "e2.test/a strip=/b strip=/a"), service("e3", U + "e3.test/ proto=http weight=0.5"),
            service("e4", U + "e4.test/ Strip=/x"), service("e5", U + "e5.test/a strip="),
            service("e6", U + "e6.test/ proto=HTTP"), service("e7", U + "e7.test/ host="),
            service("e8", U + "e8.test/a prepend=p")],
             "e1.test/a/x", "e2.test/a/x", "e3.test/", "e4.test/x/y", "e5.test/a/x", "e6.test/", "e7.test/",
             "e8.test/a/x"),
        case("a tag of each kind on one service", [
            service("f1", U + "f1.test/", U + "/f1", U + "*.f1.test/deep strip=/deep", "version=1", "urlprefix",
                    "prod")],
             "f1.test/", "x.test/f1/y", "a.f1.test/deep/y", "a.f1.test/f1"),
        case("addresses", [
            service("g1", U + "g1.test/ allow=ip:127.0.0.1/32,ip:10.0.0.0/8,ip:fe80::/10"),
            service("g2", U + "g2.test/ allow=ip:127.0.0.1/32, ip:10.0.0.0/8"),
            service("g3", U + "g3.test/ deny=ip:::1"), service("g4", U + "g4.test/ allow=ip:10.1.1.1/8")],
             "g1.test/", "g3.test/", "g4.test/", ask("g1.test/", headers=[("X-Forwarded-For", "fe80::1")]),
             ask("g1.test/", headers=[("X-Forwarded-For", "8.8.8.8")]),
             ask("g3.test/", headers=[("X-Forwarded-For", "nonsense")])),
        case("weights of instances", [
            service("h1", U + "h1.test/ weight=0.0001", id="h1-1"), service("h1", U + "h1.test/ weight=1", id="h1-2")],
             "h1.test/", "h1.test/x"),
        case("hosts with a port, in capitals, and no name", [
            service("j1", U + "j1.test/ host=Inner.test:8080"), service("j2", U + "j2.test/ host=[::1]:80")],
             "j1.test/", "j2.test/"),
        case("lists of characters", [service("k1", U + "[^a]k.test/"), service("k2", U + "[!b]k.k.test/")],
             "ak.test/", "bk.test/", "^k.test/", "bk.k.test/", "ak.k.test/"),
        case("a host and a port without a slash", [
            service("l1", U + "l1.test:80"), service("l2", U + "10.0.0.1:3306"), service("l3", U + ":3307")],
             "l1.test/", "l1.test/x", "10.0.0.1:3306/", "10.0.0.1/", "l3.test:3307/"),
        case("options said twice", [
            service("n1", U + "n1.test/ allow=ip:127.0.0.1/32 allow=ip:10.0.0.0/8"),
            service("n2", U + "n2.test/ deny=ip:127.0.0.1/32 deny=ip:10.0.0.0/8"),
            service("n3", U + "n3.test/ strip=/a strip="), service("n4", U + "n4.test/ host=x host=")],
             "n1.test/", "n2.test/", "n3.test/a/b", "n4.test/"),
        case("the same target twice", [service("o1", U + "o1.test/")], "o2.test/a/b",
             kv='route add o o2.test/ http://127.0.0.1:@b/ opts "strip=/a"\n'
                'route add o o2.test/ http://127.0.0.1:@b/ opts "strip=/a/b"'),
        case("a query in a target", [service("p1", U + "p1.test/")], "p2.test/a",
             kv="route add p p2.test/ http://127.0.0.1:@b/?x=y",
             differs="it is reported; fabio adds it to each request"),
        case("redirects without a scheme, or without a host", [
            service("q1", U + "q1.test/ redirect=301,/new", U + "q1.test/new"),
            service("q2", U + "q2.test/ redirect=302,//x.test$path"),
            service("q3", U + "q3.test/a redirect=307,/b?x=y")],
             "q1.test/x?y=1", "q1.test/new", "q2.test/x?y=1", "q3.test/a/c"),
        case("del without tags", [service("i1", U + "i1.test/", "v1")], "i1.test/", "i2.test/",
             kv='route add i2 i2.test/ http://127.0.0.1:@b/\nroute del tags ""'),
    ]


GROUPS = [({}, all_cases())]
