package dev.drover.node.workload;

import com.github.dockerjava.api.command.CreateContainerCmd;
import com.github.dockerjava.api.model.Bind;
import com.github.dockerjava.api.model.Capability;
import com.github.dockerjava.api.model.HostConfig;
import com.github.dockerjava.api.model.Volume;
import dev.drover.controlplane.link.DesiredItem;
import dev.drover.controlplane.link.DesiredItem.ContainerSpec;
import dev.drover.node.docker.EngineException;
import dev.drover.node.docker.Labels;
import dev.drover.node.mapping.Tables;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** How a desired workload becomes a Docker container. Its network is the overlay alone, wired after it has started. */
final class ContainerRecipe {
    private ContainerRecipe() {}

    /** @throws EngineException for a volume or capability the engine would not know */
    static void fill(CreateContainerCmd command, DesiredItem.Workload workload) {
        ContainerSpec spec = workload.spec();
        Map<String, String> labels = new HashMap<>(spec.labels());
        labels.put(Labels.INSTANCE, workload.instanceId());
        labels.put(Labels.NETWORK, "true");
        labels.put(Labels.NAME, workload.containerName());
        List<String> environment = new ArrayList<>();
        spec.environment().forEach((name, value) -> environment.add(name + "=" + value));
        command.withName(workload.containerName())
                .withLabels(labels)
                .withEnv(environment)
                .withTty(spec.tty())
                .withStdinOpen(spec.stdinOpen())
                .withHostConfig(hostConfig(workload))
                .withVolumes(anonymousVolumes(spec.volumes()));
        if (spec.command() != null) {
            command.withCmd(spec.command());
        }
        if (spec.entrypoint() != null) {
            command.withEntrypoint(spec.entrypoint());
        }
        if (spec.workingDir() != null) {
            command.withWorkingDir(spec.workingDir());
        }
        if (spec.user() != null) {
            command.withUser(spec.user());
        }
        if (spec.hostname() != null) {
            command.withHostName(spec.hostname());
        } else if ("container_name".equals(spec.labels().get(Labels.HOSTNAME_OVERRIDE))) {
            command.withHostName(workload.containerName());
        }
    }

    private static HostConfig hostConfig(DesiredItem.Workload workload) {
        ContainerSpec spec = workload.spec();
        HostConfig config = HostConfig.newHostConfig()
                .withNetworkMode("none")
                .withPrivileged(spec.privileged())
                .withBinds(binds(spec.volumes()))
                .withCapAdd(
                        spec.capAdd().stream().map(ContainerRecipe::capability).toArray(Capability[]::new));
        if (!"false".equalsIgnoreCase(spec.labels().get(Labels.DNS))) {
            config.withDns(Tables.RESOLVER.getHostAddress()).withDnsSearch(workload.dnsSearch());
        }
        if (spec.memoryBytes() != null) {
            config.withMemory(spec.memoryBytes());
        }
        return config;
    }

    private static Capability capability(String name) {
        String plain = name.startsWith("CAP_") ? name.substring("CAP_".length()) : name;
        try {
            return Capability.valueOf(plain);
        } catch (IllegalArgumentException e) {
            throw new EngineException("cap_add: " + name + " (expected: a Linux capability)", e);
        }
    }

    private static List<Bind> binds(List<String> volumes) {
        return volumes.stream()
                .filter(volume -> volume.contains(":"))
                .map(Bind::parse)
                .toList();
    }

    private static List<Volume> anonymousVolumes(List<String> volumes) {
        return volumes.stream()
                .filter(volume -> !volume.contains(":"))
                .map(Volume::new)
                .toList();
    }
}
