#include "weir/routing/route_commands.h"

#include "catch.h"
#include "table_fixture.h"

using namespace weir;
using namespace weir::routing;
using namespace weir::routing::fixture;

namespace {

std::vector<std::string> complaints(std::string_view text) {
  std::vector<std::string> out;
  for (const Rejection& one : decode_route_commands(text, "kv").rejected) out.push_back(one.origin + " " + one.reason);
  return out;
}

/// "name -> host:port*weight …" of each router.
std::vector<std::string> routes(std::string_view text) {
  std::vector<std::string> out;
  Definitions all = decode_route_commands(text, "kv");
  for (size_t i = 0; i < all.routers.size(); ++i) {
    std::string line = all.routers[i].name + " ->";
    for (const EndpointDefinition& one : all.services[i].endpoints) {
      line += " " + one.host + ":" + std::to_string(one.port) + "*" + std::to_string(one.weight);
    }
    out.push_back(line);
  }
  return out;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("route commands: pain 17, a line that cannot be read is dropped with its number, the others count") {
  std::string_view text =
      "route add web a/ http://10.0.0.1:80/\n"
      "route add web\n"
      "rout add web b/ http://10.0.0.1:80/\n"
      "route add web c/ http://10.0.0.1:80/ weight much\n"
      "route add web d/ http://10.0.0.1:80/ tags \"a\n"
      "route add web e/ nowhere\n"
      "route add web f/ http://10.0.0.1:80/ opts \"pxyproto=true\"\n"
      "route del other\n"
      "route weight a/ weight\n"
      "route weight z/ weight 0.5\n"
      "route turn around now\n"
      "route add web g/ http://10.0.0.1:80/\n";
  CHECK(routes(text) == Texts{"a/ -> 10.0.0.1:80*1", "g/ -> 10.0.0.1:80*1"});
  Texts said = complaints(text);
  REQUIRE(said.size() == 8);
  CHECK(said[0] == "kv:2 route add: expected a service, a source and a target");
  CHECK(said[1] == "kv:3 expected route add, del or weight");
  CHECK(said[2] == "kv:4 weight much: expected a number, the share from 0 to 1");
  CHECK(said[3] == "kv:5 no closing \"");
  CHECK(said[4] == "kv:9 weight: nothing follows");
  CHECK(said[5] == "kv:11 expected route add, del or weight");
  CHECK(said[6].starts_with("kv:6 target nowhere: "));
  CHECK(said[7] == "kv:7 option pxyproto= is not supported yet");
}

TEST_CASE("route commands: comments, blanks and nothing at all are no routes") {
  CHECK(routes("").empty());
  CHECK(routes("# route add web a/ http://a:1/\n  // more\n\n \t\n").empty());
  CHECK(complaints("# x\n// y\n\n").empty());
}

TEST_CASE("route commands: targets of one source share it, with their weights as shares") {
  CHECK(routes("route add web www.A.com/ http://10.0.0.1:8000/ weight 0.2\n"
               "route add web www.a.com/ http://10.0.0.2:8000/\n"
               "route add api www.a.com/ http://10.0.0.3:8000/\n") ==
        Texts{"www.a.com/ -> 10.0.0.1:8000*2000 10.0.0.2:8000*4000 10.0.0.3:8000*4000"});
  // An address serves once, as its first line says.
  CHECK(routes("route add web a/ http://10.0.0.1:1/ weight 0.2\nroute add web a/ http://10.0.0.2:1/\n"
               "route add web a/ http://10.0.0.1:1/\n") == Texts{"a/ -> 10.0.0.1:1*2000 10.0.0.2:1*8000"});
}

TEST_CASE("route commands: weight gives matching targets a share together, by service and by tags") {
  std::string all =
      "route add web a/ http://10.0.0.1:1/ tags \"v1,x\"\n"
      "route add web a/ http://10.0.0.2:1/ tags \"v2,x\"\n"
      "route add web a/ http://10.0.0.3:1/ tags \"v2,x\"\n";
  CHECK(routes(all + "route weight web a/ weight 0.1 tags \"v2\"\n") ==
        Texts{"a/ -> 10.0.0.1:1*9000 10.0.0.2:1*500 10.0.0.3:1*500"});
  CHECK(routes(all + "route weight a/ weight 0.5 tags \"x,v1\"\n") ==
        Texts{"a/ -> 10.0.0.1:1*5000 10.0.0.2:1*2500 10.0.0.3:1*2500"});
}

TEST_CASE("route commands: del takes out by service, source, target or tags") {
  std::string all =
      "route add web a/ http://10.0.0.1:1/ tags \"v1\"\n"
      "route add web b/ http://10.0.0.2:1/ tags \"v2\"\n"
      "route add api b/ http://10.0.0.3:1/\n";
  CHECK(routes(all + "route del web\n") == Texts{"b/ -> 10.0.0.3:1*1"});
  CHECK(routes(all + "route del web B/\n") == Texts{"a/ -> 10.0.0.1:1*1", "b/ -> 10.0.0.3:1*1"});
  CHECK(routes(all + "route del api b/ http://10.0.0.3:1/\n") == Texts{"a/ -> 10.0.0.1:1*1", "b/ -> 10.0.0.2:1*1"});
  CHECK(routes(all + "route del tags \"v2\"\n") == Texts{"a/ -> 10.0.0.1:1*1", "b/ -> 10.0.0.3:1*1"});
  CHECK(routes(all + "route del \"web\"\nroute del web \"a/\"\n") == routes(all));  // nothing is called so
  for (const std::string none : {"\"\"", "\", \""}) {  // nobody is named, and nothing is taken away
    const std::string text = all + "route del tags " + none + "\n";
    INFO(text);
    CHECK(routes(text) == routes(all));
    CHECK(complaints(text) == Texts{"kv:4 route del: no tags and no service"});
    CHECK(decode_route_commands(text, "kv").edits.size() == decode_route_commands(all, "kv").edits.size());
  }
  CHECK(routes(all + "route del web tags \"v1\"\n") == Texts{"b/ -> 10.0.0.2:1*1 10.0.0.3:1*1"});
}

TEST_CASE("route commands: options are those of tags; targets that ask for others are left out") {
  Definitions all = decode_route_commands(
      "route add web a/x https://10.0.0.1:1/ opts \"strip=/x tlsskipverify=true\"\n"
      "route add web a/x http://10.0.0.2:1/\n",
      "kv");
  REQUIRE(all.routers.size() == 1);
  CHECK(all.routers[0].middlewares == Texts{"a/x#strip"});
  REQUIRE(all.services[0].endpoints.size() == 1);
  CHECK(all.services[0].endpoints[0].scheme == "https");
  CHECK(all.services[0].servers_transport == "insecureSkipVerify");
  REQUIRE(all.rejected.size() == 1);
  CHECK(all.rejected[0].origin == "kv:2");
}

TEST_CASE("route commands: https targets are asked for the name of host=, each name over connections of its own") {
  auto table = build_all({decode_route_commands(
                             "route add a a/ https://10.0.0.1:1/ opts \"host=Inner.test\"\n"
                             "route add b b/ https://10.0.0.1:1/ opts \"host=inner.test tlsskipverify=true\"\n"
                             "route add c c/ https://10.0.0.1:1/ opts \"host=dst\"\n"
                             "route add d d/ http://10.0.0.1:1/ opts \"host=inner.test\"\n",
                             "kv")})
                   .table;
  auto endpoint = [&](std::string_view name) { return find_service(table, name)->endpoints.at(0); };
  CHECK(endpoint("a/@consulkv").transport == "default#sni=inner.test");
  CHECK(endpoint("a/@consulkv").id == "https://10.0.0.1:1#default#sni=inner.test");
  CHECK(endpoint("b/@consulkv").transport == "insecureSkipVerify#sni=inner.test");
  CHECK(endpoint("c/@consulkv").transport.empty());
  CHECK(endpoint("d/@consulkv").transport.empty());
}

TEST_CASE("route commands: the same target again is the first, and another where its tags differ") {
  const std::string first = "route add web a/ http://10.0.0.1:1/ tags \"v1\" opts \"strip=/x\"\n";
  const std::string again = first + "route add web a/ http://10.0.0.1:1/ tags \"v1\" opts \"strip=/y\"\n";
  Definitions all = decode_route_commands(again, "kv");
  REQUIRE(all.middlewares.size() == 1);
  CHECK(all.middlewares[0].options.at("prefixes") == "/x");
  CHECK(complaints(again) == Texts{"kv:2 the same target with other options stands in kv:1, and holds"});
  CHECK(complaints(first + first).empty());
  CHECK(routes(first + first) == routes(first));
  const std::string other = first + "route add web a/ http://10.0.0.1:1/ tags \"v2\" opts \"strip=/x\"\n";
  CHECK(routes(other + "route del web tags \"v1\"\n") == routes(first));
  CHECK(routes(other + "route del tags \"v1,v2\"\n") == routes(first));
  CHECK(routes(other + "route del web\n").empty());
}

TEST_CASE("route commands: a query of a target is told, not sent") {
  CHECK(complaints("route add web a/ http://10.0.0.1:1/?x=y\n") ==
        Texts{"kv:1 target http://10.0.0.1:1/?x=y: its query is left out"});
  CHECK(routes("route add web a/ http://10.0.0.1:1/?x=y\n") == Texts{"a/ -> 10.0.0.1:1*1"});
  CHECK(complaints("route add web a/ https://b/?x=y opts \"redirect=301\"\n").empty());
}

TEST_CASE("route commands: targets of gRPC are written with their own schemes") {
  Definitions all = decode_route_commands(
      "route add a a/ grpc://10.0.0.1:1/ opts \"proto=grpc\"\nroute add b b/ grpcs://10.0.0.2:2/ opts \"proto=grpcs\"\n"
      "route add c c/ GRPC://10.0.0.3:3",
      "kv");
  CHECK(all.rejected.empty());
  REQUIRE(all.services.size() == 3);
  CHECK(all.services[0].endpoints.at(0).scheme == "h2c");
  CHECK(all.services[1].endpoints.at(0).scheme == "https");
  CHECK(all.services[2].endpoints.at(0).scheme == "h2c");
  CHECK(all.services[2].endpoints.at(0).port == 3);
}

TEST_CASE("route commands: the target's URL says how it is spoken to, and another proto= is told") {
  auto scheme = [](const std::string& dst, const std::string& opts) {
    Definitions all = decode_route_commands("route add a a/ " + dst + " opts \"" + opts + "\"\n", "kv");
    return all.services.size() == 1 ? all.services[0].endpoints.at(0).scheme : "none";
  };
  for (const std::string proto : {"https", "grpc", "grpcs", "tcp", "tcp+sni", "HTTP"}) {
    INFO(proto);
    const std::string opts = "proto=" + proto;
    CHECK(scheme("http://10.0.0.1:1/", opts) == "http");
    CHECK(
        complaints("route add a a/ http://10.0.0.1:1/ opts \"" + opts + "\"\n") ==
        Texts{"kv:1 option \"" + opts + "\" is ignored: the target's URL says how it is spoken to, and that is http"});
  }
  CHECK(scheme("https://10.0.0.1:1/", "proto=http") == "https");
  CHECK(complaints("route add a a/ https://10.0.0.1:1/ opts \"proto=https\"\n").empty());
  CHECK(complaints("route add a a/ http://10.0.0.1:1/ opts \"proto=http\"\n").empty());
  CHECK(scheme("tcp://10.0.0.1:1", "proto=tcp") == "none");
  CHECK(scheme("tcp://10.0.0.1:1", "strip=/x") == "none");
}

TEST_CASE("route commands: WebSockets' targets are HTTP's") {
  CHECK(routes("route add ws a/ws  ws://10.0.0.1:8080\n") == Texts{"a/ws -> 10.0.0.1:8080*1"});
  CHECK(routes("route add ws a/ws WSS://10.0.0.1\n") == Texts{"a/ws -> 10.0.0.1:443*1"});
  Definitions all = decode_route_commands("route add a a/ ws://b\nroute add c c/ wss://d\n", "kv");
  CHECK(all.rejected.empty());
  CHECK(all.services.at(0).endpoints.at(0).scheme == "http");
  CHECK(all.services.at(1).endpoints.at(0).scheme == "https");
}

TEST_CASE("route commands: a redirect does not match what is where it leads, and nothing else is behind it") {
  const auto commands = decode_route_commands(
      "route add r a.x:80/ https://a.x$path opts \"redirect=301\"\nroute add web b.x/ http://10.0.0.1:1/\n"
      "route add r b.x:80 https://$host$path opts \"redirect=301\"\n",
      "kv");
  CHECK(commands.routers.size() == 3);
  auto table = build_all({commands}).table;
  auto answers = [&](std::string_view host, std::string_view proto) {
    const std::vector<Header> headers = {{"X-Forwarded-Proto", proto}};
    RequestView asked = request(host, "/q");
    asked.headers = headers;
    return match(table, asked);
  };
  CHECK(answers("a.x", "http") == "a.x:80/@consulkv");
  CHECK(answers("a.x", "https").empty());
  CHECK(answers("b.x", "http") == "b.x:80/@consulkv");
  CHECK(answers("b.x", "https") == "b.x/@consulkv");
}

TEST_CASE("route commands: they route, and a tag's route with their source goes before them") {
  Definitions consul = definitions({"tag 0: Host(`a`) && PathPrefix(`/`)"}, "consul");
  auto table = build_all({consul, decode_route_commands("route add web a/ http://10.0.0.1:1/\n", "kv")}).table;
  CHECK(match(table, "a", "/") == "tag@consul");
  auto alone = build_all({decode_route_commands("route add web a/ http://10.0.0.1:1/\n", "kv")}).table;
  CHECK(match(alone, "a", "/") == "a/@consulkv");
}

TEST_CASE("route commands: by fabio's order of paths a command's route stands behind a tag's with its path alone") {
  Definitions tags;
  tags.provider = "consul";
  tags.routers = {router("urlprefix-a/b 20: Host(`a`) && PathRegexp(`(?i)^/b`)")};
  tags.routers[0].path_order = PathOrder::bytes;
  tags.routers[0].priority = static_cast<int64_t>(std::string_view("Host(`a`) && PathPrefix(`/`)").size());
  tags.services = {service("s")};
  RouteCommandOptions options;
  options.matcher = "iprefix";
  auto answers = [&](std::string_view source) {
    const std::string text = "route add web " + std::string(source) + " http://10.0.0.1:1/\n";
    return match(build_all({tags, decode_route_commands(text, "kv", options)}).table, "a", "/b/c");
  };
  CHECK(answers("a/b") == "urlprefix-a/b@consul");
  CHECK(answers("a/B/c") == "urlprefix-a/b@consul");
  CHECK(answers("a/b/C") == "a/b/C@consulkv");
}

TEST_CASE("route commands: register= asks for a name, once for each target that serves") {
  auto aliases = [](std::string_view text) { return decode_route_commands(text, "kv").aliases; };
  CHECK(aliases("route add web a/ http://10.0.0.1:1/ opts \"register=shop\"\n") == std::vector<std::string>{"shop"});
  CHECK(aliases("route add web a/ http://10.0.0.1:1/ opts \"register=shop\"\nroute del web\n").empty());
}
