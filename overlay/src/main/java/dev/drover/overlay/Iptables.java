package dev.drover.overlay;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Rules in chains of our own, by the {@code iptables} command, which speaks the dialect (nft or legacy) that the host's
 * other users of it speak. Rules are written in the order in which {@code iptables -S} prints them, so that a rule
 * that is there is found by comparing text. It acts on the namespace of the calling thread.
 */
final class Iptables {
    private static final long TIMEOUT_S = 20;

    /**
     * A chain of ours and where it is called from.
     *
     * @param hook built-in chain that jumps to it
     */
    record Chain(String table, String hook, String name) {}

    /** A command failed, or there is none. */
    static final class IptablesException extends Exception {
        private static final long serialVersionUID = 1L;

        IptablesException(String message, @Nullable Throwable cause) {
            super(message, cause);
        }
    }

    private final String command;

    /** @param command {@code iptables}, by name or path */
    Iptables(String command) {
        this.command = command;
    }

    /** Makes the rules that name the bridge exactly {@code rules}, and the chain with its jump when absent. */
    void ensure(Chain chain, String bridge, List<String> rules) throws IptablesException {
        List<String> lines = list(chain);
        if (!lines.contains("-N " + chain.name())) {
            run(chain.table(), "-N", chain.name());
        }
        sync(chain, bridge, lines, rules);
        if (!lines.contains(jump(chain))) {
            run(chain.table(), "-I", chain.hook(), "1", "-j", chain.name());
        }
    }

    /** Takes away the rules that name the bridge, and the chain with its jump when nothing is left in it. */
    void remove(Chain chain, String bridge) throws IptablesException {
        sync(chain, bridge, list(chain), List.of());
        List<String> left = list(chain);
        if (!left.contains("-N " + chain.name()) || left.stream().anyMatch(line -> line.startsWith(prefix(chain)))) {
            return;
        }
        for (int jumps = Collections.frequency(left, jump(chain)); jumps > 0; jumps--) {
            run(chain.table(), "-D", chain.hook(), "-j", chain.name());
        }
        run(chain.table(), "-X", chain.name());
    }

    private void sync(Chain chain, String bridge, List<String> lines, List<String> wanted) throws IptablesException {
        List<String> present = lines.stream()
                .filter(line -> line.startsWith(prefix(chain)))
                .map(line -> line.substring(prefix(chain).length()))
                .filter(rule -> List.of(rule.split(" ")).contains(bridge))
                .toList();
        for (String rule : wanted) {
            if (!present.contains(rule)) {
                change(chain, "-A", rule);
            }
        }
        for (String rule : present) {
            if (!wanted.contains(rule)) {
                change(chain, "-D", rule);
            }
        }
    }

    private void change(Chain chain, String verb, String rule) throws IptablesException {
        List<String> arguments = new ArrayList<>(List.of(verb, chain.name()));
        arguments.addAll(List.of(rule.split(" ")));
        run(chain.table(), arguments.toArray(String[]::new));
    }

    /** The whole table, as commands that would make it. */
    private List<String> list(Chain chain) throws IptablesException {
        return run(chain.table(), "-S").lines().toList();
    }

    private static String prefix(Chain chain) {
        return "-A " + chain.name() + " ";
    }

    private static String jump(Chain chain) {
        return "-A " + chain.hook() + " -j " + chain.name();
    }

    private String run(String table, String... arguments) throws IptablesException {
        List<String> line = new ArrayList<>(List.of(command, "-w", "-t", table));
        line.addAll(List.of(arguments));
        String text = String.join(" ", line);
        try {
            Process process = new ProcessBuilder(line).redirectErrorStream(true).start();
            process.getOutputStream().close();
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            if (!process.waitFor(TIMEOUT_S, TimeUnit.SECONDS)) {
                process.destroyForcibly();
                throw new IptablesException(text + ": no end after " + TIMEOUT_S + " s", null);
            }
            if (process.exitValue() != 0) {
                throw new IptablesException(text + ": " + output.strip(), null);
            }
            return output;
        } catch (IOException e) {
            throw new IptablesException(text + ": " + e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IptablesException(text + ": interrupted", e);
        }
    }
}
