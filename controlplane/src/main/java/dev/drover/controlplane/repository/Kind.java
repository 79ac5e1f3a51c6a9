package dev.drover.controlplane.repository;

import dev.drover.controlplane.model.AccessToken;
import dev.drover.controlplane.model.Account;
import dev.drover.controlplane.model.Certificate;
import dev.drover.controlplane.model.Container;
import dev.drover.controlplane.model.Environment;
import dev.drover.controlplane.model.Host;
import dev.drover.controlplane.model.Instance;
import dev.drover.controlplane.model.JoinToken;
import dev.drover.controlplane.model.Service;
import dev.drover.controlplane.model.Stack;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** A type of stored record and the shape of its keys: {@code NAME/PART/PART}. */
public final class Kind<T> {
    public static final Kind<Account> ACCOUNT = new Kind<>("accounts", Account.class, false, a -> List.of(a.name()));
    public static final Kind<AccessToken> ACCESS_TOKEN =
            new Kind<>("access-tokens", AccessToken.class, false, t -> List.of(t.hash()));
    public static final Kind<Environment> ENVIRONMENT =
            new Kind<>("environments", Environment.class, true, e -> List.of(e.id()));
    public static final Kind<JoinToken> JOIN_TOKEN =
            new Kind<>("join-tokens", JoinToken.class, true, t -> List.of(t.environmentId(), t.id()));
    public static final Kind<Certificate> CERTIFICATE =
            new Kind<>("certificates", Certificate.class, true, c -> List.of(c.environmentId(), c.name()));
    public static final Kind<Host> HOST =
            new Kind<>("hosts", Host.class, true, h -> List.of(h.environmentId(), h.id()));
    public static final Kind<Stack> STACK =
            new Kind<>("stacks", Stack.class, true, s -> List.of(s.environmentId(), s.id()));
    public static final Kind<Service> SERVICE =
            new Kind<>("services", Service.class, true, s -> List.of(s.environmentId(), s.id()));
    public static final Kind<Instance> INSTANCE =
            new Kind<>("instances", Instance.class, true, i -> List.of(i.environmentId(), i.id()));
    public static final Kind<Container> CONTAINER = new Kind<>(
            "containers",
            Container.class,
            true,
            c -> List.of(c.environmentId(), c.hostId(), c.fact().dockerId()));

    private static final List<Kind<?>> ALL = List.of(
            ACCOUNT, ACCESS_TOKEN, ENVIRONMENT, JOIN_TOKEN, CERTIFICATE, HOST, STACK, SERVICE, INSTANCE, CONTAINER);

    private final String prefix;
    private final Class<T> type;
    private final boolean scoped;
    private final Function<T, List<String>> path;

    private Kind(String name, Class<T> type, boolean scoped, Function<T, List<String>> path) {
        this.prefix = name + "/";
        this.type = type;
        this.scoped = scoped;
        this.path = path;
    }

    /** Every kind, in the order in which a reader wants them: what is referred to comes first. */
    public static List<Kind<?>> all() {
        return ALL;
    }

    public Class<T> type() {
        return type;
    }

    /** Key of a record. */
    public String key(T record) {
        return key(path.apply(record).toArray(String[]::new));
    }

    /**
     * Key, or the beginning of keys, from its parts; environment id first for everything that belongs to one.
     *
     * @throws IllegalArgumentException when a part is empty or holds a slash
     */
    public String key(String... parts) {
        for (String part : parts) {
            if (part.isEmpty() || part.indexOf('/') >= 0) {
                throw new IllegalArgumentException("key part: '" + part + "' (expected: no slash, not empty)");
            }
        }
        return prefix + String.join("/", parts);
    }

    String prefix() {
        return prefix;
    }

    /** The environment a key of this kind belongs to; null for accounts and their tokens. */
    @Nullable
    String environmentOf(String key) {
        if (!scoped) {
            return null;
        }
        int end = key.indexOf('/', prefix.length());
        return end < 0 ? key.substring(prefix.length()) : key.substring(prefix.length(), end);
    }

    static @Nullable Kind<?> ofKey(String key) {
        for (Kind<?> kind : ALL) {
            if (key.startsWith(kind.prefix)) {
                return kind;
            }
        }
        return null;
    }

    @Override
    public String toString() {
        return prefix.substring(0, prefix.length() - 1);
    }
}
