#include "provider/last_good_file.h"

#include "weir/base/duration.h"
#include "weir/base/file.h"
#include "weir/base/log.h"
#include "weir/base/text.h"

namespace weir::provider {
namespace {

constexpr std::string_view kMagic = "weir-answer";
constexpr std::string_view kVersion = "1";

std::string sum_text(std::string_view bytes) {
  const uint64_t sum = fnv1a(bytes);
  std::string out;
  for (int shift = 60; shift >= 0; shift -= 4) out += "0123456789abcdef"[sum >> shift & 15];
  return out;
}

/// The text up to the next line break, which goes too.
std::string_view take_line(std::string_view& text) {
  const size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

}  // namespace

LastGoodFile::LastGoodFile(const Clock& clock, std::string path, std::string subject, uint64_t resave_ms)
    : clock_(clock), path_(std::move(path)), subject_(std::move(subject)), resave_ms_(resave_ms) {
  if (!path_.empty()) writer_ = std::make_unique<DiskWriter>(path_, kSavePeriodMs);
}

std::string LastGoodFile::encode(const std::string& text, const std::string& subject, int64_t wall_ns) {
  const std::string rest = std::to_string(wall_ns) + " " + subject + "\n" + text;
  return std::string(kMagic) + " " + std::string(kVersion) + " " + sum_text(rest) + "\n" + rest;
}

Result<LastGoodFile::Saved> LastGoodFile::decode(std::string_view file, std::string_view subject) {
  const auto words = split(take_line(file), ' ');
  if (words.size() != 3 || words[0] != kMagic) return fail(ErrorCode::invalid, "not a saved answer");
  if (words[1] != kVersion) return fail(ErrorCode::invalid, "version " + std::string(words[1]) + " of the format");
  if (words[2] != sum_text(file)) return fail(ErrorCode::invalid, "wrong checksum: the file is damaged or cut off");
  const std::string_view line = take_line(file);
  const size_t blank = line.find(' ');
  const auto wall_ns = parse_i64(line.substr(0, blank));
  if (!wall_ns || blank == std::string_view::npos) return fail(ErrorCode::invalid, "no time");
  const std::string_view whose = line.substr(blank + 1);
  if (whose != subject) return fail(ErrorCode::invalid, "it is the answer of " + std::string(whose));
  return Saved{std::string(file), *wall_ns};
}

std::optional<LastGoodFile::Saved> LastGoodFile::load() const {
  if (path_.empty()) return std::nullopt;
  auto file = read_file(path_);
  if (!file) {
    log::info("no last good answer", {{"path", path_}, {"reason", file.error()}});
    return std::nullopt;
  }
  auto saved = decode(*file, subject_);
  if (!saved) {
    log::warn("last good answer ignored", {{"path", path_}, {"error", saved.error()}});
    return std::nullopt;
  }
  log::info("last good answer loaded", {{"path", path_}, {"saved", format_rfc3339(saved->wall_ns)}});
  return std::move(*saved);
}

void LastGoodFile::save(std::string text) {
  if (!writer_) return;
  text_ = std::make_shared<const std::string>(std::move(text));
  saved_at_ms_ = clock_.monotonic_ms();
  writer_->put(
      [text = text_, subject = subject_, now_ns = clock_.wall_ns()] { return encode(*text, subject, now_ns); });
}

void LastGoodFile::confirm() {
  if (text_ != nullptr && clock_.monotonic_ms() - saved_at_ms_ >= resave_ms_) save(*text_);
}

}  // namespace weir::provider
