#include "provider/repeated_text.h"

#include <algorithm>
#include <cstring>

#include "provider/json_scan.h"
#include "weir/base/text.h"

namespace weir::provider {
namespace {

constexpr size_t kBlock = 256;        // bytes compared at once
constexpr size_t kMeetBytes = 64;     // that must be the same before a text is believed to go on as the one before
constexpr size_t kMeetWithin = 4096;  // so much longer or shorter may what has changed be

/// Where the entries of an object or array begin, which is known to be JSON. `text` is what stands between its
/// brackets; `at` is where it stands.
void add_entry_starts(std::string_view text, size_t at, std::vector<size_t>& to) {
  JsonScan scan;
  bool begins = true;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (begins && !is_blank(c)) {
      to.push_back(at + i);
      begins = false;
    }
    begins = begins || (c == ',' && scan.depth() == 0 && !scan.quoted());
    scan.take(c);
  }
}

/// How many bytes both begin with. In blocks, for most of a list is as it was.
size_t same_head_size(std::string_view a, std::string_view b) {
  const size_t shorter = std::min(a.size(), b.size());
  if (std::memcmp(a.data(), b.data(), shorter) == 0) return shorter;
  size_t same = 0;
  while (shorter - same >= kBlock && std::memcmp(a.data() + same, b.data() + same, kBlock) == 0) same += kBlock;
  while (same < shorter && a[same] == b[same]) ++same;
  return same;
}

/// How many bytes both end with.
size_t same_tail_size(std::string_view a, std::string_view b) {
  const size_t shorter = std::min(a.size(), b.size());
  const char* a_end = a.data() + a.size();
  const char* b_end = b.data() + b.size();
  size_t same = 0;
  while (shorter - same >= kBlock && std::memcmp(a_end - same - kBlock, b_end - same - kBlock, kBlock) == 0) {
    same += kBlock;
  }
  while (same < shorter && *(a_end - same - 1) == *(b_end - same - 1)) ++same;
  return same;
}

}  // namespace

void RepeatedText::begin() {
  same_head_ = same_tail_ = meets_at_ = 0;
  differs_ = met_ = overflowed_ = false;
  rest_.clear();
}

bool RepeatedText::overflows(size_t more) {
  if (!overflowed_ && size() + more > kBytesMax) {
    begin();
    overflowed_ = differs_ = true;
  }
  return overflowed_;
}

void RepeatedText::take(std::string_view piece) {
  if (overflows(piece.size())) return;
  if (!differs_) {
    const size_t same = same_head_size(std::string_view(text_).substr(same_head_), piece);
    same_head_ += same;
    piece.remove_prefix(same);
    if (piece.empty()) return;
    differs_ = true;
  }
  if (met_) {
    const size_t same = same_head_size(std::string_view(text_).substr(meets_at_ + same_tail_), piece);
    same_tail_ += same;
    piece.remove_prefix(same);
    if (piece.empty()) return;
    part();
  }
  // In steps, so that of a piece that differs in its beginning not all is copied.
  while (!piece.empty() && !met_) {
    const size_t step = std::min(piece.size(), 2 * kMeetWithin);
    rest_.append(piece.substr(0, step));
    piece.remove_prefix(step);
    try_to_meet();
  }
  if (!piece.empty()) take(piece);
}

/// Whether rest_ ends with bytes that the text before has near the same place.
void RepeatedText::try_to_meet() {
  if (rest_.size() < kMeetBytes) return;
  const std::string_view before = text_;
  const size_t end = same_head_ + rest_.size();  // where they would end if what changed had kept its length
  const size_t least = std::max(same_head_, end - std::min(end, kMeetBytes + kMeetWithin));
  if (least >= before.size()) return;
  const std::string_view window = before.substr(least, end + kMeetWithin - least);
  const size_t found = window.find(std::string_view(rest_).substr(rest_.size() - kMeetBytes));
  if (found == std::string_view::npos) return;
  met_ = true;
  meets_at_ = least + found + kMeetBytes;
  same_tail_ = 0;
}

/// What went on as before does so no longer.
void RepeatedText::part() {
  rest_.append(text_, meets_at_, same_tail_);
  met_ = false;
  same_tail_ = 0;
}

std::string RepeatedText::whole() const {
  std::string out;
  out.reserve(size());
  out.append(text_, 0, same_head_).append(rest_).append(text_, meets_at_, same_tail_);
  return out;
}

/// All has come: what both end with belongs to the tail.
void RepeatedText::settle() {
  if (met_ && meets_at_ + same_tail_ != text_.size()) part();
  if (!met_) meets_at_ = text_.size();
  const std::string_view before = std::string_view(text_).substr(same_head_, meets_at_ - same_head_);
  const size_t same = same_tail_size(before, rest_);
  rest_.resize(rest_.size() - same);
  meets_at_ -= same;
  same_tail_ += same;
  met_ = true;
}

bool RepeatedText::find_middle(Middle& out) {
  if (starts_.empty() || overflowed_) return false;
  settle();
  if (same_tail_ == 0) return false;
  const auto past = std::upper_bound(starts_.begin(), starts_.end(), same_head_);
  if (past == starts_.begin()) return false;
  // With the comma before it, so that it is the beginning of an entry there too.
  auto next = std::lower_bound(past, starts_.end(), meets_at_ + 1);
  while (next != starts_.end() && text_[*next - 1] != ',') ++next;
  first_ = static_cast<size_t>(past - starts_.begin()) - 1;
  last_ = static_cast<size_t>(next - starts_.begin());
  if (first_ == 0 && last_ == starts_.size()) return false;
  const size_t from = starts_[first_];
  const size_t until = next != starts_.end() ? *next - 1 : text_.size() - 1;
  out.was = std::string_view(text_).substr(from, until - from);
  now_.assign(text_, from, same_head_ - from).append(rest_).append(text_, meets_at_, until - meets_at_);
  out.now = now_;
  return !now_.empty();
}

void RepeatedText::accept_middle() {
  const size_t from = starts_[first_];
  const size_t until = last_ < starts_.size() ? starts_[last_] - 1 : text_.size() - 1;
  std::vector<size_t> made;
  add_entry_starts(now_, from, made);
  for (size_t i = last_; i < starts_.size(); ++i) starts_[i] += from + now_.size() - until;
  const auto at = starts_.erase(starts_.begin() + static_cast<std::ptrdiff_t>(first_),
                                starts_.begin() + static_cast<std::ptrdiff_t>(last_));
  starts_.insert(at, made.begin(), made.end());
  text_.replace(from, until - from, now_);
  begin();
}

void RepeatedText::accept_whole() {
  text_ = whole();
  starts_.clear();
  const std::string_view all = text_;
  const bool of_entries = all.size() >= 2 && all.front() == opening_ && all.back() == closing_;
  if (of_entries) add_entry_starts(all.substr(1, all.size() - 2), 1, starts_);
  begin();
}

}  // namespace weir::provider
