// The blocks task, resources and network. See jobspec_blocks.h.

#include <utility>

#include "scheduler/jobspec_blocks.h"

namespace weir::scheduler {
namespace {

using Labels = BodyReader::Labels;

void read_logs(BodyReader& body, LogConfig& logs) {
  body.one_block("logs", "LogConfig", [&](BodyReader& inner, const Labels&) {
    inner.whole("max_files", logs.max_files);
    inner.whole("max_file_size", logs.max_file_size_mb);
    inner.boolean("disabled", logs.disabled);
    bool is_enabled = true;  // the older name of the same switch
    inner.boolean("enabled", is_enabled);
    if (inner.has("enabled")) logs.disabled.set_default(!is_enabled);
    inner.finish();
  });
}

void read_templates(BodyReader& body, std::vector<Template>& templates) {
  body.blocks("template", "Templates", 0, [&](BodyReader& inner, const Labels&) {
    Template file;
    file.change_mode = "restart";
    file.perms = "0644";
    file.splay_ns = 5'000'000'000;
    inner.text("source", file.source_path);
    inner.text("destination", file.dest_path);
    inner.text("data", file.embedded_tmpl);
    inner.text("change_mode", file.change_mode);
    inner.text("change_signal", file.change_signal);
    inner.duration("splay", file.splay_ns);
    inner.text("perms", file.perms);
    inner.text("left_delimiter", file.left_delim);
    inner.text("right_delimiter", file.right_delim);
    inner.boolean("env", file.envvars);
    inner.boolean("error_on_missing_key", file.err_missing_key);
    inner.ignored("vault_grace");
    inner.not_modelled("uid", "Uid");
    inner.not_modelled("gid", "Gid");
    inner.not_modelled("wait", "Wait");
    inner.not_modelled("change_script", "ChangeScript");
    inner.finish();
    templates.push_back(std::move(file));
  });
}

void read_artifacts(BodyReader& body, std::vector<Artifact>& artifacts) {
  body.blocks("artifact", "Artifacts", 0, [&](BodyReader& inner, const Labels&) {
    Artifact artifact;
    inner.text("source", artifact.getter_source);
    inner.text("destination", artifact.relative_dest);
    inner.text("mode", artifact.getter_mode);
    inner.text_map("options", artifact.getter_options);
    inner.text_map("headers", artifact.getter_headers);
    inner.boolean("insecure", artifact.getter_insecure);
    inner.boolean("chown", artifact.chown);
    inner.finish();
    artifacts.push_back(std::move(artifact));
  });
}

void read_volume_mounts(BodyReader& body, std::vector<VolumeMount>& mounts) {
  body.blocks("volume_mount", "VolumeMounts", 0, [&](BodyReader& inner, const Labels&) {
    VolumeMount mount;
    inner.text("volume", mount.volume);
    inner.text("destination", mount.destination);
    inner.boolean("read_only", mount.read_only);
    inner.text("propagation_mode", mount.propagation_mode);
    inner.finish();
    mounts.push_back(std::move(mount));
  });
}

void read_lifecycle(BodyReader& body, std::optional<Lifecycle>& lifecycle) {
  body.one_block("lifecycle", "Lifecycle", [&](BodyReader& inner, const Labels&) {
    lifecycle.emplace();
    inner.text("hook", lifecycle->hook);
    inner.boolean("sidecar", lifecycle->sidecar);
    inner.finish();
  });
}

}  // namespace

void read_task(BodyReader& body, const std::string& label, Task& task) {
  task.name = label;
  body.text("driver", task.driver);
  body.text("user", task.user);
  body.boolean("leader", task.leader);
  body.duration("kill_timeout", task.kill_timeout_ns);
  body.text("kill_signal", task.kill_signal);
  body.duration("shutdown_delay", task.shutdown_delay_ns);
  body.free_form("config", task.config);
  body.text_map("env", task.env);
  body.text_map("meta", task.meta);
  body.one_block("resources", "Resources",
                 [&](BodyReader& inner, const Labels&) { read_resources(inner, task.resources); });
  read_restart(body, task.restart_policy);
  read_logs(body, task.log_config);
  read_services(body, task.services);
  read_templates(body, task.templates);
  read_artifacts(body, task.artifacts);
  read_constraints(body, task.constraints);
  read_affinities(body, task.affinities);
  read_volume_mounts(body, task.volume_mounts);
  read_lifecycle(body, task.lifecycle);
  body.not_modelled("kind", "Kind");
  body.not_modelled("dispatch_payload", "DispatchPayload");
  body.not_modelled("vault", "Vault");
  body.not_modelled("consul", "Consul");
  body.not_modelled("identity", "Identities");
  body.not_modelled("action", "Actions");
  body.not_modelled("scaling", "ScalingPolicies");
  body.not_modelled("csi_plugin", "CSIPluginConfig");
  body.not_modelled("schedule", "Schedule");
  body.not_modelled("secret", "Secrets");
  body.finish();
}

void read_resources(BodyReader& body, Resources& resources) {
  body.whole("cpu", resources.cpu_mhz);
  body.whole("cores", resources.cores);
  body.whole("memory", resources.memory_mb);
  body.whole("memory_max", resources.memory_max_mb);
  body.ignored("disk");
  body.ignored("iops");
  read_networks(body, resources.networks);
  body.not_modelled("device", "Devices");
  body.not_modelled("numa", "NUMA");
  body.not_modelled("secrets", "SecretsMB");
  body.finish();
}

namespace {

void read_ports(BodyReader& body, NetworkResource& network) {
  body.blocks("port", "DynamicPorts", 1, [&](BodyReader& inner, const Labels& labels) {
    Port port{labels[0]};
    inner.whole("static", port.value);
    inner.whole("to", port.to);
    inner.text("host_network", port.host_network);
    inner.boolean("ignore_collision", port.ignore_collision);
    inner.finish();
    for (const auto* ports : {&network.reserved_ports, &network.dynamic_ports}) {
      for (const Port& other : *ports) {
        if (other.label == port.label) inner.fail_at(inner.begin(), "The port \"" + port.label + "\" is given twice");
      }
    }
    // A negative number is kept as a static port, so that validation can name it.
    (port.value != 0 ? network.reserved_ports : network.dynamic_ports).push_back(std::move(port));
  });
}

}  // namespace

void read_networks(BodyReader& body, std::vector<NetworkResource>& networks) {
  body.blocks("network", "Networks", 0, [&](BodyReader& inner, const Labels&) {
    NetworkResource network;
    inner.text("mode", network.mode);
    inner.text("hostname", network.hostname);
    inner.whole("mbits", network.mbits);
    read_ports(inner, network);
    inner.one_block("dns", "DNS", [&](BodyReader& dns, const Labels&) {
      network.dns.emplace();
      dns.texts("servers", network.dns->servers);
      dns.texts("searches", network.dns->searches);
      dns.texts("options", network.dns->options);
      dns.finish();
    });
    inner.not_modelled("cni", "CNI");
    inner.finish();
    networks.push_back(std::move(network));
  });
}

}  // namespace weir::scheduler
