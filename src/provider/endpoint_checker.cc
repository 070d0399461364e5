#include "weir/provider/endpoint_checker.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "provider/endpoint_probe.h"
#include "weir/base/clock.h"
#include "weir/base/log.h"

namespace weir::provider {

namespace {

constexpr uint64_t kRestFactor = 3;
// A timeout that is noticed so much later was ours: the loop was busy, and the answer may have lain there.
constexpr uint64_t kLateMs = 50;

/// False: this process has as many as it may, and can ask nobody.
bool descriptors_left() {
  const int probe = ::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
  if (probe >= 0) ::close(probe);
  return probe >= 0 || (errno != EMFILE && errno != ENFILE);
}

}  // namespace

/// One endpoint of one service, from the table that brings it to the one that takes it away.
class EndpointChecker::Target {
 public:
  enum class Phase : uint8_t { resting, waiting, running };

  Target(EndpointChecker& owner, std::string its_service, const routing::Service& of, const routing::Endpoint& its)
      : service(std::move(its_service)),
        endpoint(its),
        check(of.health_check),
        timer(owner.loop_, [this] { owner_.enqueue(*this); }),
        owner_(owner) {}
  ~Target() { leave(); }
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;

  /// Out of whatever it is in; nothing is found any more.
  void leave() {
    if (phase == Phase::waiting) owner_.waiting_[queue].erase(number);
    if (phase == Phase::running) --owner_.running_[queue];
    if (probe != nullptr) owner_.loop_.destroy_later(std::move(probe));
    timer.stop();
    repeated = false;
    phase = Phase::resting;
  }

  const std::string service;
  routing::Endpoint endpoint;
  routing::HealthCheckRef check;
  EndpointReport report;
  Phase phase = Phase::resting;
  Queue queue = fresh;  // while it waits or runs
  uint64_t number = 0;  // while it waits
  uint64_t began_ms = 0;
  bool repeated = false;  // the check that runs was begun once before
  bool told_up = false;   // by the last verdict about it
  std::unique_ptr<EndpointProbe> probe;
  event::Timer timer;  // to the next check

 private:
  EndpointChecker& owner_;
};

EndpointChecker::EndpointChecker(event::Loop& loop, const Clock& clock, Options options, FindTransport find_transport,
                                 OnVerdicts on_verdicts)
    : loop_(loop),
      clock_(clock),
      options_(options),
      find_transport_(std::move(find_transport)),
      on_verdicts_(std::move(on_verdicts)),
      plain_(std::make_shared<http::Client>(loop)),
      tell_timer_(loop, [this] { tell(); }),
      hold_timer_(loop, [this] { release_held(); }) {
  verdicts_.new_are_up = options_.new_are_up;
}

EndpointChecker::~EndpointChecker() { targets_.clear(); }  // they take themselves out of the queues

// ---- Who is asked ----

void EndpointChecker::use_table(const routing::RoutingTable& table) {
  for_each_difference(seen_, table.services(), [&](const auto* before, const auto* now) {
    follow(now != nullptr ? now->get() : nullptr, key_of(before != nullptr ? **before : **now));
  });
  seen_ = table.services();
  start_waiting();
}

void EndpointChecker::follow(const routing::Service* service, std::string_view name) {
  auto known = targets_.find(name);
  if (service == nullptr || !service->health_check) {
    if (known == targets_.end()) return;
    note_changed(known->first);
    targets_.erase(known);
    return;
  }
  if (known == targets_.end()) known = targets_.emplace(name, Targets()).first;
  Targets before = std::exchange(known->second, {});
  for (const routing::Endpoint& endpoint : service->endpoints) {
    auto old = before.find(endpoint.id);
    const bool stays = old != before.end() && old->second->endpoint.instance_id == endpoint.instance_id;
    auto& target = known->second[endpoint.id];
    target = stays ? std::move(old->second) : std::make_unique<Target>(*this, known->first, *service, endpoint);
    const bool another_check = target->check != service->health_check;
    target->endpoint = endpoint;
    target->check = service->health_check;
    if (stays) before.erase(old);
    if (stays && !another_check) continue;
    target->leave();
    enqueue(*target);
  }
  if (!before.empty()) note_changed(known->first);
}

// ---- When ----

size_t EndpointChecker::places(Queue queue) const {
  const size_t all = options_.concurrent_max;
  return std::max<size_t>(queue == down ? all / 2 : all - all / 4, 1);
}

void EndpointChecker::enqueue(Target& target) {
  target.phase = Target::Phase::waiting;
  target.queue = target.report.result == EndpointReport::Result::failed ? down : fresh;
  target.number = next_number_++;
  waiting_[target.queue].emplace(target.number, &target);
  start_waiting();
}

void EndpointChecker::start_waiting() {
  for (Queue queue : {fresh, down}) {
    while (!waiting_[queue].empty() && running_[queue] < places(queue) &&
           running_[fresh] + running_[down] < options_.concurrent_max) {
      Target& target = *waiting_[queue].begin()->second;
      waiting_[queue].erase(waiting_[queue].begin());
      ++running_[queue];
      target.phase = Target::Phase::running;
      start(target);
    }
  }
}

void EndpointChecker::start(Target& target) {
  auto client = client_for(target);
  if (!client) return note(target, fail(client.error()));
  target.began_ms = loop_.now_ms();
  target.probe = std::make_unique<EndpointProbe>(loop_, std::move(*client), *target.check, target.endpoint,
                                                 [this, &target](const Status& result) { on_result(target, result); });
}

Result<std::shared_ptr<http::Client>> EndpointChecker::client_for(const Target& target) {
  const std::string& scheme = target.check->scheme.empty() ? target.endpoint.scheme : target.check->scheme;
  std::string name = !target.endpoint.transport.empty() ? target.endpoint.transport : target.check->transport;
  if (name.empty()) name = "default";
  const tls::ClientMaterial* material = find_transport_(name);
  if (material == nullptr) {
    // A plain endpoint that redirects to https is another matter: then there is no TLS at all.
    if (scheme != "https") return plain_;
    return fail(ErrorCode::not_found, "there is no serversTransport " + name);
  }
  Speaker& speaker = speakers_[name];
  if (speaker.client == nullptr || speaker.material != *material) {
    speaker.material = *material;
    speaker.client = std::make_shared<http::Client>(loop_);
    speaker.client->use_tls(*material);
  }
  return speaker.client;
}

// ---- What is found ----

void EndpointChecker::on_result(Target& target, const Status& result) {
  loop_.destroy_later(std::move(target.probe));  // its callback is running
  if (!result && result.error().code == ErrorCode::timeout && was_late(target) &&
      !std::exchange(target.repeated, true)) {
    ++late_;
    --running_[target.queue];
    return enqueue(target);
  }
  target.repeated = false;
  // Nobody fails for what we lack: what was known stays.
  if (!result && result.error().code == ErrorCode::io && !descriptors_left()) {
    ++undecided_;
    rest(target, target.report.result != EndpointReport::Result::failed);
  } else {
    note(target, result);
  }
  start_waiting();
}

bool EndpointChecker::was_late(const Target& target) {
  loop_.update_time();  // this turn may have been the long one
  return loop_.now_ms() - target.began_ms > target.check->timeout_ms + kLateMs;
}

void EndpointChecker::note(Target& target, const Status& result) {
  using Found = EndpointReport::Result;
  const Found found = result ? Found::passed : Found::failed;
  const Found before = std::exchange(target.report.result, found);
  ++(result ? passed_ : failed_);
  target.report.checked_wall_ns = clock_.wall_ns();
  target.report.error = result ? "" : result.error().message;
  if (found != before) {
    target.report.changed_wall_ns = target.report.checked_wall_ns;
    note_changed(target.service);
    const std::string& id = target.endpoint.id;
    if (!result) {
      log::warn("endpoint fails its health check",
                {{"service", target.service}, {"endpoint", id}, {"error", target.report.error}});
    } else if (before == Found::failed) {
      log::info("endpoint passes its health check again", {{"service", target.service}, {"endpoint", id}});
    } else {
      log::debug("endpoint passes its first health check", {{"service", target.service}, {"endpoint", id}});
    }
  }
  rest(target, result.has_value());
}

/// To its next check.
void EndpointChecker::rest(Target& target, bool well) {
  --running_[target.queue];
  target.phase = Target::Phase::resting;
  const routing::HealthCheck& check = *target.check;
  const uint64_t unhealthy_ms = check.unhealthy_interval_ms != 0 ? check.unhealthy_interval_ms : check.interval_ms;
  const uint64_t interval_ms = well ? check.interval_ms : unhealthy_ms;
  target.timer.start_once(interval_ms - random_.below(interval_ms / 10 + 1));
}

void EndpointChecker::note_changed(const std::string& service) {
  if (changed_.empty()) changed_us_ = steady_us();
  changed_.insert(service);
  if (!tell_timer_.active()) tell_timer_.start_once(gather_ms_);
}

void EndpointChecker::tell() {
  std::vector<SharedList<routing::ServiceVerdicts>::Edit> edits;
  for (const std::string& service : changed_) {
    auto verdicts = std::make_shared<routing::ServiceVerdicts>();
    verdicts->service = service;
    if (auto found = targets_.find(service); found != targets_.end()) {
      const bool failures_only = waits_for_others(service, found->second);
      for (const auto& [id, target] : found->second) {
        if (target->report.result == EndpointReport::Result::none) continue;
        const bool up = target->report.result == EndpointReport::Result::passed;
        if (up && failures_only) continue;
        target->told_up = up;
        verdicts->endpoints.push_back({id, target->endpoint.instance_id, up});
      }
    } else {
      held_.erase(service);
    }
    const bool any = !verdicts->endpoints.empty();
    edits.push_back({service, any ? std::move(verdicts) : nullptr});
  }
  changed_.clear();
  verdicts_.services = verdicts_.services.edited(std::move(edits));
  const uint64_t began_us = steady_us();
  on_verdicts_(verdicts_, changed_us_);
  // However many flap, the control loop has time for others.
  gather_ms_ = std::max(kGatherMs, (steady_us() - began_us) * kRestFactor / 1'000);
  // Transports of the mesh come and go with their services.
  std::erase_if(speakers_, [&](const auto& entry) { return find_transport_(entry.first) == nullptr; });
}

/// The first of a service to be up would have all its requests, until the next one is: so as long as nobody is, those
/// that pass wait for those that are still asked, and all of them serve.
bool EndpointChecker::waits_for_others(const std::string& service, const Targets& targets) {
  bool passed = false;
  bool asking = false;
  bool told = false;
  for (const auto& [id, target] : targets) {
    told = told || target->told_up;
    passed = passed || target->report.result == EndpointReport::Result::passed;
    asking = asking || target->report.result == EndpointReport::Result::none;
  }
  if (told || !passed || !asking) {
    held_.erase(service);
    return false;
  }
  const auto [at, added] = held_.emplace(service, loop_.now_ms() + kTogetherMs);
  if (added && !hold_timer_.active()) hold_timer_.start_once(kTogetherMs);
  return loop_.now_ms() < at->second;
}

void EndpointChecker::release_held() {
  uint64_t next_ms = 0;
  for (const auto& [service, until_ms] : held_) {
    if (until_ms <= loop_.now_ms()) {
      note_changed(service);
    } else if (next_ms == 0 || until_ms < next_ms) {
      next_ms = until_ms;
    }
  }
  if (next_ms != 0) hold_timer_.start_once(next_ms - loop_.now_ms());
}

const EndpointReport* EndpointChecker::report(std::string_view service, std::string_view endpoint) const {
  auto of_service = targets_.find(service);
  if (of_service == targets_.end()) return nullptr;
  auto found = of_service->second.find(endpoint);
  return found == of_service->second.end() ? nullptr : &found->second->report;
}

CheckCounts EndpointChecker::counts() const {
  CheckCounts out;
  out.passed = passed_;
  out.failed = failed_;
  out.late = late_;
  out.undecided = undecided_;
  out.running = running_[fresh] + running_[down];
  out.waiting = waiting_[fresh].size() + waiting_[down].size();
  for (const auto& [service, targets] : targets_) out.endpoints += targets.size();
  return out;
}

}  // namespace weir::provider
