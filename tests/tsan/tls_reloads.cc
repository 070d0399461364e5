// Reads certificates and options again, replaces ticket keys and publishes tables that ask for other options and
// transports, while connections shake hands with two workers, over HTTP/1.1 and HTTP/2, and those with an upstream that
// is reached over TLS. Exit code 0 when every request was answered; a data race ends it by ThreadSanitizer's own code.

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>

#include "temporary_folder.h"
#include "weir/base/check.h"
#include "weir/base/file.h"
#include "weir/base/log.h"
#include "weir/base/random.h"
#include "weir/base/text.h"
#include "weir/event/loop.h"
#include "weir/event/timer.h"
#include "weir/http/client.h"
#include "weir/http/server.h"
#include "weir/proxy/proxy.h"
#include "weir/routing/table.h"

using namespace weir;

namespace {

constexpr size_t kClients = 8;
constexpr size_t kChanges = 60;
constexpr uint64_t kSecondsMax = 150;

/// Certificates and a TLS file that names them.
struct TlsFolder : TemporaryFolder {
  TlsFolder() {
    for (const char* name : {"a", "b"}) {
      const std::string base = path() + "/" + name;
      const std::string command =
          "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -keyout " + base +
          ".key -out " + base + ".pem -subj /CN=" + name +
          " -addext subjectAltName=DNS:web.test,IP:127.0.0.1 2>/dev/null";
      CHECK(std::system(command.c_str()) == 0);
    }
    use("a");
  }

  void use(const std::string& certificate) const {
    CHECK(write_file_atomic(path() + "/tls.toml",
                            "[[tls.certificates]]\ncertFile = \"" + certificate + ".pem\"\nkeyFile = \"" + certificate +
                                ".key\"\n[tls.options.strict]\nminVersion = \"VersionTLS13\"\n"
                                "[http.serversTransports.own]\ninsecureSkipVerify = true\nserverName = \"" +
                                certificate + ".test\"\n",
                            0600)
              .has_value());
  }
};

std::string new_ticket_key(Random& random) {
  std::string bytes;
  while (bytes.size() < 80) bytes.push_back(static_cast<char>(random.below(256)));
  return base64_encode(bytes);
}

/// Every table routes https://127.0.0.1/: `/up` goes to the plain upstream, all else back to this proxy's own entry
/// point, over TLS and with /up before its path. Which transport and TLS options change.
std::shared_ptr<const routing::RoutingTable> next_table(const std::shared_ptr<const routing::RoutingTable>& before,
                                                        uint16_t upstream, uint16_t own, Random& random) {
  auto definitions = std::make_shared<routing::Definitions>();
  definitions->provider = "test";
  routing::ServiceDefinition plain;
  plain.name = "plain";
  plain.endpoints.resize(1);
  plain.endpoints[0].host = "127.0.0.1";
  plain.endpoints[0].port = upstream;
  routing::ServiceDefinition secure = plain;
  secure.name = "secure";
  secure.endpoints[0].port = own;
  secure.endpoints[0].scheme = "https";
  secure.servers_transport = random.below(2) == 0 ? "own" : "insecureSkipVerify";
  definitions->services = {plain, secure};
  definitions->middlewares = {{"up", "addPrefix", {{"prefix", "/up"}}, {}}};
  routing::RouterDefinition router;
  router.name = "up";
  router.rule = "PathPrefix(`/up`)";
  router.service = "plain";
  definitions->routers.push_back(router);
  router.name = "loop";
  router.rule = "PathPrefix(`/`)";
  router.service = "secure";
  router.middlewares = {"up"};
  definitions->routers.push_back(router);
  router = {};
  router.name = "strict";
  router.rule = "Host(`strict" + std::to_string(random.below(4)) + ".test`)";
  router.service = "plain";
  router.tls_options = "strict";
  definitions->routers.push_back(router);
  auto built = routing::build_table({definitions}, before);
  for (const auto& rejection : built.rejected)
    std::printf("%s: %s\n", rejection.name.c_str(), rejection.reason.c_str());
  CHECK(built.rejected.empty());
  return built.table;
}

/// Asks again and again, each time on a new connection; by HTTP/2 or 1.1.
struct Asker {
  http::Client client;
  std::string url;
  bool http2 = false;
  size_t answered = 0;
  std::map<std::string, size_t> failed;
  std::unique_ptr<http::Call> call;

  Asker(event::Loop& loop, std::string its_url, bool by_http2)
      : client(loop), url(std::move(its_url)), http2(by_http2) {
    tls::ClientOptions options;
    options.insecure_skip_verify = true;
    client.use_tls(options);
  }
  void ask() {
    http::ClientRequest request;
    request.url = Url::parse(url).value();
    request.keep_alive = false;
    request.http2_offered = http2;
    call = client.send(std::move(request), [this](Result<http::ClientResponse> answer) {
      if (answer && answer->status == 200) ++answered;
      if (answer && answer->status != 200) ++failed[std::to_string(answer->status)];
      if (!answer) ++failed[answer.error().text()];
      ask();
    });
  }
};

}  // namespace

int main() {
  std::signal(SIGPIPE, SIG_IGN);
  log::configure(log::Level::error, log::Format::text);
  TlsFolder folder;
  event::Loop loop;
  auto upstream = http::Server::listen(loop, SocketAddress::parse("127.0.0.1:0").value(),
                                       [](const http::Request&, const auto& responder) { responder->respond({}); });
  CHECK(upstream.has_value());
  config::Config config = config::load_config("", "defaults").config;
  config.workers = 2;
  config.entry_points.clear();
  config.entry_points.push_back({"web", SocketAddress::parse("127.0.0.1:0").value(), {}});
  config.entry_points[0].tls = true;
  config.entry_points[0].tls_options = "default";
  config.tls.file = folder.path() + "/tls.toml";
  auto proxy = proxy::Proxy::start(loop, config);
  if (!proxy) std::printf("%s\n", proxy.error().text().c_str());
  CHECK(proxy.has_value());
  const SocketAddress address = (*proxy)->addresses().at("web");

  Random random(7);
  auto table = next_table(nullptr, (*upstream)->address().port, address.port, random);
  (*proxy)->publish(table);
  std::vector<std::unique_ptr<Asker>> askers;
  (*proxy)->when_installed([&] {
    for (size_t i = 0; i < kClients; ++i) {
      const std::string path = i < kClients / 2 ? "/up" : "/";
      askers.push_back(std::make_unique<Asker>(loop, "https://" + address.text() + path, i % 2 == 0));
      askers.back()->ask();
    }
  });

  size_t changes = 0;
  size_t answered = 0;
  bool all_answered = true;
  bool drained = false;
  event::Timer change(loop, [&] {
    if (changes++ > kChanges) return;
    if (changes > kChanges) {
      for (const auto& asker : askers) {
        answered += asker->answered;
        all_answered = all_answered && asker->answered > 0 && asker->failed.empty();
        for (const auto& [why, times] : asker->failed) std::printf("%zu times: %s\n", times, why.c_str());
      }
      askers.clear();
      return (*proxy)->drain([&] {
        drained = true;
        loop.stop();
      });
    }
    folder.use(changes % 2 == 0 ? "a" : "b");
    (*proxy)->reload_tls();
    if (changes % 3 == 0) CHECK((*proxy)->use_ticket_keys(new_ticket_key(random)).has_value());
    table = next_table(table, (*upstream)->address().port, address.port, random);
    (*proxy)->publish(table);
  });
  change.start_every(150);
  event::Timer guard(loop, [&] { loop.stop(); });
  guard.start_once(kSecondsMax * 1000);
  loop.run();
  const size_t read = (*proxy)->tls_status().reloads;
  proxy->reset();
  std::printf("%zu requests answered%s, %zu changes, %zu readings of the TLS file, %s\n", answered,
              all_answered ? "" : ", not all", changes - 1, read, drained ? "drained" : "not drained");
  return drained && all_answered && answered > 0 && read > kChanges / 4 ? 0 : 1;
}
