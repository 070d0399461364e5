// Runs the cases of tests/conformance/h1 over a real worker: each whole, cut at every byte of what the client sends,
// cut at every byte of what the upstream sends, and byte by byte.

#include <llhttp.h>

#include <filesystem>
#include <set>

#include "../proxy/edge_fixture.h"
#include "h1_case.h"

using namespace weir;
using namespace weir::conformance;
using namespace weir::proxy::fixture;

namespace {

constexpr int kTurnsMax = 4000;
constexpr int kQuietTurns = 8;
constexpr size_t kWholeCutsBytesMax = 1500;  // above, cuts are taken near the ends and far apart within

const std::string kFolder = std::string(WEIR_SOURCE_ROOT) + "/tests/conformance/h1/";
constexpr std::string_view kProxyV2("\r\n\r\n\0\r\nQUIT\n", 12);
const std::string kOk = "HTTP/1.1 200 OK\r\nDate: kept\r\nContent-Length: 2\r\n\r\nok";

/// How the bytes of a run are cut.
struct Cuts {
  size_t client_at = 0;    // 0: not
  size_t upstream_at = 0;  // of each reply
  bool client_drips = false;
};

/// The bytes up to the end of the first request in `got`, npos when it is not whole. It was written by the edge, so
/// its framing is plain.
size_t request_end(std::string_view got) {
  size_t head = got.find("\r\n\r\n");
  if (head == std::string_view::npos) return head;
  std::string_view fields = got.substr(0, head + 2);
  if (fields.find("\r\nTransfer-Encoding: chunked\r\n") != std::string_view::npos) {
    for (size_t at = head + 4; at < got.size();) {
      size_t line = got.find("\r\n", at);
      if (line == std::string_view::npos) return line;
      size_t size = std::stoul(std::string(got.substr(at, line - at)), nullptr, 16);
      if (size > 0) {
        at = line + 2 + size + 2;
        continue;
      }
      size_t end = got.find("\r\n\r\n", line);  // trailers may follow
      return end == std::string_view::npos ? end : end + 4;
    }
    return std::string_view::npos;
  }
  size_t length = fields.find("\r\nContent-Length: ");
  size_t body = length == std::string_view::npos ? 0 : std::stoul(std::string(fields.substr(length + 18, 19)));
  return got.size() < head + 4 + body ? std::string_view::npos : head + 4 + body;
}

/// Without the lines that say when and for whom.
std::string without_fields(std::string_view text, const std::vector<std::string_view>& prefixes) {
  std::string out;
  while (!text.empty()) {
    size_t end = std::min(text.find("\r\n"), text.size());
    std::string_view line = text.substr(0, end);
    bool dropped = end < text.size() && line != "Date: kept" &&
                   std::any_of(prefixes.begin(), prefixes.end(), [&](auto prefix) { return line.starts_with(prefix); });
    size_t taken = std::min(end + 2, text.size());
    if (!dropped) out += text.substr(0, taken);
    text.remove_prefix(taken);
  }
  return out;
}

std::vector<int> statuses_in(std::string_view got) {
  std::vector<int> out;
  for (size_t at = got.find("HTTP/1.1 "); at != std::string_view::npos; at = got.find("HTTP/1.1 ", at + 1)) {
    out.push_back(std::atoi(std::string(got.substr(at + 9, 3)).c_str()));
  }
  return out;
}

class CaseRun {
 public:
  explicit CaseRun(const Case& which) : case_(which) {
    edge_.config.limits.upstream_idle_per_endpoint_max = 0;
    edge_.config.retry.attempts_max = 0;
    uint8_t proxy_out = 0;
    for (const std::string& option : case_.options) proxy_out = std::max(proxy_out, apply(option));
    upstream_ = &edge_.upstream([this](Peer& peer) { on_upstream(peer); });
    edge_.route(*upstream_);
    edge_.service.proxy_protocol = proxy_out;
    edge_.install();
  }

  void run(const Cuts& cuts) {
    cuts_ = cuts;
    next_reply_ = 0;
    rest_of_ = nullptr;
    Peer& client = edge_.connect();
    send(client);
    bool came = turn_until([&] { return is_as_expected(client) && replies_given(Reply::When::client_served); });
    if (came) send_unasked();
    for (int i = 0; i < kQuietTurns; ++i) turn();
    report(client);
    client.stream.reset();
    rest_of_ = nullptr;
    upstream_->peers.clear();
    bool gone = turn_until([&] {
      upstream_->peers.clear();
      auto stats = edge_.worker().collect();
      size_t idle = 0;
      for (const auto& [name, endpoint] : stats.endpoints) idle += endpoint.idle_connections;
      return stats.open_connections == 0 && idle == 0;
    });
    CHECK(gone);
    edge_.clients.clear();
  }

 private:
  /// Returns the version of the PROXY header that upstreams are sent.
  uint8_t apply(const std::string& option) {
    config::Config& config = edge_.config;
    const std::vector<Cidr> loopback = {Cidr::parse("127.0.0.0/8").value()};
    if (option == "pass_unknown_methods") config.requests.pass_unknown_methods = true;
    if (option == "via") config.requests.via = "edge";
    if (option == "keep_upstreams") config.limits.upstream_idle_per_endpoint_max = 8;
    if (option == "forwarded") config.forwarding.forwarded = true;
    if (option == "trusted") config.entry_points[0].forwarded_headers_trusted_cidrs = loopback;
    if (option == "proxy_in") config.entry_points[0].proxy_protocol_trusted_cidrs = loopback;
    if (option == "proxy_out_1") return 1;
    return option == "proxy_out_2" ? 2 : 0;
  }

  template <typename Condition>
  bool turn_until(Condition holds) {
    for (int i = 0; i < kTurnsMax; ++i) {
      if (holds()) return true;
      turn();
    }
    return false;
  }

  void send(Peer& client) {
    std::string_view bytes = case_.client;
    if (cuts_.client_drips) {
      for (char c : bytes) send_piece(client, {&c, 1});
    } else if (cuts_.client_at > 0) {
      send_piece(client, bytes.substr(0, cuts_.client_at));
      send_piece(client, bytes.substr(cuts_.client_at));
    } else {
      send_piece(client, bytes);
    }
    if (case_.client_ends && !client.over()) client.stream.end_writing();
  }
  /// The edge has read it before the next piece is sent.
  void send_piece(Peer& client, std::string_view bytes) {
    if (client.failed) return;
    client.send(bytes);
    for (int i = 0; i < 3; ++i) turn();
  }

  void on_upstream(Peer& peer) {
    if (peer.taken == 0 && peer.got.starts_with(kProxyV2)) {  // whose first bytes look like the end of a head
      if (peer.got.size() < 16) return;
      peer.taken = 16 + static_cast<unsigned char>(peer.got[15]);
    }
    if (case_.replies.empty()) {
      for (size_t size; (size = request_end(std::string_view(peer.got).substr(peer.taken))) != std::string::npos;) {
        peer.taken += size;
        peer.send(kOk);
      }
      return;
    }
    while (next_reply_ < case_.replies.size() && peer.stream.open() && !peer.over()) {
      const Reply& reply = case_.replies[next_reply_];
      std::string_view rest = std::string_view(peer.got).substr(peer.taken);
      if (reply.when == Reply::When::client_served) return;
      size_t size = reply.when == Reply::When::request ? request_end(rest) : rest.find("\r\n\r\n");
      if (size == std::string_view::npos) return;
      peer.taken += size;
      ++next_reply_;
      give(peer, reply);
    }
  }
  void give(Peer& peer, const Reply& reply) {
    if (cuts_.upstream_at > 0 && cuts_.upstream_at < reply.bytes.size()) {
      peer.send(std::string_view(reply.bytes).substr(0, cuts_.upstream_at));
      rest_of_ = &reply;
      rest_to_ = &peer;
      rest_turns_ = 3;
    } else {
      peer.send(reply.bytes);
      end(peer, reply);
    }
  }
  /// One turn of the loop; the second piece of a cut reply follows when the edge has read the first.
  void turn() {
    edge_.worker().loop().run_ready();
    if (rest_of_ == nullptr || --rest_turns_ > 0) return;
    const Reply& reply = *std::exchange(rest_of_, nullptr);
    if (!rest_to_->stream.open() || rest_to_->failed) return;
    rest_to_->send(std::string_view(reply.bytes).substr(cuts_.upstream_at));
    end(*rest_to_, reply);
  }
  static void end(Peer& peer, const Reply& reply) {
    if (reply.then == Reply::Then::fin) peer.stream.end_writing();
    if (reply.then == Reply::Then::reset) peer.stream.reset();
  }
  void send_unasked() {
    if (next_reply_ >= case_.replies.size() || upstream_->peers.empty()) return;
    const Reply& reply = case_.replies[next_reply_];
    if (reply.when != Reply::When::client_served) return;
    Peer& peer = *upstream_->peers.back();
    peer.send(reply.bytes);
    CHECK(turn_until([&] { return peer.over(); }));  // the edge has thrown it away
  }
  /// Whether all replies that come before that moment are given.
  [[nodiscard]] bool replies_given(Reply::When until) const {
    return next_reply_ >= case_.replies.size() || case_.replies[next_reply_].when == until || case_.refused();
  }

  [[nodiscard]] bool is_as_expected(const Peer& client) const {
    if (statuses_in(client.got) != case_.statuses) return false;
    if (case_.end != Case::End::open && !client.over()) return false;
    if (!case_.answer.empty() && answer_of(client) != case_.answer) return false;
    return case_.forwarded.empty() || forwarded() == case_.forwarded;
  }
  static std::string answer_of(const Peer& client) { return without_fields(client.got, {"Date: "}); }
  [[nodiscard]] std::string forwarded() const {
    if (case_.forwarded.find("X-Forwarded-") != std::string::npos) return upstream_->all();
    return without_fields(upstream_->all(), {"X-Forwarded-", "X-Real-Ip: "});
  }
  void report(const Peer& client) const {
    INFO("the client has got: " << client.got.substr(0, 600));
    INFO("the upstream has got: " << upstream_->all().substr(0, 600));
    CHECK(statuses_in(client.got) == case_.statuses);
    if (!case_.answer.empty()) CHECK(answer_of(client) == case_.answer);
    if (!case_.forwarded.empty()) {
      CHECK(forwarded() == case_.forwarded);
    } else if (case_.refused() && !case_.forwards_anything) {
      CHECK(forwarded().empty());
    }
    switch (case_.end) {
      case Case::End::open: CHECK_FALSE(client.over()); break;
      case Case::End::closed:
        CHECK(client.ended);
        CHECK_FALSE(client.failed);
        break;
      case Case::End::cut: CHECK(client.over()); break;
    }
  }

  const Case& case_;
  Edge edge_;
  Upstream* upstream_ = nullptr;
  Cuts cuts_;
  size_t next_reply_ = 0;
  const Reply* rest_of_ = nullptr;  // a cut reply whose second piece is still to be sent
  Peer* rest_to_ = nullptr;
  int rest_turns_ = 0;
};

/// Where to cut: everywhere, or where it may matter.
std::vector<size_t> cuts_of(size_t bytes) {
  std::vector<size_t> out;
  for (size_t at = 1; at < bytes; ++at) {
    bool near_an_end = at < 120 || bytes - at < 40;
    if (bytes <= kWholeCutsBytesMax || near_an_end || at % 9973 == 0) out.push_back(at);
  }
  return out;
}

bool plain_llhttp_refuses(const Case& which) {
  llhttp_settings_t settings;
  llhttp_settings_init(&settings);
  llhttp_t parser;
  llhttp_init(&parser, HTTP_REQUEST, &settings);
  llhttp_errno_t result = llhttp_execute(&parser, which.client.data(), which.client.size());
  return result != HPE_OK && result != HPE_PAUSED_UPGRADE;
}

void run_file(const std::string& name) {
  for (const Case& which : read_cases(kFolder + name)) {
    INFO(which.place << ": " << which.name << " (RFC " << which.rfc << ")");
    CaseRun run(which);
    {
      INFO("whole");
      run.run({});
    }
    if (!which.splits) continue;
    for (size_t at : cuts_of(which.client.size())) {
      INFO("what the client sends is cut at " << at);
      run.run({at, 0, false});
    }
    size_t longest = 0;
    for (const Reply& reply : which.replies) longest = std::max(longest, reply.bytes.size());
    for (size_t at : cuts_of(longest)) {
      INFO("what the upstream sends is cut at " << at);
      run.run({0, at, false});
    }
    if (which.client.size() <= kWholeCutsBytesMax) {
      INFO("byte by byte");
      run.run({0, 0, true});
    }
  }
}

std::set<std::string> files() {
  std::set<std::string> out;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    if (entry.path().extension() == ".case") out.insert(entry.path().filename());
  }
  return out;
}

}  // namespace

TEST_CASE("conformance: Content-Length and Transfer-Encoding") { run_file("framing.case"); }
TEST_CASE("conformance: chunked bodies") { run_file("chunked.case"); }
TEST_CASE("conformance: lines, names and values of a request's head") { run_file("head.case"); }
TEST_CASE("conformance: targets and Host") { run_file("target.case"); }
TEST_CASE("conformance: methods, versions and pipelining") { run_file("method.case"); }
TEST_CASE("conformance: what a message means") { run_file("message.case"); }
TEST_CASE("conformance: who has asked") { run_file("forwarded.case"); }
TEST_CASE("conformance: hostile upstreams") { run_file("upstream.case"); }

TEST_CASE("conformance: no file of the folder is left out") {
  CHECK(files() == std::set<std::string>{"framing.case", "chunked.case", "head.case", "target.case", "method.case",
                                         "message.case", "forwarded.case", "upstream.case"});
}

TEST_CASE("conformance: where plain llhttp comes to another verdict the case says why") {
  for (const std::string& name : files()) {
    for (const Case& which : read_cases(kFolder + name)) {
      INFO(which.place << ": " << which.name);
      CHECK((plain_llhttp_refuses(which) != which.refused()) == !which.llhttp.empty());
    }
  }
}
