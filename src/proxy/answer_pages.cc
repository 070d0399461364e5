#include "proxy/answer_pages.h"

#include <algorithm>

#include "weir/base/check.h"
#include "weir/base/file.h"
#include "weir/base/text.h"
#include "weir/http/message.h"

namespace weir::proxy {
namespace {

constexpr size_t kFileBytesMax = 64 * 1024;

struct FileKind {
  std::string_view suffix;
  std::string_view content_type;
};
constexpr FileKind kKinds[] = {
    {".html", "text/html; charset=utf-8"}, {".json", "application/json"}, {".txt", "text/plain; charset=utf-8"}};

std::string fill_in(std::string_view text, uint16_t status) {
  std::string_view reason = http::reason_phrase(status);
  return replace_all(replace_all(text, "{status}", std::to_string(status)), "{reason}", reason);
}

}  // namespace

AnswerPages::AnswerPages(const config::AnswersConfig& config) : config_(config) {
  for (uint16_t status = kFirst; status <= kLast; ++status) {
    pages_.push_back({config.content_type, fill_in(config.text, status)});
  }
}

Status AnswerPages::read_files() {
  if (config_.directory.empty()) return {};
  for (const FileKind& kind : kKinds) {
    auto names = list_files(config_.directory, kind.suffix);
    if (!names) return fail(names.error());
    for (const std::string& name : *names) {
      auto status = parse_u64(std::string_view(name).substr(0, name.size() - kind.suffix.size()));
      if (!status || *status < kFirst || *status > kLast) continue;  // such as a README
      auto text = read_file(config_.directory + "/" + name, kFileBytesMax);
      if (!text) return fail(text.error());
      pages_[*status - kFirst] = {kind.content_type, fill_in(*text, static_cast<uint16_t>(*status))};
    }
  }
  return {};
}

http::AnswerPage AnswerPages::page(uint16_t status) const {
  ASSERT(status >= kFirst && status <= kLast);
  const Page& page = pages_[status - kFirst];
  return {page.content_type, page.body};
}

}  // namespace weir::proxy
