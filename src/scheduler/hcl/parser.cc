#include "scheduler/hcl/parser.h"

#include <utility>

#include "scheduler/hcl/limits.h"

namespace weir::scheduler::hcl {

Result<Body> parse_body(const Source& source) {
  if (source.text().size() > kSourceBytesMax) {
    return fail(ErrorCode::too_large, source.name() + " is larger than " + std::to_string(kSourceBytesMax) + " bytes");
  }
  if (source.text().starts_with("\xEF\xBB\xBF")) {
    return fail(source.error_at(0, "The file begins with a byte order mark; save it as plain UTF-8"));
  }
  Parser parser(source);
  Body body;
  if (!parser.body(body, true)) return fail(*parser.error());
  return body;
}

Result<ExpressionPtr> parse_expression(const Source& source) {
  Parser parser(source);
  ExpressionPtr expression = parser.expression();
  if (expression && !parser.at_end()) expression = nullptr;
  if (!expression) return fail(*parser.error());
  return expression;
}

const Attribute* Body::find(const std::string& name) const {
  for (const Attribute& attribute : attributes) {
    if (attribute.name == name) return &attribute;
  }
  return nullptr;
}

bool Parser::body(Body& body, bool top_level) {
  if (++depth_ > kNestingDepthMax) return fail(scanner_.offset(), "Blocks are nested too deeply here");
  while (true) {
    const Token& token = peek();
    if (error_) return false;
    if (token.kind == TokenKind::newline) {
      take();
    } else if (token.kind == TokenKind::end || token.is("}")) {
      break;
    } else if (!statement(body)) {
      return false;
    }
  }
  body.end = peek().begin;
  if (top_level && peek().is("}")) return fail(peek().begin, "This } closes nothing");
  if (!top_level && peek().kind == TokenKind::end) return fail(peek().begin, "A block is not closed: } is missing");
  --depth_;
  return true;
}

bool Parser::statement(Body& body) {
  Token first = take();
  if (first.kind == TokenKind::quote) {
    return fail(first.begin, "Names of attributes and blocks are written without quotes: name = value");
  }
  if (first.is("[")) {
    return fail(first.begin, "Expected an attribute or a block; [[ ]] of other template tools must be rendered before");
  }
  if (first.is(",")) return fail(first.begin, "Commas do not separate attributes; put each on its own line");
  if (first.kind != TokenKind::identifier) {
    return fail(first.begin, "Expected an attribute or a block, not " + describe(first));
  }
  const Token& second = peek();
  if (error_) return false;
  if (second.is("=")) return attribute(body, first) && statement_ends("An attribute");
  if (second.is("{") || second.kind == TokenKind::quote || second.kind == TokenKind::identifier) {
    return block(body, first) && statement_ends("A block");
  }
  if (second.is(":")) return fail(second.begin, "An attribute is set with = here: " + first.text + " = value");
  return fail(second.begin,
              "After \"" + first.text + "\" comes = and a value, or { and a block, not " + describe(second));
}

bool Parser::attribute(Body& body, const Token& name) {
  if (const Attribute* earlier = body.find(name.text)) {
    return fail(name.begin,
                "The attribute \"" + name.text + "\" was already set at " + source_.place_of(earlier->begin));
  }
  take();  // =
  if (peek().kind == TokenKind::newline) {
    return fail(peek().begin, "The value of \"" + name.text + "\" must begin on the same line");
  }
  ExpressionPtr value = expression();
  if (!value) return false;
  body.attributes.push_back(Attribute{name.text, name.begin, std::move(value)});
  return true;
}

bool Parser::block(Body& body, const Token& type) {
  Block block;
  block.type = type.text;
  block.begin = type.begin;
  if (!labels(block)) return false;
  take();  // {
  bool more_lines = peek().kind == TokenKind::newline;
  if (error_) return false;
  if (more_lines ? !this->body(block.body, false) : !one_line_block(block)) return false;
  take();  // }
  body.blocks.push_back(std::move(block));
  return true;
}

bool Parser::labels(Block& block) {
  while (!peek().is("{")) {
    Token token = take();
    if (error_) return false;
    if (token.kind == TokenKind::identifier) {
      block.labels.push_back(Label{token.text, token.begin});
    } else if (token.kind == TokenKind::quote) {
      ExpressionPtr text = quoted(token);
      if (!text) return false;
      if (text->kind != ExpressionKind::literal) {
        return fail(token.begin, "A block's label is plain text: ${ } is not replaced in it");
      }
      block.labels.push_back(Label{text->value.as_string(), token.begin});
    } else if (token.is("=")) {
      return fail(token.begin, "A block has no = before its {; an attribute has no label");
    } else {
      return fail(token.begin, "The { of the block \"" + block.type + "\" must stand on its line, after its labels");
    }
  }
  return true;
}

bool Parser::one_line_block(Block& block) {
  if (peek().kind == TokenKind::identifier) {
    Token name = take();
    if (!peek().is("=")) {
      return fail(name.begin, "A block on one line holds at most one attribute; give a nested block its own lines");
    }
    if (!attribute(block.body, name)) return false;
  }
  const Token& close = peek();
  if (error_) return false;
  block.body.end = close.begin;
  if (close.is("}")) return true;
  if (close.is(",") || close.kind == TokenKind::identifier) {
    return fail(close.begin, "A block on one line holds at most one attribute; put each attribute on its own line");
  }
  return fail(close.begin, "Expected } at the end of this one-line block, not " + describe(close));
}

bool Parser::statement_ends(std::string_view what) {
  const Token& token = peek();
  if (error_) return false;
  if (token.kind == TokenKind::newline) {
    take();
    return true;
  }
  if (token.kind == TokenKind::end) return true;
  if (token.is(",")) return fail(token.begin, "Commas do not separate attributes; put each on its own line");
  return fail(token.begin, std::string(what) + " must end with its line; begin a new line before " + describe(token));
}

const Token& Parser::peek() {
  while (!peeked_ || (skip_newlines_ && peeked_->kind == TokenKind::newline)) peeked_ = scanner_.next();
  if (peeked_->kind == TokenKind::invalid) fail(peeked_->begin, peeked_->text);
  return *peeked_;
}

Token Parser::take() {
  Token token = peek();
  peeked_.reset();
  return token;
}

bool Parser::expect(std::string_view punctuation, std::string_view where) {
  Token token = take();
  if (token.is(punctuation)) return true;
  return fail(token.begin,
              "Expected " + std::string(punctuation) + " " + std::string(where) + ", not " + describe(token));
}

bool Parser::at_end() {
  skip_newlines_ = true;
  Token token = take();
  return token.kind == TokenKind::end || fail(token.begin, "Expected the end of the text, not " + describe(token));
}

bool Parser::fail(uint32_t offset, std::string message) {
  if (!error_) error_ = source_.error_at(offset, std::move(message));
  return false;
}

ExpressionPtr Parser::fail_expression(uint32_t offset, std::string message) {
  fail(offset, std::move(message));
  return nullptr;
}

std::string Parser::describe(const Token& token) const {
  switch (token.kind) {
    case TokenKind::end: return "the end of the file";
    case TokenKind::newline: return "the end of the line";
    case TokenKind::quote: return "a string";
    case TokenKind::heredoc: return "a <<" + token.text + " text";
    case TokenKind::identifier:
    case TokenKind::number:
    case TokenKind::punctuation: return "\"" + token.text + "\"";
    case TokenKind::invalid: break;
  }
  return "this";
}

}  // namespace weir::scheduler::hcl
