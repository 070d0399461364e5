#pragma once
// Reads members of a JSON object with their types checked. The first wrong one is kept as an error that names its path;
// absent members and null leave the target as it is. For *_json.cc files.

#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/result.h"

namespace weir::scheduler {

/// RFC3339 with up to nanoseconds, "Z" or an offset -> nanoseconds since 1970. Go's zero time (year 1) is 0.
std::optional<int64_t> parse_rfc3339_ns(std::string_view text);
/// 0 becomes Go's zero time.
std::string time_text(int64_t ns);

/// One line; bytes that are no UTF-8 are replaced, since a task's output may get into a message.
std::string json_text(const nlohmann::json& json);

/// A view of one object; the json must outlive it.
class JsonReader {
 public:
  JsonReader(const nlohmann::json& json, std::string path);

  void text(const char* name, std::string& out);
  void boolean(const char* name, bool& out);
  void optional_boolean(const char* name, std::optional<bool>& out);
  void integer(const char* name, int64_t& out);
  void integer(const char* name, int32_t& out);
  void integer(const char* name, uint64_t& out);
  void port(const char* name, uint16_t& out);
  void number(const char* name, double& out);
  /// RFC3339 text.
  void time(const char* name, int64_t& out_ns);
  void texts(const char* name, std::vector<std::string>& out);
  void text_map(const char* name, std::map<std::string, std::string>& out);
  void integer_map(const char* name, std::map<std::string, int64_t>& out);
  void number_map(const char* name, std::map<std::string, double>& out);

  using ReadElement = std::function<void(JsonReader&)>;
  using ReadMember = std::function<void(const std::string& name, JsonReader&)>;
  /// For each object of a list.
  void each(const char* name, const ReadElement& read);
  /// For each member (all objects) of an object.
  void each_member(const char* name, const ReadMember& read);
  /// A nested object, if there is one.
  void object(const char* name, const ReadElement& read);

  /// The member itself, or nullptr when absent or null.
  [[nodiscard]] const nlohmann::json* find(const char* name) const;
  void wrong(const std::string& name, std::string_view expected);
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] Status status() const;

 private:
  template <typename T>
  void whole_number(const char* name, T& out, std::string_view expected);
  void absorb(const JsonReader& inner);

  const nlohmann::json& json_;
  std::string path_;
  std::optional<std::string> error_;
};

}  // namespace weir::scheduler
