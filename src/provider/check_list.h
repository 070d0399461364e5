#pragma once
// The list of a catalog's checks, read again and again while hardly anything in it changes.

#include <set>
#include <string>

#include "provider/consul_json.h"
#include "provider/repeated_text.h"

namespace weir::provider {

/// What the list says of whose checks have moved; as ServiceNames, only the entries that differ are decoded.
/// A value; one thread.
class CheckList {
 public:
  struct Changes {
    std::set<std::string> services;
    std::set<std::string> nodes;
  };

  /// Where the answer is put together.
  [[nodiscard]] RepeatedText& text() { return text_; }
  /// Whose checks are not as in the text before. One that cannot be read changes nothing.
  Result<Changes> read();

 private:
  bool read_middle(Changes& changed);

  RepeatedText text_{'[', ']'};
  CheckDigests digests_;
};

}  // namespace weir::provider
