// csvdecode(): RFC 4180 as Go reads it. See functions.h.

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "scheduler/hcl/functions.h"
#include "scheduler/hcl/limits.h"

namespace weir::scheduler::hcl {
namespace {

using Row = std::vector<std::string>;

/// Rows of a text, one at a time. Lines without anything are none.
class CsvReader {
 public:
  explicit CsvReader(std::string_view text) : rest_(text) {}

  /// Nothing behind the last.
  Result<std::optional<Row>> next_row();
  /// Where the last row begins.
  [[nodiscard]] size_t row_line() const { return row_line_; }

 private:
  bool next_line();
  /// Takes a field in quotes from the line, which may go on in further lines.
  Result<std::string> quoted_field();
  Result<std::string> plain_field();

  std::string_view rest_;  // behind the line
  std::string_view line_;  // what is left of it, without its end
  bool line_ends_ = false;
  size_t line_number_ = 0;
  size_t row_line_ = 0;
};

tl::unexpected<Error> bad_line(size_t line, std::string_view why) {
  return fail(ErrorCode::invalid, "CSV parse error on line " + std::to_string(line) + ": " + std::string(why));
}

Result<std::optional<Row>> CsvReader::next_row() {
  do {
    if (!next_line()) return std::nullopt;
  } while (line_.empty());
  row_line_ = line_number_;
  Row row;
  for (;;) {
    auto field = line_.starts_with('"') ? quoted_field() : plain_field();
    if (!field) return fail(field.error());
    row.push_back(std::move(*field));
    if (line_.empty()) return row;
    line_.remove_prefix(1);  // the comma: a field ends there or with its line
  }
}

bool CsvReader::next_line() {
  if (rest_.empty()) return false;
  ++line_number_;
  size_t end = rest_.find('\n');
  line_ends_ = end != std::string_view::npos;
  line_ = rest_.substr(0, end);
  rest_.remove_prefix(line_ends_ ? end + 1 : rest_.size());
  if (line_.ends_with('\r')) line_.remove_suffix(1);
  return true;
}

Result<std::string> CsvReader::plain_field() {
  std::string field(line_.substr(0, line_.find(',')));
  if (field.find('"') != std::string::npos) return bad_line(line_number_, "bare \" in non-quoted field");
  line_.remove_prefix(field.size());
  return field;
}

Result<std::string> CsvReader::quoted_field() {
  constexpr std::string_view kWrong = "extraneous or missing \" in quoted field";
  std::string field;
  line_.remove_prefix(1);
  for (;;) {
    size_t quote = line_.find('"');
    field += line_.substr(0, quote);
    if (quote == std::string_view::npos) {
      if (line_ends_) field += '\n';
      if (!next_line()) return bad_line(line_number_, kWrong);
      continue;
    }
    line_.remove_prefix(quote + 1);
    if (line_.empty() || line_.front() == ',') return field;
    if (line_.front() != '"') return bad_line(line_number_, kWrong);
    field += '"';
    line_.remove_prefix(1);
  }
}

Result<Value> csvdecode(const Arguments& arguments) {
  auto text = text_argument(arguments, 0);
  if (!text) return fail(text.error());
  CsvReader reader(*text);
  auto header = reader.next_row();
  if (!header) return fail(header.error());
  if (!*header) return fail(ErrorCode::invalid, "missing header line");
  const Row& names = **header;
  std::set<std::string_view> seen;
  size_t names_bytes = 0;
  for (const std::string& name : names) {
    if (!seen.insert(name).second) return fail(ErrorCode::invalid, "duplicate column name \"" + name + "\"");
    names_bytes += name.size() + sizeof(Value);
  }
  Value::List out;
  for (;;) {
    auto row = reader.next_row();
    if (!row) return fail(row.error());
    if (!*row) return Value(std::move(out));
    if ((*row)->size() != names.size()) return bad_line(reader.row_line(), "wrong number of fields");
    // Each row has all names: short rows under long names would be far more than the text.
    bool is_too_large = out.size() == kListItemsMax || (out.size() + 1) * names_bytes > kEvaluatedBytesMax;
    if (is_too_large) return fail(ErrorCode::too_large, "the result is too large");
    Value::Object object;
    for (size_t i = 0; i < names.size(); ++i) object[names[i]] = Value(std::move((**row)[i]));
    out.emplace_back(std::move(object));
  }
}

constexpr Function kFunctions[] = {
    {"csvdecode", 1, 1, csvdecode},
};

}  // namespace

std::span<const Function> csv_functions() { return kFunctions; }

}  // namespace weir::scheduler::hcl
