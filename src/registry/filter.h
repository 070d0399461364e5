#pragma once
// Filters of ?filter=: which rows of an answer to keep.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "registry/records.h"
#include "weir/base/result.h"

namespace weir::registry {

struct FilterExpression;

struct FilterMember;  // a std::pair of an incomplete type does not compile with clang 14

/// A row as filters see it: a tree of named values that refers to the records it shows, which must outlive it.
struct FilterValue {
  using Members = std::vector<FilterMember>;
  struct Object {
    Members members;
  };
  /// Objects by free keys. Its `sample` says what selectors below a key may name.
  struct ObjectMap {
    Members members;
    std::vector<FilterValue> sample;  // one
  };
  struct ObjectList {
    std::vector<FilterValue> items;
    std::vector<FilterValue> sample;  // one
  };
  std::variant<std::string_view, int64_t, bool, const std::vector<std::string>*, const StringMap*, Object, ObjectMap,
               ObjectList>
      value;
};

struct FilterMember {
  std::string name;
  FilterValue value;
};

/// A compiled filter. Immutable.
class Filter {
 public:
  /// `sample` is any row of the kind to be filtered: selectors and operators are checked against its shape.
  /// An empty text keeps everything. Error texts are Consul's.
  static Result<Filter> compile(std::string_view text, const FilterValue& sample);

  Filter(Filter&&) noexcept;
  Filter& operator=(Filter&&) noexcept;
  ~Filter();

  [[nodiscard]] bool keeps_all() const { return root_ == nullptr; }
  [[nodiscard]] bool keeps(const FilterValue& row) const;

 private:
  struct Node;
  Filter();
  static Result<std::unique_ptr<Node>> build(const FilterExpression& expression, const FilterValue& sample);
  static Status check_match(Node& node, const FilterExpression& match, const FilterValue& sample);

  std::unique_ptr<Node> root_;
};

}  // namespace weir::registry
