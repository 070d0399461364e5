#include "routing/tag_fabio.h"

#include "catch.h"
#include "table_fixture.h"

using namespace weir;
using namespace weir::routing;

namespace {

Result<FabioRoute> decode(std::string_view source, std::string_view matcher = "prefix") {
  return decode_fabio_tag(source, {"urlprefix-", "dc1", "web", matcher});
}

std::string refusal(std::string_view source) {
  auto route = decode(source);
  return route ? "" : route.error().message;
}

using Options = std::map<std::string, std::string>;

}  // namespace

TEST_CASE("tag_fabio: what has no meaning here is refused with a reason") {
  CHECK(refusal("") == "nothing after the prefix");
  CHECK(refusal("   ") == "nothing after the prefix");
  for (const char* port : {":3306", ":8080/", ":80/x"}) CHECK(refusal(port) == "TCP routes are not supported yet");
  CHECK_FALSE(refusal("a.localhost:3306 proto=tcp").empty());
  CHECK(refusal("a.localhost:0/") == "\"0\" is no port");
  CHECK(refusal("a.localhost:65536/") == "\"65536\" is no port");
  CHECK(refusal("[a/") == "\"[a\" is no host pattern");
  CHECK(refusal("{a,b/") == "\"{a,b\" is no host pattern");
  CHECK(refusal("a`b/") == "\"a`b\" is no host name");
  CHECK(refusal("a/`) || Host(`b") == "the path holds a character no path has");
  CHECK(refusal("$HOST/") == "only $DC is expanded in \"$HOST/\"");
  CHECK(refusal("a/" + std::string(4095, 'x')).empty());
  CHECK(refusal("a/" + std::string(4096, 'x')) == "the path is longer than 4096 bytes");
}

TEST_CASE("tag_fabio: options we cannot honour refuse the route") {
  for (const char* option :
       {"proto=tcp", "proto=tcp+sni", "auth=", "auth=a@b", "pxyproto=true", "grpcservername=x", "host=a`b",
        "weight=much", "weight=nan", "weight=+-1", "redirect=200,https://$host$path", "redirect=3x1,https://a/",
        "allow=10.0.0.0/8", "allow=ip:10.0.0.0/99", "allow=", "deny=ip:x", "allow=ip:10.0.0.1 deny=ip:10.0.0.2"}) {
    INFO(option);
    CHECK_FALSE(refusal(std::string("a/ ") + option).empty());
  }
  CHECK(refusal("a/ auth=") == "option auth=: expected the name of a middleware");
}

TEST_CASE("tag_fabio: auth= names a middleware of the routes files, asked behind allow= and before all else") {
  auto route = decode("a/b strip=/b auth=staff allow=ip:10.0.0.0/8");
  REQUIRE(route);
  CHECK(route->router.middlewares ==
        std::vector<std::string>{"urlprefix-a/b#access", "staff@file", "urlprefix-a/b#strip"});
}

TEST_CASE("tag_fabio: options nobody knows are ignored, as in fabio, and told") {
  auto route = decode("a/ colour=red strip prepend= tlsskipverify=false pxyproto=false");
  REQUIRE(route);
  CHECK(route->router.middlewares.empty());
  CHECK(route->ignored == std::vector<std::string>{"option \"colour=red\" is ignored: unknown",
                                                   "option \"strip\" is ignored: no path",
                                                   "option \"prepend=\" is ignored: no path"});
}

TEST_CASE("tag_fabio: register= asks for a name in Consul; what is none is ignored, and the route serves without") {
  CHECK(decode("a/ register=Shop-1.eu")->alias == "Shop-1.eu");
  CHECK(decode("a/ register=" + std::string(63, 'x'))->alias.size() == 63);
  for (const std::string& bad : {std::string("register"), std::string("register="), std::string("register=a/b"),
                                 std::string("register=a,b"), "register=" + std::string(64, 'x')}) {
    INFO(bad);
    auto route = decode("a/ " + bad);
    REQUIRE(route);
    CHECK(route->alias.empty());
    CHECK(route->ignored.size() == 1);
  }
}

TEST_CASE("tag_fabio: tlsskipverify=true names the transport that checks no certificate") {
  CHECK(decode("a/ proto=https tlsskipverify=true")->servers_transport == "insecureSkipVerify");
  CHECK(decode("a/ proto=https tlsskipverify=false")->servers_transport.empty());
}

TEST_CASE("tag_fabio: trap 13, allow and deny become a list that is asked before everything else") {
  auto route = decode("a/ strip=/b allow=ip:10.0.0.0/8,ip:fe80::1");
  REQUIRE(route);
  REQUIRE(route->middlewares.size() == 2);
  CHECK(route->middlewares[0].type == "accessList");
  CHECK(route->middlewares[0].options == Options{{"allow", "10.0.0.0/8,fe80::1"}});
  CHECK(decode("a/ deny=ip:10.0.0.1")->middlewares[0].options == Options{{"deny", "10.0.0.1"}});
}

TEST_CASE("tag_fabio: of options said twice the last holds") {
  auto options_of = [](std::string_view options) {
    return decode("a/ " + std::string(options))->middlewares.at(0).options;
  };
  CHECK(options_of("allow=ip:127.0.0.1/32 allow=ip:10.0.0.0/8") == Options{{"allow", "10.0.0.0/8"}});
  CHECK(options_of("deny=ip:127.0.0.1 deny=ip:10.0.0.1,ip:10.0.0.2") == Options{{"deny", "10.0.0.1,10.0.0.2"}});
  CHECK(options_of("prepend=/x prepend=/y") == Options{{"prefix", "/y"}});
  CHECK(decode("a/ strip=/x strip= host=x host=")->middlewares.empty());
  auto own = decode("a/ host=x host=dst");
  REQUIRE(own);
  CHECK((own->middlewares.empty() && own->server_name.empty() && !own->pass_host_header));
  CHECK_FALSE(refusal("a/ allow=ip:127.0.0.1 allow=").empty());
}

TEST_CASE("tag_fabio: a host without a slash has the path /") {
  CHECK(decode("Web.Localhost")->router.rule == "Host(`web.localhost`) && PathPrefix(`/`)");
}

TEST_CASE("tag_fabio: port 80 in a host asks for connections without TLS, 443 for TLS, and both come first") {
  auto plain = decode("a.localhost:80/");
  REQUIRE(plain);
  CHECK(plain->router.rule == "Host(`a.localhost`) && PathPrefix(`/`)");
  CHECK(plain->router.plain);
  CHECK_FALSE(plain->router.tls);
  CHECK(plain->router.priority > 16 * 1024);  // the longest rule, so the highest priority of one without a port
  CHECK(decode("a.localhost:443/")->router.tls);
  CHECK(plain->router.name == "urlprefix-a.localhost:80/");
}

TEST_CASE("tag_fabio: hosts are patterns in which * stands for dots too") {
  CHECK(decode("*.x.localhost/")->router.rule == "Host(`**.x.localhost`) && PathPrefix(`/`)");
  CHECK(decode("a*.x/")->router.rule == "HostRegexp(`^a.*\\.x$`) && PathPrefix(`/`)");
  CHECK(decode("*.*.x/")->router.rule == "HostRegexp(`^.*\\..*\\.x$`) && PathPrefix(`/`)");
  CHECK(decode("{a,b}.x/")->router.rule == "HostRegexp(`^(?:a|b)\\.x$`) && PathPrefix(`/`)");
  CHECK(decode("[!a]b.x/")->router.rule == "HostRegexp(`^[^a]b\\.x$`) && PathPrefix(`/`)");
  CHECK(decode("[^a]b.x/")->router.rule == "HostRegexp(`^[\\^a]b\\.x$`) && PathPrefix(`/`)");  // only ! negates
  CHECK(decode("[a-c]?.x/")->router.rule == "HostRegexp(`^[a-c].\\.x$`) && PathPrefix(`/`)");
}

TEST_CASE("tag_fabio: a path is a beginning, also in any case, or a pattern, as fabio's proxy.matcher says") {
  CHECK(decode("a/*.png")->router.rule == "Host(`a`) && PathPrefix(`/*.png`)");
  CHECK(decode("a/x/*.png", "glob")->router.rule == "Host(`a`) && PathRegexp(`^/x/.*\\.png$`)");
  CHECK(decode("/A.b", "iprefix")->router.rule == "PathRegexp(`(?i)^/A\\.b`)");
}

TEST_CASE("tag_fabio: host and path become a rule; the host in lower case, the path as it is") {
  auto route = decode("Web.Localhost/Api");
  REQUIRE(route);
  CHECK(route->router.rule == "Host(`web.localhost`) && PathPrefix(`/Api`)");
  CHECK(route->router.name == "urlprefix-web.localhost/Api");
  CHECK(route->router.service == route->router.name);
  CHECK(decode("/api")->router.rule == "PathPrefix(`/api`)");
  CHECK(decode("*/api")->router.rule == "PathPrefix(`/api`)");
  CHECK(decode("*/api")->router.name == "urlprefix-*/api");
  CHECK(decode("/@user")->router.name == "urlprefix-/%40user");
}

TEST_CASE("tag_fabio: $DC is the instance's datacenter") {
  CHECK(decode("$DC.x/${DC}")->router.rule == "Host(`dc1.x`) && PathPrefix(`/dc1`)");
}

TEST_CASE("tag_fabio: trap 11, hosts are asked before wildcards and those before routes without a host") {
  int64_t host = decode("a.b.c/")->router.priority;
  int64_t wildcard_near = decode("*.b.c/")->router.priority;
  int64_t wildcard_far_long_path = decode("*.c/" + std::string(4000, 'x'))->router.priority;
  int64_t no_host_long_path = decode("/" + std::string(4000, 'x'))->router.priority;
  int64_t no_host = decode("/")->router.priority;
  CHECK(host == 0);  // the rule's length
  CHECK(host > wildcard_near);
  CHECK(wildcard_near > wildcard_far_long_path);
  CHECK(wildcard_far_long_path > no_host_long_path);
  CHECK(no_host_long_path > no_host);
  CHECK(decode("*." + std::string(251, 'a') + "/" + std::string(4095, 'x'))->router.priority < 0);
  int64_t pattern_near = decode("a*.b.c/")->router.priority;
  CHECK(pattern_near > wildcard_near);  // it says more of the name
  CHECK(decode("?.b.c/")->router.priority > decode("aaa*.b.c/")->router.priority);
  CHECK(decode("{x,y}.b.c/")->router.priority > decode("[xy].b.c/")->router.priority);
  CHECK(decode("*.c/")->router.priority < decode("a*.c/")->router.priority);
}

TEST_CASE("tag_fabio: the host * is the last of the patterns and asked before routes without a host") {
  auto priority = [](std::string_view source) { return decode(source)->router.priority; };
  CHECK(priority("*/") > priority("/" + std::string(4000, 'x')));
  CHECK(priority("*/" + std::string(4000, 'x')) < priority("?/"));
  CHECK(priority("*/" + std::string(4000, 'x')) < priority("www.*/"));
  CHECK(priority("*:80/") > priority("*/" + std::string(4000, 'x')));
  CHECK(priority("*:80/") > priority("www.*/" + std::string(4000, 'x')));
  CHECK(priority("*:80/" + std::string(4000, 'x')) < priority("?/"));
  CHECK(priority("*:80/" + std::string(4000, 'x')) < priority("vault*/"));
  CHECK(priority("vault*:80/") > priority("vault*/" + std::string(4000, 'x')));
  CHECK(priority("x*.a/") > priority("www.*.a/" + std::string(4000, 'x')));
  CHECK(priority("*.a:80/") > priority("*.a/" + std::string(4000, 'x')));
  CHECK(priority("*.a:80/" + std::string(4000, 'x')) < priority("b*.a/"));
  CHECK(decode("*:80/*", "glob")->router.priority > decode("/*", "glob")->router.priority);
  auto plain = decode("*:80");
  REQUIRE(plain);
  CHECK((plain->router.plain && plain->router.rule == "PathPrefix(`/`)" && plain->router.name == "urlprefix-*:80/"));
}

TEST_CASE("tag_fabio: where a path is no beginning, those of one host are asked from the greatest by its bytes") {
  auto first_of = [](const std::vector<std::string>& sources, std::string_view matcher, std::string_view host,
                     std::string_view path) {
    Definitions all;
    all.provider = "consul";
    for (const std::string& source : sources) {
      RouterDefinition router = decode(source, matcher)->router;
      router.service = "s";
      all.routers.push_back(router);
    }
    all.services.push_back(fixture::service("s"));
    return fixture::match(fixture::build_all({all}).table, host, path);
  };
  const std::vector<std::string> globs = {"r.x/*", "r.x/*/details", "r.x/foo/*", "*.x/foo/details", "/foo/details"};
  CHECK(first_of(globs, "glob", "r.x", "/foo/details") == "urlprefix-r.x/foo/*@consul");
  CHECK(first_of(globs, "glob", "r.x", "/bar/details") == "urlprefix-r.x/*/details@consul");
  CHECK(first_of(globs, "glob", "r.x", "/bar") == "urlprefix-r.x/*@consul");
  CHECK(first_of(globs, "glob", "a.x", "/foo/details") == "urlprefix-*.x/foo/details@consul");
  CHECK(first_of(globs, "glob", "b", "/foo/details") == "urlprefix-/foo/details@consul");
  CHECK(first_of({"r.x/FOO/bar", "r.x/foo"}, "iprefix", "r.x", "/foo/bar") == "urlprefix-r.x/foo@consul");
  CHECK(first_of({"r.x/FOO/bar", "r.x/FOO"}, "iprefix", "r.x", "/foo/bar") == "urlprefix-r.x/FOO/bar@consul");
  CHECK(first_of({"r.x:80/", "r.x/x"}, "iprefix", "r.x", "/x") == "urlprefix-r.x:80/@consul");
}

TEST_CASE("tag_fabio: trap 14, any number of blanks stands between the options") {
  auto route = decode("  a/b \t strip=/b   proto=https  ");
  REQUIRE(route);
  CHECK(route->router.rule == "Host(`a`) && PathPrefix(`/b`)");
  CHECK(route->scheme == "https");
  CHECK(route->middlewares.size() == 1);
}

TEST_CASE("tag_fabio: path and host options become middlewares in fabio's order") {
  auto route = decode("a/b host=Other.localhost prepend=/c strip=/b");
  REQUIRE(route);
  REQUIRE(route->middlewares.size() == 3);
  CHECK(route->middlewares[0].type == "stripPrefix");
  CHECK(route->middlewares[0].options == Options{{"forceslash", "true"}, {"prefixes", "/b"}});
  CHECK(route->middlewares[1].type == "addPrefix");
  CHECK(route->middlewares[1].options == Options{{"prefix", "/c"}});
  CHECK(route->middlewares[2].type == "headers");
  CHECK(route->middlewares[2].options == Options{{"customrequestheaders.host", "Other.localhost"}});
  CHECK(route->router.middlewares ==
        std::vector<std::string>{"urlprefix-a/b#strip", "urlprefix-a/b#prepend", "urlprefix-a/b#host"});
  CHECK(route->pass_host_header);
  CHECK(route->server_name == "other.localhost");
}

TEST_CASE("tag_fabio: host= takes what a Host field may hold, and TLS asks for its name alone") {
  for (const auto& [host, name] :
       {std::pair("Inner.test:8080", "inner.test"), {"[::1]", "::1"}, {"[::1]:80", "::1"}, {"a_b*c", "a_b*c"}}) {
    INFO(host);
    auto route = decode(std::string("a/ host=") + host);
    REQUIRE(route);
    CHECK(route->middlewares.at(0).options == Options{{"customrequestheaders.host", host}});
    CHECK(route->server_name == name);
  }
  CHECK(refusal("a/ host=a/b") == "option host=a/b: expected dst or what a Host field may hold");
  CHECK_FALSE(refusal("a/ host=ü").empty());
}

TEST_CASE("tag_fabio: host=dst sends the endpoint's own name") {
  auto route = decode("a/ host=dst");
  REQUIRE(route);
  CHECK_FALSE(route->pass_host_header);
  CHECK(route->middlewares.empty());
  CHECK(route->server_name.empty());
}

TEST_CASE("tag_fabio: a redirect keeps its code and its URL, and what was stripped") {
  auto route = decode("a/b redirect=307,https://www.$host$path strip=/b");
  REQUIRE(route);
  REQUIRE(route->middlewares.size() == 2);
  CHECK(route->middlewares[0].type == "redirectUrl");
  CHECK(route->middlewares[0].options ==
        Options{{"code", "307"}, {"prepend", ""}, {"strip", "/b"}, {"url", "https://www.$host$path"}});
}

TEST_CASE("tag_fabio: a redirect does not match what is where it leads already, by scheme, host and path") {
  auto rule = [](std::string_view source, std::string_view url, std::string_view matcher = "prefix") {
    return decode(std::string(source) + " redirect=301," + std::string(url), matcher)->router.rule;
  };
  const std::string there = "Header(`X-Forwarded-Proto`, `https`)";
  CHECK(rule("a.x:80/", "https://a.x$path") == "Host(`a.x`) && PathPrefix(`/`) && !" + there);
  CHECK(rule("A.x/b", "HTTPS://A.x/$path?z=1") == "Host(`a.x`) && PathPrefix(`/b`) && !" + there);
  CHECK(rule("*:80", "https://$host$path") == "PathPrefix(`/`) && !" + there);
  CHECK(rule("*.x/", "https://www.x$path") == "Host(`**.x`) && PathPrefix(`/`) && !(" + there + " && Host(`www.x`))");
  CHECK(rule("/", "http://www.x:81/b") ==
        "PathPrefix(`/`) && !(Header(`X-Forwarded-Proto`, `http`) && Host(`www.x`) && HostPort(`81`) && Path(`/b`))");
  CHECK(rule("a.x/", "https://a.x") == "Host(`a.x`) && PathPrefix(`/`) && !(" + there + " && Path(`/`))");
  CHECK(rule("a.x/B", "https://a.x/b", "iprefix") ==
        "Host(`a.x`) && PathRegexp(`(?i)^/B`) && !(" + there + " && Path(`/b`))");
  const std::string plain = "Host(`a.x`) && PathPrefix(`/b`)";
  for (const std::string url :
       {"https://b.x$path", "https://a.x/new", "https://a.x/b/new$path", "https://www.$host$path", "/b/c", "//a.x$path",
        "https://a.x:y$path", "https://a_ü.x$path"}) {
    INFO(url);
    CHECK(rule("a.x/b", url) == plain);
    CHECK_FALSE(decode("a.x/b redirect=301," + url)->last_resort);
  }
  CHECK(rule("a.x/b strip=/b", "https://a.x$path") == plain);
  CHECK(rule("a.x/b prepend=/c", "https://a.x$path") == plain);
  CHECK(rule("a.x:8080/", "https://a.x$path") == "Host(`a.x`) && HostPort(`8080`) && PathPrefix(`/`)");
  CHECK_FALSE(decode("a.x/b")->last_resort);
}

TEST_CASE("tag_fabio: who is where a redirect leads gets the next route, and where there is none its own service") {
  const std::string url = " redirect=301,https://$host$path";
  auto answers = [&](const std::vector<std::string>& sources, std::string_view path, std::string_view proto) {
    Definitions all;
    all.provider = "consul";
    for (const std::string& source : sources) {
      FabioRoute route = *decode(source);
      route.router.service = "s";
      all.routers.push_back(route.router);
      if (!route.last_resort) continue;
      CHECK(route.last_resort->middlewares == route.router.middlewares);
      route.last_resort->service = "s";
      all.routers.push_back(*route.last_resort);
    }
    for (RouterDefinition& one : all.routers) one.middlewares.clear();
    all.services.push_back(fixture::service("s"));
    const std::vector<Header> headers = {{"X-Forwarded-Proto", proto}};
    RequestView asked = fixture::request("a.x", path);
    asked.headers = headers;
    return fixture::match(fixture::build_all({all}).table, asked);
  };
  for (const std::string source : {"a.x:80/", "*.x:80/", "*:80", "/"}) {
    INFO(source);
    const std::string redirect = source + url;
    const std::string name = decode(source)->router.name + "@consul";
    CHECK(answers({redirect}, "/b", "http") == name);
    CHECK(answers({redirect}, "/b", "https") == decode(source)->router.name + " (own)@consul");
    CHECK(answers({redirect, "/b"}, "/b", "https") == "urlprefix-/b@consul");
  }
  CHECK(answers({"a.x:80/" + url, "a.x/"}, "/b", "https") == "urlprefix-a.x/@consul");
  CHECK(answers({"a.x:80/" + url, "a.x/"}, "/b", "http") == "urlprefix-a.x:80/@consul");
  CHECK(answers({"a.x/" + url, "a.x/b"}, "/b", "http") == "urlprefix-a.x/b@consul");  // its rule is longer
  CHECK(answers({"*:80" + url, "a.x:80/" + url}, "/b", "https") == "urlprefix-a.x:80/ (own)@consul");
}

TEST_CASE("tag_fabio: no source is called as the own service of a redirect is") {
  auto redirect = decode("a.x/ redirect=301,https://$host$path");
  REQUIRE(redirect->last_resort);
  for (const std::string end : {"#own", "(own)", "%20(own)", " (own)", "\t(own)"}) {
    INFO(end);
    auto written = decode("a.x/" + end);
    CHECK((!written || written->router.name != redirect->last_resort->name));
  }
}

TEST_CASE("tag_fabio: what is no redirect is left out and reported, as fabio does") {
  auto route = decode("a/ redirect=301");
  REQUIRE(route);
  CHECK(route->middlewares.empty());
  CHECK(route->ignored ==
        std::vector<std::string>{"option \"redirect=301\" is ignored: expected a code, a comma and a URL"});
}

TEST_CASE("tag_fabio: a port in the host is the port that the request must name") {
  CHECK(decode("a:8080/x")->router.rule == "Host(`a`) && HostPort(`8080`) && PathPrefix(`/x`)");
  CHECK(decode("*:8080/x")->router.rule == "HostPort(`8080`) && PathPrefix(`/x`)");
  CHECK(decode("a:8080/")->router.priority > 0);
  CHECK(decode("a:8080")->router.rule == "Host(`a`) && HostPort(`8080`) && PathPrefix(`/`)");
  CHECK(decode("10.0.0.1:3306")->router.rule == "Host(`10.0.0.1`) && HostPort(`3306`) && PathPrefix(`/`)");
  CHECK(decode("a:80")->router.plain);
  CHECK(decode("a:443/")->router.tls);
  CHECK(decode("a:443/")->router.rule == "Host(`a`) && PathPrefix(`/`)");
}

TEST_CASE("tag_fabio: a weight is a share, and none or less means an equal part") {
  CHECK(decode("a/ weight=0.25")->share == 0.25);
  CHECK(decode("a/ weight=+0.5")->share == 0.5);
  CHECK(decode("a/ weight=")->share == 0);
  CHECK(decode("a/ weight=1")->share == 1);
  CHECK(decode("a/ weight=1.5")->share == 1.5);  // shares of more than 1 together are scaled
  CHECK(decode("a/ weight=-1")->share == 0);
  CHECK(decode("a/")->share == 0);
}

TEST_CASE("tag_fabio: a strip= that no path begins with is ignored, as in fabio, and costs the route nothing") {
  for (const std::string option : {"strip=x", "strip=/a,/b"}) {
    INFO(option);
    auto route = decode("a/b " + option);
    REQUIRE(route);
    CHECK(route->middlewares.empty());
    REQUIRE(route->ignored.size() == 1);
    CHECK(route->ignored[0] == "option \"" + option + "\" is ignored: one path that begins with / is taken off");
  }
}

TEST_CASE("tag_fabio: what fabio makes something of is no reason to refuse a route") {
  auto route = decode("a/ proto=HTTP host= prepend=p");
  REQUIRE(route);
  CHECK((route->scheme == "http" && route->pass_host_header));
  CHECK(route->ignored ==
        std::vector<std::string>{"option \"proto=HTTP\" is ignored: a protocol that is not known; http is spoken",
                                 "option \"host=\" is ignored: no name"});
  REQUIRE(route->middlewares.size() == 1);
  CHECK(route->middlewares[0].options == Options{{"prefix", "/p"}});
}
