#include "provider/catalog_provider.h"

#include <algorithm>

#include "provider/status_parts.h"
#include "weir/base/clock.h"
#include "weir/base/log.h"
#include "weir/base/text.h"

namespace weir::provider {

CatalogSource consul_source(const ConsulOptions& options, const std::string& datacenter) {
  const config::ConsulConfig& consul = options.consul;
  CatalogSource out{.name = options.name,
                    .dialect = kConsulDialect,
                    .addresses = consul.addresses,
                    .link = {.token = consul.token,
                             .token_file = consul.token_file,
                             .common_query = consul_query(datacenter, consul.name_space, consul.consistency),
                             .tls = client_options(consul.tls)},
                    .tag_prefixes = consul.tag_prefixes,
                    .fabio_tag_prefix = consul.fabio_tag_prefix,
                    .exposed_by_default = consul.exposed_by_default,
                    .connect = routing::connect_tags(consul),
                    .safety = options.safety,
                    .snapshot_path = options.snapshot_path,
                    .timing = options.timing,
                    .watches_max = options.watches_max,
                    .coalesce_ms = options.coalesce_ms};
  if (consul.wait_s != 0) out.timing.wait_ms = uint64_t{consul.wait_s} * 1'000;
  return out;
}

std::unique_ptr<Provider> make_nomad_provider(event::Loop& loop, const Clock& clock, NomadOptions options) {
  const config::NomadConfig& nomad = options.nomad;
  CatalogSource source{.name = options.name,
                       .dialect = kNomadDialect,
                       .addresses = nomad.addresses,
                       .link = {.token = nomad.token,
                                .token_file = nomad.token_file,
                                .token_header = "X-Nomad-Token",
                                .index_header = "X-Nomad-Index",
                                .common_query = nomad_query(nomad.name_space, nomad.region, nomad.stale),
                                .tls = client_options(nomad.tls)},
                       .tag_prefixes = nomad.tag_prefixes,
                       .fabio_tag_prefix = nomad.fabio_tag_prefix,
                       .exposed_by_default = nomad.exposed_by_default,
                       .safety = options.safety,
                       .snapshot_path = options.snapshot_path,
                       .timing = options.timing,
                       .watches_max = options.watches_max,
                       .coalesce_ms = options.coalesce_ms};
  if (nomad.wait_s != 0) source.timing.wait_ms = uint64_t{nomad.wait_s} * 1'000;
  return std::make_unique<CatalogProvider>(loop, clock, std::move(source));
}

CatalogProvider::CatalogProvider(event::Loop& loop, const Clock& clock, CatalogSource source)
    : loop_(loop),
      clock_(clock),
      source_(std::move(source)),
      ages_({.late_ms = source_.late_ms, .stale_ms = source_.safety.last_good_age_ms_max}),
      age_timer_(loop, [this] { look_at_ages(); }) {}

CatalogProvider::~CatalogProvider() { stop(); }

Status CatalogProvider::start(Observer& observer) {
  auto addresses = parse_addresses(source_.name, source_.addresses);
  if (!addresses) return fail(addresses.error());
  observer_ = &observer;
  GateOptions gate{.provider = source_.name,
                   .path = source_.snapshot_path,
                   .brake = brake_limits(source_.safety),
                   .coalesce_ms = source_.coalesce_ms};
  gate.resave_ms = resave_ms(source_.safety, gate.resave_ms);
  gate_ =
      std::make_unique<SnapshotGate>(loop_, clock_, std::move(gate),
                                     [this](std::shared_ptr<const catalog::CatalogSnapshot> snapshot,
                                            uint64_t seen_us) { observer_->on_catalog(std::move(snapshot), seen_us); });
  disk_wall_ns_ = gate_->load([this](int64_t saved_wall_ns) { note_age_on_disk(saved_wall_ns); });
  if (ages_.limits().any()) age_timer_.start_every(ages_.limits().period_ms());

  LinkOptions link = source_.link;
  link.addresses = std::move(*addresses);
  link_ = std::make_unique<SourceLink>(
      loop_, std::move(link),
      [this] {
        for_each_query(&BlockingQuery::ask_afresh);
        crowd_->ask_afresh();
      },
      [this] {
        for_each_query(&BlockingQuery::wake);
        crowd_->wake();
      });
  crowd_ = std::make_unique<Crowd>(
      loop_, *link_, random_, source_.timing, source_.dialect,
      Crowd::Callbacks{[this](const std::string& name, const QueryAnswer& answer) { return on_service(name, answer); },
                       [this](const std::string& name, const Error& error) { on_service_failed(name, error); },
                       [this](const Error& error) { on_shared_query_failed(error); }});
  names_query_ = std::make_unique<BlockingQuery>(
      loop_, *link_, random_, source_.timing,
      QuerySubject{.path = std::string(source_.dialect.names_path), .speaks_for_server = true, .text = &names_.text()},
      [this](const QueryAnswer& answer) { return on_names(answer); },
      [this](const Error& error) { on_names_failed(error); });
  names_query_->start();
  return {};
}

void CatalogProvider::stop() {
  if (observer_ == nullptr) return;
  observer_ = nullptr;
  age_timer_.stop();
  tracked_.clear();
  unsettled_ = 0;
  empty_unconfirmed_.clear();
  watches_ = mesh_watches_ = mesh_waiting_ = 0;
  names_query_.reset();
  crowd_.reset();
  link_.reset();
  gate_.reset();
}

// The list of services

Status CatalogProvider::on_names(const QueryAnswer& answer) {
  if (answer.index != answer.index_before && names_known_) {
    crowd_->on_services_moved(answer.index_before, answer.index);
  }
  names_asked_afresh_ = false;
  if (!answer.same_body) {
    auto changed = names_.read(source_.dialect);
    if (!changed) return fail(changed.error());
    const bool first = !std::exchange(names_known_, true);
    if (first) update_tracked(answer.seen_us);
    for (const std::string& name : *changed) {
      if (first) break;
      auto tracked = tracked_.find(name);
      const bool in_crowd = tracked != tracked_.end() && !tracked->second.watch;
      if (in_crowd && names_.all().contains(name)) {
        crowd_->read_now(name);
      } else if (in_crowd) {
        crowd_->note_gone(unchecked_instances(name));
      }
      update_tracked(name, answer.seen_us);
    }
    fill_free_watches();
  }
  gate_->set_index(answer.index);
  // Listed, yet still without instances: so be it.
  for (const std::string& name : std::exchange(empty_unconfirmed_, {})) put({name, {}}, answer.seen_us);
  if (!error_.empty()) {
    log::info("catalog answers again", {{"provider", source_.name}, {"address", link_->address_text()}});
  }
  error_.clear();
  names_doubted_ms_ = 0;
  good_at_ms_ = clock_.monotonic_ms();
  good_wall_ns_ = clock_.wall_ns();
  if (synced_) gate_->confirm();
  note_settled();
  return {};
}

/// Of a service none of whose instances has a check; 0 for any other.
size_t CatalogProvider::unchecked_instances(const std::string& name) const {
  auto found = gate_->known().find(name);
  if (found == gate_->known().end()) return 0;
  const auto& all = found->second->instances;
  return std::any_of(all.begin(), all.end(), [](const auto& one) { return one.has_checks; }) ? 0 : all.size();
}

bool CatalogProvider::has_routing_tag(const std::vector<std::string>& tags) const {
  return std::any_of(tags.begin(), tags.end(), [this](const std::string& tag) {
    const std::string& fabio = source_.fabio_tag_prefix;
    if (!fabio.empty() && tag.starts_with(fabio)) return true;
    const auto& prefixes = source_.tag_prefixes;
    return tag.find('=') != std::string::npos &&
           std::any_of(prefixes.begin(), prefixes.end(), [&](const auto& prefix) { return tag.starts_with(prefix); });
  });
}

bool CatalogProvider::routed(const std::string& name, const std::vector<std::string>& tags) const {
  return source_.exposed_by_default || wanted_.contains(name) || has_routing_tag(tags);
}

/// All of them.
void CatalogProvider::update_tracked(uint64_t seen_us) {
  std::set<std::string, std::less<>> names = wanted_;
  for (const auto& [name, tags] : names_.all()) names.insert(name);
  for (const auto& [name, tracked] : tracked_) names.insert(name);
  for (const auto& [name, service] : gate_->known()) names.insert(name);
  for (const std::string& name : names) update_tracked(name, seen_us);
  fill_free_watches();
}

/// What is not listed or not routed any more goes; what is wanted and not listed is known to be empty.
void CatalogProvider::update_tracked(const std::string& name, uint64_t seen_us) {
  auto listed = names_.all().find(name);
  const bool is_routed = listed != names_.all().end() && routed(name, listed->second);
  auto tracked = tracked_.find(name);
  if (is_routed) {
    const bool mesh = source_.connect.ask_for(name, listed->second, source_.tag_prefixes);
    if (tracked != tracked_.end() && tracked->second.mesh != mesh) {
      untrack(name);
      tracked = tracked_.end();
    }
    if (tracked == tracked_.end()) track(name, mesh);
    return;
  }
  if (tracked != tracked_.end()) untrack(name);
  if (wanted_.contains(name)) {
    put({name, {}}, seen_us);
  } else {
    ages_.forget(name);
    gate_->remove_service(name, seen_us);
  }
}

void CatalogProvider::untrack(const std::string& name) {
  auto found = tracked_.find(name);
  if (found->second.watch) {
    --(found->second.mesh ? mesh_watches_ : watches_);
  } else if (found->second.mesh) {
    --mesh_waiting_;
  } else {
    crowd_->remove(name);
  }
  if (!settled(found->second)) --unsettled_;
  empty_unconfirmed_.erase(name);
  tracked_.erase(found);
}

void CatalogProvider::track(const std::string& name, bool mesh) {
  Tracked& tracked = tracked_[name];
  tracked.mesh = mesh;
  if (mesh && mesh_watches_ >= kMeshWatchesMax) {
    tracked.failures = kFailuresWaitedFor;
    tracked.error = "more than " + std::to_string(kMeshWatchesMax) + " services of Connect";
    ++mesh_waiting_;
    return;
  }
  ++unsettled_;
  if (mesh || watches_ < source_.watches_max) {
    start_watch(name, tracked);
  } else {
    crowd_->add(name);
  }
}

void CatalogProvider::start_watch(const std::string& name, Tracked& tracked) {
  ++(tracked.mesh ? mesh_watches_ : watches_);
  const std::string_view path = tracked.mesh ? source_.dialect.mesh_path : source_.dialect.service_path;
  tracked.watch = std::make_unique<BlockingQuery>(
      loop_, *link_, random_, source_.timing, QuerySubject{.path = std::string(path) + percent_encode(name)},
      [this, name](const QueryAnswer& answer) { return on_service(name, answer); },
      [this, name](const Error& error) { on_service_failed(name, error); });
  tracked.watch->start();
}

void CatalogProvider::fill_free_watches() {
  for (auto& [name, tracked] : tracked_) {
    const bool free = watches_ < source_.watches_max && crowd_->size() > 0;
    const bool mesh_free = mesh_watches_ < kMeshWatchesMax && mesh_waiting_ > 0;
    if (!free && !mesh_free) return;
    if (tracked.watch || !(tracked.mesh ? mesh_free : free)) continue;
    if (tracked.mesh) {
      --mesh_waiting_;
      tracked.failures = 0;
      tracked.error.clear();
      ++unsettled_;
    } else {
      crowd_->remove(name);
    }
    start_watch(name, tracked);
  }
}

void CatalogProvider::want_services(std::set<std::string, std::less<>> names) {
  if (names == wanted_) return;
  wanted_ = std::move(names);
  if (observer_ != nullptr && names_known_) update_tracked(steady_us());
}

// One service

Status CatalogProvider::on_service(const std::string& name, const QueryAnswer& answer) {
  Tracked& tracked = tracked_.at(name);
  if (answer.body_hash != tracked.body_hash) {
    auto decoded = (tracked.mesh ? source_.dialect.decode_mesh : source_.dialect.decode_service)(
        name, answer.body, tracked.watch != nullptr ? &tracked.rows : nullptr);
    if (!decoded) return fail(decoded.error());
    for (const std::string& reason : decoded->skipped) {
      const auto& known = tracked.skipped;
      const bool said = std::find(known.begin(), known.end(), reason) != known.end();
      if (!said) log::warn("instance skipped", {{"provider", source_.name}, {"reason", reason}});
    }
    tracked.skipped = std::move(decoded->skipped);
    crowd_->note_known(answer.index);
    auto before = gate_->known().find(name);
    const bool emptied =
        decoded->service.instances.empty() && before != gate_->known().end() && !before->second->instances.empty();
    if (!emptied) {
      empty_unconfirmed_.erase(name);
      put(std::move(decoded->service), answer.seen_us);
    } else {
      empty_unconfirmed_.insert(name);
      if (!std::exchange(names_asked_afresh_, true)) names_query_->ask_afresh();
    }
  }
  if (!settled(tracked)) --unsettled_;
  tracked.body_hash = answer.body_hash;
  tracked.good_at_ms = clock_.monotonic_ms();
  tracked.failures = 0;
  tracked.error.clear();
  ages_.forget(name);
  gate_->unmark(name);
  note_settled();
  return {};
}

void CatalogProvider::put(catalog::Service service, uint64_t seen_us) {
  crowd_->note_instances(service);
  ages_.forget(service.name);
  gate_->unmark(service.name);
  gate_->put_service(std::make_shared<const catalog::Service>(std::move(service)), seen_us);
}

void CatalogProvider::on_service_failed(const std::string& name, const Error& error) {
  Tracked& tracked = tracked_.at(name);
  // A server that is down fails every query; that is said once, for the list.
  const bool of_this_service = error.code == ErrorCode::invalid || error.code == ErrorCode::too_large;
  if (tracked.error.empty() && of_this_service) {
    log::warn("service not read, its last good version stays",
              {{"provider", source_.name}, {"service", name}, {"error", error}});
  }
  tracked.error = error.text();
  const bool silent = error.code == ErrorCode::timeout && tracked.good_at_ms != 0;
  ages_.note_doubted(name, silent ? tracked.good_at_ms : clock_.monotonic_ms());
  const bool was_settled = settled(tracked);
  ++tracked.failures;
  if (!was_settled && settled(tracked)) --unsettled_;
  note_settled();
  after_failure(error);
}

// Failures and successes

void CatalogProvider::on_names_failed(const Error& error) {
  if (error_.empty()) {
    log::warn("catalog not read, the last good one stays",
              {{"provider", source_.name}, {"address", link_->address_text()}, {"error", error}});
  }
  error_ = error.text();
  note_failure(names_doubted_ms_, error);
  after_failure(error);
}

void CatalogProvider::on_shared_query_failed(const Error& error) {
  note_failure(lists_doubted_ms_, error);
  after_failure(error);
}

void CatalogProvider::after_failure(const Error& error) {
  if (error.code != ErrorCode::timeout) return;
  // One that hangs is seldom alone: a machine that went away silently leaves every connection open.
  for_each_query(&BlockingQuery::ask_again);
  crowd_->ask_again();
}

void CatalogProvider::for_each_query(void (BlockingQuery::*call)()) {
  (names_query_.get()->*call)();
  for (auto& [name, tracked] : tracked_) {
    if (tracked.watch) (tracked.watch.get()->*call)();
  }
}

void CatalogProvider::note_settled() {
  if (synced_ || !names_known_ || unsettled_ > 0) return;
  synced_ = true;
  log::info("catalog synced", {{"provider", source_.name},
                               {"address", link_->address_text()},
                               {"services", names_.all().size()},
                               {"routed", tracked_.size()}});
  gate_->complete();
}

// Ages

void CatalogProvider::note_age_on_disk(int64_t saved_wall_ns) {
  const uint64_t now_ms = clock_.monotonic_ms();
  for (const auto& [name, service] : gate_->known())
    ages_.note_saved(name, saved_age_ms(clock_, saved_wall_ns), now_ms);
  look_at_ages();
}

/// The first failure tells how long it has been good: until now, unless nobody answered.
void CatalogProvider::note_failure(uint64_t& since_ms, const Error& error) const {
  if (since_ms != 0) return;
  const bool silent = error.code == ErrorCode::timeout && good_at_ms_ != 0;
  since_ms = silent ? good_at_ms_ : std::max<uint64_t>(clock_.monotonic_ms(), 1);
}

/// Since when changes of the crowd may go unnoticed; 0: they do not.
uint64_t CatalogProvider::crowd_doubted_ms() const {
  if (names_doubted_ms_ == 0 || lists_doubted_ms_ == 0) return std::max(names_doubted_ms_, lists_doubted_ms_);
  return std::min(names_doubted_ms_, lists_doubted_ms_);
}

void CatalogProvider::look_at_ages() {
  const uint64_t now_ms = clock_.monotonic_ms();
  FreshnessMap found = ages_.overdue(now_ms);
  if (crowd_ != nullptr && !crowd_->failing()) lists_doubted_ms_ = 0;
  ask_the_doubtful(now_ms);
  const uint64_t since_ms = crowd_doubted_ms();
  const bool crowd_overdue = since_ms != 0 && ages_.limits().at(now_ms - since_ms) != catalog::Freshness::fresh;
  for (const auto& [name, tracked] : tracked_) {
    if (!crowd_overdue) break;
    if (tracked.watch || tracked.mesh) continue;
    const auto now = ages_.limits().at(now_ms - std::max(since_ms, tracked.good_at_ms));
    if (now == catalog::Freshness::fresh) continue;
    catalog::Freshness& noted = found.try_emplace(name, now).first->second;
    noted = std::max(noted, now);
  }
  size_t stale = 0;
  const std::string* one = nullptr;
  for (const auto& [name, freshness] : found) {
    if (freshness != catalog::Freshness::stale || !gate_->knows(name)) continue;
    ++stale;
    one = &name;
  }
  say_stale(stale, one != nullptr ? *one : "");
  gate_->mark(std::move(found));
}

void CatalogProvider::ask_the_doubtful(uint64_t now_ms) {
  for (const std::string& name : ages_.take_unasked(now_ms)) {
    auto found = tracked_.find(name);
    if (found != tracked_.end() && found->second.watch) found->second.watch->ask_afresh();
  }
  const uint64_t since_ms = crowd_doubted_ms();
  const bool in_doubt = since_ms != 0 && ages_.limits().half_over(now_ms - since_ms);
  if (in_doubt && !lists_asked_) {
    names_query_->ask_afresh();
    crowd_->ask_afresh();
  }
  lists_asked_ = in_doubt;
}

void CatalogProvider::say_stale(size_t count, const std::string& one) {
  if (count > stale_said_) {
    log::warn("not confirmed for too long, answered 503",
              {{"provider", source_.name},
               {"services", count},
               {"such_as", one},
               {"last_good_age_ms_max", source_.safety.last_good_age_ms_max}});
  } else if (count == 0 && stale_said_ > 0) {
    log::info("confirmed again, served again", {{"provider", source_.name}});
  }
  stale_said_ = count == 0 ? 0 : std::max(count, stale_said_);
}

ProviderStatus CatalogProvider::status() const {
  ProviderStatus out;
  out.name = source_.name;
  out.synced_once = synced_;
  out.error = error_;
  if (synced_) {
    note_live(out, clock_, good_wall_ns_, good_at_ms_);
  } else if (disk_wall_ns_ != 0) {
    note_saved(out, clock_, disk_wall_ns_);
  }
  if (gate_ == nullptr) return out;
  out.index = names_query_->index();
  out.address = link_->address_text();
  out.held = gate_->held_text();
  out.services = gate_->applied().services.size();
  out.live_endpoints = catalog::count_live_instances(gate_->served());
  for (const auto& [name, freshness] : gate_->marks()) {
    if (freshness == catalog::Freshness::stale && gate_->knows(name)) out.stale.push_back(name);
  }
  for (const auto& [name, tracked] : tracked_) {
    if (out.error.empty() && !tracked.error.empty()) out.error = "service " + name + ": " + tracked.error;
    out.skipped.insert(out.skipped.end(), tracked.skipped.begin(), tracked.skipped.end());
  }
  if (const std::string unsaved = gate_->save_error(); out.error.empty() && !unsaved.empty()) out.error = unsaved;
  return out;
}

}  // namespace weir::provider
