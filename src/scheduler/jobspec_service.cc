// The blocks service, check and check_restart. See jobspec_blocks.h.

#include <utility>

#include "scheduler/jobspec_blocks.h"

namespace weir::scheduler {
namespace {

using Labels = BodyReader::Labels;

void read_check_restart(BodyReader& body, std::optional<CheckRestart>& restart) {
  body.one_block("check_restart", "CheckRestart", [&](BodyReader& inner, const Labels&) {
    restart.emplace();
    inner.whole("limit", restart->limit);
    inner.duration("grace", restart->grace_ns);
    inner.boolean("ignore_warnings", restart->ignore_warnings);
    inner.finish();
  });
}

void read_check(BodyReader& body, ServiceCheck& check) {
  body.text("name", check.name);
  body.text("type", check.type);
  body.text("command", check.command);
  body.texts("args", check.args);
  body.text("path", check.path);
  body.text("protocol", check.protocol);
  body.text("port", check.port_label);
  body.boolean("expose", check.expose);
  body.text("address_mode", check.address_mode);
  body.text("advertise", check.advertise);
  body.duration("interval", check.interval_ns);
  body.duration("timeout", check.timeout_ns);
  body.text("initial_status", check.initial_status);
  body.text("notes", check.notes);
  body.text("tls_server_name", check.tls_server_name);
  body.boolean("tls_skip_verify", check.tls_skip_verify);
  body.text_lists("header", check.header);
  body.text("method", check.method);
  body.text("body", check.body);
  body.text("task", check.task_name);
  body.text("on_update", check.on_update);
  body.text("grpc_service", check.grpc_service);
  body.boolean("grpc_use_tls", check.grpc_use_tls);
  body.whole("success_before_passing", check.success_before_passing);
  body.whole("failures_before_critical", check.failures_before_critical);
  body.whole("failures_before_warning", check.failures_before_warning);
  read_check_restart(body, check.check_restart);
  body.finish();
}

void read_service(BodyReader& body, Service& service) {
  body.text("name", service.name);
  body.texts("tags", service.tags);
  body.texts("canary_tags", service.canary_tags);
  body.boolean("enable_tag_override", service.enable_tag_override);
  body.text("port", service.port_label);
  body.text("address_mode", service.address_mode);
  body.text("address", service.address);
  body.text("task", service.task_name);
  body.text("on_update", service.on_update);
  body.text("provider", service.provider);
  body.text("cluster", service.cluster);
  body.text_map("meta", service.meta);
  body.text_map("canary_meta", service.canary_meta);
  body.text_map("tagged_addresses", service.tagged_addresses);
  body.one_block("weights", "Weights", [&](BodyReader& inner, const Labels&) {
    service.weights.emplace();
    inner.whole("passing", service.weights->passing);
    inner.whole("warning", service.weights->warning);
    inner.finish();
  });
  read_check_restart(body, service.check_restart);
  body.blocks("check", "Checks", 0,
              [&](BodyReader& inner, const Labels&) { read_check(inner, service.checks.emplace_back()); });
  body.not_modelled("connect", "Connect");
  body.not_modelled("identity", "Identity");
  body.not_modelled("kind", "Kind");
  body.finish();
}

}  // namespace

void read_services(BodyReader& body, std::vector<Service>& services) {
  body.blocks("service", "Services", 0,
              [&](BodyReader& inner, const Labels&) { read_service(inner, services.emplace_back()); });
}

}  // namespace weir::scheduler
