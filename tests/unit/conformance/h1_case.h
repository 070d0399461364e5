#pragma once
// One case of tests/conformance/h1/*.case: bytes in, what must come of them. README.md there says how they are written.

#include <string>
#include <vector>

namespace weir::conformance {

/// What the upstream sends, and when.
struct Reply {
  enum class When { request, head, client_served };  // all of the next request has come; its head; after the answers
  enum class Then { nothing, fin, reset };
  When when = When::request;
  std::string bytes;
  Then then = Then::nothing;
};

struct Case {
  enum class End { open, closed, cut };
  std::string name;
  std::string place;  // "framing.case:12"
  std::string rfc;
  std::string client;              // bytes the client sends
  bool client_ends = false;        // and a FIN behind them
  std::vector<Reply> replies;      // empty: 200 to each request
  std::vector<int> statuses;       // in the order the client gets them
  std::string answer;              // what the client gets, byte by byte; "" where only the statuses matter
  std::string forwarded;           // what the upstream gets, without what the edge adds; "" where that is not said
  bool forwards_anything = false;  // else a refused request must not reach an upstream
  bool splits = true;              // the outcome is the same however the bytes are cut
  End end = End::open;
  std::vector<std::string> options;
  std::string llhttp;  // why plain llhttp comes to another verdict; "" where it does not

  /// Whether the edge itself refuses what the client sent.
  [[nodiscard]] bool refused() const;
};

/// Reads a file; a line that is wrong is told by an exception that names it: the program's own data.
std::vector<Case> read_cases(const std::string& path);
/// \r \n \t \0 \\ \xHH and \{COUNT*TEXT}.
std::string unescape(const std::string& text);

}  // namespace weir::conformance
