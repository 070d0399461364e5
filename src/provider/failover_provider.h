#pragma once
// Several datacenters of one Consul as one catalog: each service is served from the first that has it alive.

#include <memory>
#include <string>
#include <vector>

#include "weir/event/timer.h"
#include "weir/provider/providers.h"

namespace weir::provider {

/// The service as it stands in the first catalog where one of its instances may serve, among those that are fresh, else
/// among those that are late; where there is none, in the first that knows it; null where nobody does. Pure. `healths`
/// are those that serve.
std::shared_ptr<const catalog::Service> first_alive(
    const std::vector<std::shared_ptr<const catalog::Service>>& services, const std::vector<catalog::Health>& healths);

/// One provider a datacenter, in order of preference, each with its own brake and its own last good catalog; what they
/// hand over is put together service by service. Nothing is handed over before each datacenter is known or has failed:
/// one that is far away keeps no edge from starting, and one that answers sooner is not taken for the only one.
/// A service that a datacenter could not confirm for consul.datacenter_stale_ms comes behind the others' (its provider
/// hands it out as late): who cannot reach the catalog there often cannot reach the service either.
/// Owned by the application; control loop's thread.
class FailoverProvider final : public Provider {
 public:
  FailoverProvider(event::Loop& loop, std::string name, std::vector<catalog::Health> serving);
  ~FailoverProvider() override { stop(); }

  /// Before start().
  void add(std::string datacenter, std::unique_ptr<Provider> provider);

  Status start(Observer& observer) override;
  void stop() override;
  [[nodiscard]] ProviderStatus status() const override;
  void want_services(std::set<std::string, std::less<>> names) override;

 private:
  struct Branch final : Observer {
    Branch(FailoverProvider& to, std::string name, std::unique_ptr<Provider> from)
        : owner(to), datacenter(std::move(name)), provider(std::move(from)) {}
    void on_catalog(std::shared_ptr<const catalog::CatalogSnapshot> snapshot, uint64_t seen_us) override {
      owner.take(*this, std::move(snapshot), seen_us);
    }
    void on_definitions(std::shared_ptr<const routing::Definitions>, uint64_t) override {}  // catalogs have none

    FailoverProvider& owner;
    const std::string datacenter;
    const std::unique_ptr<Provider> provider;
    std::shared_ptr<const catalog::CatalogSnapshot> known;  // null: nothing yet
    size_t late = 0;                                        // of its services, those that are not fresh
  };

  void take(Branch& branch, std::shared_ptr<const catalog::CatalogSnapshot> snapshot, uint64_t seen_us);
  void choose(const std::string& service);
  void hand_out(uint64_t seen_us);
  [[nodiscard]] bool settled() const;

  // constant after construction and add()
  const std::string name_;
  const std::vector<catalog::Health> serving_;
  std::vector<std::unique_ptr<Branch>> branches_;
  // loop's thread
  Observer* observer_ = nullptr;  // null: stopped
  catalog::ServiceMap merged_;
  bool handed_out_ = false;
  event::Timer settle_;  // until the first is handed out
};

}  // namespace weir::provider
