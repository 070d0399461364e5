#include "weir/base/shared_list.h"

#include <map>

#include "catch.h"
#include "weir/base/random.h"

using namespace weir;

namespace {

struct Word {
  std::string text;
  int value = 0;
};
std::string_view key_of(const Word& word) { return word.text; }

using Words = SharedList<Word>;
using Model = std::map<std::string, int>;

Words::Item word(const std::string& text, int value = 0) { return std::make_shared<const Word>(Word{text, value}); }

Model listed(const Words& words) {
  Model out;
  std::string before;
  for (const auto& one : words) {
    CHECK(out.emplace(one->text, one->value).second);
    CHECK(before <= one->text);
    before = one->text;
  }
  CHECK(out.size() == words.size());
  return out;
}

}  // namespace

TEST_CASE("shared list: an empty one has nothing, and loses nothing") {
  Words none;
  CHECK(none.empty());
  CHECK(none.find("a") == nullptr);
  CHECK(none.lower_bound("a") == none.end());
  CHECK(none.edited({{"a", nullptr}}).empty());
  CHECK(none.edited({{"a", word("a")}, {"a", nullptr}}).empty());
  CHECK(none == Words(std::vector<Words::Item>{}));
}

TEST_CASE("shared list: of items with one key the first is taken, of edits the last") {
  Words words({word("b", 1), word("a", 2), word("b", 3)});
  CHECK(listed(words) == Model{{"a", 2}, {"b", 1}});
  words = words.edited({{"b", word("b", 4)}, {"c", word("c", 5)}, {"b", word("b", 6)}, {"c", nullptr}});
  CHECK(listed(words) == Model{{"a", 2}, {"b", 6}});
}

TEST_CASE("shared list: any sequence of edits does what a map does, and the versions before stay as they were") {
  Random random(20261121);
  for (int run = 0; run < 20; ++run) {
    Words words;
    Model model;
    const uint64_t keys = run == 19 ? 8'000 : 400;  // of many there are several branches
    for (int step = 0; step < 60; ++step) {
      std::vector<Words::Edit> edits;
      Model next = model;
      uint64_t count = random.below(step % 10 == 9 ? keys * 3 / 4 : 6);
      for (uint64_t i = 0; i < count; ++i) {
        std::string key = std::to_string(random.below(keys));
        int value = static_cast<int>(random.below(1'000'000));
        bool erase = random.below(step > 40 ? 10 : 3) > (step > 40 ? 1 : 1);
        edits.push_back({key, erase ? nullptr : word(key, value)});
        erase ? void(next.erase(key)) : void(next[key] = value);
      }
      Words after = words.edited(edits);
      REQUIRE(listed(after) == next);
      REQUIRE(listed(words) == model);
      // The differences are those of the maps, wherever the chunks lie.
      Model told_before;
      Model told_after;
      for_each_difference(words, after, [&](const Words::Item* was, const Words::Item* is) {
        if (was != nullptr) told_before[(*was)->text] = (*was)->value;
        if (is != nullptr) told_after[(*is)->text] = (*is)->value;
      });
      for (const auto& [key, value] : model) {
        if (!next.contains(key) || next[key] != value) CHECK(told_before.contains(key));
      }
      for (const auto& [key, value] : next) {
        if (!model.contains(key) || model[key] != value) CHECK(told_after.contains(key));
      }
      CHECK(told_before.size() + told_after.size() <= 2 * count);
      std::string key = std::to_string(random.below(keys));
      CHECK((after.find(key) != nullptr) == next.contains(key));
      auto bound = next.lower_bound(key);
      auto at = after.lower_bound(key);
      CHECK((at == after.end() ? "" : (*at)->text) == (bound == next.end() ? "" : bound->first));
      words = std::move(after);
      model = std::move(next);
    }
  }
}

TEST_CASE("shared list: an edit of a long list shares all chunks but the one it touches") {
  std::vector<Words::Item> items;
  for (int i = 0; i < 100'000; ++i) items.push_back(word(std::to_string(1'000'000 + i)));
  Words before(items);
  Words after = before.edited({{"1050000", word("1050000", 1)}});
  size_t shared = 0;
  size_t chunks = 0;
  auto a = before.begin();
  for (auto b = after.begin(); b != after.end(); b.skip_chunk(), a.skip_chunk()) {
    ++chunks;
    shared += a.chunk() == b.chunk() ? 1 : 0;
  }
  CHECK(chunks > 1000);
  CHECK(chunks - shared == 1);
}
