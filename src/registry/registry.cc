#include "weir/registry/registry.h"

#include <unistd.h>

#include "registry/agent_writes.h"
#include "registry/api.h"
#include "registry/dns_resolver.h"
#include "registry/dns_server.h"
#include "registry/event_log.h"
#include "registry/health_checker.h"
#include "registry/session_timers.h"
#include "registry/sqlite_journal.h"
#include "weir/base/clock.h"
#include "weir/base/file.h"
#include "weir/base/log.h"
#include "weir/base/random.h"
#include "weir/base/text.h"
#include "weir/event/loop.h"

namespace weir::registry {
namespace {

std::string host_name() {
  char name[256] = {};
  if (gethostname(name, sizeof name - 1) != 0 || name[0] == '\0') return "localhost";
  return name;
}

/// The node's id from its file, made at the first start.
Result<std::string> node_id(const std::string& data_dir) {
  if (data_dir.empty()) return make_uuid();
  std::string path = data_dir + "/node-id";
  if (Result<std::string> stored = read_file(path, 1024)) {
    std::string id(trim(*stored));
    if (is_uuid(id)) return id;
    return fail(ErrorCode::invalid, path + ": not a UUID");
  }
  std::string id = make_uuid();
  if (Status written = write_file_atomic(path, id + "\n"); !written) return fail(written.error());
  return id;
}

std::string advertised(const Registry::Options& options) {
  if (!options.advertise_address.empty()) return options.advertise_address;
  const IpAddress& ip = options.http_address.ip;
  return ip.bytes == std::array<uint8_t, 16>{} ? "127.0.0.1" : ip.text();
}

}  // namespace

/// The parts, in the order they depend on each other: destroyed from the last.
class Registry::Impl {
 public:
  Impl(event::Loop& loop, std::unique_ptr<Journal> journal, Identity self, const Options& options)
      : loop_(loop),
        self_(std::move(self)),
        journal_(std::move(journal)),
        store_(*journal_, clock_),
        checker_(loop, store_, self_),
        sessions_(loop, store_),
        events_(store_.watchers()),
        api_({loop, store_, checker_, sessions_, events_, self_, options.legacy_get_writes}),
        resolver_(store_.tables(), self_),
        on_ready_(options.on_ready) {}

  Status listen(event::Loop& loop, const Options& options) {
    http::ServerLimits limits;
    limits.connections_max = options.connections_max;
    auto serve = [this](http::Request request, std::shared_ptr<http::Responder> responder) {
      api_.serve(std::move(request), std::move(responder));
    };
    Result<std::unique_ptr<http::Server>> server = http::Server::listen(loop, options.http_address, serve, limits);
    if (!server) return fail(server.error());
    server_ = std::move(*server);
    self_.http_address = server_->address();
    if (!options.dns_address) return {};
    Result<std::unique_ptr<DnsServer>> dns =
        DnsServer::listen(loop, *options.dns_address, resolver_, clock_, [this] { return ready_; });
    if (!dns) return fail(dns.error());
    dns_ = std::move(*dns);
    self_.dns_address = dns_->address();
    return {};
  }

  // Later, so that nothing is called from within start().
  void load_soon(event::Loop& loop) {
    loop.post([this, alive = std::weak_ptr<bool>(alive_)] {
      if (alive.expired()) return;
      store_.load([this](const Status& loaded) { loaded ? register_self() : finish(loaded); });
    });
  }

  void drain(std::function<void()> done) {
    server_->drain();
    api_.blocking().finish_all();
    // Answers to writes that came before have their place in front of this; they leave before what is deferred.
    store_.when_durable([this, done = std::move(done)](const Status&) { loop_.defer(done); });
  }

  [[nodiscard]] SocketAddress http_address() const { return self_.http_address; }
  [[nodiscard]] std::optional<SocketAddress> dns_address() const {
    return dns_ ? std::optional<SocketAddress>(dns_->address()) : std::nullopt;
  }
  [[nodiscard]] Result<bool> ready() const {
    if (!loaded_) return fail(loaded_.error());
    return ready_;
  }

 private:
  void register_self() {
    store_.write([this](Transaction& tx) { return put_own_node(tx, self_); },
                 [this](const Status& done) { finish(done); });
  }

  void finish(const Status& status) {
    loaded_ = status;
    if (status) {
      ready_ = true;
      checker_.start();
      sessions_.start();
      api_.start_serving();
      log::info("registry is serving", {{"http", self_.http_address.text()}, {"index", store_.last_index()}});
    }
    if (on_ready_) on_ready_(status);
  }

  event::Loop& loop_;
  const SystemClock clock_;
  Identity self_;
  std::unique_ptr<Journal> journal_;
  CatalogStore store_;
  HealthChecker checker_;
  SessionTimers sessions_;
  EventLog events_;
  Api api_;
  DnsResolver resolver_;
  std::unique_ptr<http::Server> server_;
  std::unique_ptr<DnsServer> dns_;
  std::function<void(Status)> on_ready_;
  bool ready_ = false;
  Status loaded_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

Result<std::unique_ptr<Registry>> Registry::start(event::Loop& loop, Options options) {
  std::unique_ptr<Journal> journal = std::make_unique<NullJournal>();
  if (!options.data_dir.empty()) {
    if (Status made = make_writable_directory(options.data_dir); !made) return fail(made.error());
    Result<std::unique_ptr<SqliteJournal>> opened = SqliteJournal::open(loop, options.data_dir + "/registry.db");
    if (!opened) return fail(opened.error());
    journal = std::move(*opened);
  }
  Result<std::string> id = node_id(options.data_dir);
  if (!id) return fail(id.error());
  Identity self;
  self.datacenter = options.datacenter;
  self.node_name = options.node_name.empty() ? host_name() : options.node_name;
  self.node_id = std::move(*id);
  self.address = advertised(options);
  self.started_at = format_rfc3339(SystemClock().wall_ns());
  auto impl = std::make_unique<Impl>(loop, std::move(journal), std::move(self), options);
  if (Status listening = impl->listen(loop, options); !listening) return fail(listening.error());
  impl->load_soon(loop);
  return std::unique_ptr<Registry>(new Registry(std::move(impl)));
}

Registry::Registry(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Registry::~Registry() = default;

SocketAddress Registry::http_address() const { return impl_->http_address(); }
std::optional<SocketAddress> Registry::dns_address() const { return impl_->dns_address(); }
Result<bool> Registry::ready() const { return impl_->ready(); }
void Registry::drain(std::function<void()> done) { impl_->drain(std::move(done)); }

}  // namespace weir::registry
