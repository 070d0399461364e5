#pragma once
// The bodies of answers that the edge gives by itself.

#include <string>
#include <vector>

#include "weir/base/result.h"
#include "weir/config/config.h"
#include "weir/http/session.h"

namespace weir::proxy {

/// One body a status, made once. Owned by a Worker, constant while it runs.
class AnswerPages {
 public:
  /// From answers.text; no I/O.
  explicit AnswerPages(const config::AnswersConfig& config);
  /// Takes the files of answers.directory in its place, where there are some.
  Status read_files();
  /// Views into this object. Of any final status.
  [[nodiscard]] http::AnswerPage page(uint16_t status) const;

 private:
  struct Page {
    std::string_view content_type;  // of the configuration, or of a literal
    std::string body;
  };
  static constexpr uint16_t kFirst = 200;
  static constexpr uint16_t kLast = 599;

  const config::AnswersConfig& config_;
  std::vector<Page> pages_;
};

}  // namespace weir::proxy
