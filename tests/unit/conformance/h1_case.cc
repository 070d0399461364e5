#include "h1_case.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace weir::conformance {
namespace {

struct Line {
  std::string key;
  std::string value;
};

Line parse(const std::string& text) {
  for (const char* mark : {">>", "<<", "==", "**", ">", "<", "=", "*"}) {
    std::string key = mark;
    if (text.compare(0, key.size(), key) != 0) continue;
    std::string rest = text.substr(key.size());
    if (!rest.empty() && rest[0] == ' ') rest.erase(0, 1);
    return {key, unescape(rest) + (key.size() == 1 ? "\r\n" : "")};
  }
  size_t colon = text.find(": ");
  if (colon == std::string::npos) throw std::runtime_error("neither bytes nor 'key: value'");
  return {text.substr(0, colon), text.substr(colon + 2)};
}

Reply::When when_of(const std::string& text) {
  if (text == "head") return Reply::When::head;
  if (text == "client_served") return Reply::When::client_served;
  if (text == "request") return Reply::When::request;
  throw std::runtime_error("an unknown moment: " + text);
}

void take(Case& into, const Line& line) {
  auto reply = [&]() -> Reply& {
    if (into.replies.empty()) into.replies.emplace_back();
    return into.replies.back();
  };
  const auto& [key, value] = line;
  if (key[0] == '>') {
    into.client += value;
  } else if (key[0] == '<') {
    reply().bytes += value;
  } else if (key[0] == '=') {
    into.forwarded += value;
  } else if (key[0] == '*') {
    into.answer += value;
  } else if (key == "rfc") {
    into.rfc = value;
  } else if (key == "status") {
    std::istringstream numbers(value);
    for (int status; numbers >> status;) into.statuses.push_back(status);
  } else if (key == "reply") {
    into.replies.push_back({when_of(value), "", Reply::Then::nothing});
  } else if (key == "then") {
    reply().then = value == "reset" ? Reply::Then::reset : Reply::Then::fin;
  } else if (key == "client") {
    into.client_ends = value == "ends";
  } else if (key == "end") {
    into.end = value == "closed" ? Case::End::closed : value == "cut" ? Case::End::cut : Case::End::open;
  } else if (key == "upstream") {
    into.forwards_anything = value == "anything";
  } else if (key == "splits") {
    into.splits = value == "yes";
  } else if (key == "option") {
    into.options.push_back(value);
  } else if (key == "llhttp") {
    into.llhttp = value;
  } else if (key != "why" && key != "nginx" && key != "haproxy") {
    throw std::runtime_error("an unknown key: " + key);
  }
}

void finish(Case& made) {
  if (made.rfc.empty() || made.client.empty()) throw std::runtime_error("a case without rfc or without client bytes");
}

}  // namespace

bool Case::refused() const {
  return std::any_of(statuses.begin(), statuses.end(),
                     [](int s) { return s == 400 || s == 414 || s == 417 || s == 431 || s == 501 || s == 505; });
}

std::string unescape(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    switch (char c = text.at(++i)) {
      case 'r': out += '\r'; break;
      case 'n': out += '\n'; break;
      case 't': out += '\t'; break;
      case '0': out += '\0'; break;
      case 'x':
        out += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
        i += 2;
        break;
      case '{': {
        size_t star = text.find('*', i);
        size_t end = text.find('}', i);
        for (int n = std::stoi(text.substr(i + 1)); n > 0; --n) out += unescape(text.substr(star + 1, end - star - 1));
        i = end;
        break;
      }
      default: out += c;
    }
  }
  return out;
}

std::vector<Case> read_cases(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path);
  std::vector<Case> cases;
  std::string text;
  for (int number = 1; std::getline(file, text); ++number) {
    if (text.empty() || text[0] == '#') continue;
    std::string place = path.substr(path.rfind('/') + 1) + ":" + std::to_string(number);
    try {
      Line line = parse(text);
      if (line.key == "case") {
        if (!cases.empty()) finish(cases.back());
        cases.emplace_back();
        cases.back().name = line.value;
        cases.back().place = place;
      } else {
        take(cases.at(cases.size() - 1), line);
      }
    } catch (const std::exception& error) {
      throw std::runtime_error(place + ": " + error.what());
    }
  }
  if (!cases.empty()) finish(cases.back());
  return cases;
}

}  // namespace weir::conformance
