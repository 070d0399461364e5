#include "registry/health_checker.h"

#include <algorithm>

#include "registry/agent_writes.h"
#include "registry/catalog_writes.h"
#include "registry/check_probe.h"
#include "registry/check_thresholds.h"
#include "weir/base/log.h"

namespace weir::registry {

using Kind = CheckDefinition::Kind;

namespace {

uint64_t to_ms(int64_t ns) { return ns > 0 ? static_cast<uint64_t>(ns) / 1'000'000 : 0; }

/// What a client said of its TTL check, cut as Consul's agent cuts it.
std::string cut(const std::string& output, const CheckDefinition& definition) {
  const size_t bytes_max = CheckProbe::output_bytes_max(definition);
  if (output.size() <= bytes_max) return output;
  return output.substr(0, bytes_max) + " ... (captured " + std::to_string(bytes_max) + " of " +
         std::to_string(output.size()) + " bytes)";
}

}  // namespace

/// One check that runs: its clock, its counts and its newest output. Dies when the check leaves the store.
class HealthChecker::Running {
 public:
  Running(HealthChecker& owner, const Check& check)
      : id(check.id),
        definition(check.definition),
        output(check.output),
        owner_(owner),
        client_(owner.client_for(check.definition)),
        thresholds_(check.definition),
        timer_(owner.loop_, [this] { on_time(); }) {
    if (definition.kind == Kind::ttl) {
      restart_ttl();
    } else {
      interval_ms_ = std::max(to_ms(definition.interval_ns), kIntervalMinMs);
      timer_.start_once(owner.random_.below(interval_ms_ + 1));
    }
  }

  void restart_ttl() {
    if (definition.kind == Kind::ttl) timer_.start_once(std::max<uint64_t>(to_ms(definition.ttl_ns), 1));
  }

  const std::string id;
  const CheckDefinition definition;
  std::string output;
  uint64_t write_output_at_ms = 0;  // 0: the store has it
  uint64_t critical_since_ms = 0;   // 0: is not critical

 private:
  void on_time() {
    if (definition.kind != Kind::ttl) {
      probe_ = CheckProbe::start(owner_.loop_, *client_, definition,
                                 [this](const CheckResult& result) { on_result(result); });
      return;
    }
    std::string last = output.empty() ? "TTL expired" : "TTL expired (last output before timeout follows): " + output;
    if (output.starts_with("TTL expired")) last = output;  // said before, and not kept by the disk
    // By its id: it may be gone when the disk has answered. Nobody else would say once more that it has expired.
    owner_.report(*this, kCritical, last, [&owner = owner_, id = id](const Status& kept) {
      if (!kept) owner.restart_ttl({id});
    });
  }

  void on_result(const CheckResult& result) {
    // The probe is on the stack; it goes when the loop is back.
    owner_.loop_.defer([probe = std::shared_ptr<CheckProbe>(std::move(probe_))] {});
    timer_.start_once(interval_ms_);
    std::optional<std::string> status = thresholds_.next(result.status);
    if (status) owner_.report(*this, *status, result.output, [](const Status&) {});
  }

  HealthChecker& owner_;
  const std::shared_ptr<http::Client> client_;
  CheckThresholds thresholds_;
  uint64_t interval_ms_ = 0;
  event::Timer timer_;
  std::unique_ptr<CheckProbe> probe_;
};

HealthChecker::HealthChecker(event::Loop& loop, CatalogStore& store, const Identity& self)
    : loop_(loop), store_(store), self_(self), sweep_timer_(loop, [this] { sweep(); }) {}

HealthChecker::~HealthChecker() { store_.on_check_redefined(nullptr); }

void HealthChecker::start() {
  for (const Ref<Check>& check : store_.tables().checks_of_node(self_.node_name)) follow(check->id);
  store_.on_check_redefined([this](const std::string& id) { follow(id); });
  sweep_timer_.start_every(kReapPeriodMs);
}

void HealthChecker::follow(const std::string& id) {
  Ref<Check> check = store_.tables().check(self_.node_name, id);
  auto at = running_.find(id);
  if (!check || check->definition.kind == Kind::none) {
    if (at != running_.end()) running_.erase(at);
  } else if (at == running_.end() || at->second->definition != check->definition) {
    running_.insert_or_assign(id, std::make_unique<Running>(*this, *check));
  }
}

std::shared_ptr<http::Client> HealthChecker::client_for(const CheckDefinition& definition) {
  std::erase_if(clients_, [](const auto& entry) { return entry.second.expired(); });
  std::weak_ptr<http::Client>& place = clients_[{definition.tls_server_name, definition.tls_skip_verify}];
  std::shared_ptr<http::Client> client = place.lock();
  if (client) return client;
  client = std::make_shared<http::Client>(loop_);
  tls::ClientOptions options;
  options.server_name = definition.tls_server_name;
  options.insecure_skip_verify = definition.tls_skip_verify;
  client->use_tls(std::move(options));
  place = client;
  return client;
}

void HealthChecker::restart_ttl(const std::vector<std::string>& ids) {
  for (const std::string& id : ids) {
    if (auto at = running_.find(id); at != running_.end()) at->second->restart_ttl();
  }
}

void HealthChecker::update_ttl(const std::string& id, const std::string& status, const std::string& output,
                               CatalogStore::Done done) {
  Ref<Check> check = store_.tables().check(self_.node_name, id);
  const std::string text = check ? cut(output, check->definition) : output;
  auto at = running_.find(id);
  // Registered a moment ago and not committed yet: there is nothing to restart, but the status counts.
  if (at == running_.end()) return write_status(id, status, text, std::move(done));
  at->second->restart_ttl();
  report(*at->second, status, text, std::move(done));
}

std::string_view HealthChecker::output_of(const Check& check) const {
  auto at = running_.find(check.id);
  return at == running_.end() ? std::string_view(check.output) : at->second->output;
}

void HealthChecker::report(Running& running, const std::string& status, const std::string& output,
                           CatalogStore::Done done) {
  Ref<Check> stored = store_.tables().check(self_.node_name, running.id);
  if (!stored) return store_.when_durable(std::move(done));
  bool new_output = output != running.output;
  running.output = output;
  if (status != kCritical) running.critical_since_ms = 0;
  if (stored->status != status) {
    running.write_output_at_ms = 0;
    return write_status(running.id, status, output, std::move(done));
  }
  if (new_output && running.write_output_at_ms == 0) {
    running.write_output_at_ms = loop_.now_ms() + kOutputPeriodMs / 2 + random_.below(kOutputPeriodMs);
  }
  store_.when_durable(std::move(done));
}

void HealthChecker::write_status(const std::string& id, const std::string& status, const std::string& output,
                                 CatalogStore::Done done) {
  auto change = [this, id, status, output](Transaction& tx) -> Status {
    Ref<Check> check = tx.tables().check(self_.node_name, id);
    if (!check) return {};
    Check next = *check;
    next.status = status;
    next.output = output;
    return put_check(tx, std::move(next));
  };
  store_.write(change, std::move(done));
}

void HealthChecker::sweep() {
  uint64_t now_ms = loop_.now_ms();
  std::vector<std::string> late_outputs;
  std::vector<std::string> dead_services;
  for (const auto& [id, running] : running_) {
    Ref<Check> check = store_.tables().check(self_.node_name, id);
    bool critical = check && check->status == kCritical;
    if (!critical || running->critical_since_ms == 0) running->critical_since_ms = critical ? now_ms : 0;
    if (running->write_output_at_ms != 0 && running->write_output_at_ms <= now_ms) late_outputs.push_back(id);
    uint64_t after_ms = to_ms(running->definition.deregister_after_ns);
    if (after_ms == 0 || !critical || check->service_id.empty()) continue;
    if (now_ms - running->critical_since_ms > std::max(after_ms, kDeregisterAfterMinMs)) {
      dead_services.push_back(check->service_id);
    }
  }
  for (const std::string& id : late_outputs) {
    auto at = running_.find(id);
    Ref<Check> check = store_.tables().check(self_.node_name, id);
    if (at == running_.end() || !check) continue;
    at->second->write_output_at_ms = 0;
    write_status(id, check->status, at->second->output, [](const Status&) {});
  }
  for (const std::string& id : dead_services) {
    log::warn("deregistering a service that has been critical for too long", {{"service_id", id}});
    store_.write(
        [this, id](Transaction& tx) -> Status {
          remove_service(tx, self_.node_name, id);
          return {};
        },
        [](const Status&) {});
  }
}

}  // namespace weir::registry
