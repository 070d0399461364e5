#include "registry/json_decode.h"

#include "weir/base/duration.h"
#include "weir/base/text.h"

namespace weir::registry {

using Kind = JsonValue::Kind;

bool Member::is(std::string_view name) const { return equals_ignore_case(name_, name); }

std::string Member::path() const { return std::string(path_) + "." + std::string(name_); }

Status Member::read(std::string& out) const {
  if (value_.is_null()) return {};
  if (value_.kind != Kind::string) return mismatch("string");
  out = value_.text;
  return {};
}

Status Member::read(bool& out) const {
  if (value_.is_null()) return {};
  if (value_.kind != Kind::boolean) return mismatch("bool");
  out = value_.flag;
  return {};
}

Status Member::read(int64_t& out) const {
  if (value_.is_null()) return {};
  std::optional<int64_t> number = value_.kind == Kind::number ? parse_i64(value_.text) : std::nullopt;
  if (!number) return mismatch("int");
  out = *number;
  return {};
}

Status Member::read(uint64_t& out) const {
  if (value_.is_null()) return {};
  std::optional<uint64_t> number = value_.kind == Kind::number ? parse_u64(value_.text) : std::nullopt;
  if (!number) return mismatch("uint64");
  out = *number;
  return {};
}

Status Member::read(std::vector<std::string>& out) const {
  if (value_.is_null()) return {};
  if (value_.kind != Kind::array) return mismatch("[]string");
  out.clear();
  for (const JsonValue& item : value_.items) {
    std::string& text = out.emplace_back();
    if (Status done = Member(name_, item, path_).read(text); !done) return done;
  }
  return {};
}

Status Member::read(std::map<std::string, std::string>& out) const {
  if (value_.is_null()) return {};
  if (value_.kind != Kind::object) return mismatch("map[string]string");
  out.clear();
  for (const auto& [key, item] : value_.members) {
    if (Status done = Member(name_, item, path_).read(out[key]); !done) return done;
  }
  return {};
}

Status Member::read(std::map<std::string, std::vector<std::string>>& out) const {
  if (value_.is_null()) return {};
  if (value_.kind != Kind::object) return mismatch("map[string][]string");
  out.clear();
  for (const auto& [key, item] : value_.members) {
    if (Status done = Member(name_, item, path_).read(out[key]); !done) return done;
  }
  return {};
}

Status Member::read_duration(int64_t& out_ns) const {
  if (value_.is_null()) return {};
  if (value_.kind == Kind::number) return read(out_ns);
  if (value_.kind != Kind::string) return mismatch("time.Duration");
  if (value_.text.empty()) {
    out_ns = 0;
    return {};
  }
  Result<int64_t> duration = parse_duration_ns(value_.text);
  if (!duration) return fail(duration.error());
  out_ns = *duration;
  return {};
}

Status Member::unknown() const {
  return fail(ErrorCode::invalid, "json: unknown field \"" + std::string(name_) + "\"");
}

Status Member::mismatch(std::string_view go_type) const {
  std::string what(value_.kind_name());
  // Go names the number only where its shape, not its kind, is wrong.
  if (value_.kind == Kind::number && (go_type == "int" || go_type == "uint64")) what += " " + value_.text;
  return fail(ErrorCode::invalid, "json: cannot unmarshal " + what + " into Go struct field " + path() + " of type " +
                                      std::string(go_type));
}

Status decode_members(const JsonValue& json, std::string_view path, const OnMember& on_member) {
  if (json.is_null()) return {};
  if (json.kind != Kind::object) {
    return fail(ErrorCode::invalid,
                "json: cannot unmarshal " + std::string(json.kind_name()) + " into Go value of type struct");
  }
  for (const auto& [name, value] : json.members) {
    if (Status done = on_member(Member(name, value, path)); !done) return done;
  }
  return {};
}

Status decode_items(const Member& array, std::string_view go_type,
                    const std::function<Status(const JsonValue&)>& on_item) {
  if (array.value().is_null()) return {};
  if (array.value().kind != Kind::array) return array.mismatch(go_type);
  for (const JsonValue& item : array.value().items) {
    if (Status done = on_item(item); !done) return done;
  }
  return {};
}

}  // namespace weir::registry
