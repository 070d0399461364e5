#pragma once
// The list of a catalog's services, read again and again while hardly anything in it changes.

#include <string>
#include <vector>

#include "provider/catalog_dialect.h"
#include "provider/repeated_text.h"

namespace weir::provider {

/// What the list says, and what an answer changes of it. A value; one thread.
///
/// Of an answer that begins and ends as the one before did, only what lies between is decoded: the entries there,
/// whole. Anything that does not fit is decoded whole, and so is a list that is no object of entries (Nomad's).
class ServiceNames {
 public:
  /// Where the answer is put together.
  [[nodiscard]] RepeatedText& text() { return text_; }
  /// The names that are new, gone or tagged otherwise in the text that has come, sorted. One that cannot be read
  /// changes nothing.
  Result<std::vector<std::string>> read(const CatalogDialect& dialect);

  [[nodiscard]] const ServiceTags& all() const { return all_; }

 private:
  bool read_middle(const CatalogDialect& dialect, std::vector<std::string>& changed);

  RepeatedText text_{'{', '}'};
  ServiceTags all_;
};

}  // namespace weir::provider
