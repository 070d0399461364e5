#include "provider/failover_provider.h"

#include <algorithm>

#include "provider/catalog_provider.h"
#include "weir/base/clock.h"
#include "weir/base/log.h"
#include "weir/routing/catalog_definitions.h"

namespace weir::provider {

using catalog::Freshness;

namespace {

constexpr uint64_t kSettleLookMs = 20;
constexpr size_t kWatchesMin = 8;  // of one datacenter, however many there are

/// The path of a datacenter's own last good catalog: "catalog-consul.json" -> "catalog-consul-dc2.json".
std::string snapshot_path_of(const std::string& path, const std::string& datacenter) {
  if (path.empty()) return path;
  const size_t dot = path.rfind('.');
  std::string escaped;
  for (char c : datacenter) escaped += c == '/' ? '_' : c;
  return path.substr(0, dot) + "-" + escaped + (dot == std::string::npos ? "" : path.substr(dot));
}

}  // namespace

std::unique_ptr<Provider> make_consul_provider(event::Loop& loop, const Clock& clock, ConsulOptions options) {
  const std::vector<std::string>& datacenters = options.consul.datacenters;
  if (datacenters.empty()) {
    return std::make_unique<CatalogProvider>(loop, clock, consul_source(options, options.consul.datacenter));
  }
  auto reading = routing::catalog_options(options.consul);
  auto out = std::make_unique<FailoverProvider>(
      loop, options.name, reading ? reading->strict_checks : routing::CatalogOptions().strict_checks);
  for (const std::string& datacenter : datacenters) {
    CatalogSource source = consul_source(options, datacenter);
    source.late_ms = options.consul.datacenter_stale_ms;
    source.snapshot_path = snapshot_path_of(options.snapshot_path, datacenter);
    source.watches_max = std::max(kWatchesMin, options.watches_max / datacenters.size());
    out->add(datacenter, std::make_unique<CatalogProvider>(loop, clock, std::move(source)));
  }
  return out;
}

std::shared_ptr<const catalog::Service> first_alive(
    const std::vector<std::shared_ptr<const catalog::Service>>& services, const std::vector<catalog::Health>& healths) {
  auto alive = [&](const auto& service) {
    return std::any_of(service->instances.begin(), service->instances.end(), [&](const auto& one) {
      return std::find(healths.begin(), healths.end(), one.health) != healths.end();
    });
  };
  for (Freshness freshness : {Freshness::fresh, Freshness::late}) {
    auto found = std::find_if(services.begin(), services.end(), [&](const auto& service) {
      return service != nullptr && service->freshness == freshness && alive(service);
    });
    if (found != services.end()) return *found;
  }
  // One that is only asked for, and not listed there, has no instances: who has some knows more of it.
  auto has_some = [](const auto& service) { return service != nullptr && !service->instances.empty(); };
  auto known = std::find_if(services.begin(), services.end(), has_some);
  if (known == services.end())
    known = std::find_if(services.begin(), services.end(), [](const auto& s) { return s != nullptr; });
  return known != services.end() ? *known : nullptr;
}

FailoverProvider::FailoverProvider(event::Loop& loop, std::string name, std::vector<catalog::Health> serving)
    : name_(std::move(name)), serving_(std::move(serving)), settle_(loop, [this] { hand_out(steady_us()); }) {}

void FailoverProvider::add(std::string datacenter, std::unique_ptr<Provider> provider) {
  branches_.push_back(std::make_unique<Branch>(*this, std::move(datacenter), std::move(provider)));
}

Status FailoverProvider::start(Observer& observer) {
  observer_ = &observer;
  settle_.start_every(kSettleLookMs);
  for (auto& branch : branches_) {
    if (Status started = branch->provider->start(*branch); !started) return started;
  }
  return {};
}

void FailoverProvider::stop() {
  observer_ = nullptr;
  settle_.stop();
  for (auto& branch : branches_) branch->provider->stop();
}

void FailoverProvider::want_services(std::set<std::string, std::less<>> names) {
  for (auto& branch : branches_) branch->provider->want_services(names);
}

void FailoverProvider::take(Branch& branch, std::shared_ptr<const catalog::CatalogSnapshot> snapshot,
                            uint64_t seen_us) {
  static const SharedList<catalog::Service> none;
  const auto before = std::exchange(branch.known, std::move(snapshot));
  std::vector<std::string> changed;
  const size_t late_before = branch.late;
  auto late = [](const auto* service) { return service != nullptr && (*service)->freshness != Freshness::fresh; };
  for_each_difference(before != nullptr ? before->services.list() : none, branch.known->services.list(),
                      [&](const auto* was, const auto* is) {
                        changed.push_back((is != nullptr ? *is : *was)->name);
                        branch.late += static_cast<size_t>(late(is)) - static_cast<size_t>(late(was));
                      });
  if (late_before == 0 && branch.late > 0) {
    log::warn("datacenter not confirmed for long, others go first",
              {{"provider", name_}, {"datacenter", branch.datacenter}, {"services", branch.late}});
  } else if (late_before > 0 && branch.late == 0) {
    log::info("datacenter confirmed again", {{"provider", name_}, {"datacenter", branch.datacenter}});
  }
  for (const std::string& service : changed) choose(service);
  hand_out(seen_us);
}

void FailoverProvider::choose(const std::string& service) {
  std::vector<std::shared_ptr<const catalog::Service>> all;
  for (const auto& branch : branches_) {
    all.push_back(nullptr);
    if (branch->known == nullptr) continue;
    auto found = branch->known->services.find(service);
    if (found != branch->known->services.end()) all.back() = found->second;
  }
  auto chosen = first_alive(all, serving_);
  if (chosen != nullptr) {
    merged_.put(std::move(chosen));
  } else {
    merged_.erase(service);
  }
}

bool FailoverProvider::settled() const {
  bool any = false;
  for (const auto& branch : branches_) {
    any = any || branch->known != nullptr;
    if (branch->known == nullptr && branch->provider->status().error.empty()) return false;
  }
  return any;
}

void FailoverProvider::hand_out(uint64_t seen_us) {
  if (!handed_out_ && !settled()) return;
  handed_out_ = true;
  settle_.stop();
  auto out = std::make_shared<catalog::CatalogSnapshot>();
  out->provider = name_;
  out->services = merged_;
  // An index of one datacenter means nothing in another: this one only tells that something has moved.
  for (const auto& branch : branches_) out->index += branch->known != nullptr ? branch->known->index : 0;
  observer_->on_catalog(std::move(out), seen_us);
}

ProviderStatus FailoverProvider::status() const {
  ProviderStatus out;
  out.name = name_;
  out.services = merged_.size();
  out.live_endpoints = merged_.live_instances();
  if (!handed_out_) return out;
  bool any_stale = false;
  out.source = Source::live;
  out.synced_once = true;
  auto note = [](std::string& all, const std::string& datacenter, const std::string& text) {
    if (!text.empty()) all += (all.empty() ? "" : "; ") + datacenter + ": " + text;
  };
  // As old as the oldest that serves; one that never answered shows in the error.
  for (const auto& branch : branches_) {
    const ProviderStatus one = branch->provider->status();
    note(out.error, branch->datacenter, one.error);
    note(out.held, branch->datacenter, one.held);
    note(out.address, branch->datacenter, one.address);
    out.skipped.insert(out.skipped.end(), one.skipped.begin(), one.skipped.end());
    out.index += one.index;
    any_stale = any_stale || !one.stale.empty();
    if (one.source == Source::none) continue;
    if (one.source == Source::disk) out.source = Source::disk;
    out.synced_once = out.synced_once && one.synced_once;
    const bool oldest = out.last_good_wall_ns == 0 || one.last_good_wall_ns < out.last_good_wall_ns;
    if (!oldest) continue;
    out.last_good_wall_ns = one.last_good_wall_ns;
    out.age_ms = one.age_ms;
  }
  // Of a service that another datacenter serves nobody asks how old the first one's word is.
  for (const auto& [name, service] : merged_) {
    if (!any_stale) break;
    if (service->freshness == Freshness::stale) out.stale.push_back(name);
  }
  return out;
}

}  // namespace weir::provider
