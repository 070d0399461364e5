#pragma once
// Follows routes in Consul's key-value store: Traefik's layout below a root key, and fabio's route commands.
//
// - One blocking recurse query a prefix, whatever lies below it. Nothing else is asked.
// - A 404 that has an index is an answer (there is no such key); it removes what was there only after the safety
//   brake's hold, as any mass removal does. Everything else that is no whole 200 changes nothing.
// - What cannot be read drops its own object or line and is told with its key.
// - Each prefix's last good answer is on disk.

#include <memory>
#include <string>
#include <vector>

#include "provider/blocking_query.h"
#include "provider/definition_gate.h"
#include "provider/kv_json.h"
#include "provider/last_good_file.h"
#include "weir/provider/providers.h"

namespace weir::provider {

/// Pure. Keys below the root in Traefik's layout.
routing::Definitions definitions_of_tree(const std::vector<KvPair>& pairs, std::string_view root_key,
                                         const std::string& provider);
/// Pure. The commands of the key that is the prefix and of all below it, in the order of keys.
routing::Definitions definitions_of_commands(const std::vector<KvPair>& pairs, std::string_view prefix,
                                             const std::string& provider, const std::string& matcher);

/// Owned by the application; control loop's thread.
class ConsulKvProvider final : public Provider {
 public:
  ConsulKvProvider(event::Loop& loop, const Clock& clock, ConsulKvOptions options);
  ~ConsulKvProvider() override;

  Status start(Observer& observer) override;
  void stop() override;
  [[nodiscard]] ProviderStatus status() const override;
  void want_services(std::set<std::string, std::less<>>) override {}  // it has none but those it defines

 private:
  /// What lies below one prefix.
  struct Branch {
    enum class Layout : uint8_t { traefik, fabio };
    Layout layout;
    std::string prefix;  // without slashes at its ends
    std::unique_ptr<LastGoodFile> file;
    std::unique_ptr<BlockingQuery> query;
    std::shared_ptr<const routing::Definitions> definitions;  // null: nothing known
    std::string unsaved;                                      // the answer that is not on disk yet; "" none
    bool has_unsaved = false;
    bool answered = false;  // by the source, since the start
    int64_t disk_wall_ns = 0;
    int64_t good_wall_ns = 0;
    uint64_t good_at_ms = 0;
    std::string error;  // of the newest attempt; "" when it was good
  };

  void add_branch(Branch::Layout layout, std::string_view prefix);
  Status take(Branch& branch, std::string_view body);
  Status on_answer(Branch& branch, const QueryAnswer& answer);
  void on_failure(Branch& branch, const Error& error);
  void doubt_saved();
  void hand_out(uint64_t seen_us);
  void save_what_serves();

  // constant after construction
  event::Loop& loop_;
  const Clock& clock_;
  ConsulKvOptions options_;
  // loop's thread; what uses something else stands below it
  Observer* observer_ = nullptr;  // null: stopped
  Random random_;
  std::unique_ptr<DefinitionGate> gate_;
  std::unique_ptr<SourceLink> link_;
  std::vector<std::unique_ptr<Branch>> branches_;
};

}  // namespace weir::provider
