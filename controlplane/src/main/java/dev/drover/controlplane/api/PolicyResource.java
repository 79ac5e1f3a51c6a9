package dev.drover.controlplane.api;

import dev.drover.controlplane.model.Environment;
import dev.drover.controlplane.policy.CompiledPolicy;
import dev.drover.controlplane.policy.NetworkPolicy;
import dev.drover.controlplane.policy.PolicyException;
import dev.drover.controlplane.repository.Kind;
import dev.drover.controlplane.repository.Repository;
import java.util.List;

/** The network policy of an environment. */
final class PolicyResource {
    private final Repository repository;
    private final Lookup lookup;

    PolicyResource(Repository repository, Lookup lookup) {
        this.repository = repository;
        this.lookup = lookup;
    }

    List<Operation> operations() {
        String path = "/v1/environments/{environment}/policy";
        return List.of(
                Operation.get(path, "Get the network policy", NetworkPolicy.class, this::get),
                Operation.put(
                        path,
                        "Replace the network policy; allow without rules is none",
                        NetworkPolicy.class,
                        NetworkPolicy.class,
                        this::put));
    }

    private NetworkPolicy get(Call call) {
        NetworkPolicy policy = lookup.environment(call).policy();
        return policy == null ? NetworkPolicy.ALLOW : policy;
    }

    private NetworkPolicy put(Call call) {
        Environment found = lookup.environment(call);
        NetworkPolicy body = call.body(NetworkPolicy.class);
        NetworkPolicy wanted = new NetworkPolicy(body.defaultPolicyAction(), body.rules());
        try {
            CompiledPolicy.of(wanted);
        } catch (PolicyException e) {
            throw ApiException.invalid(e.field(), String.valueOf(e.getMessage()));
        }
        repository.update(tx -> {
            tx.serialize(found.id());
            Environment environment = tx.get(Kind.ENVIRONMENT, found.id())
                    .orElseThrow(() -> ApiException.notFound("environment", found.name()));
            tx.put(Kind.ENVIRONMENT, environment.withPolicy(wanted.equals(NetworkPolicy.ALLOW) ? null : wanted));
        });
        return wanted;
    }
}
