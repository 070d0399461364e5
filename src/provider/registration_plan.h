#pragma once
// Which of the names that an edge keeps in Consul is to be registered, renewed or taken back next. Pure: the time is an
// argument.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "weir/provider/registrar.h"

namespace weir::provider {

/// One step is under way at a time: next(), then settle() with what came of it. Owned by value; one thread.
class RegistrationPlan {
 public:
  struct Step {
    enum class Kind : uint8_t { enlist, renew, remove };
    Kind kind;
    std::string name;
  };
  enum class Outcome : uint8_t {
    done,
    unknown,      // the agent does not know the name: it has lost its state
    refused,      // it does not want this one; others it may
    unreachable,  // nobody answered
  };

  explicit RegistrationPlan(const RegistrarTiming& timing) : timing_(timing) {}

  void want(const std::set<std::string, std::less<>>& names);
  /// What is due; nothing while all is well or nobody answers.
  [[nodiscard]] std::optional<Step> next(uint64_t now_ms) const;
  void settle(const Step& step, Outcome outcome, uint64_t now_ms);
  /// Until next() has something; UINT64_MAX: it will not by itself.
  [[nodiscard]] uint64_t due_in_ms(uint64_t now_ms) const;
  /// No name is there any more, nor may be.
  [[nodiscard]] bool empty() const { return entries_.empty(); }
  [[nodiscard]] size_t enlisted_count() const;

 private:
  struct Entry {
    bool wanted = true;
    bool tried = false;     // it may be registered
    bool enlisted = false;  // it is, as far as we know
    uint64_t due_ms = 0;
    uint32_t refusals = 0;  // in a row
  };

  [[nodiscard]] uint64_t pause_ms(uint32_t failures) const;

  // constant after construction
  const RegistrarTiming timing_;
  // owner's thread
  std::map<std::string, Entry, std::less<>> entries_;
  uint64_t paused_until_ms_ = 0;
  uint32_t failures_ = 0;  // to reach anybody, in a row
};

}  // namespace weir::provider
