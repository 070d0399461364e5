#pragma once
// THE table of a job's fields: one line a field with its JSON name, its shape and how hard a change of it hits a
// running allocation. Reading JSON, writing JSON, the plan's diff and the choice between in-place and destructive all
// walk this table, so that they cannot disagree. A new field is a line here (and one in jobspec_*.cc).
//
// A visitor has: field (number, bool, string), nullable_text (a string that is null when empty), duration, texts (a
// list of strings), map (string to string), lists (string to strings), config (a Value), object (a struct, plain or
// optional), list and named (structs in a vector or by name, with the singular for messages) and not_modelled.

#include <concepts>
#include <type_traits>

#include "scheduler/job_diff.h"
#include "weir/scheduler/job.h"

namespace weir::scheduler {

template <typename T, typename Struct>
concept Is = std::same_as<std::remove_const_t<T>, Struct>;

// What a change of a field does; fields without one do as the struct they are in.
inline constexpr ChangeClass kUnseen = ChangeClass::none;
inline constexpr ChangeClass kInPlace = ChangeClass::in_place;
inline constexpr ChangeClass kDestructive = ChangeClass::destructive;

template <typename V, Is<Constraint> T>
void visit_fields(V& v, T& constraint) {
  v.field("LTarget", constraint.l_target);
  v.field("RTarget", constraint.r_target);
  v.field("Operand", constraint.operand);
}

template <typename V, Is<Affinity> T>
void visit_fields(V& v, T& affinity) {
  v.field("LTarget", affinity.l_target);
  v.field("RTarget", affinity.r_target);
  v.field("Operand", affinity.operand);
  v.field("Weight", affinity.weight);
}

template <typename V, Is<SpreadTarget> T>
void visit_fields(V& v, T& target) {
  v.field("Value", target.value);
  v.field("Percent", target.percent);
}

template <typename V, Is<Spread> T>
void visit_fields(V& v, T& spread) {
  v.field("Attribute", spread.attribute);
  v.field("Weight", spread.weight);
  v.list("SpreadTarget", "SpreadTarget", spread.targets);
}

template <typename V, Is<Port> T>
void visit_fields(V& v, T& port) {
  v.field("Label", port.label);
  v.field("Value", port.value);
  v.field("To", port.to);
  v.field("HostNetwork", port.host_network);
  v.field("IgnoreCollision", port.ignore_collision);
}

template <typename V, Is<DnsConfig> T>
void visit_fields(V& v, T& dns) {
  v.texts("Servers", dns.servers);
  v.texts("Searches", dns.searches);
  v.texts("Options", dns.options);
}

template <typename V, Is<NetworkResource> T>
void visit_fields(V& v, T& network) {
  v.field("Mode", network.mode);
  v.field("Device", network.device);
  v.field("CIDR", network.cidr);
  v.field("IP", network.ip);
  v.field("Hostname", network.hostname);
  v.field("MBits", network.mbits, kInPlace);  // nobody enforces it
  v.object("DNS", network.dns);
  v.list("ReservedPorts", "Static Port", network.reserved_ports);
  v.list("DynamicPorts", "Dynamic Port", network.dynamic_ports);
  v.not_modelled("CNI");
}

template <typename V, Is<Resources> T>
void visit_fields(V& v, T& resources) {
  v.field("CPU", resources.cpu_mhz);
  v.field("Cores", resources.cores);
  v.field("MemoryMB", resources.memory_mb);
  v.field("MemoryMaxMB", resources.memory_max_mb);
  v.list("Networks", "Network", resources.networks);
  v.not_modelled("Devices");
  v.not_modelled("NUMA");
  v.not_modelled("SecretsMB");
}

template <typename V, Is<CheckRestart> T>
void visit_fields(V& v, T& restart) {
  v.field("Limit", restart.limit);
  v.duration("Grace", restart.grace_ns);
  v.field("IgnoreWarnings", restart.ignore_warnings);
}

template <typename V, Is<ServiceCheck> T>
void visit_fields(V& v, T& check) {
  v.field("Name", check.name);
  v.field("Type", check.type);
  v.field("Command", check.command);
  v.texts("Args", check.args);
  v.field("Path", check.path);
  v.field("Protocol", check.protocol);
  v.field("PortLabel", check.port_label);
  v.field("Expose", check.expose);
  v.field("AddressMode", check.address_mode);
  v.field("Advertise", check.advertise);
  v.duration("Interval", check.interval_ns);
  v.duration("Timeout", check.timeout_ns);
  v.field("InitialStatus", check.initial_status);
  v.field("Notes", check.notes);
  v.field("TLSServerName", check.tls_server_name);
  v.field("TLSSkipVerify", check.tls_skip_verify);
  v.lists("Header", check.header);
  v.field("Method", check.method);
  v.field("Body", check.body);
  v.object("CheckRestart", check.check_restart);
  v.field("GRPCService", check.grpc_service);
  v.field("GRPCUseTLS", check.grpc_use_tls);
  v.field("TaskName", check.task_name);
  v.field("SuccessBeforePassing", check.success_before_passing);
  v.field("FailuresBeforeCritical", check.failures_before_critical);
  v.field("FailuresBeforeWarning", check.failures_before_warning);
  v.field("OnUpdate", check.on_update);
}

template <typename V, Is<ServiceWeights> T>
void visit_fields(V& v, T& weights) {
  v.field("Passing", weights.passing);
  v.field("Warning", weights.warning);
}

template <typename V, Is<Service> T>
void visit_fields(V& v, T& service) {
  v.field("Name", service.name);
  v.texts("Tags", service.tags);
  v.texts("CanaryTags", service.canary_tags);
  v.field("EnableTagOverride", service.enable_tag_override);
  v.field("PortLabel", service.port_label);
  v.field("AddressMode", service.address_mode);
  v.field("Address", service.address);
  v.list("Checks", "Check", service.checks);
  v.object("CheckRestart", service.check_restart);
  v.map("Meta", service.meta);
  v.map("CanaryMeta", service.canary_meta);
  v.map("TaggedAddresses", service.tagged_addresses);
  v.field("TaskName", service.task_name);
  v.field("OnUpdate", service.on_update);
  v.object("Weights", service.weights);
  v.field("Provider", service.provider);
  v.field("Cluster", service.cluster);
  v.not_modelled("Connect");
  v.not_modelled("Identity");
  v.not_modelled("Kind");
}

template <typename V, Is<RestartPolicy> T>
void visit_fields(V& v, T& policy) {
  v.field("Attempts", policy.attempts);
  v.duration("Interval", policy.interval_ns);
  v.duration("Delay", policy.delay_ns);
  v.nullable_text("Mode", policy.mode);
  v.field("RenderTemplates", policy.render_templates, kDestructive);
}

template <typename V, Is<ReschedulePolicy> T>
void visit_fields(V& v, T& policy) {
  v.field("Attempts", policy.attempts);
  v.duration("Interval", policy.interval_ns);
  v.duration("Delay", policy.delay_ns);
  v.nullable_text("DelayFunction", policy.delay_function);
  v.duration("MaxDelay", policy.max_delay_ns);
  v.field("Unlimited", policy.unlimited);
}

template <typename V, Is<UpdateStrategy> T>
void visit_fields(V& v, T& update) {
  v.duration("Stagger", update.stagger_ns);
  v.field("MaxParallel", update.max_parallel);
  v.nullable_text("HealthCheck", update.health_check);
  v.duration("MinHealthyTime", update.min_healthy_time_ns);
  v.duration("HealthyDeadline", update.healthy_deadline_ns);
  v.duration("ProgressDeadline", update.progress_deadline_ns);
  v.field("Canary", update.canary);
  v.field("AutoRevert", update.auto_revert);
  v.field("AutoPromote", update.auto_promote);
}

template <typename V, Is<MigrateStrategy> T>
void visit_fields(V& v, T& migrate) {
  v.field("MaxParallel", migrate.max_parallel);
  v.nullable_text("HealthCheck", migrate.health_check);
  v.duration("MinHealthyTime", migrate.min_healthy_time_ns);
  v.duration("HealthyDeadline", migrate.healthy_deadline_ns);
}

template <typename V, Is<EphemeralDisk> T>
void visit_fields(V& v, T& disk) {
  v.field("Sticky", disk.sticky);
  v.field("Migrate", disk.migrate);
  v.field("SizeMB", disk.size_mb);
}

template <typename V, Is<LogConfig> T>
void visit_fields(V& v, T& logs) {
  v.field("MaxFiles", logs.max_files);
  v.field("MaxFileSizeMB", logs.max_file_size_mb);
  v.field("Disabled", logs.disabled, kDestructive);
}

template <typename V, Is<Template> T>
void visit_fields(V& v, T& file) {
  v.nullable_text("SourcePath", file.source_path);
  v.nullable_text("DestPath", file.dest_path);
  v.nullable_text("EmbeddedTmpl", file.embedded_tmpl);
  v.nullable_text("ChangeMode", file.change_mode);
  v.nullable_text("ChangeSignal", file.change_signal);
  v.duration("Splay", file.splay_ns);
  v.nullable_text("Perms", file.perms);
  v.nullable_text("LeftDelim", file.left_delim);
  v.nullable_text("RightDelim", file.right_delim);
  v.field("Envvars", file.envvars);
  v.field("ErrMissingKey", file.err_missing_key);
  v.not_modelled("Wait");
  v.not_modelled("ChangeScript");
  v.not_modelled("Uid");
  v.not_modelled("Gid");
}

template <typename V, Is<Artifact> T>
void visit_fields(V& v, T& artifact) {
  v.nullable_text("GetterSource", artifact.getter_source);
  v.map("GetterOptions", artifact.getter_options);
  v.map("GetterHeaders", artifact.getter_headers);
  v.nullable_text("GetterMode", artifact.getter_mode);
  v.field("GetterInsecure", artifact.getter_insecure);
  v.nullable_text("RelativeDest", artifact.relative_dest);
  v.field("Chown", artifact.chown);
}

template <typename V, Is<VolumeMount> T>
void visit_fields(V& v, T& mount) {
  v.nullable_text("Volume", mount.volume);
  v.nullable_text("Destination", mount.destination);
  v.field("ReadOnly", mount.read_only);
  v.nullable_text("PropagationMode", mount.propagation_mode);
}

template <typename V, Is<Volume> T>
void visit_fields(V& v, T& volume) {
  v.field("Name", volume.name);
  v.field("Type", volume.type);
  v.field("Source", volume.source);
  v.field("ReadOnly", volume.read_only);
  v.field("AccessMode", volume.access_mode);
  v.field("AttachmentMode", volume.attachment_mode);
  v.field("PerAlloc", volume.per_alloc);
  v.not_modelled("MountOptions");
}

template <typename V, Is<Lifecycle> T>
void visit_fields(V& v, T& lifecycle) {
  v.field("Hook", lifecycle.hook);
  v.field("Sidecar", lifecycle.sidecar);
}

template <typename V, Is<Scaling> T>
void visit_fields(V& v, T& scaling) {
  v.field("Min", scaling.min);
  v.field("Max", scaling.max);
  v.field("Enabled", scaling.enabled);
  v.field("Type", scaling.type);
  v.not_modelled("Policy");
}

template <typename V, Is<Task> T>
void visit_fields(V& v, T& task) {
  v.field("Name", task.name, kDestructive);
  v.field("Driver", task.driver, kDestructive);
  v.field("User", task.user, kDestructive);
  v.config("Config", task.config, kDestructive);
  v.map("Env", task.env, kDestructive);
  v.map("Meta", task.meta, kUnseen);  // what counts is the merged meta of job, group and task: see job_diff.cc
  v.list("Services", "Service", task.services, kInPlace);
  v.object("Resources", task.resources, kDestructive);
  v.object("RestartPolicy", task.restart_policy, kInPlace);
  v.duration("KillTimeout", task.kill_timeout_ns, kInPlace);
  v.field("KillSignal", task.kill_signal, kInPlace);
  v.duration("ShutdownDelay", task.shutdown_delay_ns, kInPlace);
  v.object("LogConfig", task.log_config, kInPlace);
  v.list("Templates", "Template", task.templates, kDestructive);
  v.list("Artifacts", "Artifact", task.artifacts, kDestructive);
  v.list("VolumeMounts", "VolumeMount", task.volume_mounts, kDestructive);
  v.list("Constraints", "Constraint", task.constraints, kInPlace);
  v.list("Affinities", "Affinity", task.affinities, kDestructive);
  v.object("Lifecycle", task.lifecycle, kDestructive);
  v.field("Leader", task.leader, kInPlace);
  for (const char* name : {"Kind", "DispatchPayload", "Vault", "Consul", "Identity", "Identities", "Actions",
                           "ScalingPolicies", "CSIPluginConfig", "Schedule", "Secrets"}) {
    v.not_modelled(name);
  }
}

/// Without the tasks: see visit_fields(TaskGroup).
template <typename V, Is<TaskGroup> T>
void visit_own_fields(V& v, T& group) {
  v.nullable_text("Name", group.name, kDestructive);
  v.field("Count", group.count, kInPlace);
  v.list("Constraints", "Constraint", group.constraints, kInPlace);
  v.list("Affinities", "Affinity", group.affinities, kDestructive);
  v.list("Spreads", "Spread", group.spreads, kDestructive);
  v.object("RestartPolicy", group.restart_policy, kInPlace);
  v.object("ReschedulePolicy", group.reschedule_policy, kInPlace);
  v.object("EphemeralDisk", group.ephemeral_disk, kDestructive);
  v.object("Update", group.update, kInPlace);
  v.object("Migrate", group.migrate, kInPlace);
  v.list("Networks", "Network", group.networks, kDestructive);
  v.list("Services", "Service", group.services, kInPlace);
  v.duration("ShutdownDelay", group.shutdown_delay_ns, kInPlace);
  v.object("Scaling", group.scaling, kInPlace);
  v.named("Volumes", "Volume", group.volumes, kDestructive);
  v.map("Meta", group.meta, kUnseen);
  for (const char* name : {"StopAfterClientDisconnect", "MaxClientDisconnect", "PreventRescheduleOnLost", "Disconnect",
                           "Consul", "Vault"}) {
    v.not_modelled(name);
  }
}

template <typename V, Is<TaskGroup> T>
void visit_fields(V& v, T& group) {
  visit_own_fields(v, group);
  v.list("Tasks", "Task", group.tasks, kDestructive);
}

/// What the user writes, without the groups. Update, Reschedule and Migrate are not here: canonical jobs have them
/// merged into their groups.
template <typename V, Is<Job> T>
void visit_own_fields(V& v, T& job) {
  v.nullable_text("Region", job.region, kDestructive);
  v.nullable_text("Namespace", job.namespace_, kDestructive);
  v.nullable_text("Name", job.name, kInPlace);
  v.nullable_text("Type", job.type, kDestructive);
  v.field("Priority", job.priority, kInPlace);
  v.field("AllAtOnce", job.all_at_once, kInPlace);
  v.texts("Datacenters", job.datacenters, kInPlace);
  v.nullable_text("NodePool", job.node_pool, kInPlace);
  v.list("Constraints", "Constraint", job.constraints, kInPlace);
  v.list("Affinities", "Affinity", job.affinities, kDestructive);
  v.list("Spreads", "Spread", job.spreads, kDestructive);
  v.map("Meta", job.meta, kUnseen);
  for (const char* name : {"Periodic", "ParameterizedJob", "Multiregion", "VaultToken", "ConsulToken", "VaultNamespace",
                           "ConsulNamespace", "Payload", "UI"}) {
    v.not_modelled(name);
  }
}

template <typename V, Is<Job> T>
void visit_fields(V& v, T& job) {
  v.nullable_text("ID", job.id);
  visit_own_fields(v, job);
  v.list("TaskGroups", "TaskGroup", job.task_groups);
  v.object("Update", job.update);
  v.object("Reschedule", job.reschedule);
  v.object("Migrate", job.migrate);
  // What the server adds.
  v.field("Stop", job.stop);
  v.nullable_text("Status", job.status);
  v.nullable_text("StatusDescription", job.status_description);
  v.field("Stable", job.stable);
  v.field("Version", job.version);
  v.field("SubmitTime", job.submit_time_ns);
  v.field("CreateIndex", job.create_index);
  v.field("ModifyIndex", job.modify_index);
  v.field("JobModifyIndex", job.job_modify_index);
}

}  // namespace weir::scheduler
