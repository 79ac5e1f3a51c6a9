package dev.drover.overlay;

import dev.drover.dataplane.Snapshot;
import dev.drover.overlay.path.Observer;
import dev.drover.overlay.path.Watch;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * What an overlay sees of the packets it carries: flows by samples, and the capture that is under way. Outlives the
 * endpoints, whose lanes have the observers. Belongs to the overlay's control thread, but for the counters.
 */
final class Lookout {
    /** Flows in the table: a few for each container of a large host. */
    private static final int MAX_FLOWS = 4_096;

    private final Snapshot<Watch> watch = new Snapshot<>(Watch.NONE);
    private final List<Observer> observers;
    private final FlowTable flows = new FlowTable(MAX_FLOWS, System::nanoTime);
    private int flowSampling;
    private @Nullable PacketCapture capture;

    Lookout(int lanes) {
        observers = IntStream.range(0, lanes)
                .mapToObj(lane -> new Observer(lane, watch))
                .toList();
    }

    /** One a lane. */
    List<Observer> observers() {
        return observers;
    }

    /** Samples one frame in this many from now on, 0 for none. */
    void sample(int oneIn) {
        flowSampling = oneIn;
        tellLanes();
    }

    private void tellLanes() {
        PacketCapture running = capture;
        watch.publish(new Watch(flowSampling, running == null ? List.of() : running.rings()));
    }

    /** Takes what the lanes have sampled. */
    void drain() {
        observers.forEach(observer -> observer.flows().drain(flows));
    }

    /** With all that was sampled until now. */
    List<Flow> flows() {
        drain();
        return flows.list();
    }

    /**
     * Begins a capture.
     *
     * @param device name for the file
     * @param onClose is given the capture when somebody closes it, on any thread, and has to {@link #end} it
     * @throws IllegalStateException while there is another one
     */
    PacketCapture begin(PacketCapture.Request request, String device, Consumer<PacketCapture> onClose) {
        if (capture != null) {
            throw new IllegalStateException("capture: another one is under way (expected: one at a time)");
        }
        PacketCapture begun = new PacketCapture(request, device, observers.size(), onClose);
        capture = begun;
        tellLanes();
        return begun;
    }

    /** Lanes look for this capture no longer. */
    @SuppressWarnings("ReferenceEquality") // this one and no other
    void end(PacketCapture ended) {
        if (capture == ended) {
            capture = null;
            tellLanes();
        }
    }

    /** Ends the capture that is under way, when the overlay ends. */
    void close() {
        if (capture != null) {
            capture.close();
        }
    }

    FlowTable table() {
        return flows;
    }

    /** Samples that there was no room for. Any thread. */
    long samplesLost() {
        return observers.stream().mapToLong(observer -> observer.flows().lost()).sum();
    }
}
