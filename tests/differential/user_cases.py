"""Tags as they stand in people's jobs and in answers to their questions: what Traefik's documentation, Nomad's guides
and forums have them write, with the slips that come with it."""

from cases import T, ask, case, rule, service

SECRET = [("Authorization", "Basic amFuZTpzZWNyZXQ=")]  # jane:secret
PREFLIGHT = [("Access-Control-Request-Method", "PUT"), ("Access-Control-Request-Headers", "x-one")]
SHA = "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ="
APR1 = "$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/"


def mw(name, *options):
    return [f"{T}middlewares.{name}.{one}" for one in options]


def with_middleware(name, *options, rest=()):
    return service(name, *rule(name, f"Host(`{name}.test`)", f"middlewares={name}"), *mw(name, *options), *rest)


def flags():
    """Booleans in each form that Go reads, and in forms it does not."""
    out = []
    for i, word in enumerate(("True", "TRUE", "t", "1", "False", "f", "0", "yes", "")):
        out.append(case(f"a flag that says {word!r}", [
            with_middleware(f"fr{i}", "redirectscheme.scheme=https", f"redirectscheme.permanent={word}"),
            service("beside", *rule("beside", "Host(`beside.test`)"))],
            f"fr{i}.test/x", ask(f"fr{i}.test/", method="POST"), "beside.test/",
            differs="a middleware that cannot be read costs its routers, not the instance" if word in ("yes", "")
            else None))
    return out


def redirects():
    return [
        case("http to https, with a service that never serves", [
            service("rd", *rule("rd-http", "Host(`rd.test`)", "entrypoints=web", "middlewares=rd-https",
                                "service=noop@internal"),
                    *mw("rd-https", "redirectscheme.scheme=https", "redirectscheme.permanent=true"))],
             "rd.test/a?b=c"),
        case("www and back", [
            with_middleware("www", "redirectregex.regex=^https?://www\\.(.+)",
                            "redirectregex.replacement=https://${1}"),
            service("w2", *rule("w2", "Host(`www.w2.test`)", "middlewares=w2"),
                    *mw("w2", "redirectregex.regex=^https?://www\\.(.+)", "redirectregex.replacement=https://${1}",
                        "redirectregex.permanent=true"))],
             "www.test/", "www.w2.test/x?y=1", ask("www.w2.test/x", method="PUT")),
        case("dollars doubled as for docker compose", [
            service("w3", *rule("w3", "Host(`w3.test`)", "middlewares=w3"),
                    *mw("w3", "redirectregex.regex=^http://([^/]+)/(.*)$$",
                        "redirectregex.replacement=https://www.$${1}/$${2}")),
            service("w4", *rule("w4", "Host(`w4.test`)", "middlewares=w4"),
                    *mw("w4", "redirectregex.regex=^http://([^/]+)/(.*)",
                        "redirectregex.replacement=https://www.$${1}/$${2}"))],
             "w3.test/a", "w4.test/a?b=1", differs="what comes of it is no URL: Traefik answers 502, here it is sent"),
        case("a trailing slash", [
            service("sl", *rule("sl", "Host(`sl.test`) && Path(`/app`)", "middlewares=sl"),
                    *mw("sl", "redirectregex.regex=^(.*)/app$", "redirectregex.replacement=${1}/app/")),
            service("sl2", *rule("sl2", "Host(`sl.test`) && PathPrefix(`/app/`)", "middlewares=sl2"),
                    *mw("sl2", "stripprefix.prefixes=/app"))],
             "sl.test/app", "sl.test/app/", "sl.test/app/x", "sl.test/apple"),
        case("a redirect with blanks, to a path alone, and one that changes nothing", [
            with_middleware("rb", "redirectregex.regex=.*", "redirectregex.replacement=https://rb.test/a b"),
            with_middleware("rp", "redirectregex.regex=^http://[^/]+/old(.*)", "redirectregex.replacement=/new$1"),
            with_middleware("rn", "redirectregex.regex=^http://(.*)", "redirectregex.replacement=http://$1"),
            with_middleware("rs", "redirectscheme.scheme=http")],
             "rp.test/old/x", "rp.test/other", "rn.test/x", "rs.test/x"),
        case("ports of redirects", [
            with_middleware("po", "redirectscheme.scheme=https", "redirectscheme.port=443"),
            with_middleware("pp", "redirectscheme.scheme=https", "redirectscheme.port=8443"),
            with_middleware("pq", "redirectscheme.scheme=http", "redirectscheme.port=80"),
            with_middleware("pr", "redirectscheme.scheme=HTTPS")],
             "po.test/", "po.test:8080/", "pp.test/", "pp.test:8080/x?y", "pq.test:81/x", "pr.test/"),
    ]


def paths():
    return [
        case("strip several, also in odd forms", [
            with_middleware("st", "stripprefix.prefixes=/api, /v1/,/"),
            with_middleware("su", "stripprefix.prefixes=/a,/a/b", "stripprefix.forceslash=false"),
            with_middleware("sv", "stripprefix.prefixes[0]=/x", "stripprefix.prefixes[1]=/y"),
            with_middleware("sw", "stripprefix.prefixes=/d e")],
             "st.test/api/x", "st.test/v1/x", "st.test/v1", "st.test/q", "su.test/a/b/c", "su.test/a", "su.test/abc",
             "sv.test/x/1", "sv.test/y/1", "sw.test/x", "st.test/api//x"),
        case("strip what comes escaped", [with_middleware("sw", "stripprefix.prefixes=/caf%C3%A9,/d e")],
             "sw.test/caf%C3%A9/x", "sw.test/d%20e/x",
             differs="a tag may say a path as it is sent, and X-Forwarded-Prefix tells it so"),
        case("strip what an escaped slash stands behind", [with_middleware("st", "stripprefix.prefixes=/api")],
             "st.test/api%2Fx/y", differs="an escaped slash in a path is none"),
        case("strip by expressions", [
            with_middleware("sr", "stripprefixregex.regex=/foo/[a-z0-9]+/[0-9]+/"),
            with_middleware("ss", "stripprefixregex.regex=^/[^/]+"),
            with_middleware("sx", "stripprefixregex.regex=/[a-z]{2,3}/"),
            with_middleware("sy", "stripprefixregex.regex=/(a|b)/,/c")],
             "sr.test/foo/a1/12/x", "sr.test/x/foo/a1/12/x", "ss.test/one/two", "ss.test/one", "ss.test/one?x=/two",
             "sx.test/abc/x", "sy.test/a/x", "sy.test/c/x"),
        case("add a prefix", [
            with_middleware("ap", "addprefix.prefix=/foo"), with_middleware("aq", "addprefix.prefix=/foo/"),
            with_middleware("ar", "addprefix.prefix=foo")],
             "ap.test/", "ap.test/a%2Fb?c", "aq.test/x", "ar.test/x"),
        case("replace a path", [
            with_middleware("rep", "replacepath.path=/new"), with_middleware("req", "replacepath.path=new"),
            with_middleware("rer", "replacepathregex.regex=^/api/(.*)", "replacepathregex.replacement=/$1"),
            with_middleware("rex", "replacepathregex.regex=^/foo/(.*)/bar/(.*)",
                            "replacepathregex.replacement=/b/$2/${1}/x"),
            with_middleware("ret", "replacepathregex.regex=^/(.*)$", "replacepathregex.replacement=/p$$1/$1"),
            with_middleware("reu", "replacepathregex.regex=(.*)", "replacepathregex.replacement=$1/x")],
             "rep.test/x?y=1", "rer.test/api/v1/x?q=1", "rer.test/api", "rer.test/api/", "rer.test/api/a%2Fb",
             "rex.test/foo/1/bar/2", "ret.test/q", "reu.test/q"),
        case("a new path without its slash", [
            with_middleware("rev", "replacepathregex.regex=^/a/(.*)", "replacepathregex.replacement=$1")],
             "rev.test/a/b", differs="it gets its slash; Traefik sends a request line that is none"),
        case("a query in a new path", [
            with_middleware("rqa", "replacepath.path=/x?y=1"),
            with_middleware("rqb", "replacepathregex.regex=^/u/(.*)",
                            "replacepathregex.replacement=/index.php?u=$1")],
             "rqa.test/a", "rqb.test/u/me", "rqb.test/u/me?a=b"),
        case("names one after another", [
            service("chn", *rule("chn", "Host(`chn.test`)", "middlewares= c1 , c2@consulcatalog,c3"),
                    *mw("c1", "addprefix.prefix=/1"), *mw("c2", "addprefix.prefix=/2"),
                    *mw("c3", "addprefix.prefix=/3"))],
             "chn.test/x"),
        case("middlewares of another service", [
            service("mo1", *mw("shared", "addprefix.prefix=/shared")),
            service("mo2", *rule("mo2", "Host(`mo2.test`)", "middlewares=shared@consulcatalog"))], "mo2.test/x"),
        case("lists by numbers", [
            service("ln", *rule("ln", "Host(`ln.test`)", "entrypoints[0]=web", "middlewares[0]=ln1",
                                "middlewares[1]=ln2"),
                    *mw("ln1", "addprefix.prefix=/1"), *mw("ln2", "addprefix.prefix=/2"))], "ln.test/x"),
    ]


def headers():
    return [
        case("headers that are set and taken away", [
            with_middleware("hd", "headers.customrequestheaders.X-Script-Name=/hd",
                            "headers.customrequestheaders.X-Gone=", "headers.customResponseHeaders.X-Answer=a, b",
                            "headers.customrequestheaders.X-Forwarded-Proto=https",
                            "headers.customrequestheaders.x-lower=yes"),
            with_middleware("hh", "headers.customrequestheaders.Host=inner.test"),
            with_middleware("ha", "headers.customrequestheaders.Authorization=Basic Zm9v"),
            with_middleware("hb", "headers.customrequestheaders.Authorization=")],
             ask("hd.test/", headers=[("X-Gone", "1"), ("X-Lower", "no"), ("X-Kept", "1")]), "hh.test/",
             ask("ha.test/", headers=SECRET), ask("hb.test/", headers=SECRET)),
        case("headers of security", [
            with_middleware("hs", "headers.stsseconds=31536000", "headers.stspreload=true", "headers.framedeny=true"),
            with_middleware("ht", "headers.stsseconds=9", "headers.stsincludesubdomains=true",
                            "headers.forcestsheader=true", "headers.contenttypenosniff=true",
                            "headers.browserxssfilter=true", "headers.contentsecuritypolicy=default-src 'self'",
                            "headers.referrerpolicy=same-origin", "headers.permissionspolicy=camera=()",
                            "headers.customframeoptionsvalue=SAMEORIGIN",
                            "headers.customresponseheaders.x-xss-protection=0"),
            with_middleware("hp", "headers.stsseconds=9", "headers.sslproxyheaders.X-Told=https"),
            with_middleware("hi", "headers.stsseconds=9", "headers.forcestsheader=true", "headers.isdevelopment=true",
                            "headers.allowedhosts=other.test"),
            with_middleware("hw", "headers.allowedhosts=other.test,HW.test"),
            with_middleware("hn", "headers.allowedhosts=other.test"),
            with_middleware("hx", "headers.allowedhosts=other.test", "headers.hostsproxyheaders=X-Real-Host"),
            with_middleware("hold", "headers.sslredirect=true", "headers.featurepolicy=camera 'none'")],
             "hs.test/", "ht.test/", "hp.test/", ask("hp.test/", headers=[("X-Told", "https")]), "hi.test/", "hw.test/",
             "hn.test/", ask("hx.test/", headers=[("X-Real-Host", "other.test")]), "hx.test/", "hold.test/"),
        case("pages of other sites", [
            with_middleware("ca", "headers.accesscontrolallowmethods=GET,OPTIONS,PUT",
                            "headers.accesscontrolallowheaders=X-One, X-Two",
                            "headers.accesscontrolalloworiginlist=https://a.test,https://b.test",
                            "headers.accesscontrolmaxage=100", "headers.addvaryheader=true"),
            with_middleware("cb", "headers.accesscontrolalloworiginlist=*", "headers.accesscontrolallowmethods=*",
                            "headers.accesscontrolallowheaders=*", "headers.accesscontrolexposeheaders=*"),
            with_middleware("cc", "headers.accesscontrolalloworiginlist=*", "headers.accesscontrolallowmethods=*",
                            "headers.accesscontrolallowheaders=*", "headers.accesscontrolexposeheaders=X-A",
                            "headers.accesscontrolallowcredentials=true"),
            with_middleware("cr", r"headers.accesscontrolalloworiginlistregex=^https://[ab]\.test$",
                            "headers.customresponseheaders.X-Set=1")],
             *[ask(f"{host}.test/", method=method, headers=[("Origin", origin), *more])
               for host in ("ca", "cb", "cc", "cr") for origin in ("https://a.test", "https://c.test")
               for method, more in (("OPTIONS", PREFLIGHT), ("OPTIONS", []), ("GET", []))], "ca.test/"),
        case("a page that says no origin, with credentials", [
            with_middleware("cd", "headers.accesscontrolalloworiginlist=*",
                            "headers.accesscontrolallowcredentials=true")], "cd.test/",
             differs="an empty Access-Control-Allow-Origin is not sent"),
        case("a rate", [with_middleware("rl", "ratelimit.average=2", "ratelimit.period=1h", "ratelimit.burst=3"),
                        with_middleware("rn", "ratelimit.average=0"),
                        with_middleware("rh", "ratelimit.average=1", "ratelimit.period=3600",
                                        "ratelimit.sourcecriterion.requestheadername=X-Who")],
             *["rl.test/"] * 5, *["rn.test/"] * 3,
             *[ask("rh.test/", headers=[("X-Who", who)]) for who in ("a", "a", "b", "b")], "rh.test/", "rh.test/"),
        case("a rate that two things count", [
            with_middleware("rx", "ratelimit.average=1", "ratelimit.sourcecriterion.requesthost=true",
                            "ratelimit.sourcecriterion.ipstrategy.depth=1")], "rx.test/",
             differs="a router whose middleware cannot be read answers 503"),
        case("so many at once", [with_middleware("fa", "inflightreq.amount=10"),
                                 with_middleware("fz", "inflightreq.amount=0")], "fa.test/", "fa.test/", "fz.test/"),
        case("limits of bodies", [with_middleware("bq", "buffering.maxRequestBodyBytes=5",
                                                  "buffering.memrequestbodybytes=2",
                                                  "buffering.retryexpression=IsNetworkError() && Attempts() < 2"),
                                  with_middleware("bs", "buffering.maxresponsebodybytes=5")],
             "bq.test/", "bs.test/"),
        case("compressed answers", [with_middleware("cp", "compress=true"),
                                    with_middleware("cs", "compress.minresponsebodybytes=1"),
                                    with_middleware("ce", "compress.minResponseBodyBytes=1",
                                                    "compress.excludedcontenttypes=text/html, application/json"),
                                    with_middleware("ci", "compress.minresponsebodybytes=1",
                                                    "compress.includedcontenttypes=application/json"),
                                    with_middleware("cz", "compress.minresponsebodybytes=1",
                                                    "compress.encodings=zstd,gzip")],
             *[ask(f"{host}.test/", headers=[("Accept-Encoding", accepted)] if accepted is not None else [])
               for host in ("cp", "cs", "ce", "ci", "cz")
               for accepted in (None, "", "gzip", "gzip, deflate, br;q=0.5", "identity", "identity;q=1, gzip;q=0.5")]),
        case("what is compressed in no way that is known", [with_middleware("cu", "compress.encodings=deflate")],
             ask("cu.test/", headers=[("Accept-Encoding", "gzip")]),
             differs="a router whose middleware cannot be read answers 503"),
        case("a router beside one whose middleware is not served yet", [
            with_middleware("ns", "plugin.any.key=100",
                            rest=rule("nsopen", "Host(`nsopen.test`) && PathPrefix(`/open`)", "service=ns"))],
             "nsopen.test/open", "nsopen.test/x"),
        *[case(f"left out: {option}", [with_middleware("lo", option)], "lo.test/")
          for option in ("retry.attempts=4", "contenttype.autodetect=true",
                         "circuitbreaker.expression=NetworkErrorRatio() > 0.30")],
    ]


def authentication():
    asks = [ask("au.test/", headers=SECRET), "au.test/", ask("au.test/", headers=[("Authorization", "Basic eA==")]),
            ask("au.test/", headers=[("Authorization", "Bearer x")])]
    return [
        case("users", [with_middleware("au", f"basicauth.users=bob:{APR1}, jane:{SHA}")], *asks),
        case("users behind a header", [with_middleware("au", f"basicauth.users=jane:{SHA}",
                                                       "basicauth.headerfield=X-WebAuth-User",
                                                       "basicauth.removeheader=True", "basicauth.realm=My Realm")],
             *asks),
        case("a password with doubled dollars", [
            with_middleware("au", f"basicauth.users=bob:{APR1.replace('$', '$$')},jane:{SHA}")], *asks),
        case("a password of a kind that nobody knows", [with_middleware("au", "basicauth.users=jane:secret")], *asks),
        case("a user by number", [with_middleware("au", f"basicauth.users[0]=jane:{SHA}")], *asks,
             differs="a middleware that cannot be made closes its router"),
        case("a user without a password", [with_middleware("au", "basicauth.users=jane")], *asks,
             differs="a middleware that cannot be made closes its router"),
        case("who may come in, and depths", [
            with_middleware("al", "ipallowlist.sourcerange=127.0.0.1/32,192.168.1.7",
                            "ipallowlist.ipstrategy.depth=2"),
            with_middleware("ax", "ipallowlist.sourcerange=127.0.0.1/32, 192.168.1.7",
                            "ipallowlist.ipstrategy.excludedips=127.0.0.1/32"),
            with_middleware("ay", "ipallowlist.sourcerange=127.0.0.1, ::1", "ipallowlist.ipstrategy.depth=0"),
            with_middleware("az", "ipallowlist.sourcerange=127.0.0.1/32", "ipallowlist.ipstrategy=true")],
             "al.test/", ask("al.test/", headers=[("X-Forwarded-For", "192.168.1.7, 10.0.0.1")]), "ax.test/",
             "ay.test/", "az.test/", ask("az.test/", headers=[("X-Forwarded-For", "10.0.0.1")])),
    ]


def routers():
    return [
        case("one service, many routers", [
            service("mr", *rule("mr-web", "Host(`mr.test`)", "entrypoints=web"),
                    *rule("mr-api", "Host(`mr.test`) && PathPrefix(`/api`)", "middlewares=mr-api", "entrypoints=web"),
                    *rule("mr-all", "PathPrefix(`/`)", "priority=1"), *mw("mr-api", "stripprefix.prefixes=/api"),
                    f"{T}services.mr.loadbalancer.server.port=@a")],
             "mr.test/", "mr.test/api/x", "mr.test/apix", "any.test/z"),
        case("rules of the old syntax", [
            service("or1", *rule("or1", "HostRegexp(`{host:.+}`)", "priority=1")),
            service("or2", *rule("or2", "HostRegexp(`{sub:[a-z]+}.or2.test`)")),
            service("or3", *rule("or3", "Host(`or3.test`) && PathPrefix(`/api/{id:[0-9]+}`)")),
            service("or4", *rule("or4", "Host(`or4.test`) && Headers(`X-A`, `1`)")),
            service("or5", *rule("or5", "Host(`or5.test`) && Query(`a=1`)")),
            service("or6", *rule("or6", "Host(`or6.test`) && PathPrefix(`/a`, `/b`)")),
            service("or7", "traefik.frontend.rule=Host:or7.test", "traefik.port=80", "traefik.backend=or7"),
            service("or8", *rule("or8", "Host:or8.test"))],
             "any.test/", "a.or2.test/", "or3.test/api/12", "or4.test/", "or5.test/?a=1", "or6.test/a", "or7.test/",
             "or7/", "or8.test/", "or8/"),
        case("conditions without blanks, and many parentheses", [
            service("cb", *rule("cb", "Host(`cb.test`)&&(PathPrefix(`/a`)||PathPrefix(`/b`))&&!Path(`/a/no`)")),
            service("cc", *rule("cc", "((Host(`cc.test`)))")),
            service("cd", *rule("cd", "Host( `cd.test` )")), service("ce", *rule("ce", "!!Host(`ce.test`)")),
            service("cf", *rule("cf", "(Host(`cf.test`) || Host(`www.cf.test`)) && (Path(`/`) || PathPrefix(`/x`))"))],
             "cb.test/a", "cb.test/a/no", "cb.test/b/c", "cb.test/c", "cc.test/", "cd.test/", "ce.test/", "cf.test/",
             "www.cf.test/xy", "www.cf.test/y"),
        case("expressions of paths and hosts", [
            service("ex1", *rule("ex1", "Host(`ex.test`) && PathRegexp(`\\.(jpeg|jpg|png)$`)")),
            service("ex2", *rule("ex2", "Host(`ex.test`) && PathRegexp(`(?i)^/API/`)")),
            service("ex3", *rule("ex3", "HostRegexp(`^(www|app)\\.ex3\\.test$`)")),
            service("ex4", *rule("ex4", "HostRegexp(`.+\\.ex4\\.test`)")),
            service("ex5", *rule("ex5", "Host(`ex.test`) && PathRegexp(`^/(?P<id>[0-9]+)`)")),
            service("ex6", *rule("ex6", "Host(`ex.test`) && PathRegexp(`^/(?!no)`)"))],
             "ex.test/a.png", "ex.test/a.png/b", "ex.test/api/x", "ex.test/Api", "www.ex3.test/", "wwwx.ex3.test/",
             "a.b.ex4.test/", "ex4.test/", "ex.test/12", "ex.test/nope", "a.ex4.test.evil/"),
        case("TLS of routers", [
            service("tl1", *rule("tl1", "Host(`tl1.test`)", "entrypoints=second", "tls.certresolver=le",
                                 "tls.domains[0].main=tl1.test", "tls.domains[0].sans=*.tl1.test,x.tl1.test"),
                    *rule("tl1-http", "Host(`tl1.test`)", "entrypoints=web")),
            service("tl2", *rule("tl2", "Host(`tl2.test`)", "tls.options=modern@file")),
            service("tl3", *rule("tl3", "Host(`tl3.test`)", "tls={}")),
            service("tl4", *rule("tl4", "Host(`tl4.test`)", "tls.domains[0].sans[0]=tl4.test")),
            service("tl5", *rule("tl5", "Host(`tl5.test`)", "tls.domains=tl5.test"))],
             "tl1.test/", "tl2.test/", "tl3.test/", "tl4.test/", "tl5.test/", ask("tl1.test/", entry_point="second")),
        case("TCP and UDP beside", [
            service("tu", *rule("tu", "Host(`tu.test`)", "service=tu-web"),
                    f"{T}services.tu-web.loadbalancer.server.port=@a", "traefik.tcp.routers.tu-db.rule=HostSNI(`*`)",
                    "traefik.tcp.routers.tu-db.entrypoints=second", "traefik.tcp.routers.tu-db.service=tu-db",
                    "traefik.tcp.services.tu-db.loadbalancer.server.port=5432",
                    "traefik.tcp.middlewares.tu-ip.ipallowlist.sourcerange=127.0.0.1",
                    "traefik.udp.routers.tu-dns.service=tu-dns",
                    "traefik.udp.services.tu-dns.loadbalancer.server.port=53"),
            service("tv", "traefik.tcp.services.tv.loadbalancer.server.port=1"),
            service("tw", "traefik.tcp.middlewares.tw.inflightconn.amount=1")], "tu.test/", "tu/", "tv/", "tw/"),
        case("a TCP tag that nobody knows", [
            service("tx", *rule("tx", "Host(`tx.test`)"), "traefik.tcp.routers.tx.colour=red")], "tx.test/"),
    ]


def services():
    return [
        case("sticky, in every form", [
            service("sk1", *rule("sk1", "Host(`sk1.test`)"), f"{T}services.sk1.loadbalancer.sticky=true",
                    f"{T}services.sk1.loadbalancer.sticky.cookie=true"),
            service("sk2", *rule("sk2", "Host(`sk2.test`)"), f"{T}services.sk2.loadbalancer.sticky.cookie.name=lb",
                    f"{T}services.sk2.loadbalancer.sticky.cookie.samesite=none"),
            service("sk3", *rule("sk3", "Host(`sk3.test`)"), f"{T}services.sk3.loadbalancer.sticky.cookie={{}}"),
            service("sk4", *rule("sk4", "Host(`sk4.test`)"),
                    f"{T}services.sk4.loadbalancer.sticky.cookie.samesite=odd"),
            service("sk5", *rule("sk5", "Host(`sk5.test`)"),
                    f"{T}services.sk5.loadbalancer.sticky.cookie.httpOnly=True",
                    f"{T}services.sk5.loadbalancer.stickiness=true"),
            service("sk6", *rule("sk6", "Host(`sk6.test`)"), f"{T}services.sk6.loadbalancer.sticky=false")],
             *[f"sk{i}.test/" for i in range(1, 7)]),
        case("instances with ports of their own", [
            service("ip", *rule("ip", "Host(`ip.test`)"), f"{T}services.ip.loadbalancer.server.port=@a", id="ip-1"),
            service("ip", *rule("ip", "Host(`ip.test`)"), f"{T}services.ip.loadbalancer.server.port=@b", id="ip-2")],
             ask("ip.test/", any_upstream=True)),
        case("strategies", [
            service("lb1", *rule("lb1", "Host(`lb1.test`)"), f"{T}services.lb1.loadbalancer.strategy=wrr"),
            service("lb2", *rule("lb2", "Host(`lb2.test`)"), f"{T}services.lb2.loadbalancer.strategy=hrw"),
            service("lb3", *rule("lb3", "Host(`lb3.test`)"), f"{T}services.lb3.loadbalancer.strategy=leasttime"),
            service("lb4", *rule("lb4", "Host(`lb4.test`)"),
                    f"{T}services.lb4.loadbalancer.responseforwarding.flushinterval=-1"),
            service("lb5", *rule("lb5", "Host(`lb5.test`)"),
                    f"{T}services.lb5.loadbalancer.passivehealthcheck.failurewindow=10s",
                    f"{T}services.lb5.loadbalancer.passivehealthcheck.maxfailedattempts=3")],
             *[f"lb{i}.test/" for i in range(1, 6)]),
        case("a service of another provider", [
            service("ap1", *rule("ap1", "Host(`ap1.test`)", "service=nobody@file"))], "ap1.test/",
             differs="a router that lacks its service answers 503"),
        case("a service that nobody declares", [
            service("ap2", *rule("ap2", "Host(`ap2.test`)", "service=nobody"))], "ap2.test/",
             differs="a router that lacks its service answers 503"),
        case("the service of another", [
            service("os1", *rule("os1", "Host(`os1.test`)")),
            service("os2", *rule("os2", "Host(`os2.test`)", "service=os1"))], "os1.test/", "os2.test/"),
        case("enabled by one instance, and not by another", [
            service("en", "traefik.enable=true", *rule("en", "Host(`en.test`)"), id="en-1"),
            service("en", "traefik.enable=true", *rule("en", "Host(`en.test`)"), id="en-2", status="critical")],
             "en.test/", "en.test/x"),
        case("words around", [
            service("wa", "http", "v1.2.3", "env=prod", "traefik", "traefik.tags=x", "traefik.http=x",
                    *rule("wa", "Host(`wa.test`)"))], "wa.test/", "wa/"),
        case("an old tag around", [
            service("wb", "traefik.tags=x", "traefik.docker.lbswarm=true", "traefik.weight=10",
                    *rule("wb", "Host(`wb.test`)"))], "wb.test/", "wb/"),
    ]


def all_cases():
    return [*flags(), *redirects(), *paths(), *headers(), *authentication(), *routers(), *services()]


# Default rules, and what they make of services called api-web-v2 and Plain-one.
DEFAULT_RULES = [
    'Host(`{{ (split "-" .Name)._1 }}.d.test`)',
    'Host(`{{ splitList "-" .Name | last }}.d.test`)',
    'Host(`{{ regexReplaceAll "-v[0-9]+$" .Name "" | lower }}.d.test`)',
    'Host(`{{ if hasPrefix "api-" .Name }}{{ trimPrefix "api-" .Name }}.api{{ else }}{{ .Name }}{{ end }}.d.test`)',
    'Host(`{{ substr 0 3 .Name }}.d.test`)',
    'Host(`{{ index (splitList "-" .Name) 0 }}.d.test`)',
    'Host(`{{ index (splitList "-" .Name) 2 }}.d.test`)',
    'Host(`{{ .Name | trimAll "-v2" | replace "-" "." }}.d.test`)',
    'Host(`{{ trimPrefix `/` .Name }}.d.test`)',
]
DEFAULTED = [case(f"the default rule {text}", [service("api-web-v2", "traefik.x=y"), service("Plain-one")],
                  *[f"{host}.d.test/" for host in ("web", "v2", "api-web", "web-v2.api", "api", "one", "plain-one",
                                                   "api.web", "pla", "api-web-v2")],
                  differs="of a name of one part it makes a host with a blank, which is refused"
                  if "._1" in text else None)
             for text in DEFAULT_RULES]

GROUPS = [({}, all_cases()),
          *[({"traefik": {"defaultRule": text}, "weir": [f"default_rule = '{text}'"]}, [one])
            for text, one in zip(DEFAULT_RULES, DEFAULTED)]]
