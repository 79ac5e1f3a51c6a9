package dev.drover.lb.path;

import io.netty.handler.ssl.SslContext;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The certificates of a listener at one moment, and which of them a server name gets (RFC 6066 section 3). */
public final class Certificates {
    /** ALPN (RFC 7301). */
    public static final String HTTP_2 = "h2";

    public static final String HTTP_1_1 = "http/1.1";

    private final List<Entry> entries;
    private final @Nullable Entry fallback;
    private final Map<String, Entry> exact = new HashMap<>();
    /** By what follows the asterisk and its dot. */
    private final Map<String, Entry> wildcard = new HashMap<>();

    /**
     * One certificate, ready to serve.
     *
     * @param policy what a session must have been made under to be resumed
     * @param names lower case, {@code *.} in front of some
     * @param endsMs time of the epoch at which it ends
     * @param staple shown with it; null when nothing ever is
     */
    @SuppressWarnings("ArrayRecordComponent") // compared by identity only
    public record Entry(
            SslContext context,
            byte[] policy,
            List<String> names,
            long endsMs,
            @Nullable Staple staple) {
        public Entry {
            names = List.copyOf(names);
        }
    }

    /**
     * @param entries where two have a name, the first gets it
     * @param fallback for names that none has; null refuses them
     */
    public Certificates(List<Entry> entries, @Nullable Entry fallback) {
        this.entries = List.copyOf(entries);
        this.fallback = fallback;
        for (Entry entry : entries) {
            for (String name : entry.names()) {
                if (name.startsWith("*.")) {
                    wildcard.putIfAbsent(name.substring(2), entry);
                } else {
                    exact.putIfAbsent(name, entry);
                }
            }
        }
    }

    public List<Entry> entries() {
        return entries;
    }

    /**
     * The certificate to show, or null when there is none for that client.
     *
     * @param serverName lower case; null when the client named none
     */
    @Nullable
    Entry of(@Nullable String serverName) {
        Entry named = serverName == null ? null : named(serverName);
        return named == null ? fallback : named;
    }

    /** The certificate with that name (RFC 9525 section 6.3: an asterisk stands for one label), or null. */
    public @Nullable Entry named(String name) {
        Entry entry = exact.get(name);
        if (entry != null) {
            return entry;
        }
        int dot = name.indexOf('.');
        return dot < 0 ? null : wildcard.get(name.substring(dot + 1));
    }

    /** Whether a request for {@code host} came by a connection that shows another host's certificate. */
    @SuppressWarnings("ReferenceEquality") // entries are what they are
    boolean misdirected(Entry shown, String host) {
        Entry wanted = named(host);
        return wanted != null
                && wanted != shown
                && !shown.names().contains(host)
                && !shown.names().contains("*" + host.substring(Math.max(0, host.indexOf('.'))));
    }

    /** Whether requests can be misdirected at all. */
    boolean several() {
        return entries.size() > 1;
    }
}
