#include "weir/base/nearest_word.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace weir {

namespace {

// No key of ours is longer, and the cost is the product of the lengths.
constexpr size_t kWordBytesMax = 64;

// Optimal string alignment: the table of the edit distance, of which three rows are needed at a time.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before_last(b.size() + 1);
  std::vector<size_t> last(b.size() + 1);
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    before_last.swap(last);
    last.swap(row);
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t changed = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({changed, last[j] + 1, row[j - 1] + 1});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
  }
  return row[b.size()];
}

// A short word with two slips is another word.
size_t slips_max(size_t letters) {
  if (letters < 2) return 0;
  return letters < 5 ? 1 : std::max<size_t>(2, letters / 3);
}

}  // namespace

std::string nearest_word(std::string_view word, std::span<const std::string> known) {
  if (word.size() > kWordBytesMax) return "";
  std::string nearest;
  size_t least = slips_max(word.size()) + 1;
  for (const std::string& candidate : known) {
    size_t distance = edit_distance(word, candidate);
    if (distance < least) {
      least = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

}  // namespace weir
