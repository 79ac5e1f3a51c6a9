package dev.drover.overlay.path;

import java.util.List;

/**
 * What lanes are to look at beside their work; replaced as a whole.
 *
 * @param flowSampling one frame in this many is sampled, 0 for none
 * @param captures a ring for each lane; empty while nobody captures
 */
public record Watch(int flowSampling, List<CaptureRing> captures) {
    /** Nothing. */
    public static final Watch NONE = new Watch(0, List.of());

    public Watch {
        captures = List.copyOf(captures);
    }
}
