#pragma once
// Prometheus' text format 0.0.4. Pure.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace weir::app {

/// Writes families of series: HELP and TYPE once, then all samples. Label values may hold any bytes.
class MetricsWriter {
 public:
  using Label = std::pair<std::string_view, std::string_view>;
  using Labels = std::initializer_list<Label>;

  void family(std::string_view name, std::string_view type, std::string_view help);
  /// Of the family begun last.
  void sample(Labels labels, double value) { sample("", std::span(labels.begin(), labels.size()), {}, value); }
  void sample(std::span<const Label> labels, double value) { sample("", labels, {}, value); }
  /// The lines of one histogram. `counts` is not cumulative and has one more than `bounds`: what is above the last.
  /// Bounds and the sum are in units of which `units_per_second` are a second.
  void histogram(std::span<const Label> labels, std::span<const uint64_t> bounds, std::span<const uint64_t> counts,
                 uint64_t sum, double units_per_second);
  /// A family of one series without labels.
  void single(std::string_view name, std::string_view type, std::string_view help, double value);

  std::string take() { return std::move(out_); }

 private:
  void sample(std::string_view suffix, std::span<const Label> labels, std::string_view bound, double value);
  void append_label(char separator, const Label& label);
  std::string name_;
  std::string out_;
};

}  // namespace weir::app
