#pragma once
// One run of a polled check.

#include <functional>
#include <memory>
#include <string>

#include "registry/records.h"

namespace weir::event {
class Loop;
}
namespace weir::http {
class Client;
}

namespace weir::registry {

/// What a run found: a status word and the text that people read. Texts are those of Consul's agent.
struct CheckResult {
  std::string status;
  std::string output;
};

/// A run under way. Destroying it cancels; the callback comes once, never from within start(). Loop's thread.
class CheckProbe {
 public:
  using OnResult = std::function<void(CheckResult)>;

  virtual ~CheckProbe() = default;
  /// Null for definitions that are not polled. `client` speaks TLS as the definition wants it.
  static std::unique_ptr<CheckProbe> start(event::Loop& loop, http::Client& client, const CheckDefinition& definition,
                                           OnResult on_result);

  [[nodiscard]] static uint64_t timeout_ms(const CheckDefinition& definition) {
    return definition.timeout_ns > 0 ? static_cast<uint64_t>(definition.timeout_ns) / 1'000'000 + 1 : kTimeoutDefaultMs;
  }

  /// Of what the checked one says: a TTL check's output, an HTTP check's body.
  [[nodiscard]] static size_t output_bytes_max(const CheckDefinition& definition) {
    return definition.output_bytes_max > 0 ? static_cast<size_t>(definition.output_bytes_max) : kOutputBytesMax;
  }

  static constexpr uint64_t kTimeoutDefaultMs = 10'000;
  static constexpr size_t kOutputBytesMax = 4096;
  static constexpr int kRedirectsMax = 10;
};

}  // namespace weir::registry
