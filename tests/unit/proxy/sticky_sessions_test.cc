// Sticky sessions: values as Traefik 3.7 gives them, and requests through an exchange.

#include "proxy/sticky_sessions.h"

#include <string>
#include <string_view>
#include <vector>

#include "edge_fixture.h"

using namespace weir;
using namespace weir::proxy;
using namespace weir::proxy::fixture;

namespace {

routing::Service service_of(routing::StickyCookie cookie, const std::vector<std::string>& ids) {
  routing::Service service;
  service.name = "d@file";
  service.sticky = routing::StickyCookieRef(std::move(cookie));
  for (const std::string& id : ids) service.endpoints.emplace_back().id = id;
  return service;
}

/// Three upstreams that answer by their number.
struct Kept {
  Edge edge;
  std::vector<std::string> urls;

  Kept() {
    for (const char* body : {"zero", "one", "two"}) urls.push_back(Edge::url(edge.upstream(answering(ok(body)))));
    edge.service.sticky = routing::StickyCookieRef(routing::StickyCookie{.name = "lb"});
    serve(urls);
  }
  void serve(const std::vector<std::string>& endpoints) {
    const auto sticky = edge.service.sticky;
    edge.route(endpoints);  // begins anew
    edge.service.sticky = sticky;
    edge.install();
  }
  std::string ask(std::string_view fields = "") {
    return edge.ask(get("/", "Connection: close\r\n" + std::string(fields)));
  }
};

/// "Cookie: lb=…" of what an answer sets; "": it sets none.
std::string cookie_of(std::string_view answer) {
  const size_t begin = answer.find("Set-Cookie: ");
  if (begin == std::string_view::npos) return "";
  const std::string_view value = answer.substr(begin + 12);
  return "Cookie: a=b; " + std::string(value.substr(0, value.find(';'))) + "\r\n";
}

std::string body_of(std::string_view answer) { return std::string(answer.substr(answer.find("\r\n\r\n") + 4)); }

}  // namespace

TEST_CASE("sticky: names and values are Traefik's, so that clients keep their endpoints") {
  const StickySessions own(service_of({}, {"http://127.0.0.1:34933", "http://127.0.0.1:44669", "https://a:1#x#sni=y"}));
  CHECK(own.set_cookie(0) == "_55fc6=dff87c3d4b77ca17; Path=/");
  CHECK(own.set_cookie(1) == "_55fc6=161fc8c7584a0da6; Path=/");
  CHECK(StickySessions(service_of({}, {"https://a:1"})).set_cookie(0) == own.set_cookie(2));  // whatever the transport
  const StickySessions all(service_of({"lb", "/p", "example.com", "None", true, true, 42}, {"http://127.0.0.1:34933"}));
  CHECK(all.set_cookie(0) ==
        "lb=dff87c3d4b77ca17; Path=/p; Domain=example.com; Max-Age=42; HttpOnly; Secure; SameSite=None");
  CHECK(StickySessions(service_of({.name = "lb", .same_site = "Lax", .max_age_s = -1}, {"http://127.0.0.1:34933"}))
            .set_cookie(0) == "lb=dff87c3d4b77ca17; Path=/; Max-Age=0; SameSite=Lax");
}

TEST_CASE("sticky: the cookie is found among others, and the first of its name counts") {
  const StickySessions sessions(service_of({.name = "lb"}, {"http://127.0.0.1:34933", "http://127.0.0.1:44669"}));
  const auto find = [&](std::vector<std::string_view> values) {
    std::vector<http::Header> fields;
    for (std::string_view value : values) fields.push_back({"cookie", value});
    return sessions.find(fields);
  };
  CHECK(find({"lb=161fc8c7584a0da6"}) == 1);
  CHECK(find({"a=b;lb=161fc8c7584a0da6 ; c=d"}) == 1);
  CHECK(find({"lb=\"161fc8c7584a0da6\""}) == 1);
  CHECK(find({"a=b", "lb=dff87c3d4b77ca17"}) == 0);
  CHECK(find({"lb=zzz; lb=161fc8c7584a0da6"}) == StickySessions::npos);
  for (std::string_view other : {"", "lb", "lb=", "xlb=161fc8c7584a0da6", "LB=161fc8c7584a0da6", "lb =161fc8c7584a0da6",
                                 "lb=161fc8c7584a0da", "lb=161fc8c7584a0da66", ";;;=;lb=;"}) {
    INFO(other);
    CHECK(find({other}) == StickySessions::npos);
  }
}

TEST_CASE("sticky: a client stays where its first request went, and is told once") {
  Kept kept;
  for (int i = 0; i < 3; ++i) {
    const std::string first = kept.ask();
    const std::string cookie = cookie_of(first);
    REQUIRE(!cookie.empty());
    for (int j = 0; j < 4; ++j) {
      const std::string next = kept.ask(cookie);
      CHECK(body_of(next) == body_of(first));
      CHECK(cookie_of(next) == "");
    }
  }
  CHECK(cookie_of(kept.ask("Cookie: lb=nobody\r\n")) != "");
  kept.edge.check_balanced();
}

TEST_CASE("sticky: who has lost its endpoint gets another one, and keeps that") {
  Kept kept;
  const std::string cookie = cookie_of(kept.ask());
  const std::string body = body_of(kept.ask(cookie));
  std::vector<std::string> changed;
  for (size_t i = 0; i < kept.urls.size(); ++i) {
    changed.push_back((body == (i == 0 ? "zero" : i == 1 ? "one" : "two") ? "!" : "") + kept.urls[i]);  // it is down
  }
  kept.serve(changed);
  const std::string moved = kept.ask(cookie);
  CHECK(body_of(moved) != body);
  CHECK(body_of(kept.ask(cookie_of(moved))) == body_of(moved));
  kept.serve(kept.urls);  // it is back
  CHECK(body_of(kept.ask(cookie)) == body);
}

TEST_CASE("sticky: an endpoint that cannot be reached gives its client to another one, which says so") {
  Kept kept;
  const std::string cookie = cookie_of(kept.ask());
  const std::string body = body_of(kept.ask(cookie));
  auto upstream = kept.edge.upstreams.begin();
  for (const char* one : {"zero", "one", "two"}) {
    if (body == one) {
      upstream->listener.reset();
      upstream->peers.clear();
    }
    ++upstream;
  }
  kept.edge.settle();
  const std::string moved = kept.ask(cookie);
  CHECK(moved.starts_with("HTTP/1.1 200"));
  CHECK(body_of(moved) != body);
  CHECK(cookie_of(moved) != "");
  kept.edge.check_balanced();
}

TEST_CASE("sticky: a service without such a cookie sets none") {
  Kept kept;
  kept.edge.service.sticky = {};
  kept.edge.install();
  CHECK(cookie_of(kept.ask()) == "");
}
