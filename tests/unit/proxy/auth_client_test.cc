// forwardAuth: what its server is asked, what becomes of its answer, and of a request while nobody answers.

#include "proxy/auth_client.h"

#include "edge_fixture.h"
#include "weir/base/file.h"

using namespace weir;
using namespace weir::proxy;
using namespace weir::proxy::fixture;

namespace {

using Options = std::map<std::string, std::string>;

std::string saying(std::string_view status, std::string_view fields = "", std::string_view body = "") {
  return "HTTP/1.1 " + std::string(status) + "\r\n" + std::string(fields) +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

struct AskingEdge : Edge {
  explicit AskingEdge(const std::string& answer, Options options = {}) : AskingEdge(answering(answer), options) {}
  AskingEdge(std::function<void(Peer&)> script, Options options) {
    auth = &upstream(std::move(script));
    options.try_emplace("address", url(*auth) + "/check?of=web");
    middlewares = {{"ask", "forwardAuth", std::move(options), {}}};
    backend = &upstream(answering(saying("200 OK", "Set-Cookie: session=up\r\nSet-Cookie: mine=up\r\n", "in")));
    route(*backend);
  }
  std::string ask_for(const std::string& path, const std::string& fields = "") {
    return ask(get(path, fields + "Connection: close\r\n"));
  }
  Upstream* auth;
  Upstream* backend;
};

}  // namespace

TEST_CASE("forwardAuth: its server is told of the request, and its yes lets it pass as it came") {
  AskingEdge edge(saying("204 No Content", "X-User: bob\r\n"));
  const std::string got = edge.ask_for(
      "/a%20b?c=d", "Cookie: x=1\r\nX-User: root\r\nX-Forwarded-Uri: /other\r\nX-Forwarded-For: 9.9.9.9\r\n");
  CHECK(got.starts_with("HTTP/1.1 200 "));
  const std::string asked = edge.auth->all();
  CHECK(asked.starts_with("GET /check?of=web HTTP/1.1\r\n"));
  for (const char* field :
       {"X-Forwarded-Method: GET\r\n", "X-Forwarded-Uri: /a%20b?c=d\r\n", "X-Forwarded-Host: web.test\r\n",
        "X-Forwarded-Proto: http\r\n", "X-Forwarded-For: 127.0.0.1\r\n", "Cookie: x=1\r\n", "X-User: root\r\n"}) {
    INFO(field);
    CHECK(count(asked, field) == 1);
  }
  CHECK(count(asked, "9.9.9.9") == 0);
  CHECK(count(asked, "/other") == 0);
  const std::string passed = edge.backend->all();
  CHECK(passed.starts_with("GET /a%20b?c=d HTTP/1.1\r\n"));
  CHECK(count(passed, "X-User: root\r\n") == 1);  // it was not asked who the user is
  CHECK(count(passed, "X-Forwarded-Method") == 0);
  edge.check_balanced();
}

TEST_CASE("forwardAuth: of its yes go up the fields that are named, in place of the client's, and none else") {
  AskingEdge edge(saying("200 OK", "x-user: bob\r\nX-Group: a\r\nX-Group: b\r\nx-role-one: r\r\nX-Other: o\r\n", "yes"),
                  {{"authresponseheaders", "X-User,X-Group,X-Absent"}, {"authresponseheadersregex", "^X-Role-"}});
  edge.ask_for("/", "X-USER: root\r\nX-Absent: forged\r\nX-Role-Two: forged\r\nX-Mine: m\r\n");
  const std::string passed = edge.backend->all();
  for (const char* field : {"x-user: bob\r\n", "X-Group: a\r\nX-Group: b\r\n", "x-role-one: r\r\n", "X-Mine: m\r\n"}) {
    INFO(field);
    CHECK(count(passed, field) == 1);
  }
  for (const char* text : {"root", "forged", "X-Other"}) CHECK(count(passed, text) == 0);
}

TEST_CASE("forwardAuth: its no is the client's answer, with all its fields and its body") {
  AskingEdge edge(
      saying("401 Unauthorized",
             "Date: old\r\nKeep-Alive: timeout=5\r\nWWW-Authenticate: Basic\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n",
             "not you"));
  const std::string got = edge.ask_for("/");
  CHECK(got.starts_with("HTTP/1.1 401 "));
  CHECK(got.ends_with("\r\n\r\nnot you"));
  for (const char* field : {"WWW-Authenticate: Basic\r\n", "Set-Cookie: a=1\r\n", "Set-Cookie: b=2\r\n",
                            "Content-Length: 7\r\n", "Date: "}) {
    INFO(field);
    CHECK(count(got, field) == 1);
  }
  CHECK(count(got, "Keep-Alive") == 0);
  CHECK(edge.backend->peers.empty());
  const std::string head = edge.ask("HEAD / HTTP/1.1\r\nHost: web.test\r\nConnection: close\r\n\r\n");
  CHECK((head.starts_with("HTTP/1.1 401 ") && head.ends_with("\r\n\r\n")));
  edge.check_balanced();
}

TEST_CASE("forwardAuth: a sign-in page is found where the address is, unless its Location is to stay as it is") {
  const std::string found = saying("302 Found", "Location: /login?to=x#top\r\n");
  AskingEdge edge(found);
  CHECK(count(edge.ask_for("/"), "Location: " + Edge::url(*edge.auth) + "/login?to=x#top\r\n") == 1);
  CHECK(count(AskingEdge(found, {{"preservelocationheader", "true"}}).ask_for("/"), "Location: /login?to=x#top\r\n") ==
        1);
  AskingEdge away(saying("302 Found", "Location: https://in.test/\r\n"));
  CHECK(count(away.ask_for("/"), "Location: https://in.test/\r\n") == 1);
  AskingEdge sent(saying("401 Unauthorized", "X-A: 1\r\n", "no"), {{"authsigninurl", "https://in.test/?a=b"}});
  const std::string got = sent.ask_for("/");
  CHECK(got.starts_with("HTTP/1.1 302 "));
  CHECK(count(got, "Location: https://in.test/?a=b\r\n") == 1);
  CHECK(count(got, "X-A") == 0);
}

TEST_CASE("forwardAuth: the client gets the cookies that are named, in place of the upstream's") {
  AskingEdge edge(saying("200 OK", "Set-Cookie: session=auth; Path=/\r\nSet-Cookie: other=auth\r\n"),
                  {{"addauthcookiestoresponse", "session"}});
  const std::string got = edge.ask_for("/");
  CHECK(count(got, "Set-Cookie: session=auth; Path=/\r\n") == 1);
  CHECK(count(got, "Set-Cookie: mine=up\r\n") == 1);
  CHECK(count(got, "Set-Cookie") == 2);
  AskingEdge silent(saying("200 OK"), {{"addauthcookiestoresponse", "session"}});
  CHECK(count(silent.ask_for("/"), "Set-Cookie: session=up\r\n") == 1);  // it has said none
}

TEST_CASE("forwardAuth: a server that cannot be asked, or breaks off, lets nobody pass") {
  AskingEdge dead(saying("200 OK"), {{"address", "http://127.0.0.1:1/"}});
  CHECK(dead.ask_for("/").starts_with("HTTP/1.1 500 "));
  CHECK(dead.backend->peers.empty());
  AskingEdge breaks([](Peer& peer) { peer.stream.reset(); }, {});
  CHECK(breaks.ask_for("/").starts_with("HTTP/1.1 500 "));
  CHECK(breaks.backend->peers.empty());
  AskingEdge long_answer(saying("200 OK", "", "123456"), {{"maxresponsebodysize", "5"}});
  CHECK(long_answer.ask_for("/").starts_with("HTTP/1.1 401 "));
  CHECK(AskingEdge(saying("200 OK", "", "12345"), {{"maxresponsebodysize", "5"}})
            .ask_for("/")
            .starts_with("HTTP/1.1 200 "));
  for (AskingEdge* edge : {&dead, &breaks, &long_answer}) edge->check_balanced();
}

TEST_CASE("forwardAuth: a server that is silent is given up, and so is the question of a client that has gone") {
  AskingEdge edge([](Peer&) {}, {});
  Peer& client = edge.connect();
  client.send(get());
  edge.until([&] { return count(edge.auth->all(), "GET ") == 1; });
  edge.pass_ms(AuthClient::kTimeoutMs);
  edge.until([&] { return client.has("HTTP/1.1 500 "); });
  Peer& leaving = edge.connect();
  leaving.send(get());
  edge.until([&] { return count(edge.auth->all(), "GET ") == 2; });
  leaving.stream.reset();
  edge.until([&] { return edge.worker().collect().exchanges_in_flight == 0; });
  edge.until([&] { return edge.auth->peers.back()->over(); });
  CHECK(edge.backend->peers.empty());
  edge.check_balanced();
}

TEST_CASE("forwardAuth: what passes once is asked for each request, and what stands before it is run once") {
  AskingEdge edge(saying("200 OK"));
  edge.middlewares.insert(edge.middlewares.begin(), {"strip", "stripPrefix", {{"prefixes", "/api"}}, {}});
  edge.middlewares.insert(edge.middlewares.begin(),
                          {"rate", "rateLimit", {{"average", "1"}, {"period", "1h"}, {"burst", "3"}}, {}});
  edge.middlewares.push_back({"add", "addPrefix", {{"prefix", "/v1"}}, {}});
  edge.route(*edge.backend);
  Peer& client = edge.connect();
  for (size_t i = 1; i <= 3; ++i) {
    client.send(get("/api/x?y"));
    edge.until([&] { return count(client.got, "HTTP/1.1 200 ") == i; });
  }
  client.send(get("/api/x?y"));
  edge.until([&] { return client.has("HTTP/1.1 429 "); });
  CHECK(count(edge.auth->all(), "X-Forwarded-Uri: /x?y\r\n") == 3);
  CHECK(count(edge.backend->all(), "GET /v1/x?y ") == 3);
  CHECK(edge.auth->peers.size() == 1);  // one connection serves
}

TEST_CASE("forwardAuth: the body is told first where it is asked for, and reaches the upstream too") {
  AskingEdge edge(saying("200 OK"),
                  {{"forwardbody", "true"}, {"maxbodysize", "10"}, {"preserverequestmethod", "true"}});
  auto post = [&](const std::string& framing, const std::string& body) {
    return edge.ask("POST / HTTP/1.1\r\nHost: web.test\r\nConnection: close\r\n" + framing + "\r\n\r\n" + body);
  };
  CHECK(post("Content-Length: 10", "0123456789").starts_with("HTTP/1.1 200 "));
  CHECK(edge.auth->all().starts_with("POST /check?of=web HTTP/1.1\r\n"));
  CHECK(edge.auth->all().ends_with("\r\n\r\n0123456789"));
  CHECK(edge.backend->all().ends_with("\r\n\r\n0123456789"));
  CHECK(post("Transfer-Encoding: chunked", "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n").starts_with("HTTP/1.1 200 "));
  CHECK(count(edge.auth->all(), "abcde") == 1);
  CHECK(post("Content-Length: 11", "0123456789a").starts_with("HTTP/1.1 401 "));
  CHECK(count(edge.backend->all(), "POST ") == 2);
  CHECK(edge.ask_for("/").starts_with("HTTP/1.1 200 "));  // none is no body
  edge.check_balanced();
}

TEST_CASE("forwardAuth: a body that is waited for and does not come ends with 408, and one that waits is asked for") {
  AskingEdge edge(saying("200 OK"), {{"forwardbody", "true"}});
  Peer& slow = edge.connect();
  slow.send("POST / HTTP/1.1\r\nHost: web.test\r\nContent-Length: 5\r\n\r\n12");
  edge.pass_ms(edge.config.timeouts.body_idle_ms);
  edge.until([&] { return slow.has("HTTP/1.1 408 "); });
  Peer& polite = edge.connect();
  polite.send("POST / HTTP/1.1\r\nHost: web.test\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  edge.until([&] { return polite.has("HTTP/1.1 100 "); });
  polite.send("ab");
  edge.until([&] { return polite.has("HTTP/1.1 200 "); });
  CHECK(edge.auth->all().ends_with("\r\n\r\nab"));
  CHECK(count(edge.backend->all(), "100-continue") == 0);  // it has been told
  Peer& large = edge.connect();
  large.send("POST / HTTP/1.1\r\nHost: web.test\r\nContent-Length: 4194305\r\nExpect: 100-continue\r\n\r\n");
  edge.until([&] { return large.has("HTTP/1.1 401 "); });
  CHECK_FALSE(large.has("HTTP/1.1 100 "));
  edge.check_balanced();
}

TEST_CASE("forwardAuth: no spelling of a field that it answers for passes for its own") {
  AskingEdge edge(saying("200 OK", "X-User: bob\r\nHost: evil\r\n"), {{"authresponseheadersregex", "^(X-User|Host)$"}});
  edge.ask_for("/", "X_User: root\r\nx-uSer: root\r\nX_Other: 1\r\n");
  CHECK(count(edge.backend->all(), "X-User: bob\r\n") == 1);
  CHECK(count(edge.backend->all(), "root") == 0);
  CHECK(count(edge.backend->all(), "X_Other: 1\r\n") == 1);
  CHECK(count(edge.backend->all(), "evil") == 0);
}

TEST_CASE("forwardAuth: a trailer says nothing in its place") {
  AskingEdge edge(saying("200 OK", "X-User: bob\r\n"), {{"authresponseheaders", "X-User"}});
  edge.ask(
      "POST / HTTP/1.1\r\nHost: web.test\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
      "1\r\na\r\n0\r\nX-User: root\r\n\r\n");
  edge.until([&] { return count(edge.backend->all(), "\r\n0\r\n") == 1; });
  CHECK(count(edge.backend->all(), "X-User: bob\r\n") == 1);
  CHECK(count(edge.backend->all(), "root") == 0);
}

TEST_CASE("forwardAuth: behind a basicAuth each tells its own user") {
  const std::string long_name(200, 'u');
  AskingEdge edge(saying("200 OK", "X-Told: " + long_name + "\r\n"), {{"headerfield", "X-Told"}});
  // bcrypt at its least cost: the password is the name
  edge.middlewares.insert(
      edge.middlewares.begin(),
      {"guard",
       "basicAuth",
       {{"users", "jane:$2y$04$CCCCCCCCCCCCCCCCCCCCC.YbzMjza7WrHk/.g3wy54b3O5tkq1XrS"}, {"headerfield", "X-User"}},
       {}});
  edge.route(*edge.backend);
  CHECK(edge.ask_for("/", "Authorization: Basic amFuZTpqYW5l\r\nX_User: root\r\n").starts_with("HTTP/1.1 200 "));
  CHECK(count(edge.backend->all(), "X-User: jane\r\n") == 1);
  CHECK(count(edge.backend->all(), "root") == 0);
  CHECK(count(edge.auth->all(), "X-User: jane\r\n") == 1);
}

TEST_CASE("forwardAuth: a gRPC-Web call in text is decoded though it has come before its answer") {
  for (const char* sends : {"false", "true"}) {
    AskingEdge edge(saying("200 OK"), {{"forwardbody", sends}});
    edge.middlewares.push_back({"web", "grpcWeb", {{"alloworigins", "*"}}, {}});
    edge.route(*edge.backend);
    Peer& client = edge.connect();
    client.send(
        "POST /s/m HTTP/1.1\r\nHost: web.test\r\nContent-Type: application/grpc-web-text\r\n"
        "Content-Length: 12\r\n\r\nAAAAAAVoZWxs");
    edge.until([&] { return client.has("HTTP/1.1 "); });
    CHECK(count(edge.backend->all(), std::string("\0\0\0\0\5hell", 9)) == 1);
    const std::string cut = edge.ask(
        "POST /s/m HTTP/1.1\r\nHost: web.test\r\nContent-Type: application/grpc-web-text\r\nConnection: close\r\n"
        "Content-Length: 6\r\n\r\nAAAAAA");
    if (sends == std::string("true")) CHECK(cut.starts_with("HTTP/1.1 400 "));
  }
}

TEST_CASE("forwardAuth: a body that came while an earlier guard waited is no larger for a later one") {
  for (const std::string body : {"0123456789", "0123456789a"}) {
    AskingEdge edge([](Peer&) {}, {});
    Upstream& second = edge.upstream(answering(saying("200 OK")));
    edge.middlewares.push_back({"weigh",
                                "forwardAuth",
                                {{"address", Edge::url(second) + "/"}, {"forwardbody", "true"}, {"maxbodysize", "10"}},
                                {}});
    edge.route(*edge.backend);
    Peer& client = edge.connect();
    client.send("POST / HTTP/1.1\r\nHost: web.test\r\nTransfer-Encoding: chunked\r\n\r\n");
    edge.until([&] { return !edge.auth->peers.empty() && edge.auth->peers[0]->has("\r\n\r\n"); });
    client.send((body.size() > 10 ? "b\r\n" : "a\r\n") + body + "\r\n0\r\n\r\n");
    edge.settle();
    edge.auth->peers[0]->send(ok(""));
    edge.until([&] { return client.has("\r\n\r\n"); });
    CHECK(client.got.starts_with(body.size() > 10 ? "HTTP/1.1 401 " : "HTTP/1.1 200 "));
    CHECK(count(second.all(), body) == (body.size() > 10 ? 0 : 1));
  }
}

TEST_CASE("forwardAuth: a gRPC-Web call in text goes on though all that came before its answer was no whole piece") {
  AskingEdge edge([](Peer&) {}, {});
  edge.backend->script = [](Peer&) {};
  edge.middlewares.push_back({"web", "grpcWeb", {{"alloworigins", "*"}}, {}});
  edge.route(*edge.backend);
  Peer& client = edge.connect();
  client.send(
      "POST /s/m HTTP/1.1\r\nHost: web.test\r\nContent-Type: application/grpc-web-text\r\n"
      "Content-Length: 12\r\n\r\nAA");
  edge.until([&] { return !edge.auth->peers.empty() && edge.auth->peers[0]->has("\r\n\r\n"); });
  edge.auth->peers[0]->send(ok(""));
  edge.until([&] { return count(edge.backend->all(), "POST /s/m ") == 1; });
  client.send("AAAAVoZWxs");
  edge.until([&] { return count(edge.backend->all(), std::string("\0\0\0\0\5hell", 9)) == 1; });
}

TEST_CASE("forwardAuth: what a trusted proxy has told is told on where the middleware trusts it") {
  AskingEdge edge(saying("200 OK"), {{"trustforwardheader", "true"}, {"authrequestheaders", "Accept"}});
  edge.config.entry_points[0].forwarded_headers_trusted_cidrs = {Cidr::parse("127.0.0.0/8").value()};
  edge.ask_for(
      "/",
      "X-Forwarded-Method: PUT\r\nX-Forwarded-Uri: /o\r\nX-Forwarded-For: 9.9.9.9\r\nAccept: a/b\r\nCookie: c=1\r\n");
  const std::string asked = edge.auth->all();
  for (const char* field : {"X-Forwarded-Method: PUT\r\n", "X-Forwarded-Uri: /o\r\n",
                            "X-Forwarded-For: 9.9.9.9, 127.0.0.1\r\n", "Accept: a/b\r\n"}) {
    INFO(field);
    CHECK(count(asked, field) == 1);
  }
  CHECK(count(asked, "Cookie") == 0);
  CHECK(count(edge.backend->all(), "Cookie: c=1\r\n") == 1);
}

TEST_CASE("forwardAuth: so many questions wait at once for servers that hang, and no more") {
  event::Loop loop;
  AuthClient client(loop);
  routing::Middleware guard;
  http::ClientRequest question;
  question.url = Url::parse("http://127.0.0.1:1/").value();
  const auto ask = [&] { return client.send(guard, question, [](const Result<http::ClientResponse>&) {}); };
  std::vector<std::unique_ptr<http::Call>> calls;
  for (size_t i = 0; i < AuthClient::kCallsMax; ++i) calls.push_back(ask().value());
  CHECK(ask().error().code == ErrorCode::unavailable);
  calls.pop_back();
  CHECK(ask());
}
