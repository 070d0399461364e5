#pragma once
// HCL text to a syntax tree. The body grammar is in parser.cc, expressions in parse_expression.cc, strings and
// heredocs in parse_template.cc.

#include <optional>
#include <string>
#include <string_view>

#include "scheduler/hcl/scanner.h"
#include "scheduler/hcl/syntax.h"
#include "weir/base/result.h"

namespace weir::scheduler::hcl {

/// A whole file.
Result<Body> parse_body(const Source& source);
/// A text that is one expression, as in `-var 'ports=[1, 2]'`.
Result<ExpressionPtr> parse_expression(const Source& source);

/// One use, one file. The first error sticks: every function returns null (or false) from then on, so the callers only
/// look whether they got something.
class Parser {
 public:
  explicit Parser(const Source& source) : source_(source), scanner_(source) {}

  bool body(Body& body, bool top_level);
  ExpressionPtr expression();
  bool at_end();
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }

 private:
  // parser.cc
  const Token& peek();
  Token take();
  bool expect(std::string_view punctuation, std::string_view where);
  bool statement(Body& body);
  bool attribute(Body& body, const Token& name);
  bool block(Body& body, const Token& type);
  bool labels(Block& block);
  bool one_line_block(Block& block);
  bool statement_ends(std::string_view what);
  bool fail(uint32_t offset, std::string message);
  ExpressionPtr fail_expression(uint32_t offset, std::string message);

  // parse_expression.cc
  ExpressionPtr binary(int binds_at_least);
  ExpressionPtr unary();
  ExpressionPtr postfix();
  ExpressionPtr primary();
  bool path_step(Expression& path);
  bool bracket_step(Expression& path);
  ExpressionPtr number(const Token& token);
  ExpressionPtr name_or_call(const Token& token);
  ExpressionPtr call(const Token& name);
  ExpressionPtr list(const Token& open);
  ExpressionPtr object(const Token& open);
  ExpressionPtr object_key();
  bool for_intro(Expression& loop);
  ExpressionPtr for_list(const Token& open);
  ExpressionPtr for_object(const Token& open);
  ExpressionPtr finish(ExpressionPtr expression, uint32_t end);
  std::string describe(const Token& token) const;

  // parse_template.cc
  struct TemplateEnd;
  ExpressionPtr quoted(const Token& open);
  ExpressionPtr heredoc(const Token& open);
  bool template_parts(Expression& text, TemplateEnd& end);
  bool template_literal(std::string& literal, const TemplateEnd& end);
  bool escape(std::string& literal);
  bool unicode_escape(std::string& literal, int digits);
  bool interpolation(Expression& text, TemplateEnd& end);
  bool directive(Expression& text, TemplateEnd& end);
  ExpressionPtr directive_if(uint32_t begin, TemplateEnd& end);
  ExpressionPtr directive_for(uint32_t begin, TemplateEnd& end);
  bool directive_close(TemplateEnd& end);
  ExpressionPtr nested_text(TemplateEnd& end);

  const Source& source_;
  Scanner scanner_;
  std::optional<Token> peeked_;
  bool skip_newlines_ = false;  // inside ( ) [ ] and ${ }
  int depth_ = 0;
  std::optional<Error> error_;
};

}  // namespace weir::scheduler::hcl
