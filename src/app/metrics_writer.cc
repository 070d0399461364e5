#include "app/metrics_writer.h"

#include <charconv>

#include "weir/base/utf8.h"

namespace weir::app {
namespace {

/// The shortest text that reads back as the same number.
std::string_view number_text(double value, std::span<char> space) {
  return {space.data(), std::to_chars(space.data(), space.data() + space.size(), value).ptr};
}

}  // namespace

void MetricsWriter::family(std::string_view name, std::string_view type, std::string_view help) {
  name_ = name;
  ((out_ += "# HELP ") += name_) += ' ';
  out_ += help;
  ((out_ += "\n# TYPE ") += name_) += ' ';
  out_ += type;
  out_ += '\n';
}

void MetricsWriter::single(std::string_view name, std::string_view type, std::string_view help, double value) {
  family(name, type, help);
  sample({}, value);
}

void MetricsWriter::histogram(std::span<const Label> labels, std::span<const uint64_t> bounds,
                              std::span<const uint64_t> counts, uint64_t sum, double units_per_second) {
  uint64_t cumulative = 0;
  char digits[32];
  for (size_t i = 0; i < bounds.size(); ++i) {
    cumulative += counts[i];
    auto bound = number_text(static_cast<double>(bounds[i]) / units_per_second, digits);
    sample("_bucket", labels, bound, static_cast<double>(cumulative));
  }
  cumulative += counts.back();
  sample("_bucket", labels, "+Inf", static_cast<double>(cumulative));
  sample("_sum", labels, {}, static_cast<double>(sum) / units_per_second);
  sample("_count", labels, {}, static_cast<double>(cumulative));
}

void MetricsWriter::sample(std::string_view suffix, std::span<const Label> labels, std::string_view bound,
                           double value) {
  out_ += name_;
  out_ += suffix;
  char separator = '{';
  for (const Label& label : labels) {
    append_label(separator, label);
    separator = ',';
  }
  if (!bound.empty()) append_label(std::exchange(separator, ','), {"le", bound});
  if (separator == ',') out_ += '}';
  char digits[32];
  (out_ += ' ') += number_text(value, digits);
  out_ += '\n';
}

// Names come from tags and files. A label that is no UTF-8 would cost the whole scrape.
void MetricsWriter::append_label(char separator, const Label& label) {
  out_ += separator;
  out_ += label.first;
  out_ += "=\"";
  for (std::string_view text = label.second; !text.empty();) {
    size_t length = utf8_length(text);
    if (length == 0) {
      out_ += "\xEF\xBF\xBD";  // U+FFFD
      length = 1;
    } else if (text[0] == '\n') {
      out_ += "\\n";
    } else {
      if (text[0] == '\\' || text[0] == '"') out_ += '\\';
      out_ += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  out_ += '"';
}

}  // namespace weir::app
