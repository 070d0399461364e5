#include "provider/consul_provider.h"

#include <algorithm>

#include "weir/base/log.h"

namespace weir::provider {

std::unique_ptr<Provider> make_consul_provider(event::Loop& loop, const Clock& clock, ConsulOptions options) {
  return std::make_unique<ConsulProvider>(loop, clock, std::move(options));
}

ConsulProvider::ConsulProvider(event::Loop& loop, const Clock& clock, ConsulOptions options)
    : loop_(loop), clock_(clock), options_(std::move(options)) {
  if (options_.consul.wait_s != 0) options_.timing.wait_ms = uint64_t{options_.consul.wait_s} * 1'000;
}

ConsulProvider::~ConsulProvider() { stop(); }

Status ConsulProvider::start(Observer& observer) {
  auto addresses = parse_addresses(options_.name, options_.consul.addresses);
  if (!addresses) return fail(addresses.error());
  observer_ = &observer;
  GateOptions gate{.provider = options_.name,
                   .path = options_.snapshot_path,
                   .brake = {.share_percent = options_.safety.mass_removal_share_percent,
                             .count_min = options_.safety.mass_removal_count_min,
                             .hold_ms = options_.safety.hold_ms},
                   .coalesce_ms = options_.coalesce_ms};
  gate_ =
      std::make_unique<SnapshotGate>(loop_, clock_, std::move(gate),
                                     [this](std::shared_ptr<const catalog::CatalogSnapshot> snapshot,
                                            uint64_t seen_us) { observer_->on_catalog(std::move(snapshot), seen_us); });
  disk_wall_ns_ = gate_->load();

  const config::ConsulConfig& consul = options_.consul;
  link_ = std::make_unique<SourceLink>(
      loop_,
      LinkOptions{.addresses = std::move(*addresses),
                  .token = consul.token,
                  .token_file = consul.token_file,
                  .common_query = consul_query(consul.datacenter, consul.name_space, consul.consistency),
                  .tls = client_options(consul.tls)},
      [this] {
        for_each_query(&BlockingQuery::ask_afresh);
        crowd_->ask_afresh();
      },
      [this] {
        for_each_query(&BlockingQuery::wake);
        crowd_->wake();
      });
  crowd_ = std::make_unique<Crowd>(
      loop_, *link_, random_, options_.timing,
      Crowd::Callbacks{[this](const std::string& name, const QueryAnswer& answer) { return on_service(name, answer); },
                       [this](const std::string& name, const Error& error) { on_service_failed(name, error); },
                       [this](const Error& error) { on_shared_query_failed(error); }});
  names_query_ = std::make_unique<BlockingQuery>(
      loop_, *link_, random_, options_.timing, QuerySubject{.path = "/v1/catalog/services", .speaks_for_server = true},
      [this](const QueryAnswer& answer) { return on_names(answer); },
      [this](const Error& error) { on_names_failed(error); });
  names_query_->start();
  return {};
}

void ConsulProvider::stop() {
  if (observer_ == nullptr) return;
  observer_ = nullptr;
  tracked_.clear();
  watches_ = 0;
  names_query_.reset();
  crowd_.reset();
  link_.reset();
  gate_.reset();
}

// The list of services

Status ConsulProvider::on_names(const QueryAnswer& answer) {
  if (answer.index_moved && names_known_) crowd_->on_services_moved();
  names_asked_afresh_ = false;
  if (!answer.same_body) {
    auto decoded = decode_service_names(answer.body);
    if (!decoded) return fail(decoded.error());
    names_.swap(*decoded);
    names_known_ = true;
    for (auto& [name, tracked] : tracked_) {
      if (tracked.watch) continue;
      auto before = decoded->find(name);
      auto now = names_.find(name);
      const bool retagged = before != decoded->end() && now != names_.end() && before->second != now->second;
      if (retagged) crowd_->read_now(name);
    }
    update_tracked(answer.seen_us);
  }
  gate_->set_index(answer.index);
  for (auto& [name, tracked] : tracked_) {
    // Listed, yet still without instances: so be it.
    if (std::exchange(tracked.empty_unconfirmed, false)) put({name, {}}, answer.seen_us);
  }
  if (!error_.empty()) {
    log::info("catalog answers again", {{"provider", options_.name}, {"address", link_->address_text()}});
  }
  error_.clear();
  good_at_ms_ = clock_.monotonic_ms();
  good_wall_ns_ = clock_.wall_ns();
  if (synced_) gate_->confirm();
  note_settled();
  return {};
}

bool ConsulProvider::has_routing_tag(const std::vector<std::string>& tags) const {
  return std::any_of(tags.begin(), tags.end(), [this](const std::string& tag) {
    const std::string& fabio = options_.consul.fabio_tag_prefix;
    if (!fabio.empty() && tag.starts_with(fabio)) return true;
    const auto& prefixes = options_.consul.tag_prefixes;
    return tag.find('=') != std::string::npos &&
           std::any_of(prefixes.begin(), prefixes.end(), [&](const auto& prefix) { return tag.starts_with(prefix); });
  });
}

bool ConsulProvider::routed(const std::string& name, const std::vector<std::string>& tags) const {
  return options_.consul.exposed_by_default || wanted_.contains(name) || has_routing_tag(tags);
}

void ConsulProvider::update_tracked(uint64_t seen_us) {
  for (auto it = tracked_.begin(); it != tracked_.end();) {
    auto listed = names_.find(it->first);
    if (listed != names_.end() && routed(it->first, listed->second)) {
      ++it;
      continue;
    }
    if (it->second.watch) {
      --watches_;
    } else {
      crowd_->remove(it->first);
    }
    it = tracked_.erase(it);
  }
  fill_free_watches();
  for (const auto& [name, tags] : names_) {
    if (routed(name, tags) && !tracked_.contains(name)) track(name);
  }
  settle_unlisted(seen_us);
}

void ConsulProvider::track(const std::string& name) {
  Tracked& tracked = tracked_[name];
  if (watches_ < options_.watches_max) {
    start_watch(name, tracked);
  } else {
    crowd_->add(name);
  }
}

void ConsulProvider::start_watch(const std::string& name, Tracked& tracked) {
  ++watches_;
  tracked.watch = std::make_unique<BlockingQuery>(
      loop_, *link_, random_, options_.timing, QuerySubject{.path = service_path(name)},
      [this, name](const QueryAnswer& answer) { return on_service(name, answer); },
      [this, name](const Error& error) { on_service_failed(name, error); });
  tracked.watch->start();
}

void ConsulProvider::fill_free_watches() {
  for (auto& [name, tracked] : tracked_) {
    if (watches_ >= options_.watches_max || crowd_->size() == 0) return;
    if (tracked.watch) continue;
    crowd_->remove(name);
    start_watch(name, tracked);
  }
}

/// What is not listed or not routed any more goes; what is wanted and not listed is known to be empty.
void ConsulProvider::settle_unlisted(uint64_t seen_us) {
  std::vector<std::string> gone;
  for (const auto& [name, service] : gate_->known()) {
    if (!tracked_.contains(name) && !wanted_.contains(name)) gone.push_back(name);
  }
  for (const std::string& name : gone) gate_->remove_service(name, seen_us);
  for (const std::string& name : wanted_) {
    if (!tracked_.contains(name)) put({name, {}}, seen_us);
  }
}

void ConsulProvider::want_services(std::set<std::string, std::less<>> names) {
  if (names == wanted_) return;
  wanted_ = std::move(names);
  if (observer_ != nullptr && names_known_) update_tracked(steady_us());
}

// One service

Status ConsulProvider::on_service(const std::string& name, const QueryAnswer& answer) {
  Tracked& tracked = tracked_.at(name);
  if (!answer.same_body || !tracked.answered) {
    auto decoded = decode_health_service(name, answer.body);
    if (!decoded) return fail(decoded.error());
    for (const std::string& reason : decoded->skipped) {
      const auto& known = tracked.skipped;
      const bool said = std::find(known.begin(), known.end(), reason) != known.end();
      if (!said) log::warn("instance skipped", {{"provider", options_.name}, {"reason", reason}});
    }
    tracked.skipped = std::move(decoded->skipped);
    auto before = gate_->known().find(name);
    const bool emptied =
        decoded->service.instances.empty() && before != gate_->known().end() && !before->second->instances.empty();
    tracked.empty_unconfirmed = emptied;
    if (!emptied) {
      put(std::move(decoded->service), answer.seen_us);
    } else if (!std::exchange(names_asked_afresh_, true)) {
      names_query_->ask_afresh();
    }
  }
  tracked.answered = true;
  tracked.failures = 0;
  tracked.error.clear();
  note_settled();
  return {};
}

void ConsulProvider::put(catalog::Service service, uint64_t seen_us) {
  crowd_->note_instances(service);
  gate_->put_service(std::make_shared<const catalog::Service>(std::move(service)), seen_us);
}

void ConsulProvider::on_service_failed(const std::string& name, const Error& error) {
  Tracked& tracked = tracked_.at(name);
  // A server that is down fails every query; that is said once, for the list.
  const bool of_this_service = error.code == ErrorCode::invalid || error.code == ErrorCode::too_large;
  if (tracked.error.empty() && of_this_service) {
    log::warn("service not read, its last good version stays",
              {{"provider", options_.name}, {"service", name}, {"error", error}});
  }
  tracked.error = error.text();
  ++tracked.failures;
  note_settled();
  after_failure(error);
}

// Failures and successes

void ConsulProvider::on_names_failed(const Error& error) {
  if (error_.empty()) {
    log::warn("catalog not read, the last good one stays",
              {{"provider", options_.name}, {"address", link_->address_text()}, {"error", error}});
  }
  error_ = error.text();
  after_failure(error);
}

void ConsulProvider::on_shared_query_failed(const Error& error) { after_failure(error); }

void ConsulProvider::after_failure(const Error& error) {
  if (error.code != ErrorCode::timeout) return;
  // One that hangs is seldom alone: a machine that went away silently leaves every connection open.
  for_each_query(&BlockingQuery::ask_again);
  crowd_->ask_again();
}

void ConsulProvider::for_each_query(void (BlockingQuery::*call)()) {
  (names_query_.get()->*call)();
  for (auto& [name, tracked] : tracked_) {
    if (tracked.watch) (tracked.watch.get()->*call)();
  }
}

void ConsulProvider::note_settled() {
  if (synced_ || !names_known_) return;
  const bool all = std::all_of(tracked_.begin(), tracked_.end(), [](const auto& one) {
    return one.second.answered || one.second.failures >= kFailuresWaitedFor;
  });
  if (!all) return;
  synced_ = true;
  log::info("catalog synced", {{"provider", options_.name},
                               {"address", link_->address_text()},
                               {"services", names_.size()},
                               {"routed", tracked_.size()}});
  gate_->complete();
}

ProviderStatus ConsulProvider::status() const {
  ProviderStatus out;
  out.name = options_.name;
  out.synced_once = synced_;
  out.error = error_;
  if (synced_) {
    out.source = Source::live;
    out.last_good_wall_ns = good_wall_ns_;
    out.age_ms = clock_.monotonic_ms() - good_at_ms_;
  } else if (disk_wall_ns_ != 0) {
    out.source = Source::disk;
    out.last_good_wall_ns = disk_wall_ns_;
    out.age_ms = static_cast<uint64_t>(std::max<int64_t>(clock_.wall_ns() - disk_wall_ns_, 0) / 1'000'000);
  }
  if (gate_ == nullptr) return out;
  out.index = names_query_->index();
  out.address = link_->address_text();
  out.held = gate_->held_text();
  out.services = gate_->applied().services.size();
  out.live_endpoints = catalog::count_live_instances(gate_->applied());
  for (const auto& [name, tracked] : tracked_) {
    if (out.error.empty() && !tracked.error.empty()) out.error = "service " + name + ": " + tracked.error;
    out.skipped.insert(out.skipped.end(), tracked.skipped.begin(), tracked.skipped.end());
  }
  if (const std::string unsaved = gate_->save_error(); out.error.empty() && !unsaved.empty()) out.error = unsaved;
  return out;
}

}  // namespace weir::provider
