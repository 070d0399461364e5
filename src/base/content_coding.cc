#include "weir/base/content_coding.h"

#include "weir/base/text.h"

namespace weir {
namespace {

constexpr std::string_view kNames[kContentCodings] = {"identity", "gzip", "br", "zstd"};
constexpr int kWeightMax = 1000;

/// A qvalue (RFC 9110 section 12.4.2) in thousandths.
std::optional<int> parse_weight(std::string_view text) {
  constexpr std::string_view kZeros = "000";
  if (text.empty() || text.size() > 2 + kZeros.size() || (text[0] != '0' && text[0] != '1')) return {};
  if (text.size() > 1 && text[1] != '.') return {};
  int weight = text[0] - '0';
  for (size_t i = 0; i < kZeros.size(); ++i) {
    const char digit = i + 2 < text.size() ? text[i + 2] : '0';
    if (digit < '0' || digit > '9') return {};
    weight = weight * 10 + (digit - '0');
  }
  return weight <= kWeightMax ? std::optional(weight) : std::nullopt;
}

}  // namespace

std::string_view coding_name(ContentCoding coding) { return kNames[static_cast<size_t>(coding)]; }

std::optional<ContentCoding> parse_coding(std::string_view name) {
  if (equals_ignore_case(name, "x-gzip")) return ContentCoding::gzip;  // section 8.4.1.3
  for (size_t i = 0; i < kContentCodings; ++i) {
    if (equals_ignore_case(name, kNames[i])) return static_cast<ContentCoding>(i);
  }
  return {};
}

void AcceptedCodings::add(std::string_view field) {
  said_ = true;
  while (!field.empty()) {
    const size_t end = field.find(',');
    add_item(field.substr(0, end));
    field = end == std::string_view::npos ? std::string_view() : field.substr(end + 1);
  }
}

void AcceptedCodings::add_item(std::string_view item) {
  const size_t end = item.find(';');
  const std::string_view name = trim(item.substr(0, end));
  int weight = kWeightMax;
  if (end != std::string_view::npos) {
    const std::string_view parameter = trim(item.substr(end + 1));
    if (parameter.size() < 2 || ascii_lower(parameter[0]) != 'q' || parameter[1] != '=') return;
    auto parsed = parse_weight(parameter.substr(2));
    if (!parsed) return;
    weight = *parsed;
  }
  if (name == "*") {
    others_ = weight;
  } else if (auto coding = parse_coding(name)) {
    weights_[static_cast<size_t>(*coding)] = weight;
  }
}

int AcceptedCodings::weight(ContentCoding coding) const {
  const int own = weights_[static_cast<size_t>(coding)];
  return own != kUnsaid ? own : others_;
}

ContentCoding AcceptedCodings::choose(std::span<const ContentCoding> offered, ContentCoding unasked) const {
  if (!said_) return unasked;
  ContentCoding best = ContentCoding::identity;
  int best_weight = 0;
  for (ContentCoding coding : offered) {
    if (weight(coding) <= best_weight) continue;
    best = coding;
    best_weight = weight(coding);
  }
  if (weights_[static_cast<size_t>(ContentCoding::identity)] > best_weight) return ContentCoding::identity;
  const bool any_will_do = best_weight > 0 && weights_[static_cast<size_t>(best)] == kUnsaid;
  return any_will_do && unasked != ContentCoding::identity ? unasked : best;
}

}  // namespace weir
