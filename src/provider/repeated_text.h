#pragma once
// A long text that comes again and again while hardly anything in it changes.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace weir::provider {

/// Takes a text piece by piece and holds it against the one before: what is as it was costs a comparison and no memory,
/// only what differs is kept. Knows where the entries of a JSON object or array begin, so that those which changed can
/// be decoded alone. A value; one thread.
///
/// With each change of a catalog its whole lists come again, megabytes for 10,000 services.
class RepeatedText {
 public:
  static constexpr size_t kBytesMax = 64 * 1024 * 1024;

  /// The entries that differ, of the text before and of this one, without the comma behind the last. Views of this
  /// object, good until its next call.
  struct Middle {
    std::string_view was;
    std::string_view now;
  };

  /// `opening` and `closing` are what its texts begin and end with where they consist of entries: {} or [].
  RepeatedText(char opening, char closing) : opening_(opening), closing_(closing) {}

  /// A new text comes. What has come of another one is forgotten.
  void begin();
  void take(std::string_view piece);

  // When all of it has come:

  /// Too long: it is not there.
  [[nodiscard]] bool overflowed() const { return overflowed_; }
  /// Byte for byte the text before.
  [[nodiscard]] bool same() const { return !differs_ && same_head_ == text_.size(); }
  [[nodiscard]] size_t entries_before() const { return starts_.size(); }
  [[nodiscard]] size_t size() const { return same_head_ + rest_.size() + same_tail_; }
  /// A copy.
  [[nodiscard]] std::string whole() const;
  /// False where too much or too little is left of the text before.
  bool find_middle(Middle& out);
  /// After find_middle() was true: this text is the one before from now on.
  void accept_middle();
  /// The same after whole() was found to be JSON.
  void accept_whole();

 private:
  [[nodiscard]] bool overflows(size_t more);
  void try_to_meet();
  void part();
  void settle();

  // constant after construction
  char opening_;
  char closing_;
  // owner's thread
  std::string text_;            // the text before
  std::vector<size_t> starts_;  // in text_, of each entry; empty: it is none of entries
  // What comes is text_[0, same_head_), rest_, text_[meets_at_, meets_at_ + same_tail_).
  size_t same_head_ = 0;
  bool differs_ = false;  // rest_ has begun
  std::string rest_;
  bool met_ = false;  // what comes is as the text before again
  size_t meets_at_ = 0;
  size_t same_tail_ = 0;
  bool overflowed_ = false;
  // Of find_middle(): entries [first_, last_) of the text before become now_.
  size_t first_ = 0;
  size_t last_ = 0;
  std::string now_;
};

}  // namespace weir::provider
