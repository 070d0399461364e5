#pragma once
// Versions and version requirements, as the `version` and `semver` operands use them: ">= 1.2, < 2.0", "~> 1.4".

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::scheduler {

struct Version {
  std::vector<uint64_t> numbers;  // at least three: "1.2" is 1.2.0
  size_t numbers_given = 0;       // as written, for "~>"
  std::string prerelease = {};    // "beta.1"

  /// "1.2.3-beta+meta", a leading 'v' allowed. At most eight numbers. Strict: exactly three (semver).
  static std::optional<Version> parse(std::string_view text, bool strict);
};

/// Negative, zero, positive. A prerelease stands before its release.
int compare_versions(const Version& a, const Version& b);

/// Whether `version` meets every requirement of the comma-separated list; nothing when either is malformed.
/// Not strict (operand `version`): a prerelease meets only requirements that name a prerelease of the same numbers.
std::optional<bool> version_meets(std::string_view version, std::string_view requirements, bool strict);

}  // namespace weir::scheduler
