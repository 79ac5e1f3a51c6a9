package dev.drover.lb;

import java.util.List;

/** A configuration was refused; nothing was changed. */
public final class LbConfigException extends IllegalArgumentException {
    private static final long serialVersionUID = 1;

    private final transient List<String> problems;

    LbConfigException(List<String> problems) {
        super(String.join("; ", problems));
        this.problems = List.copyOf(problems);
    }

    /** Each reason, as {@code key: value (expected: …)} or {@code listener NAME: bind ADDRESS: cause}. */
    public List<String> problems() {
        return problems;
    }
}
