// The compress middleware, through an exchange.

#include <map>
#include <string>
#include <string_view>

#include "edge_fixture.h"
#include "gunzip.h"

using namespace weir;
using namespace weir::proxy;
using namespace weir::proxy::fixture;

namespace {

const std::string kBody = [] {
  std::string out;
  while (out.size() < 2000) out += "hello world ";
  out.resize(2000);
  return out;
}();
const std::string kGzip = "Accept-Encoding: gzip\r\n";

using Options = std::map<std::string, std::string>;

struct Compressing {
  Edge edge;
  std::string answer;

  explicit Compressing(const Options& options = {}) {
    routing::MiddlewareDefinition compress;
    compress.name = "c";
    compress.type = "compress";
    compress.options = options;
    edge.middlewares.push_back(compress);
  }
  /// The answer to a request with those fields, where the upstream's is the body behind such a head.
  std::string ask(std::string_view fields, std::string_view head, std::string_view body = kBody,
                  std::string_view method = "GET") {
    const std::string upstream_answer = "HTTP/1.1 " + std::string(head) + "\r\n" + std::string(body);
    if (edge.upstreams.empty()) {
      edge.route(edge.upstream([this](Peer& peer) {
        if (peer.got.find("\r\n\r\n", peer.taken) == std::string::npos) return;
        peer.taken = peer.got.size();
        peer.send(answer);
        peer.stream.end_writing();
      }));
    }
    answer = upstream_answer;
    return edge.ask(std::string(method) + " / HTTP/1.1\r\nHost: web.test\r\nConnection: close\r\n" +
                    std::string(fields) + "\r\n");
  }
};

std::string of_length(size_t bytes, std::string_view fields = "") {
  return "200 OK\r\nDate: d\r\nContent-Length: " + std::to_string(bytes) + "\r\n" + std::string(fields);
}

std::string dechunk(std::string_view body) {
  std::string out;
  while (!body.empty()) {
    size_t size = 0;
    size_t digits = body.find("\r\n");
    for (char c : body.substr(0, digits)) size = size * 16 + (c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
    if (size == 0) break;
    out += body.substr(digits + 2, size);
    body.remove_prefix(digits + 2 + size + 2);
  }
  return out;
}

/// The body of an answer in gzip as its reader has it; as much as has come.
std::string unzipped(std::string_view answer, bool chunked = true) {
  std::string body(answer.substr(answer.find("\r\n\r\n") + 4));
  if (chunked) body = dechunk(body);
  return gunzip(body);
}

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

}  // namespace

TEST_CASE("compress: an answer in a coding that the client takes says so, and is the same body") {
  Compressing compressing;
  std::string got = compressing.ask(kGzip, of_length(2000, "ETag: \"x\"\r\nAccept-Ranges: bytes\r\n"));
  CHECK(has(got, "200 OK"));
  CHECK(has(got, "Content-Encoding: gzip\r\n"));
  CHECK(has(got, "Vary: Accept-Encoding\r\n"));
  CHECK(has(got, "ETag: W/\"x\"\r\n"));
  CHECK_FALSE(has(got, "Accept-Ranges"));
  CHECK_FALSE(has(got, "Content-Length"));
  CHECK(unzipped(got) == kBody);
  CHECK(got.size() < 400);
  for (std::string_view coding : {"br", "zstd"}) {
    got = compressing.ask("Accept-Encoding: " + std::string(coding) + "\r\n", of_length(2000));
    CHECK(has(got, "Content-Encoding: " + std::string(coding) + "\r\n"));
    CHECK(got.size() < 400);
  }
  compressing.edge.check_balanced();
}

TEST_CASE("compress: what passes as it is, and what says all the same that it might not have") {
  struct Case {
    std::string head;
    std::string fields = kGzip;
    bool varies = true;
  };
  for (const Case& one : {
           Case{of_length(2000), "", false},                       // the client does not ask
           Case{of_length(2000), "Accept-Encoding: \r\n", false},  // or asks for it as it is
           Case{of_length(2000, "Content-Encoding: br\r\n")},
           Case{of_length(2000, "Content-Encoding: identity\r\n")},
           Case{"206 Partial Content\r\nDate: d\r\nContent-Length: 2000\r\nContent-Range: bytes 0-1999/4000\r\n"},
           Case{of_length(2000, "Cache-Control: public, No-Transform\r\n")},
           Case{of_length(2000, "Content-Type: application/grpc\r\n")},
           Case{of_length(2000, "Content-Type: text/\r\n")},
       }) {
    Compressing compressing;
    const std::string got = compressing.ask(one.fields, one.head);
    INFO(one.head << one.fields);
    CHECK(got.ends_with("\r\n\r\n" + kBody));
    CHECK(has(got, "Content-Length: 2000\r\n"));
    CHECK(has(got, "Vary: Accept-Encoding\r\n") == one.varies);
    CHECK_FALSE(has(got, "gzip"));
  }
}

TEST_CASE("compress: from so many bytes on, where their number is known") {
  Compressing compressing;
  const std::string_view body = kBody;
  CHECK(compressing.ask(kGzip, of_length(1023), body.substr(0, 1023)).ends_with(body.substr(0, 1023)));
  CHECK(unzipped(compressing.ask(kGzip, of_length(1024), body.substr(0, 1024))) == body.substr(0, 1024));
  CHECK(has(compressing.ask(kGzip, of_length(0), ""), "Content-Length: 0\r\n"));
  const std::string unknown = "200 OK\r\nDate: d\r\nTransfer-Encoding: chunked\r\n";
  CHECK(unzipped(compressing.ask(kGzip, unknown, "2\r\nab\r\n1\r\nc\r\n0\r\n\r\n")) == "abc");
  CHECK(unzipped(compressing.ask(kGzip, unknown, "0\r\n\r\n")) == "");
  Compressing small(Options{{"minresponsebodybytes", "3"}});
  CHECK(small.ask(kGzip, of_length(2), "ab").ends_with("ab"));
  CHECK(unzipped(small.ask(kGzip, of_length(3), "abc")) == "abc");
}

TEST_CASE("compress: answers without content stay what they are") {
  Compressing compressing;
  CHECK(has(compressing.ask(kGzip, "204 No Content\r\nDate: d\r\n", ""), "204 No Content"));
  const std::string unchanged = compressing.ask(kGzip, "304 Not Modified\r\nDate: d\r\nETag: \"x\"\r\n", "");
  CHECK(has(unchanged, "ETag: \"x\"\r\n"));
  CHECK_FALSE(has(unchanged, "Content-Encoding"));
  const std::string head = compressing.ask(kGzip, of_length(2000), "", "HEAD");
  CHECK(has(head, "Content-Length: 2000\r\n"));
  CHECK_FALSE(has(head, "Content-Encoding"));
}

TEST_CASE("compress: types are left out, or are the only ones") {
  const auto zips = [](Compressing& compressing, std::string_view type) {
    return has(compressing.ask(kGzip, of_length(2000, "Content-Type: " + std::string(type) + "\r\n")), "gzip");
  };
  Compressing all_but(Options{{"excludedcontenttypes", "text/plain,image/PNG; q=1"}});
  CHECK_FALSE(zips(all_but, "TEXT/plain;charset=utf-8"));
  CHECK_FALSE(zips(all_but, "image/png;q=1"));
  CHECK(zips(all_but, "image/png"));
  CHECK(zips(all_but, "text/html"));
  Compressing only(Options{{"includedcontenttypes", "text/plain, application/json; charset=utf-8"}});
  CHECK(zips(only, "text/plain;charset=utf-8"));
  CHECK(zips(only, "application/json;charset=utf-8"));
  CHECK_FALSE(zips(only, "application/json"));
  CHECK_FALSE(zips(only, "text/html"));
  CHECK(has(only.ask(kGzip, of_length(2000)), "gzip"));  // of no type at all
}

TEST_CASE("compress: a Vary that says it already is not repeated") {
  Compressing compressing;
  CHECK(count(compressing.ask(kGzip, of_length(2000, "Vary: Origin, accept-encoding\r\n")), "Vary") == 1);
  CHECK(count(compressing.ask(kGzip, of_length(2000, "Vary: *\r\n")), "Vary") == 1);
  CHECK(count(compressing.ask(kGzip, of_length(2000, "Vary: Origin\r\n")), "Vary") == 2);
}

TEST_CASE("compress: what comes without a length goes on as it comes, and a cut arrives as far as it came") {
  Compressing compressing;
  Upstream& upstream = compressing.edge.upstream([](Peer& peer) {
    if (peer.taken++ == 0) peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
  });
  compressing.edge.route(upstream);
  Peer& client = compressing.edge.connect();
  client.send(get("/", kGzip));
  compressing.edge.until([&] { return client.has("\r\n\r\n") && unzipped(client.got) == "first"; });
  upstream.peers[0]->send("6\r\nsecond\r\n");
  compressing.edge.until([&] { return unzipped(client.got) == "firstsecond"; });
  upstream.peers[0]->stream.end_writing();
  compressing.edge.until([&] { return client.over(); });
  CHECK_FALSE(client.got.ends_with("0\r\n\r\n"));
  compressing.edge.check_balanced();
}

TEST_CASE("compress: a cut within a body of a known length keeps nothing back") {
  Compressing compressing;
  const std::string got = compressing.ask(kGzip, of_length(9000));
  CHECK(unzipped(got) == kBody);
  CHECK_FALSE(got.ends_with("0\r\n\r\n"));
}

TEST_CASE("compress: a client that reads slowly stops the upstream, and gets it all") {
  Compressing compressing;
  std::string noise(16 << 20, '\0');
  uint32_t state = 1;
  for (char& c : noise) c = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  Upstream& upstream = compressing.edge.upstream(answering(ok(noise)));
  compressing.edge.route(upstream);
  Peer& client = compressing.edge.connect();
  client.stream.stop_reading();
  client.send(get("/", kGzip));
  compressing.edge.until([&] { return upstream.peers.size() == 1 && upstream.peers[0]->taken > 0; });
  for (int i = 0; i < 500; ++i) compressing.edge.worker().loop().run_ready();
  const size_t held = upstream.peers[0]->stream.queued_bytes();
  CHECK(held > noise.size() / 4);
  client.stream.start_reading();
  compressing.edge.until([&] { return client.got.ends_with("0\r\n\r\n"); });
  CHECK(client.got.size() > noise.size());
  compressing.edge.check_balanced();
}

TEST_CASE("compress: more at once than the limit pass as they are, and the next one is compressed again") {
  Compressing compressing;
  compressing.edge.config.limits.compressions_max = 1;
  Upstream& upstream = compressing.edge.upstream([](Peer& peer) {
    for (size_t end; (end = peer.got.find("\r\n\r\n", peer.taken)) != std::string::npos;) {
      peer.taken = end + 4;
      peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
    }
  });
  compressing.edge.route(upstream);
  Peer& one = compressing.edge.connect();
  one.send(get("/", kGzip));
  compressing.edge.until([&] { return one.has("Content-Encoding: gzip"); });
  Peer& two = compressing.edge.connect();
  two.send(get("/", kGzip));
  compressing.edge.until([&] { return two.has("first"); });
  CHECK_FALSE(two.has("Content-Encoding"));
  upstream.peers[0]->send("0\r\n\r\n");
  compressing.edge.until([&] { return one.got.ends_with("0\r\n\r\n"); });
  Peer& three = compressing.edge.connect();
  three.send(get("/", kGzip));
  compressing.edge.until([&] { return three.has("Content-Encoding: gzip"); });
}

TEST_CASE("compress: an HTTP/1.0 client reads to the end, and an upgrade passes") {
  Compressing compressing;
  compressing.edge.route(compressing.edge.upstream(answering(ok(kBody))));
  const std::string old = compressing.edge.ask("GET / HTTP/1.0\r\nHost: web.test\r\n" + kGzip + "\r\n");
  CHECK(has(old, "Content-Encoding: gzip"));
  CHECK(unzipped(old, false) == kBody);
  Compressing tunnel;
  tunnel.edge.route(tunnel.edge.upstream([](Peer& peer) {
    if (peer.taken++ == 0) {
      peer.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhello");
    } else {
      peer.stream.end_writing();
    }
  }));
  Peer& client = tunnel.edge.connect();
  client.send(get("/", kGzip + "Connection: Upgrade\r\nUpgrade: echo\r\n"));
  tunnel.edge.until([&] { return client.got.ends_with("hello"); });
  CHECK_FALSE(client.has("Vary"));
  client.send("bye");
  client.stream.end_writing();
  tunnel.edge.until([&] { return client.over(); });
}
