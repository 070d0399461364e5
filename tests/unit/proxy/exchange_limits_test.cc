// Limits of a request, each at n and n + 1, and what the edge answers with.

#include <cstdlib>

#include "edge_fixture.h"
#include "weir/base/file.h"

using namespace weir;
using namespace weir::proxy;
using namespace weir::proxy::fixture;

namespace {

/// A head of exactly that many bytes.
std::string head_of_bytes(size_t bytes) {
  std::string head = get("/", "X: \r\n");
  REQUIRE(head.size() < bytes);
  return head.insert(head.size() - 4, bytes - head.size(), 'x');
}

std::string post(size_t bytes) {
  return "POST / HTTP/1.1\r\nHost: web.test\r\nContent-Length: " + std::to_string(bytes) + "\r\n\r\n" +
         std::string(bytes, 'b');
}

std::string post_chunked(const std::vector<size_t>& chunks) {
  std::string out = "POST / HTTP/1.1\r\nHost: web.test\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (size_t bytes : chunks) out += std::to_string(bytes) + "\r\n" + std::string(bytes, 'b') + "\r\n";  // below 10
  return out + "0\r\n\r\n";
}

/// An upstream that answers when a whole request has come.
std::function<void(Peer&)> after_the_body() {
  return [](Peer& peer) {
    if (peer.got.ends_with("0\r\n\r\n") || peer.got.ends_with("b")) {
      peer.got += "|";
      peer.send(ok("x"));
    }
  };
}

bool refused(const std::string& answer, const std::string& status) {
  CAPTURE(answer);
  CHECK(count(answer, "HTTP/1.1 ") == 1);
  CHECK(count(answer, "Connection: close\r\n") == 1);
  return answer.starts_with("HTTP/1.1 " + status + " ");
}

}  // namespace

TEST_CASE("limits: a head, its fields and its target are taken at their limits and refused one above") {
  Edge edge;
  edge.config.limits.head_bytes_max = 2000;
  edge.config.limits.headers_max = 12;
  edge.config.limits.target_bytes_max = 100;
  edge.route(edge.upstream(answering(ok("x"))));
  CHECK(edge.ask(head_of_bytes(2000)).starts_with("HTTP/1.1 200 "));
  CHECK(refused(edge.ask(head_of_bytes(2001)), "431"));
  std::string fields;
  for (int i = 0; i < 11; ++i) fields += "A: b\r\n";  // and Host
  CHECK(edge.ask(get("/", fields)).starts_with("HTTP/1.1 200 "));
  CHECK(refused(edge.ask(get("/", fields + "A: b\r\n")), "431"));
  CHECK(edge.ask(get("/" + std::string(99, 'p'))).starts_with("HTTP/1.1 200 "));
  CHECK(refused(edge.ask(get("/" + std::string(100, 'p'))), "414"));
  edge.check_balanced();
}

TEST_CASE("limits: a body is taken at its limit; above it is 413, told before or found out, and the upstream is cut") {
  Edge edge;
  edge.config.limits.body_bytes_max = 9;
  Upstream& upstream = edge.upstream(after_the_body());
  edge.route(upstream);
  CHECK(edge.ask(post(9)).starts_with("HTTP/1.1 200 "));
  CHECK(edge.ask(post_chunked({4, 5})).starts_with("HTTP/1.1 200 "));
  size_t connections = upstream.peers.size();
  CHECK(refused(edge.ask(post(10)), "413"));
  edge.settle();
  CHECK(upstream.peers.size() == connections);  // it has not heard of it
  CHECK(refused(edge.ask(post_chunked({4, 6})), "413"));
  // A body that goes over when it is under way already: what the upstream has must not pass for whole.
  Peer& client = edge.connect();
  client.send("POST / HTTP/1.1\r\nHost: web.test\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nfirstpart\r\n");
  edge.until([&] { return upstream.all().find("firstpart") != std::string::npos; });
  client.send("1\r\nb\r\n0\r\n\r\n");
  edge.until([&] { return client.over(); });
  CHECK(refused(client.got, "413"));
  edge.until([&] { return upstream.peers.back()->over(); });
  CHECK_FALSE(upstream.peers.back()->has("0\r\n\r\n"));
  edge.check_balanced();
}

TEST_CASE("limits: a body above its limit behind an early answer cuts the answer") {
  Edge edge;
  edge.config.limits.body_bytes_max = 9;
  edge.route(edge.upstream([](Peer& peer) {
    if (peer.has("firstpart") && peer.taken++ == 0) peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nearly");
  }));
  Peer& client = edge.connect();
  client.send("POST / HTTP/1.1\r\nHost: web.test\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nfirstpart\r\n");
  edge.until([&] { return client.has("early"); });
  client.send("1\r\nb\r\n");
  edge.until([&] { return client.over(); });
  CHECK(client.failed);
  edge.check_balanced();
}

TEST_CASE("limits: the last request a connection may bring is answered and says so") {
  Edge edge;
  edge.config.limits.requests_per_connection_max = 3;
  edge.route(edge.upstream(answering(ok("x"))));
  Peer& client = edge.connect();
  client.send(get() + get());
  edge.until([&] { return count(client.got, "200 OK") == 2; });
  CHECK(count(client.got, "Connection: close") == 0);
  client.send(get() + get());
  edge.until([&] { return client.over(); });
  CHECK(count(client.got, "200 OK") == 3);
  CHECK(count(client.got, "Connection: close") == 1);
}

TEST_CASE("limits: the whole of a request has a limit of its own, a tunnel has none") {
  Edge edge;
  edge.config.timeouts.total_ms = 5'000;
  Upstream& upstream = edge.upstream([](Peer& peer) {
    if (peer.has("GET /begun") && peer.taken++ == 0) peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun");
    if (peer.has("GET /up") && peer.taken++ == 0)
      peer.send("HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
    if (peer.has("more")) peer.send("more");
  });
  edge.route(upstream);
  Peer& silent = edge.connect();
  silent.send(get("/silent"));
  Peer& begun = edge.connect();
  begun.send(get("/begun"));
  Peer& tunnel = edge.connect();
  tunnel.send(get("/up", "Connection: Upgrade\r\nUpgrade: x\r\n"));
  edge.until([&] { return begun.has("begun") && tunnel.has("101") && upstream.peers.size() == 3; });
  edge.pass_ms(2'500);
  for (Peer* peer : {&silent, &begun, &tunnel}) CHECK_FALSE(peer->over());
  CHECK(silent.got.empty());
  edge.pass_ms(2'500);
  edge.until([&] { return silent.has("\r\n\r\n") && begun.over(); });
  CHECK(silent.got.starts_with("HTTP/1.1 504 "));
  CHECK(begun.failed);
  tunnel.send("more");
  edge.until([&] { return tunnel.has("more"); });
}

TEST_CASE("limits: a body slower than the least rate is 408, one at the rate goes on") {
  Edge edge;
  edge.config.limits.request_bytes_per_s_min = 10;
  edge.config.timeouts.rate_window_ms = 10'000;
  edge.route(edge.upstream([](Peer&) {}));
  std::string head = "POST / HTTP/1.1\r\nHost: web.test\r\nContent-Length: 1000\r\n\r\n";
  Peer& slow = edge.connect();
  Peer& fair = edge.connect();
  Peer& told_to_wait = edge.connect();
  Peer& no_call = edge.connect();  // of gRPC, whatever it says: it is no HTTP/2
  no_call.send("POST / HTTP/1.1\r\nHost: web.test\r\nContent-Type: application/grpc\r\nContent-Length: 9\r\n\r\n");
  slow.send(head);
  fair.send(head);
  told_to_wait.send("POST / HTTP/1.1\r\nHost: web.test\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n");
  for (int i = 0; i < 5 && !slow.over(); ++i) {
    slow.send("s");  // never silent
    fair.send(std::string(52, 'b'));
    edge.pass_ms(5'000);
    CHECK_FALSE(fair.over());
  }
  edge.until([&] { return slow.over() && no_call.over(); });
  CHECK(refused(slow.got, "408"));
  CHECK(refused(no_call.got, "408"));
  CHECK(fair.got.empty());
  CHECK_FALSE(told_to_wait.over());
}

TEST_CASE("limits: who is told late to send its body has a whole window from then on") {
  Edge edge;
  edge.config.limits.request_bytes_per_s_min = 10;
  edge.config.timeouts.rate_window_ms = 10'000;
  Upstream& upstream = edge.upstream([](Peer&) {});
  edge.route(upstream);
  Peer& client = edge.connect();
  client.send("POST / HTTP/1.1\r\nHost: web.test\r\nContent-Length: 9000\r\nExpect: 100-continue\r\n\r\n");
  edge.until([&] { return !upstream.peers.empty() && upstream.peers[0]->has("\r\n\r\n"); });
  edge.pass_ms(9'000);
  upstream.peers[0]->send("HTTP/1.1 100 Continue\r\n\r\n");
  edge.until([&] { return client.has("100 Continue"); });
  edge.pass_ms(2'000);
  CHECK_FALSE(client.over());
  edge.pass_ms(12'000);
  edge.until([&] { return client.over(); });
  CHECK(count(client.got, "HTTP/1.1 408 ") == 1);
}

TEST_CASE("limits: a client that was told to wait is not held to the rate, however long the upstream reads nothing") {
  Edge edge;
  edge.config.limits.request_bytes_per_s_min = 1'000;
  edge.config.timeouts.rate_window_ms = 10'000;
  edge.config.timeouts.body_idle_ms = 0;
  Upstream& upstream = edge.upstream([](Peer& peer) { peer.stream.stop_reading(); });
  edge.route(upstream);
  Peer& client = edge.connect();
  client.send("POST / HTTP/1.1\r\nHost: web.test\r\nContent-Length: 100000000\r\n\r\n");
  client.send(std::string(32 << 20, 'x'));
  edge.until([&] { return upstream.peers.size() == 1; });
  for (int i = 0; i < 4; ++i) edge.pass_ms(10'000);
  CHECK_FALSE(client.over());
  CHECK(client.got.empty());
}

TEST_CASE("limits: a client that takes less than the least rate of what waits for it is cut") {
  Edge edge;
  edge.config.limits.response_bytes_per_s_min = 1'000'000;
  edge.config.timeouts.rate_window_ms = 1'000;  // the request's: no matter here
  edge.config.timeouts.response_rate_window_ms = 10'000;
  edge.config.timeouts.response_idle_ms = 0;
  std::string big(64 << 20, 'b');
  Upstream& upstream = edge.upstream(answering(ok(big)));
  edge.route(upstream);
  Peer& slow = edge.connect();
  Peer& fair = edge.connect();
  for (Peer* peer : {&slow, &fair}) {
    peer->stream.stop_reading();
    peer->send(get());
  }
  edge.until([&] { return upstream.peers.size() == 2; });
  edge.pass_ms(10'000);  // the window in which it began: there was nothing at its start
  for (int i = 0; i < 2; ++i) {
    for (auto [peer, bytes] : {std::pair{&slow, size_t{1'000'000}}, {&fair, size_t{12'000'000}}}) {
      peer->stream.start_reading();
      size_t before = peer->got.size();
      edge.until([&, reader = peer, enough = bytes] { return reader->got.size() > before + enough || reader->over(); });
      if (!peer->over()) peer->stream.stop_reading();
    }
    edge.pass_ms(10'000);
  }
  slow.stream.start_reading();
  fair.stream.start_reading();
  edge.until([&] { return slow.over() && fair.got.size() >= big.size(); });
  CHECK(slow.failed);
  CHECK(fair.got.ends_with("bbb"));
  edge.check_balanced();
}

TEST_CASE("answers: the text is as configured, for refused heads as for what the edge finds out later") {
  Edge edge;
  edge.config.answers.text = "<{status}|{reason}>";
  edge.config.answers.content_type = "text/x-test";
  edge.config.answers.retry_after_s = 7;
  edge.route(std::vector<std::string>{});
  std::string none = edge.ask(get());
  CHECK(none.starts_with("HTTP/1.1 503 "));
  CHECK(none.ends_with("\r\n\r\n<503|Service Unavailable>"));
  CHECK(count(none, "Retry-After: 7\r\n") == 1);
  CHECK(count(none, "Content-Type: text/x-test\r\n") == 1);
  CHECK(count(none, "Connection: close") == 0);
  std::string bad = edge.ask("GET / HTTP/1.1\r\n\r\n");
  CHECK(bad.ends_with("\r\n\r\n<400|Bad Request>"));
  CHECK(count(bad, "Content-Type: text/x-test\r\n") == 1);
  CHECK(count(bad, "Retry-After") == 0);
}

TEST_CASE("answers: a file for a status takes the place of the text; one that is too large is an error") {
  char folder[] = "/tmp/weir-answers-XXXXXX";
  REQUIRE(::mkdtemp(folder) != nullptr);
  std::string path = folder;
  REQUIRE(write_file_atomic(path + "/503.html", "<b>{status}</b>"));
  REQUIRE(write_file_atomic(path + "/README.txt", "not a status"));
  config::AnswersConfig config;
  config.text = "t";
  config.directory = path;
  AnswerPages pages(config);
  REQUIRE(pages.read_files());
  CHECK(pages.page(503).body == "<b>503</b>");
  CHECK(pages.page(503).content_type == "text/html; charset=utf-8");
  CHECK(pages.page(502).body == "t");
  REQUIRE(write_file_atomic(path + "/404.json", std::string(64 * 1024 + 1, 'x')));
  CHECK_FALSE(AnswerPages(config).read_files());
  REQUIRE(write_file_atomic(path + "/404.json", std::string(64 * 1024, 'x')));
  CHECK(AnswerPages(config).read_files());
  config.directory = path + "/none";
  CHECK_FALSE(AnswerPages(config).read_files());
  for (const char* name : {"/503.html", "/README.txt", "/404.json", ""}) ::remove((path + name).c_str());
}
