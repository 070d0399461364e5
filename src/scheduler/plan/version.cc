#include "scheduler/plan/version.h"

#include "weir/base/text.h"

namespace weir::scheduler {
namespace {

constexpr size_t kNumbersMax = 8;

/// Semver's order of prereleases: identifier by identifier, numbers before words, fewer before more.
int compare_prerelease(std::string_view a, std::string_view b) {
  if (a == b) return 0;
  if (a.empty()) return 1;  // the release itself comes after all its prereleases
  if (b.empty()) return -1;
  auto left = split(a, '.');
  auto right = split(b, '.');
  for (size_t i = 0; i < left.size() && i < right.size(); ++i) {
    auto left_number = parse_u64(left[i]);
    auto right_number = parse_u64(right[i]);
    if (left_number && right_number) {
      if (*left_number != *right_number) return *left_number < *right_number ? -1 : 1;
      continue;
    }
    if (left_number.has_value() != right_number.has_value()) return left_number ? -1 : 1;
    int order = left[i].compare(right[i]);
    if (order != 0) return order;
  }
  if (left.size() == right.size()) return 0;
  return left.size() < right.size() ? -1 : 1;
}

bool same_numbers_up_to(const Version& a, const Version& b, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    uint64_t left = i < a.numbers.size() ? a.numbers[i] : 0;
    uint64_t right = i < b.numbers.size() ? b.numbers[i] : 0;
    if (left != right) return false;
  }
  return true;
}

bool meets(const Version& version, std::string_view operation, const Version& wanted, bool strict) {
  bool ordered = operation != "=" && operation != "!=" && !operation.empty();
  if (!strict && ordered && !version.prerelease.empty()) {
    if (wanted.prerelease.empty() || !same_numbers_up_to(version, wanted, kNumbersMax)) return false;
  }
  int order = compare_versions(version, wanted);
  if (operation == "=" || operation.empty()) return order == 0;
  if (operation == "!=") return order != 0;
  if (operation == ">") return order > 0;
  if (operation == ">=") return order >= 0;
  if (operation == "<") return order < 0;
  if (operation == "<=") return order <= 0;
  // "~> 1.4": at least 1.4, and everything but the last number given stays the same.
  return order >= 0 && same_numbers_up_to(version, wanted, wanted.numbers_given - 1);
}

}  // namespace

std::optional<Version> Version::parse(std::string_view text, bool strict) {
  text = trim(text);
  if (!strict && text.starts_with('v')) text.remove_prefix(1);
  if (size_t plus = text.find('+'); plus != std::string_view::npos) text = text.substr(0, plus);
  Version version;
  if (size_t dash = text.find('-'); dash != std::string_view::npos) {
    version.prerelease = std::string(text.substr(dash + 1));
    if (version.prerelease.empty()) return std::nullopt;
    text = text.substr(0, dash);
  }
  for (std::string_view part : split(text, '.')) {
    auto number = parse_u64(part);
    if (!number || version.numbers.size() == kNumbersMax) return std::nullopt;
    version.numbers.push_back(*number);
  }
  version.numbers_given = version.numbers.size();
  if (strict && version.numbers_given != 3) return std::nullopt;
  if (version.numbers.size() < 3) version.numbers.resize(3, 0);
  return version;
}

int compare_versions(const Version& a, const Version& b) {
  for (size_t i = 0; i < a.numbers.size() || i < b.numbers.size(); ++i) {
    uint64_t left = i < a.numbers.size() ? a.numbers[i] : 0;
    uint64_t right = i < b.numbers.size() ? b.numbers[i] : 0;
    if (left != right) return left < right ? -1 : 1;
  }
  return compare_prerelease(a.prerelease, b.prerelease);
}

std::optional<bool> version_meets(std::string_view version, std::string_view requirements, bool strict) {
  auto actual = Version::parse(version, strict);
  if (!actual) return std::nullopt;
  bool all = true;
  for (std::string_view requirement : split(requirements, ',')) {
    requirement = trim(requirement);
    size_t start = requirement.find_first_not_of("=!<>~");
    if (start == std::string_view::npos) return std::nullopt;
    std::string_view operation = requirement.substr(0, start);
    constexpr std::string_view kOperations[] = {"", "=", "!=", ">", ">=", "<", "<=", "~>"};
    bool known = false;
    for (std::string_view candidate : kOperations) known = known || candidate == operation;
    // Prereleases of a requirement need no three numbers: "~> 1.4" is fine for semver too.
    auto wanted = Version::parse(requirement.substr(start), false);
    if (!known || !wanted) return std::nullopt;
    all = all && meets(*actual, operation, *wanted, strict);
  }
  return all;
}

}  // namespace weir::scheduler
