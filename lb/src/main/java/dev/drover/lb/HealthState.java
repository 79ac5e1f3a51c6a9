package dev.drover.lb;

/** What checks have found out about a target; pure counting. */
final class HealthState {
    /** As of the last check. */
    enum Verdict {
        /** Not checked yet, and so without work while others are healthy. */
        UNKNOWN,
        HEALTHY,
        UNHEALTHY
    }

    private Verdict verdict = Verdict.UNKNOWN;
    private int inRow;
    private String cause = "";

    Verdict verdict() {
        return verdict;
    }

    /** Why the last failed check failed; empty when the last one was good. */
    String cause() {
        return cause;
    }

    /**
     * Takes a result into account; returns true when the verdict changed.
     *
     * @param failure why the check failed; empty when it was good
     */
    boolean onResult(HealthCheckConfig config, String failure) {
        cause = failure;
        boolean good = failure.isEmpty();
        if (verdict == Verdict.UNKNOWN) {
            verdict = good ? Verdict.HEALTHY : Verdict.UNHEALTHY;
            inRow = 0;
            return true;
        }
        if (good == (verdict == Verdict.HEALTHY)) {
            inRow = 0;
            return false;
        }
        inRow++;
        if (inRow < (good ? config.rise() : config.fall())) {
            return false;
        }
        inRow = 0;
        verdict = good ? Verdict.HEALTHY : Verdict.UNHEALTHY;
        return true;
    }
}
