#include "provider/service_names.h"

#include <algorithm>
#include <cstring>

#include "weir/base/text.h"

namespace weir::provider {
namespace {

/// Where the entries of an object begin, which is known to be JSON. `text` is what stands between its braces.
std::vector<size_t> entry_starts(std::string_view text) {
  std::vector<size_t> out;
  size_t depth = 0;
  bool quoted = false;
  bool begins = true;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') ++i;
      if (c == '"') quoted = false;
      continue;
    }
    if (begins && !is_blank(c)) {
      out.push_back(i);
      begins = false;
    }
    if (c == '"') {
      quoted = true;
    } else if (c == '[' || c == '{') {
      ++depth;
    } else if (c == ']' || c == '}') {
      --depth;
    } else if (c == ',' && depth == 0) {
      begins = true;
    }
  }
  return out;
}

/// How many bytes both begin with. In blocks, for most of a list is as it was.
size_t same_head_size(std::string_view a, std::string_view b) {
  constexpr size_t kBlock = 256;
  const size_t shorter = std::min(a.size(), b.size());
  size_t same = 0;
  while (shorter - same >= kBlock && std::memcmp(a.data() + same, b.data() + same, kBlock) == 0) same += kBlock;
  while (same < shorter && a[same] == b[same]) ++same;
  return same;
}

/// How many bytes, `most` of them, both end with.
size_t same_tail_size(std::string_view a, std::string_view b, size_t most) {
  constexpr size_t kBlock = 256;
  const char* a_end = a.data() + a.size();
  const char* b_end = b.data() + b.size();
  size_t same = 0;
  while (most - same >= kBlock && std::memcmp(a_end - same - kBlock, b_end - same - kBlock, kBlock) == 0)
    same += kBlock;
  while (same < most && *(a_end - same - 1) == *(b_end - same - 1)) ++same;
  return same;
}

/// Calls with each name of either whose tags are not the same in both.
template <typename Call>
void for_each_changed(const ServiceTags& before, const ServiceTags& after, Call&& call) {
  auto old = before.begin();
  auto now = after.begin();
  while (old != before.end() || now != after.end()) {
    if (now == after.end() || (old != before.end() && old->first < now->first)) {
      call((old++)->first);
    } else if (old == before.end() || now->first < old->first) {
      call((now++)->first);
    } else {
      if (old->second != now->second) call(old->first);
      ++old;
      ++now;
    }
  }
}

}  // namespace

Result<std::vector<std::string>> ServiceNames::read(std::string_view body, const CatalogDialect& dialect) {
  std::vector<std::string> changed;
  if (read_middle(body, dialect, changed)) return changed;
  auto decoded = dialect.decode_names(body);
  if (!decoded) return fail(decoded.error());
  for_each_changed(all_, *decoded, [&](const std::string& name) { changed.push_back(name); });
  all_ = std::move(*decoded);
  remember(body);
  return changed;
}

void ServiceNames::remember(std::string_view body) {
  text_.clear();
  starts_.clear();
  const bool plain_object = body.starts_with('{') && body.ends_with('}');
  if (!plain_object) return;
  text_ = body;
  starts_ = entry_starts(body.substr(1, body.size() - 2));
  for (size_t& start : starts_) ++start;
}

/// False where too much or too little is left of the text before.
bool ServiceNames::find_middle(std::string_view body, Middle& out) const {
  if (starts_.empty() || body.size() < 2 || !body.starts_with('{') || !body.ends_with('}')) return false;
  const std::string_view before = text_;
  const size_t same_head = same_head_size(before, body);
  const size_t same_tail = same_tail_size(before, body, std::min(before.size(), body.size()) - same_head);
  if (same_tail == 0) return false;
  auto past = std::upper_bound(starts_.begin(), starts_.end(), same_head);
  if (past == starts_.begin()) return false;
  out.first = static_cast<size_t>(past - starts_.begin()) - 1;
  // With the comma before it, so that it is the beginning of an entry there too.
  auto rest = std::lower_bound(past, starts_.end(), before.size() - same_tail + 1);
  while (rest != starts_.end() && before[*rest - 1] != ',') ++rest;
  out.last = static_cast<size_t>(rest - starts_.begin());
  out.begin = starts_[out.first];
  out.end = body.size() - 1;
  if (rest != starts_.end()) out.end = body.size() - (before.size() - *rest) - 1;
  const bool all = out.first == 0 && out.last == starts_.size();
  return !all && out.begin < out.end;
}

bool ServiceNames::read_middle(std::string_view body, const CatalogDialect& dialect,
                               std::vector<std::string>& changed) {
  Middle middle;
  if (!find_middle(body, middle)) return false;
  auto decode = [&](std::string_view text) { return dialect.decode_names("{" + std::string(text) + "}"); };
  const size_t old_end = middle.last == starts_.size() ? text_.size() - 1 : starts_[middle.last] - 1;
  const std::string_view new_text = body.substr(middle.begin, middle.end - middle.begin);
  auto old = decode(std::string_view(text_).substr(middle.begin, old_end - middle.begin));
  auto now = decode(new_text);
  if (!old || !now || now->empty() || all_.size() + now->size() > ConsulJsonLimits::kServicesMax) return false;
  // A name that stands outside of the middle too would be there twice.
  const bool twice = std::any_of(
      now->begin(), now->end(), [&](const auto& one) { return !old->contains(one.first) && all_.contains(one.first); });
  if (twice) return false;
  for_each_changed(*old, *now, [&](const std::string& name) { changed.push_back(name); });
  for (const auto& [name, tags] : *old) all_.erase(name);
  all_.merge(*now);

  std::vector<size_t> starts(starts_.begin(), starts_.begin() + static_cast<std::ptrdiff_t>(middle.first));
  for (size_t start : entry_starts(new_text)) starts.push_back(middle.begin + start);
  for (size_t i = middle.last; i < starts_.size(); ++i) starts.push_back(starts_[i] + body.size() - text_.size());
  starts_ = std::move(starts);
  text_ = body;
  return true;
}

}  // namespace weir::provider
