// Strings and heredocs with ${ } and %{ } in them. See parser.h.

#include <algorithm>
#include <limits>
#include <utility>

#include "scheduler/hcl/limits.h"
#include "scheduler/hcl/parser.h"
#include "weir/base/text.h"
#include "weir/base/utf8.h"

namespace weir::scheduler::hcl {

/// Where a template, or a part of it between two %{ } marks, ends.
struct Parser::TemplateEnd {
  bool quoted = true;
  uint32_t limit = 0;         // offset where the text is over at the latest
  bool in_directive = false;  // `keyword` must end it
  std::string keyword = {};   // out: "else", "endif", "endfor"; "" at the template's own end
  bool strip = false;         // in and out: a ~ asks to drop the blanks that follow
};

namespace {

ExpressionPtr literal_text(std::string text, uint32_t begin, uint32_t end) {
  auto literal = std::make_unique<Expression>();
  literal->begin = begin;
  literal->end = end;
  literal->value = Value(std::move(text));
  return literal;
}

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

void strip_end(std::string& text) {
  while (!text.empty() && is_blank(text.back())) text.pop_back();
}

void append_utf8(std::string& out, uint32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
    return;
  }
  int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  constexpr unsigned kFirst[] = {0, 0xC0, 0xE0, 0xF0};
  out += static_cast<char>(kFirst[more] | (code >> (6 * more)));
  for (int i = more - 1; i >= 0; --i) out += static_cast<char>(0x80 | ((code >> (6 * i)) & 0x3F));
}

/// Walks a heredoc's lines for `<<-`: first to measure the least indent, then to remove it.
struct Indent {
  size_t least = std::numeric_limits<size_t>::max();
  bool line_begins = true;

  void measure(const Expression& text) {
    for (const ExpressionPtr& part : text.children) {
      if (part->kind == ExpressionKind::literal) {
        measure_literal(part->value.as_string());
        continue;
      }
      if (line_begins) least = 0;
      line_begins = false;
      for (const ExpressionPtr& nested : part->children) {
        if (nested->kind == ExpressionKind::text) measure(*nested);
      }
    }
  }

  void measure_literal(std::string_view text) {
    while (!text.empty()) {
      std::string_view line = text.substr(0, std::min(text.find('\n'), text.size() - 1) + 1);
      size_t indent = std::min(line.find_first_not_of(" \t"), line.size());
      bool is_empty = line.back() == '\n' && indent + 1 == line.size();
      if (line_begins && !is_empty) least = std::min(least, indent);
      line_begins = line.back() == '\n';
      text.remove_prefix(line.size());
    }
  }

  void remove(Expression& text) {
    for (ExpressionPtr& part : text.children) {
      if (part->kind == ExpressionKind::literal) {
        part->value = Value(without_indent(part->value.as_string()));
        continue;
      }
      line_begins = false;
      for (ExpressionPtr& nested : part->children) {
        if (nested->kind == ExpressionKind::text) remove(*nested);
      }
    }
  }

  std::string without_indent(std::string_view text) {
    std::string out;
    while (!text.empty()) {
      std::string_view line = text.substr(0, std::min(text.find('\n'), text.size() - 1) + 1);
      size_t indent = std::min(line.find_first_not_of(" \t"), line.size());
      out += line_begins ? line.substr(std::min(least, indent)) : line;
      line_begins = line.back() == '\n';
      text.remove_prefix(line.size());
    }
    return out;
  }
};

}  // namespace

ExpressionPtr Parser::quoted(const Token& open) {
  auto text = std::make_unique<Expression>();
  text->kind = ExpressionKind::text;
  text->begin = open.begin;
  TemplateEnd end;
  end.limit = static_cast<uint32_t>(source_.text().size());
  if (!template_parts(*text, end)) return nullptr;
  uint32_t after = scanner_.offset() + 1;
  scanner_.move_to(after);
  if (text->children.empty()) return literal_text("", open.begin, after);
  if (text->children.size() == 1) {
    ExpressionPtr& only = text->children[0];
    if (only->kind == ExpressionKind::literal) return literal_text(only->value.as_string(), open.begin, after);
    text->wraps = only->kind == ExpressionKind::interpolation;
  }
  return finish(std::move(text), after);
}

ExpressionPtr Parser::heredoc(const Token& open) {
  std::string_view all = source_.text();
  uint32_t line = scanner_.offset();
  uint32_t line_end = line;
  while (true) {
    line_end = static_cast<uint32_t>(std::min(all.find('\n', line), all.size()));
    if (trim(source_.slice(line, line_end)) == open.text) break;
    if (line_end == all.size()) {
      return fail_expression(open.begin, "This text does not end: no line holds " + open.text + " alone");
    }
    line = line_end + 1;
  }
  auto text = std::make_unique<Expression>();
  text->kind = ExpressionKind::text;
  text->begin = open.begin;
  TemplateEnd end;
  end.quoted = false;
  end.limit = line;
  if (!template_parts(*text, end)) return nullptr;
  scanner_.move_to(line_end);
  if (open.flush) {
    Indent indent;
    indent.measure(*text);
    indent.line_begins = true;
    indent.remove(*text);
  }
  return finish(std::move(text), line_end);
}

bool Parser::template_parts(Expression& text, TemplateEnd& end) {
  while (true) {
    uint32_t begin = scanner_.offset();
    std::string literal;
    if (!template_literal(literal, end)) return false;
    if (end.strip) literal.erase(0, std::min(literal.find_first_not_of(" \t\r\n"), literal.size()));
    end.strip = false;
    uint32_t mark = scanner_.offset();
    bool is_over = mark >= end.limit || (end.quoted && source_.text()[mark] == '"');
    if (!is_over && source_.slice(mark + 2, mark + 3) == "~") strip_end(literal);
    if (!literal.empty()) text.children.push_back(literal_text(std::move(literal), begin, mark));
    if (is_over) {
      if (end.in_directive) return fail(mark, "%{ endif } or %{ endfor } is missing");
      end.keyword.clear();
      return true;
    }
    bool is_directive = source_.text()[mark] == '%';
    if (is_directive ? !directive(text, end) : !interpolation(text, end)) return false;
    if (scanner_.offset() > end.limit) return fail(mark, "This is not closed by } before the text ends");
    if (is_directive && !end.keyword.empty()) return true;
  }
}

/// Up to a mark (${ or %{) or the end, which it leaves for the caller.
bool Parser::template_literal(std::string& literal, const TemplateEnd& end) {
  std::string_view all = source_.text();
  uint32_t at = scanner_.offset();
  while (at < end.limit) {
    char c = all[at];
    std::string_view rest = all.substr(at, std::min<size_t>(3, end.limit - at));
    if (rest == "$${" || rest == "%%{") {
      literal += rest.substr(1);
      at += 3;
      continue;
    }
    if (rest.starts_with("${") || rest.starts_with("%{") || (end.quoted && c == '"')) break;
    if (end.quoted && c == '\n') {
      return fail(at, "A string must end on its line; write \\n, or <<EOF for text over several lines");
    }
    if (end.quoted && c == '\\') {
      scanner_.move_to(at + 1);
      if (!escape(literal)) return false;
      at = scanner_.offset();
      continue;
    }
    const size_t bytes = utf8_length(all.substr(at));
    if (bytes == 0) return fail(at, std::string(kNoUtf8));
    literal += all.substr(at, bytes);
    at += static_cast<uint32_t>(bytes);
  }
  scanner_.move_to(at);
  if (end.quoted && at >= end.limit) return fail(at, "A string does not end: \" is missing");
  return true;
}

bool Parser::escape(std::string& literal) {
  uint32_t at = scanner_.offset();
  char c = at < source_.text().size() ? source_.text()[at] : '\0';
  scanner_.move_to(at + 1);
  switch (c) {
    case 'n': literal += '\n'; return true;
    case 'r': literal += '\r'; return true;
    case 't': literal += '\t'; return true;
    case '"':
    case '\\': literal += c; return true;
    case 'u': return unicode_escape(literal, 4);
    case 'U': return unicode_escape(literal, 8);
    default: break;
  }
  return fail(at - 1,
              "Unknown escape; known are \\n \\r \\t \\\" \\\\ \\uXXXX \\UXXXXXXXX (a backslash itself is \\\\)");
}

bool Parser::unicode_escape(std::string& literal, int digits) {
  uint32_t begin = scanner_.offset();
  uint32_t code = 0;
  std::string_view text = source_.text().substr(begin, static_cast<size_t>(digits));
  for (char c : text) {
    char lower = ascii_lower(c);
    bool is_digit = c >= '0' && c <= '9';
    if (!is_digit && (lower < 'a' || lower > 'f')) return fail(begin, "Hex digits must follow \\u or \\U");
    code = code * 16 + static_cast<uint32_t>(is_digit ? c - '0' : lower - 'a' + 10);
  }
  bool is_character = code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF);
  if (static_cast<int>(text.size()) != digits || !is_character) return fail(begin, "This is no Unicode character");
  append_utf8(literal, code);
  scanner_.move_to(begin + static_cast<uint32_t>(digits));
  return true;
}

bool Parser::interpolation(Expression& text, TemplateEnd& end) {
  auto part = std::make_unique<Expression>();
  part->kind = ExpressionKind::interpolation;
  part->begin = scanner_.offset();
  bool strips = source_.slice(part->begin + 2, part->begin + 3) == "~";
  scanner_.move_to(part->begin + (strips ? 3 : 2));
  bool skipped = std::exchange(skip_newlines_, true);
  part->children.push_back(expression());
  if (!part->children.back()) return false;
  end.strip = peek().is("~");
  if (end.strip) take();
  Token close = take();
  skip_newlines_ = skipped;
  if (!close.is("}")) {
    return fail(close.begin, "Expected } to end this ${, not " + describe(close) + "; for a literal ${ write $${");
  }
  text.children.push_back(finish(std::move(part), close.end));
  return text.children.back() != nullptr;
}

/// Reads %{ if } and %{ for } with all that belongs to them; of the others it leaves the word in `end.keyword`.
bool Parser::directive(Expression& text, TemplateEnd& end) {
  uint32_t begin = scanner_.offset();
  bool strips = source_.slice(begin + 2, begin + 3) == "~";
  scanner_.move_to(begin + (strips ? 3 : 2));
  bool skipped = std::exchange(skip_newlines_, true);
  end.keyword.clear();
  ExpressionPtr part;
  const Token& word = peek();
  bool ends_part =
      word.kind == TokenKind::identifier && (word.text == "else" || word.text == "endif" || word.text == "endfor");
  if (ends_part) {
    end.keyword = take().text;
    skip_newlines_ = skipped;
    if (!end.in_directive) return fail(begin, "%{ " + end.keyword + " } stands alone");
    return directive_close(end);
  }
  if (word.kind == TokenKind::identifier && word.text == "if") {
    part = directive_if(begin, end);
  } else if (word.kind == TokenKind::identifier && word.text == "for") {
    part = directive_for(begin, end);
  } else {
    return fail(begin, "After %{ comes if, else, endif, for or endfor; for a literal %{ write %%{");
  }
  skip_newlines_ = skipped;
  end.keyword.clear();
  if (!part) return false;
  text.children.push_back(std::move(part));
  return true;
}

ExpressionPtr Parser::directive_if(uint32_t begin, TemplateEnd& end) {
  auto part = std::make_unique<Expression>();
  part->kind = ExpressionKind::directive_if;
  part->begin = begin;
  take();  // if
  part->children.push_back(expression());
  if (!part->children.back() || !directive_close(end)) return nullptr;
  part->children.push_back(nested_text(end));
  if (!part->children.back()) return nullptr;
  if (end.keyword == "else") {
    part->children.push_back(nested_text(end));
    if (!part->children.back()) return nullptr;
  }
  if (end.keyword != "endif") return fail_expression(begin, "This %{ if } is not closed by %{ endif }");
  return finish(std::move(part), scanner_.offset());
}

ExpressionPtr Parser::directive_for(uint32_t begin, TemplateEnd& end) {
  auto part = std::make_unique<Expression>();
  part->kind = ExpressionKind::directive_for;
  part->begin = begin;
  if (!for_intro(*part) || !directive_close(end)) return nullptr;
  part->children.push_back(nested_text(end));
  if (!part->children.back()) return nullptr;
  if (end.keyword != "endfor") return fail_expression(begin, "This %{ for } is not closed by %{ endfor }");
  return finish(std::move(part), scanner_.offset());
}

bool Parser::directive_close(TemplateEnd& end) {
  bool skipped = std::exchange(skip_newlines_, true);
  end.strip = peek().is("~");
  if (end.strip) take();
  Token close = take();
  skip_newlines_ = skipped;
  return close.is("}") || fail(close.begin, "Expected } to end this %{, not " + describe(close));
}

ExpressionPtr Parser::nested_text(TemplateEnd& end) {
  if (++depth_ > kNestingDepthMax) return fail_expression(scanner_.offset(), "Too many %{ } in each other");
  auto text = std::make_unique<Expression>();
  text->kind = ExpressionKind::text;
  text->begin = scanner_.offset();
  bool outer = std::exchange(end.in_directive, true);
  bool done = template_parts(*text, end);
  end.in_directive = outer;
  --depth_;
  if (!done) return nullptr;
  return finish(std::move(text), scanner_.offset());
}

}  // namespace weir::scheduler::hcl
