#pragma once
// The list of a catalog's services, read again and again while hardly anything in it changes.

#include <string>
#include <string_view>
#include <vector>

#include "provider/catalog_dialect.h"

namespace weir::provider {

/// What the list says, and what an answer changes of it. A value; one thread.
///
/// Every change of a catalog brings the whole list again: a megabyte for 10,000 services. Of an answer that begins and
/// ends as the one before did, only what lies between is decoded: the entries there, whole. Anything that does not fit
/// is decoded whole, and so is a list that is no object of entries (Nomad's).
class ServiceNames {
 public:
  /// The names that are new, gone or tagged otherwise, sorted. An answer that cannot be read changes nothing.
  Result<std::vector<std::string>> read(std::string_view body, const CatalogDialect& dialect);

  [[nodiscard]] const ServiceTags& all() const { return all_; }

 private:
  struct Middle {
    size_t first = 0;  // entries [first, last) of the text before are replaced
    size_t last = 0;
    size_t begin = 0;  // by [begin, end) of the new text
    size_t end = 0;
  };

  [[nodiscard]] bool find_middle(std::string_view body, Middle& out) const;
  bool read_middle(std::string_view body, const CatalogDialect& dialect, std::vector<std::string>& changed);
  void remember(std::string_view body);

  ServiceTags all_;
  std::string text_;            // the answer that all_ was read from
  std::vector<size_t> starts_;  // in text_, of each entry; empty: it is decoded whole
};

}  // namespace weir::provider
