#include "routing/regexp.h"

#include <re2/re2.h>

namespace weir::routing {

namespace {
// A pattern of 1,000 alternatives compiles to some 100 KiB; a table may hold thousands of rules.
constexpr int64_t kAutomatonBytesMax = 1 << 20;
}  // namespace

Result<Regexp> Regexp::compile(std::string_view pattern) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kAutomatonBytesMax);
  auto automaton = std::make_shared<const re2::RE2>(pattern, options);
  if (!automaton->ok()) return fail(ErrorCode::invalid, "bad regular expression: " + automaton->error());
  Regexp out;
  out.automaton_ = std::move(automaton);
  return out;
}

// Two words in braces: RE2 takes its own StringPiece on Debian 12 and absl::string_view on 13, neither a std one.
bool Regexp::matches(std::string_view text) const {
  return automaton_ != nullptr && re2::RE2::PartialMatch({text.data(), text.size()}, *automaton_);
}

bool Regexp::operator==(const Regexp& other) const {
  if (automaton_ == other.automaton_) return true;
  return automaton_ != nullptr && other.automaton_ != nullptr && automaton_->pattern() == other.automaton_->pattern();
}

}  // namespace weir::routing
