#pragma once
// The parameters by which catalog and health reads choose rows: tag, node-meta and filter.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "registry/api.h"
#include "registry/filter.h"

namespace weir::registry {

/// Immutable once parsed.
struct Selection {
  std::vector<std::string> tags;                               // an instance must have all, compared without case
  std::vector<std::pair<std::string, std::string>> node_meta;  // its node must have all
  std::shared_ptr<const Filter> filter;

  [[nodiscard]] bool takes_tags_of(const Service& service) const;
  [[nodiscard]] bool takes(const Node& node) const;
  /// The row is only made when there is a filter.
  template <typename MakeRow>
  [[nodiscard]] bool takes_row(MakeRow make_row) const {
    return filter->keeps_all() || filter->keeps(make_row());
  }

  /// Fails with Consul's text for a bad filter, which is a 500. `sample` as in Filter::compile.
  static Result<Selection> parse(const Call& call, const FilterValue& sample);
};

}  // namespace weir::registry
