#pragma once
// Reads one HCL body field by field and remembers which names were asked for, so that the rest can be refused.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "scheduler/hcl/evaluator.h"
#include "scheduler/hcl/syntax.h"
#include "weir/scheduler/job.h"

namespace weir::scheduler {

/// What all bodies of one file share. The first error sticks; readers go on but change nothing that matters.
struct JobFile {
  const hcl::Source& source;
  hcl::Evaluator& evaluator;
  std::optional<Error> error = {};
  std::vector<std::string> not_modelled = {};  // JSON paths

  void fail_at(uint32_t offset, std::string message) {
    if (!error) error = source.error_at(offset, std::move(message));
  }
};

/// Lives while its body is read, on the stack of the function that reads it.
class BodyReader {
 public:
  using Labels = std::vector<std::string>;
  using ReadBlock = std::function<void(BodyReader& body, const Labels& labels)>;

  /// `kind` is the block's name, for messages; `path` its JSON path.
  BodyReader(JobFile& file, const hcl::Body& body, const hcl::Scope* scope, std::string kind, std::string path,
             uint32_t begin)
      : file_(file), body_(body), scope_(scope), kind_(std::move(kind)), path_(std::move(path)), begin_(begin) {}

  // Attributes: an absent or null one leaves the field alone.
  void text(const char* name, std::string& field);
  void texts(const char* name, std::vector<std::string>& field);
  void texts(const char* name, std::optional<std::vector<std::string>>& field);
  void whole(const char* name, int64_t& field);
  void whole(const char* name, Setting<int64_t>& field);
  void boolean(const char* name, bool& field);
  void boolean(const char* name, Setting<bool>& field);
  /// "10s" or nanoseconds.
  void duration(const char* name, int64_t& field);
  void duration(const char* name, Setting<int64_t>& field);
  void duration(const char* name, std::optional<int64_t>& field);

  // Written as a block or as an attribute with an object.
  void text_map(const char* name, TextMap& field);
  void text_lists(const char* name, std::map<std::string, std::vector<std::string>>& field);
  /// Any shape: attributes keep their types, a block becomes a list with one object.
  void free_form(const char* name, Value& field);

  /// Any number of them; `json_name` is the list's name in JSON, "" for what is not part of a path.
  void blocks(const char* type, const char* json_name, size_t label_count, const ReadBlock& read);
  /// At most one, without labels.
  void one_block(const char* type, const char* json_name, const ReadBlock& read);

  /// An attribute or block that a Job has no field for: remembered for validate().
  void not_modelled(const char* name, const char* json_name);
  /// Accepted and forgotten: it has had no effect for years.
  void ignored(const char* name);

  /// Refuses what nobody asked for. Call it last.
  void finish();

  void fail_at(uint32_t offset, std::string message) { file_.fail_at(offset, std::move(message)); }
  [[nodiscard]] JobFile& file() const { return file_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] uint32_t begin() const { return begin_; }
  [[nodiscard]] bool has(const char* attribute) const { return body_.find(attribute) != nullptr; }

 private:
  /// A nested block, or one that a `dynamic` block makes.
  struct Nested {
    const hcl::Body& body;
    const Labels& labels;
    const hcl::Scope* scope;
    uint32_t begin;
  };
  using Visit = std::function<void(const Nested&)>;

  void read_block(const Nested& nested, const char* type, std::string path, size_t label_count, const ReadBlock& read);
  [[nodiscard]] std::string path_to(const char* json_name) const;
  std::optional<Value> attribute(const char* name);
  std::optional<int64_t> whole_value(const char* name);
  std::optional<bool> bool_value(const char* name);
  std::optional<int64_t> duration_value(const char* name);
  std::optional<Value::Object> object_value(const char* name);
  std::optional<std::vector<std::string>> texts_of(const Value& value, uint32_t offset, std::string_view what);
  void visit_blocks(std::string_view type, const hcl::Body& body, const hcl::Scope* scope, const Visit& visit);
  void visit_dynamic(const hcl::Block& dynamic, const hcl::Scope* scope, const Visit& visit);
  Value::Object free_body(const hcl::Body& body, const hcl::Scope* scope);
  void add_free_block(const Nested& nested, const std::string& type, Value::Object& out);
  [[nodiscard]] std::string suggestion(const std::string& name) const;
  [[nodiscard]] uint32_t place_of(const char* name) const;

  JobFile& file_;
  const hcl::Body& body_;
  const hcl::Scope* scope_;
  std::string kind_;
  std::string path_;
  uint32_t begin_;
  std::vector<std::string> attributes_;  // asked for
  std::vector<std::string> blocks_;      // asked for
};

}  // namespace weir::scheduler
