#include "app/metrics_writer.h"

#include <vector>

#include "catch.h"

using namespace weir::app;

TEST_CASE("metrics: a family has its help and type once, a sample its labels") {
  MetricsWriter out;
  out.family("a_total", "counter", "Things.");
  out.sample({{"x", "1"}, {"y", "2"}}, 3);
  out.sample({}, 0.5);
  out.single("b", "gauge", "One.", 1e9);
  CHECK(out.take() ==
        "# HELP a_total Things.\n# TYPE a_total counter\na_total{x=\"1\",y=\"2\"} 3\na_total 0.5\n"
        "# HELP b One.\n# TYPE b gauge\nb 1e+09\n");
}

TEST_CASE("metrics: a histogram is cumulative, in seconds, and ends in +Inf") {
  MetricsWriter out;
  out.family("h", "histogram", "Time.");
  const std::vector<uint64_t> bounds = {300'000, 1'200'000};
  const std::vector<uint64_t> counts = {1, 2, 4};
  const std::vector<MetricsWriter::Label> labels = {{"x", "1"}};
  out.histogram(labels, bounds, counts, 2'500'000, 1e6);
  std::string text = out.take();
  CHECK(text.substr(text.find("h_bucket")) ==
        "h_bucket{x=\"1\",le=\"0.3\"} 1\nh_bucket{x=\"1\",le=\"1.2\"} 3\nh_bucket{x=\"1\",le=\"+Inf\"} 7\n"
        "h_sum{x=\"1\"} 2.5\nh_count{x=\"1\"} 7\n");
  out.family("g", "histogram", "Time.");
  out.histogram({}, bounds, counts, 0, 1e6);
  text = out.take();
  CHECK(text.find("g_bucket{le=\"0.3\"} 1\n") != std::string::npos);
  CHECK(text.find("g_sum 0\n") != std::string::npos);
}

TEST_CASE("metrics: label values may hold anything") {
  MetricsWriter out;
  out.family("a", "gauge", "A.");
  out.sample({{"x",
               "q\"b\\n\nu\xC3\xA9\xFF"
               "e"}},
             1);
  std::string text = out.take();
  CHECK(text.find("a{x=\"q\\\"b\\\\n\\nu\xC3\xA9\xEF\xBF\xBD"
                  "e\"} 1\n") != std::string::npos);
}
