#include "routing/tag_fabio.h"

#include "catch.h"

using namespace weir;
using namespace weir::routing;

namespace {

Result<FabioRoute> decode(std::string_view source) { return decode_fabio_tag(source, "urlprefix-", "dc1", "web"); }

std::string refusal(std::string_view source) {
  auto route = decode(source);
  return route ? "" : route.error().message;
}

using Options = std::map<std::string, std::string>;

}  // namespace

TEST_CASE("tag_fabio: what has no meaning here is refused with a reason") {
  CHECK(refusal("") == "nothing after the prefix");
  CHECK(refusal("   ") == "nothing after the prefix");
  CHECK(refusal("web.localhost") == "no path; write \"web.localhost/\"");
  CHECK(refusal(":3306") == "TCP routes are not supported yet");
  CHECK(refusal("10.0.0.1:3306") == "TCP routes are not supported yet");
  CHECK(refusal("a.localhost:80/") == "a port in the host is not supported yet");
  CHECK(refusal("a*.localhost/") == "of host patterns only *.name is supported yet");
  CHECK(refusal("*.*.localhost/") == "of host patterns only *.name is supported yet");
  CHECK(refusal("*./") == "of host patterns only *.name is supported yet");
  CHECK(refusal("a`b/") == "\"a`b\" is no host name");
  CHECK(refusal("a/`) || Host(`b") == "the path holds a character no path has");
  CHECK(refusal("a/*.png") == "path patterns are not supported yet");
  CHECK(refusal("$HOST/") == "only $DC is expanded in \"$HOST/\"");
  CHECK(refusal("a/" + std::string(4095, 'x')).empty());
  CHECK(refusal("a/" + std::string(4096, 'x')) == "the path is longer than 4096 bytes");
}

TEST_CASE("tag_fabio: options we cannot honour refuse the route, known or not") {
  for (const char* option : {"proto=tcp",
                             "proto=grpc",
                             "proto=",
                             "auth=basic",
                             "register=x",
                             "tlsskipverify=true",
                             "pxyproto=true",
                             "grpcservername=x",
                             "colour=red",
                             "strip",
                             "strip=x",
                             "strip=/a,/b",
                             "prepend=",
                             "host=",
                             "host=a`b",
                             "weight=much",
                             "weight=1.5",
                             "weight=nan",
                             "weight=",
                             "redirect=301",
                             "redirect=200,https://$host$path",
                             "redirect=301,https://other.localhost/"}) {
    INFO(option);
    CHECK_FALSE(refusal(std::string("a/ ") + option).empty());
  }
  CHECK(refusal("a/ tlsskipverify=false pxyproto=false").empty());
}

TEST_CASE("tag_fabio: trap 13, a route with an allow or deny list is refused, never served without it") {
  CHECK(refusal("a/ allow=ip:10.0.0.0/8") == "option allow= is not supported yet");
  CHECK(refusal("a/ deny=ip:10.0.0.0/8") == "option deny= is not supported yet");
}

TEST_CASE("tag_fabio: host and path become a rule; the host in lower case, the path as it is") {
  auto route = decode("Web.Localhost/Api");
  REQUIRE(route);
  CHECK(route->router.rule == "Host(`web.localhost`) && PathPrefix(`/Api`)");
  CHECK(route->router.name == "urlprefix-web.localhost/Api");
  CHECK(route->router.service == route->router.name);
  CHECK(decode("/api")->router.rule == "PathPrefix(`/api`)");
  CHECK(decode("*/api")->router.rule == "PathPrefix(`/api`)");
  CHECK(decode("*.x.localhost/")->router.rule == "Host(`*.x.localhost`) && PathPrefix(`/`)");
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
  CHECK(decode("*." + std::string(251, 'a') + "/")->router.priority < 0);
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
  CHECK(route->middlewares[0].options == Options{{"prefixes", "/b"}});
  CHECK(route->middlewares[1].type == "addPrefix");
  CHECK(route->middlewares[1].options == Options{{"prefix", "/c"}});
  CHECK(route->middlewares[2].type == "headers");
  CHECK(route->middlewares[2].options == Options{{"customrequestheaders.host", "other.localhost"}});
  CHECK(route->router.middlewares ==
        std::vector<std::string>{"urlprefix-a/b#strip", "urlprefix-a/b#prepend", "urlprefix-a/b#host"});
  CHECK(route->pass_host_header);
}

TEST_CASE("tag_fabio: host=dst sends the endpoint's own name") {
  auto route = decode("a/ host=dst");
  REQUIRE(route);
  CHECK_FALSE(route->pass_host_header);
  CHECK(route->middlewares.empty());
}

TEST_CASE("tag_fabio: a redirect to the other scheme becomes redirectScheme") {
  auto route = decode("a/ redirect=301,https://$host$path");
  REQUIRE(route);
  REQUIRE(route->middlewares.size() == 1);
  CHECK(route->middlewares[0].type == "redirectScheme");
  CHECK(route->middlewares[0].options == Options{{"scheme", "https"}, {"permanent", "true"}});
  CHECK(decode("a/ redirect=302,https://$host$path")->middlewares[0].options.at("permanent") == "false");
}

TEST_CASE("tag_fabio: a weight is a share, and none or less means an equal part") {
  CHECK(decode("a/ weight=0.25")->share == 0.25);
  CHECK(decode("a/ weight=1")->share == 1);
  CHECK(decode("a/ weight=-1")->share == 0);
  CHECK(decode("a/")->share == 0);
}
