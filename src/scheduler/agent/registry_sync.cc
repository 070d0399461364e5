#include "scheduler/agent/registry_sync.h"

#include <algorithm>

#include "scheduler/agent/call_outcome.h"
#include "weir/base/log.h"
#include "weir/base/text.h"
#include "weir/event/loop.h"

namespace weir::scheduler {
namespace {

constexpr uint64_t kBackOffFirstMs = 250;
constexpr uint64_t kBackOffMaxMs = 8'000;

}  // namespace

RegistrySync::Withdrawal::Withdrawal(RegistrySync& sync, std::set<std::string> ids, OnWithdrawn on_withdrawn)
    : sync_(sync),
      waiting_for_(std::move(ids)),
      on_withdrawn_(std::move(on_withdrawn)),
      timer_(sync.loop_, [this] { finish(); }) {
  timer_.start_once(waiting_for_.empty() ? 0 : sync.options_.withdrawal_max_ms);
  sync_.withdrawals_.push_back(this);
}

RegistrySync::Withdrawal::~Withdrawal() { sync_.withdrawals_.remove(this); }

void RegistrySync::Withdrawal::finish() {
  timer_.stop();
  Status status;
  if (!waiting_for_.empty()) {
    const std::string& id = *waiting_for_.begin();
    auto entry = sync_.entries_.find(id);
    std::string error = entry == sync_.entries_.end() ? "" : entry->second.last_error;
    status = fail(ErrorCode::timeout, "no confirmation of the registry within " +
                                          std::to_string(sync_.options_.withdrawal_max_ms) + " ms for " + id +
                                          (error.empty() ? "" : " (" + error + ")"));
  }
  if (auto callback = std::exchange(on_withdrawn_, nullptr)) callback(status);  // may destroy this
}

RegistrySync::RegistrySync(event::Loop& loop, http::Client& client, Options options)
    : loop_(loop), client_(client), options_(std::move(options)), started_ms_(loop.now_ms()), sync_timer_(loop, [this] {
        list_services();
      }) {
  sync_timer_.start_once(0);
}

RegistrySync::~RegistrySync() = default;

void RegistrySync::put(const ServiceRegistration& service) {
  entries_[service.id].wanted = service;
  step(service.id);
}

void RegistrySync::remove(const std::string& id) {
  entries_[id].wanted.reset();
  step(id);
}

std::unique_ptr<RegistrySync::Withdrawal> RegistrySync::withdraw(const std::vector<std::string>& ids,
                                                                 OnWithdrawn on_withdrawn) {
  std::set<std::string> waiting_for;
  for (const std::string& id : ids) {
    entries_[id].retry.reset();  // somebody waits: at once, also after failures
    remove(id);
    if (entries_.contains(id)) waiting_for.insert(id);
  }
  return std::make_unique<Withdrawal>(*this, std::move(waiting_for), std::move(on_withdrawn));
}

bool RegistrySync::confirmed(const std::string& id) const {
  auto at = entries_.find(id);
  return at != entries_.end() && at->second.known == Known::present && at->second.wanted.has_value() &&
         at->second.confirmed == at->second.wanted;
}

/// Does the next thing for an id, if nothing is under way. Calls for one id never overlap: an overtaken registration
/// would bring a stopped service back.
void RegistrySync::step(const std::string& id) {
  Entry& entry = entries_.at(id);
  if (entry.call || entry.retry) return;
  if (entry.wanted) {
    if (entry.known != Known::present || entry.confirmed != entry.wanted) send_register(id, entry);
    return;
  }
  if (entry.known != Known::absent) return send_deregister(id, entry);
  entries_.erase(id);
}

void RegistrySync::send_register(const std::string& id, Entry& entry) {
  auto call = request("PUT", "/v1/agent/service/register?replace-existing-checks=true");
  call.body = encode_registration_body(*entry.wanted);
  entry.call = client_.send(std::move(call), [this, id, sent = *entry.wanted](Result<http::ClientResponse> response) {
    Entry& answered = entries_.at(id);
    auto done = std::move(answered.call);
    if (!succeeded(response)) return on_failed(id, answered, "register", response);
    log::debug("service registered", {{"service", id}});
    answered.failures = 0;
    answered.last_error.clear();
    answered.known = Known::present;
    answered.confirmed = sent;
    step(id);
  });
}

void RegistrySync::send_deregister(const std::string& id, Entry& entry) {
  auto call = request("PUT", "/v1/agent/service/deregister/" + percent_encode(id));
  entry.call = client_.send(std::move(call), [this, id](Result<http::ClientResponse> response) {
    Entry& answered = entries_.at(id);
    auto done = std::move(answered.call);
    bool gone = succeeded(response) || (response && response->status == 404);
    if (!gone) return on_failed(id, answered, "deregister", response);
    log::debug("service deregistered", {{"service", id}});
    answered.failures = 0;
    answered.last_error.clear();
    answered.known = Known::absent;
    answered.confirmed.reset();
    bool wanted_again = answered.wanted.has_value();
    step(id);
    if (!wanted_again) settle(id);
  });
}

void RegistrySync::on_failed(const std::string& id, Entry& entry, const std::string& what,
                             const Result<http::ClientResponse>& response) {
  entry.last_error = failure_text(response);
  if (entry.failures == 0) {
    log::warn("registry refuses or does not answer", {{"call", what}, {"service", id}, {"error", entry.last_error}});
  }
  // An answer that was lost may have been a success.
  entry.known = Known::unknown;
  entry.confirmed.reset();
  entry.retry = std::make_unique<event::Timer>(loop_, [this, id] {
    auto fired = std::move(entries_.at(id).retry);
    step(id);
  });
  entry.retry->start_once(back_off_ms(entry.failures++));
}

/// Tells those who wait for the id that it is gone.
void RegistrySync::settle(const std::string& id) {
  std::vector<Withdrawal*> finished;
  for (Withdrawal* withdrawal : withdrawals_) {
    if (withdrawal->waiting_for_.erase(id) > 0 && withdrawal->waiting_for_.empty()) finished.push_back(withdrawal);
  }
  for (Withdrawal* withdrawal : finished) {
    // A callback may have destroyed others.
    if (std::find(withdrawals_.begin(), withdrawals_.end(), withdrawal) != withdrawals_.end()) withdrawal->finish();
  }
}

void RegistrySync::list_services() {
  sync_call_ = client_.send(request("GET", "/v1/agent/services"),
                            [this](Result<http::ClientResponse> response) { on_services(response); });
}

void RegistrySync::on_services(const Result<http::ClientResponse>& response) {
  if (!succeeded(response)) return sync_failed(failure_text(response));
  std::map<std::string, const ServiceRegistration*> wanted;
  for (const auto& [id, entry] : entries_) {
    if (entry.wanted) wanted[id] = &*entry.wanted;
  }
  auto rows = decode_registered_services(response->body, wanted);
  if (!rows) return sync_failed(rows.error().text());
  compare(*rows);
  list_checks();
}

/// What changed while the list was on its way is done once more at worst: both calls may be repeated freely.
void RegistrySync::compare(const std::vector<RegisteredService>& rows) {
  std::set<std::string> listed;
  bool may_clean = loop_.now_ms() - started_ms_ >= options_.leftovers_after_ms;
  for (const RegisteredService& row : rows) {
    listed.insert(row.id);
    auto at = entries_.find(row.id);
    if (at == entries_.end()) {
      if (row.node_id != options_.node_id || !may_clean) continue;
      log::info("removing a service that no allocation here has", {{"service", row.id}});
      remove(row.id);
    } else if (at->second.wanted && !row.same) {
      at->second.known = Known::unknown;
    }
  }
  std::vector<std::string> ids;
  for (auto& [id, entry] : entries_) {
    if (entry.wanted && !listed.contains(id)) entry.known = Known::unknown;
    if (sync_failures_ > 0) entry.retry.reset();  // it is back: no need to wait
    ids.push_back(id);
  }
  for (const std::string& id : ids) step(id);
}

void RegistrySync::list_checks() {
  sync_call_ = client_.send(request("GET", "/v1/agent/checks"),
                            [this](Result<http::ClientResponse> response) { on_checks(response); });
}

void RegistrySync::on_checks(const Result<http::ClientResponse>& response) {
  if (!succeeded(response)) return sync_failed(failure_text(response));
  auto checks = decode_check_statuses(response->body);
  if (!checks) return sync_failed(checks.error().text());
  std::vector<std::string> incomplete;
  for (auto& [id, entry] : entries_) {
    if (!entry.wanted || entry.known != Known::present) continue;
    bool complete = std::all_of(entry.wanted->checks.begin(), entry.wanted->checks.end(),
                                [&](const CheckRegistration& check) { return checks->contains(check.id); });
    if (complete) continue;
    entry.known = Known::unknown;
    incomplete.push_back(id);
  }
  for (const std::string& id : incomplete) step(id);
  if (sync_failures_ > 0) log::info("registry answers again");
  sync_failures_ = 0;
  sync_timer_.start_once(options_.full_sync_ms);
}

void RegistrySync::sync_failed(const std::string& error) {
  if (sync_failures_ == 0) log::warn("registry cannot be read", {{"error", error}});
  sync_timer_.start_once(back_off_ms(sync_failures_++));
}

http::ClientRequest RegistrySync::request(std::string method, std::string target) const {
  http::ClientRequest out{
      .method = std::move(method), .url = options_.registry, .timeout_ms = options_.call_timeout_ms};
  out.url.target = std::move(target);
  if (!options_.token.empty()) out.headers.emplace_back("X-Consul-Token", options_.token);
  return out;
}

/// Doubles up to the limit, with up to a quarter of jitter.
uint64_t RegistrySync::back_off_ms(uint32_t failures) {
  uint64_t delay_ms = std::min(kBackOffMaxMs, kBackOffFirstMs << std::min<uint32_t>(failures, 10));
  return delay_ms + random_.below(delay_ms / 4 + 1);
}

}  // namespace weir::scheduler
